//! Locks that runbooks share: taken after the gate, not held while waiting for people.
//!
//! A lock is a row of the history, with an owner and an expiry. It is taken in the transaction that records the start of a step that
//! changes something, and given back in the one that records the end of the run or its question to people. So a run that a crash cut
//! off keeps its locks until it has gone on and ended: what it left half done is not worked on by another. One that cannot go on
//! loses them when they expire.

use crate::{
    domain::{id::RunId, name::LockName, plan::PlannedStep},
    flow::run::Journey,
    history::Write,
};
use jiff::Timestamp;
use std::time::Duration;

/// How long a run waits before it looks again, should it miss that a lock was given back.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Takes the runbook's locks, or prolongs them. The batch that this is part of is refused while another run holds one.
pub(super) fn take(journey: &Journey, step: &PlannedStep, at: Timestamp) -> Vec<Write> {
    let runbook = &journey.runbook;
    let until = at
        .saturating_add(runbook.deadline.signed() + step.timeout.signed())
        .unwrap_or(Timestamp::MAX);
    let lock = |name: &LockName| Write::Lock {
        name: name.clone(),
        owner: journey.header.id,
        until,
        at,
    };
    runbook.locks.iter().map(lock).collect()
}

/// Gives them back. [`tell`] wakes those that wait, once it is recorded.
pub(super) fn give_back(journey: &Journey) -> Vec<Write> {
    let unlock = |name: &LockName| Write::Unlock {
        name: name.clone(),
        owner: journey.header.id,
    };
    journey.runbook.locks.iter().map(unlock).collect()
}

/// Wakes the runs that wait for a lock.
pub(super) fn tell(journey: &Journey) {
    if !journey.runbook.locks.is_empty() {
        journey.world.unlocked.notify_waiters();
    }
}

/// Waits until a lock was given back, for a short while at most.
pub(super) async fn wait(journey: &mut Journey, name: &LockName, owner: RunId) {
    let world = journey.world.clone();
    tracing::info!(run.id = %journey.header.id, "waits for the lock {name}, held by run {owner}");
    let pause = journey.time_left().unwrap_or(Duration::MAX).min(LOOK_AGAIN);
    tokio::select! {
        () = world.unlocked.notified() => {}
        _ = journey.rest(pause) => {}
    }
}
