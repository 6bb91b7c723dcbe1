//! A run, from its first step to its recorded end.
//!
//! What comes next is decided by [`domain::run::next`](crate::domain::run::next) from the recorded state alone, so this story
//! is the same for a fresh run and for one that goes on after a crash.

use crate::{
    domain::{
        audit::Entry,
        run::{Next, RunEvent, RunHeader, RunOutcome, RunState, StepKey, StepResult, next},
        runbook::{Overlap, Runbook},
    },
    flow::{
        FlowError, approve, circuit, locks, needs, start, step, trial,
        world::{Control, World, held},
    },
    history::{Write, WriteError},
};
use jiff::Timestamp;
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

/// One run on its way.
pub struct Journey {
    /// The outside.
    pub world: Arc<World>,
    /// What is fixed about it.
    pub header: RunHeader,
    /// The definition it started with.
    pub runbook: Arc<Runbook>,
    /// Where it stands.
    pub state: RunState,
    /// Who wants it stopped.
    pub cancel: watch::Receiver<Option<(String, String)>>,
    /// It does not go on from where an earlier start of the agent left it.
    pub(super) is_new: bool,
    /// What the state has taken in already, and the next record writes down.
    pub(super) unwritten: Vec<Write>,
}

impl std::fmt::Debug for Journey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journey")
            .field("run", &self.header.id)
            .finish_non_exhaustive()
    }
}

/// Enters the run among the live ones.
pub fn enter(
    world: &Arc<World>,
    header: RunHeader,
    runbook: Arc<Runbook>,
    state: RunState,
) -> Journey {
    let (cancel, receiver) = watch::channel(None);
    let mut live = held(&world.live);
    let runs = live.entry(header.runbook.clone()).or_default();
    let ticket = runs
        .values()
        .map(|control| control.ticket + 1)
        .max()
        .unwrap_or(0);
    runs.insert(header.id, Control { cancel, ticket });
    drop(live);
    Journey {
        world: world.clone(),
        header,
        runbook,
        is_new: state.started.is_none(),
        state,
        cancel: receiver,
        unwritten: Vec::new(),
    }
}

/// Takes the run from the live ones, and wakes those that wait for its end.
pub fn leave(journey: &Journey) {
    let world = &journey.world;
    let mut live = held(&world.live);
    if let Some(runs) = live.get_mut(&journey.header.runbook) {
        runs.remove(&journey.header.id);
        if runs.is_empty() {
            live.remove(&journey.header.runbook);
        }
    }
    drop(live);
    world.run_ended.notify_waiters();
}

/// Goes on until the end is recorded, the agent stops, or the history cannot be written.
pub async fn perform(mut journey: Journey) -> Result<RunOutcome, FlowError> {
    let ended = travel(&mut journey).await;
    leave(&journey);
    if let Err(error) = &ended {
        tracing::warn!(run.id = %journey.header.id, runbook = %journey.header.runbook, "the run stands still: {error}");
    }
    ended
}

async fn travel(journey: &mut Journey) -> Result<RunOutcome, FlowError> {
    my_turn(journey).await?;
    if journey.is_new {
        if journey.state.started.is_none() {
            begin(journey).await?;
        }
        if let Some(reason) = needs::unmet(&journey.world, &journey.runbook) {
            return end(journey, RunOutcome::Failed, reason).await;
        }
        if let Some(reason) = approve::refused(journey).await? {
            return end(journey, RunOutcome::Denied, reason).await;
        }
    }
    loop {
        journey.take_cancel();
        journey.watch_deadline().await?;
        let next = next(&journey.runbook, &journey.state);
        let draining = journey.world.draining.is_cancelled();
        if draining || !matches!(next, Next::End { .. }) {
            journey.catch_up().await?;
        }
        if draining {
            return Err(FlowError::Stopping);
        }
        match next {
            Next::Over => return Ok(journey.state.ended.unwrap_or(RunOutcome::Failed)),
            Next::End { outcome, reason } => return end(journey, outcome, reason).await,
            Next::Consider {
                key,
                attempt,
                granted,
                uncertain,
            } => {
                step::consider(
                    journey,
                    step::Attempt {
                        key,
                        attempt,
                        granted,
                        uncertain,
                    },
                )
                .await?;
            }
            Next::Retry {
                key,
                not_before,
                attempt,
            } => {
                if journey.rest_before_retry(&key, not_before).await {
                    let attempt = step::Attempt {
                        key,
                        attempt,
                        granted: None,
                        uncertain: false,
                    };
                    step::consider(journey, attempt).await?;
                }
            }
            Next::Await { key, approval } => approve::wait(journey, &key, approval).await?,
            Next::Withdraw { key, approval } => approve::withdraw(journey, &key, approval).await?,
            Next::Running { key, attempt } => {
                let event = RunEvent::StepInterrupted { key, attempt };
                journey
                    .record("a step that was interrupted", vec![event], Vec::new())
                    .await?;
            }
        }
    }
}

