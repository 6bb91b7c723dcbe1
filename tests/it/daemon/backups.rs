//! Backups in a running agent: made, verified, restored, pruned; and what is left when it is killed in the middle of one.

use super::harness::{Agent, Place, runbook, text, until};
use crate::s3::{BUCKET, Fault, S3};
use orderly::domain::digest::Digest;
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// People may answer what they asked for: there is only one here.
pub(super) const ALONE: [&str; 4] = [
    "--set",
    "policy.triggerMayApprove=true",
    "--set",
    "policy.authorMayApprove=true",
];

pub(super) fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value}"))
}

/// Everything below a folder.
pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

pub(super) fn artifacts(agent: &Agent) -> Vec<Value> {
    agent.list("/api/v1/artifacts?removed=true&name=data")
}

/// A folder that is kept, verified and pruned by one runbook.
fn nightly(data: &Path) -> (String, String) {
    let steps = format!(
        "[{{ name: keep, uses: backup/files, with: {{ name: data, paths: [{}] }} }}, {{ name: verify, uses: backup/verify, with: {{ artifact: {{ newest: data }} }} }}, {{ name: prune, uses: backup/prune, with: {{ name: data, retain: {{ last: 1 }}, within: 1h }} }}]",
        data.display()
    );
    runbook("nightly", "[]", &steps)
}

