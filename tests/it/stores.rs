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
        archive::Stores,
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
use std::{fs, path::Path};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio_util::sync::CancellationToken;

/// The least that S3 takes.
const PART: usize = 5 << 20;

struct Stage {
    folder: TempDir,
    s3: S3,
    key: age::x25519::Identity,
}

impl Stage {
    async fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            s3: S3::start().await,
            key: age::x25519::Identity::generate(),
        }
    }

    /// A world whose artifacts go to the store, encrypted; `identity` opens them.
    fn world(&self, identity: Option<&age::x25519::Identity>) -> World {
        let known = |text: String| Origin::Variable {
            name: "X".into(),
            value: Some(SecretValue::new(text)),
        };
        let name = |name: &str| SecretName::new(name).unwrap();
        let mut secrets = vec![
            (name("s3-id"), known("key-id".into())),
            (name("s3-key"), known("key-of-the-bucket".into())),
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
                buckets: [(offsite, self.s3.bucket(PART))].into(),
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
    assert!(world.archive.remove(&stored.location).await.unwrap());
    assert!(!world.archive.remove(&stored.location).await.unwrap());
    assert!(stage.s3.keys().is_empty());
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
