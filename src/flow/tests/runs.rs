//! Runs, from start to end.

use super::stage::{Stage, until};
use crate::{
    domain::{
        approval::Person,
        id::RunId,
        occurrence::NotRun,
        run::{RunEvent, RunOutcome},
    },
    flow::{start::NotStarted, view},
};
use std::time::Duration;

/// A runbook of this name with these lines under `spec:`.
pub(super) fn book(name: &str, spec: &str) -> String {
    let spec: String = spec.lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "---\napiVersion: orderly.dev/v1\nkind: Runbook\nmetadata:\n  name: {name}\nspec:\n  description: x\n{spec}"
    )
}

pub(super) fn bob() -> Person {
    Person {
        subject: "bob".to_owned(),
        groups: std::collections::BTreeSet::new(),
    }
}

#[tokio::test]
async fn steps_run_in_order_and_finally_runs_last() {
    let stage = Stage::new(&book(
        "a",
        "steps:\n- {name: one, uses: play/read}\n- {name: two, uses: play/change}\nfinally:\n- {name: three, uses: play/read}",
    ));
    assert_eq!(stage.run("a").await, RunOutcome::Succeeded);
    assert_eq!(stage.script.touched(), ["one", "two", "three"]);
}

#[tokio::test]
async fn a_failure_after_a_change_rolls_back_and_still_cleans_up() {
    let stage = Stage::new(&book(
        "a",
        "steps:\n- {name: change, uses: play/change}\n- {name: bad, uses: play/read, with: {fail: 9}}\n- {name: never, uses: play/read}\nrollback:\n- {name: back, uses: play/change}\nfinally:\n- {name: tell, uses: play/read}",
    ));
    assert_eq!(stage.run("a").await, RunOutcome::Failed);
    assert_eq!(stage.script.touched(), ["change", "bad", "back", "tell"]);
}

#[tokio::test]
async fn a_failure_before_any_change_needs_no_rollback() {
    let stage = Stage::new(&book(
        "a",
        "steps:\n- {name: bad, uses: play/read, with: {fail: 9}}\n- {name: change, uses: play/change}\nrollback:\n- {name: back, uses: play/change}",
    ));
    assert_eq!(stage.run("a").await, RunOutcome::Failed);
    assert_eq!(stage.script.touched(), ["bad"]);
}

#[tokio::test]
async fn a_warning_is_not_hidden_behind_success() {
    let stage = Stage::new(&book(
        "a",
        "steps:\n- {name: look, uses: play/read, with: {check: warning}}",
    ));
    assert_eq!(stage.run("a").await, RunOutcome::Warning);
}

#[tokio::test]
async fn a_report_goes_on_after_a_critical_check_and_still_fails() {
    let stage = Stage::new(&book(
        "a",
        "steps:\n- {name: one, uses: play/read, with: {check: critical}, continueOnFailure: true}\n- {name: two, uses: play/read}",
    ));
    assert_eq!(stage.run("a").await, RunOutcome::Failed);
    assert_eq!(stage.script.touched(), ["one", "two"]);
}

#[tokio::test]
async fn a_run_that_may_go_on_goes_on_after_a_step_that_cannot_be_planned() {
    let stage = Stage::new(&book(
        "a",
        "steps:\n- {name: look, uses: play/read}\n- {name: one, uses: play/read, with: {check: '${{ steps.look.outputs.missing }}'}, continueOnFailure: true}\n- {name: two, uses: play/read}",
    ));
    assert_eq!(stage.run("a").await, RunOutcome::Failed);
    assert_eq!(stage.script.touched(), ["look", "two"]);
}

#[tokio::test]
async fn a_step_whose_condition_is_false_is_skipped() {
    let stage = Stage::new(&book(
        "a",
        "steps:\n- {name: one, uses: play/read}\n- {name: two, uses: play/read, when: 'steps.one.outputs.n > 1'}\n- {name: three, uses: play/read, when: \"steps.two.outcome == 'skipped'\"}",
    ));
    assert_eq!(stage.run("a").await, RunOutcome::Succeeded);
    assert_eq!(stage.script.touched(), ["one", "three"]);
}

