//! A run that waits for a lock.

use crate::domain::{
    id::RunId,
    name::{LockName, RunbookName},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a run waits for before it may change anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockWait {
    /// The lock.
    pub lock: LockName,
    /// The run that holds it.
    pub held_by: RunId,
    /// That run's runbook, where it is known.
    pub holder: Option<RunbookName>,
    /// Since when it is waited for.
    pub since: Timestamp,
}
