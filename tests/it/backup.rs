//! Backups and their trial restores, as steps of a run on real files and databases.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use crate::steps::{Run, world};
use orderly::domain::{
    check::CheckStatus,
    run::{StepReport, StepResult},
};
use rusqlite::Connection;
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

struct Stage {
    folder: TempDir,
    run: Run,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let run = Run::new(world(&folder.path().join("state")));
        Self { folder, run }
    }
    fn data(&self) -> PathBuf {
        let data = self.folder.path().join("data");
        fs::create_dir_all(&data).unwrap();
        data
    }
    /// Everything in the state folder, relative to it.
    fn left(&self) -> Vec<String> {
        let state = self.folder.path().join("state");
        let mut found = Vec::new();
        walk(&state, &state, &mut found);
        found.sort();
        found
    }
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(root, &path, found);
        } else {
            found.push(path.strip_prefix(root).unwrap().display().to_string());
        }
    }
}
fn succeeded(report: StepReport) -> StepReport {
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
    report
}

#[tokio::test]
async fn files_are_kept_and_verified_from_the_outputs_of_the_step_before() {
    let stage = Stage::new();
    fs::write(stage.data().join("one"), "hello").unwrap();
    fs::write(stage.data().join("two.tmp"), "no").unwrap();
    let keep = json!({ "name": "data", "paths": [stage.data()], "exclude": ["*.tmp"] });
    let kept = succeeded(stage.run.step("backup/files", keep).await);
    let artifact = &kept.outputs["artifact"];
    assert_eq!(artifact["kind"], "files");
    assert_eq!(artifact["entries"], 2);
    let verify = json!({ "artifact": artifact, "sha256": artifact["sha256"], "expect": { "minEntries": 2, "minBytes": 5 } });
    let verified = succeeded(stage.run.step("backup/verify", verify).await);
    assert_eq!(verified.outputs["verified"]["sha256"], artifact["sha256"]);
    assert_eq!(
        verified.outputs["verified"]["content"],
        json!({ "bytes": 5, "files": 1, "folders": 1, "links": 0 })
    );
    let left = stage.left();
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(left[0].starts_with("artifacts/nightly/data-"), "{left:?}");
}

#[tokio::test]
async fn a_database_is_kept_while_it_is_written_to() {
    let stage = Stage::new();
    let path = stage.data().join("app.db");
    let live = Connection::open(&path).unwrap();
    live.execute_batch(
        "PRAGMA journal_mode = WAL; CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT);
         INSERT INTO orders (note) VALUES ('a'), ('b'), ('c'); BEGIN; INSERT INTO orders (note) VALUES ('open')",
    )
    .unwrap();
    let keep = json!({ "name": "app", "database": path });
    let kept = succeeded(stage.run.step("backup/sqlite", keep).await);
    live.execute_batch("COMMIT").unwrap();
    let verify =
        json!({ "artifact": kept.outputs["artifact"], "expect": { "tables": { "orders": 3 } } });
    let verified = succeeded(stage.run.step("backup/verify", verify).await);
    assert_eq!(
        verified.outputs["verified"]["content"],
        json!({ "orders": 3 })
    );
    assert!(
        verified.summary.ends_with("1 tables, 3 rows, integrity ok"),
        "{}",
        verified.summary
    );
}

#[tokio::test]
async fn what_is_no_database_is_not_kept() {
    let stage = Stage::new();
    let (empty, text) = (stage.data().join("empty.db"), stage.data().join("text.db"));
    fs::write(&empty, "").unwrap();
    fs::write(&text, "this is not a database, by any measure".repeat(100)).unwrap();
    let missing = stage.data().join("missing.db");
    for (path, words) in [
        (&empty, "the database is empty"),
        (&text, "not a database"),
        (&missing, "No such file"),
    ] {
        let report = stage
            .run
            .step("backup/sqlite", json!({ "name": "app", "database": path }))
            .await;
        assert!(report.summary.contains(words), "{}", report.summary);
        assert!(matches!(report.result, StepResult::Failed { .. }));
    }
    assert!(!missing.exists(), "reading must not make it");
    assert!(stage.left().is_empty(), "{:?}", stage.left());
}

#[tokio::test]
async fn a_restore_with_too_little_in_it_fails() {
    let stage = Stage::new();
    let path = stage.data().join("app.db");
    let database = Connection::open(&path).unwrap();
    database
        .execute_batch("CREATE TABLE orders (id INTEGER)")
        .unwrap();
    let kept = stage
        .run
        .step("backup/sqlite", json!({ "name": "app", "database": path }))
        .await;
    let expect = json!({ "tables": { "orders": 1, "users": 1 } });
    let verify = json!({ "artifact": kept.outputs["artifact"]["path"], "expect": expect });
    let report = stage.run.step("backup/verify", verify).await;
    assert!(
        report
            .summary
            .ends_with("holds 0 rows in `orders` instead of at least 1, no table `users`"),
        "{}",
        report.summary
    );
}

#[tokio::test]
async fn a_damaged_artifact_does_not_verify() {
    let stage = Stage::new();
    fs::write(stage.data().join("one"), "hello").unwrap();
    let keep = json!({ "name": "data", "paths": [stage.data()] });
    let artifact = stage.run.step("backup/files", keep).await.outputs["artifact"].clone();
    let path = artifact["path"].as_str().unwrap();
    let mut bytes = fs::read(path).unwrap();
    bytes.pop();
    fs::write(path, bytes).unwrap();
    for artifact in [artifact.clone(), artifact["path"].clone()] {
        let report = stage
            .run
            .step("backup/verify", json!({ "artifact": artifact }))
            .await;
        assert!(report.summary.contains("is damaged"), "{}", report.summary);
    }
}

#[tokio::test]
async fn unreadable_files_are_listed_and_nothing_is_kept() {
    let stage = Stage::new();
    fs::write(stage.data().join("one"), "hello").unwrap();
    let keep = json!({ "name": "data", "paths": [stage.data(), "/not/there"] });
    let report = stage.run.step("backup/files", keep).await;
    assert_eq!(
        report.summary,
        "1 of the files cannot be read: /not/there: No such file or directory (os error 2)"
    );
    assert!(stage.left().is_empty());
}

#[tokio::test]
async fn the_disk_under_the_state_folder_has_room() {
    let stage = Stage::new();
    let check = json!({ "path": ".", "warning": 1, "critical": 0, "warningInodes": "0%", "criticalInodes": "0%" });
    let report = succeeded(stage.run.step("host/disk", check).await);
    assert_eq!(report.check, Some(CheckStatus::Ok));
    assert!(report.outputs["totalBytes"].as_u64().unwrap() > 0);
}
