//! A rotation: one credential is replaced by another, stage by stage; the events that are recorded of it, and the state they fold to.
//!
//! Invariants
//! - Each stage is recorded before and after it.
//! - Until [`Stage::Switch`] has ended, a failure or a kill leads back: the new credential goes, the old one stays. After it, the way
//!   leads forward only.
//! - The old credential is revoked only after a test of the new one that succeeded when the switch was recorded already, and that
//!   shortly before.
//! - [`RotationState::apply`] is total, and what comes next is a pure function of the state and the time ([`next`]): going on after
//!   a kill is no special case. A stage that began and did not end is carried out once more, so a stage must bear that.

mod credential;
mod due;
mod next;
mod policy;
mod state;

pub use credential::{Credential, CredentialKind, CredentialState, Fresh};
pub use due::{Due, due};
pub use next::{Next, next};
pub use policy::{Alphabet, InvalidAlphabet, Symbols};
pub use state::RotationState;

use crate::domain::{id::RunId, span::Span};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A part of a rotation, in the order in which they follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The new credential is made.
    Issue,
    /// It is kept where it outlives the agent.
    Store,
    /// It is brought to where consumers find it.
    Distribute,
    /// Consumers take it up.
    Restart,
    /// It is tried.
    Test,
    /// It is the one that counts: from here on there is no way back.
    Switch,
    /// Both are good for a while; at the end the new one is tried again.
    Overlap,
    /// The old one is taken back.
    Revoke,
    /// The old one is tried, and must be refused.
    Refuse,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 9] = [
        Self::Issue,
        Self::Store,
        Self::Distribute,
        Self::Restart,
        Self::Test,
        Self::Switch,
        Self::Overlap,
        Self::Revoke,
        Self::Refuse,
    ];
    /// What has to be taken back where the way leads back, in the order in which that is done: consumers have the old one again before
    /// the new one goes, and what is kept of both goes last.
    pub const BACK: [Self; 4] = [Self::Distribute, Self::Restart, Self::Issue, Self::Store];

    /// The word used in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Store => "store",
            Self::Distribute => "distribute",
            Self::Restart => "restart",
            Self::Test => "test",
            Self::Switch => "switch",
            Self::Overlap => "overlap",
            Self::Revoke => "revoke",
            Self::Refuse => "refuse",
        }
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a stage ended. No text in it holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Done {
        /// What, for people.
        note: String,
    },
    /// There was nothing to do.
    NotNeeded {
        /// Why.
        note: String,
    },
    /// A trial showed what it was to show.
    Proven {
        /// What was tried, for people.
        note: String,
    },
    /// It could not be tried, and so is not claimed.
    Unproven {
        /// Why.
        note: String,
    },
    /// It went wrong. Trying again may help.
    Failed {
        /// Why.
        note: String,
    },
    /// It cannot be done by the agent, however often it is tried.
    Hopeless {
        /// Why.
        note: String,
    },
}

impl Outcome {
    /// For people.
    pub fn note(&self) -> &str {
        match self {
            Self::Done { note }
            | Self::NotNeeded { note }
            | Self::Proven { note }
            | Self::Unproven { note }
            | Self::Failed { note }
            | Self::Hopeless { note } => note,
        }
    }
    /// The word used in logs and metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Done { .. } => "done",
            Self::NotNeeded { .. } => "not_needed",
            Self::Proven { .. } => "proven",
            Self::Unproven { .. } => "unproven",
            Self::Failed { .. } => "failed",
            Self::Hopeless { .. } => "hopeless",
        }
    }
    /// Whether the stage is over with it.
    pub fn is_over(&self) -> bool {
        match self {
            Self::Done { .. }
            | Self::NotNeeded { .. }
            | Self::Proven { .. }
            | Self::Unproven { .. } => true,
            Self::Failed { .. } | Self::Hopeless { .. } => false,
        }
    }
}

/// How a rotation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The new credential counts, and the old one is gone.
    Completed,
    /// The old credential counts, and the new one is gone.
    RolledBack,
    /// A person gave it up: what there is of both stays.
    GivenUp,
}

impl End {
    /// The word used in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::RolledBack => "rolled_back",
            Self::GivenUp => "given_up",
        }
    }
}

/// Something that happened in a rotation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// It began.
    Began {
        /// In which run.
        run: RunId,
        /// How long both credentials are to be good after the switch.
        overlap: Span,
    },
    /// A stage is about to be carried out.
    StageBegan {
        /// Which.
        stage: Stage,
    },
    /// And was.
    StageEnded {
        /// Which.
        stage: Stage,
        /// How.
        outcome: Outcome,
    },
    /// A stage is about to be taken back.
    UndoBegan {
        /// Which.
        stage: Stage,
    },
    /// And was.
    UndoEnded {
        /// Which.
        stage: Stage,
        /// How.
        outcome: Outcome,
    },
    /// It was found cut off: whoever was at it is gone.
    Resumed {
        /// In which run.
        run: RunId,
    },
    /// It goes on where it waited: at the end of its overlap, or after a stage that failed.
    WentOn {
        /// In which run.
        run: RunId,
    },
    /// It is over.
    Ended {
        /// How.
        end: End,
        /// Why, for people; empty where all went well.
        reason: String,
    },
}

/// An event in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

#[cfg(test)]
mod tests;
