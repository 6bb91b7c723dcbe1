use super::{broken, filled};
use crate::{
    domain::audit::Broken,
    history::{
        AuditHead, AuditVerdict, History, HistoryError,
        tests::{OnDisk, at},
    },
};
use std::fs;

#[tokio::test]
async fn heads_are_added_to_a_file_line_by_line_and_all_are_held_against_the_log() {
    let disk = OnDisk::new();
    filled(&disk).await;
    let file = disk.folder.path().join("heads");
    let history = disk.open();
    let first = history
        .export_audit_head_to(file.clone(), at(100))
        .await
        .unwrap();
    filled_more(&history).await;
    history
        .export_audit_head_to(file.clone(), at(200))
        .await
        .unwrap();
    let lines = fs::read_to_string(&file).unwrap();
    assert_eq!(lines.lines().count(), 2, "{lines}");
    let heads = History::read_audit_heads(&file).unwrap();
    assert_eq!(heads[0], first);
    let whole = history.verify_audit(heads).await.unwrap();
    assert!(matches!(whole, AuditVerdict::Whole { .. }));
}

async fn filled_more(history: &History) {
    let more = crate::history::Write::Audit(crate::history::tests::entry(11));
    history.write(vec![more]).await.unwrap();
}

#[tokio::test]
async fn an_older_database_that_was_put_back_whole_is_found_against_a_head_kept_elsewhere() {
    let disk = OnDisk::new();
    filled(&disk).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let heads = elsewhere.path().join("heads");
    let older = elsewhere.path().join("older.db");
    fs::copy(disk.path(), &older).unwrap();
    let older_head = fs::read(disk.folder.path().join("audit.head")).unwrap();
    filled(&disk).await;
    disk.open()
        .export_audit_head_to(heads.clone(), at(1))
        .await
        .unwrap();
    fs::copy(&older, disk.path()).unwrap();
    fs::write(disk.folder.path().join("audit.head"), older_head).unwrap();
    let history = disk.open();
    assert_eq!(
        history.opened().audit,
        None,
        "nothing beside it knows better"
    );
    let kept = History::read_audit_heads(&heads).unwrap();
    let (_, found) = broken(history.verify_audit(kept.clone()).await.unwrap());
    assert_eq!(found, Broken::Cut { last: 10, head: 20 });
    assert!(found.to_string().contains("an older database was put back"));
    // Once it has come further than that head, it is the other value there that tells.
    for _ in 0..11 {
        filled_more(&history).await;
    }
    let refused = history.export_audit_head_to(heads.clone(), at(2)).await;
    assert!(
        matches!(
            refused,
            Err(HistoryError::AuditBroken(Broken::Edited { seq: 20, .. }))
        ),
        "{refused:?}"
    );
    assert_eq!(
        History::read_audit_heads(&heads).unwrap(),
        kept,
        "nothing is added"
    );
}

#[tokio::test]
async fn a_view_or_a_trigger_of_somebody_else_is_found() {
    let disk = OnDisk::new();
    filled(&disk).await;
    let change = |sql: &str| {
        let connection = rusqlite::Connection::open(disk.path()).unwrap();
        connection.execute_batch(sql).unwrap();
    };
    change("CREATE TRIGGER quiet BEFORE INSERT ON audit_records BEGIN SELECT 1; END;");
    let history = disk.open();
    let (_, found) = broken(history.verify_audit([]).await.unwrap());
    assert!(
        found
            .to_string()
            .starts_with("the trigger quiet of the database"),
        "{found}"
    );
    change(
        "DROP TRIGGER quiet; DROP VIEW audit_log; CREATE VIEW audit_log AS SELECT seq AS id, 1 AS success FROM audit_records;",
    );
    let (_, found) = broken(history.verify_audit([]).await.unwrap());
    assert!(
        found
            .to_string()
            .starts_with("the view audit_log of the database"),
        "{found}"
    );
}

#[tokio::test]
async fn another_key_is_told_from_an_edit_where_a_head_names_the_key() {
    let disk = OnDisk::new();
    filled(&disk).await;
    let mut options = disk.options();
    options.key = b"another key".to_vec();
    let history = History::open(options).unwrap();
    assert!(matches!(
        history.opened().audit,
        Some(Broken::OtherKey { .. })
    ));
    let head = history.exported_audit_head().unwrap();
    let (good, found) = broken(history.verify_audit(head).await.unwrap());
    assert_eq!(good, 0);
    assert!(matches!(found, Broken::OtherKey { .. }), "{found}");
    assert!(
        history.export_audit_head().await.is_err(),
        "the head stays that of the right key"
    );
}

#[tokio::test]
async fn a_line_that_a_crash_cut_short_spoils_nothing() {
    let disk = OnDisk::new();
    filled(&disk).await;
    let file = disk.folder.path().join("heads");
    let history = disk.open();
    history
        .export_audit_head_to(file.clone(), at(100))
        .await
        .unwrap();
    let whole = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        format!("{whole}{}", whole.get(..whole.len() / 2).unwrap()),
    )
    .unwrap();
    assert_eq!(History::read_audit_heads(&file).unwrap().len(), 1);
    history
        .export_audit_head_to(file.clone(), at(200))
        .await
        .unwrap();
    assert_eq!(History::read_audit_heads(&file).unwrap().len(), 2);
}

#[test]
fn a_head_is_a_number_and_a_chain_value() {
    let text = format!("4711:{}", "0a".repeat(32));
    let head: AuditHead = text.parse().unwrap();
    assert_eq!(head.to_string(), text);
    for wrong in ["", "4711", ":", "x:00", &format!("-1:{}", "0a".repeat(32))] {
        assert!(wrong.parse::<AuditHead>().is_err(), "{wrong}");
    }
}