fn stage() -> (Place, PathBuf) {
    let place = Place::new();
    let data = place.path("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("one"), "hello ".repeat(1000)).unwrap();
    place.commit(&[nightly(&data)]);
    (place, data)
}

#[test]
fn pruning_a_series_that_is_not_there_warns() {
    let place = Place::new();
    let steps = "[{ name: prune, uses: backup/prune, with: { name: dta, retain: { last: 1 }, within: 1h } }]";
    place.commit(&[runbook("tidy", "[]", steps)]);
    let agent = place.start(&ALONE);
    let run = agent.start("tidy");
    agent.run_ended("tidy", "warning");
    let why = "the runbook `tidy` has made no artifact `dta`";
    let told = text(&place.cli(&agent, &["runs", "show", &run]).stdout);
    assert!(told.contains(why), "{told}");
    let dry = place.cli(&agent, &["run", "tidy", "--dry-run"]);
    let told = text(&dry.stdout);
    assert!(told.contains("would remove nothing"), "{told}");
}

/// What the archive notes before an artifact gets its name.
fn note(place: &Place, path: &Path, run: &str) {
    let note = json!({ "path": path, "run": run });
    let name = Digest::of_bytes(format!("{run} {}", path.display()).as_bytes());
    let file = place.state().join("fresh").join(format!("{name}.json"));
    fs::write(file, note.to_string()).unwrap();
}

#[test]
fn what_a_killed_agent_named_and_never_recorded_is_removed_once_its_run_has_ended() {
    let (place, _) = stage();
    let agent = place.start(&ALONE);
    let run = agent.start("nightly");
    agent.run_ended("nightly", "succeeded");
    let kept = PathBuf::from(word(&artifacts(&agent)[0]["path"]));
    // As soon as the history knows it.
    until("the note is settled", || {
        files(&place.state().join("fresh")).is_empty().then_some(())
    });
    agent.kill();
    // As if it had been killed once more, before another was recorded; and as if the history were older than a third.
    let beside = |name: &str| kept.with_file_name(name);
    let (orphan, strange) = (beside("orphan.zst"), beside("strange.zst"));
    for other in [&orphan, &strange] {
        fs::copy(&kept, other).unwrap();
    }
    let unknown = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    note(&place, &strange, unknown);
    note(&place, &orphan, &run);
    // It never got its name.
    note(&place, &beside("nothing.zst"), &run);
    let agent = place.start(&ALONE);
    until("the notes are looked through", || {
        (files(&place.state().join("fresh")).len() == 1).then_some(())
    });
    assert!(kept.exists() && strange.exists() && !orphan.exists());
    let audit = agent.list("/api/v1/audit?action=artifact.unrecorded");
    assert_eq!(audit.len(), 1, "{audit:?}");
    assert_eq!(audit[0]["details"]["path"], json!(orphan));
    assert_eq!(artifacts(&agent).len(), 1);
}

#[test]
fn a_secret_of_the_same_word_as_a_folder_leaves_artifacts_where_they_are() {
    let (place, _) = stage();
    // Every path has it: that of the disk is `<state>/artifacts/<runbook>/<file>`.
    let word_of_paths = place.write("word", "artifacts");
    let config = format!(
        "secrets: {{ word: {{ file: {} }} }}\n",
        word_of_paths.display()
    );
    place.write("orderly.yaml", &config);
    let agent = place.start(&ALONE);
    agent.start("nightly");
    agent.run_ended("nightly", "succeeded");
    let made = artifacts(&agent);
    assert_eq!(made[0]["state"], "verified", "{made:?}");
    assert!(Path::new(word(&made[0]["path"])).exists(), "{made:?}");
}

#[test]
fn a_series_that_is_encrypted_does_not_go_on_in_the_clear() {
    let place = Place::new();
    let data = place.path("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("one"), "hello").unwrap();
    let keep = |more: &str| {
        let paths = data.display();
        let steps = format!(
            "[{{ name: keep, uses: backup/files, with: {{ name: data, paths: [{paths}]{more} }} }}]"
        );
        runbook("keep", "[]", &steps)
    };
    place.commit(&[keep("")]);
    let recipient = age::x25519::Identity::generate().to_public();
    place.write(
        "orderly.yaml",
        &format!("artifacts: {{ recipients: [{recipient}] }}\n"),
    );
    let agent = place.start(&ALONE);
    agent.start("keep");
    agent.run_ended("keep", "succeeded");
    assert_eq!(artifacts(&agent)[0]["encrypted"], true);
    assert_eq!(agent.stop(), Some(0));

    place.write("orderly.yaml", "{}\n");
    let agent = place.start(&ALONE);
    let run = agent.start("keep");
    agent.run_ended("keep", "failed");
    let told = text(&place.cli(&agent, &["runs", "show", &run]).stdout);
    assert!(told.contains("the one before it is encrypted"), "{told}");
    assert!(told.contains("artifacts.recipients"), "{told}");
    assert_eq!(artifacts(&agent).len(), 1);

    place.commit(&[keep(", keep: { encrypt: false }")]);
    agent.sync();
    let run = agent.start("keep");
    assert_eq!(agent.approve(&agent.question("keep")).status, 200);
    let ended = agent.run_that("keep", "ended", |found| {
        found["id"] == run && !found["outcome"].is_null()
    });
    assert_eq!(ended["outcome"], "succeeded", "{ended}");
    assert_eq!(artifacts(&agent)[0]["encrypted"], false);
}

#[test]
fn nothing_is_pruned_while_one_that_must_stay_is_not_there() {
    let (place, data) = stage();
    let keep = format!(
        "[{{ name: keep, uses: backup/files, with: {{ name: data, paths: [{}] }} }}]",
        data.display()
    );
    let prune = "[{ name: prune, uses: backup/prune, with: { name: data, runbook: keep, retain: { last: 1 }, within: 1h } }]";
    place.commit(&[runbook("keep", "[]", &keep), runbook("tidy", "[]", prune)]);
    let agent = place.start(&ALONE);
    let ended = |name: &str, run: &str, outcome: &str| {
        let is = |found: &Value| found["id"] == run && !found["outcome"].is_null();
        assert_eq!(agent.run_that(name, "ended", is)["outcome"], outcome);
    };
    for _ in 0..2 {
        ended("keep", &agent.start("keep"), "succeeded");
    }
    let made = artifacts(&agent);
    let (newest, id) = (word(&made[0]["path"]), word(&made[0]["id"]));
    let bytes = fs::read(newest).unwrap();
    for lost in [None, Some(0)] {
        match lost {
            None => fs::remove_file(newest).unwrap(),
            Some(size) => fs::write(newest, &bytes[..size]).unwrap(),
        }
        // Nothing would go, so nobody is asked.
        let run = agent.start("tidy");
        ended("tidy", &run, "warning");
        let told = text(&place.cli(&agent, &["runs", "show", &run]).stdout);
        assert!(told.contains("it is one that is to stay"), "{told}");
        assert!(told.contains(&format!("artifacts verify {id}")), "{told}");
        assert!(Path::new(word(&made[1]["path"])).exists());
    }
    fs::write(newest, bytes).unwrap();
    agent.start("tidy");
    assert_eq!(agent.approve(&agent.question("tidy")).status, 200);
    agent.run_ended("tidy", "succeeded");
    assert!(Path::new(newest).exists() && !Path::new(word(&made[1]["path"])).exists());
}

#[test]
fn what_was_verified_stays_so_where_only_the_expectation_has_changed() {
    let (place, _) = stage();
    let agent = place.start(&ALONE);
    agent.start("nightly");
    agent.run_ended("nightly", "succeeded");
    let verify = "[{ name: verify, uses: backup/verify, with: { artifact: { newest: data, runbook: nightly }, expect: { minEntries: 900 } } }]";
    place.commit(&[runbook("strict", "[]", verify)]);
    agent.sync();
    let run = agent.start("strict");
    agent.run_ended("strict", "failed");
    let told = text(&place.cli(&agent, &["runs", "show", &run]).stdout);
    assert!(told.contains("instead of at least 900"), "{told}");
    assert!(
        told.contains("it counts as verified all the same"),
        "{told}"
    );
    assert_eq!(artifacts(&agent)[0]["state"], "verified");
}

#[test]
fn a_backup_is_made_verified_fetched_and_restored_and_the_metrics_outlive_a_restart() {
    let (place, data) = stage();
    let agent = place.start(&ALONE);
    agent.start("nightly");
    agent.run_ended("nightly", "succeeded");
    let made = &artifacts(&agent)[0];
    assert_eq!(made["state"], "verified");
    let id = word(&made["id"]);
    let shown = text(&place.cli(&agent, &["artifacts", "show", id]).stdout);
    assert!(shown.contains("files = 1"), "{shown}");
    let listed = text(&place.cli(&agent, &["artifacts"]).stdout);
    assert!(listed.contains("verified"), "{listed}");

    let out = place.path("fetched.tar");
    let fetch = [
        "artifacts",
        "fetch",
        id,
        "--decode",
        "--out",
        out.to_str().unwrap(),
    ];
    let fetched = place.cli(&agent, &fetch);
    assert!(fetched.status.success(), "{}", text(&fetched.stderr));
    let tar = fs::read(&out).unwrap();
    assert_eq!(tar.len() % 512, 0);
    assert!(text(&tar).contains("hello hello"));
    let stored = place.cli(&agent, &["artifacts", "fetch", id, "--out", "-"]);
    assert_eq!(stored.stdout, fs::read(word(&made["path"])).unwrap());

    let to = place.path("restored");
    let restore = json!({"to": to, "only": data});
    let answer = agent.post(&format!("/api/v1/artifacts/{id}/restore"), &restore);
    assert_eq!(answer.status, 202, "{}", answer.body);
    let question = agent.question("orderly-artifact-restore");
    assert!(!to.exists(), "people are asked first");
    assert_eq!(agent.approve(&question).status, 200);
    agent.run_ended("orderly-artifact-restore", "succeeded");
    assert_eq!(
        fs::read(to.join("one")).unwrap(),
        fs::read(data.join("one")).unwrap()
    );

    let label = r#"artifact="data""#;
    let metrics = [
        "orderly_artifact_last_stored_timestamp_seconds",
        "orderly_artifact_last_verified_timestamp_seconds",
        "orderly_artifact_size_bytes",
    ];
    let before = metrics.map(|name| agent.metric(name, label));
    assert!(before.iter().all(|value| *value > 0.0), "{before:?}");
    assert_eq!(agent.stop(), Some(0));
    let agent = place.start(&ALONE);
    let after = metrics.map(|name| agent.metric(name, label));
    assert!(
        before.map(f64::to_bits) == after.map(f64::to_bits),
        "{after:?}"
    );
    assert!(agent.metric("orderly_artifacts", r#"state="verified""#) > 0.5);
}

#[test]
fn an_artifact_that_was_changed_on_disk_becomes_unsound_and_the_agent_says_so() {
    let (place, _) = stage();
    let agent = place.start(&ALONE);
    agent.start("nightly");
    agent.run_ended("nightly", "succeeded");
    let made = artifacts(&agent)[0].clone();
    let (id, path) = (word(&made["id"]), word(&made["path"]));
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
    let verify = place.cli(&agent, &["artifacts", "verify", id]);
    assert_eq!(verify.status.code(), Some(1), "{}", text(&verify.stderr));
    let now = &artifacts(&agent)[0];
    assert_eq!(now["state"], "unsound");
    assert!(word(&now["unsound_reason"]).contains("is damaged"), "{now}");
    until("the metric", || {
        (agent.metric("orderly_artifacts", r#"state="unsound""#) > 0.5).then_some(())
    });
    let status = text(&place.cli(&agent, &["status"]).stdout);
    let (_, at_fault) = status.split_once("Artifacts not to be relied on").unwrap();
    assert!(at_fault.contains("unsound"), "{status}");
    let fetch = place.cli(&agent, &["artifacts", "fetch", id, "--out", "never"]);
    assert_eq!(fetch.status.code(), Some(1));
    assert!(
        files(&place.path("home")).is_empty(),
        "a damaged one gets no name"
    );
}

#[test]
fn a_shrunken_backup_is_doubted_moves_no_success_and_keeps_all_until_a_person_accepts_it() {
    let (place, data) = stage();
    let agent = place.start(&ALONE);
    agent.start("nightly");
    agent.run_ended("nightly", "succeeded");
    let success = "orderly_artifact_last_stored_timestamp_seconds";
    let before = agent.metric(success, "");
    fs::write(data.join("one"), "hello").unwrap();
    agent.start("nightly");
    agent.run_ended("nightly", "warning");
    let all = artifacts(&agent);
    assert_eq!(all.len(), 2);
    assert_eq!(all[0]["state"], "doubted");
    assert_eq!(all[1]["state"], "verified", "nothing was pruned");
    assert!((agent.metric(success, "") - before).abs() < 0.5);
    let id = word(&all[0]["id"]);
    let accept = ["artifacts", "accept", id, "--reason", "most of it went"];
    let accepted = place.cli(&agent, &accept);
    assert!(accepted.status.success(), "{}", text(&accepted.stderr));
    assert_eq!(artifacts(&agent)[0]["state"], "verified");
    let again = place.cli(&agent, &accept);
    assert_eq!(again.status.code(), Some(4));
    let audit = agent.list("/api/v1/audit?action=artifact.accepted");
    assert_eq!(audit.len(), 1, "{audit:?}");

    // Now the older ones go, which asks people: what is removed is removed for good.
    agent.start("nightly");
    let question = agent.question("nightly");
    assert_eq!(agent.approve(&question).status, 200);
    until("two of three to be removed", || {
        let all = artifacts(&agent);
        let removed = all.iter().filter(|one| one["state"] == "removed").count();
        (removed == 2).then_some(())
    });
    let left = files(&place.state().join("artifacts"));
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn killed_in_the_middle_of_a_backup_nothing_half_made_counts_and_it_is_made_again() {
    let (place, data) = stage();
    let agent = place.start(&ALONE);
    // Takes long to read, and no space.
    let large = fs::File::create(data.join("large")).unwrap();
    large.set_len(64 << 30).unwrap();
    agent.start("nightly");
    let folder = place.state().join("artifacts");
    let half = until("a half-made artifact", || files(&folder).into_iter().next());
    assert!(half.to_string_lossy().ends_with(".partial"), "{half:?}");
    agent.kill();
    assert!(half.exists(), "it was killed in the middle");

    large.set_len(0).unwrap();
    let agent = place.start(&ALONE);
    assert!(!half.exists());
    agent.run_ended("nightly", "succeeded");
    let made = artifacts(&agent);
    assert_eq!(made.len(), 1, "{made:?}");
    assert_eq!(made[0]["state"], "verified");
    let left = files(&folder);
    assert_eq!(left, [PathBuf::from(word(&made[0]["path"]))]);
}

/// Bytes that no compression makes smaller.
pub(super) fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(next).flatten().take(count).collect()
}

#[test]
fn what_was_recorded_as_lost_and_is_there_again_is_not_removed_for_that() {
    let (place, data) = stage();
    let keep = format!(
        "[{{ name: keep, uses: backup/files, with: {{ name: data, paths: [{}] }} }}]",
        data.display()
    );
    let prune = "[{ name: prune, uses: backup/prune, with: { name: data, runbook: keep, retain: { last: 5 }, within: 1h } }]";
    place.commit(&[runbook("keep", "[]", &keep), runbook("tidy", "[]", prune)]);
    let agent = place.start(&ALONE);
    let ended = |name: &str, run: &str, outcome: &str| {
        let is = |found: &Value| found["id"] == run && !found["outcome"].is_null();
        let found = agent.run_that(name, "ended", is);
        assert_eq!(found["outcome"], outcome, "{found}");
    };
    for _ in 0..2 {
        ended("keep", &agent.start("keep"), "succeeded");
    }
    let made = artifacts(&agent);
    let (lost, id) = (word(&made[1]["path"]), word(&made[1]["id"]));
    let aside = place.path("aside");
    fs::rename(lost, &aside).unwrap();
    let verify = place.cli(&agent, &["artifacts", "verify", id]);
    assert_eq!(verify.status.code(), Some(1));
    assert_eq!(artifacts(&agent)[1]["state"], "unsound");

    // Nobody is asked, for nothing would go.
    fs::copy(&aside, lost).unwrap();
    let run = agent.start("tidy");
    ended("tidy", &run, "warning");
    let told = text(&place.cli(&agent, &["runs", "show", &run]).stdout);
    assert!(
        told.contains("1 recorded as lost, and there again"),
        "{told}"
    );
    assert!(told.contains(&format!("artifacts verify {id}")), "{told}");
    assert!(Path::new(lost).exists());
    let verify = place.cli(&agent, &["artifacts", "verify", id]);
    assert!(verify.status.success(), "{}", text(&verify.stderr));
    assert_eq!(artifacts(&agent)[1]["state"], "verified");

    // Who is asked about one that is truly gone reads why it goes.
    fs::remove_file(lost).unwrap();
    place.cli(&agent, &["artifacts", "verify", id]);
    let run = agent.start("tidy");
    let question = agent.question("tidy");
    let why = format!("{lost} goes: unsound: {lost} is damaged: it is not there");
    assert!(question.to_string().contains(&why), "{question}");
    assert_eq!(agent.approve(&question).status, 200);
    ended("tidy", &run, "succeeded");
    assert_eq!(artifacts(&agent)[1]["state"], "removed");
}

#[test]
fn a_store_that_is_configured_wrongly_makes_no_artifact_unsound() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let s3 = runtime.block_on(S3::start());
    let (place, data) = stage();
    let keep = format!(
        "[{{ name: keep, uses: backup/files, with: {{ name: data, paths: [{}] }} }}]",
        data.display()
    );
    place.commit(&[runbook("keep", "[]", &keep)]);
    let (id, key) = (
        place.write("id", "key-id"),
        place.write("key", "key-of-the-bucket"),
    );
    let right = offsite(&id, &key, s3.port);
    place.write("orderly.yaml", &right);
    let agent = place.start(&ALONE);
    for _ in 1..=2 {
        let run = agent.start("keep");
        let is = |one: &Value| one["id"] == run.as_str() && one["outcome"] == "succeeded";
        agent.run_that("keep", "succeeded", is);
    }
    let made = artifacts(&agent);
    let newest = word(&made[0]["id"]).to_owned();
    let doctor = || {
        let config = place.path("orderly.yaml");
        text(
            &place
                .offline(&["doctor", "--config", config.to_str().unwrap()])
                .stdout,
        )
    };
    let looked = doctor();
    let answers = "store offsite   answers and lists its artifacts";
    assert!(looked.contains(answers), "{looked}");
    assert_eq!(agent.stop(), Some(0));
    // Another host, with the same runbook, has its artifacts under the other prefix.
    fs::create_dir_all(s3.file("host-2/keep")).unwrap();
    fs::write(s3.file("host-2/keep/data-of-another.tar.zst"), "x").unwrap();
    for (wrong, words) in [
        (
            right.replace("bucket: backups", "bucket: backup"),
            "NoSuchBucket",
        ),
        (
            right.replace("bucket: backups,", "bucket: backups, prefix: host-3,"),
            "it holds nothing at all below `host-3/keep/`",
        ),
        (
            right.replace("bucket: backups,", "bucket: backups, prefix: host-2,"),
            "none of 1 others of `data`",
        ),
    ] {
        assert_ne!(wrong, right);
        place.write("orderly.yaml", &wrong);
        let looked = doctor();
        let is_refused = words == "NoSuchBucket";
        assert_eq!(looked.contains("NoSuchBucket"), is_refused, "{looked}");
        let agent = place.start(&ALONE);
        let verify = place.cli(&agent, &["artifacts", "verify", &newest]);
        assert_eq!(verify.status.code(), Some(1));
        let to = json!({ "to": place.path("restored") });
        let answer = agent.post(&format!("/api/v1/artifacts/{newest}/restore"), &to);
        assert_eq!(answer.status, 202, "{}", answer.body);
        let question = agent.question("orderly-artifact-restore");
        assert_eq!(agent.approve(&question).status, 200);
        let is = |one: &Value| one["id"] == question["run"] && one["outcome"] == "failed";
        let failed = agent.run_that("orderly-artifact-restore", "failed", is);
        assert!(word(&failed["reason"]).contains(words), "{failed}");
        assert_eq!(artifacts(&agent)[0]["state"], "sound", "{words}");
        assert_eq!(agent.stop(), Some(0));
    }
    place.write("orderly.yaml", &right);
    let agent = place.start(&ALONE);
    let verify = place.cli(&agent, &["artifacts", "verify", &newest]);
    assert!(verify.status.success(), "{}", text(&verify.stderr));
    assert_eq!(artifacts(&agent)[0]["state"], "verified");
}

/// Artifacts go to a store on this host.
fn offsite(id: &Path, key: &Path, port: u16) -> String {
    format!(
        "secrets:\n  s3-id: {{ file: {} }}\n  s3-key: {{ file: {} }}\nartifacts:\n  store: offsite\n  stores:\n    offsite:\n      s3: {{ bucket: {BUCKET}, endpoint: \"http://127.0.0.1:{port}\", accessKey: s3-id, secretKey: s3-key, partBytes: 5242880 }}\n",
        id.display(),
        key.display(),
    )
}

#[test]
fn nothing_is_pruned_while_the_only_verified_one_of_a_store_is_not_there() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let s3 = runtime.block_on(S3::start());
    let (place, data) = stage();
    let keep = format!(
        "[{{ name: keep, uses: backup/files, with: {{ name: data, paths: [{}] }} }}]",
        data.display()
    );
    let prune = "[{ name: prune, uses: backup/prune, with: { name: data, runbook: keep, retain: { last: 1 }, within: 1h } }]";
    place.commit(&[runbook("keep", "[]", &keep), runbook("tidy", "[]", prune)]);
    let kept = |agent: &Agent| {
        let run = agent.start("keep");
        let is = |found: &Value| found["id"] == run.as_str() && found["outcome"] == "succeeded";
        agent.run_that("keep", "succeeded", is);
    };
    let verified_newest = |agent: &Agent| {
        let newest = artifacts(agent).remove(0);
        let verify = place.cli(agent, &["artifacts", "verify", word(&newest["id"])]);
        assert!(verify.status.success(), "{}", text(&verify.stderr));
        newest
    };
    let agent = place.start(&ALONE);
    kept(&agent);
    let verified = verified_newest(&agent);
    kept(&agent);
    kept(&agent);
    assert_eq!(agent.stop(), Some(0));
    let (id, key) = (
        place.write("id", "key-id"),
        place.write("key", "key-of-the-bucket"),
    );
    place.write("orderly.yaml", &offsite(&id, &key, s3.port));
    let agent = place.start(&ALONE);
    kept(&agent);
    assert!(word(&verified_newest(&agent)["path"]).starts_with("offsite:"));
    fs::rename(word(&verified["path"]), place.path("aside")).unwrap();
    let run = agent.start("tidy");
    let ended = agent.run_that("tidy", "ended", |found| !found["outcome"].is_null());
    assert_eq!(ended["outcome"], "warning", "{ended}");
    let told = text(&place.cli(&agent, &["runs", "show", &run]).stdout);
    let lost = format!(
        "{} is not there, and it is one that is to stay",
        word(&verified["path"])
    );
    assert!(told.contains(&lost), "{told}");
    let removed = |one: &&Value| one["state"] == "removed";
    assert_eq!(artifacts(&agent).iter().filter(removed).count(), 0);
}

#[test]
fn killed_in_the_middle_of_an_upload_the_upload_is_ended_and_the_backup_made_again() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let s3 = runtime.block_on(S3::start());
    let (place, data) = stage();
    fs::write(data.join("noise"), noise(32 << 20)).unwrap();
    let id = place.write("id", "key-id");
    let key = place.write("key", "key-of-the-bucket");
    place.write("orderly.yaml", &offsite(&id, &key, s3.port));
    let agent = place.start(&ALONE);
    s3.misbehave(Fault::Slow(Duration::from_millis(500)));
    agent.start("nightly");
    until("parts in the store", || (s3.unfinished() > 0).then_some(()));
    agent.kill();
    assert!(s3.keys().is_empty());
    s3.misbehave(None);

    let agent = place.start(&ALONE);
    agent.run_ended("nightly", "succeeded");
    assert_eq!(
        s3.unfinished(),
        0,
        "no parts are paid for that nobody wants"
    );
    assert_eq!(s3.keys().len(), 1, "{:?}", s3.keys());
    let made = artifacts(&agent);
    assert_eq!(made.len(), 1, "{made:?}");
    assert_eq!(made[0]["state"], "verified");
    assert!(word(&made[0]["path"]).starts_with("offsite:nightly/data-"));
}

#[test]
fn a_store_that_refuses_fails_the_run_and_nothing_counts_until_it_takes_a_backup_again() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let s3 = runtime.block_on(S3::start());
    let (place, data) = stage();
    fs::write(data.join("noise"), noise(12 << 20)).unwrap();
    let (id, key) = (
        place.write("id", "key-id"),
        place.write("key", "key-of-the-bucket"),
    );
    place.write("orderly.yaml", &offsite(&id, &key, s3.port));
    let agent = place.start(&ALONE);
    let success = "orderly_artifact_last_stored_timestamp_seconds";
    for method in ["HEAD", "PUT"] {
        s3.misbehave(Fault::Status(403, method, usize::MAX));
        let run = agent.start("nightly");
        let failed = agent.run_that("nightly", "failed", |one| {
            one["id"] == run.as_str() && one["outcome"] == "failed"
        });
        let reason = word(&failed["reason"]);
        for words in [
            "store offsite (bucket backups at http://127.0.0.1:",
            "does not allow it (403)",
            "hint: see what the access key may do",
        ] {
            assert!(reason.contains(words), "{reason}");
        }
        s3.misbehave(None);
        until("the end of the upload", || {
            (s3.unfinished() == 0).then_some(())
        });
        assert!(s3.keys().is_empty(), "{:?}", s3.keys());
        assert!(artifacts(&agent).is_empty());
        assert!(agent.metric(success, "") < 0.5);
    }
    agent.start("nightly");
    agent.run_ended("nightly", "succeeded");
    assert_eq!(artifacts(&agent).len(), 1);
    assert_eq!(s3.keys().len(), 1, "{:?}", s3.keys());
    assert!(agent.metric(success, "") > 0.5);
}
