//! What the adapter gives, and how it fails.

use super::{
    fixture::{Fixture, runbook},
    serving::{HttpServer, Manner, said_by, test_apart},
};
use crate::servers;
use orderly::{
    adapters::git::{Credentials, GitOptions, GitSource, Reference},
    domain::{secret::SecretValue, span::Span},
    ports::source::{Source as _, SourceError, Tree},
};
use std::{fs, sync::atomic::Ordering, time::Duration};

pub(super) fn paths(tree: &Tree) -> Vec<&str> {
    tree.files.iter().map(|file| file.path.as_str()).collect()
}

pub(super) async fn newest(source: &GitSource) -> Tree {
    source.fetch(None).await.unwrap().unwrap()
}

pub(super) async fn texts(source: &GitSource, tree: &Tree) -> Vec<String> {
    let blobs: Vec<_> = tree.files.iter().map(|file| file.blob.clone()).collect();
    let bytes = source.read(&blobs).await.unwrap();
    bytes
        .into_iter()
        .map(|bytes| String::from_utf8(bytes).unwrap())
        .collect()
}

#[tokio::test]
async fn a_commit_is_listed_and_read_and_then_unchanged() {
    let fixture = Fixture::new();
    let id = fixture.commit(&[
        ("a.yaml", Some("a: 1")),
        ("d/b.yml", Some("b: 1")),
        ("c.md", Some("c")),
    ]);
    let source = fixture.source();
    let tree = newest(&source).await;
    assert_eq!(tree.revision.id, id);
    assert_eq!(tree.revision.author, "Ada <ada@example.org>");
    assert_eq!(tree.revision.summary, "change runbooks");
    assert_eq!(tree.revision.at.as_second(), 1_800_000_000);
    assert_eq!(paths(&tree), ["a.yaml", "d/b.yml"]);
    assert_eq!(texts(&source, &tree).await, ["a: 1", "b: 1"]);
    assert_eq!(source.fetch(Some(&id)).await.unwrap(), None);

    let next = fixture.commit(&[("a.yaml", Some("a: 2"))]);
    let changed = source.fetch(Some(&id)).await.unwrap().unwrap();
    assert_eq!(changed.revision.id, next);
    assert_eq!(changed.files[1], tree.files[1]);
    assert_ne!(changed.files[0].blob, tree.files[0].blob);
}

#[tokio::test]
async fn only_the_followed_folder_is_listed() {
    let fixture = Fixture::new();
    fixture.commit(&[
        ("ops/runbooks/a.yaml", Some("a: 1")),
        ("b.yaml", Some("b: 1")),
    ]);
    let url = fixture.path().to_str().unwrap().to_owned();
    let options = GitOptions {
        path: "ops/runbooks/".into(),
        ..fixture.options(&url)
    };
    let source = GitSource::new(options).unwrap();
    assert_eq!(paths(&newest(&source).await), ["a.yaml"]);
    assert_eq!(
        source.describe(),
        format!("{url}, branch main, path ops/runbooks")
    );

    let options = GitOptions {
        path: "ops/runbook".into(),
        ..fixture.options(&url)
    };
    let missing = GitSource::new(options)
        .unwrap()
        .fetch(None)
        .await
        .unwrap_err();
    assert!(
        matches!(&missing, SourceError::Missing { what, .. } if what == "folder `ops/runbook`"),
        "{missing}"
    );
}

#[tokio::test]
async fn a_force_push_is_just_the_newest_revision() {
    let fixture = Fixture::new();
    let before = fixture.commit(&[("a.yaml", Some("a: 1"))]);
    let server = HttpServer::start(fixture.folder.path());
    for url in [fixture.path().to_str().unwrap().to_owned(), server.url()] {
        let source = GitSource::new(fixture.options(url)).unwrap();
        newest(&source).await;
        let forced = fixture.force(&[("b.yaml", "b: 1")]);
        let tree = source.fetch(Some(&before)).await.unwrap().unwrap();
        assert_eq!(
            (tree.revision.id.as_str(), paths(&tree)),
            (forced.as_str(), vec!["b.yaml"])
        );
        fixture.force(&[("a.yaml", "a: 1")]);
    }
}

