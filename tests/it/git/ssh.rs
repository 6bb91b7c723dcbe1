//! Following a repository over SSH, from a real sshd.

use super::{
    fixture::Fixture,
    serving::{SshServer, said_by},
    source::{newest, texts},
};
use orderly::{
    adapters::git::{Credentials, GitOptions, GitSource},
    ports::source::Source as _,
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A repository with one commit, and a server for it.
struct Scene {
    fixture: Fixture,
    folder: tempfile::TempDir,
    server: SshServer,
}

impl Scene {
    /// Nothing, told loudly, where there is no sshd.
    #[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
    fn new() -> Option<Self> {
        let fixture = Fixture::new();
        fixture.commit(&[("a.yaml", Some("a: 1"))]);
        let folder = tempfile::tempdir().unwrap();
        match SshServer::start(folder.path()) {
            Ok(server) => Some(Self {
                fixture,
                folder,
                server,
            }),
            Err(reason) => {
                eprintln!("SKIPPED: ssh is not tested: {reason}");
                None
            }
        }
    }

    fn url(&self) -> String {
        let (user, port) = (&self.server.user, self.server.port);
        format!(
            "ssh://{user}@127.0.0.1:{port}{}",
            self.fixture.path().display()
        )
    }

    fn known_hosts(&self) -> PathBuf {
        self.folder.path().join("known_hosts")
    }

    fn known_line(&self) -> String {
        let key = self.server.host_key.split_whitespace().nth(1).unwrap();
        format!("[127.0.0.1]:{} ssh-ed25519 {key}", self.server.port)
    }

    fn source(&self, url: &str, key: &Path) -> GitSource {
        let credentials = Credentials::SshKey {
            key: key.to_owned(),
            passphrase: None,
            known_hosts: self.known_hosts(),
        };
        let options = self.fixture.options(url);
        GitSource::new(GitOptions {
            credentials,
            ..options
        })
        .unwrap()
    }

    async fn refusal(&self, key: &Path) -> String {
        let source = self.source(&self.url(), key);
        source.fetch(None).await.unwrap_err().to_string()
    }
}

#[tokio::test]
async fn an_unknown_or_changed_host_is_refused_with_the_line_to_add() {
    let Some(scene) = Scene::new() else { return };
    let error = scene.refusal(&scene.server.key).await;
    let line = error.split("add this line: ").nth(1);
    assert_eq!(line, Some(scene.known_line().as_str()), "{error}");

    let mut other = scene.known_line();
    other.truncate(other.len() - 8);
    fs::write(scene.known_hosts(), format!("{other}AAAAAAAA")).unwrap();
    let error = scene.refusal(&scene.server.key).await;
    assert!(
        error.contains("known_hosts:1") && error.contains("in between"),
        "{error}"
    );
}

#[tokio::test]
async fn a_known_host_is_followed_with_a_key() {
    let Some(scene) = Scene::new() else { return };
    fs::write(scene.known_hosts(), scene.known_line()).unwrap();
    let source = scene.source(&scene.url(), &scene.server.key);
    let tree = newest(&source).await;
    assert_eq!(texts(&source, &tree).await, ["a: 1"]);
    let next = scene.fixture.commit(&[("a.yaml", Some("a: 2"))]);
    let tree = source
        .fetch(Some(&tree.revision.id))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(tree.revision.id, next);
    assert_eq!(source.fetch(Some(&next)).await.unwrap(), None);
}

#[tokio::test]
async fn a_path_without_a_leading_slash_is_relative_to_the_users_home() {
    let Some(scene) = Scene::new() else { return };
    fs::write(scene.known_hosts(), scene.known_line()).unwrap();
    let home = said_by("sh", &["-c", "cd; pwd"]);
    let folders = home.split('/').filter(|part| !part.is_empty());
    let up = "../".repeat(folders.count());
    let path = scene.fixture.path();
    let relative = path.to_str().unwrap().trim_start_matches('/');
    let (user, port) = (&scene.server.user, scene.server.port);
    let url = format!("[{user}@127.0.0.1:{port}]:{up}{relative}");
    let source = scene.source(&url, &scene.server.key);
    assert_eq!(newest(&source).await.files.len(), 1);
}

#[tokio::test]
async fn a_key_that_is_not_accepted_or_not_there_is_told() {
    let Some(scene) = Scene::new() else { return };
    fs::write(scene.known_hosts(), scene.known_line()).unwrap();
    let error = scene.refusal(&scene.folder.path().join("host")).await;
    assert!(error.contains("does not accept the credentials"), "{error}");
    let error = scene.refusal(&scene.folder.path().join("none")).await;
    assert!(error.contains("none cannot be read"), "{error}");
}
