use super::{OnDisk, at, entry, event, name, occurrence, queued, run_id};
use crate::{
    domain::{
        occurrence::{NotRun, Skipped},
        run::{RunEvent, RunOutcome},
    },
    history::{BackupError, History, RunFilter, Write, integrity, online_backup},
};
use std::collections::BTreeMap;

async fn filled(history: &History, text: &str, numbers: std::ops::Range<u64>) {
    let mut batch = Vec::new();
    for number in numbers {
        let second = i64::try_from(number).unwrap();
        batch.push(Write::Occurrence(occurrence(text, second), run_id(number)));
        batch.extend(queued(number, text));
        batch.push(Write::Audit(entry(second)));
        batch.push(event(number, RunEvent::Started, second));
        let outcome = RunOutcome::Succeeded;
        let reason = String::new();
        batch.push(event(
            number,
            RunEvent::Ended { outcome, reason },
            second + 1,
        ));
    }
    history.write(batch).await.unwrap();
}

async fn rows(history: &History) -> BTreeMap<String, u64> {
    let stats = history.stats().await.unwrap();
    stats
        .tables
        .into_iter()
        .map(|table| (table.name, table.rows))
        .collect()
}

#[tokio::test]
async fn old_runs_go_but_for_the_newest_of_each_runbook() {
    let history = History::temporary().unwrap();
    filled(&history, "often", 0..500).await;
    filled(&history, "seldom", 500..503).await;
    history.write(queued(600, "waits")).await.unwrap();
    let skipped = Skipped {
        occurrence: occurrence("often", 1),
        last_nominal: at(1),
        reason: NotRun::Overlap,
        detail: String::new(),
        at: at(1),
    };
    history.write(vec![Write::Skipped(skipped)]).await.unwrap();
    let pruned = history.prune_runs(at(450), 10).await.unwrap();
    assert_eq!((pruned.runs, pruned.skipped), (449, 1));
    let pruned = history.prune_runs(at(10_000), 10).await.unwrap();
    assert_eq!((pruned.runs, pruned.others), (41, 0));
    let left = rows(&history).await;
    assert_eq!(left["runs"], 10 + 3 + 1);
    assert_eq!(left["events"], 2 * 13);
    assert_eq!(left["occurrences"], 13);
    assert_eq!(left["definitions"], 3);
    assert_eq!(left["audit_records"], 503);
    let newest = RunFilter {
        runbook: Some(name("often")),
        ..RunFilter::default()
    };
    assert_eq!(
        history.runs(newest).await.unwrap()[9].header.id,
        run_id(490)
    );
    let pruned = history.prune_runs(at(10_000), 0).await.unwrap();
    assert_eq!((pruned.runs, pruned.others), (13, 2));
    assert_eq!(rows(&history).await["runs"], 1);
}

#[tokio::test]
async fn what_is_free_is_given_back() {
    let disk = OnDisk::new();
    let history = disk.open();
    filled(&history, "often", 0..500).await;
    history.prune_runs(at(10_000), 0).await.unwrap();
    let before = history.stats().await.unwrap();
    assert!(before.free_pages > 0);
    history.vacuum().await.unwrap();
    let after = history.stats().await.unwrap();
    assert_eq!(after.free_pages, 0);
    assert_eq!(after.bytes, after.pages * after.page_bytes);
    assert!(after.bytes < before.pages * before.page_bytes);
    assert_eq!(after.schema, history.opened().migrated.to);
    assert_eq!(history.check().await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn a_backup_of_a_live_history_is_whole_and_opens() {
    let disk = OnDisk::new();
    let history = disk.open();
    filled(&history, "often", 0..50).await;
    let copy = disk.folder.path().join("copy.db");
    let source = disk.path();
    let target = copy.clone();
    // Others write meanwhile.
    let copying = tokio::task::spawn_blocking(move || online_backup(&source, &target, &|| false));
    for number in 100..150 {
        filled(&history, "meanwhile", number..number + 1).await;
    }
    let pages = copying.await.unwrap().unwrap();
    let inspected = integrity(&copy, &|| false).unwrap();
    assert_eq!(inspected.pages, pages);
    assert!(inspected.tables["runs"] >= 50);
    assert_eq!(inspected.tables["runs"], inspected.tables["audit_records"]);
    let restored = OnDisk::new();
    std::fs::rename(&copy, restored.path()).unwrap();
    assert!(restored.open().run(run_id(49)).await.unwrap().is_some());
}

#[test]
fn any_database_is_backed_up_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (source, copy) = (folder.path().join("app.db"), folder.path().join("copy.db"));
    let app = rusqlite::Connection::open(&source).unwrap();
    app.execute_batch(
        "CREATE TABLE \"odd \"\" name\" (x); INSERT INTO \"odd \"\" name\" VALUES (1), (2);
         CREATE TABLE empty (x); CREATE VIEW v AS SELECT 1;",
    )
    .unwrap();
    online_backup(&source, &copy, &|| false).unwrap();
    let tables = integrity(&copy, &|| false).unwrap().tables;
    let expected = BTreeMap::from([("empty".to_owned(), 0), ("odd \" name".to_owned(), 2)]);
    assert_eq!(tables, expected);
}

#[test]
fn a_backup_that_is_stopped_or_fails_leaves_no_file_and_never_overwrites_one() {
    let folder = tempfile::tempdir().unwrap();
    let (source, copy) = (folder.path().join("app.db"), folder.path().join("copy.db"));
    std::fs::write(
        &source,
        "not a database, but long enough to look at it twice",
    )
    .unwrap();
    let failed = online_backup(&source, &copy, &|| false).unwrap_err();
    assert!(matches!(failed, BackupError::Database { .. }), "{failed}");
    assert!(!copy.exists());
    std::fs::remove_file(&source).unwrap();
    rusqlite::Connection::open(&source)
        .unwrap()
        .execute_batch("CREATE TABLE t (x)")
        .unwrap();
    let stopped = online_backup(&source, &copy, &|| true).unwrap_err();
    assert!(matches!(stopped, BackupError::Stopped));
    assert!(!copy.exists());
    std::fs::write(&copy, "precious").unwrap();
    assert!(online_backup(&source, &copy, &|| false).is_err());
    assert_eq!(std::fs::read(&copy).unwrap(), b"precious");
}

#[test]
fn a_damaged_copy_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let app = rusqlite::Connection::open(&path).unwrap();
    app.execute_batch(
        "CREATE TABLE t (x); WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
         INSERT INTO t SELECT i || 'some text' FROM n;",
    )
    .unwrap();
    drop(app);
    assert!(integrity(&path, &|| false).is_ok());
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    for byte in &mut bytes[middle..middle + 4096] {
        *byte = 0xff;
    }
    std::fs::write(&path, bytes).unwrap();
    let error = integrity(&path, &|| false).unwrap_err();
    assert!(matches!(error, BackupError::Damaged { .. }), "{error}");
}
