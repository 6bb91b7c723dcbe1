//! `orderly artifacts fetch` beside a running agent, from a store: as it is stored, decrypted here, and all that can be wrong with that.

use super::{
    backups::{ALONE, artifacts, files, noise, word},
    harness::{Agent, Place, runbook, text},
};
use crate::{
    s3::{BUCKET, Fault, S3},
    small_disk::SmallDisk,
};
use age::secrecy::ExposeSecret as _;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};
use tokio::runtime::Runtime;

/// An agent whose artifacts go to a store, encrypted for a key that it does not have.
struct Stage {
    /// The store lives in it.
    _runtime: Runtime,
    s3: S3,
    place: Place,
    config: PathBuf,
    key: PathBuf,
    content: Vec<u8>,
}

impl Stage {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let s3 = runtime.block_on(S3::start());
        let place = Place::new();
        let data = place.path("data");
        fs::create_dir(&data).unwrap();
        let content = noise(1 << 20);
        fs::write(data.join("one"), &content).unwrap();
        let identity = age::x25519::Identity::generate();
        let key = place.write("backup-key.txt", identity.to_string().expose_secret());
        let (id, secret) = (
            place.write("id", "key-id"),
            place.write("secret", "key-of-the-bucket"),
        );
        let config = place.write(
            "orderly.yaml",
            &format!(
                "secrets:\n  s3-id: {{ file: {} }}\n  s3-key: {{ file: {} }}\nartifacts:\n  store: offsite\n  recipients: [{}]\n  stores:\n    offsite:\n      s3: {{ bucket: {BUCKET}, endpoint: \"http://127.0.0.1:{}\", accessKey: s3-id, secretKey: s3-key }}\n",
                id.display(),
                secret.display(),
                identity.to_public(),
                s3.port
            ),
        );
        let step = format!(
            "[{{ name: keep, uses: backup/files, with: {{ name: data, paths: [{}] }} }}]",
            data.display()
        );
        place.commit(&[runbook("keep", "[]", &step)]);
        Self {
            _runtime: runtime,
            s3,
            place,
            config,
            key,
            content,
        }
    }

    /// The id of an artifact, and the file that the store has of it.
    fn kept(&self, agent: &Agent) -> (String, PathBuf) {
        agent.start("keep");
        agent.run_ended("keep", "succeeded");
        let made = &artifacts(agent)[0];
        let key = word(&made["path"]).strip_prefix("offsite:").unwrap();
        (word(&made["id"]).to_owned(), self.s3.file(key))
    }

    fn fetch(&self, agent: &Agent, arguments: &[&str]) -> Output {
        let config = ["--config", self.config.to_str().unwrap()];
        let arguments = [&config, &["artifacts", "fetch"], arguments].concat();
        self.place.cli(agent, &arguments)
    }

    /// It fails with these words, and leaves no file that looks whole.
    fn in_vain(&self, agent: &Agent, arguments: &[&str], words: &[&str]) {
        let out = self.place.path("home/never");
        let to_file = [arguments, &["--out", out.to_str().unwrap()]].concat();
        let to_pipe = [arguments, &["--out", "-"]].concat();
        for arguments in [to_file, to_pipe] {
            let done = self.fetch(agent, &arguments);
            let said = text(&done.stderr);
            assert!(!done.status.success(), "{arguments:?}");
            for words in words {
                assert!(said.contains(words), "{words}: {said}");
            }
        }
        let left = files(&self.place.path("home"));
        assert!(left.is_empty(), "{left:?}");
    }
}

/// The file of a path in a tar, by its content.
fn holds(tar: &[u8], content: &[u8]) -> bool {
    let mut archive = tar::Archive::new(tar);
    archive.entries().unwrap().any(|entry| {
        let mut found = Vec::new();
        std::io::Read::read_to_end(&mut entry.unwrap(), &mut found).unwrap();
        found == content
    })
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn an_artifact_in_a_store_is_fetched_as_it_is_and_decrypted_with_a_key_that_the_agent_does_not_have()
 {
    let stage = Stage::new();
    let agent = stage.place.start(&ALONE);
    let (id, object) = stage.kept(&agent);
    let out = stage.place.path("stored");
    let fetched = stage.fetch(&agent, &[&id, "--out", path(&out)]);
    assert!(fetched.status.success(), "{}", text(&fetched.stderr));
    assert_eq!(fs::read(&out).unwrap(), fs::read(&object).unwrap());
    assert!(text(&fetched.stdout).contains("is whole"));

    let out = stage.place.path("content.tar");
    let key = path(&stage.key);
    let decode = [&*id, "--decode", "--identity", key];
    let to_file = [&decode[..], &["--out", path(&out)]].concat();
    let fetched = stage.fetch(&agent, &to_file);
    assert!(fetched.status.success(), "{}", text(&fetched.stderr));
    assert!(holds(&fs::read(&out).unwrap(), &stage.content));
    let piped = stage.fetch(&agent, &[&decode[..], &["--out", "-"]].concat());
    assert_eq!(piped.stdout, fs::read(&out).unwrap());

    // What is there stays.
    let again = stage.fetch(&agent, &to_file);
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("is there already"));
    assert!(holds(&fs::read(&out).unwrap(), &stage.content));
}

