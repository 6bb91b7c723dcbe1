use super::{broken, filled};
use crate::{
    domain::audit::{Broken, Entry},
    history::{
        AuditFilter, AuditVerdict, FileError, Form, History, Retired, Write,
        tests::{OnDisk, at, entry},
        verify_file,
    },
};
use jiff::Timestamp;
use std::{fs, path::Path};

const KEY: &[u8] = b"a key";

async fn retire(history: &History, before: Timestamp, folder: &Path) -> Option<Retired> {
    let folder = folder.to_owned();
    let found = history
        .retire_audit((before, before), folder, at(1000))
        .await;
    found.unwrap()
}

async fn remove(history: &History, retired: &Retired) {
    let note = Entry::new(at(1000), "system", "audit.archived", "audit");
    let writes = vec![Write::Archived(retired.archive.clone()), Write::Audit(note)];
    history.write(writes).await.unwrap();
}

async fn whole(history: &History) -> (u64, u64) {
    match history
        .verify_audit(history.exported_audit_head().unwrap())
        .await
        .unwrap()
    {
        AuditVerdict::Whole { head, archived, .. } => (head.seq, archived),
        AuditVerdict::Broken { broken, .. } => panic!("{broken}"),
    }
}

#[tokio::test]
async fn what_is_old_moves_to_a_file_and_the_chain_goes_on_from_there() {
    let disk = OnDisk::new();
    filled(&disk).await;
    let history = disk.open();
    let retired = retire(&history, at(5), disk.folder.path()).await.unwrap();
    assert_eq!(
        (retired.archive.span.first, retired.archive.span.last),
        (1, 4)
    );
    assert_eq!(whole(&history).await, (10, 0), "nothing is removed yet");
    remove(&history, &retired).await;
    assert_eq!(whole(&history).await, (11, 4));
    let rest = history.audit(AuditFilter::default()).await.unwrap();
    assert_eq!(rest.len(), 7);
    let again = retire(&history, at(7), disk.folder.path()).await.unwrap();
    remove(&history, &again).await;
    assert_eq!(whole(&history).await, (12, 6));
    assert_eq!(retire(&history, at(7), disk.folder.path()).await, None);
    history.close().await.unwrap();
    let history = disk.open();
    assert_eq!(history.opened().audit, None);
    assert_eq!(whole(&history).await, (12, 6));
    assert_eq!(
        history.audit_archives().await.unwrap(),
        [retired.archive, again.archive]
    );
}

#[tokio::test]
async fn every_record_may_go_and_the_next_one_still_follows() {
    let disk = OnDisk::new();
    filled(&disk).await;
    let history = disk.open();
    let retired = retire(&history, at(500), disk.folder.path()).await.unwrap();
    assert_eq!(retired.archive.span.last, 10);
    remove(&history, &retired).await;
    assert_eq!(whole(&history).await, (11, 10));
}

#[tokio::test]
async fn a_file_that_a_crash_left_before_the_removal_is_found_and_used() {
    let disk = OnDisk::new();
    filled(&disk).await;
    let folder = tempfile::tempdir().unwrap();
    let history = disk.open();
    let first = retire(&history, at(5), folder.path()).await.unwrap();
    assert!(!first.found);
    fs::write(folder.path().join("audit-x.jsonl.zst.partial"), "half").unwrap();
    drop(history);
    let history = disk.open();
    let second = retire(&history, at(8), folder.path()).await.unwrap();
    assert!(second.found);
    assert_eq!(second.archive, first.archive);
    remove(&history, &second).await;
    assert_eq!(whole(&history).await, (11, 4));
}

#[tokio::test]
async fn a_damaged_file_in_the_way_removes_nothing() {
    let disk = OnDisk::new();
    filled(&disk).await;
    let folder = tempfile::tempdir().unwrap();
    let history = disk.open();
    let first = retire(&history, at(5), folder.path()).await.unwrap();
    let mut bytes = fs::read(&first.archive.path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&first.archive.path, bytes).unwrap();
    let found = history
        .retire_audit((at(5), at(5)), folder.path().to_owned(), at(1000))
        .await;
    assert!(found.is_err(), "{found:?}");
    assert_eq!(whole(&history).await, (10, 0));
}

#[tokio::test]
async fn a_changed_archive_is_found_and_one_that_is_elsewhere_is_named() {
    let disk = OnDisk::new();
    filled(&disk).await;
    let folder = tempfile::tempdir().unwrap();
    let history = disk.open();
    let retired = retire(&history, at(5), folder.path()).await.unwrap();
    remove(&history, &retired).await;
    let path = retired.archive.path.clone();
    let bytes = fs::read(&path).unwrap();
    for spoilt in [
        bytes[..bytes.len() / 2].to_vec(),
        [&bytes[..], b"x"].concat(),
        Vec::new(),
    ] {
        fs::write(&path, spoilt).unwrap();
        let verdict = history.verify_audit(None).await.unwrap();
        let AuditVerdict::Broken { good: 11, broken } = verdict else {
            panic!("{verdict:?}");
        };
        let words = broken.to_string();
        assert!(words.contains(path.to_str().unwrap()), "{words}");
    }
    fs::remove_file(&path).unwrap();
    let verdict = history.verify_audit(None).await.unwrap();
    assert!(
        matches!(&verdict, AuditVerdict::Whole { away, .. } if *away == [path.clone()]),
        "{verdict:?}"
    );
    fs::write(&path, bytes).unwrap();
    let verdict = history.verify_audit(None).await.unwrap();
    assert!(matches!(verdict, AuditVerdict::Whole { away, .. } if away.is_empty()));
}

