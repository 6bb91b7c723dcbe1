//! Everything that is neither a run nor an approval nor the audit log.

use super::{OnDisk, artifact_id, at, digest, name, occurrence, run_id};
use crate::{
    domain::{
        artifact::ArtifactState,
        effect::Class,
        id::ArtifactId,
        name::LockName,
        occurrence::{NotRun, Skipped},
        pace::Touched,
        span::Span,
    },
    history::{
        ActiveChange, ActiveFile, ArtifactFilter, ArtifactRecord, HeldRevision, History, Refused,
        SkippedFilter, SyncRecord, Write, WriteError,
    },
};
use serde_json::json;

#[tokio::test]
async fn what_the_agent_keeps_about_itself_is_there_after_it_is_opened_again() {
    let disk = OnDisk::new();
    let history = disk.open();
    assert_eq!(history.last_heartbeat().await.unwrap(), None);
    assert_eq!(history.last_sync().await.unwrap(), None);
    let sync = SyncRecord {
        source: "https://example.org/ops.git".to_owned(),
        attempted: Some("b".to_owned()),
        applied: Some("a".to_owned()),
        last_attempt: Some(at(3)),
        held: Some(HeldRevision {
            revision: "b".to_owned(),
            runbooks: vec![name("one")],
        }),
        ..SyncRecord::default()
    };
    let batch = vec![
        Write::Heartbeat {
            at: at(1),
            stamp: None,
        },
        Write::Heartbeat {
            at: at(2),
            stamp: None,
        },
        Write::Sync(SyncRecord::default()),
        Write::Sync(sync.clone()),
    ];
    history.write(batch).await.unwrap();
    drop(history);
    let history = disk.open();
    assert_eq!(history.last_heartbeat().await.unwrap(), Some(at(2)));
    assert_eq!(history.last_sync().await.unwrap(), Some(sync));
}

#[tokio::test]
async fn the_set_in_use_is_changed_file_by_file_and_read_page_by_page() {
    let history = History::temporary().unwrap();
    let file = |path: &str, blob: &str| ActiveFile {
        path: path.to_owned(),
        blob: blob.to_owned(),
        revision: "r".to_owned(),
        author: String::new(),
        documents: "[]".to_owned(),
    };
    let put = |path: &str, blob: &str| ActiveChange::Put(file(path, blob));
    let first = vec![put("c.yaml", "1"), put("a.yaml", "1"), put("b/d.yaml", "1")];
    let second = vec![
        put("a.yaml", "2"),
        ActiveChange::Remove {
            path: "b/d.yaml".to_owned(),
        },
    ];
    history
        .write(vec![Write::Active(first), Write::Active(second)])
        .await
        .unwrap();
    let page = history.active_files(None, 1).await.unwrap();
    assert_eq!(page, [file("a.yaml", "2")]);
    let rest = history
        .active_files(Some("a.yaml".to_owned()), 9)
        .await
        .unwrap();
    assert_eq!(rest, [file("c.yaml", "1")]);
    history
        .write(vec![Write::Active(vec![ActiveChange::Clear])])
        .await
        .unwrap();
    assert_eq!(history.active_files(None, 0).await.unwrap(), []);
}

#[tokio::test]
async fn a_trigger_remembers_how_far_it_was_dealt_with() {
    let history = History::temporary().unwrap();
    let key = occurrence("daily", 0).trigger;
    let trigger = |second| Write::Trigger {
        runbook: name("daily"),
        key: key.clone(),
        active_since: at(second),
    };
    let skipped = Skipped {
        occurrence: occurrence("daily", 20),
        last_nominal: at(40),
        reason: NotRun::MissedDown,
        detail: "3 occurrences".to_owned(),
        at: at(41),
    };
    history.write(vec![trigger(5)]).await.unwrap();
    let seen = || async { history.triggers().await.unwrap().remove(0) };
    assert_eq!(
        (seen().await.active_since, seen().await.last_nominal),
        (at(5), None)
    );
    history
        .write(vec![Write::Occurrence(occurrence("daily", 10), run_id(1))])
        .await
        .unwrap();
    assert_eq!(seen().await.last_nominal, Some(at(10)));
    history
        .write(vec![Write::Skipped(skipped.clone())])
        .await
        .unwrap();
    history
        .write(vec![
            Write::Occurrence(occurrence("daily", 15), run_id(2)),
            trigger(6),
        ])
        .await
        .unwrap();
    assert_eq!(
        (seen().await.active_since, seen().await.last_nominal),
        (at(6), Some(at(40)))
    );
    let gone = Write::TriggerGone {
        runbook: name("daily"),
        key: key.clone(),
    };
    history.write(vec![gone, trigger(50)]).await.unwrap();
    assert_eq!(
        (seen().await.active_since, seen().await.last_nominal),
        (at(50), None)
    );

    let filter = |reason| SkippedFilter {
        runbook: Some(name("daily")),
        reason: Some(reason),
        since: Some(at(41)),
        limit: 0,
    };
    assert_eq!(
        history.skipped(filter(NotRun::MissedDown)).await.unwrap(),
        [skipped]
    );
    assert_eq!(history.skipped(filter(NotRun::Window)).await.unwrap(), []);
}

