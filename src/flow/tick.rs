//! A due time comes → it starts, or one reason why not.
//!
//! Rules (DESIGN's eight points on time)
//! - A trigger counts from the moment its present text became active; the past never fires.
//! - An occurrence that the agent comes to later than [`LATE`] after its due time is missed: the agent was down, the machine slept, or
//!   the clock jumped. Misses are recorded as one stretch, found by jumping, and the trigger's `missed` says what runs now.
//! - A clock that jumps back fires nothing twice: next times only ever go forward, and the history admits each occurrence once.

use crate::{
    domain::{
        calendar::WindowState,
        name::RunbookName,
        occurrence::{NotRun, Occurrence, Skipped},
        run::Cause,
        runbook::{AgentEvent, Missed, Timing, Trigger},
        schedule::{
            spread,
            timetable::{interval_at, last_nominal_before, next_nominal, nominals},
        },
        span::Span,
    },
    flow::{
        FlowError, start,
        start::{NotStarted, Wish},
        step, suspend, view,
        world::{Due, World, held},
    },
    history::Write,
};
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

/// Later than this, an occurrence is missed and not merely late.
pub const LATE: SignedDuration = SignedDuration::from_secs(60);
/// The agent notes that it is alive this often; what came due after the last note was missed while it was down.
pub const HEARTBEAT: Duration = Duration::from_secs(10);
/// How many missed occurrences `missed: all` runs.
const MOST_CATCH_UP: usize = 100;
/// The longest wait between two looks at the clock, so that a jump is noticed soon.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// What is due when.
#[derive(Debug, Default)]
pub struct Scheduler {
    entries: BTreeMap<Key, Entry>,
    queue: BTreeSet<(Timestamp, Key)>,
    /// When each trigger's present text became active, and the last nominal time that was settled, as the history has it.
    known: BTreeMap<Key, (Timestamp, Option<Timestamp>)>,
    last_heartbeat: Option<Duration>,
    /// The agent was alive then, before this start.
    alive_before: Option<Timestamp>,
}

type Key = (RunbookName, Arc<str>);

#[derive(Debug, Clone)]
struct Entry {
    trigger: Trigger,
    timing: Timing,
    active_since: Timestamp,
    nominal: Timestamp,
    due: Timestamp,
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
        let known = triggers
            .into_iter()
            .map(|row| {
                (
                    (row.runbook, row.key.into()),
                    (row.active_since, row.last_nominal),
                )
            })
            .collect();
        Ok(Self {
            known,
            alive_before,
            ..Self::default()
        })
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
                () = world.reschedule.notified() => self.take_set(world).await?,
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
        let now = world.now();
        suspend::end_expired(world, now).await?;
        let mut starting = Vec::new();
        while let Some((due, key)) = self.queue.first().cloned() {
            if due > now {
                break;
            }
            self.queue.remove(&(due, key.clone()));
            starting.extend(self.come_due(world, &key, now));
        }
        settle_all(world, starting, now).await?;
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

    /// What comes of one due trigger; its next time is set.
    fn come_due(&mut self, world: &World, key: &Key, now: Timestamp) -> Vec<Arrival> {
        let Some(entry) = self.entries.get(key).cloned() else {
            return Vec::new();
        };
        let missed = now.duration_since(entry.due) > LATE;
        let arrivals = if missed {
            let before = entry
                .nominal
                .saturating_sub(SignedDuration::from_millis(1))
                .unwrap_or(entry.nominal);
            missed_arrivals(&entry, key, before, now)
        } else {
            vec![Arrival::Due(occurrence(key, entry.nominal), entry.timing)]
        };
        let after = if missed {
            now.max(entry.nominal)
        } else {
            entry.nominal
        };
        self.set_next(world, key, entry, after);
        arrivals
    }

    fn set_next(&mut self, world: &World, key: &Key, mut entry: Entry, after: Timestamp) {
        let Some(nominal) = next_nominal(&entry.trigger, entry.active_since, after) else {
            self.forget(world, key);
            return;
        };
        entry.nominal = nominal;
        entry.due = due(world, key, &entry.timing, nominal);
        self.queue.insert((entry.due, key.clone()));
        publish(world, key, Some(&entry));
        self.entries.insert(key.clone(), entry);
    }

