//! Locks that runbooks share.

use super::{
    runs::book,
    stage::{Stage, until},
};
use crate::{domain::run::RunOutcome, flow::recover, history::History};
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
    stage.world.cancel(first, "bob", "");
    assert_eq!(stage.outcome(second).await, RunOutcome::Succeeded);
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