#[tokio::test]
async fn a_suspension_is_replaced_by_a_newer_one_and_ends_when_resumed() {
    let history = History::temporary().unwrap();
    let suspend = |by: &str, until| Write::Suspend {
        runbook: name("daily"),
        until,
        by: by.to_owned(),
        reason: "upgrade".to_owned(),
        at: at(1),
    };
    history
        .write(vec![suspend("anna", Some(at(9))), suspend("ben", None)])
        .await
        .unwrap();
    let suspensions = history.suspensions().await.unwrap();
    assert_eq!(suspensions.len(), 1);
    assert_eq!(
        (suspensions[0].by.as_str(), suspensions[0].until),
        ("ben", None)
    );
    let resume = Write::Resume {
        runbook: name("daily"),
    };
    history.write(vec![resume]).await.unwrap();
    assert_eq!(history.suspensions().await.unwrap(), []);
}

#[tokio::test]
async fn effects_are_counted_across_a_restart() {
    let disk = OnDisk::new();
    let history = disk.open();
    let touched = |class, namespace: Option<&str>, objects| Touched {
        class,
        target: "cluster default".to_owned(),
        namespace: namespace.map(str::to_owned),
        objects,
    };
    let effect = |second, touched| Write::Effect {
        at: at(second),
        runbook: name("daily"),
        touched,
    };
    let batch = vec![
        effect(1, touched(Class::Change, None, 1)),
        effect(2, touched(Class::Change, Some("web"), 7)),
        effect(3, touched(Class::Destructive, Some("web"), 2)),
    ];
    history.write(batch).await.unwrap();
    drop(history);
    let history = disk.open();
    let all = history.effects_since(at(0)).await.unwrap();
    assert_eq!(all.len(), 3);
    let lately = history.effects_since(at(2)).await.unwrap();
    assert_eq!(lately[0].at, at(2));
    assert_eq!(lately[0].runbook, name("daily"));
    let found: Vec<_> = lately.into_iter().map(|row| row.touched).collect();
    assert_eq!(
        found,
        [
            touched(Class::Change, Some("web"), 7),
            touched(Class::Destructive, Some("web"), 2)
        ]
    );
}

#[tokio::test]
async fn a_count_of_what_was_not_touched_is_given_back_once() {
    let history = History::temporary().unwrap();
    let touched = |namespace: Option<&str>| Touched {
        class: Class::Destructive,
        target: "cluster default".to_owned(),
        namespace: namespace.map(str::to_owned),
        objects: 2,
    };
    let effect = |touched| Write::Effect {
        at: at(1),
        runbook: name("daily"),
        touched,
    };
    let both = [Some("web"), Some("web"), None].map(|of| effect(touched(of)));
    history.write(both.into()).await.unwrap();
    for of in [Some("web"), None] {
        let back = Write::NoEffect {
            at: at(1),
            runbook: name("daily"),
            touched: touched(of),
        };
        history.write(vec![back]).await.unwrap();
    }
    let left = history.effects_since(at(0)).await.unwrap();
    let left: Vec<_> = left.into_iter().map(|row| row.touched).collect();
    assert_eq!(left, [touched(Some("web"))]);
}

#[tokio::test]
async fn a_key_starts_one_run() {
    let history = History::temporary().unwrap();
    let start = |number| Write::Idempotency {
        key: "again".to_owned(),
        run: run_id(number),
        at: at(1),
    };
    history.write(vec![start(1)]).await.unwrap();
    let refused = history.write(vec![start(2)]).await;
    assert!(matches!(
        refused,
        Err(WriteError::Refused(Refused::KeyTaken { by })) if by == run_id(1)
    ));
    assert_eq!(
        history.idempotency("again".to_owned()).await.unwrap(),
        Some(run_id(1))
    );
    assert_eq!(history.idempotency("never".to_owned()).await.unwrap(), None);
}

#[tokio::test]
async fn a_lock_has_one_owner_until_it_expires_or_is_given_back() {
    let history = History::temporary().unwrap();
    let web = || LockName::new("web").unwrap();
    let take = |number, now, until| {
        history.write(vec![Write::Lock {
            name: web(),
            owner: run_id(number),
            until: at(until),
            at: at(now),
        }])
    };
    let give = |number| {
        history.write(vec![Write::Unlock {
            name: web(),
            owner: run_id(number),
        }])
    };
    take(1, 0, 10).await.unwrap();
    let held = take(2, 5, 20).await;
    assert!(matches!(
        held,
        Err(WriteError::Refused(Refused::LockHeld { by, until, .. })) if by == run_id(1) && until == at(10)
    ));
    take(1, 6, 30).await.unwrap();
    let row = history.locks().await.unwrap().remove(0);
    assert_eq!((row.since, row.until), (at(0), at(30)));
    give(2).await.unwrap();
    assert!(take(2, 29, 40).await.is_err());
    take(2, 31, 40).await.unwrap();
    let row = history.locks().await.unwrap().remove(0);
    assert_eq!((row.owner, row.since), (run_id(2), at(31)));
    give(2).await.unwrap();
    assert_eq!(history.locks().await.unwrap(), []);
}

