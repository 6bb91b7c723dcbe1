//! Runs that a step of another run starts, and how far other runs are.

use crate::{
    domain::{id::RunId, name::RunbookName, run::RunOutcome},
    ports::{BoxFuture, executor::StepContext},
};
use serde_json::Value;
use std::collections::BTreeMap;
use tokio_util::sync::CancellationToken;

/// The run that a step wants.
#[derive(Debug, Clone, PartialEq)]
pub struct ChildWish {
    /// Of which runbook.
    pub runbook: RunbookName,
    /// With which inputs.
    pub inputs: BTreeMap<String, Value>,
    /// Whether to wait for its end.
    pub wait: bool,
}

/// The run that a step got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildRun {
    /// Its id.
    pub run: RunId,
    /// How it ended; `None` where nobody waited.
    pub outcome: Option<RunOutcome>,
    /// Why it ended so, for people; empty on success.
    pub reason: String,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// This agent does not know it: it is another agent's, or older than the history.
    Unknown,
    /// It has not ended.
    Going,
    /// It has ended.
    Ended,
}

/// Starts runs for steps.
pub trait Runs: Send + Sync + std::fmt::Debug {
    /// Starts a run whose cause is the parent's step, dry if the parent is dry. Every step of it passes the gate by itself. When
    /// `stop` fires, the child is asked to stop too, and its end is still waited for. The error is for people: no such runbook,
    /// inputs that do not fit, a refusal to start.
    fn run_child<'a>(
        &'a self,
        parent: &'a StepContext,
        wish: ChildWish,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<ChildRun, String>>;
    /// How far a run is. The error is for people.
    fn standing(&self, run: RunId) -> BoxFuture<'_, Result<Standing, String>>;
}
