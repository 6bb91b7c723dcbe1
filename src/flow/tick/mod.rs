//! A due time comes → it starts, or one reason why not.
//!
//! This file looks at the clock; `set` takes over what is to be looked for, `missed` finds what nobody was there for, `settle` decides.
//!
//! Rules (DESIGN's eight points on time)
//! - A trigger counts from the moment its present text became active; the past never fires.
//! - An occurrence that the agent comes to later than [`LATE`] after its due time is missed: the agent was down, the machine slept, or
//!   the clock jumped. Misses are recorded as one stretch, found by jumping, and the trigger's `missed` says what runs now.
//! - While the clock is in doubt, what was missed is not made up for, whatever `missed` says.
//! - A clock that jumps back fires nothing twice: next times only ever go forward, and the history admits each occurrence once.

mod ahead;
mod missed;
mod set;
mod settle;

use crate::{
    domain::{
        calendar::WindowState,
        name::RunbookName,
        runbook::{Runbook, Timing, Trigger},
        schedule::{
            spread,
            timetable::{interval_at, next_nominal},
        },
        span::Span,
    },
    flow::{
        FlowError, clock, step, suspend, view,
        world::{Due, World, held},
    },
    history::Write,
};
use ahead::Looked;
use futures_util::future::join;
use jiff::{SignedDuration, Timestamp};
use missed::missed_arrivals;
pub use settle::agent_started;
use settle::{Arrival, occurrence, settle_all};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

/// Later than this, an occurrence is missed and not merely late.
pub const LATE: SignedDuration = SignedDuration::from_secs(60);
/// The agent notes that it is alive this often; what came due after the last note was missed while it was down.
pub const HEARTBEAT: Duration = Duration::from_secs(10);
/// The longest wait between two looks at the clock, so that a jump is noticed soon.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// Next times that are looked for before others get a turn.
const AT_A_TIME: usize = 32;

/// What is due when.
#[derive(Debug, Default)]
pub struct Scheduler {
    triggers: BTreeMap<Key, Known>,
    queue: BTreeSet<(Timestamp, Key)>,
    last_heartbeat: Option<Duration>,
    /// Triggers of whose due times people are asked ahead, and how long.
    early: BTreeMap<Key, Span>,
    /// What the last look ahead was based on.
    looked: BTreeMap<Key, Looked>,
    /// The agent was alive then, before this start.
    alive_before: Option<Timestamp>,
    /// Whether a set was taken over at all.
    has_set: bool,
}

type Key = (RunbookName, Arc<str>);

/// A trigger that the history knows. There are ten thousand of them.
#[derive(Debug)]
struct Known {
    /// When its present text became active.
    active_since: Timestamp,
    next: Next,
}

/// When a trigger is due next.
#[derive(Debug)]
enum Next {
    /// Before the set is taken over, and where nothing is due any more; the last nominal time that was settled before this start.
    Unknown(Option<Timestamp>),
    /// Some time.
    Entry(Entry),
}

/// A trigger's next time.
#[derive(Debug, Clone)]
struct Entry {
    timed: Timed,
    nominal: Timestamp,
    due: Timestamp,
}

/// A trigger of a runbook that has times: where it stands there.
#[derive(Debug, Clone)]
struct Timed {
    runbook: Arc<Runbook>,
    place: usize,
}

impl Timed {
    fn trigger(&self) -> Option<&Trigger> {
        self.runbook.triggers.get(self.place)
    }

    fn timing(&self) -> Timing {
        let timing = self.trigger().and_then(Trigger::timing);
        timing.copied().unwrap_or_default()
    }
}

impl Known {
    fn entry(&self) -> Option<&Entry> {
        match &self.next {
            Next::Entry(entry) => Some(entry),
            Next::Unknown(_) => None,
        }
    }
}