fn artifact(number: u64) -> ArtifactRecord {
    ArtifactRecord {
        id: artifact_id(number),
        run: run_id(number),
        runbook: name("backup"),
        step: "copy".parse().unwrap(),
        kind: "sqlite".to_owned(),
        name: "history".to_owned(),
        path: format!("/backups/{number}"),
        encrypted: false,
        revision: "9fceb02d".to_owned(),
        size: 10,
        raw_size: 100,
        sha256: digest("file"),
        entries: 3,
        doubt: None,
        at: at(i64::try_from(number).unwrap()),
    }
}

#[tokio::test]
async fn an_artifact_gathers_what_is_found_of_it() {
    let history = History::temporary().unwrap();
    let verified = Write::ArtifactVerified {
        id: artifact_id(2),
        at: at(20),
        took: Span::from_millis(1234),
        detail: json!({ "runs": 3 }),
    };
    let unsound = Write::ArtifactUnsound {
        id: artifact_id(1),
        at: at(21),
        reason: "the digest differs".to_owned(),
    };
    let removed = Write::ArtifactRemoved {
        id: artifact_id(3),
        at: at(22),
    };
    let batch = (1..=3).map(|number| Write::Artifact(artifact(number)));
    history
        .write(batch.chain([verified.clone(), unsound, removed]).collect())
        .await
        .unwrap();

    let good = history.artifact(artifact_id(2)).await.unwrap().unwrap();
    assert_eq!(good.record, artifact(2));
    assert_eq!(
        (good.verified_at, good.verified_took_ms),
        (Some(at(20)), Some(1234))
    );
    assert_eq!(good.verified_detail, Some(json!({ "runs": 3 })));
    let found = |filter| {
        let history = history.clone();
        async move {
            let rows = history.artifacts(filter).await.unwrap();
            rows.into_iter()
                .map(|row| row.record.id)
                .collect::<Vec<_>>()
        }
    };
    let all = ArtifactFilter::default();
    assert_eq!(found(all.clone()).await, [artifact_id(2), artifact_id(1)]);
    let removed_too = ArtifactFilter {
        removed: true,
        limit: 1,
        ..all.clone()
    };
    assert_eq!(found(removed_too).await, [artifact_id(3)]);
    let sound = ArtifactFilter {
        verified: true,
        name: Some("history".to_owned()),
        ..all.clone()
    };
    assert_eq!(found(sound).await, [artifact_id(2)]);
    let there = ArtifactFilter {
        path: Some("/backups/1".to_owned()),
        limit: 1,
        ..all.clone()
    };
    assert_eq!(found(there).await, [artifact_id(1)]);
    let older = ArtifactFilter {
        before: Some(artifact_id(2)),
        kind: Some("sqlite".to_owned()),
        ..all
    };
    assert_eq!(found(older).await, [artifact_id(1)]);
    let unknown = Write::ArtifactRemoved {
        id: artifact_id(9),
        at: at(1),
    };
    assert!(history.write(vec![unknown]).await.is_err());
    assert!(
        history
            .write(vec![Write::Artifact(artifact(1))])
            .await
            .is_err()
    );
}

#[tokio::test]
async fn artifacts_are_found_by_how_far_they_can_be_relied_on() {
    let history = History::temporary().unwrap();
    let doubtful = |number| ArtifactRecord {
        doubt: Some("it shrank".to_owned()),
        ..artifact(number)
    };
    let unsound = |number| Write::ArtifactUnsound {
        id: artifact_id(number),
        at: at(20),
        reason: "the digest differs".to_owned(),
    };
    let removed = |number| Write::ArtifactRemoved {
        id: artifact_id(number),
        at: at(21),
    };
    let verified = |number| Write::ArtifactVerified {
        id: artifact_id(number),
        at: at(19),
        took: Span::from_millis(1),
        detail: json!({}),
    };
    let mut batch: Vec<Write> = (1..=4).map(|at| Write::Artifact(artifact(at))).collect();
    batch.extend((5..=8).map(|at| Write::Artifact(doubtful(at))));
    batch.extend([2, 3, 6, 7].map(verified));
    batch.extend([3, 4, 7].map(unsound));
    batch.extend([4, 8].map(removed));
    history.write(batch).await.unwrap();
    for (state, numbers) in
        ArtifactState::ALL
            .into_iter()
            .zip([vec![1], vec![2], vec![6, 5], vec![7, 3], vec![8, 4]])
    {
        let filter = ArtifactFilter {
            state: Some(state),
            ..ArtifactFilter::default()
        };
        let rows = history.artifacts(filter).await.unwrap();
        assert!(rows.iter().all(|row| row.state() == state), "{rows:?}");
        let found: Vec<ArtifactId> = rows.iter().map(|row| row.record.id).collect();
        let expected: Vec<ArtifactId> = numbers.into_iter().map(artifact_id).collect();
        assert_eq!(found, expected, "{state:?}");
    }
}