    /// Takes over the set in use: new triggers count from now, gone ones are forgotten, unchanged ones keep their times.
    ///
    /// # Errors
    /// The history cannot be written.
    pub async fn take_set(&mut self, world: &Arc<World>) -> Result<(), FlowError> {
        let now = world.now();
        view::tell_runbooks(world).await?;
        let wanted = wanted(world);
        let mut writes = Vec::new();
        let gone: Vec<Key> = self
            .entries
            .keys()
            .filter(|key| !wanted.contains_key(*key))
            .cloned()
            .collect();
        for key in gone {
            self.forget(world, &key);
        }
        let forgotten: Vec<Key> = self
            .known
            .keys()
            .filter(|key| !wanted.contains_key(*key))
            .cloned()
            .collect();
        for key in forgotten {
            self.known.remove(&key);
            writes.push(Write::TriggerGone {
                runbook: key.0,
                key: key.1.to_string(),
            });
        }
        let mut arrivals = Vec::new();
        let alive = self.alive_before.take().unwrap_or(now);
        for (key, wanted) in wanted {
            let known = self.known.get(&key).copied();
            if known.is_none() {
                self.known.insert(key.clone(), (now, None));
                writes.push(Write::Trigger {
                    runbook: key.0.clone(),
                    key: key.1.to_string(),
                    active_since: now,
                });
            }
            let (active_since, settled) = known.unwrap_or((now, None));
            let alive = settled.map_or(alive, |settled| alive.max(settled));
            arrivals.extend(self.enter(world, &key, wanted, active_since, alive));
        }
        if !writes.is_empty() {
            world.write("the triggers in use", writes).await?;
        }
        settle_all(world, arrivals, now).await
    }

    fn forget(&mut self, world: &World, key: &Key) {
        if let Some(entry) = self.entries.remove(key) {
            self.queue.remove(&(entry.due, key.clone()));
            publish(world, key, None);
        }
    }

    /// A trigger that is new to this process. What it missed between `alive` and now is decided about at once.
    fn enter(
        &mut self,
        world: &World,
        key: &Key,
        (trigger, timing): (Trigger, Timing),
        active_since: Timestamp,
        alive: Timestamp,
    ) -> Vec<Arrival> {
        if let Some(entry) = self.entries.get_mut(key) {
            // Only timing may differ: the key is the trigger's meaning.
            entry.timing = timing;
            return Vec::new();
        }
        let now = world.now();
        let entry = Entry {
            trigger,
            timing,
            active_since,
            nominal: active_since,
            due: active_since,
        };
        let arrivals = missed_arrivals(&entry, key, alive.max(active_since), now);
        self.set_next(world, key, entry, now);
        arrivals
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
            .write("a sign of life", vec![Write::Heartbeat { at: now }])
            .await
    }
}

/// Shows people and metrics when this trigger is due next.
fn publish(world: &World, key: &Key, entry: Option<&Entry>) {
    let due = entry.map(|entry| Due {
        due: entry.due,
        nominal: entry.nominal,
        interval: interval_at(&entry.trigger, entry.active_since, entry.nominal),
    });
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
    let interval = due.and_then(|due| due.interval).map(Span::duration);
    world
        .events
        .runbook_due(&key.0, due.map(|due| due.due), interval);
}

/// An occurrence that is to be decided about now.
enum Arrival {
    /// On time, or missed and still to run because the trigger says so.
    Due(Occurrence, Timing),
    /// Missed, from the first to the last.
    Missed(Occurrence, Timestamp),
}

fn occurrence(key: &Key, nominal: Timestamp) -> Occurrence {
    Occurrence {
        runbook: key.0.clone(),
        trigger: key.1.to_string(),
        nominal,
    }
}

/// Starts what is to run once each time the agent has started.
///
/// # Errors
/// The history cannot be written.
pub async fn agent_started(world: &Arc<World>) -> Result<(), FlowError> {
    let now = world.now();
    let in_use = world.in_use();
    let environment = world.settings().environment.clone();
    let here = in_use
        .set
        .runbooks()
        .filter(|found| found.runbook.applies_in(&environment));
    let timing = Timing {
        spread: Span::default(),
        missed: Missed::Skip,
        start_deadline: None,
    };
    let arrivals = here
        .flat_map(|found| {
            found
                .runbook
                .triggers
                .iter()
                .map(|trigger| (&found.runbook.name, trigger))
        })
        .filter(|(_, trigger)| {
            matches!(
                trigger,
                Trigger::Agent {
                    event: AgentEvent::Started
                }
            )
        })
        .map(|(name, trigger)| {
            Arrival::Due(
                occurrence(&(name.clone(), trigger.key().into()), now),
                timing,
            )
        })
        .collect();
    settle_all(world, arrivals, now).await
}

