mod archives;
mod heads;
mod queries;

use super::{OnDisk, at, entry};
use crate::{
    domain::audit::{Broken, Stamp},
    history::{AuditVerdict, History, HistoryError, Write},
};

async fn filled(disk: &OnDisk) {
    let history = disk.open();
    history.stamp_with(|| Stamp {
        boot: "a start".to_owned(),
        uptime_ms: 7,
    });
    let batch = (1..=10).map(|number| Write::Audit(entry(number))).collect();
    history.write(batch).await.unwrap();
    history.close().await.unwrap();
}

async fn verdict(disk: &OnDisk) -> AuditVerdict {
    let history = disk.open();
    let head = history.exported_audit_head().unwrap();
    assert!(head.is_some());
    history.verify_audit(head).await.unwrap()
}

fn broken(verdict: AuditVerdict) -> (u64, Broken) {
    match verdict {
        AuditVerdict::Broken { good, broken } => (good, broken),
        AuditVerdict::Whole { head, .. } => panic!("found whole up to {head:?}"),
    }
}

#[tokio::test]
async fn an_untouched_log_is_whole_also_after_it_is_opened_again() {
    let disk = OnDisk::new();
    filled(&disk).await;
    filled(&disk).await;
    let AuditVerdict::Whole { head, .. } = verdict(&disk).await else {
        panic!("it is broken")
    };
    assert_eq!(head.seq, 20);
    assert_eq!(head.at, Some(at(10)));
}

#[tokio::test]
async fn an_empty_log_is_whole() {
    let history = History::temporary().unwrap();
    let verdict = history.verify_audit(None).await.unwrap();
    assert!(matches!(verdict, AuditVerdict::Whole { head, .. } if head.seq == 0));
}

#[tokio::test]
async fn any_edit_of_any_column_is_found_at_its_record() {
    for edit in [
        "user = 'annb'",
        "action = 'step.startee'",
        "resource = 'run/8'",
        "namespace = 'defaulu'",
        "at = at + 1",
        "details = replace(details, 'ä', 'a')",
        "details = details || ' '",
        "details = '{'",
        "success = 1 - success",
        "error_msg = '.'",
        "chain = zeroblob(32)",
        "chain = CAST(substr(chain, 1, 31) || x'00' AS BLOB)",
        "boot = 'another'",
        "boot = NULL",
        "uptime = uptime + 1",
        "uptime = -1",
        "boot = NULL, uptime = NULL",
        "word = 'read'",
        "run = 'another'",
        "runbook = 'another'",
    ] {
        let disk = OnDisk::new();
        filled(&disk).await;
        disk.tamper(&format!("UPDATE audit_records SET {edit} WHERE seq = 7"));
        let (good, broken) = broken(verdict(&disk).await);
        assert_eq!(good, 6, "{edit}");
        assert!(
            matches!(broken, Broken::Edited { seq: 7, .. }),
            "{edit}: {broken}"
        );
    }
}

#[tokio::test]
async fn a_deleted_record_is_found_as_a_gap() {
    let disk = OnDisk::new();
    filled(&disk).await;
    disk.tamper("DELETE FROM audit_records WHERE seq = 4");
    let (good, broken) = broken(verdict(&disk).await);
    assert_eq!(
        (good, broken),
        (
            3,
            Broken::Gap {
                expected: 4,
                found: 5
            }
        )
    );
}

#[tokio::test]
async fn a_deleted_record_whose_gap_was_closed_is_found() {
    let disk = OnDisk::new();
    filled(&disk).await;
    disk.tamper("DELETE FROM audit_records WHERE seq = 4; UPDATE audit_records SET seq = seq - 1 WHERE seq > 4;");
    let (good, broken) = broken(verdict(&disk).await);
    assert_eq!(good, 3);
    assert!(matches!(broken, Broken::Edited { seq: 4, .. }));
}

#[tokio::test]
async fn records_that_changed_places_are_found() {
    let disk = OnDisk::new();
    filled(&disk).await;
    disk.tamper(
        "UPDATE audit_records SET seq = 99 WHERE seq = 5; UPDATE audit_records SET seq = 5 WHERE seq = 6;
         UPDATE audit_records SET seq = 6 WHERE seq = 99;",
    );
    let (good, broken) = broken(verdict(&disk).await);
    assert_eq!(good, 4);
    assert!(matches!(broken, Broken::Edited { seq: 5, .. }));
}

#[tokio::test]
async fn a_cut_tail_is_found_against_the_exported_end_and_never_exported_over() {
    let disk = OnDisk::new();
    filled(&disk).await;
    disk.tamper("DELETE FROM audit_records WHERE seq > 8");
    let cut = Broken::Cut { last: 8, head: 10 };
    let history = disk.open();
    assert_eq!(history.opened().audit, Some(cut.clone()));
    let alone = history.verify_audit(None).await.unwrap();
    assert!(matches!(alone, AuditVerdict::Whole { .. }));
    let head = history.exported_audit_head().unwrap();
    let (_, found) = broken(history.verify_audit(head.clone()).await.unwrap());
    assert_eq!(found, cut);
    let refused = history.export_audit_head().await.unwrap_err();
    assert!(matches!(refused, HistoryError::AuditBroken(_)));

    let more = (11..=20)
        .map(|number| Write::Audit(entry(number)))
        .collect();
    history.write(more).await.unwrap();
    let (_, found) = broken(history.verify_audit(head.clone()).await.unwrap());
    assert!(matches!(found, Broken::Edited { seq: 10, .. }), "{found}");
    assert!(history.close().await.is_err());
    assert_eq!(disk.open().exported_audit_head().unwrap(), head);
}

#[tokio::test]
async fn a_log_cut_while_the_agent_runs_has_a_gap() {
    let disk = OnDisk::new();
    let history = disk.open();
    let write = |number| history.write(vec![Write::Audit(entry(number))]);
    for number in 1..=5 {
        write(number).await.unwrap();
    }
    disk.tamper("DELETE FROM audit_records WHERE seq > 3");
    write(6).await.unwrap();
    let (_, found) = broken(history.verify_audit(None).await.unwrap());
    assert_eq!(
        found,
        Broken::Gap {
            expected: 4,
            found: 6
        }
    );
}

#[tokio::test]
async fn a_forged_record_is_found_without_the_key() {
    let disk = OnDisk::new();
    filled(&disk).await;
    disk.tamper(
        "INSERT INTO audit_records (seq, at, user, action, resource, namespace, details, success, error_msg, chain)
         SELECT 11, at, user, action, resource, namespace, details, success, error_msg, chain
         FROM audit_records WHERE seq = 10",
    );
    let (good, _) = broken(verdict(&disk).await);
    assert_eq!(good, 10);
}

#[tokio::test]
async fn a_log_is_checked_with_its_own_key_only() {
    let disk = OnDisk::new();
    filled(&disk).await;
    let mut options = disk.options();
    options.key = b"another key".to_vec();
    let history = History::open(options).unwrap();
    let (good, _) = broken(history.verify_audit(None).await.unwrap());
    assert_eq!(good, 0);
}

#[tokio::test]
async fn a_log_of_more_than_one_page_is_checked_whole() {
    let history = History::temporary().unwrap();
    let batch = (1..=2500)
        .map(|number| Write::Audit(entry(number)))
        .collect();
    history.write(batch).await.unwrap();
    let verdict = history.verify_audit(None).await.unwrap();
    assert!(matches!(verdict, AuditVerdict::Whole { head, .. } if head.seq == 2500));
}
