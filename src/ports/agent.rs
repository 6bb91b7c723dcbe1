//! What people and other systems may ask of a running agent. `flow` answers; `http` asks.

use crate::{
    domain::{
        approval::{Person, Standing, Verdict},
        circuit::Tripped,
        digest::Digest,
        halt::Halt,
        id::{ApprovalId, ArtifactId, RunId},
        lock::LockWait,
        name::{CredentialName, RunbookName, StepName},
        occurrence::NotRun,
        run::RunOutcome,
    },
    ports::BoxFuture,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A runbook as people see it in lists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunbookView {
    /// Its name.
    pub name: RunbookName,
    /// What it is for.
    pub description: String,
    /// Who answers for it.
    pub owner: String,
    /// Where it stands, relative to the followed path.
    pub file: String,
    /// The revision that its active version was read from; none where no version of it can be used.
    pub revision: Option<String>,
    /// `active`, `invalid` (the last good version is active, if there is one), `suspended`.
    pub state: RunbookState,
    /// The problem, where the newest version is invalid, or the agent's configuration lacks what it needs: `file:line:column: what`.
    pub problem: Option<String>,
    /// Suspended until then, where it is; `None` in a suspension means until resumed.
    pub suspended_until: Option<Timestamp>,
    /// Where its circuit is open: its changes ask people until somebody resets it.
    #[serde(default)]
    pub circuit: Option<Tripped>,
    /// Its triggers, as text.
    pub triggers: Vec<String>,
    /// When it is due next.
    pub next: Option<Timestamp>,
    /// The run that is going on, if any.
    pub running: Option<RunId>,
    /// How the last run ended.
    pub last_outcome: Option<RunOutcome>,
    /// When the last run ended.
    pub last_ended: Option<Timestamp>,
    /// When the last success ended.
    pub last_success: Option<Timestamp>,
    /// Seconds between two occurrences, as its schedule has it now.
    pub expected_interval: Option<u64>,
}

/// Whether a runbook's newest version is the one in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunbookState {
    /// Yes.
    Active,
    /// The newest version is broken; the last good one, if any, stays in use.
    Invalid,
    /// Somebody suspended it.
    Suspended,
}

/// One due time to come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Upcoming {
    /// The runbook.
    pub runbook: RunbookName,
    /// The trigger's key.
    pub trigger: String,
    /// By the calendar.
    pub nominal: Timestamp,
    /// With spread.
    pub due: Timestamp,
    /// Why it will not run, as far as is known now.
    pub blocked: Option<NotRun>,
    /// What will be other than usual if it runs: its changes ask people, or are denied.
    #[serde(default)]
    pub note: Option<String>,
    /// What people are asked ahead of it; none where they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asks: Option<Asks>,
}

/// What people are asked ahead of a due time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asks {
    /// When they are asked.
    pub from: Timestamp,
    /// What they were asked already.
    pub questions: Vec<AsksAbout>,
}

/// A question that was asked ahead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AsksAbout {
    /// About which step.
    pub step: StepName,
    /// The question.
    pub approval: ApprovalId,
    /// Where it stands, where that was looked up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
}

/// Where following the source stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SyncView {
    /// Where it comes from, without credentials.
    pub source: String,
    /// The newest revision seen.
    pub attempted: Option<String>,
    /// The revision in use.
    pub applied: Option<String>,
    /// When a fetch last succeeded.
    pub last_success: Option<Timestamp>,
    /// When a fetch was last tried.
    pub last_attempt: Option<Timestamp>,
    /// Why the last one failed.
    pub error: Option<String>,
    /// The revision that was in use before, where the one in use does not descend from it: history was rewritten.
    #[serde(default)]
    pub rewritten: Option<String>,
    /// Runbooks in use.
    pub runbooks: u64,
    /// Problems of the newest revision, and what the agent's configuration lacks for it.
    pub problems: Vec<String>,
    /// A revision that would delete so many runbooks that a person must accept it.
    pub held: Option<HeldDeletion>,
}

/// A revision that would delete more than half of all runbooks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldDeletion {
    /// The revision.
    pub revision: String,
    /// What it would delete.
    pub runbooks: Vec<RunbookName>,
}

/// One thing that the agent depends on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dependency {
    /// `history`, `source`, `scheduler`, `task/<name>`, …
    pub name: String,
    /// Whether it is well.
    pub ok: bool,
    /// Whether the agent is not alive, or not ready, without it.
    pub weight: Weight,
    /// One line about it.
    pub detail: String,
}

/// What follows when a dependency is not well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// The agent must be restarted: `/healthz` fails.
    Alive,
    /// The agent cannot do its work: `/readyz` fails.
    Ready,
    /// Something is degraded; `/health` shows it.
    Degraded,
}

/// Whether all effects are halted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HaltView {
    /// By whom, since when and why; none where nothing is halted.
    pub halted: Option<Halt>,
    /// Steps that the halt has stopped; only in the answer to whoever halted.
    #[serde(default)]
    pub stopped: Vec<String>,
    /// Those of them that have not ended yet.
    #[serde(default)]
    pub still: Vec<String>,
}

/// A wish to start a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StartRequest {
    /// Which runbook.
    pub runbook: RunbookName,
    /// Its inputs.
    #[serde(default)]
    pub inputs: BTreeMap<String, Value>,
    /// Only show what would be done.
    #[serde(default)]
    pub dry_run: bool,
    /// Start although a window is closed; audited.
    #[serde(default)]
    pub override_window: bool,
    /// Given twice, the same key starts one run.
    #[serde(default)]
    pub idempotency_key: Option<String>,
}

