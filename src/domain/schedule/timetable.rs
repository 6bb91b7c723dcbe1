//! When a trigger is due, and what was missed.

use crate::domain::{runbook::Trigger, span::Span};
use jiff::{SignedDuration, Timestamp};

/// The first time that a schedule or an interval is due after `after`. Nothing is due up to the moment it became active. An
/// interval is counted from that moment. Other triggers have no times.
pub fn next_nominal(
    trigger: &Trigger,
    active_since: Timestamp,
    after: Timestamp,
) -> Option<Timestamp> {
    let after = after.max(active_since);
    match trigger {
        Trigger::Schedule { cron, zone, .. } => cron.next_after(after, zone),
        Trigger::Every { interval, .. } => next_multiple(*interval, active_since, after),
        Trigger::Webhook { .. } | Trigger::Alert { .. } | Trigger::After { .. } => None,
    }
}

fn next_multiple(interval: Span, since: Timestamp, after: Timestamp) -> Option<Timestamp> {
    let length = i128::from(interval.millis()) * 1_000_000;
    let passed = after.as_nanosecond() - since.as_nanosecond();
    let count = passed.checked_div(length)? + 1;
    let ahead = SignedDuration::try_from_nanos_i128(count * length)?;
    since.checked_add(ahead).ok()
}
