//! Starts that are spread out, so that what is due at one time does not start at one time.

use crate::domain::{digest::Digest, name::RunbookName, runbook::Timing, span::Span};
use jiff::Timestamp;

/// By how much a trigger's starts are put off: less than `spread`, and the same on every machine and after every restart, because
/// it comes from the SHA-256 of the runbook's name and the trigger's key.
pub fn spread(runbook: &RunbookName, trigger_key: &str, spread: Span) -> Span {
    let digest = Digest::of_bytes(format!("{runbook}\n{trigger_key}").as_bytes());
    let share = digest
        .as_bytes()
        .iter()
        .take(8)
        .fold(0u64, |share, byte| share << 8 | u64::from(*byte));
    // `share` as a fraction of one, times the spread.
    let millis = (u128::from(share) * u128::from(spread.millis())) >> 64;
    Span::from_millis(u64::try_from(millis).unwrap_or(0))
}

/// When an occurrence starts: its nominal time, put off by its share of the spread. Where the start deadline or the end of the
/// window comes sooner than the spread ends, it is spread over nine tenths of the time until then: a tenth is left to start in.
pub fn start_of(
    runbook: &RunbookName,
    trigger_key: &str,
    timing: &Timing,
    nominal: Timestamp,
    closes: Option<Timestamp>,
) -> Timestamp {
    let until_closed = closes.map(|closes| {
        let millis = closes.duration_since(nominal).as_millis();
        Span::from_millis(u64::try_from(millis).unwrap_or(0))
    });
    let limits = [timing.start_deadline, until_closed];
    let room = limits
        .into_iter()
        .flatten()
        .map(|limit| Span::from_millis(limit.millis() / 10 * 9))
        .fold(timing.spread, Span::min);
    nominal
        .checked_add(spread(runbook, trigger_key, room).signed())
        .unwrap_or(nominal)
}

#[cfg(test)]
mod tests {
    use super::{spread, start_of};
    use crate::domain::{
        name::RunbookName,
        runbook::{Missed, Timing},
        span::Span,
    };
    use jiff::{SignedDuration, Timestamp};
    use proptest::prelude::*;

    fn name(text: &str) -> RunbookName {
        RunbookName::new(text).unwrap()
    }

    #[test]
    fn the_spread_is_the_same_in_every_build() {
        let ten = Span::from_secs(600);
        let key = "schedule 0 8 * * * UTC";
        assert_eq!(spread(&name("todo-backup"), key, ten).millis(), 56686);
        assert_eq!(spread(&name("todo-check"), key, ten).millis(), 60170);
        assert_eq!(
            spread(&name("todo-check"), key, Span::default()),
            Span::default()
        );
    }

    #[test]
    fn a_thousand_runbooks_fill_the_spread_evenly() {
        let mut minutes = [0; 10];
        for number in 0..1000 {
            let put_off = spread(&name(&format!("r{number}")), "k", Span::from_secs(600));
            minutes[usize::try_from(put_off.millis() / 60_000).unwrap()] += 1;
        }
        assert!(
            minutes.iter().all(|count| (60..140).contains(count)),
            "{minutes:?}"
        );
    }

    proptest! {
        #[test]
        fn a_start_is_never_past_the_spread_the_deadline_or_the_window(
            runbook in "[a-z]{1,12}",
            wanted in 0u64..100_000_000,
            deadline in proptest::option::of(0u64..100_000_000),
            closes in proptest::option::of(1i64..100_000_000),
        ) {
            let nominal: Timestamp = "2024-05-01T08:00:00Z".parse().unwrap();
            let closes = closes.map(|millis| nominal + SignedDuration::from_millis(millis));
            let timing = Timing {
                spread: Span::from_millis(wanted),
                missed: Missed::Skip,
                start_deadline: deadline.map(Span::from_millis),
            };
            let start = start_of(&name(&runbook), "k", &timing, nominal, closes);
            prop_assert!(start >= nominal);
            prop_assert!(start <= nominal + timing.spread.signed());
            prop_assert!(timing.start_deadline.is_none_or(|most| start <= nominal + most.signed()));
            prop_assert!(closes.is_none_or(|closes| start < closes));
        }
    }
}
