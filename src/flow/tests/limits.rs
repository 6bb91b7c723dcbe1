//! How much may be done in a period.

use super::{
    runs::{bob, book},
    stage::{Stage, until},
};
use crate::{
    domain::{
        approval::Verdict,
        id::RunId,
        name::RunbookName,
        pace::{Limits, Most},
        policy::{Autonomy, Policy},
        run::{Cause, RunOutcome},
    },
    flow::{
        start::{self, Wish},
        world::Settings,
    },
    history::History,
};
use std::time::Duration;

fn limited(stage: &Stage, most: Most) {
    let settings = stage.world.settings();
    stage.world.reconfigure(Settings {
        policy: Policy {
            autonomy: Autonomy::SafeAuto,
            limits: Limits {
                agent: most,
                ..Limits::default()
            },
            ..settings.policy.clone()
        },
        ..settings.as_ref().clone()
    });
}
fn changes(count: u32) -> Most {
    Most {
        changes_per_minute: Some(count),
        destructive_per_hour: None,
    }
}

/// A machine starts it.
async fn due(stage: &Stage, runbook: &str) -> RunId {
    let cause = Cause::Webhook {
        name: "ci".to_owned(),
    };
    let wish = Wish::of(RunbookName::new(runbook).unwrap(), cause);
    start::start(&stage.world, wish).await.unwrap().id
}

fn one_change() -> String {
    book("a", "steps:\n- {name: one, uses: play/change}")
}

#[tokio::test]
async fn a_restart_forgets_nothing_that_was_done() {
    let history = History::temporary().unwrap();
    let before = Stage::with_history(&one_change(), history.clone());
    limited(&before, changes(1));
    let first = due(&before, "a").await;
    assert_eq!(before.outcome(first).await, RunOutcome::Succeeded);

    let after = Stage::with_history(&one_change(), history.clone());
    limited(&after, changes(1));
    after.clock.advance(Duration::from_secs(30));
    let second = due(&after, "a").await;
    assert_eq!(after.outcome(second).await, RunOutcome::Denied);
    let row = history.run(second).await.unwrap().unwrap();
    assert!(
        row.reason.contains("try again at 2026-11-21T08:01:00"),
        "{}",
        row.reason
    );
    after.clock.advance(Duration::from_secs(31));
    let third = due(&after, "a").await;
    assert_eq!(after.outcome(third).await, RunOutcome::Succeeded);
}

#[tokio::test]
async fn runs_that_are_judged_at_once_do_not_share_the_last_place() {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let steps = "steps:\n- {name: one, uses: play/change}";
    let books: String = names.iter().map(|name| book(name, steps)).collect();
    let stage = Stage::new(&books);
    limited(&stage, changes(3));
    let mut runs = Vec::new();
    for name in names {
        runs.push(due(&stage, name).await);
    }
    let mut denied = 0;
    for run in runs {
        denied += u32::from(stage.outcome(run).await == RunOutcome::Denied);
    }
    assert_eq!((stage.script.touched().len(), denied), (3, 5));
}

#[tokio::test]
async fn a_run_that_waits_for_a_lock_is_neither_counted_nor_told_again() {
    let steps = |hang| {
        format!(
            "locks: [db]\ndeadline: 1h\nsteps:\n- {{name: one, uses: play/change, timeout: 1h, with: {{hang: {hang}}}}}"
        )
    };
    let stage = Stage::new(&(book("a", &steps(true)) + &book("b", &steps(false))));
    limited(&stage, changes(2));
    let first = due(&stage, "a").await;
    until(|| stage.script.touched().len() == 1).await;
    let second = due(&stage, "b").await;
    let told = || stage.metric("orderly_gate_decisions_total{class=\"change\",decision=\"allow\"}");
    until(|| told() >= 2.0).await;
    for _ in 0..5 {
        stage.clock.advance(Duration::from_secs(1));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(told() < 3.0, "told {} times", told());
    stage.world.cancel(first, "bob", "");
    assert_eq!(stage.outcome(second).await, RunOutcome::Succeeded);
    let rows = stage
        .world
        .history
        .effects_since(jiff::Timestamp::MIN)
        .await;
    assert_eq!(rows.unwrap().len(), 2);
}

#[tokio::test]
async fn who_consented_before_a_limit_was_reached_is_asked_again_and_told_of_it() {
    let gone = "steps:\n- {name: gone, uses: play/destroy}";
    let stage = Stage::new(&(book("a", gone) + &book("b", gone)));
    limited(
        &stage,
        Most {
            changes_per_minute: None,
            destructive_per_hour: Some(1),
        },
    );
    let mut runs = Vec::new();
    for name in ["a", "b"] {
        runs.push(due(&stage, name).await);
        stage.question().await;
    }
    until(|| {
        stage
            .world
            .waiting
            .load(std::sync::atomic::Ordering::SeqCst)
            == 2
    })
    .await;
    let filter = crate::history::ApprovalFilter::default();
    for case in stage.world.history.approvals(filter).await.unwrap() {
        let id = case.request.id;
        stage.vote(id, &bob(), Verdict::Approve).await.unwrap();
    }
    let again = loop {
        let found = stage.question().await.request;
        if !found.again.is_empty() {
            break found;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    };
    assert_eq!(again.again, "a limit was reached since people consented");
    let told = again.contributions.iter().any(|said| {
        said.reason.contains(
            "1 objects that were to be destroyed everywhere in the last hour reach the limit of 1",
        )
    });
    assert!(told, "{again:?}");
    until(|| stage.script.touched().len() == 1).await;
    stage
        .vote(again.id, &bob(), Verdict::Approve)
        .await
        .unwrap();
    for run in runs {
        assert_eq!(stage.outcome(run).await, RunOutcome::Succeeded);
    }
    assert_eq!(stage.script.touched().len(), 2);
    let late = due(&stage, "a").await;
    assert_eq!(stage.outcome(late).await, RunOutcome::Denied);
}

#[tokio::test]
async fn what_was_refused_and_touched_nothing_does_not_count_also_after_a_restart() {
    let steps = |refused| {
        format!("steps:\n- {{name: one, uses: play/change, with: {{fail: 3, refused: {refused}}}}}")
    };
    let stage = Stage::new(&(book("a", &steps(true)) + &book("b", &steps(false))));
    limited(&stage, changes(1));
    for (name, counted) in [("a", 0), ("a", 0), ("b", 1)] {
        let run = due(&stage, name).await;
        assert_ne!(stage.outcome(run).await, RunOutcome::Denied, "{name}");
        let history = &stage.world.history;
        let rows = history.effects_since(jiff::Timestamp::MIN).await;
        assert_eq!(rows.unwrap().len(), counted, "{name}");
    }
    let late = due(&stage, "a").await;
    assert_eq!(stage.outcome(late).await, RunOutcome::Denied);
}