#[tokio::test]
async fn a_failed_attempt_is_tried_again_after_its_wait() {
    let stage = Stage::new(&book(
        "a",
        "steps:\n- {name: one, uses: play/read, with: {fail: 2}, retry: {attempts: 3, backoff: {initial: 5s, factor: 2, max: 30s}}}",
    ));
    let run = stage.start("a").await.unwrap();
    until(|| stage.script.touched().len() == 1).await;
    while stage
        .world
        .history
        .run(run)
        .await
        .unwrap()
        .unwrap()
        .outcome
        .is_none()
    {
        stage.clock.advance(Duration::from_secs(1));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(stage.outcome(run).await, RunOutcome::Succeeded);
    assert_eq!(stage.script.touched().len(), 3);
}

#[tokio::test]
async fn what_is_not_safe_to_do_twice_is_not_tried_twice() {
    let stage = Stage::new(&book(
        "a",
        "steps:\n- {name: one, uses: play/once, with: {fail: 1}, retry: {attempts: 3}}",
    ));
    assert_eq!(stage.run("a").await, RunOutcome::Failed);
    assert_eq!(stage.script.touched(), ["one"]);
}

#[tokio::test]
async fn a_run_that_takes_too_long_is_stopped_and_cleaned_up() {
    let stage = Stage::new(&book(
        "a",
        "deadline: 1m\nsteps:\n- {name: slow, uses: play/change, with: {hang: true}}\nrollback:\n- {name: back, uses: play/change}\nfinally:\n- {name: tell, uses: play/read}",
    ));
    let run = stage.start("a").await.unwrap();
    until(|| !stage.script.touched().is_empty()).await;
    stage.clock.advance(Duration::from_secs(61));
    assert_eq!(stage.outcome(run).await, RunOutcome::TimedOut);
    assert_eq!(stage.script.touched(), ["slow", "back", "tell"]);
}

#[tokio::test]
async fn a_cancel_stops_the_step_and_cleans_up() {
    let stage = Stage::new(&book(
        "a",
        "steps:\n- {name: slow, uses: play/read, with: {hang: true}}\nfinally:\n- {name: tell, uses: play/read}",
    ));
    let run = stage.start("a").await.unwrap();
    until(|| !stage.script.touched().is_empty()).await;
    assert!(stage.world.cancel(run, "bob", "enough"));
    assert_eq!(stage.outcome(run).await, RunOutcome::Canceled);
    assert_eq!(stage.script.touched(), ["slow", "tell"]);
}

#[tokio::test]
async fn if_history_cannot_be_written_nothing_more_is_touched() {
    let stage = Stage::new(&book(
        "a",
        "steps:\n- {name: one, uses: play/change}\n- {name: two, uses: play/change}",
    ));
    let run = stage.start("a").await;
    assert!(run.is_ok());
    until(|| !stage.script.touched().is_empty()).await;
    let touched = stage.script.touched();
    stage.world.history.fail_next_commits(1000);
    until(|| stage.world.live_count() == 0).await;
    let after = stage.script.touched();
    assert!(
        after.len() <= touched.len() + 1,
        "{after:?}: at most what was recorded before"
    );
    assert!(matches!(
        stage.start("a").await,
        Err(NotStarted::Unavailable(_))
    ));
}

#[tokio::test]
async fn lost_output_is_told_with_the_step_in_the_metrics_and_by_health() {
    let stage = Stage::new(&book("a", "steps:\n- {name: one, uses: play/read}"));
    let run = stage.start("a").await.unwrap();
    assert_eq!(stage.outcome(run).await, RunOutcome::Succeeded);
    let steps = stage.world.history.steps(run).await.unwrap();
    assert_eq!(steps[0].summary, "done");
    stage.disk.lose(34);
    let run = stage.start("a").await.unwrap();
    assert_eq!(stage.outcome(run).await, RunOutcome::Succeeded);
    let steps = stage.world.history.steps(run).await.unwrap();
    assert_eq!(
        steps[0].summary,
        "done (34 bytes of its output could not be kept: no space left)"
    );
    let lost = stage.metric("orderly_step_output_lost_bytes_total");
    assert!((lost - 34.0).abs() < 0.1);
    let health = view::output(&stage.world);
    assert_eq!(
        (health.ok, health.detail.as_str()),
        (false, "34 bytes of output are lost: no space left")
    );
}

#[tokio::test]
async fn a_second_run_is_refused_while_the_first_goes_on() {
    let stage = Stage::new(&book(
        "a",
        "steps:\n- {name: slow, uses: play/read, with: {hang: true}}",
    ));
    let first = stage.start("a").await.unwrap();
    let second = stage.start("a").await.unwrap_err();
    assert!(
        matches!(second, NotStarted::Because(NotRun::Overlap, _)),
        "{second:?}"
    );
    stage.world.cancel(first, "bob", "");
    stage.outcome(first).await;
    until(|| stage.world.live_count() == 0).await;
    assert!(stage.start("a").await.is_ok());
}

#[tokio::test]
async fn a_queued_run_waits_and_a_third_does_not_queue() {
    let stage = Stage::new(&book(
        "a",
        "overlap: queue\nsteps:\n- {name: slow, uses: play/read, with: {hang: true}}",
    ));
    let first = stage.start("a").await.unwrap();
    until(|| stage.script.touched().len() == 1).await;
    let second = stage.start("a").await.unwrap();
    assert!(stage.start("a").await.is_err());
    stage.world.cancel(first, "bob", "");
    stage.outcome(first).await;
    until(|| stage.script.touched().len() == 2).await;
    stage.world.cancel(second, "bob", "");
    stage.outcome(second).await;
}

#[tokio::test]
async fn a_replacing_run_cancels_the_one_before() {
    let stage = Stage::new(&book(
        "a",
        "overlap: replace\nsteps:\n- {name: slow, uses: play/read, with: {hang: true}}",
    ));
    let first = stage.start("a").await.unwrap();
    until(|| stage.script.touched().len() == 1).await;
    let second = stage.start("a").await.unwrap();
    assert_eq!(stage.outcome(first).await, RunOutcome::Canceled);
    until(|| stage.script.touched().len() == 2).await;
    stage.world.cancel(second, "bob", "");
    stage.outcome(second).await;
}

#[tokio::test]
async fn the_end_of_a_run_starts_the_runbooks_that_wait_for_it() {
    let text = book("a", "steps:\n- {name: one, uses: play/read}")
        + &book(
            "b",
            "triggers:\n- after: {runbook: a, on: success}\nsteps:\n- {name: two, uses: play/read}",
        )
        + &book(
            "c",
            "triggers:\n- after: {runbook: a, on: failure}\nsteps:\n- {name: three, uses: play/read}",
        );
    let stage = Stage::new(&text);
    stage.run("a").await;
    until(|| stage.script.touched() == ["one", "two"]).await;
    until(|| stage.world.live_count() == 0).await;
    assert_eq!(stage.script.touched(), ["one", "two"]);
}

/// A dry run of the runbook `a`.
async fn dry(stage: &Stage) -> RunId {
    let cause = crate::domain::run::Cause::Person {
        subject: "ann".to_owned(),
    };
    let mut wish = crate::flow::start::Wish::of("a".parse().unwrap(), cause);
    wish.dry_run = true;
    let run = crate::flow::start::start(&stage.world, wish).await;
    run.unwrap().id
}

/// How the steps of a run have ended, in words.
async fn ends(stage: &Stage, run: RunId) -> Vec<String> {
    let events = stage.world.history.events(run).await.unwrap();
    let ended = events.iter().filter_map(|recorded| match &recorded.event {
        RunEvent::StepSkipped { reason, .. } => Some(format!("skipped: {reason}")),
        RunEvent::StepEnded { report, .. } => Some(format!("ended: {}", report.summary)),
        RunEvent::StepInvalid { error, .. } => Some(format!("invalid: {error}")),
        _ => None,
    });
    ended.collect()
}

#[tokio::test]
async fn a_dry_run_has_a_change_checked_and_hands_on_what_that_leaves() {
    let stage = Stage::new(&book(
        "a",
        "steps:\n- {name: tried, uses: play/change, with: {rehearse: well}}\n- {name: look, uses: play/read, when: \"steps.tried.outputs.n == 1\"}",
    ));
    let run = dry(&stage).await;
    assert_eq!(stage.outcome(run).await, RunOutcome::Succeeded);
    assert_eq!(stage.script.touched(), ["look"]);
    assert_eq!(
        ends(&stage, run).await[0],
        "ended: dry run: would do it; the gate says allow"
    );
}

#[tokio::test]
async fn a_dry_run_fails_where_the_real_one_would() {
    for with in [
        "{rehearse: it is not there}",
        "{impossible: it is not there}",
    ] {
        let stage = Stage::new(&book(
            "a",
            &format!("steps:\n- {{name: bad, uses: play/change, with: {with}}}"),
        ));
        let run = dry(&stage).await;
        assert_eq!(stage.outcome(run).await, RunOutcome::Failed, "{with}");
        let ends = ends(&stage, run).await;
        assert!(ends[0].contains("it is not there"), "{ends:?}");
    }
}

#[tokio::test]
async fn a_step_that_needs_what_a_dry_run_leaves_out_says_so_and_does_not_fail() {
    let stage = Stage::new(&book(
        "a",
        "steps:\n- {name: dump, uses: play/change}\n- {name: verify, uses: play/read, with: {check: \"${{ steps.dump.outputs.n }}\"}}\n- {name: next, uses: play/read, with: {impossible: it is not there}}",
    ));
    let run = dry(&stage).await;
    assert_eq!(stage.outcome(run).await, RunOutcome::Succeeded);
    let ends = ends(&stage, run).await;
    assert!(
        ends[1].contains("it uses what the step `dump` leaves, which a dry run does not carry out"),
        "{ends:?}"
    );
    assert!(
        ends[2].contains("as things are now, it would fail: it is not there"),
        "{ends:?}"
    );
}

#[tokio::test]
async fn a_dry_run_reads_and_tells_what_it_would_change() {
    let stage = Stage::new(&book(
        "a",
        "steps:\n- {name: look, uses: play/read}\n- {name: gone, uses: play/destroy}",
    ));
    let run = dry(&stage).await;
    assert_eq!(stage.outcome(run).await, RunOutcome::Succeeded);
    assert_eq!(stage.script.touched(), ["look"]);
    let events = stage.world.history.events(run).await.unwrap();
    let told = events.iter().any(|recorded| {
        matches!(&recorded.event, RunEvent::StepSkipped { reason, .. } if reason.contains("would delete") && reason.contains("approve"))
    });
    assert!(told, "{events:#?}");
}

#[tokio::test]
async fn a_clean_up_may_ask_about_a_step_that_was_never_reached() {
    let stage = Stage::new(&book(
        "a",
        "steps:\n- {name: bad, uses: play/read, with: {fail: 9}}\n- {name: never, uses: play/read}\nfinally:\n- {name: tell, uses: play/read, when: \"steps.never.outcome == 'not_run'\"}",
    ));
    assert_eq!(stage.run("a").await, RunOutcome::Failed);
    assert_eq!(stage.script.touched(), ["bad", "tell"]);
}
