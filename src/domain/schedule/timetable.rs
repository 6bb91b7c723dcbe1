//! When a trigger is due, and what was missed.
//!
//! The past is searched by halving it, with [`next_nominal`] as the only source of times: a thousand missed occurrences cost some
//! twenty questions, and both directions cannot disagree.

use crate::domain::{runbook::Trigger, span::Span};
use jiff::{SignedDuration, Timestamp};

/// Occurrences that lie one after the other: only the ends are known, nobody has looked at those between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The first.
    pub first: Timestamp,
    /// The last; the same as the first where there is only one.
    pub last: Timestamp,
}

/// The first time that a schedule or an interval is due after `after`. Nothing is due up to the moment it became active. An
/// interval is counted from that moment, by elapsed time. Other triggers have no times.
pub fn next_nominal(
    trigger: &Trigger,
    active_since: Timestamp,
    after: Timestamp,
) -> Option<Timestamp> {
    let after = after.max(active_since);
    match trigger {
        Trigger::Schedule { cron, zone, .. } => cron.next_after(after, zone),
        Trigger::Every { interval, .. } => next_multiple(*interval, active_since, after),
        Trigger::Webhook { .. }
        | Trigger::Alert { .. }
        | Trigger::Agent { .. }
        | Trigger::After { .. } => None,
    }
}

/// What was due after `from` and not after `until`.
pub fn last_nominal_before(
    trigger: &Trigger,
    active_since: Timestamp,
    from: Timestamp,
    until: Timestamp,
) -> Option<Stretch> {
    stretch(
        |after| next_nominal(trigger, active_since, after),
        from,
        until,
    )
}

/// Every time after `from` and not after `until`, in order. There may be very many: take as many as are wanted.
pub fn nominals(
    trigger: &Trigger,
    active_since: Timestamp,
    from: Timestamp,
    until: Timestamp,
) -> impl Iterator<Item = Timestamp> {
    std::iter::successors(next_nominal(trigger, active_since, from), move |earlier| {
        next_nominal(trigger, active_since, *earlier)
    })
    .take_while(move |due| *due <= until)
}

/// How far apart its times are around `now`: the longer of the interval that `now` lies in and the one after it, so that a
/// schedule of workdays may be silent over a weekend.
pub fn interval_at(trigger: &Trigger, active_since: Timestamp, now: Timestamp) -> Option<Span> {
    let next = next_nominal(trigger, active_since, now)?;
    let ahead = next_nominal(trigger, active_since, next)?.duration_since(next);
    let under_way = previous(trigger, active_since, now, ahead)
        .map_or(SignedDuration::ZERO, |last| next.duration_since(last));
    u64::try_from(ahead.max(under_way).as_millis())
        .ok()
        .map(Span::from_millis)
}

/// The last time that is not after `now`, looked for twice as far back each time.
fn previous(
    trigger: &Trigger,
    active_since: Timestamp,
    now: Timestamp,
    mut back: SignedDuration,
) -> Option<Timestamp> {
    loop {
        let from = now.checked_sub(back).unwrap_or(active_since);
        if let Some(found) = last_nominal_before(trigger, active_since, from, now) {
            return Some(found.last);
        }
        if from <= active_since {
            return None;
        }
        back = back.saturating_add(back);
    }
}

/// The first and the last of the times that `next` gives, after `from` and not after `until`.
pub(in crate::domain) fn stretch(
    next: impl Fn(Timestamp) -> Option<Timestamp>,
    from: Timestamp,
    until: Timestamp,
) -> Option<Stretch> {
    let in_time = |after| next(after).filter(|due| *due <= until);
    let first = in_time(from)?;
    let mut last = first;
    // Nothing is due after this and not after `until`.
    let mut silent_from = until;
    while let Some(later) = in_time(last) {
        let middle = later
            .checked_add(silent_from.duration_since(later) / 2)
            .unwrap_or(later);
        if let Some(due) = in_time(middle) {
            last = due;
        } else {
            silent_from = middle;
            last = later;
        }
    }
    Some(Stretch { first, last })
}

fn next_multiple(interval: Span, since: Timestamp, after: Timestamp) -> Option<Timestamp> {
    let length = i128::from(interval.millis()) * 1_000_000;
    let passed = after.as_nanosecond() - since.as_nanosecond();
    let count = passed.checked_div(length)? + 1;
    let ahead = SignedDuration::try_from_nanos_i128(count * length)?;
    since.checked_add(ahead).ok()
}

#[cfg(test)]
mod tests {
    use super::{Stretch, interval_at, last_nominal_before, next_nominal, nominals};
    use crate::domain::{
        runbook::{Missed, Timing, Trigger},
        schedule::{Cron, Zone},
        span::Span,
    };
    use jiff::{SignedDuration, Timestamp};
    use proptest::prelude::*;
    use std::cell::Cell;

