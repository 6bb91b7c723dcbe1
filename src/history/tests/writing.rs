use super::{OnDisk, at, entry, event, name, occurrence, queued, run_id};
use crate::{
    domain::run::{RunEvent, RunOutcome},
    history::{History, HistoryError, Options, Refused, RunFilter, Write, WriteError},
};

async fn all<T: Send + 'static>(
    tasks: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    #[expect(
        clippy::disallowed_methods,
        reason = "callers that come at the same moment"
    )]
    let handles: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
    let mut results = Vec::new();
    for handle in handles {
        results.push(handle.await.unwrap());
    }
    results
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_callers_at_once_cost_a_few_commits() {
    let history = History::temporary().unwrap();
    // The writer is busy while the callers come.
    let (go, held) = std::sync::mpsc::channel::<()>();
    let (busy, is_busy) = tokio::sync::oneshot::channel();
    let holder = history.clone();
    #[expect(clippy::disallowed_methods, reason = "it waits beside the test")]
    let busy_writer = tokio::spawn(async move {
        holder
            .task(move |_| {
                busy.send(()).unwrap();
                held.recv().unwrap();
            })
            .await
    });
    is_busy.await.unwrap();
    let opener = history.clone();
    let gate = async move {
        while opener.health().waiting < 1000 {
            tokio::task::yield_now().await;
        }
        go.send(()).unwrap();
    };
    let callers = (0..1000).map(|number| {
        let history = history.clone();
        async move { history.write(queued(number, "busy")).await }
    });
    let (results, ()) = tokio::join!(all(callers), gate);
    assert!(results.iter().all(Result::is_ok));
    busy_writer.await.unwrap().unwrap();
    let commits = history.commits();
    assert!(commits <= 5, "{commits} commits");
    assert_eq!(history.unfinished_runs().await.unwrap().len(), 1000);
    assert_eq!(history.health().waiting, 0);
}

#[tokio::test]
async fn a_lone_write_costs_one_commit() {
    let history = History::temporary().unwrap();
    for number in 0..5 {
        history.write(queued(number, "calm")).await.unwrap();
    }
    assert_eq!(history.commits(), 5);
}

#[tokio::test]
async fn an_empty_batch_costs_nothing() {
    let history = History::temporary().unwrap();
    history.write(Vec::new()).await.unwrap();
    assert_eq!(history.commits(), 0);
}

#[tokio::test]
async fn of_fifty_claims_of_an_occurrence_one_wins_and_stays_the_winner() {
    let disk = OnDisk::new();
    let history = disk.open();
    let claims = (0..50).map(|number| {
        let history = history.clone();
        async move {
            let mut batch = vec![Write::Occurrence(occurrence("daily", 7), run_id(number))];
            batch.extend(queued(number, "daily"));
            history.write(batch).await.map(|()| number)
        }
    });
    let results = all(claims).await;
    let winners: Vec<u64> = results
        .iter()
        .filter_map(|result| result.as_ref().ok().copied())
        .collect();
    let [winner] = winners.as_slice() else {
        panic!("{winners:?}")
    };
    for lost in results.iter().filter_map(|result| result.as_ref().err()) {
        let WriteError::Refused(Refused::OccurrenceTaken { by, .. }) = lost else {
            panic!("{lost}")
        };
        assert_eq!(*by, run_id(*winner));
    }
    assert_eq!(history.unfinished_runs().await.unwrap().len(), 1);
    history.close().await.unwrap();

    let history = disk.open();
    let again = history
        .write(vec![Write::Occurrence(occurrence("daily", 7), run_id(99))])
        .await;
    assert!(matches!(
        again,
        Err(WriteError::Refused(Refused::OccurrenceTaken { .. }))
    ));
    let has = history.occurrence_of(occurrence("daily", 7)).await.unwrap();
    assert_eq!(has, Some(run_id(*winner)));
}

#[tokio::test]
async fn a_refused_batch_leaves_no_trace_and_the_others_alone() {
    let history = History::temporary().unwrap();
    let mut refused = queued(1, "mixed");
    refused.push(Write::Audit(entry(1)));
    refused.push(event(77, RunEvent::Started, 1));
    let mut good = queued(2, "mixed");
    good.push(Write::Audit(entry(2)));
    let (first, second) = tokio::join!(history.write(refused), history.write(good));
    let unknown = first.unwrap_err();
    assert_eq!(
        unknown.to_string(),
        format!("the history knows no run {}", run_id(77))
    );
    second.unwrap();
    assert_eq!(history.run(run_id(1)).await.unwrap(), None);
    assert!(history.run(run_id(2)).await.unwrap().is_some());
    assert_eq!(history.audit_head().await.unwrap().seq, 1);
}