#[tokio::test]
async fn tags_and_head_are_followed_to_their_commits() {
    let fixture = Fixture::new();
    let id = fixture.commit(&[("a.yaml", Some("a: 1"))]);
    let target = fixture.head().unwrap();
    let who = target.author();
    fixture
        .repository
        .tag("v1", target.as_object(), &who, "first", false)
        .unwrap();
    fixture
        .repository
        .tag_lightweight("v1-light", target.as_object(), false)
        .unwrap();
    fixture.commit(&[("a.yaml", Some("a: 2"))]);
    let head = fixture.head().unwrap().id().to_string();
    let server = HttpServer::start(fixture.folder.path());
    for url in [fixture.path().to_str().unwrap().to_owned(), server.url()] {
        for (reference, wanted) in [
            (Reference::Tag("v1".into()), &id),
            (Reference::Tag("v1-light".into()), &id),
            (Reference::Head, &head),
        ] {
            let options = GitOptions {
                reference,
                ..fixture.options(&url)
            };
            let source = GitSource::new(options).unwrap();
            assert_eq!(
                newest(&source).await.revision.id,
                *wanted,
                "{}",
                source.describe()
            );
            assert_eq!(source.fetch(Some(wanted)).await.unwrap(), None);
        }
    }
}

#[tokio::test]
async fn a_wrong_branch_names_the_nearest_and_an_empty_repository_says_so() {
    let fixture = Fixture::new();
    let server = HttpServer::start(fixture.folder.path());
    let source = |url: String, branch: &str| {
        let reference = Reference::Branch(branch.into());
        GitSource::new(GitOptions {
            reference,
            ..fixture.options(url)
        })
        .unwrap()
    };
    let urls = [fixture.path().to_str().unwrap().to_owned(), server.url()];
    for url in urls.clone() {
        let error = source(url, "main")
            .fetch(None)
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("has no branch `main`\nhint: there is no branch at all"),
            "{error}"
        );
    }
    fixture.commit(&[("a.yaml", Some("a: 1"))]);
    for url in urls {
        let error = source(url, "mian")
            .fetch(None)
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.ends_with("has no branch `mian`\nhint: it has: main"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn links_and_submodules_are_refused_and_never_followed() {
    let fixture = Fixture::new();
    let secret = fixture.folder.path().join("secret.yaml");
    fs::write(&secret, "a: 1").unwrap();
    let target = fixture.blob(secret.to_str().unwrap());
    let good = fixture.blob("a: 1");
    let commit = fixture.commit(&[("x.md", Some("x"))]);
    fixture.commit_entries(&[
        ("good.yaml", Some((0o100_644, good))),
        ("link.yaml", Some((0o120_000, target))),
        ("module", Some((0o160_000, commit.parse().unwrap()))),
    ]);
    let tree = newest(&fixture.source()).await;
    assert_eq!(paths(&tree), ["good.yaml"]);
    let refused: Vec<_> = tree
        .refused
        .iter()
        .map(|refused| refused.path.as_str())
        .collect();
    assert_eq!(refused, ["link.yaml", "module"]);
}

#[tokio::test]
async fn a_source_that_vanishes_is_unreachable_and_comes_back() {
    let fixture = Fixture::new();
    let id = fixture.commit(&[("a.yaml", Some("a: 1"))]);
    let source = fixture.source();
    newest(&source).await;
    let away = fixture.folder.path().join("away.git");
    fs::rename(fixture.path(), &away).unwrap();
    let error = source.fetch(Some(&id)).await.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error}");
    fs::rename(away, fixture.path()).unwrap();
    assert_eq!(source.fetch(Some(&id)).await.unwrap(), None);
}

#[tokio::test]
async fn a_folder_inside_a_repository_is_told_from_the_repository() {
    let folder = tempfile::tempdir().unwrap();
    git2::Repository::init(folder.path()).unwrap();
    let inside = folder.path().join("runbooks");
    fs::create_dir(&inside).unwrap();
    let source = GitSource::new(GitOptions::new(inside.to_str().unwrap(), folder.path())).unwrap();
    let error = source.fetch(None).await.unwrap_err().to_string();
    let hint = format!(
        "hint: name the repository's own folder {}",
        folder.path().canonicalize().unwrap().display()
    );
    assert!(error.contains(&hint), "{error}");
}

#[tokio::test]
async fn a_shallow_clone_can_be_followed_and_its_working_tree_does_not_matter() {
    let fixture = Fixture::new();
    fixture.commit(&[("a.yaml", Some("a: 1"))]);
    let id = fixture.commit(&[("a.yaml", Some("a: 2"))]);
    let clone = fixture.folder.path().join("clone");
    let from = format!("file://{}", fixture.path().display());
    said_by(
        "git",
        &[
            "clone",
            "-q",
            "--depth",
            "1",
            &from,
            clone.to_str().unwrap(),
        ],
    );
    fs::write(clone.join("a.yaml"), "a: not committed").unwrap();
    let options = GitOptions {
        reference: Reference::Head,
        ..fixture.options(clone.to_str().unwrap())
    };
    let source = GitSource::new(options).unwrap();
    let tree = newest(&source).await;
    assert_eq!(tree.revision.id, id);
    assert_eq!(texts(&source, &tree).await, ["a: 2"]);
}

#[tokio::test]
async fn a_half_written_repository_fails_this_fetch_and_not_the_next() {
    let fixture = Fixture::new();
    let id = fixture.commit(&[("a.yaml", Some("a: 1"))]);
    let source = fixture.source();
    newest(&source).await;
    let next = fixture.commit(&[("a.yaml", Some("a: 2"))]);
    let object = fixture
        .path()
        .join("objects")
        .join(&next[..2])
        .join(&next[2..]);
    let whole = fs::read(&object).unwrap();
    fs::remove_file(&object).unwrap();
    fs::write(&object, &whole[..whole.len() / 2]).unwrap();
    let error = source.fetch(Some(&id)).await.unwrap_err();
    assert!(matches!(error, SourceError::Unusable { .. }), "{error}");
    fs::write(&object, whole).unwrap();
    assert_eq!(
        source.fetch(Some(&id)).await.unwrap().unwrap().revision.id,
        next
    );
}

#[tokio::test]
async fn over_http_only_one_commit_deep_is_fetched_again_and_again() {
    let fixture = Fixture::new();
    for number in 0..5 {
        fixture.commit(&[("a.yaml", Some(&runbook("a", &number.to_string())))]);
    }
    let server = HttpServer::start(fixture.folder.path());
    let source = GitSource::new(fixture.options(server.url())).unwrap();
    let mut tree = newest(&source).await;
    let copy = git2::Repository::open_bare(fixture.state().join("source.git")).unwrap();
    assert!(copy.is_shallow());
    for number in 5..10 {
        let id = fixture.commit(&[
            ("a.yaml", Some(&runbook("a", &number.to_string()))),
            (&format!("{number}.yaml"), Some("a: 1")),
        ]);
        let known = tree.revision.id.clone();
        tree = source.fetch(Some(&known)).await.unwrap().unwrap();
        assert_eq!(tree.revision.id, id);
        assert_eq!(
            texts(&source, &tree).await.last(),
            Some(&runbook("a", &number.to_string()))
        );
    }
    let before = server.requests.load(Ordering::Relaxed);
    assert_eq!(source.fetch(Some(&tree.revision.id)).await.unwrap(), None);
    assert_eq!(server.requests.load(Ordering::Relaxed), before + 1);
}

#[tokio::test]
async fn the_copy_is_made_anew_when_it_is_corrupt_or_lost() {
    let fixture = Fixture::new();
    fixture.commit(&[("a.yaml", Some("a: 1"))]);
    let server = HttpServer::start(fixture.folder.path());
    let source = GitSource::new(fixture.options(server.url())).unwrap();
    let tree = newest(&source).await;
    let copy = fixture.state().join("source.git");
    let packs = copy.join("objects/pack");
    for file in fs::read_dir(&packs).unwrap().flatten() {
        let path = file.path();
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        #[expect(
            clippy::permissions_set_readonly_false,
            reason = "a folder of this test"
        )]
        permissions.set_readonly(false);
        fs::set_permissions(&path, permissions).unwrap();
        fs::write(&path, "garbage").unwrap();
    }
    let blobs: Vec<_> = tree.files.iter().map(|file| file.blob.clone()).collect();
    assert!(source.read(&blobs).await.is_err());
    assert_eq!(newest(&source).await, tree);
    assert_eq!(texts(&source, &tree).await, ["a: 1"]);

    fs::write(copy.join("shallow"), "garbage").unwrap();
    fixture.commit(&[("a.yaml", Some("a: 2"))]);
    let _may_fail_once = source.fetch(None).await;
    let tree = newest(&source).await;
    assert_eq!(texts(&source, &tree).await, ["a: 2"]);

    fs::remove_dir_all(&copy).unwrap();
    assert!(source.read(&blobs).await.is_err());
    assert_eq!(newest(&source).await, tree);
}

