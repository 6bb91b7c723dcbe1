//! When a provider is left alone for a while: after failures in a row, and after a canary that it judged wrongly.

use std::time::Duration;

/// So many failures in a row open it.
const FAILURES: u32 = 3;
/// How long it stays open at first.
const FIRST_PAUSE: Duration = Duration::from_mins(1);
/// Each time that a probe fails it stays open twice as long, up to this.
const LONGEST_PAUSE: Duration = Duration::from_mins(15);

/// One provider's breaker. Times are those of a clock that never jumps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Breaker {
    /// It is asked.
    Closed {
        /// Failures in a row so far.
        failures: u32,
    },
    /// It is left alone.
    Open {
        /// Until then; afterwards a canary decides.
        until: Duration,
        /// How long this time.
        pause: Duration,
        /// Why.
        reason: String,
    },
}

/// Whether a provider may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// Yes.
    Go,
    /// Yes, if it passes a canary first.
    Probe,
    /// No.
    Wait {
        /// For so much longer.
        left: Duration,
        /// Why it was opened.
        reason: String,
    },
}

impl Default for Breaker {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

impl Breaker {
    /// Whether the provider may be asked now.
    pub fn admit(&self, now: Duration) -> Admission {
        match self {
            Self::Closed { .. } => Admission::Go,
            Self::Open { until, .. } if now >= *until => Admission::Probe,
            Self::Open { until, reason, .. } => Admission::Wait {
                left: until.saturating_sub(now),
                reason: reason.clone(),
            },
        }
    }

    /// Whether it is left alone, or must first show itself.
    pub fn is_open(&self) -> bool {
        match self {
            Self::Closed { .. } => false,
            Self::Open { .. } => true,
        }
    }

    /// It gave an answer that is one. What opened it by a canary is closed by a canary alone.
    pub fn answered(&mut self) {
        if let Self::Closed { failures } = self {
            *failures = 0;
        }
    }

    /// It passed its canaries.
    pub fn passed(&mut self) {
        *self = Self::default();
    }

    /// It gave no answer.
    pub fn failed(&mut self, now: Duration, reason: &str) {
        match self {
            Self::Closed { failures } if *failures + 1 < FAILURES => *failures += 1,
            Self::Closed { .. } | Self::Open { .. } => self.trip(now, reason),
        }
    }

    /// It judged a canary wrongly, or failed too often.
    pub fn trip(&mut self, now: Duration, reason: &str) {
        let pause = match self {
            Self::Closed { .. } => FIRST_PAUSE,
            // Calls that were under way when it opened do not make it stay open longer.
            Self::Open { until, .. } if now < *until => return,
            Self::Open { pause, .. } => pause.saturating_mul(2).min(LONGEST_PAUSE),
        };
        *self = Self::Open {
            until: now.saturating_add(pause),
            pause,
            reason: reason.to_owned(),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::{Admission, Breaker};
    use std::time::Duration;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn open() -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..3 {
            breaker.failed(at(100), "down");
        }
        breaker
    }

    #[test]
    fn three_failures_in_a_row_open_it_and_an_answer_between_them_does_not() {
        let mut breaker = Breaker::default();
        for _ in 0..5 {
            breaker.failed(at(0), "down");
            breaker.failed(at(0), "down");
            assert_eq!(breaker.admit(at(0)), Admission::Go);
            breaker.answered();
        }
        assert!(open().is_open());
    }

    #[test]
    fn it_waits_then_wants_a_canary() {
        let breaker = open();
        let wait = Admission::Wait {
            left: at(59),
            reason: "down".to_owned(),
        };
        assert_eq!(breaker.admit(at(101)), wait);
        assert_eq!(breaker.admit(at(160)), Admission::Probe);
    }

    #[test]
    fn each_failed_probe_doubles_the_wait_up_to_a_quarter_of_an_hour() {
        let mut breaker = open();
        let mut now = 160;
        for pause in [120, 240, 480, 900, 900] {
            breaker.failed(at(now), "still down");
            assert_eq!(breaker.admit(at(now + pause)), Admission::Probe);
            assert!(matches!(
                breaker.admit(at(now + pause - 1)),
                Admission::Wait { .. }
            ));
            now += pause;
        }
        breaker.passed();
        assert_eq!(breaker.admit(at(now)), Admission::Go);
    }

    #[test]
    fn a_wrong_canary_opens_it_at_once_and_no_ordinary_answer_closes_it() {
        let mut breaker = Breaker::default();
        breaker.trip(at(0), "it let destruction pass");
        breaker.answered();
        assert!(matches!(breaker.admit(at(1)), Admission::Wait { .. }));
    }
}
