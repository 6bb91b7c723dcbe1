//! Planning and carrying out one step.

use crate::{
    domain::{
        check::CheckStatus,
        digest::Digest,
        effect::Effects,
        gate::Permit,
        id::RunId,
        name::{ActionName, RunbookName, StepName},
        outlived::{Behalf, EndedLate, Outlived},
        pinned::Pinned,
        plan::PlannedStep,
        policy::{FailedExample, Tightening},
        run::StepReport,
        runbook::Phase,
    },
    ports::{BoxFuture, logs::Losses},
};
use jiff::Timestamp;
use serde_json::Value;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What an action says of itself, for validation, schemas and documentation.
#[derive(Debug, Clone)]
pub struct ActionSpec {
    /// Its name, as in `uses:`.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// JSON Schema (draft 2020-12) of `with`, before any expression is considered.
    pub inputs: Value,
    /// JSON Schema of its outputs.
    pub outputs: Value,
}

/// What a loader asks of those it does not know: names and shapes of actions, nothing that acts, and the gate's word on a policy's
/// examples.
pub trait ActionCatalogue: Send + Sync {
    /// Every action, sorted by name.
    fn specs(&self) -> &[ActionSpec];
    /// Checks arguments without expressions against the action's typed inputs; the error is for people.
    fn check(&self, action: &ActionName, arguments: &Value) -> Result<(), String>;
    /// Checks arguments as they are written, expressions and all, for what must not hold an expression. Arguments with expressions
    /// go through this alone, those without through [`Self::check`] too. The error is for people.
    fn check_template(&self, _action: &ActionName, _arguments: &Value) -> Result<(), String> {
        Ok(())
    }
    /// Whether a step makes an artifact that is always encrypted, as far as its arguments can be read as they are written.
    fn seals(&self, _action: &ActionName, _arguments: &Value) -> bool {
        false
    }
    /// The examples that a policy of the repository does not keep. Where no gate is there to ask, none fails.
    fn failed_examples(&self, _policy: &Tightening) -> Vec<FailedExample> {
        Vec::new()
    }
}

/// What an action intends with these arguments.
#[derive(Debug, Clone)]
pub struct Intent {
    /// What it would do.
    pub effects: Effects,
    /// Whether doing it twice is the same as doing it once.
    pub idempotent: bool,
    /// What the step itself asks of the gate, beside policy: an `approval` step asks for people.
    pub wants_approval: Option<ApprovalWish>,
    /// Files and programs that it would be carried out with.
    pub pinned: Pinned,
}

/// A step's own wish for consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalWish {
    /// How many people.
    pub people: u32,
    /// Of which groups.
    pub groups: Vec<String>,
    /// The question.
    pub message: String,
}

/// Where lines of output go: masked, capped and kept under the run and step.
pub trait StepLog: Send + Sync {
    /// Appends bytes as they come; they need not end at a line or a character.
    fn append(&self, stream: LogStream, bytes: &[u8]);
    /// Keeps what was not yet kept; what of this attempt's output is lost. A log that keeps nothing loses nothing.
    fn end(&self) -> Losses {
        Losses::default()
    }
    /// SHA-256 of what was kept, once it has ended; none where nothing was.
    fn digest(&self) -> Option<Digest> {
        None
    }
}

/// Which of a program's outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogStream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
    /// What the agent itself notes, such as a wait or a cut.
    Note,
}

/// Facts about the run that an action may use.
#[derive(Debug, Clone)]
pub struct StepContext {
    /// The runbook.
    pub runbook: RunbookName,
    /// The run.
    pub run: RunId,
    /// Its commit.
    pub revision: String,
    /// The step.
    pub step: StepName,
    /// In which list.
    pub phase: Phase,
    /// Counts from 1.
    pub attempt: u32,
    /// The due time, or the time the run was made.
    pub nominal: Timestamp,
    /// Only show what would be done.
    pub dry_run: bool,
    /// How the run went so far; what a `notify` step in `finally` reports.
    pub so_far: RunSoFar,
}

impl StepContext {
    /// On whose behalf a program of the step runs.
    pub fn behalf(&self) -> Behalf {
        Behalf {
            runbook: self.runbook.clone(),
            run: self.run,
            phase: self.phase,
            step: self.step.clone(),
            attempt: self.attempt,
        }
    }
}

/// How a run went so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSoFar {
    /// Whether any step failed, was denied or cancelled.
    pub failed: bool,
    /// The worst check.
    pub worst_check: Option<CheckStatus>,
    /// The first failure's text.
    pub reason: String,
}

/// What an action needs beside its permit.
#[derive(Clone)]
pub struct Session {
    /// Facts about the run.
    pub context: StepContext,
    /// Fires when the attempt must stop: cancel, timeout, shutdown. An action stops its work and returns soon after.
    pub stop: CancellationToken,
    /// Where output goes.
    pub log: Arc<dyn StepLog>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

/// Plans and carries out steps.
pub trait Executor: Send + Sync {
    /// What this action would do with these arguments. Secrets in them are still markers. No effect on the world.
    fn intend<'a>(
        &'a self,
        action: &'a ActionName,
        arguments: &'a Value,
        context: &'a StepContext,
    ) -> BoxFuture<'a, Result<Intent, String>>;

    /// Whether the files and programs of a planned step are still what they were; if not, the reason, for people.
    fn still<'a>(&'a self, _step: &'a PlannedStep) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }

    /// Programs that an earlier agent started for steps, and that have outlived it.
    fn outlived(&self) -> Vec<Outlived> {
        Vec::new()
    }

    /// Ends such a program; the error says why it could not.
    fn end_outlived<'a>(
        &'a self,
        _outlived: &'a Outlived,
    ) -> BoxFuture<'a, Result<EndedLate, String>> {
        Box::pin(async { Ok(EndedLate::Terminated) })
    }

    /// Has a step of a dry run checked by those who would carry it out, who leave it at that; needs no permit, because nothing changes.
    /// None where nobody can check it so: then what it would do is only described.
    fn rehearse<'a>(
        &'a self,
        _step: &'a PlannedStep,
        _session: Session,
    ) -> Option<BoxFuture<'a, StepReport>> {
        None
    }

    /// Carries out the permitted step. It does not panic and does not outlive `session.stop` for long.
    fn execute(&self, permit: Permit, session: Session) -> BoxFuture<'_, StepReport>;
}