/// Runs of one runbook go one after the other, unless it allows them to overlap.
async fn my_turn(journey: &mut Journey) -> Result<(), FlowError> {
    let world = journey.world.clone();
    loop {
        let ended = world.run_ended.notified();
        tokio::pin!(ended);
        ended.as_mut().enable();
        if goes_first(journey) || journey.cancel_wanted() {
            return Ok(());
        }
        tokio::select! {
            () = ended => {}
            _ = journey.cancel.changed() => {}
            () = world.draining.cancelled() => return Err(FlowError::Stopping),
        }
    }
}

/// Whether it need not wait for another run of its runbook.
fn goes_first(journey: &Journey) -> bool {
    if journey.runbook.overlap == Overlap::Allow {
        return true;
    }
    let live = held(&journey.world.live);
    let Some(runs) = live.get(&journey.header.runbook) else {
        return true;
    };
    let mine = runs
        .get(&journey.header.id)
        .map_or(0, |control| control.ticket);
    runs.values().all(|control| control.ticket >= mine)
}

async fn begin(journey: &mut Journey) -> Result<(), FlowError> {
    let audit = begun(&journey.header, journey.world.now());
    let (events, audit) = (vec![RunEvent::Started], vec![Write::Audit(audit)]);
    journey.record("the start of a run", events, audit).await?;
    tell_begun(journey);
    Ok(())
}

fn begun(header: &RunHeader, at: Timestamp) -> Entry {
    let detail = format!("revision {}", header.revision);
    start::audit(at, header, "run.started", &detail)
}

fn tell_begun(journey: &Journey) {
    let occurrence = journey.header.cause.occurrence();
    let lateness = occurrence.map(|due| since(due.nominal, journey.world.now()));
    journey.world.events.run_started(&journey.header, lateness);
}

/// Records a new run, which begins with the same record where no other of its runbook goes before it: a thousand that are due at once
/// wait for the disk once less.
///
/// # Errors
/// It cannot be recorded, or may not be made.
pub(super) async fn make(journey: &mut Journey, mut writes: Vec<Write>) -> Result<(), WriteError> {
    if !goes_first(journey) {
        return journey.world.history.write(writes).await;
    }
    writes.push(Write::Audit(begun(&journey.header, journey.world.now())));
    let events = vec![RunEvent::Started];
    journey.try_record(events, writes).await?;
    tell_begun(journey);
    Ok(())
}

fn since(earlier: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(earlier)).unwrap_or_default()
}

