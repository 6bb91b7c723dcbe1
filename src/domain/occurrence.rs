//! One due time of one trigger, and what became of it.

use crate::domain::name::RunbookName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One due time of one trigger. At most one run ever starts for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Occurrence {
    /// The runbook.
    pub runbook: RunbookName,
    /// The trigger's key: stable while its text stays the same ([`crate::domain::runbook::Trigger::key`]).
    pub trigger: String,
    /// When it is due by the calendar, before any spread.
    pub nominal: Timestamp,
}

/// Why an occurrence did not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotRun {
    /// The agent was not there: it was down, or the clock jumped over it.
    MissedDown,
    /// The runbook was suspended.
    Suspended,
    /// A window was closed.
    Window,
    /// The previous run was still going.
    Overlap,
    /// It was too late to start.
    Deadline,
    /// Another replica leads.
    NotLeader,
    /// The runbook could not be carried out as written.
    Invalid,
}

impl NotRun {
    /// All reasons.
    pub const ALL: [Self; 7] = [
        Self::MissedDown,
        Self::Suspended,
        Self::Window,
        Self::Overlap,
        Self::Deadline,
        Self::NotLeader,
        Self::Invalid,
    ];

    /// The word used in reports and metric labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MissedDown => "missed_down",
            Self::Suspended => "suspended",
            Self::Window => "window",
            Self::Overlap => "overlap",
            Self::Deadline => "deadline",
            Self::NotLeader => "not_leader",
            Self::Invalid => "invalid",
        }
    }
}

/// An occurrence, or a stretch of them, that did not run. Misses are recorded by stretch, not one by one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The first that did not run.
    pub occurrence: Occurrence,
    /// The last of the stretch; the same as the first where only one was missed.
    pub last_nominal: Timestamp,
    /// Why.
    pub reason: NotRun,
    /// More about it, in words for people.
    pub detail: String,
    /// When that was decided.
    pub at: Timestamp,
}
