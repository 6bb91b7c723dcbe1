//! Locks that runbooks share: taken after the gate, not held while waiting for people.
//!
//! A lock is a row of the history, with an owner and an expiry. It is taken in the transaction that records the start of a step that
//! changes something, and given back in the one that records the end of the run or its question to people. So a run that a crash cut
//! off keeps its locks until it has gone on and ended: what it left half done is not worked on by another. One that cannot go on
//! loses them when they expire.
//!
//! A run whose starter waits for its end works under the starter's locks: that one does nothing meanwhile, and would otherwise wait for
//! a run that waits for it. A run that nobody waits for takes its turn like any other.
//!
//! Where such a run asks people, the starter's locks stay: the starter is in the middle of a step, and what it has done so far is not for
//! others to work on. They come back when that step's run goes on and ends, at the latest when the question expires. A runbook that
//! should not hold up others so long asks before it starts the other one, or leaves the lock to the runbook that it starts.

use crate::{
    domain::{
        id::RunId,
        lock::LockWait,
        name::LockName,
        plan::PlannedStep,
        run::{Cause, RunHeader},
    },
    flow::{
        FlowError,
        run::Journey,
        world::{World, held},
    },
    history::Write,
};
use jiff::Timestamp;
use std::{collections::BTreeMap, time::Duration};

/// How long a run waits before it looks again, should the clock have jumped over an expiry.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

/// Takes the runbook's locks, or prolongs them. The batch that this is part of is refused while another run holds one.
///
/// # Errors
/// The history cannot be read.
pub(super) async fn take(
    journey: &Journey,
    step: &PlannedStep,
    at: Timestamp,
) -> Result<Vec<Write>, FlowError> {
    let runbook = &journey.runbook;
    if runbook.locks.is_empty() {
        return Ok(Vec::new());
    }
    let until = at
        .saturating_add(runbook.deadline.signed() + step.timeout.signed())
        .unwrap_or(Timestamp::MAX);
    let owners = owners(&journey.world, at).await?;
    let above = above(&journey.world, &journey.header).await?;
    let lock = |name: &LockName| {
        let owner = owners.get(name).filter(|owner| above.contains(owner));
        Write::Lock {
            name: name.clone(),
            owner: owner.copied().unwrap_or(journey.header.id),
            until,
            at,
        }
    };
    Ok(runbook.locks.iter().map(lock).collect())
}

/// Who holds which lock now.
async fn owners(world: &World, at: Timestamp) -> Result<BTreeMap<LockName, RunId>, FlowError> {
    let rows = world.history.locks().await;
    let rows = rows.map_err(|error| FlowError::unreadable("looking for locks", &error))?;
    let held = rows.into_iter().filter(|row| row.until >= at);
    Ok(held.map(|row| (row.name, row.owner)).collect())
}

/// The runs that wait for this one's end, nearest first.
async fn above(world: &World, header: &RunHeader) -> Result<Vec<RunId>, FlowError> {
    let mut above = Vec::new();
    let mut cause = header.cause.clone();
    while let Cause::Step {
        run, waits: true, ..
    } = cause
    {
        above.push(run);
        let found = world.history.run(run).await;
        let found = found
            .map_err(|error| FlowError::unreadable("looking for the run that waits", &error))?;
        let Some(found) = found else { break };
        cause = found.header.cause;
    }
    Ok(above)
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

/// What came of waiting for a lock.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Waited {
    /// It may be free.
    Free,
    /// The run was cancelled, its deadline passed, or the agent stops.
    Disturbed,
    /// It never comes, for this reason.
    Never(String),
}

/// Waits until a lock is given back or expires.
///
/// # Errors
/// The history cannot be read.
pub(super) async fn wait(
    journey: &mut Journey,
    name: &LockName,
    owner: RunId,
) -> Result<Waited, FlowError> {
    let world = journey.world.clone();
    let mut queue = above(&world, &journey.header).await?;
    queue.push(journey.header.id);
    let Some(_queued) = Queued::behind(&world, &queue, owner) else {
        return Ok(Waited::Never(format!(
            "it needs the lock {name}, which run {owner} holds; that run waits for this one: neither would ever go on\nhint: let runbooks that share locks name the same ones, or let one of them not wait for the other"
        )));
    };
    let _told = Told::of(&world, journey.header.id, name, owner).await?;
    tracing::info!(run.id = %journey.header.id, "waits for the lock {name}, held by run {owner}");
    loop {
        let unlocked = world.unlocked.notified();
        tokio::pin!(unlocked);
        unlocked.as_mut().enable();
        let now = world.now();
        let rows = world.history.locks().await;
        let rows = rows.map_err(|error| FlowError::unreadable("looking for locks", &error))?;
        let row = rows.into_iter().find(|row| row.name == *name);
        let Some(row) = row.filter(|row| row.owner == owner && row.until >= now) else {
            return Ok(Waited::Free);
        };
        let left = journey.time_left().filter(|_| journey.main_goes_on());
        if left == Some(Duration::ZERO) {
            return Ok(Waited::Disturbed);
        }
        let expires = Duration::try_from(row.until.duration_since(now)).unwrap_or_default();
        let pause = left
            .unwrap_or(Duration::MAX)
            .min(expires.saturating_add(Duration::from_millis(1)))
            .min(LOOK_AGAIN);
        tokio::select! {
            () = unlocked => {}
            rested = journey.rest(pause) => if !rested {
                return Ok(Waited::Disturbed);
            }
        }
    }
}

/// What a run waits for is told to people, for as long as it does.
struct Told<'a> {
    world: &'a World,
    run: RunId,
}

impl<'a> Told<'a> {
    async fn of(
        world: &'a World,
        run: RunId,
        lock: &LockName,
        owner: RunId,
    ) -> Result<Self, FlowError> {
        let holder = world.history.run(owner).await;
        let holder =
            holder.map_err(|error| FlowError::unreadable("looking for a lock's run", &error))?;
        let wait = LockWait {
            lock: lock.clone(),
            held_by: owner,
            holder: holder.map(|row| row.header.runbook),
            since: world.now(),
        };
        held(&world.lock_waits).insert(run, wait);
        Ok(Self { world, run })
    }
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        held(&self.world.lock_waits).remove(&self.run);
    }
}

/// Runs that wait for another one to give a lock back, for as long as they do.
struct Queued<'a> {
    world: &'a World,
    runs: Vec<RunId>,
}

impl<'a> Queued<'a> {
    /// None where that one waits, over however many others, for one of these.
    fn behind(world: &'a World, runs: &[RunId], owner: RunId) -> Option<Self> {
        let mut queues = held(&world.lock_queues);
        let mut ahead = Some(owner);
        // Each run waits for one other at most, and no circle was let in before.
        while let Some(run) = ahead {
            if runs.contains(&run) {
                return None;
            }
            ahead = queues.get(&run).copied();
        }
        queues.extend(runs.iter().map(|run| (*run, owner)));
        drop(queues);
        Some(Self {
            world,
            runs: runs.to_vec(),
        })
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        let mut queues = held(&self.world.lock_queues);
        for run in &self.runs {
            queues.remove(run);
        }
    }
}
