//! Backups and their trial restores, as steps of a run on real files and databases.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use crate::{
    small_disk::SmallDisk,
    steps::{Run, world},
};
use orderly::domain::{
    check::CheckStatus,
    run::{StepReport, StepResult},
};
use rusqlite::Connection;
use serde_json::json;
use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
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

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_becomes_full_is_named_with_a_way_out_and_nothing_is_left_on_it() {
    let Some(disk) = SmallDisk::new("size=2m") else {
        return;
    };
    let state = disk.path().join("state");
    let run = Run::new(world(&state));
    let data = tempfile::tempdir().unwrap();
    let database = data.path().join("app.sqlite");
    let connection = Connection::open(&database).unwrap();
    connection
        .execute_batch(
            "create table t (x); insert into t with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000) select randomblob(4000) from n",
        )
        .unwrap();
    for (action, inputs, place, full) in [
        (
            "backup/files",
            json!({ "name": "data", "paths": [data.path()] }),
            "artifacts",
            "No space left on device",
        ),
        (
            "backup/sqlite",
            json!({ "name": "data", "database": database }),
            "scratch",
            "database or disk is full",
        ),
    ] {
        let report = run.step(action, inputs).await;
        assert!(
            matches!(report.result, StepResult::Failed { .. }),
            "{}",
            report.summary
        );
        let place = state.join(place).display().to_string();
        for words in [place.as_str(), full, "; hint: make room"] {
            assert!(
                report.summary.contains(words),
                "{words}: {}",
                report.summary
            );
        }
        let mut left = Vec::new();
        walk(&state, &state, &mut left);
        let content = |path: &String| path.starts_with("artifacts") || path.starts_with("scratch");
        assert!(!left.iter().any(content), "{left:?}");
    }
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
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left[0].starts_with("artifacts/nightly/data-"), "{left:?}");
    // That it has its name is noted until the history is seen to know it.
    assert!(left[1].starts_with("fresh/"), "{left:?}");
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