impl Scheduler {
    /// Reads when triggers became active and when the agent was last alive.
    ///
    /// # Errors
    /// The history cannot be read.
    pub async fn load(world: &World) -> Result<Self, FlowError> {
        let unreadable = |error| FlowError::unreadable("reading the schedule", &error);
        let triggers = world.history.triggers().await.map_err(unreadable)?;
        let alive_before = world.history.last_heartbeat().await.map_err(unreadable)?;
        let triggers = triggers
            .into_iter()
            .map(|row| {
                let known = Known {
                    active_since: row.active_since,
                    next: Next::Unknown(row.last_nominal),
                };
                ((row.runbook, row.key.into()), known)
            })
            .collect();
        let mut scheduler = Self {
            triggers,
            alive_before,
            ..Self::default()
        };
        scheduler.load_ahead(world).await?;
        Ok(scheduler)
    }

    /// Goes on until the agent stops: looks at the clock, starts what is due, waits for the next due time or a change.
    ///
    /// When the history cannot be written, nothing starts. Once it can, the schedule is read anew, and what came due
    /// meanwhile is missed like in any other absence: recorded, never silently lost.
    pub async fn keep_time(&mut self, world: &Arc<World>) {
        while !world.draining.is_cancelled() {
            if let Err(error) = self.keep_time_while_recorded(world).await {
                tracing::error!("the schedule stands still: {error}");
                world.clock.sleep(LONGEST_WAIT).await;
                *held(&world.scheduler_alive) = world.clock.elapsed();
                if let Ok(fresh) = Self::load(world).await {
                    *self = fresh;
                }
            }
        }
    }

    async fn keep_time_while_recorded(&mut self, world: &Arc<World>) -> Result<(), FlowError> {
        self.take_set(world).await?;
        while !world.draining.is_cancelled() {
            let pause = self.tick(world).await?;
            tokio::select! {
                () = world.clock.sleep(pause) => {}
                () = world.reschedule.notified() => {
                    self.take_set(world).await?;
                }
                () = world.draining.cancelled() => {}
            }
        }
        Ok(())
    }

    /// One look at the clock. Gives how long to wait for the next one.
    ///
    /// # Errors
    /// The history cannot be written.
    pub async fn tick(&mut self, world: &Arc<World>) -> Result<Duration, FlowError> {
        let began = world.clock.elapsed();
        *held(&world.scheduler_alive) = began;
        let now = clock::look(world).await?;
        suspend::end_expired(world, now).await?;
        loop {
            let due = self.take_due(now);
            if due.is_empty() {
                break;
            }
            let arrivals = due
                .iter()
                .flat_map(|due| due.arrivals(world, now))
                .collect();
            // While the disk takes what is due now, there is time to look for what is due next.
            let settling = settle_all(world, arrivals, now);
            let (settled, ()) = join(settling, self.set_all_next(world, due, now)).await;
            settled?;
        }
        self.ask_ahead(world, now).await?;
        world
            .events
            .scheduler_tick(world.clock.elapsed().saturating_sub(began), now);
        self.heartbeat(world, began, now).await?;
        let next = self
            .queue
            .first()
            .map(|(due, _)| Duration::try_from(due.duration_since(now)).unwrap_or_default());
        Ok(next.unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT))
    }

    /// Takes the triggers that are due from the queue, in their order.
    fn take_due(&mut self, now: Timestamp) -> Vec<DueNow> {
        let mut taken = Vec::new();
        while let Some((due, key)) = self.queue.pop_first() {
            if due > now {
                self.queue.insert((due, key));
                break;
            }
            let known = self.entry(&key);
            taken.extend(known.map(|(since, entry)| DueNow { key, since, entry }));
        }
        taken
    }

    async fn set_all_next(&mut self, world: &World, due: Vec<DueNow>, now: Timestamp) {
        for (place, due) in due.into_iter().enumerate() {
            if place % AT_A_TIME == AT_A_TIME - 1 {
                tokio::task::yield_now().await;
            }
            let nominal = due.entry.nominal;
            let after = if due.is_missed(now) {
                now.max(nominal)
            } else {
                nominal
            };
            self.set_next(world, &due.key, due.entry.timed, after);
        }
    }

    /// When a trigger became active, and its next time.
    fn entry(&self, key: &Key) -> Option<(Timestamp, Entry)> {
        let known = self.triggers.get(key)?;
        Some((known.active_since, known.entry()?.clone()))
    }

    fn set_next(&mut self, world: &World, key: &Key, timed: Timed, after: Timestamp) {
        let Some(known) = self.triggers.get_mut(key) else {
            return;
        };
        let trigger = timed.trigger();
        let next = trigger.and_then(|it| next_nominal(it, known.active_since, after));
        let Some(nominal) = next else {
            self.forget(world, key);
            return;
        };
        let due = due(world, key, &timed.timing(), nominal);
        let interval = trigger.and_then(|it| interval_at(it, known.active_since, nominal));
        self.queue.insert((due, key.clone()));
        publish(
            world,
            key,
            Some(Due {
                due,
                nominal,
                interval,
            }),
        );
        known.next = Next::Entry(Entry {
            timed,
            nominal,
            due,
        });
    }

    async fn heartbeat(
        &mut self,
        world: &World,
        elapsed: Duration,
        now: Timestamp,
    ) -> Result<(), FlowError> {
        if self
            .last_heartbeat
            .is_some_and(|last| elapsed.saturating_sub(last) < HEARTBEAT)
        {
            return Ok(());
        }
        self.last_heartbeat = Some(elapsed);
        world
            .write(
                "a sign of life",
                vec![Write::Heartbeat {
                    at: now,
                    stamp: world.history.stamp(),
                }],
            )
            .await
    }
}

