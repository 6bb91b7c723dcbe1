//! What came due while nobody was there.

use super::{
    Key, Timed,
    settle::{Arrival, occurrence},
};
use crate::{
    domain::{
        runbook::Missed,
        schedule::timetable::{last_nominal_before, nominals},
    },
    flow::{clock, world::World},
};
use jiff::{SignedDuration, Timestamp};

/// How many missed occurrences `missed: all` runs.
const MOST_CATCH_UP: usize = 100;

/// The misses in `(from, now]` of a trigger that is active since then, as its `missed` wants them. After a jump of the clock none is made up
/// for: it may never have been that time.
pub(super) fn missed_arrivals(
    world: &World,
    (timed, since): (&Timed, Timestamp),
    key: &Key,
    from: Timestamp,
    now: Timestamp,
) -> Vec<Arrival> {
    let Some(trigger) = timed.trigger() else {
        return Vec::new();
    };
    let Some(stretch) = last_nominal_before(trigger, since, from, now) else {
        return Vec::new();
    };
    let timing = timed.timing();
    let wanted = match clock::doubt(world) {
        Some(_) => Missed::Skip,
        None => timing.missed,
    };
    let catch_up: Vec<Timestamp> = match wanted {
        Missed::Skip => Vec::new(),
        Missed::Last => vec![stretch.last],
        Missed::All => nominals(trigger, since, from, now)
            .take(MOST_CATCH_UP)
            .collect(),
    };
    let mut arrivals: Vec<Arrival> = catch_up
        .iter()
        .map(|nominal| Arrival::Due(occurrence(key, *nominal), timing))
        .collect();
    let lost = match (wanted, catch_up.last()) {
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
