//! Whether and when a provider is asked once more.

use crate::{
    domain::{id::Entropy, span::Span},
    ports::completion::CompletionError,
};
use std::time::Duration;

/// A provider that was busy or away is asked so many times in all.
const BUSY_ATTEMPTS: u32 = 3;
/// One that gave no proper answer is asked so many times in all.
const GARBAGE_ATTEMPTS: u32 = 2;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// With less time than this left after the pause, another call is not worth its price.
const SHORTEST_CALL: Duration = Duration::from_secs(1);

/// Why an attempt gave no answer.
#[derive(Debug)]
pub enum Fault<'a> {
    /// The call failed.
    Call(&'a CompletionError),
    /// What came back is no answer.
    NoAnswer,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Ask the same provider again after this.
    Again(Duration),
    /// Ask the next provider.
    Other,
    /// Ask nobody: a model that declines to look has seen something, and another opinion is not looked for.
    Nobody,
}

/// What to do after attempt number `attempt` (from 1), with so much time left for this provider.
pub fn next(fault: &Fault<'_>, attempt: u32, left: Duration, entropy: Entropy) -> Next {
    let pause = match fault {
        Fault::Call(CompletionError::Declined { .. }) => return Next::Nobody,
        Fault::Call(
            CompletionError::Rejected { .. }
            | CompletionError::Truncated { .. }
            | CompletionError::TimedOut { .. },
        ) => return Next::Other,
        Fault::Call(CompletionError::Malformed { .. }) | Fault::NoAnswer => {
            (attempt < GARBAGE_ATTEMPTS).then_some(Duration::ZERO)
        }
        Fault::Call(CompletionError::Busy { retry_after, .. }) => (attempt < BUSY_ATTEMPTS)
            .then(|| retry_after.map_or_else(|| backoff(attempt, entropy), Span::duration)),
        Fault::Call(CompletionError::Unreachable { .. }) => {
            (attempt < BUSY_ATTEMPTS).then(|| backoff(attempt, entropy))
        }
    };
    match pause {
        Some(pause) if pause.saturating_add(SHORTEST_CALL) <= left => Next::Again(pause),
        Some(_) | None => Next::Other,
    }
}

/// Doubles each time, and takes up to a quarter off so that agents which failed together do not come back together.
fn backoff(attempt: u32, entropy: Entropy) -> Duration {
    let doublings = attempt.saturating_sub(1).min(16);
    let whole = FIRST_PAUSE
        .saturating_mul(1 << doublings)
        .min(LONGEST_PAUSE);
    let [first, ..] = entropy;
    whole * (1024 - u32::from(first)) / 1024
}

#[cfg(test)]
mod tests {
    use super::{Fault, Next, next};
    use crate::{domain::span::Span, ports::completion::CompletionError};
    use proptest::prelude::*;
    use std::time::Duration;

    const LEFT: Duration = Duration::from_secs(20);

    fn busy(retry_after: Option<u64>) -> CompletionError {
        CompletionError::Busy {
            status: 429,
            retry_after: retry_after.map(Span::from_secs),
            reason: "slow down".to_owned(),
        }
    }

    fn after(error: &CompletionError, attempt: u32) -> Next {
        next(&Fault::Call(error), attempt, LEFT, [0; 10])
    }

    #[test]
    fn a_busy_provider_is_asked_again_after_what_it_wants_if_that_is_soon() {
        assert_eq!(
            after(&busy(Some(3)), 1),
            Next::Again(Duration::from_secs(3))
        );
        assert_eq!(
            after(&busy(Some(19)), 1),
            Next::Again(Duration::from_secs(19))
        );
        assert_eq!(after(&busy(Some(20)), 1), Next::Other);
        assert_eq!(after(&busy(Some(3)), 3), Next::Other);
    }

    #[test]
    fn without_its_word_the_pause_doubles() {
        assert_eq!(
            after(&busy(None), 1),
            Next::Again(Duration::from_millis(500))
        );
        assert_eq!(after(&busy(None), 2), Next::Again(Duration::from_secs(1)));
        assert_eq!(after(&busy(None), 3), Next::Other);
    }

    #[test]
    fn garbage_is_answered_with_one_more_question() {
        let again = Next::Again(Duration::ZERO);
        assert_eq!(next(&Fault::NoAnswer, 1, LEFT, [0; 10]), again);
        assert_eq!(next(&Fault::NoAnswer, 2, LEFT, [0; 10]), Next::Other);
    }

    #[test]
    fn nobody_else_is_asked_when_a_model_declines() {
        let declined = CompletionError::Declined {
            reason: String::new(),
            usage: None,
        };
        assert_eq!(after(&declined, 1), Next::Nobody);
    }

    #[test]
    fn what_would_not_change_is_not_tried_again() {
        let rejected = CompletionError::Rejected {
            status: 401,
            reason: String::new(),
        };
        assert_eq!(after(&rejected, 1), Next::Other);
        assert_eq!(
            after(
                &CompletionError::TimedOut {
                    after: Span::from_secs(20)
                },
                1
            ),
            Next::Other
        );
        assert_eq!(
            after(&CompletionError::Truncated { usage: None }, 1),
            Next::Other
        );
    }

    proptest! {
        #[test]
        fn the_pause_never_outlasts_the_time_left(
            attempt in 1u32..10, left in 0u64..60_000, wait in prop::option::of(0u64..100), entropy in any::<[u8; 10]>(),
        ) {
            let left = Duration::from_millis(left);
            if let Next::Again(pause) = next(&Fault::Call(&busy(wait)), attempt, left, entropy) {
                prop_assert!(pause < left);
            }
        }
    }
}
