//! Artifacts in a real S3-compatible store, and encrypted ones.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use crate::{
    s3::{Fault, S3},
    steps::world_with,
};
use age::secrecy::ExposeSecret as _;
use orderly::{
    actions::framework::World,
    adapters::{
        archive::{BucketAt, Patience, Stores},
        secrets::{ConfiguredSecrets, Origin},
    },
    domain::{
        artifact::Location,
        id::RunId,
        name::{ArtifactName, RunbookName, SecretName, StoreName},
        secret::SecretValue,
    },
    ports::archive::{ArchiveError, Encrypt, Expected, Form, Label, Stored, StreamOf, Writing},
};
use std::{fs, path::Path, time::Duration};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio_util::sync::CancellationToken;

/// The least that S3 takes.
const PART: usize = 5 << 20;

struct Stage {
    folder: TempDir,
    s3: S3,
    key: age::x25519::Identity,
    patience: Patience,
    /// The access key's id and the key, as the agent has them.
    keys: (&'static str, &'static str),
}

/// A store that fails is given up soon.
fn impatient() -> Patience {
    Patience {
        retries: 2,
        pause: Duration::from_millis(1),
        ..Patience::default()
    }
}

/// A store that says nothing is given up soon.
const HASTY: Patience = Patience {
    deadline: Duration::from_secs(1),
    attempts: 2,
    retries: 2,
    pause: Duration::from_millis(1),
};

impl Stage {
    async fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            s3: S3::start().await,
            key: age::x25519::Identity::generate(),
            patience: Patience::default(),
            keys: ("key-id", "key-of-the-bucket"),
        }
    }

    async fn impatient() -> Self {
        Self {
            patience: impatient(),
            ..Self::new().await
        }
    }

    /// Nothing is in the store, and no parts of an upload either once the request that ends it has come there.
    async fn holds_nothing(&self) {
        assert!(self.s3.keys().is_empty(), "{:?}", self.s3.keys());
        while self.s3.unfinished() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(is_empty(&self.folder.path().join("state/artifacts")));
        assert!(is_empty(&self.folder.path().join("state/fresh")));
    }

    /// A world whose artifacts go to the store, encrypted; `identity` opens them.
    fn world(&self, identity: Option<&age::x25519::Identity>) -> World {
        self.world_at(identity, self.s3.bucket(PART))
    }

    /// The same, with the bucket that somebody has written into the configuration.
    fn world_at(&self, identity: Option<&age::x25519::Identity>, at: BucketAt) -> World {
        let known = |text: String| Origin::Variable {
            name: "X".into(),
            value: Some(SecretValue::new(text)),
        };
        let name = |name: &str| SecretName::new(name).unwrap();
        let mut secrets = vec![
            (name("s3-id"), known(self.keys.0.into())),
            (name("s3-key"), known(self.keys.1.into())),
        ];
        if let Some(identity) = identity {
            let text = format!("# made today\n{}\n", identity.to_string().expose_secret());
            secrets.push((name("age"), known(text)));
        }
        let offsite = StoreName::new("offsite").unwrap();
        world_with(
            &self.folder.path().join("state"),
            ConfiguredSecrets::new(secrets.into_iter().collect()),
            &[self.key.to_public().to_string()],
            identity.map(|_| name("age")),
            Stores {
                usual: Some(offsite.clone()),
                buckets: [(
                    offsite,
                    BucketAt {
                        patience: self.patience,
                        ..at
                    },
                )]
                .into(),
            },
        )
    }

    async fn keep(&self, world: &World, bytes: &[u8]) -> Result<Stored, ArchiveError> {
        let mut writing = begin(world).await?;
        if let Err(error) = writing.write_all(bytes).await {
            return Err(writing.fault().unwrap_or_else(|| panic!("{error}")));
        }
        writing.finish().await
    }
}

