//! One rendered step, frozen: what is judged, approved, recorded and carried out.

use crate::domain::{
    digest::Digest,
    effect::Effects,
    id::RunId,
    name::{ActionName, RunbookName, StepName},
    pinned::Pinned,
    runbook::Phase,
    span::Span,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A step ready to be judged. Its digest is what an approval binds to.
///
/// Secrets appear in `arguments` only as markers ([`crate::domain::secret`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// The runbook it belongs to.
    pub runbook: RunbookName,
    /// The commit that the runbook was read from.
    pub revision: String,
    /// The digest of the runbook's definition.
    pub definition: Digest,
    /// The run.
    pub run: RunId,
    /// Main, rollback or finally.
    pub phase: Phase,
    /// The step.
    pub step: StepName,
    /// Counts from 1.
    pub attempt: u32,
    /// What is done.
    pub uses: ActionName,
    /// With which arguments, rendered.
    pub arguments: Value,
    /// How long an attempt may take.
    pub timeout: Span,
    /// What it would do.
    pub effects: Effects,
    /// Whether doing it twice is the same as doing it once.
    pub idempotent: bool,
    /// The digest of the policy in force.
    pub policy: Digest,
    /// Files and programs that it is carried out with, as they were when it was planned.
    #[serde(default, skip_serializing_if = "Pinned::is_empty")]
    pub pinned: Pinned,
}

impl PlannedStep {
    /// SHA-256 of the whole step in canonical JSON.
    pub fn digest(&self) -> Digest {
        Digest::of(self)
    }
}
