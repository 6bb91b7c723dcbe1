use super::{approval_id, at, digest, event, header, key, name, queued, run_id, runbook};
use crate::{
    domain::{
        check::CheckStatus,
        effect::Class,
        gate::Decision,
        run::{RunEvent, RunOutcome, RunState, Standing, StepReport},
    },
    history::{History, OutcomeFilter, RunFilter, RunStatus, StepStatus, Write, stored},
};
use serde_json::json;

fn ended(outcome: RunOutcome) -> RunEvent {
    RunEvent::Ended {
        outcome,
        reason: if outcome.is_success() { "" } else { "because" }.to_owned(),
    }
}

fn gated(step: &str, attempt: u32, decision: Decision) -> RunEvent {
    RunEvent::StepGated {
        key: key(step),
        attempt,
        digest: digest(step),
        class: Class::Change,
        decision,
        contributions: Vec::new(),
    }
}

fn step_started(step: &str, attempt: u32) -> RunEvent {
    RunEvent::StepStarted {
        key: key(step),
        attempt,
        digest: digest(step),
        class: Class::Change,
        idempotent: true,
    }
}

fn step_ended(step: &str, attempt: u32, report: StepReport) -> RunEvent {
    RunEvent::StepEnded {
        key: key(step),
        attempt,
        report,
    }
}

/// Every kind of event once at least, in an order that could be.
fn story() -> Vec<RunEvent> {
    vec![
        RunEvent::Started,
        RunEvent::StepSkipped {
            key: key("optional"),
            reason: "`when` was false".to_owned(),
        },
        gated("one", 1, Decision::ask()),
        RunEvent::ApprovalRequested {
            key: key("one"),
            attempt: 1,
            approval: approval_id(1),
        },
        RunEvent::ApprovalLapsed {
            approval: approval_id(1),
            reason: "expired".to_owned(),
        },
        RunEvent::ApprovalRequested {
            key: key("one"),
            attempt: 1,
            approval: approval_id(2),
        },
        RunEvent::ApprovalGranted {
            approval: approval_id(2),
        },
        step_started("one", 1),
        step_ended(
            "one",
            1,
            StepReport::checked(CheckStatus::Critical, "down", json!({})),
        ),
        gated("one", 2, Decision::Allow),
        step_started("one", 2),
        step_ended(
            "one",
            2,
            StepReport::checked(CheckStatus::Warning, "slow", json!({ "ms": 7.25 })),
        ),
        step_started("two", 1),
        RunEvent::StepInterrupted {
            key: key("two"),
            attempt: 1,
        },
        RunEvent::StepInvalid {
            key: key("three"),
            error: "no such value".to_owned(),
        },
        RunEvent::StepDenied {
            cancelled: false,
            key: key("four"),
            reason: "forbidden".to_owned(),
        },
        step_started("five", 1),
        step_ended("five", 1, StepReport::timed_out("too slow")),
        step_started("six", 1),
        RunEvent::CancelRequested {
            by: "anna".to_owned(),
            reason: "enough".to_owned(),
        },
        step_ended("six", 1, StepReport::canceled("stopped")),
        RunEvent::DeadlinePassed,
        ended(RunOutcome::Canceled),
    ]
}

#[tokio::test]
async fn events_come_back_as_they_were_recorded_and_fold_the_same() {
    let history = History::temporary().unwrap();
    history.write(queued(1, "story")).await.unwrap();
    let fine = at(5)
        .saturating_add(jiff::SignedDuration::from_nanos(123_456_789))
        .unwrap();
    let mut live = RunState::default();
    for event in story() {
        live.apply(stored(fine), &event);
        let write = Write::Event {
            run: run_id(1),
            event,
            at: fine,
        };
        history.write(vec![write]).await.unwrap();
    }
    let recorded = history.events(run_id(1)).await.unwrap();
    let seqs: Vec<u64> = recorded.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, (1..=story().len() as u64).collect::<Vec<_>>());
    assert!(recorded.iter().all(|event| event.at == stored(fine)));
    let events: Vec<RunEvent> = recorded.iter().map(|event| event.event.clone()).collect();
    assert_eq!(events, story());
    assert_eq!(RunState::of(&recorded), live);
}

