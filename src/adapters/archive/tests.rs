use super::{Artifacts, Keys, Stores};
use crate::{
    adapters::{clock::SystemClock, secrets::ConfiguredSecrets},
    domain::{
        artifact::Location,
        digest::Digest,
        id::RunId,
        name::{ArtifactName, RunbookName},
    },
    ports::archive::{Archive as _, ArchiveError, Encrypt, Expected, Form, Label, Stored},
};
use jiff::Timestamp;
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    sync::Arc,
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

struct Here {
    folder: TempDir,
    archive: Artifacts,
}

impl Here {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let archive = open(&state);
        fs::create_dir(folder.path().join("data")).unwrap();
        Self { folder, archive }
    }
    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
    fn write(&self, path: &str, content: &[u8]) {
        let path = self.data().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    async fn files(&self, paths: &[PathBuf], exclude: &[&str]) -> Result<Stored, ArchiveError> {
        let exclude: Vec<String> = exclude.iter().map(ToString::to_string).collect();
        let stop = CancellationToken::new();
        self.archive.files(&label(), paths, &exclude, stop).await
    }
    async fn all(&self) -> Result<Stored, ArchiveError> {
        self.files(&[self.data()], &[]).await
    }
    /// What is left in the folder of artifacts and in the scratch folder.
    fn left(&self) -> usize {
        let state = self.folder.path().join("state");
        let count = |folder: PathBuf| fs::read_dir(folder).map_or(0, Iterator::count);
        count(state.join("artifacts/nightly")) + count(state.join("scratch/archive"))
    }
}

/// A store on disk without keys.
pub(super) fn open(state: &Path) -> Artifacts {
    let secrets = Arc::new(ConfiguredSecrets::default());
    let keys = Keys::new(&[], None, secrets.clone()).unwrap();
    Artifacts::open(
        state,
        Arc::new(SystemClock::new()),
        secrets,
        keys,
        Stores::default(),
    )
    .unwrap()
}
fn path(stored: &Stored) -> &Path {
    stored.location.path().unwrap()
}
fn label() -> Label {
    Label {
        name: ArtifactName::new("data").unwrap(),
        runbook: RunbookName::new("nightly").unwrap(),
        revision: "9fceb02d0ae598e95dc970b74767f19372d61af8".into(),
        run: RunId::new(Timestamp::UNIX_EPOCH, [1; 10]),
        store: None,
        encrypt: Encrypt::AsConfigured,
    }
}
fn members(stored: &Stored, root: &Path) -> Vec<String> {
    let bytes = zstd::decode_all(fs::File::open(path(stored)).unwrap()).unwrap();
    let mut archive = tar::Archive::new(bytes.as_slice());
    let root = root.strip_prefix("/").unwrap();
    let name = |entry: tar::Entry<'_, &[u8]>| {
        let path = entry.path().unwrap().into_owned();
        let path = path.strip_prefix(root).unwrap().display().to_string();
        match entry.link_name().unwrap() {
            Some(target) => format!("{path} -> {}", target.display()),
            None => path,
        }
    };
    archive
        .entries()
        .unwrap()
        .map(|entry| name(entry.unwrap()))
        .collect()
}
fn expected(stored: &Stored) -> Expected {
    Expected {
        sha256: Some(stored.sha256),
        raw_size: Some(stored.raw_size),
    }
}
async fn inspect(
    here: &Here,
    path: &Path,
    expected: Expected,
) -> Result<BTreeMap<String, u64>, ArchiveError> {
    let stop = CancellationToken::new();
    let location = Location::File(path.to_owned());
    let found = here
        .archive
        .inspect(Form::Files, &location, expected, stop)
        .await?;
    Ok(found.content)
}

#[tokio::test]
async fn a_tree_is_kept_and_restored_whole() {
    let here = Here::new();
    here.write("a/one", b"hello");
    here.write("b", &vec![7; 300_000]);
    here.write("empty", b"");
    here.write(&format!("{}/deep", "long-name/".repeat(20)), b"x");
    symlink("/etc/shadow", here.data().join("link")).unwrap();
    let stored = here.all().await.unwrap();
    let bytes = fs::read(path(&stored)).unwrap();
    assert_eq!(stored.sha256, Digest::of_bytes(&bytes));
    assert_eq!(stored.size, bytes.len() as u64);
    let members = members(&stored, &here.data());
    assert_eq!(stored.entries, members.len() as u64);
    for member in ["a", "a/one", "b", "empty", "link -> /etc/shadow"] {
        assert!(
            members.iter().any(|name| name == member),
            "{member} {members:?}"
        );
    }
    let stop = CancellationToken::new();
    let found = here
        .archive
        .inspect(Form::Files, &stored.location, expected(&stored), stop)
        .await
        .unwrap();
    assert_eq!(found.entries, stored.entries);
    assert_eq!(found.content["bytes"], 300_006);
    assert_eq!(found.content["links"], 1);
    assert_eq!(here.left(), 1, "only the artifact is left");
}

#[tokio::test]
async fn what_is_excluded_is_not_looked_into() {
    let here = Here::new();
    here.write("keep", b"1");
    here.write("cache/big", b"1");
    here.write("sub/x.tmp", b"1");
    let stored = here
        .files(&[here.data()], &["cache", "*.tmp"])
        .await
        .unwrap();
    assert_eq!(members(&stored, &here.data()), ["", "keep", "sub"]);
}

#[tokio::test]
async fn paths_inside_each_other_are_kept_once() {
    let here = Here::new();
    here.write("a/b", b"1");
    let paths = [here.data().join("a/b"), here.data(), here.data().join("a")];
    let stored = here.files(&paths, &[]).await.unwrap();
    assert_eq!(members(&stored, &here.data()), ["", "a", "a/b"]);
}