#[tokio::test]
async fn only_exactly_the_beginning_can_be_removed() {
    let disk = OnDisk::new();
    filled(&disk).await;
    let history = disk.open();
    let retired = retire(&history, at(5), disk.folder.path()).await.unwrap();
    let mut other = retired.archive.clone();
    other.span.last = 5;
    let mut later = retired.archive.clone();
    later.span.first = 2;
    for wrong in [other, later] {
        assert!(history.write(vec![Write::Archived(wrong)]).await.is_err());
    }
    remove(&history, &retired).await;
    let twice = history.write(vec![Write::Archived(retired.archive)]).await;
    assert!(twice.is_err());
    assert_eq!(whole(&history).await, (11, 4));
}

#[tokio::test]
async fn nobody_without_the_key_can_make_an_archive_out_of_what_they_removed() {
    for (edit, at_record) in [
        ("DELETE FROM audit_archives", 5),
        ("UPDATE audit_archives SET last = 3", 0),
        ("UPDATE audit_archives SET chain = zeroblob(32)", 0),
        ("UPDATE audit_archives SET seal = zeroblob(32)", 0),
        ("UPDATE audit_archives SET path = '/elsewhere'", 0),
        (
            "INSERT INTO audit_archives SELECT 7, 5, chain, (SELECT chain FROM audit_records WHERE seq = 7), at, path, bytes, sha256, seal
             FROM audit_archives; DELETE FROM audit_records WHERE seq <= 7",
            0,
        ),
    ] {
        let disk = OnDisk::new();
        filled(&disk).await;
        let history = disk.open();
        let retired = retire(&history, at(5), disk.folder.path()).await.unwrap();
        remove(&history, &retired).await;
        history.close().await.unwrap();
        disk.tamper(edit);
        let history = disk.open();
        let (_, found) = broken(history.verify_audit(None).await.unwrap());
        match found {
            Broken::Gap { found, .. } => assert_eq!(found, at_record, "{edit}"),
            Broken::Archive { .. } => assert_eq!(at_record, 0, "{edit}"),
            other => panic!("{edit}: {other}"),
        }
    }
}

async fn exported(history: &History, form: Form, path: &Path) -> Vec<u8> {
    let out = Box::new(fs::File::create(path).unwrap());
    let (since, until) = (Some(at(3)), Some(at(8)));
    let span = history.export_audit(since, until, form, out).await.unwrap();
    assert_eq!((span.first, span.last), (3, 7));
    let bytes = fs::read(path).unwrap();
    assert_eq!(verify_file(bytes.as_slice(), KEY).unwrap(), span);
    bytes
}

#[tokio::test]
async fn an_export_is_checked_by_itself_and_every_change_of_it_is_found() {
    let disk = OnDisk::new();
    filled(&disk).await;
    let history = disk.open();
    let packed = exported(
        &history,
        Form::Zstd,
        &disk.folder.path().join("e.jsonl.zst"),
    )
    .await;
    assert!(packed.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]));
    let plain = exported(&history, Form::Plain, &disk.folder.path().join("e.jsonl")).await;
    let text = String::from_utf8(plain.clone()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 7);
    let without = |gone: usize| {
        let kept = lines.iter().enumerate().filter(|(at, _)| *at != gone);
        kept.map(|(_, line)| format!("{line}\n"))
            .collect::<String>()
    };
    for gone in 0..lines.len() {
        assert!(
            verify_file(without(gone).as_bytes(), KEY).is_err(),
            "line {gone}"
        );
    }
    for at in 0..plain.len() - 1 {
        let mut changed = plain.clone();
        changed[at] ^= 1;
        assert!(
            verify_file(changed.as_slice(), KEY).is_err(),
            "byte {at}: {}",
            text.get(at..).unwrap_or_default()
        );
    }
    let other = verify_file(plain.as_slice(), b"another key").unwrap_err();
    assert!(
        matches!(other, FileError::Broken(Broken::OtherKey { .. })),
        "{other}"
    );
    let cut = verify_file(&plain[..plain.len() - 300], KEY);
    assert!(cut.is_err());
    let more = format!("{text}{}\n", lines[1]);
    assert!(matches!(
        verify_file(more.as_bytes(), KEY),
        Err(FileError::Seal)
    ));
}

#[tokio::test]
async fn a_log_that_is_broken_is_not_exported() {
    let disk = OnDisk::new();
    filled(&disk).await;
    disk.tamper("UPDATE audit_records SET user = 'x' WHERE seq = 3");
    let history = disk.open();
    let out = Box::new(Vec::new());
    let refused = history.export_audit(None, None, Form::Plain, out).await;
    assert!(matches!(
        refused,
        Err(FileError::Broken(Broken::Edited { seq: 3, .. }))
    ));
    let kept = history
        .retire_audit((at(5), at(5)), disk.folder.path().to_owned(), at(9))
        .await;
    assert!(kept.is_err());
}

#[tokio::test]
async fn an_archive_never_holds_more_than_ten_thousand() {
    let history = History::temporary().unwrap();
    let batch = (1..=10_005)
        .map(|number| Write::Audit(entry(number)))
        .collect();
    history.write(batch).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut spans = Vec::new();
    while let Some(retired) = retire(&history, at(10_004), folder.path()).await {
        spans.push((retired.archive.span.first, retired.archive.span.last));
        remove(&history, &retired).await;
    }
    assert_eq!(spans, [(1, 10_000), (10_001, 10_003)]);
    assert_eq!(whole(&history).await, (10_007, 10_003));
}