#[tokio::test]
async fn the_row_of_a_run_follows_its_events() {
    let history = History::temporary().unwrap();
    history.write(queued(1, "story")).await.unwrap();
    let row = || async { history.run(run_id(1)).await.unwrap().unwrap() };
    let fresh = row().await;
    assert_eq!(fresh.header, header(1, "story"));
    assert_eq!(fresh.status, RunStatus::Queued);
    let mut statuses = Vec::new();
    for (second, happened) in (10..).zip(story()) {
        history
            .write(vec![event(1, happened, second)])
            .await
            .unwrap();
        let now = row().await;
        assert_eq!(
            now.waiting_for.is_some(),
            now.status == RunStatus::Waiting,
            "{now:?}"
        );
        if statuses.last() != Some(&now.status) {
            statuses.push(now.status);
        }
    }
    let words: Vec<_> = statuses.into_iter().map(RunStatus::as_str).collect();
    assert_eq!(
        words.join(" "),
        "running waiting running waiting running ended"
    );
    let over = row().await;
    assert_eq!(over.outcome, Some(RunOutcome::Canceled));
    assert_eq!(over.reason, "because");
    assert_eq!(over.started_at, Some(at(10)));
    assert_eq!(over.ended_at, Some(at(32)));
    assert_eq!(over.worst_check, Some(CheckStatus::Warning));
    assert_eq!(over.cancel_requested_by.as_deref(), Some("anna"));
    assert_eq!(over.events, story().len() as u64);
}

#[tokio::test]
async fn another_attempt_settles_whether_an_interrupted_one_has_happened() {
    let history = History::temporary().unwrap();
    history.write(queued(1, "story")).await.unwrap();
    let error = || async {
        let steps = history.steps(run_id(1)).await.unwrap();
        steps.first().map(|step| step.error.clone()).unwrap()
    };
    let interrupted = RunEvent::StepInterrupted {
        key: key("one"),
        attempt: 1,
    };
    for (second, happened) in (10..).zip([RunEvent::Started, step_started("one", 1), interrupted]) {
        let write = event(1, happened, second);
        history.write(vec![write]).await.unwrap();
    }
    assert!(error().await.contains("whether it happened is not known"));
    let write = event(1, step_started("one", 2), 20);
    history.write(vec![write]).await.unwrap();
    assert_eq!(error().await, "");
}

#[tokio::test]
async fn the_rows_of_steps_follow_the_events() {
    let history = History::temporary().unwrap();
    let mut batch = queued(1, "story");
    batch.extend((10..).zip(story()).map(|(second, it)| event(1, it, second)));
    history.write(batch).await.unwrap();
    let steps = history.steps(run_id(1)).await.unwrap();
    let seen: Vec<_> = steps
        .iter()
        .map(|row| (row.step.as_str(), row.status, row.attempt))
        .collect();
    assert_eq!(
        seen,
        [
            ("optional", StepStatus::Skipped, 0),
            ("one", StepStatus::Succeeded, 2),
            ("two", StepStatus::Interrupted, 1),
            ("three", StepStatus::Invalid, 0),
            ("four", StepStatus::Denied, 0),
            ("five", StepStatus::TimedOut, 1),
            ("six", StepStatus::Canceled, 1),
        ]
    );
    let one = &steps[1];
    assert_eq!(one.decision.as_deref(), Some("allow"));
    assert_eq!(one.approval, Some(approval_id(2)));
    assert_eq!((one.started_at, one.ended_at), (Some(at(17)), Some(at(21))));
    assert_eq!(one.outputs, json!({ "ms": 7.25 }));
    assert_eq!((one.summary.as_str(), one.error.as_str()), ("slow", ""));
    assert_eq!(steps[3].error, "no such value");
    assert_eq!(steps[5].error, "too slow");
}

#[tokio::test]
async fn the_steps_agree_with_the_fold_after_every_prefix() {
    let history = History::temporary().unwrap();
    history.write(queued(1, "story")).await.unwrap();
    for (second, happened) in (10..).zip(story()) {
        history
            .write(vec![event(1, happened, second)])
            .await
            .unwrap();
        let state = RunState::of(&history.events(run_id(1)).await.unwrap());
        let row = history.run(run_id(1)).await.unwrap().unwrap();
        assert_eq!(row.outcome, state.ended);
        assert_eq!(row.started_at, state.started);
        for step in history.steps(run_id(1)).await.unwrap() {
            let key = key(step.step.as_str());
            let Some(folded) = state.steps.get(&key) else {
                assert_eq!(step.status, StepStatus::Gated);
                continue;
            };
            let fits = match &folded.standing {
                Standing::Due | Standing::Granted(_) => step.status == StepStatus::Gated,
                Standing::Asking(_) => step.status == StepStatus::Waiting,
                Standing::Running { .. } => step.status == StepStatus::Running,
                Standing::Interrupted { .. } => step.status == StepStatus::Interrupted,
                Standing::Ended(end) => {
                    // A further attempt that is judged shows as gated again.
                    step.status.as_str() == end.as_str() || step.status == StepStatus::Gated
                }
            };
            assert!(fits, "{step:?} {folded:?}");
        }
    }
}

