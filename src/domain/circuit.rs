//! The circuit breaker of a runbook: several failures or denials in a row open it, and only a person closes it again.
//!
//! While it is open, the runbook's changes ask people, as at autonomy level 1.

use crate::domain::run::{RunOutcome, RunState};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a runbook's circuit stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Circuit {
    /// The runbook acts by itself as policy lets it.
    Closed {
        /// Failures and denials in a row up to now.
        failures: u32,
    },
    /// Its changes ask people until somebody resets it.
    Open(Tripped),
}

/// An open circuit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tripped {
    /// Since when.
    pub since: Timestamp,
    /// After so many failures and denials in a row.
    pub failures: u32,
    /// Why the last of them was one.
    pub reason: String,
}

impl fmt::Display for Tripped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = if self.failures == 1 {
            "failure or denial"
        } else {
            "failures or denials in a row"
        };
        let Self {
            since, failures, ..
        } = self;
        write!(f, "circuit open since {since} after {failures} {runs}")
    }
}

/// What the end of a run says about its runbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It did what it should.
    Good,
    /// It did not; or it was not let.
    Bad,
    /// Nothing: a person stopped it or took back what was asked, or all effects were halted.
    Nothing,
}

impl Verdict {
    /// Of a run that ended so.
    pub fn of(outcome: RunOutcome, state: &RunState) -> Self {
        match outcome {
            RunOutcome::Succeeded | RunOutcome::Warning => Self::Good,
            RunOutcome::Canceled => Self::Nothing,
            RunOutcome::Failed
            | RunOutcome::Denied
            | RunOutcome::TimedOut
            | RunOutcome::Interrupted
                if state.stopped_by_halt || state.question_cancelled =>
            {
                Self::Nothing
            }
            RunOutcome::Failed
            | RunOutcome::Denied
            | RunOutcome::TimedOut
            | RunOutcome::Interrupted => Self::Bad,
        }
    }
}

impl Default for Circuit {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

impl Circuit {
    /// After another end of a run. What is open stays so. A runbook that only reads is only counted: there is nothing to keep it from.
    #[must_use]
    pub fn after(
        self,
        verdict: Verdict,
        limit: u32,
        state: &RunState,
        at: Timestamp,
        why: &str,
    ) -> Self {
        let counted = match (self, verdict) {
            (open @ Self::Open(_), _) => return open,
            (closed @ Self::Closed { .. }, Verdict::Nothing) => return closed,
            (Self::Closed { .. }, Verdict::Good) => return Self::default(),
            (Self::Closed { failures }, Verdict::Bad) => Self::Closed {
                failures: failures.saturating_add(1),
            },
        };
        if state.came_to_effect() {
            counted.at_effect(limit, at, why)
        } else {
            counted
        }
    }

    /// As the runbook comes to an effect: where enough has failed before, it opens. A limit of 0 never opens it.
    #[must_use]
    pub fn at_effect(self, limit: u32, since: Timestamp, why: &str) -> Self {
        match self {
            Self::Closed { failures } if limit > 0 && failures >= limit => Self::Open(Tripped {
                since,
                failures,
                reason: why.to_owned(),
            }),
            same @ (Self::Closed { .. } | Self::Open(_)) => same,
        }
    }

    /// Whether there is nothing to remember.
    pub fn is_new(&self) -> bool {
        *self == Self::default()
    }

    /// Where it is open.
    pub fn tripped(&self) -> Option<&Tripped> {
        match self {
            Self::Open(tripped) => Some(tripped),
            Self::Closed { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Circuit, Verdict};
    use crate::domain::{effect::Class, run::RunState};
    use jiff::Timestamp;
    use proptest::prelude::*;

    fn effects() -> RunState {
        RunState {
            gravest: Some(Class::Change),
            ..RunState::default()
        }
    }

    fn fold(verdicts: &[Verdict], limit: u32, state: &RunState) -> Circuit {
        verdicts
            .iter()
            .fold(Circuit::default(), |circuit, verdict| {
                circuit.after(*verdict, limit, state, Timestamp::UNIX_EPOCH, "no luck")
            })
    }

    #[test]
    fn only_failures_in_a_row_open_it() {
        use Verdict::{Bad, Good, Nothing};
        let open = |verdicts: &[Verdict]| fold(verdicts, 3, &effects()).tripped().is_some();
        assert!(open(&[Bad, Bad, Bad]));
        assert!(open(&[Bad, Nothing, Bad, Bad]));
        assert!(!open(&[Bad, Bad, Good, Bad]));
        assert!(!open(&[Bad, Bad]));
        assert!(
            open(&[Bad, Bad, Bad, Good, Good]),
            "success does not close it"
        );
    }

    #[test]
    fn what_only_reads_is_counted_and_opens_once_it_comes_to_an_effect() {
        let reads = fold(&[Verdict::Bad; 9], 3, &RunState::default());
        assert_eq!(reads, Circuit::Closed { failures: 9 });
        let then = reads.at_effect(3, Timestamp::UNIX_EPOCH, "no luck");
        assert_eq!(
            then.tripped().unwrap().to_string(),
            "circuit open since 1970-01-01T00:00:00Z after 9 failures or denials in a row"
        );
    }

    proptest! {
        #[test]
        fn no_number_of_failures_opens_it_where_that_is_off(bad in 0usize..50) {
            prop_assert!(fold(&vec![Verdict::Bad; bad], 0, &effects()).tripped().is_none());
        }
    }
}