#[tokio::test]
async fn a_failed_commit_fails_all_its_callers_and_the_next_one_is_served() {
    let history = History::temporary().unwrap();
    history.write(vec![Write::Audit(entry(0))]).await.unwrap();
    history.fail_next_commits(1);
    let mut batch = queued(1, "unlucky");
    batch.push(Write::Audit(entry(1)));
    let Err(WriteError::Failed(failed)) = history.write(batch).await else {
        panic!("it was written")
    };
    assert!(failed.to_string().contains("disk is full"), "{failed}");
    assert!(
        failed.to_string().contains("hint: free some space"),
        "{failed}"
    );
    assert!(history.health().failing.is_some());
    assert_eq!(history.run(run_id(1)).await.unwrap(), None);

    let mut batch = queued(1, "unlucky");
    batch.push(Write::Audit(entry(1)));
    history.write(batch).await.unwrap();
    assert_eq!(history.health().failing, None);
    assert_eq!(history.audit_head().await.unwrap().seq, 2);
    let verdict = history.verify_audit(None).await.unwrap();
    assert!(matches!(
        verdict,
        crate::history::AuditVerdict::Whole { .. }
    ));
}

#[tokio::test]
async fn a_full_disk_fails_clearly_and_only_as_long_as_it_is_full() {
    let history = History::temporary().unwrap();
    let set_room = |pages: i64| {
        history.task(move |connection| {
            connection
                .query_row(&format!("PRAGMA max_page_count = {pages}"), [], |row| {
                    row.get::<_, i64>(0)
                })
                .unwrap()
        })
    };
    history.write(queued(0, "full")).await.unwrap();
    set_room(1).await.unwrap();
    let mut written = 0;
    let failed = loop {
        let mut large = entry(1);
        large.error_msg = "x".repeat(10_000);
        match history.write(vec![Write::Audit(large)]).await {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 1000);
    };
    assert!(matches!(failed, WriteError::Failed(_)));
    assert!(failed.to_string().contains("full"), "{failed}");
    assert_eq!(history.audit_head().await.unwrap().seq, written);
    set_room(1_000_000).await.unwrap();
    history.write(vec![Write::Audit(entry(2))]).await.unwrap();
    assert_eq!(history.audit_head().await.unwrap().seq, written + 1);
}

#[tokio::test]
async fn a_second_agent_is_refused_and_a_reader_is_not() {
    let disk = OnDisk::new();
    let history = disk.open();
    let refused = History::open(disk.options()).unwrap_err();
    assert!(matches!(refused, HistoryError::InUse { .. }));
    history.write(queued(1, "seen")).await.unwrap();
    let reader = History::open_read_only(disk.options()).unwrap();
    assert!(reader.run(run_id(1)).await.unwrap().is_some());
    let refused = reader.write(queued(2, "seen")).await.unwrap_err();
    assert!(refused.to_string().contains("reading only"), "{refused}");
}

#[tokio::test]
async fn what_was_waiting_is_written_before_the_last_handle_is_gone() {
    let disk = OnDisk::new();
    let history = disk.open();
    {
        let mut writing = Box::pin(history.write(queued(1, "late")));
        std::future::poll_fn(|context| {
            let _pending = writing.as_mut().poll(context);
            std::task::Poll::Ready(())
        })
        .await;
    }
    drop(history);
    let history = disk.open();
    assert!(history.run(run_id(1)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_closed_history_says_so() {
    let disk = OnDisk::new();
    let history = disk.open();
    let other = history.clone();
    history.close().await.unwrap();
    let failed = other.write(queued(1, "late")).await.unwrap_err();
    assert!(failed.to_string().contains("it is closed"), "{failed}");
    assert!(other.health().failing.is_some());
    let failed = other.runs(RunFilter::default()).await.unwrap_err();
    assert!(matches!(failed, HistoryError::Closed));
    disk.open();
}

#[tokio::test]
async fn a_temporary_history_leaves_nothing_behind() {
    let history = History::temporary().unwrap();
    let folder = history.path().parent().unwrap().to_owned();
    history.write(queued(1, "gone")).await.unwrap();
    assert!(folder.exists());
    drop(history);
    assert!(!folder.exists());
}

#[tokio::test]
async fn a_damaged_file_is_refused_with_a_way_out() {
    let disk = OnDisk::new();
    disk.open().close().await.unwrap();
    let mut bytes = std::fs::read(disk.path()).unwrap();
    for byte in bytes.iter_mut().skip(100).take(4000) {
        *byte = 0xa5;
    }
    std::fs::write(disk.path(), bytes).unwrap();
    let refused = History::open(disk.options()).unwrap_err();
    let text = refused.to_string();
    assert!(text.contains("history.db"), "{text}");
    assert!(text.contains("put back a verified backup"), "{text}");
}

#[tokio::test]
async fn what_one_caller_was_told_another_can_read_at_once() {
    let history = History::temporary().unwrap();
    for number in 0..100 {
        let mut batch = queued(number, "quick");
        batch.push(event(number, RunEvent::Started, 1));
        batch.push(event(
            number,
            RunEvent::Ended {
                outcome: RunOutcome::Succeeded,
                reason: String::new(),
            },
            2,
        ));
        history.write(batch).await.unwrap();
        let seen = history.run(run_id(number)).await.unwrap().unwrap();
        assert_eq!(seen.ended_at, Some(at(2)));
        assert_eq!(seen.header.runbook, name("quick"));
    }
}

#[test]
fn options_do_not_print_the_key() {
    let options = Options {
        path: "history.db".into(),
        key: b"very secret".to_vec(),
    };
    assert!(!format!("{options:?}").contains("118"));
}