/// A tree with all that a restore should bring back, kept; its artifact.
async fn kept_tree(stage: &Stage) -> serde_json::Value {
    let data = stage.data();
    fs::create_dir(data.join("sub")).unwrap();
    fs::write(data.join("sub/one"), "hello").unwrap();
    symlink("sub/one", data.join("link")).unwrap();
    symlink("/nowhere", data.join("dangling")).unwrap();
    let mode = |path: &str, mode| {
        fs::set_permissions(data.join(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
    let file = fs::File::open(data.join("sub/one")).unwrap();
    file.set_modified(then).unwrap();
    mode("sub/one", 0o640);
    let folder = fs::File::open(data.join("sub")).unwrap();
    folder.set_modified(then).unwrap();
    // Nobody may write into it, so it must come last.
    mode("sub", 0o550);
    let keep = json!({ "name": "data", "paths": [data] });
    let kept = succeeded(stage.run.step("backup/files", keep).await);
    kept.outputs["artifact"].clone()
}

fn is_as_it_was(restored: &Path) {
    assert_eq!(
        fs::read_to_string(restored.join("sub/one")).unwrap(),
        "hello"
    );
    for (path, mode) in [("sub", 0o550), ("sub/one", 0o640)] {
        let found = fs::metadata(restored.join(path)).unwrap();
        assert_eq!(found.mode() & 0o7777, mode, "{path}");
        assert_eq!(found.mtime(), 1_600_000_000, "{path}");
    }
    let leads = |link: &str| fs::read_link(restored.join(link)).unwrap();
    assert_eq!(leads("link"), Path::new("sub/one"));
    assert_eq!(leads("dangling"), Path::new("/nowhere"));
}

#[tokio::test]
async fn files_come_back_with_their_modes_times_and_links() {
    let stage = Stage::new();
    let artifact = kept_tree(&stage).await;
    let to = stage.folder.path().join("restored");
    let restore = json!({ "artifact": artifact, "to": to, "only": stage.data() });
    let report = succeeded(stage.run.step("backup/restore", restore).await);
    is_as_it_was(&to);
    assert_eq!(report.outputs["restored"]["former"], json!(null));
    let whole = stage.folder.path().join("whole");
    let restore = json!({ "artifact": artifact, "to": whole });
    succeeded(stage.run.step("backup/restore", restore).await);
    is_as_it_was(&whole.join(stage.data().strip_prefix("/").unwrap()));
    // Nothing else is left beside it.
    let mut beside: Vec<_> = fs::read_dir(stage.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    beside.sort();
    assert_eq!(beside, ["data", "restored", "state", "whole"]);
}

#[tokio::test]
async fn what_is_there_is_replaced_only_where_that_is_asked_for_and_is_kept_beside() {
    let stage = Stage::new();
    let artifact = kept_tree(&stage).await;
    let to = stage.folder.path().join("there");
    fs::create_dir(&to).unwrap();
    let restore = |overwrite: bool| json!({ "artifact": artifact, "to": to, "only": stage.data(), "overwrite": overwrite });
    // An empty folder is no loss.
    succeeded(stage.run.step("backup/restore", restore(false)).await);
    is_as_it_was(&to);
    fs::write(to.join("mine"), "precious").unwrap();
    let report = stage.run.step("backup/restore", restore(false)).await;
    assert!(
        report.summary.contains("is there and not empty"),
        "{}",
        report.summary
    );
    assert_eq!(fs::read_to_string(to.join("mine")).unwrap(), "precious");
    let report = succeeded(stage.run.step("backup/restore", restore(true)).await);
    is_as_it_was(&to);
    assert!(!to.join("mine").exists());
    let former = report.outputs["restored"]["former"].as_str().unwrap();
    assert!(former.contains("/there.before-2"), "{former}");
    let kept = fs::read_to_string(Path::new(former).join("mine")).unwrap();
    assert_eq!(kept, "precious");
}

#[tokio::test]
async fn what_a_dead_restore_left_is_not_taken_for_anything() {
    let stage = Stage::new();
    let artifact = kept_tree(&stage).await;
    let half = stage
        .folder
        .path()
        .join(".to.orderly-restoring/content/sub");
    fs::create_dir_all(&half).unwrap();
    // As an agent makes it; a folder that others may enter is not taken for one.
    let staging = stage.folder.path().join(".to.orderly-restoring");
    fs::set_permissions(staging, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(half.join("one"), "hel").unwrap();
    let to = stage.folder.path().join("to");
    assert!(!to.exists());
    let restore = json!({ "artifact": artifact, "to": to, "only": stage.data() });
    succeeded(stage.run.step("backup/restore", restore).await);
    is_as_it_was(&to);
    assert!(!stage.folder.path().join(".to.orderly-restoring").exists());
}

#[tokio::test]
async fn a_damaged_artifact_is_not_restored_and_nothing_is_touched() {
    let stage = Stage::new();
    let artifact = kept_tree(&stage).await;
    let path = artifact["path"].as_str().unwrap();
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
    let to = stage.folder.path().join("there");
    fs::create_dir(&to).unwrap();
    fs::write(to.join("mine"), "precious").unwrap();
    let restore = json!({ "artifact": artifact, "to": to, "overwrite": true });
    let report = stage.run.step("backup/restore", restore).await;
    assert!(report.summary.contains("is damaged"), "{}", report.summary);
    assert_eq!(report.outputs["unsound"]["path"], artifact["path"]);
    assert_eq!(fs::read_to_string(to.join("mine")).unwrap(), "precious");
    assert_eq!(fs::read_dir(&to).unwrap().count(), 1);
    assert_eq!(fs::read_dir(stage.folder.path()).unwrap().count(), 3);
}

#[tokio::test]
async fn nothing_is_restored_into_the_agents_own_folder_through_a_link_or_to_a_path_that_is_not_in_it()
 {
    let stage = Stage::new();
    let artifact = kept_tree(&stage).await;
    let folder = stage.folder.path();
    symlink("/tmp", folder.join("link")).unwrap();
    for (to, only, words) in [
        (folder.join("state/x"), None, "own state folder"),
        (folder.join("state"), None, "own state folder"),
        (folder.to_owned(), None, "own state folder"),
        (folder.join("link"), None, "is a symbolic link"),
        (folder.join("not/there"), None, "make the folder first"),
        (
            folder.join("x"),
            Some("/etc/passwd"),
            "holds nothing at /etc/passwd",
        ),
    ] {
        let mut restore = json!({ "artifact": artifact, "to": to, "overwrite": true });
        if let Some(only) = only {
            restore["only"] = json!(only);
        }
        let report = stage.run.step("backup/restore", restore).await;
        assert!(report.summary.contains(words), "{}", report.summary);
    }
    assert!(!folder.join("x").exists());
}

fn orders(path: &Path) -> u64 {
    let database = Connection::open(path).unwrap();
    let count: i64 = database
        .query_row("SELECT count(*) FROM orders", [], |row| row.get(0))
        .unwrap();
    u64::try_from(count).unwrap()
}

#[tokio::test]
async fn a_database_in_use_is_refused_and_a_free_one_is_replaced_and_kept() {
    let stage = Stage::new();
    let path = stage.data().join("app.db");
    let live = Connection::open(&path).unwrap();
    live.execute_batch(
        "PRAGMA journal_mode = WAL; CREATE TABLE orders (id INTEGER PRIMARY KEY); INSERT INTO orders DEFAULT VALUES",
    )
    .unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let keep = json!({ "name": "app", "database": path });
    let kept = succeeded(stage.run.step("backup/sqlite", keep).await);
    live.execute_batch("INSERT INTO orders DEFAULT VALUES; DELETE FROM orders WHERE id = 9")
        .unwrap();
    let artifact = kept.outputs["artifact"].clone();
    let restore = json!({ "artifact": artifact, "to": path, "overwrite": true });
    let report = stage.run.step("backup/restore", restore.clone()).await;
    assert!(
        report.summary.contains("is in use by"),
        "{}",
        report.summary
    );
    assert_eq!(orders(&path), 2);
    live.close().unwrap();
    let report = succeeded(stage.run.step("backup/restore", restore).await);
    assert_eq!(orders(&path), 1);
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
    let former = report.outputs["restored"]["former"].as_str().unwrap();
    assert_eq!(orders(Path::new(former)), 2);
}

#[tokio::test]
async fn a_broken_database_is_replaced_with_what_was_left_of_its_log() {
    let stage = Stage::new();
    let path = stage.data().join("app.db");
    let good = Connection::open(&path).unwrap();
    good.execute_batch("CREATE TABLE orders (id INTEGER); INSERT INTO orders VALUES (1)")
        .unwrap();
    good.close().unwrap();
    let keep = json!({ "name": "app", "database": path });
    let kept = succeeded(stage.run.step("backup/sqlite", keep).await);
    fs::write(&path, "this is no database any more".repeat(200)).unwrap();
    let log = path.with_file_name("app.db-wal");
    fs::write(&log, "what is left of a log").unwrap();
    let restore = json!({ "artifact": kept.outputs["artifact"], "to": path, "overwrite": true });
    let report = succeeded(stage.run.step("backup/restore", restore).await);
    assert_eq!(orders(&path), 1);
    let former = report.outputs["restored"]["former"].as_str().unwrap();
    assert!(
        fs::read(former)
            .unwrap()
            .starts_with(b"this is no database")
    );
    assert!(Path::new(&format!("{former}-wal")).exists());
}

#[tokio::test]
async fn an_artifact_that_is_gone_is_unsound() {
    let stage = Stage::new();
    let artifact = kept_tree(&stage).await;
    fs::remove_file(artifact["path"].as_str().unwrap()).unwrap();
    let verify = json!({ "artifact": artifact });
    let report = stage.run.step("backup/verify", verify).await;
    assert!(
        report.summary.contains("it is not there"),
        "{}",
        report.summary
    );
    assert_eq!(report.outputs["unsound"]["path"], artifact["path"]);
}

#[tokio::test]
async fn a_restore_that_could_only_fail_is_refused_before_anybody_is_asked() {
    let stage = Stage::new();
    let artifact = kept_tree(&stage).await;
    let to = stage.folder.path().join("there");
    let uses = orderly::domain::name::ActionName::new("backup/restore").unwrap();
    let asked = async |overwrite: bool| {
        let restore = json!({ "artifact": artifact, "to": to, "overwrite": overwrite });
        let intent = stage.run.intent(&uses, &restore).await?;
        Ok::<_, String>(intent.wants_approval.unwrap().message)
    };
    for overwrite in [false, true] {
        let message = asked(overwrite).await.unwrap();
        assert!(message.ends_with("where nothing is yet?"), "{message}");
    }
    fs::create_dir(&to).unwrap();
    fs::write(to.join("mine"), "precious").unwrap();
    let why = asked(false).await.unwrap_err();
    assert!(why.contains("is there and not empty"), "{why}");
    assert!(why.contains("`--overwrite`"), "{why}");
    let message = asked(true).await.unwrap();
    assert!(
        message.ends_with("in place of what is there, which is kept beside?"),
        "{message}"
    );
}

#[tokio::test]
async fn a_backup_of_folders_and_empty_files_is_doubted_unless_that_is_well() {
    let stage = Stage::new();
    let spool = stage.data().join("spool");
    fs::create_dir_all(spool.join("new")).unwrap();
    fs::write(spool.join("new/none"), "").unwrap();
    let keep = |well: bool| json!({ "name": "spool", "paths": [spool], "mayBeEmpty": well });
    let report = succeeded(stage.run.step("backup/files", keep(false)).await);
    assert_eq!(report.check, Some(CheckStatus::Warning));
    let doubt = report.outputs["artifact"]["doubt"].as_str().unwrap();
    assert!(doubt.contains("only folders and empty files"), "{doubt}");
    let report = succeeded(stage.run.step("backup/files", keep(true)).await);
    assert_eq!(report.check, None);
    fs::write(spool.join("new/one"), "1").unwrap();
    let report = succeeded(stage.run.step("backup/files", keep(false)).await);
    assert_eq!(report.outputs["artifact"]["doubt"], json!(null));
}
