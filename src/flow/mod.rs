//! The stories, each read top to bottom in one file.
//!
//! | story | file | what it tells |
//! |---|---|---|
//! | sync | [`sync`] | commit → fetched → validated → in use |
//! | tick | [`tick`] | a due time comes → it starts, or one reason why not |
//! | start | [`start`] | a wish for a run → claimed, recorded, launched |
//! | run | [`run`] | a run from its first step to its recorded end |
//! | step | [`step`] | one attempt: rendered → judged → recorded → carried out → recorded |
//! | approve | [`approve`] | a question to people → their answer |
//! | halt | [`halt`] | all effects stop → until a person lets them go |
//! | clock | [`clock`] | the clock on the wall jumps → consents by it count no more |
//! | suspend | [`suspend`] | a runbook rests → until a person or the clock ends it |
//! | review | [`review`] | a step is shown → a provider answers, or none does → it is tightened, or not |
//! | circuit | [`circuit`] | a runbook fails several times → its changes ask people → until a person resets it |
//! | trial | `trial` | a runbook is new or changed → its first changes ask people |
//! | explain | [`explain`] | each step of a runbook → what the gate would say of it, before anything runs |
//! | recover | [`recover`] | after a start: what was going on goes on |
//! | called | `called` | a webhook or an alert comes in → the runs that it starts |
//! | agent | [`agent`] | what people ask, and the answers |
//!
//! Invariants
//! - The start of a step is committed before the world is touched; if the history cannot be written, nothing more is touched.
//! - The end of a step is committed before anything else is waited for. Only the end of the run may stand in the same commit.
//! - Nothing here spawns, reads a clock or makes randomness: [`world::World`] brings all of it.
//! - No lock is held across an `.await`.

pub mod agent;
pub mod approve;
pub mod artifacts;
mod backups;
mod called;
pub mod child;
pub mod circuit;
pub mod clock;
pub mod credentials;
pub mod explain;
mod given;
pub mod halt;
pub mod head;
mod journal;
mod locks;
mod needs;
mod pace;
pub mod recover;
pub mod retire;
pub mod review;
pub mod run;
pub mod start;
pub mod step;
pub mod suspend;
pub mod sync;
pub mod tick;
mod trial;
pub mod unrecorded;
pub mod view;
pub mod world;

use crate::{history::WriteError, ports::agent::AgentError};

/// Why a story cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FlowError {
    /// Then nothing more is touched.
    #[error("{what} could not be recorded, and until it can nothing more is touched: {error}")]
    NotRecorded {
        /// What was to be recorded.
        what: String,
        /// Why, and a way out.
        error: String,
    },
    /// A run's own record cannot be read.
    #[error("the history cannot be read while {doing}: {reason}")]
    Unreadable {
        /// What was wanted.
        doing: String,
        /// Why.
        reason: String,
    },
    /// The agent is being stopped; what is recorded goes on at the next start.
    #[error("the agent is being stopped")]
    Stopping,
}

impl FlowError {
    fn not_recorded(what: &str, error: &WriteError) -> Self {
        Self::NotRecorded {
            what: what.to_owned(),
            error: error.to_string(),
        }
    }
    fn unreadable(doing: &str, error: &impl std::fmt::Display) -> Self {
        Self::Unreadable {
            doing: doing.to_owned(),
            reason: error.to_string(),
        }
    }
}

impl From<FlowError> for AgentError {
    fn from(error: FlowError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

#[cfg(test)]
mod tests;
