//! Output of steps, kept.

use crate::{
    domain::{id::RunId, run::StepKey},
    ports::executor::StepLog,
};
use std::sync::Arc;

/// Opens a place for the output of one attempt. Nothing is made until the first byte comes.
pub trait LogStore: Send + Sync {
    /// The attempt's log. What is appended is masked before it is kept; it is complete once the last handle is dropped.
    fn open(&self, run: RunId, key: &StepKey, attempt: u32) -> Arc<dyn StepLog>;
}