/// Where a person wants an artifact restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestoreRequest {
    /// The folder, the database file or the file for a stream; an absolute path of the agent's host.
    pub to: String,
    /// Of an archive of files, only what was at this path.
    #[serde(default)]
    pub only: Option<String>,
    /// Whether what is there is replaced, and kept beside.
    #[serde(default)]
    pub overwrite: bool,
}

/// The run that a wish has led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartedRun {
    /// The run.
    pub run: RunId,
    /// Whether the same wish, known by its key, had started it before.
    pub existing: bool,
}

/// Why the agent does not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AgentError {
    /// There is no such thing.
    #[error("there is no {0}")]
    NotFound(String),
    /// The wish makes no sense as it is.
    #[error("{0}")]
    Invalid(String),
    /// The state of things does not allow it.
    #[error("{0}")]
    Conflict(String),
    /// This person may not.
    #[error("{0}")]
    Forbidden(String),
    /// The agent cannot now: shutting down, history not writable.
    #[error("{0}")]
    Unavailable(String),
}

/// A running agent.
pub trait Agent: Send + Sync {
    /// Every runbook in use or broken, by name.
    fn runbooks(&self) -> BoxFuture<'_, Result<Vec<RunbookView>, AgentError>>;
    /// The active definition of one, as JSON.
    fn definition(&self, name: &RunbookName) -> Option<Value>;
    /// What is due next, soonest first.
    fn upcoming<'a>(
        &'a self,
        runbook: Option<&'a RunbookName>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Upcoming>, AgentError>>;
    /// Following the source.
    fn sync_view(&self) -> SyncView;
    /// Everything the agent depends on.
    fn dependencies(&self) -> Vec<Dependency>;
    /// Starts a run now.
    fn start<'a>(
        &'a self,
        request: StartRequest,
        by: &'a Person,
    ) -> BoxFuture<'a, Result<StartedRun, AgentError>>;
    /// Asks a run to stop.
    fn cancel<'a>(
        &'a self,
        run: RunId,
        by: &'a Person,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<(), AgentError>>;
    /// Answers an approval; `digest`, where given, must be that of the step the person has seen.
    fn vote<'a>(
        &'a self,
        approval: ApprovalId,
        by: &'a Person,
        verdict: Verdict,
        digest: Option<Digest>,
        comment: &'a str,
    ) -> BoxFuture<'a, Result<(), AgentError>>;
    /// Takes a question back: the step does not run.
    fn cancel_approval<'a>(
        &'a self,
        approval: ApprovalId,
        by: &'a Person,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<(), AgentError>>;
    /// Stops a runbook's triggers, until then or until resumed.
    fn suspend<'a>(
        &'a self,
        runbook: &'a RunbookName,
        until: Option<Timestamp>,
        by: &'a Person,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<(), AgentError>>;
    /// Ends a suspension.
    fn resume<'a>(
        &'a self,
        runbook: &'a RunbookName,
        by: &'a Person,
    ) -> BoxFuture<'a, Result<(), AgentError>>;
    /// Closes a runbook's circuit, so that it acts by itself again.
    fn reset<'a>(
        &'a self,
        runbook: &'a RunbookName,
        by: &'a Person,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<(), AgentError>>;
    /// The lock that a run waits for now.
    fn waiting_for_lock(&self, _run: RunId) -> Option<LockWait> {
        None
    }
    /// Trusts the clock again after it has jumped.
    fn trust_clock<'a>(
        &'a self,
        by: &'a Person,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<(), AgentError>>;
    /// Whether all effects are halted.
    fn halted(&self) -> HaltView;
    /// Stops all effects at once, until a person lets them go again.
    fn halt<'a>(
        &'a self,
        by: &'a Person,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<HaltView, AgentError>>;
    /// Lets effects be again.
    fn unhalt<'a>(
        &'a self,
        by: &'a Person,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<HaltView, AgentError>>;
    /// Says that a doubted artifact is right.
    fn accept_artifact<'a>(
        &'a self,
        artifact: ArtifactId,
        by: &'a Person,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<(), AgentError>>;
    /// Forgets a credential that no runbook keeps any more.
    fn forget_credential<'a>(
        &'a self,
        name: &'a CredentialName,
        by: &'a Person,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<(), AgentError>>;
    /// Starts a run that restores an artifact on trial.
    fn verify_artifact<'a>(
        &'a self,
        artifact: ArtifactId,
        by: &'a Person,
    ) -> BoxFuture<'a, Result<StartedRun, AgentError>>;
    /// Starts a run that restores an artifact for good; it asks people first.
    fn restore_artifact<'a>(
        &'a self,
        artifact: ArtifactId,
        request: RestoreRequest,
        by: &'a Person,
    ) -> BoxFuture<'a, Result<StartedRun, AgentError>>;
    /// Fetches the source now; with `accept`, a held deletion of exactly this revision is carried out.
    fn sync<'a>(
        &'a self,
        by: &'a Person,
        accept: Option<&'a str>,
    ) -> BoxFuture<'a, Result<SyncView, AgentError>>;
    /// A signed request to `/hooks/<name>`; the signature is checked here.
    fn webhook<'a>(
        &'a self,
        name: &'a str,
        signature: Option<&'a str>,
        body: &'a [u8],
    ) -> BoxFuture<'a, Result<Vec<RunId>, AgentError>>;
    /// Alerts from Alertmanager (webhook payload version 4); the caller has checked the token.
    fn alerts<'a>(&'a self, payload: &'a Value) -> BoxFuture<'a, Result<Vec<RunId>, AgentError>>;
}