/// A trigger that was taken from the queue.
struct DueNow {
    key: Key,
    /// When its present text became active.
    since: Timestamp,
    entry: Entry,
}

impl DueNow {
    fn is_missed(&self, now: Timestamp) -> bool {
        now.duration_since(self.entry.due) > LATE
    }

    /// What comes of it.
    fn arrivals(&self, world: &World, now: Timestamp) -> Vec<Arrival> {
        let (key, entry) = (&self.key, &self.entry);
        if !self.is_missed(now) {
            let timing = entry.timed.timing();
            return vec![Arrival::Due(occurrence(key, entry.nominal), timing)];
        }
        let before = entry
            .nominal
            .saturating_sub(SignedDuration::from_millis(1))
            .unwrap_or(entry.nominal);
        missed_arrivals(world, (&entry.timed, self.since), key, before, now)
    }
}

/// Shows people and metrics when this trigger is due next.
fn publish(world: &World, key: &Key, due: Option<Due>) {
    let mut upcoming = held(&world.upcoming);
    match due {
        Some(due) => {
            upcoming.insert(key.clone(), due);
        }
        None => {
            upcoming.remove(key);
        }
    }
    drop(upcoming);
    // Another trigger of the runbook may come sooner.
    let next = view::next_time(world, &key.0);
    let interval = next.and_then(|due| due.interval).map(Span::duration);
    world
        .events
        .runbook_due(&key.0, next.map(|due| due.due), interval);
}

/// The nominal time put off by the runbook's spread, which passes neither the start deadline nor the window's end.
fn due(world: &World, key: &Key, timing: &Timing, nominal: Timestamp) -> Timestamp {
    spread::start_of(
        &key.0,
        &key.1,
        timing,
        nominal,
        window_end(world, &key.0, nominal),
    )
}

fn window_end(world: &World, runbook: &RunbookName, at: Timestamp) -> Option<Timestamp> {
    let in_use = world.in_use();
    let found = in_use.set.runbook(runbook)?;
    match step::window(world, &found.runbook.windows, at) {
        WindowState::Open { closes } => closes,
        WindowState::Closed { .. } => None,
    }
}