#[tokio::test]
async fn a_token_opens_an_http_repository_and_is_never_shown() {
    let fixture = Fixture::new();
    fixture.commit(&[("a.yaml", Some("a: 1"))]);
    let server = HttpServer::start(fixture.folder.path());
    server.behave(Manner::Ask("agent".into(), "hunter2".into()));
    let source = |credentials| {
        GitSource::new(GitOptions {
            credentials,
            ..fixture.options(server.url())
        })
        .unwrap()
    };
    let token = |token: &str| Credentials::Token {
        user: "agent".into(),
        token: SecretValue::new(token.into()),
    };
    assert_eq!(paths(&newest(&source(token("hunter2"))).await), ["a.yaml"]);
    let error = source(token("hunter3"))
        .fetch(None)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("does not accept the credentials\nhint:") && !error.contains("hunter3"),
        "{error}"
    );
    let error = source(Credentials::None)
        .fetch(None)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("asks for credentials\nhint:"), "{error}");
    assert!(!format!("{:?}", source(token("hunter2"))).contains("hunter2"));
}

#[tokio::test]
async fn a_truncated_fetch_fails_and_leaves_the_next_one_alone() {
    let fixture = Fixture::new();
    let id = fixture.commit(&[("a.yaml", Some("a: 1"))]);
    let server = HttpServer::start(fixture.folder.path());
    let source = GitSource::new(fixture.options(server.url())).unwrap();
    newest(&source).await;
    fixture.commit(&[("a.yaml", Some(&"a: 2 ".repeat(2000)))]);
    for bytes in [0, 50, 150, 200, 260] {
        server.behave(Manner::Cut(bytes));
        let error = source.fetch(Some(&id)).await.unwrap_err();
        assert!(
            matches!(error, SourceError::Unreachable { .. }),
            "{bytes}: {error}"
        );
    }
    server.behave(Manner::Serve);
    let tree = source.fetch(Some(&id)).await.unwrap().unwrap();
    assert_eq!(texts(&source, &tree).await, ["a: 2 ".repeat(2000)]);
}

