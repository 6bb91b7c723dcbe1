//! The series of each runbook.
//!
//! There may be ten thousand runbooks, so these series do not live in the registry: a collector of their own keeps one small slot a
//! runbook and writes the lines straight from it. A runbook's name needs no escaping in a label, so its label text is the name itself.
//! Updates take a shared lock and store atomically; only a new set of runbooks takes the lock alone.
//!
//! A runbook has seven series or fewer: what is not known (never run, no schedule) is absent, never 0 or NaN; `_suspended`, `_circuit_open`, `_invalid` and
//! the counters of rare outcomes appear when they first mean something. One that leaves the set keeps its series for an hour
//! ([`KEPT_AFTER_DELETION`]), so that the last scrape before the deletion is not the last word, and then goes.

use crate::{
    domain::{check::CheckStatus, name::RunbookName, run::RunOutcome},
    telemetry::text::{Kind, Text},
};
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::HashMap,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

/// How long a deleted runbook's series stay.
pub const KEPT_AFTER_DELETION: SignedDuration = SignedDuration::from_hours(1);

/// What the metrics say of one runbook, as it is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunbookSeries {
    /// Its name.
    pub name: RunbookName,
    /// When its last run ended, by the history. What the process has seen itself wins.
    pub last_run: Option<Timestamp>,
    /// When its last success ended, by the history.
    pub last_success: Option<Timestamp>,
    /// How its last run ended, by the history.
    pub last_outcome: Option<RunOutcome>,
    /// When it is due next.
    pub next_run: Option<Timestamp>,
    /// Between two occurrences.
    pub expected_interval: Option<Duration>,
    /// Whether its triggers are stopped.
    pub suspended: bool,
    /// Whether its circuit is open.
    pub circuit_open: bool,
    /// Whether its newest version is broken.
    pub invalid: bool,
}

/// A number that may be absent.
#[derive(Debug)]
struct Maybe(AtomicI64);

impl Maybe {
    const NONE: i64 = i64::MIN;
    const fn none() -> Self {
        Self(AtomicI64::new(Self::NONE))
    }
    fn set(&self, value: Option<i64>) {
        self.0.store(value.unwrap_or(Self::NONE), Relaxed);
    }
    fn set_if_absent(&self, value: Option<i64>) {
        if self.get().is_none() {
            self.set(value);
        }
    }
    fn raise(&self, value: i64) {
        self.0.fetch_max(value, Relaxed);
    }
    fn take(&self) -> Option<i64> {
        let value = self.0.swap(Self::NONE, Relaxed);
        (value != Self::NONE).then_some(value)
    }
    fn get(&self) -> Option<i64> {
        let value = self.0.load(Relaxed);
        (value != Self::NONE).then_some(value)
    }
}

#[derive(Debug)]
struct Slot {
    name: RunbookName,
    last_run: Maybe,
    last_success: Maybe,
    next_run: Maybe,
    interval_seconds: Maybe,
    last_outcome: Maybe,
    check: Maybe,
    check_so_far: Maybe,
    suspended: Maybe,
    circuit_open: Maybe,
    invalid: Maybe,
    gone_since: Maybe,
    ended: [AtomicU64; RunOutcome::ALL.len()],
}

impl Slot {
    fn new(name: RunbookName) -> Self {
        Self {
            name,
            last_run: Maybe::none(),
            last_success: Maybe::none(),
            next_run: Maybe::none(),
            interval_seconds: Maybe::none(),
            last_outcome: Maybe::none(),
            check: Maybe::none(),
            check_so_far: Maybe::none(),
            suspended: Maybe::none(),
            circuit_open: Maybe::none(),
            invalid: Maybe::none(),
            gone_since: Maybe::none(),
            ended: [const { AtomicU64::new(0) }; RunOutcome::ALL.len()],
        }
    }