/// Every timed trigger of every runbook that applies here.
fn wanted(world: &World) -> BTreeMap<Key, (Trigger, Timing)> {
    let in_use = world.in_use();
    let environment = world.settings().environment.clone();
    let mut wanted = BTreeMap::new();
    for found in in_use
        .set
        .runbooks()
        .filter(|found| found.runbook.applies_in(&environment))
    {
        for trigger in &found.runbook.triggers {
            let timing = match trigger {
                Trigger::Schedule { timing, .. } | Trigger::Every { timing, .. } => *timing,
                Trigger::Webhook { .. }
                | Trigger::Alert { .. }
                | Trigger::Agent { .. }
                | Trigger::After { .. } => continue,
            };
            wanted.insert(
                (found.runbook.name.clone(), trigger.key().into()),
                (trigger.clone(), timing),
            );
        }
    }
    wanted
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

/// The misses in `(from, now]`, as the trigger's `missed` wants them.
fn missed_arrivals(entry: &Entry, key: &Key, from: Timestamp, now: Timestamp) -> Vec<Arrival> {
    let (trigger, since) = (&entry.trigger, entry.active_since);
    let Some(stretch) = last_nominal_before(trigger, since, from, now) else {
        return Vec::new();
    };
    let catch_up: Vec<Timestamp> = match entry.timing.missed {
        Missed::Skip => Vec::new(),
        Missed::Last => vec![stretch.last],
        Missed::All => nominals(trigger, since, from, now)
            .take(MOST_CATCH_UP)
            .collect(),
    };
    let mut arrivals: Vec<Arrival> = catch_up
        .iter()
        .map(|nominal| Arrival::Due(occurrence(key, *nominal), entry.timing))
        .collect();
    let lost = match (entry.timing.missed, catch_up.last()) {
        (Missed::All, Some(last)) => last_nominal_before(trigger, since, *last, now),
        (Missed::Last, _) => {
            let before = stretch
                .last
                .saturating_sub(SignedDuration::from_nanos(1))
                .unwrap_or(from);
            last_nominal_before(trigger, since, from, before)
        }
        (Missed::Skip, _) | (Missed::All, None) => Some(stretch),
    };
    arrivals.extend(lost.map(|lost| Arrival::Missed(occurrence(key, lost.first), lost.last)));
    arrivals
}

/// Decides about all arrivals at once, so that their claims share the history's commits.
async fn settle_all(
    world: &Arc<World>,
    arrivals: Vec<Arrival>,
    now: Timestamp,
) -> Result<(), FlowError> {
    let mut skips = Vec::new();
    let mut starting = Vec::new();
    for arrival in arrivals {
        match arrival {
            Arrival::Due(occurrence, timing) => match on_time(world, &occurrence, &timing, now) {
                Ok(()) => starting.push(occurrence),
                Err(why) => skips.push(start::skipped(occurrence, &why, now)),
            },
            Arrival::Missed(occurrence, last_nominal) => skips.push(Skipped {
                occurrence,
                last_nominal,
                reason: NotRun::MissedDown,
                detail: "the agent was not there, or its clock jumped".to_owned(),
                at: now,
            }),
        }
    }
    skips.extend(start_all(world, starting, now).await?);
    record_skips(world, skips).await
}

fn on_time(
    world: &World,
    occurrence: &Occurrence,
    timing: &Timing,
    now: Timestamp,
) -> Result<(), NotStarted> {
    if let Some(detail) = world.suspended(&occurrence.runbook, now) {
        return Err(NotStarted::Because(NotRun::Suspended, detail));
    }
    let late = now.duration_since(occurrence.nominal);
    match timing.start_deadline {
        Some(deadline) if late > deadline.signed() => {
            let detail = format!("{late:#} late, and the start deadline is {deadline}");
            Err(NotStarted::Because(NotRun::Deadline, detail))
        }
        Some(_) | None => Ok(()),
    }
}

async fn start_all(
    world: &Arc<World>,
    starting: Vec<Occurrence>,
    now: Timestamp,
) -> Result<Vec<Skipped>, FlowError> {
    let attempts = starting.into_iter().map(|occurrence| async move {
        let cause = Cause::Schedule {
            occurrence: occurrence.clone(),
        };
        let started = start::start(world, Wish::of(occurrence.runbook.clone(), cause)).await;
        (occurrence, started)
    });
    let mut skips = Vec::new();
    for (occurrence, started) in futures_util::future::join_all(attempts).await {
        match started {
            Ok(_) | Err(NotStarted::Before) => {}
            Err(NotStarted::Unavailable(reason)) if !world.draining.is_cancelled() => {
                return Err(FlowError::NotRecorded {
                    doing: "the start of a run".to_owned(),
                    reason,
                });
            }
            Err(why) => skips.push(start::skipped(occurrence, &why, now)),
        }
    }
    Ok(skips)
}

async fn record_skips(world: &World, skips: Vec<Skipped>) -> Result<(), FlowError> {
    if skips.is_empty() {
        return Ok(());
    }
    let writes = skips.iter().cloned().map(Write::Skipped).collect();
    world.write("occurrences that did not run", writes).await?;
    for skipped in &skips {
        world.events.occurrence_skipped(skipped);
    }
    Ok(())
}
