//! A clock on the wall that jumped: times from before and times from after it do not compare.

use crate::domain::effect::{Class, Confidence, Effects};
use jiff::{SignedDuration, Timestamp, Unit};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A jump that nobody has looked into yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jump {
    /// What the clock said when the jump was noticed.
    pub noticed: Timestamp,
    /// How far: negative where it was set back.
    pub by: SignedDuration,
}

impl Jump {
    /// `back` or `forward`.
    pub fn way(&self) -> &'static str {
        if self.by.is_negative() {
            "back"
        } else {
            "forward"
        }
    }

    /// How far, for people: to the second.
    pub fn far(&self) -> SignedDuration {
        let far = self.by.abs();
        far.round(Unit::Second).unwrap_or(far)
    }

    /// Whether a step with these effects asks people after one: what destroys, and what may.
    pub fn concerns(effects: &Effects) -> bool {
        effects.class() == Class::Destructive || effects.confidence == Confidence::Opaque
    }
}

impl fmt::Display for Jump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (way, far) = (self.way(), self.far());
        write!(f, "the clock jumped {way} by {far:#}")?;
        write!(f, ", noticed at {}", self.noticed)
    }
}

#[cfg(test)]
mod tests {
    use super::Jump;
    use jiff::SignedDuration;

    #[test]
    fn a_jump_says_which_way_and_how_far_and_is_kept_as_it_is() {
        let jump = Jump {
            noticed: "2026-11-21T08:00:00Z".parse().unwrap(),
            by: SignedDuration::from_mins(-90),
        };
        let said = "the clock jumped back by 1h 30m, noticed at 2026-11-21T08:00:00Z";
        assert_eq!(jump.to_string(), said);
        let kept = serde_json::to_string(&jump).unwrap();
        assert_eq!(serde_json::from_str::<Jump>(&kept).unwrap(), jump);
    }
}