#[tokio::test]
async fn the_first_end_of_a_run_counts() {
    let history = History::temporary().unwrap();
    let mut batch = queued(1, "twice");
    batch.push(event(1, RunEvent::Started, 1));
    batch.push(event(1, ended(RunOutcome::Succeeded), 2));
    batch.push(event(1, ended(RunOutcome::Failed), 3));
    batch.push(event(1, RunEvent::Started, 4));
    history.write(batch).await.unwrap();
    let row = history.run(run_id(1)).await.unwrap().unwrap();
    assert_eq!(row.outcome, Some(RunOutcome::Succeeded));
    assert_eq!(row.status, RunStatus::Ended);
    assert_eq!(row.ended_at, Some(at(2)));
    let facts = history.last_outcomes().await.unwrap();
    assert_eq!(facts[0].outcomes.len(), 1);
}

#[tokio::test]
async fn a_run_without_its_definition_or_twice_is_refused() {
    let history = History::temporary().unwrap();
    let alone = vec![Write::Run(header(1, "lonely"))];
    let refused = history.write(alone).await.unwrap_err().to_string();
    assert!(refused.contains("knows no definition"), "{refused}");
    history.write(queued(1, "lonely")).await.unwrap();
    let refused = history.write(queued(1, "lonely")).await.unwrap_err();
    assert!(refused.to_string().contains("already"), "{refused}");
}

#[tokio::test]
async fn a_definition_is_kept_once_and_comes_back() {
    let history = History::temporary().unwrap();
    for number in 0..10 {
        history.write(queued(number, "same")).await.unwrap();
    }
    let kept = history.definition(runbook("same").digest()).await.unwrap();
    assert_eq!(kept, Some(runbook("same")));
    let stats = history.stats().await.unwrap();
    let definitions = stats
        .tables
        .iter()
        .find(|table| table.name == "definitions");
    assert_eq!(definitions.unwrap().rows, 1);
    assert_eq!(history.definition(digest("other")).await.unwrap(), None);
}

async fn many(history: &History) {
    let mut batch = Vec::new();
    for number in 0..40 {
        let text = if number % 2 == 0 { "even" } else { "odd" };
        batch.extend(queued(number, text));
        let second = i64::try_from(number).unwrap();
        batch.push(event(number, RunEvent::Started, second));
        let outcome = match number % 4 {
            0 => RunOutcome::Succeeded,
            1 => RunOutcome::Failed,
            2 => RunOutcome::Warning,
            _ => continue,
        };
        batch.push(event(number, ended(outcome), second + 1));
    }
    history.write(batch).await.unwrap();
}

async fn numbers(history: &History, filter: RunFilter) -> Vec<i64> {
    let rows = history.runs(filter).await.unwrap();
    rows.iter()
        .map(|row| row.header.created_at.as_second() - at(0).as_second())
        .collect()
}

#[tokio::test]
async fn runs_are_found_by_every_filter_newest_first() {
    let history = History::temporary().unwrap();
    many(&history).await;
    let all = RunFilter::default();
    let failures = RunFilter {
        outcome: Some(OutcomeFilter::Failures),
        ..RunFilter::default()
    };
    let first = RunFilter {
        limit: 3,
        ..all.clone()
    };
    assert_eq!(numbers(&history, first).await, [39, 38, 37]);
    let of_even = RunFilter {
        runbook: Some(name("even")),
        limit: 3,
        ..all.clone()
    };
    assert_eq!(numbers(&history, of_even).await, [38, 36, 34]);
    assert_eq!(
        numbers(&history, failures.clone()).await,
        [37, 33, 29, 25, 21, 17, 13, 9, 5, 1]
    );
    let failed_even = RunFilter {
        runbook: Some(name("even")),
        ..failures
    };
    assert_eq!(numbers(&history, failed_even).await, [0i64; 0]);
    let warned = RunFilter {
        outcome: Some(OutcomeFilter::Is(RunOutcome::Warning)),
        since: Some(at(30)),
        ..all.clone()
    };
    assert_eq!(numbers(&history, warned).await, [38, 34, 30]);
    let running = RunFilter {
        status: Some(RunStatus::Running),
        since: Some(at(31)),
        ..all.clone()
    };
    assert_eq!(numbers(&history, running).await, [39, 35, 31]);
    let unfinished = history.unfinished_runs().await.unwrap();
    assert_eq!(unfinished.len(), 10);
    assert_eq!(unfinished[0].header.id, run_id(3));
}