    fn timing() -> Timing {
        Timing {
            spread: Span::default(),
            missed: Missed::Skip,
            start_deadline: None,
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn schedule(cron: &str, zone: &str) -> Trigger {
        Trigger::Schedule {
            cron: Cron::parse(cron).unwrap(),
            zone: Zone::parse(zone).unwrap(),
            timing: timing(),
        }
    }

    fn every(interval: &str) -> Trigger {
        Trigger::Every {
            interval: interval.parse().unwrap(),
            timing: timing(),
        }
    }

    #[test]
    fn nothing_is_due_before_the_trigger_became_active() {
        let since = at("2024-05-01T08:00:00Z");
        let long_ago = at("2020-01-01T00:00:00Z");
        let daily = schedule("0 8 * * *", "UTC");
        assert_eq!(
            next_nominal(&daily, since, long_ago),
            Some(at("2024-05-02T08:00:00Z"))
        );
        assert_eq!(
            next_nominal(&every("5m"), since, long_ago),
            Some(at("2024-05-01T08:05:00Z"))
        );
    }

    #[test]
    fn an_interval_is_counted_from_the_moment_it_became_active() {
        let since = at("2024-03-31T00:00:07.5Z");
        let trigger = every("90m");
        let due = |after| next_nominal(&trigger, since, at(after)).unwrap();
        assert_eq!(due("2024-03-31T00:00:07.5Z"), at("2024-03-31T01:30:07.5Z"));
        assert_eq!(due("2024-03-31T01:30:07.4Z"), at("2024-03-31T01:30:07.5Z"));
        assert_eq!(due("2024-03-31T01:30:07.5Z"), at("2024-03-31T03:00:07.5Z"));
    }

    #[test]
    fn an_interval_of_no_length_is_never_due() {
        let since = at("2024-05-01T08:00:00Z");
        assert_eq!(next_nominal(&every("0s"), since, since), None);
        assert_eq!(next_nominal(&every("5m"), since, Timestamp::MAX), None);
    }

    #[test]
    fn what_people_and_events_start_has_no_times() {
        let trigger = Trigger::Webhook {
            name: crate::domain::name::WebhookName::new("x").unwrap(),
        };
        let since = at("2024-05-01T08:00:00Z");
        assert_eq!(next_nominal(&trigger, since, since), None);
    }

    #[test]
    fn ten_years_of_minutes_are_jumped_over() {
        let trigger = schedule("* * * * *", "Europe/Berlin");
        let asked = Cell::new(0);
        let found = super::stretch(
            |after| {
                asked.set(asked.get() + 1);
                next_nominal(&trigger, Timestamp::MIN, after)
            },
            at("2014-05-01T00:00:30Z"),
            at("2024-05-01T00:00:30Z"),
        );
        let (first, last) = (at("2014-05-01T00:01:00Z"), at("2024-05-01T00:00:00Z"));
        assert_eq!(found, Some(Stretch { first, last }));
        assert!(asked.get() < 60, "{}", asked.get());
    }

    #[test]
    fn the_stretch_excludes_its_start_and_includes_its_end() {
        let trigger = schedule("0 8 * * *", "UTC");
        let between =
            |from, until| last_nominal_before(&trigger, Timestamp::MIN, at(from), at(until));
        let (first, last) = (at("2024-05-02T08:00:00Z"), at("2024-05-03T08:00:00Z"));
        assert_eq!(
            between("2024-05-01T08:00:00Z", "2024-05-03T08:00:00Z"),
            Some(Stretch { first, last })
        );
        assert_eq!(
            between("2024-05-01T08:00:00Z", "2024-05-02T07:59:59Z"),
            None
        );
        assert_eq!(
            between("2024-05-03T08:00:00Z", "2024-05-01T08:00:00Z"),
            None
        );
    }

    #[test]
    fn the_interval_of_workdays_spans_the_weekend() {
        let trigger = schedule("0 8 * * MON-FRI", "UTC");
        let interval = |now| {
            interval_at(&trigger, at("2024-01-01T00:00:00Z"), at(now))
                .unwrap()
                .to_string()
        };
        assert_eq!(interval("2024-05-07T12:00:00Z"), "1d");
        assert_eq!(interval("2024-05-09T12:00:00Z"), "3d");
        assert_eq!(interval("2024-05-11T12:00:00Z"), "3d");
    }

    #[test]
    fn the_interval_of_a_new_trigger_is_the_next_one() {
        let trigger = schedule("0 8 * * *", "UTC");
        let now = at("2024-05-07T12:00:00Z");
        assert_eq!(
            interval_at(&trigger, now, now),
            Some(Span::from_secs(86_400))
        );
        assert_eq!(
            interval_at(&every("5m"), now, now),
            Some(Span::from_secs(300))
        );
    }

    proptest! {
        #[test]
        fn jumping_finds_what_stepping_finds(
            cron in prop::sample::select(vec![
                "*/7 * * * *", "0 8 * * MON-FRI", "30 2 * * *", "0 0 1 * *", "5-9 1,2 13 * FRI", "@hourly",
            ]),
            zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "Australia/Lord_Howe"]),
            from in 1_700_000_000i64..1_760_000_000,
            length in 0i64..3_000_000,
        ) {
            let trigger = schedule(cron, zone);
            let from = Timestamp::from_second(from).unwrap();
            let until = from + SignedDuration::from_secs(length);
            let all: Vec<_> = nominals(&trigger, Timestamp::MIN, from, until).collect();
            let found = last_nominal_before(&trigger, Timestamp::MIN, from, until);
            prop_assert_eq!(found.map(|found| found.first), all.first().copied());
            prop_assert_eq!(found.map(|found| found.last), all.last().copied());
        }
    }
}