/// Records the end, together with the runs that it triggers, so that no crash can come between.
async fn end(
    journey: &mut Journey,
    outcome: RunOutcome,
    reason: String,
) -> Result<RunOutcome, FlowError> {
    let world = journey.world.clone();
    let now = world.now();
    let mut audit = start::audit(now, &journey.header, "run.ended", outcome.as_str());
    if !outcome.is_success() {
        audit = audit.failed(&reason);
    }
    let followers = start::followers(&world, &journey.header, outcome, now);
    if !followers.is_empty() {
        // Should one of them be refused, the end of the last step stands all the same.
        journey.catch_up().await?;
    }
    let mut writes = vec![Write::Audit(audit)];
    writes.extend(locks::give_back(journey));
    writes.extend(approve::ahead::moot(journey, "the run ended without it").await?);
    writes.extend(followers.iter().flat_map(start::Follower::writes));
    writes.extend(trial::proof(journey, outcome, now));
    let circuit = circuit::count(&world, journey, outcome, &reason, now).await;
    writes.extend(circuit.iter().flat_map(circuit::Change::writes));
    let event = RunEvent::Ended {
        outcome,
        reason: reason.clone(),
    };
    journey
        .record("the end of a run", vec![event], writes)
        .await?;
    if let Some(circuit) = circuit {
        circuit.take();
    }
    locks::tell(journey);
    let took = since(journey.state.started.unwrap_or(now), now);
    world
        .events
        .run_ended(&journey.header, outcome, took, now, &reason);
    for follower in followers {
        start::launch_follower(&world, follower);
    }
    Ok(outcome)
}

impl Journey {
    /// Takes a wish to stop into the state; whoever wished has recorded it already.
    pub fn take_cancel(&mut self) {
        let wish = self.cancel.borrow_and_update().clone();
        if let Some((by, reason)) = wish {
            self.state
                .apply(self.world.now(), &RunEvent::CancelRequested { by, reason });
        }
    }

    fn cancel_wanted(&self) -> bool {
        self.state.cancel.is_some() || self.cancel.borrow().is_some()
    }

    /// How long until the deadline passes; `None` while it does not count.
    pub fn time_left(&self) -> Option<Duration> {
        if self.state.deadline_passed {
            return None;
        }
        let deadline = self.state.deadline_at(self.runbook.deadline)?;
        Some(since(self.world.now(), deadline))
    }

    async fn watch_deadline(&mut self) -> Result<(), FlowError> {
        if self.time_left() != Some(Duration::ZERO) || !self.main_goes_on() {
            return Ok(());
        }
        self.record(
            "a deadline that passed",
            vec![RunEvent::DeadlinePassed],
            Vec::new(),
        )
        .await
    }

    /// The deadline is for the main steps; rollback and `finally` have their own timeouts.
    pub fn main_goes_on(&self) -> bool {
        use crate::domain::runbook::Phase;
        match next(&self.runbook, &self.state) {
            Next::Consider { key, .. } | Next::Retry { key, .. } | Next::Running { key, .. } => {
                key.phase == Phase::Main
            }
            Next::Await { .. } | Next::Withdraw { .. } | Next::End { .. } | Next::Over => false,
        }
    }

    /// Waits before another attempt; true once the whole wait is over. A wall clock that jumped back does not make it longer
    /// than the step's longest wait.
    async fn rest_before_retry(&mut self, key: &StepKey, not_before: Timestamp) -> bool {
        let step = self
            .runbook
            .steps_of(key.phase)
            .iter()
            .find(|step| step.name == key.step);
        let longest = step
            .map(|step| step.retry.max.duration())
            .unwrap_or_default();
        let pause = since(self.world.now(), not_before).min(longest);
        let left = self
            .time_left()
            .filter(|_| self.main_goes_on())
            .unwrap_or(Duration::MAX);
        self.rest(pause.min(left)).await && pause <= left
    }

    /// Waits by the clock that never jumps, until cancelled or stopped.
    /// True if nothing disturbed it.
    pub async fn rest(&mut self, pause: Duration) -> bool {
        let world = self.world.clone();
        tokio::select! {
            () = world.clock.sleep(pause) => true,
            _ = self.cancel.changed() => false,
            () = world.draining.cancelled() => false,
        }
    }
}

/// Whether a report says that the attempt was stopped from outside.
pub(crate) fn was_stopped(result: &StepResult) -> bool {
    match result {
        StepResult::Canceled => true,
        StepResult::Succeeded | StepResult::Failed { .. } | StepResult::TimedOut => false,
    }
}