#[tokio::test]
async fn pages_of_runs_neither_overlap_nor_leave_gaps() {
    let history = History::temporary().unwrap();
    many(&history).await;
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let filter = RunFilter {
            before,
            limit: 7,
            ..RunFilter::default()
        };
        let page = history.runs(filter).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.header.id);
        seen.extend(page.into_iter().map(|row| row.header.id));
    }
    let expected: Vec<_> = (0..40).rev().map(run_id).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn every_list_of_runs_walks_an_index_and_sorts_nothing() {
    let history = History::temporary().unwrap();
    let runbook = || Some(name("even"));
    let failures = Some(OutcomeFilter::Failures);
    let before = Some(run_id(20));
    many(&history).await;
    let filters = [
        RunFilter::default(),
        RunFilter {
            runbook: runbook(),
            ..RunFilter::default()
        },
        RunFilter {
            outcome: failures,
            ..RunFilter::default()
        },
        RunFilter {
            outcome: failures,
            runbook: runbook(),
            ..RunFilter::default()
        },
        RunFilter {
            outcome: Some(OutcomeFilter::Is(RunOutcome::Denied)),
            ..RunFilter::default()
        },
        RunFilter {
            status: Some(RunStatus::Waiting),
            ..RunFilter::default()
        },
        RunFilter {
            before,
            ..RunFilter::default()
        },
        RunFilter {
            before,
            runbook: runbook(),
            since: Some(at(1)),
            ..RunFilter::default()
        },
    ];
    for filter in filters {
        let asked = filter.clone();
        let plan = history
            .read("a plan", move |connection| {
                crate::history::read::runs::plan(connection, &asked)
            })
            .await
            .unwrap();
        let text = plan.join("; ");
        assert!(text.contains("USING INDEX runs_"), "{filter:?}: {text}");
        assert!(!text.contains("TEMP B-TREE"), "{filter:?}: {text}");
    }
}

#[tokio::test]
async fn facts_about_runbooks_follow_the_runs_that_end() {
    let history = History::temporary().unwrap();
    let mut dry = header(9, "nightly");
    dry.dry_run = true;
    let mut batch = queued(1, "nightly");
    batch.extend(queued(2, "nightly"));
    batch.extend(queued(3, "nightly"));
    batch.push(Write::Run(dry));
    for (number, outcome) in [
        (1, RunOutcome::Succeeded),
        (2, RunOutcome::TimedOut),
        (9, RunOutcome::Failed),
    ] {
        let second = i64::try_from(number).unwrap();
        batch.push(event(number, RunEvent::Started, second * 10));
        batch.push(event(number, ended(outcome), second * 10 + 4));
    }
    batch.push(event(3, ended(RunOutcome::Denied), 50));
    history.write(batch).await.unwrap();
    let facts = history.last_outcomes().await.unwrap();
    let [nightly] = facts.as_slice() else {
        panic!("{facts:?}")
    };
    assert_eq!(nightly.runbook, name("nightly"));
    assert_eq!(nightly.last_run, run_id(3));
    assert_eq!(nightly.last_outcome, RunOutcome::Denied);
    assert_eq!(nightly.last_ended, at(50));
    assert_eq!(nightly.last_took, None);
    assert_eq!(nightly.last_success, Some(at(14)));
    let counts: Vec<_> = nightly
        .outcomes
        .iter()
        .map(|(outcome, count)| (*outcome, *count))
        .collect();
    assert_eq!(
        counts,
        [
            (RunOutcome::Succeeded, 1),
            (RunOutcome::Denied, 1),
            (RunOutcome::TimedOut, 1)
        ]
    );
}

#[tokio::test]
async fn a_run_that_was_overridden_says_by_whom() {
    let history = History::temporary().unwrap();
    let mut batch = queued(1, "closed");
    let mut open = header(2, "closed");
    open.window_override = Some("anna".to_owned());
    batch.push(Write::Run(open.clone()));
    history.write(batch).await.unwrap();
    let row = history.run(run_id(2)).await.unwrap().unwrap();
    assert_eq!(row.header, open);
    let json = serde_json::to_value(&row).unwrap();
    assert_eq!(json["status"], "queued");
    assert_eq!(json["runbook"], "closed");
}