#[tokio::test]
async fn a_silent_server_ends_at_the_deadline_every_time() {
    let fixture = Fixture::new();
    fixture.commit(&[("a.yaml", Some("a: 1"))]);
    let server = HttpServer::start(fixture.folder.path());
    server.behave(Manner::Silent);
    let options = GitOptions {
        deadline: Span::from_millis(300),
        ..fixture.options(server.url())
    };
    let source = GitSource::new(options).unwrap();
    for _ in 0..3 {
        let error = source.fetch(None).await.unwrap_err().to_string();
        assert!(error.contains("did not finish within 300ms"), "{error}");
    }
    // The thread that waited has come back, so the source answers again.
    server.behave(Manner::Serve);
    let mut answered = source.fetch(None).await;
    for _ in 0..20 {
        if answered.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        answered = source.fetch(None).await;
    }
    assert!(answered.unwrap().is_some());
}

#[tokio::test]
async fn a_closed_port_and_a_redirect_elsewhere_say_what_happened() {
    let fixture = Fixture::new();
    fixture.commit(&[("a.yaml", Some("a: 1"))]);
    let server = HttpServer::start(fixture.folder.path());
    let elsewhere = HttpServer::start(fixture.folder.path());
    server.behave(Manner::Redirect(format!(
        "http://127.0.0.1:{}",
        elsewhere.port
    )));
    let source = GitSource::new(fixture.options(server.url())).unwrap();
    let error = source.fetch(None).await.unwrap_err().to_string();
    assert!(error.contains("redirects to `http://127.0.0.1:"), "{error}");
    assert_eq!(elsewhere.requests.load(Ordering::Relaxed), 0);

    let source = GitSource::new(fixture.options("http://127.0.0.1:1/a")).unwrap();
    let error = source.fetch(None).await.unwrap_err().to_string();
    assert!(
        error.contains("connecting to 127.0.0.1:1: Connection refused"),
        "{error}"
    );
    let source = GitSource::new(fixture.options("https://127.0.0.1:1/a")).unwrap();
    let error = source.fetch(None).await.unwrap_err().to_string();
    assert!(
        error.contains("connecting to 127.0.0.1:1: Connection refused"),
        "{error}"
    );
}

