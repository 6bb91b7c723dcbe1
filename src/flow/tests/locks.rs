//! Locks that runbooks share.

use super::{
    runs::book,
    stage::{Stage, until},
};
use crate::{
    domain::{
        id::RunId,
        name::{RunbookName, StepName},
        run::{Cause, RunOutcome},
    },
    flow::{
        recover,
        start::{self, Wish},
    },
    history::History,
};
use std::time::Duration;

#[tokio::test]
async fn runbooks_with_one_lock_change_things_one_after_the_other() {
    let stage = Stage::new(&two_with_one_lock());
    let first = stage.start("a").await.unwrap();
    until(|| stage.script.touched() == ["first"]).await;
    let second = stage.start("b").await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(
        stage.script.touched(),
        ["first"],
        "the second waits for the lock"
    );
    until(|| stage.world.lock_waits.lock().unwrap().contains_key(&second)).await;
    let told = stage.world.lock_waits.lock().unwrap().get(&second).cloned();
    let told = told.unwrap();
    assert_eq!((told.lock.as_str(), told.held_by), ("db", first));
    assert_eq!(told.holder.unwrap().as_str(), "a");
    stage.world.cancel(first, "bob", "");
    assert_eq!(stage.outcome(second).await, RunOutcome::Succeeded);
    assert!(stage.world.lock_waits.lock().unwrap().is_empty());
}

/// Two runbooks with one lock; the first one's step hangs.
fn two_with_one_lock() -> String {
    let lock = "locks: [db]\ndeadline: DEADLINE\nsteps:\n- {name: STEP, uses: play/change, timeout: 1h, with: {hang: HANG}}";
    let first = [("DEADLINE", "1h"), ("STEP", "first"), ("HANG", "true")];
    let second = [("DEADLINE", "9h"), ("STEP", "second"), ("HANG", "false")];
    let filled = |words: [(&str, &str); 3]| {
        let fill = |text: String, (from, to): (&str, &str)| text.replace(from, to);
        words.into_iter().fold(lock.to_owned(), fill)
    };
    book("a", &filled(first)) + &book("b", &filled(second))
}

#[tokio::test]
async fn a_run_that_a_crash_cut_off_keeps_its_locks_until_it_has_ended() {
    let history = History::temporary().unwrap();
    let before = Stage::with_history(&two_with_one_lock(), history.clone());
    let first = before.start("a").await.unwrap();
    until(|| before.script.touched() == ["first"]).await;
    let rows = history.locks().await.unwrap();
    assert_eq!((rows[0].name.as_str(), rows[0].owner), ("db", first));
    let expiry = before.world.now() + jiff::SignedDuration::from_hours(2);
    assert_eq!(rows[0].until, expiry, "the deadline and the step's timeout");

    // The agent is killed: what it was about is known from the history alone.
    let after = Stage::with_history(&two_with_one_lock(), history.clone());
    after.clock.advance(Duration::from_millis(1));
    let second = after.start("b").await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(after.script.touched().is_empty(), "the lock is still held");
    after.world.cancel(second, "bob", "");
    after.outcome(second).await;
    recover::recover(&after.world).await.unwrap();
    until(|| after.script.touched() == ["first"]).await;
    after.world.cancel(first, "bob", "");
    after.outcome(first).await;
    assert_eq!(history.locks().await.unwrap(), []);
    assert_eq!(after.run("b").await, RunOutcome::Succeeded);
}

#[tokio::test]
async fn a_lock_whose_run_never_goes_on_is_free_when_it_expires() {
    let history = History::temporary().unwrap();
    let before = Stage::with_history(&two_with_one_lock(), history.clone());
    before.start("a").await.unwrap();
    until(|| before.script.touched() == ["first"]).await;
    let after = Stage::with_history(&two_with_one_lock(), history.clone());
    after.clock.advance(Duration::from_millis(1));
    let second = after.start("b").await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(after.script.touched().is_empty());
    after.clock.advance(Duration::from_secs(2 * 3600 + 1));
    assert_eq!(after.outcome(second).await, RunOutcome::Succeeded);
}

#[tokio::test]
async fn no_lock_is_held_while_people_are_asked() {
    let text = book(
        "a",
        "locks: [db]\nsteps:\n- {name: change, uses: play/change}\n- {name: gone, uses: play/destroy}",
    );
    let stage = Stage::new(&text);
    stage.start("a").await.unwrap();
    stage.question().await;
    assert_eq!(stage.script.touched(), ["change"]);
    assert_eq!(stage.world.history.locks().await.unwrap(), []);
}