    fn load(&self, series: &RunbookSeries) {
        self.gone_since.set(None);
        self.last_run
            .set_if_absent(series.last_run.map(Timestamp::as_second));
        self.last_success
            .set_if_absent(series.last_success.map(Timestamp::as_second));
        self.last_outcome
            .set_if_absent(series.last_outcome.map(code));
        self.due(series.next_run, series.expected_interval);
        self.suspended.set(series.suspended.then_some(1));
        self.circuit_open.set(series.circuit_open.then_some(1));
        self.invalid.set(series.invalid.then_some(1));
    }

    fn due(&self, next: Option<Timestamp>, interval: Option<Duration>) {
        self.next_run.set(next.map(Timestamp::as_second));
        self.interval_seconds
            .set(interval.and_then(|interval| i64::try_from(interval.as_secs()).ok()));
    }

    fn is_forgotten(&self, now: Timestamp) -> bool {
        self.gone_since
            .get()
            .is_some_and(|since| now.as_second() - since > KEPT_AFTER_DELETION.as_secs())
    }
}

/// The code that `orderly_runbook_last_outcome` shows: the place in [`RunOutcome::ALL`].
fn code(outcome: RunOutcome) -> i64 {
    RunOutcome::ALL
        .iter()
        .position(|one| *one == outcome)
        .and_then(|place| i64::try_from(place).ok())
        .unwrap_or(-1)
}

/// The code that `orderly_runbook_check_status` shows: the place in [`CheckStatus::ALL`], mildest first.
fn check_code(status: CheckStatus) -> i64 {
    CheckStatus::ALL
        .iter()
        .position(|one| *one == status)
        .and_then(|place| i64::try_from(place).ok())
        .unwrap_or(-1)
}

#[derive(Debug, Default)]
struct Table {
    slots: Vec<Slot>,
    places: HashMap<RunbookName, usize>,
}

/// All runbooks' series.
#[derive(Debug, Default)]
pub(super) struct Runbooks {
    table: RwLock<Table>,
}

impl Runbooks {
    /// Another set: these are new or say something else, those are gone. Those that are known go on counting; those that are gone
    /// are marked; those that left long ago go.
    pub(super) fn change(&self, here: &[RunbookSeries], gone: &[RunbookName], now: Timestamp) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        for name in gone {
            if let Some(slot) = table.slot(name) {
                slot.gone_since.set_if_absent(Some(now.as_second()));
            }
        }
        if table.slots.iter().any(|slot| slot.is_forgotten(now)) {
            table.slots.retain(|slot| !slot.is_forgotten(now));
            table.places = places(&table.slots);
        }
        let new = here
            .iter()
            .filter(|series| !table.places.contains_key(&series.name))
            .count();
        table.slots.reserve_exact(new);
        for series in here {
            if !table.places.contains_key(&series.name) {
                table.add(&series.name);
            }
            if let Some(slot) = table.slot(&series.name) {
                slot.load(series);
            }
        }
    }

    /// Whether it has series: in the set, or not long gone from it.
    pub(super) fn has(&self, name: &RunbookName) -> bool {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        table.places.contains_key(name)
    }

    /// Does something to one slot. A runbook that nobody has named yet has none, and nothing happens.
    fn with(&self, name: &RunbookName, then: impl FnOnce(&Slot)) {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = table.slot(name) {
            then(slot);
        }
    }

    pub(super) fn due(
        &self,
        name: &RunbookName,
        next: Option<Timestamp>,
        interval: Option<Duration>,
    ) {
        self.with(name, |slot| slot.due(next, interval));
    }

    pub(super) fn suspended(&self, name: &RunbookName, suspended: bool) {
        self.with(name, |slot| slot.suspended.set(suspended.then_some(1)));
    }

    pub(super) fn circuit_open(&self, name: &RunbookName, open: bool) {
        self.with(name, |slot| slot.circuit_open.set(open.then_some(1)));
    }

    /// A check of a run that is going on has answered. Runs of one runbook that overlap share one worst answer.
    pub(super) fn checked(&self, name: &RunbookName, status: CheckStatus) {
        self.with(name, |slot| slot.check_so_far.raise(check_code(status)));
    }

    pub(super) fn ended(&self, name: &RunbookName, outcome: RunOutcome, at: Timestamp) {
        self.with(name, |slot| {
            let second = Some(at.as_second());
            slot.last_run.set(second);
            if outcome.is_success() {
                slot.last_success.set(second);
            }
            slot.last_outcome.set(Some(code(outcome)));
            if let Some(check) = slot.check_so_far.take() {
                slot.check.set(Some(check));
            }
            if let Some(count) = usize::try_from(code(outcome))
                .ok()
                .and_then(|place| slot.ended.get(place))
            {
                count.fetch_add(1, Relaxed);
            }
        });
    }

    /// Writes every family.
    pub(super) fn write(&self, text: &mut Text, now: Timestamp) {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        let slots: Vec<&Slot> = table
            .slots
            .iter()
            .filter(|slot| !slot.is_forgotten(now))
            .collect();
        for (name, help, value) in GAUGES {
            text.family(name, Kind::Gauge, help);
            for slot in &slots {
                if let Some(value) = value(slot).get() {
                    text.sample(name, &["{runbook=\"", slot.name.as_str(), "\"}"], value);
                }
            }
        }
        write_counts(text, &slots);
    }
}