#[tokio::test]
async fn https_needs_a_trusted_certificate_and_keeps_to_its_host() {
    let fixture = Fixture::new();
    fixture.commit(&[("a.yaml", Some("a: 1"))]);
    let authority = servers::authority();
    let server = HttpServer::start_tls(
        fixture.folder.path(),
        authority.serves(&["localhost"], 2100),
    );
    let url = format!("https://localhost:{}/origin.git", server.port);
    let source = GitSource::new(fixture.options(&url)).unwrap();
    let error = source.fetch(None).await.unwrap_err().to_string();
    assert!(
        error.contains("certificate") && error.contains("hint:"),
        "{error}"
    );

    // Which authorities are trusted is told by the environment, so the rest happens in another process.
    let file = fixture.folder.path().join("authority.pem");
    fs::write(&file, &authority.pem).unwrap();
    server.behave(Manner::Ask("agent".into(), "hunter2".into()));
    test_apart(
        "git::source::over_https_with_a_token",
        &[
            ("SSL_CERT_FILE", file.to_str().unwrap()),
            ("ORDERLY_TEST_URL", &url),
        ],
    );
}

#[tokio::test]
#[ignore = "run by https_needs_a_trusted_certificate_and_keeps_to_its_host"]
#[expect(
    clippy::disallowed_methods,
    reason = "the test that runs this says where by the environment"
)]
async fn over_https_with_a_token() {
    let url = std::env::var("ORDERLY_TEST_URL").unwrap();
    let fixture = Fixture::new();
    let credentials = Credentials::Token {
        user: "agent".into(),
        token: SecretValue::new("hunter2".into()),
    };
    let options = GitOptions {
        credentials,
        ..fixture.options(&url)
    };
    let source = GitSource::new(options).unwrap();
    let tree = newest(&source).await;
    assert_eq!(texts(&source, &tree).await, ["a: 1"]);
    assert_eq!(source.fetch(Some(&tree.revision.id)).await.unwrap(), None);

    let other = url.replace("localhost", "127.0.0.1");
    let options = GitOptions {
        deadline: Span::from_secs(20),
        ..fixture.options(&other)
    };
    let error = GitSource::new(options)
        .unwrap()
        .fetch(None)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("certificate"), "the name must fit: {error}");
}

#[tokio::test]
async fn files_of_a_revision_are_given_as_they_were_then_and_links_are_not() {
    let fixture = Fixture::new();
    let first = fixture.commit(&[
        ("manifests/web.yaml", Some("one")),
        ("manifests/more/db.yaml", Some("two")),
        ("runbooks/a.yaml", Some("a: 1")),
    ]);
    let target = fixture.blob("/etc/passwd");
    let second = fixture.commit_entries(&[
        ("link", Some((0o120_000, target))),
        (
            "manifests/web.yaml",
            Some((0o100_755, fixture.blob("three"))),
        ),
    ]);
    let mut options = fixture.options(fixture.path().display().to_string());
    options.path = "runbooks".to_owned();
    let source = GitSource::new(options).unwrap();
    let files = async |revision: &str, path: &str| source.files(revision, &[path.to_owned()]).await;
    let then = files(&first, "manifests").await.unwrap();
    let paths: Vec<&str> = then.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["manifests/more/db.yaml", "manifests/web.yaml"]);
    assert_eq!(
        (then[1].bytes.as_slice(), then[1].executable),
        (&b"one"[..], false)
    );
    let now = files(&second, "manifests/web.yaml").await.unwrap();
    assert_eq!(
        (now[0].bytes.as_slice(), now[0].executable),
        (&b"three"[..], true)
    );
    for (path, reason) in [
        ("link", "symbolic link"),
        ("absent", "not there"),
        ("../x", "not there"),
        ("manifests/web.yaml/x", "not a folder"),
        ("/", "names nothing"),
    ] {
        let error = files(&second, path).await.unwrap_err().to_string();
        assert!(error.contains(reason), "{path}: {error}");
    }
    let gone = files("0123456789abcdef0123456789abcdef01234567", "link").await;
    assert!(gone.unwrap_err().to_string().contains("is gone"));
    let paths = ["manifests", "manifests/web.yaml", "link", "absent"].map(str::to_owned);
    let (then, now) = (
        source.objects(&first, &paths).await.unwrap(),
        source.objects(&second, &paths).await.unwrap(),
    );
    assert!(then[0].is_ok() && then[0] != now[0] && then[1] != now[1]);
    assert!(then[2].is_err() && now[2].as_ref().unwrap_err().contains("symbolic link"));
    assert_eq!(now[3], Err("it is not there".to_owned()));
    assert_eq!(source.folder(), "runbooks");
}