async fn begin(world: &World) -> Result<Box<dyn Writing>, ArchiveError> {
    let label = label();
    let of = StreamOf {
        label: &label,
        what: "a stream",
        extension: "dump",
        most: 1 << 30,
    };
    world.archive.stream(of, CancellationToken::new()).await
}
fn label() -> Label {
    Label {
        name: ArtifactName::new("db").unwrap(),
        runbook: RunbookName::new("nightly").unwrap(),
        revision: "9fceb02d0ae598e95dc970b74767f19372d61af8".into(),
        run: RunId::new(jiff::Timestamp::UNIX_EPOCH, [1; 10]),
        store: None,
        encrypt: Encrypt::AsConfigured,
    }
}
/// Bytes that no compression makes smaller.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut bytes = Vec::with_capacity(count + 8);
    while bytes.len() < count {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(count);
    bytes
}
async fn content(world: &World, stored: &Stored) -> Result<Vec<u8>, ArchiveError> {
    let expected = Expected {
        sha256: Some(stored.sha256),
        raw_size: Some(stored.raw_size),
    };
    let stop = CancellationToken::new();
    let unpacked = world
        .archive
        .unpack(Form::Stream, &stored.location, expected, stop)
        .await?;
    Ok(fs::read(unpacked.path()).unwrap())
}
fn key(stored: &Stored) -> String {
    match &stored.location {
        Location::Object { key, .. } => format!("host-1/{key}"),
        Location::File(path) => panic!("{}", path.display()),
    }
}
fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}
/// It says which store it is, what happened, and what to do.
fn is_told(error: &ArchiveError, port: u16, words: &str) {
    let said = error.to_string();
    let place = format!("store offsite (bucket backups at http://127.0.0.1:{port}): ");
    assert!(said.contains(&place), "{said}");
    assert!(said.contains(words), "{said}");
    assert!(said.contains("\nhint: "), "{said}");
    assert!(!said.contains("Generic S3"), "{said}");
    assert!(matches!(error, ArchiveError::Failed { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_to_the_store_in_parts_encrypted_and_comes_back_whole() {
    let stage = Stage::new().await;
    let world = stage.world(Some(&stage.key));
    let bytes = noise(PART * 5 + 1234);
    let stored = stage.keep(&world, &bytes).await.unwrap();
    let name = stored.location.to_string();
    assert!(name.starts_with("offsite:nightly/db-"), "{name}");
    assert!(name.ends_with("-9fceb02d-01010101.dump.zst.age"), "{name}");
    assert!(stored.encrypted);
    let object = fs::read(stage.s3.file(&key(&stored))).unwrap();
    assert_eq!(object.len() as u64, stored.size);
    assert!(object.starts_with(b"age-encryption.org/v1"));
    assert_eq!(content(&world, &stored).await.unwrap(), bytes);
    let parts = stage
        .s3
        .requests()
        .iter()
        .filter(|line| line.contains("partNumber="))
        .count();
    assert!(parts >= 6, "{parts}");
    assert_eq!(stage.s3.unfinished(), 0);
    assert!(is_empty(&stage.folder.path().join("state/uploads")));
    assert!(is_empty(&stage.folder.path().join("state/scratch/archive")));
    let another = stage.keep(&world, b"another").await.unwrap();
    assert!(world.archive.remove(&stored.location).await.unwrap());
    assert!(!world.archive.remove(&stored.location).await.unwrap());
    assert_eq!(stage.s3.keys(), [key(&another)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fits_into_one_part_is_one_object_at_once() {
    let stage = Stage::new().await;
    let world = stage.world(Some(&stage.key));
    let stored = stage.keep(&world, b"a few bytes").await.unwrap();
    assert_eq!(content(&world, &stored).await.unwrap(), b"a few bytes");
    assert!(
        !stage
            .s3
            .requests()
            .iter()
            .any(|line| line.contains("uploadId"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_for_a_while_holds_nothing_up() {
    let stage = Stage::new().await;
    let world = stage.world(Some(&stage.key));
    stage.s3.misbehave(Fault::Status(500, "PUT", 3));
    let bytes = noise(PART * 4);
    let stored = stage.keep(&world, &bytes).await.unwrap();
    stage.s3.misbehave(Fault::Status(503, "GET", 2));
    assert_eq!(content(&world, &stored).await.unwrap(), bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_refuses_is_told_with_a_way_out_and_nothing_is_left_there() {
    let stage = Stage::new().await;
    let world = stage.world(Some(&stage.key));
    stage.s3.misbehave(Fault::Status(403, "PUT", usize::MAX));
    let error = stage
        .keep(&world, &noise(PART * 4))
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("does not allow it (403)"), "{error}");
    assert!(error.contains("hint: "), "{error}");
    assert!(!error.contains("Generic S3"), "{error}");
    assert!(stage.s3.keys().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_without_the_bucket_or_with_another_key_is_told_before_the_source_is_asked() {
    let stage = Stage::new().await;
    let world = stage.world(Some(&stage.key));
    stage.s3.misbehave(Fault::Status(401, "HEAD", usize::MAX));
    let error = begin(&world).await.err().unwrap().to_string();
    assert!(error.contains("access key"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_store_takes_its_time_and_loses_nothing() {
    let stage = Stage::new().await;
    let world = stage.world(Some(&stage.key));
    stage
        .s3
        .misbehave(Fault::Slow(std::time::Duration::from_millis(60)));
    let bytes = noise(PART * 6);
    let stored = stage.keep(&world, &bytes).await.unwrap();
    assert_eq!(content(&world, &stored).await.unwrap(), bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_or_cut_object_is_damaged() {
    let stage = Stage::new().await;
    let world = stage.world(Some(&stage.key));
    let stored = stage.keep(&world, &noise(PART)).await.unwrap();
    let file = stage.s3.file(&key(&stored));
    let whole = fs::read(&file).unwrap();
    let mut changed = whole.clone();
    changed[100_000] ^= 1;
    for bytes in [&changed, &whole[..whole.len() - 10].to_vec()] {
        fs::write(&file, bytes).unwrap();
        let error = content(&world, &stored).await.unwrap_err();
        assert!(matches!(error, ArchiveError::Damaged { .. }), "{error}");
        // Also where nobody recorded a digest: each piece is authenticated.
        let stop = CancellationToken::new();
        let found =
            world
                .archive
                .inspect(Form::Stream, &stored.location, Expected::default(), stop);
        let error = found.await.unwrap_err();
        assert!(matches!(error, ArchiveError::Damaged { .. }), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_key_an_artifact_can_be_made_and_not_read() {
    let stage = Stage::new().await;
    let world = stage.world(None);
    let stored = stage.keep(&world, b"secret things").await.unwrap();
    let error = content(&world, &stored).await.unwrap_err().to_string();
    assert!(error.contains("`artifacts.identity`"), "{error}");
    let stranger = age::x25519::Identity::generate();
    let world = stage.world(Some(&stranger));
    let error = content(&world, &stored).await.unwrap_err().to_string();
    assert!(error.contains("encrypted for others"), "{error}");
}

#[test]
fn an_upload_that_a_dead_agent_left_is_ended_at_the_next_start() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stage = runtime.block_on(Stage::new());
    let agent = tokio::runtime::Runtime::new().unwrap();
    agent.block_on(async {
        let world = stage.world(Some(&stage.key));
        let mut writing = begin(&world).await.unwrap();
        writing.write_all(&noise(PART * 4)).await.unwrap();
        // Parts are there, as when the agent is killed here.
        while stage.s3.unfinished() == 0 {
            tokio::task::yield_now().await;
        }
        std::mem::forget(writing);
    });
    agent.shutdown_background();
    assert!(!is_empty(&stage.folder.path().join("state/uploads")));
    let told = runtime.block_on(async {
        let world = stage.world(Some(&stage.key));
        world.archive.tidy().await
    });
    assert!(told[0].ends_with("was ended"), "{told:?}");
    assert_eq!(stage.s3.unfinished(), 0);
    assert!(is_empty(&stage.folder.path().join("state/uploads")));
    assert!(stage.s3.keys().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_for_good_ends_the_upload_and_nothing_is_left_there() {
    let stage = Stage::impatient().await;
    let world = stage.world(Some(&stage.key));
    for (method, size) in [("PUT", 100), ("PUT", PART * 4), ("POST", PART * 4)] {
        stage.s3.misbehave(Fault::Status(500, method, usize::MAX));
        let error = stage.keep(&world, &noise(size)).await.unwrap_err();
        is_told(&error, stage.s3.port, "the store answers 500");
        stage.s3.misbehave(None);
        stage.holds_nothing().await;
    }
    stage.s3.misbehave(Fault::Status(500, "HEAD", usize::MAX));
    let error = begin(&world).await.err().unwrap();
    is_told(&error, stage.s3.port, "the store answers 500");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_or_refuses_while_an_artifact_is_fetched_makes_it_not_unsound() {
    let mut stage = Stage::impatient().await;
    let world = stage.world(Some(&stage.key));
    let bytes = noise(PART * 3);
    let stored = stage.keep(&world, &bytes).await.unwrap();
    for (fault, words) in [
        (
            Fault::Status(500, "GET", usize::MAX),
            "the store answers 500",
        ),
        (
            Fault::Status(403, "GET", usize::MAX),
            "does not allow it (403)",
        ),
        (
            Fault::Status(403, "HEAD", usize::MAX),
            "does not allow it (403)",
        ),
        (Fault::Cut("GET", usize::MAX), ""),
        (Fault::Silent("GET"), "no answer within 1 s"),
        (Fault::Silent("HEAD"), "no answer within 1 s"),
    ] {
        if matches!(fault, Fault::Silent(_)) {
            stage.patience = HASTY;
        }
        let world = stage.world(Some(&stage.key));
        stage.s3.misbehave(fault);
        let error = content(&world, &stored).await.unwrap_err();
        is_told(&error, stage.s3.port, words);
        let scratch = stage.folder.path().join("state/scratch/archive");
        assert!(is_empty(&scratch), "{fault:?}");
    }
    stage.s3.misbehave(None);
    assert_eq!(content(&world, &stored).await.unwrap(), bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_breaks_off_half_way_for_a_while_loses_nothing() {
    let stage = Stage::new().await;
    let world = stage.world(Some(&stage.key));
    let bytes = noise(PART * 4);
    stage.s3.misbehave(Fault::Cut("PUT", 3));
    let stored = stage.keep(&world, &bytes).await.unwrap();
    stage.s3.misbehave(Fault::Cut("GET", 2));
    assert_eq!(content(&world, &stored).await.unwrap(), bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_breaks_off_every_upload_ends_it_and_nothing_is_left_there() {
    let stage = Stage::impatient().await;
    let world = stage.world(Some(&stage.key));
    for size in [100, PART * 4] {
        stage.s3.misbehave(Fault::Cut("PUT", usize::MAX));
        let error = stage.keep(&world, &noise(size)).await.unwrap_err();
        is_told(&error, stage.s3.port, "");
        stage.s3.misbehave(None);
        stage.holds_nothing().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_on_its_way_makes_no_second_artifact() {
    let stage = Stage::impatient().await;
    let world = stage.world(Some(&stage.key));
    for (method, size) in [("PUT", 100), ("PUT", PART * 4)] {
        let bytes = noise(size);
        stage.s3.misbehave(Fault::Unheard(method, 1));
        let stored = stage.keep(&world, &bytes).await.unwrap();
        assert_eq!(content(&world, &stored).await.unwrap(), bytes);
        assert_eq!(stage.s3.keys(), [key(&stored)]);
        assert_eq!(stage.s3.unfinished(), 0);
        assert!(world.archive.remove(&stored.location).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_never_answers_is_given_up_and_nothing_counts() {
    let mut stage = Stage::new().await;
    for (method, size) in [("PUT", 100), ("PUT", PART * 4), ("POST", PART * 4)] {
        stage.patience = HASTY;
        let world = stage.world(Some(&stage.key));
        stage.s3.misbehave(Fault::Silent(method));
        let error = stage.keep(&world, &noise(size)).await.unwrap_err();
        is_told(&error, stage.s3.port, "no answer within 1 s");
        stage.s3.misbehave(None);
        // What the hasty one may not have ended in its time, the next start ends.
        stage.patience = Patience::default();
        let _told = stage.world(Some(&stage.key)).archive.tidy().await;
        stage.holds_nothing().await;
        assert!(is_empty(&stage.folder.path().join("state/uploads")));
    }
}

/// Of what was kept, nothing is concluded: it could not be read, and says why.
async fn is_of_the_store(world: &World, stored: &Stored, words: &str) {
    let read = content(world, stored).await.unwrap_err();
    let looked = world.archive.size(&stored.location).await.unwrap_err();
    let removed = world.archive.remove(&stored.location).await.unwrap_err();
    for error in [read, looked, removed] {
        assert!(matches!(error, ArchiveError::Failed { .. }), "{error:?}");
        let said = error.to_string();
        assert!(said.contains(words) && said.contains("\nhint: "), "{said}");
        assert!(!said.contains('<'), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_another_place_is_looked_at_nothing_is_concluded_about_an_artifact() {
    let mut stage = Stage::impatient().await;
    let world = stage.world(Some(&stage.key));
    let stored = stage.keep(&world, b"what is to stay").await.unwrap();
    let right = || stage.s3.bucket(PART);
    let (bucket, prefix) = ("backup".to_owned(), "host-2".to_owned());
    let elsewhere = BucketAt { bucket, ..right() };
    let world = stage.world_at(Some(&stage.key), elsewhere.clone());
    is_of_the_store(&world, &stored, "NoSuchBucket").await;
    let error = begin(&world).await.err().unwrap().to_string();
    assert!(
        error.contains("NoSuchBucket") && error.contains("`bucket` names it"),
        "{error}"
    );
    for prefix in [prefix, String::new()] {
        let world = stage.world_at(Some(&stage.key), BucketAt { prefix, ..right() });
        is_of_the_store(&world, &stored, "it holds nothing at all below `").await;
    }
    let unknown = "<Error><Code>XAdminUserNotFound</Code><Message>The specified user does not exist.</Message></Error>";
    for (said, words) in [
        (
            unknown,
            "XAdminUserNotFound: The specified user does not exist",
        ),
        (
            "<!DOCTYPE HTML><html><title>Error response</title></html>",
            "404 Not Found\nhint: see `endpoint`",
        ),
    ] {
        let world = stage.world(Some(&stage.key));
        stage.s3.misbehave(Fault::Says(404, "", said));
        is_of_the_store(&world, &stored, words).await;
    }
    // It has the same page for everything that is not asked for by its head.
    stage
        .s3
        .misbehave(Fault::Says(200, "GET", "<html><body>hello</body></html>"));
    let error = content(&world, &stored).await.unwrap_err();
    assert!(matches!(error, ArchiveError::Failed { .. }), "{error:?}");
    stage.s3.misbehave(None);
    stage.keys.0 = "nobody";
    let world = stage.world(Some(&stage.key));
    is_of_the_store(&world, &stored, "does not know the access key").await;
    stage.keys.0 = "key-id";
    let world = stage.world(Some(&stage.key));
    assert_eq!(content(&world, &stored).await.unwrap(), b"what is to stay");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_from_among_others_is_at_fault_itself() {
    let stage = Stage::new().await;
    let world = stage.world(Some(&stage.key));
    let (one, other) = (
        stage.keep(&world, b"one").await.unwrap(),
        stage.keep(&world, b"other").await.unwrap(),
    );
    fs::remove_file(stage.s3.file(&key(&one))).unwrap();
    let error = content(&world, &one).await.unwrap_err();
    assert!(error.is_loss(), "{error:?}");
    assert_eq!(world.archive.size(&one.location).await, Ok(None));
    fs::remove_file(stage.s3.file(&key(&other))).unwrap();
    is_of_the_store(&world, &one, "nothing at all below `host-1/nightly/`").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_store_says_is_told_by_its_code_with_what_is_to_be_done() {
    let mut stage = Stage::impatient().await;
    let world = stage.world(Some(&stage.key));
    let stored = stage.keep(&world, b"something").await.unwrap();
    stage.keys.1 = "another-key";
    let world = stage.world(Some(&stage.key));
    let error = content(&world, &stored).await.unwrap_err();
    is_told(&error, stage.s3.port, "SignatureDoesNotMatch");
    assert!(
        error
            .to_string()
            .contains("hint: the secret key is not that"),
        "{error}"
    );

    stage.keys.1 = "key-of-the-bucket";
    let world = stage.world(Some(&stage.key));
    let region = "<Error><Code>AuthorizationHeaderMalformed</Code><Message>The region 'us-east-1' is wrong; expecting 'eu-central-1'</Message><Region>eu-central-1</Region></Error>";
    stage.s3.misbehave(Fault::Says(400, "", region));
    let error = content(&world, &stored).await.unwrap_err();
    is_told(
        &error,
        stage.s3.port,
        "400 Bad Request (AuthorizationHeaderMalformed: ",
    );
    let hint = "hint: see `region`: it is us-east-1 here, and the server names eu-central-1";
    assert!(error.to_string().ends_with(hint), "{error}");

    let denied = "<Error><Code>AccessDenied</Code><Message>Access Denied.</Message></Error>";
    let broken = "<Error><Code>InternalError</Code><Message>We are sorry.</Message><Resource>/x</Resource></Error>";
    for (status, body, words, hint) in [
        (
            403,
            denied,
            "does not allow it (403 AccessDenied: Access Denied)",
            "s3:DeleteObject",
        ),
        (
            500,
            broken,
            "500 Internal Server Error (InternalError: We are sorry)",
            "the fault is the store's",
        ),
    ] {
        stage.s3.misbehave(Fault::Says(status, "DELETE", body));
        let error = world.archive.remove(&stored.location).await.unwrap_err();
        is_told(&error, stage.s3.port, words);
        let (_, told) = error
            .to_string()
            .split_once("hint: ")
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .unwrap();
        assert!(
            told.contains(hint) && !error.to_string().contains('<'),
            "{error}"
        );
    }
    // Who may not list the bucket cannot be told that something is not there, and may write all the same.
    stage.s3.misbehave(Fault::Says(403, "GET", denied));
    stage.keep(&world, b"something else").await.unwrap();
    fs::remove_file(stage.s3.file(&key(&stored))).unwrap();
    let error = content(&world, &stored).await.unwrap_err();
    is_told(
        &error,
        stage.s3.port,
        "whether the object is there cannot be told: ",
    );
    assert!(error.to_string().contains("s3:ListBucket"), "{error}");
}