impl Table {
    fn slot(&self, name: &RunbookName) -> Option<&Slot> {
        self.slots.get(*self.places.get(name)?)
    }

    fn add(&mut self, name: &RunbookName) {
        self.places.insert(name.clone(), self.slots.len());
        self.slots.push(Slot::new(name.clone()));
    }
}

fn places(slots: &[Slot]) -> HashMap<RunbookName, usize> {
    slots
        .iter()
        .enumerate()
        .map(|(place, slot)| (slot.name.clone(), place))
        .collect()
}

fn write_counts(text: &mut Text, slots: &[&Slot]) {
    let name = "orderly_runbook_runs_total";
    text.family(
        name,
        Kind::Counter,
        "Runs that ended, by outcome; succeeded and failed are there from the start.",
    );
    for slot in slots {
        for (outcome, count) in RunOutcome::ALL.iter().zip(&slot.ended) {
            let count = count.load(Relaxed);
            if count > 0 || matches!(outcome, RunOutcome::Succeeded | RunOutcome::Failed) {
                let labels = [
                    "{runbook=\"",
                    slot.name.as_str(),
                    "\",outcome=\"",
                    outcome.as_str(),
                    "\"}",
                ];
                text.sample(name, &labels, count);
            }
        }
    }
}

type Gauge = (&'static str, &'static str, fn(&Slot) -> &Maybe);

const GAUGES: [Gauge; 9] = [
    (
        "orderly_runbook_last_run_timestamp_seconds",
        "When its last run ended; absent until then.",
        |slot| &slot.last_run,
    ),
    (
        "orderly_runbook_last_success_timestamp_seconds",
        "When its last success ended; absent until then.",
        |slot| &slot.last_success,
    ),
    (
        "orderly_runbook_next_run_timestamp_seconds",
        "When it is due next; absent without a schedule.",
        |slot| &slot.next_run,
    ),
    (
        "orderly_runbook_expected_interval_seconds",
        "Between two occurrences, as its schedule has it now; absent without a schedule.",
        |slot| &slot.interval_seconds,
    ),
    (
        "orderly_runbook_last_outcome",
        "How its last run ended: 0 succeeded, 1 warning, 2 failed, 3 denied, 4 canceled, 5 timed_out, 6 interrupted.",
        |slot| &slot.last_outcome,
    ),
    (
        "orderly_runbook_check_status",
        "The worst answer of its checks in the last run: 0 ok, 1 warning, 2 unknown, 3 critical; absent without checks.",
        |slot| &slot.check,
    ),
    (
        "orderly_runbook_suspended",
        "1 where its triggers are stopped, else absent.",
        |slot| &slot.suspended,
    ),
    (
        "orderly_runbook_circuit_open",
        "1 where its circuit is open and its changes ask people, else absent.",
        |slot| &slot.circuit_open,
    ),
    (
        "orderly_runbook_invalid",
        "1 where its newest version is broken, else absent.",
        |slot| &slot.invalid,
    ),
];