#[test]
fn a_fetch_without_the_right_key_says_so_and_leaves_nothing() {
    let stage = Stage::new();
    let agent = stage.place.start(&ALONE);
    let (id, _) = stage.kept(&agent);
    let id = id.as_str();
    let file = |name: &str, content: &str| stage.place.write(name, content);
    let stranger = age::x25519::Identity::generate();
    let other = file("other.txt", stranger.to_string().expose_secret());
    let nonsense = file("nonsense.txt", "AGE-SECRET-KEY-1NOT\n");
    let empty = file("empty.txt", "# created: today\n");
    let missing = stage.place.path("missing.txt");
    let with = |key| [id, "--decode", "--identity", path(key)];
    stage.in_vain(
        &agent,
        &with(&other),
        &["encrypted for others than the key", "hint: "],
    );
    for key in [&nonsense, &empty] {
        let words = [
            "holds no identity of age",
            "hint: put the identity there that belongs to one of the recipients",
        ];
        stage.in_vain(&agent, &with(key), &words);
    }
    stage.in_vain(
        &agent,
        &with(&missing),
        &["missing.txt", "No such file or directory"],
    );
    stage.in_vain(
        &agent,
        &[id, "--decode"],
        &["`artifacts.identity`", "--identity FILE"],
    );
    stage.in_vain(&agent, &[id, "--identity", path(&other)], &["--decode"]);
}

#[test]
fn a_fetch_to_a_full_disk_names_that_disk_and_leaves_nothing() {
    let Some(disk) = SmallDisk::new("size=256k") else {
        return;
    };
    let stage = Stage::new();
    let agent = stage.place.start(&ALONE);
    let (id, _) = stage.kept(&agent);
    let out = disk.path().join("fetched");
    let done = stage.fetch(&agent, &[&id, "--out", path(&out)]);
    let said = text(&done.stderr);
    assert!(!done.status.success());
    let begins = format!("writing {}: No space left on device", out.display());
    for words in [begins.as_str(), "hint: make room"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(files(disk.path()).is_empty());
}

#[test]
fn a_fetch_of_what_is_damaged_gone_or_elsewhere_says_so_and_leaves_nothing() {
    let stage = Stage::new();
    let agent = stage.place.start(&ALONE);
    let (id, object) = stage.kept(&agent);
    let id = id.as_str();
    let stored = [id];
    let decode = [id, "--decode", "--identity", path(&stage.key)];
    let whole = fs::read(&object).unwrap();
    let mut changed = whole.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    // In the word that says what it is: a change in the lines for recipients looks like another key.
    let mut head = whole.clone();
    head[5] ^= 1;
    for damaged in [&changed, &head, &whole[..middle].to_vec(), &Vec::new()] {
        fs::write(&object, damaged).unwrap();
        stage.in_vain(&agent, &stored, &["is damaged"]);
        stage.in_vain(&agent, &decode, &["is damaged"]);
    }
    fs::write(&object, &whole).unwrap();

    // A store that is at fault is not taken for a damaged artifact.
    for (status, words) in [
        (403, "does not allow it (403)"),
        (404, "answers 404 Not Found"),
    ] {
        stage.s3.misbehave(Fault::Status(status, "GET", usize::MAX));
        for arguments in [&stored[..], &decode] {
            let place = "store offsite (bucket backups at http://127.0.0.1:";
            stage.in_vain(&agent, arguments, &[place, words, "hint: "]);
            let said = text(
                &stage
                    .fetch(&agent, &[arguments, &["--out", "-"]].concat())
                    .stderr,
            );
            assert!(!said.contains("damaged"), "{said}");
        }
    }
    stage.s3.misbehave(None);
    let elsewhere = stage
        .place
        .cli(&agent, &["artifacts", "fetch", id, "--out", "never"]);
    let said = text(&elsewhere.stderr);
    assert!(
        said.contains("names no store `offsite`") && said.contains("`--config`"),
        "{said}"
    );
    // A store that holds nothing at all of this folder may be another one, and is not believed.
    fs::copy(&object, object.with_file_name("another")).unwrap();
    fs::remove_file(&object).unwrap();
    for arguments in [&stored[..], &decode] {
        let words = ["the store holds no such object", "hint: "];
        stage.in_vain(&agent, arguments, &words);
    }
    let unknown = stage.fetch(&agent, &["0123abcd", "--out", "never"]);
    assert!(!unknown.status.success());
    assert!(files(&stage.place.path("home")).is_empty());
}
