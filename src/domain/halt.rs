//! All effects stopped at once, by a person, until a person lets them go again.

use crate::domain::effect::{Class, Confidence, Effects};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Who stopped all effects, when, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halt {
    /// Who.
    pub by: String,
    /// Since when.
    pub since: Timestamp,
    /// Why; may be empty.
    pub reason: String,
}

impl Halt {
    /// Whether a step with these effects must not be: everything that is not known to only read.
    pub fn stops(effects: &Effects) -> bool {
        effects.class() > Class::Read || effects.confidence == Confidence::Opaque
    }
}

impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "halted by {} since {}", self.by, self.since)?;
        if self.reason.is_empty() {
            return Ok(());
        }
        write!(f, ": {}", self.reason)
    }
}