#[tokio::test]
async fn pipes_and_sockets_are_skipped_with_a_note() {
    let here = Here::new();
    here.write("file", b"1");
    let pipe = here.data().join("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(here.data().join("socket")).unwrap();
    let stored = here.all().await.unwrap();
    assert_eq!(stored.entries, 2);
    assert_eq!(stored.skipped.len(), 2, "{:?}", stored.skipped);
}

#[tokio::test]
async fn a_path_that_is_missing_or_a_link_fails_the_whole_backup() {
    let here = Here::new();
    here.write("file", b"1");
    symlink("file", here.data().join("link")).unwrap();
    let paths = ["not-there", "link", "file"].map(|name| here.data().join(name));
    let error = here.files(&paths, &[]).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("2 of the files cannot be read"), "{text}");
    assert!(text.contains("not-there: No such file"), "{text}");
    assert!(text.contains("is a symbolic link"), "{text}");
    assert_eq!(here.left(), 0);
}

#[tokio::test]
async fn a_backup_of_nothing_is_a_failure() {
    let here = Here::new();
    let error = here.files(&[here.data()], &["data"]).await.unwrap_err();
    assert!(error.to_string().contains("would be empty"), "{error}");
    assert_eq!(here.left(), 0);
}

#[tokio::test]
async fn the_agents_own_artifacts_are_not_backed_up_into_themselves() {
    let here = Here::new();
    here.write("file", b"1");
    here.all().await.unwrap();
    let stored = here
        .files(&[here.folder.path().to_owned()], &[])
        .await
        .unwrap();
    assert_eq!(stored.skipped.len(), 2, "{:?}", stored.skipped);
    let names = members(&stored, here.folder.path());
    assert!(
        !names.iter().any(|name| name.contains("artifacts/")),
        "{names:?}"
    );
}

#[tokio::test]
async fn a_stop_leaves_nothing_behind() {
    let here = Here::new();
    here.write("file", b"1");
    let stop = CancellationToken::new();
    stop.cancel();
    let paths = [here.data()];
    let error = here
        .archive
        .files(&label(), &paths, &[], stop.clone())
        .await
        .unwrap_err();
    assert!(matches!(error, ArchiveError::Stopped(_)), "{error:?}");
    assert_eq!(here.left(), 0);
    let stored = here.all().await.unwrap();
    let error = here
        .archive
        .inspect(Form::Files, &stored.location, Expected::default(), stop)
        .await
        .unwrap_err();
    assert!(matches!(error, ArchiveError::Stopped(_)), "{error:?}");
    assert_eq!(here.left(), 1);
}

#[tokio::test]
async fn another_file_than_the_recorded_one_is_damage() {
    let here = Here::new();
    here.write("file", b"1");
    let stored = here.all().await.unwrap();
    fs::set_permissions(path(&stored), fs::Permissions::from_mode(0o600)).unwrap();
    let mut bytes = fs::read(path(&stored)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path(&stored), bytes).unwrap();
    let error = inspect(&here, path(&stored), expected(&stored))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("was recorded"), "{error}");
    let error = inspect(&here, path(&stored), Expected::default())
        .await
        .unwrap_err();
    assert!(matches!(error, ArchiveError::Damaged { .. }), "{error:?}");
}

#[tokio::test]
async fn much_more_than_recorded_is_refused() {
    let here = Here::new();
    here.write("zeros", &vec![0; 5_000_000]);
    let stored = here.all().await.unwrap();
    let lied = Expected {
        raw_size: Some(1000),
        ..expected(&stored)
    };
    let error = inspect(&here, path(&stored), lied).await.unwrap_err();
    assert!(
        error.to_string().contains("far more than was recorded"),
        "{error}"
    );
}

#[tokio::test]
async fn what_a_dead_agent_left_is_removed_at_start() {
    let here = Here::new();
    here.write("file", b"1");
    let stored = here.all().await.unwrap();
    let state = here.folder.path().join("state");
    let half = state.join("artifacts/nightly/.x-1.tar.zst.partial");
    fs::write(&half, b"half").unwrap();
    fs::create_dir_all(state.join("scratch/archive/0/deep")).unwrap();
    open(&state);
    assert!(!half.exists());
    assert!(path(&stored).exists());
    assert_eq!(here.left(), 1);
}

#[tokio::test]
async fn a_relative_path_is_taken_from_the_state_folder() {
    let here = Here::new();
    let state = here.folder.path().join("state");
    assert_eq!(here.archive.absolute(Path::new("./x")), state.join("x"));
    assert_eq!(here.archive.absolute(Path::new("/x/y")), Path::new("/x/y"));
}

#[tokio::test]
async fn an_artifact_is_found_below_a_state_folder_that_was_moved() {
    let here = Here::new();
    here.write("file", b"1");
    let stored = here.all().await.unwrap();
    let (state, moved) = (
        here.folder.path().join("state"),
        here.folder.path().join("moved"),
    );
    fs::rename(&state, &moved).unwrap();
    let archive = open(&moved);
    let size = archive.size(&stored.location).await.unwrap();
    assert_eq!(size, Some(stored.size));
    assert!(archive.remove(&stored.location).await.unwrap());
    assert_eq!(archive.size(&stored.location).await.unwrap(), None);
    assert!(!archive.remove(&stored.location).await.unwrap());
    // What only has the name of one, anywhere else, is none.
    let other = here.folder.path().join("artifacts/nightly/x");
    fs::create_dir_all(other.parent().unwrap()).unwrap();
    fs::write(&other, b"x").unwrap();
    let refused = archive.remove(&Location::File(other.clone())).await;
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("is no artifact of this agent")
    );
    assert!(other.exists());
}