#[tokio::test]
async fn a_run_that_waits_for_a_lock_is_judged_and_counted_once_and_goes_on_as_soon_as_it_is_free()
{
    let stage = Stage::new(&two_with_one_lock());
    let first = stage.start("a").await.unwrap();
    until(|| stage.script.touched() == ["first"]).await;
    let series = r#"orderly_gate_decisions_total{class="change",decision="allow"}"#;
    let before = stage.metric(series);
    let second = stage.start("b").await.unwrap();
    until(|| {
        stage
            .world
            .lock_queues
            .lock()
            .unwrap()
            .contains_key(&second)
    })
    .await;
    for _ in 0..20 {
        stage.clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    stage.world.cancel(first, "bob", "");
    // No clock is turned any more: the release alone wakes it.
    assert_eq!(stage.outcome(second).await, RunOutcome::Succeeded);
    let judged = stage.metric(series) - before;
    assert!((judged - 1.0).abs() < 0.1, "{judged}");
}

async fn child_of(stage: &Stage, parent: RunId, runbook: &str, waits: bool) -> RunId {
    let cause = Cause::Step {
        run: parent,
        step: StepName::new("first").unwrap(),
        waits,
    };
    let wish = Wish::of(RunbookName::new(runbook).unwrap(), cause);
    start::start(&stage.world, wish).await.unwrap().id
}

#[tokio::test]
async fn a_run_works_under_the_lock_of_the_run_that_waits_for_it() {
    let stage = Stage::new(&two_with_one_lock());
    let first = stage.start("a").await.unwrap();
    until(|| stage.script.touched() == ["first"]).await;
    let child = child_of(&stage, first, "b", true).await;
    assert_eq!(stage.outcome(child).await, RunOutcome::Succeeded);
    let rows = stage.world.history.locks().await.unwrap();
    assert_eq!(rows[0].owner, first, "it is still the other's lock");
    stage.world.cancel(first, "bob", "");
    stage.outcome(first).await;
    assert_eq!(stage.world.history.locks().await.unwrap(), []);
}

#[tokio::test]
async fn a_run_that_nobody_waits_for_takes_its_turn() {
    let stage = Stage::new(&two_with_one_lock());
    let first = stage.start("a").await.unwrap();
    until(|| stage.script.touched() == ["first"]).await;
    let child = child_of(&stage, first, "b", false).await;
    until(|| stage.world.lock_queues.lock().unwrap().contains_key(&child)).await;
    assert_eq!(stage.script.touched(), ["first"]);
    stage.world.cancel(first, "bob", "");
    assert_eq!(stage.outcome(child).await, RunOutcome::Succeeded);
}

#[tokio::test]
async fn two_runs_that_would_wait_for_each_other_for_ever_are_told_so() {
    let holds = |lock: &str, step: &str| {
        format!(
            "locks: [{lock}]\ndeadline: 9h\nsteps:\n- {{name: {step}, uses: play/change, timeout: 9h, with: {{hang: true}}}}"
        )
    };
    let needs = |lock: &str| {
        format!(
            "locks: [{lock}]\ndeadline: 9h\nsteps:\n- {{name: needs_{lock}, uses: play/change}}"
        )
    };
    let stage = Stage::new(
        &(book("has-one", &holds("one", "first"))
            + &book("has-two", &holds("two", "second"))
            + &book("needs-one", &needs("one"))
            + &book("needs-two", &needs("two"))),
    );
    let one = stage.start("has-one").await.unwrap();
    let two = stage.start("has-two").await.unwrap();
    until(|| stage.script.touched().len() == 2).await;
    let waits = child_of(&stage, one, "needs-two", true).await;
    until(|| stage.world.lock_queues.lock().unwrap().contains_key(&waits)).await;
    let circle = child_of(&stage, two, "needs-one", true).await;
    assert_eq!(stage.outcome(circle).await, RunOutcome::Failed);
    let row = stage.world.history.run(circle).await.unwrap().unwrap();
    assert!(
        row.reason.contains("neither would ever go on"),
        "{}",
        row.reason
    );
    stage.world.cancel(two, "bob", "");
    assert_eq!(stage.outcome(waits).await, RunOutcome::Succeeded);
}
