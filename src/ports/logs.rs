//! Output of steps, kept.

use crate::{
    domain::{id::RunId, run::StepKey},
    ports::executor::StepLog,
};
use std::sync::Arc;

/// Output that could not be kept: a disk was full, or took no writes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Losses {
    /// Bytes.
    pub bytes: u64,
    /// Why, where the newest output was lost; none once some could be kept again.
    pub reason: Option<String>,
}

/// Opens a place for the output of one attempt. Nothing is made until the first byte comes.
pub trait LogStore: Send + Sync {
    /// The attempt's log. What is appended is masked before it is kept; it is complete once the last handle is dropped.
    fn open(&self, run: RunId, key: &StepKey, attempt: u32) -> Arc<dyn StepLog>;
    /// What of all output could not be kept since the agent started.
    fn losses(&self) -> Losses;
}
