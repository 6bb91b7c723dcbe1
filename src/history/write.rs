//! What can be written, and the records that are neither events nor audit entries.
//!
//! Times are kept to the millisecond, in UTC; [`stored`] says what comes back.

use crate::domain::{
    approval::{Request, Vote},
    audit::{Archive, Entry, Stamp},
    circuit::Circuit,
    digest::Digest,
    halt::Halt,
    id::{ApprovalId, ArtifactId, CallId, RotationId, RunId},
    jump::Jump,
    name::{CredentialName, LockName, ProviderName, RunbookName, StepName},
    occurrence::{Occurrence, Skipped},
    pace::Touched,
    rotation::{Credential, Event},
    run::{RunEvent, RunHeader, RunOutcome},
    runbook::Runbook,
    span::Span,
    spending::{Budget, Spending},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// One thing to be written. A `Vec<Write>` is one atomic batch, applied in order: what is named must come before its use
/// (`Definition`, then `Run`, then `Event`).
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "a batch holds a few, and runs and questions are among the commonest"
)]
pub enum Write {
    /// Claims an occurrence for a run; one that is claimed already refuses the whole batch.
    Occurrence(Occurrence, RunId),
    /// An occurrence, or a stretch of them, did not run.
    Skipped(Skipped),
    /// A runbook's definition; kept once per digest, as long as a run has it. It stands in the batch of each run that has it.
    Definition {
        /// Of the definition.
        digest: Digest,
        /// The definition.
        runbook: Arc<Runbook>,
    },
    /// A run exists; its status is `queued`.
    Run(RunHeader),
    /// Something happened in a run. The writer numbers it and keeps the rows of runs and steps in accord.
    Event {
        /// In which run.
        run: RunId,
        /// What.
        event: RunEvent,
        /// When.
        at: Timestamp,
    },
    /// A line of the audit log; the writer chains it.
    Audit(Entry),
    /// The log's beginning lies in this file, checked: its records go. Refused unless the file holds exactly the log's beginning.
    Archived(Archive),
    /// People are asked.
    Approval(Request),
    /// Somebody answers. Admitted by [`Request::admit`] inside the transaction, else the batch is refused.
    Vote {
        /// Which question.
        approval: ApprovalId,
        /// The answer.
        vote: Vote,
    },
    /// Uses a consent. Refused unless it stands approved at `at`, for this digest, and was not used before.
    Redeem {
        /// Which question.
        approval: ApprovalId,
        /// Of the step that is about to start.
        digest: Digest,
        /// Now.
        at: Timestamp,
    },
    /// The question is moot. One that was used or withdrawn already stays as it is.
    Withdraw {
        /// Which.
        approval: ApprovalId,
        /// Why.
        reason: String,
    },
    /// A person takes a question back. Refused where nothing can come of it any more.
    CancelApproval {
        /// Which.
        approval: ApprovalId,
        /// Who.
        by: String,
        /// Why.
        reason: String,
        /// Now.
        at: Timestamp,
    },
    /// A file that a step left behind.
    Artifact(ArtifactRecord),
    /// A trial restore succeeded.
    ArtifactVerified {
        /// Which artifact.
        id: ArtifactId,
        /// When.
        at: Timestamp,
        /// How long it took.
        took: Span,
        /// What was found: rows of each table, bytes, members.
        detail: Value,
    },
    /// A trial restore failed: the artifact is not to be relied on.
    ArtifactUnsound {
        /// Which artifact.
        id: ArtifactId,
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
    },
    /// A person says that an artifact is right although it was doubted.
    ArtifactAccepted {
        /// Which artifact.
        id: ArtifactId,
    },
    /// A credential that no runbook keeps any more goes, with its rotations; refused while one of them goes on.
    CredentialForgotten {
        /// Which.
        name: CredentialName,
    },
    /// The file was removed on purpose.
    ArtifactRemoved {
        /// Which artifact.
        id: ArtifactId,
        /// When.
        at: Timestamp,
    },
    /// A credential, as it is now.
    Credential(Box<Credential>),
    /// Something happened in a rotation; its credential is so since. Refused where another rotation of the credential goes on.
    Rotation(Box<RotationRecord>),
    /// A trigger's present text counts from then on; an earlier time under the same key is replaced.
    Trigger {
        /// The runbook.
        runbook: RunbookName,
        /// [`crate::domain::runbook::Trigger::key`].
        key: String,
        /// Since when.
        active_since: Timestamp,
    },
    /// A trigger's text is gone; should it come again, it counts anew.
    TriggerGone {
        /// The runbook.
        runbook: RunbookName,
        /// Its key.
        key: String,
    },
    /// A runbook's triggers are stopped; an earlier suspension is replaced.
    Suspend {
        /// The runbook.
        runbook: RunbookName,
        /// Until then, or until resumed.
        until: Option<Timestamp>,
        /// Who.
        by: String,
        /// Why.
        reason: String,
        /// When.
        at: Timestamp,
    },
    /// A suspension ends.
    Resume {
        /// The runbook.
        runbook: RunbookName,
    },
    /// Where a runbook's circuit stands.
    Circuit {
        /// The runbook.
        runbook: RunbookName,
        /// Its circuit.
        circuit: Circuit,
    },
    /// A run of this definition changed something and ended well.
    Proof {
        /// The digest of the definition.
        definition: Digest,
        /// The runbook.
        runbook: RunbookName,
        /// When.
        at: Timestamp,
    },
    /// These definitions need no proof.
    Trusted {
        /// The digest of each, and the runbook.
        definitions: Vec<(Digest, RunbookName)>,
        /// When.
        at: Timestamp,
    },
    /// All effects are halted; an earlier halt is replaced.
    Halt(Halt),
    /// Effects may be again.
    Unhalt,
    /// Refuses the batch while all effects are halted: it records the start of one.
    NotHalted,
    /// The clock on the wall jumped; an earlier jump is replaced.
    Jumped(Jump),
    /// A person has looked at the clock.
    ClockTrusted,
    /// The agent was alive then.
    Heartbeat {
        /// When.
        at: Timestamp,
        /// When by the clock that never jumps; none where that is not known.
        stamp: Option<Stamp>,
    },
    /// Where following the source stands; replaces the earlier one.
    Sync(SyncRecord),
    /// Changes of the set in use, so that a start without network begins with it.
    Active(Vec<ActiveChange>),
    /// A step with an effect starts, and touches this; counted for limits.
    Effect {
        /// When.
        at: Timestamp,
        /// Of which runbook.
        runbook: RunbookName,
        /// What.
        touched: Touched,
    },
    /// A step that was counted has touched nothing of this after all; one such count is given back.
    NoEffect {
        /// When it was counted.
        at: Timestamp,
        /// Of which runbook.
        runbook: RunbookName,
        /// What.
        touched: Touched,
    },
    /// A request with this key has started this run; a key that was used already refuses the batch.
    Idempotency {
        /// The caller's key.
        key: String,
        /// The run.
        run: RunId,
        /// When.
        at: Timestamp,
    },
    /// Takes a lock, or prolongs one's own. Refused while another run holds it.
    Lock {
        /// Which.
        name: LockName,
        /// For which run.
        owner: RunId,
        /// It is free again after this, whatever happens.
        until: Timestamp,
        /// Now.
        at: Timestamp,
    },
    /// Sets the worst that a call to an AI provider can cost aside, before it is made. Refused where it does not fit the budget.
    Reserve(Reservation),
    /// What a call did cost, in place of its worst. One that is never settled stays at its worst.
    Settle {
        /// Which call.
        call: CallId,
        /// When.
        at: Timestamp,
        /// What it cost.
        actual: Spending,
        /// How long it took.
        took: Span,
    },
    /// Gives a lock back; one that another run holds stays.
    Unlock {
        /// Which.
        name: LockName,
        /// By which run.
        owner: RunId,
    },
}

/// What the history gives back for a time: the same, cut to the millisecond.
#[must_use]
pub fn stored(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

/// A file that a step left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactRecord {
    /// Its id.
    pub id: ArtifactId,
    /// Left by which run.
    pub run: RunId,
    /// Of which runbook.
    pub runbook: RunbookName,
    /// By which step.
    pub step: StepName,
    /// `files`, `sqlite`, …
    pub kind: String,
    /// The series it belongs to: artifacts of one name are compared with each other.
    pub name: String,
    /// Where it is: a path, or `<store>:<key>`.
    pub path: String,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// The commit that its runbook was read from.
    pub revision: String,
    /// Bytes as stored.
    pub size: u64,
    /// Bytes before compression.
    pub raw_size: u64,
    /// Of the file as stored.
    pub sha256: Digest,
    /// Members of an archive, pages of a database.
    pub entries: u64,
    /// Why it is not to be relied on although it was made, until a person accepts it.
    pub doubt: Option<String>,
    /// When it was finished.
    pub at: Timestamp,
}

/// Something that happened in a rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotationRecord {
    /// Which rotation.
    pub rotation: RotationId,
    /// Of which credential, as it is since.
    pub credential: Credential,
    /// What.
    pub event: Event,
    /// When.
    pub at: Timestamp,
}

/// A call to an AI provider that is about to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// Its id.
    pub call: CallId,
    /// When.
    pub at: Timestamp,
    /// About a step of which runbook; none for a canary.
    pub runbook: Option<RunbookName>,
    /// Who is asked.
    pub provider: ProviderName,
    /// Which model.
    pub model: String,
    /// The most that it can cost.
    pub worst: Spending,
    /// What it must fit.
    pub budget: Budget,
}

/// Where following the source stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncRecord {
    /// Where it comes from, without credentials.
    pub source: String,
    /// The newest revision seen.
    pub attempted: Option<String>,
    /// The revision in use.
    pub applied: Option<String>,
    /// When a fetch was last tried.
    pub last_attempt: Option<Timestamp>,
    /// When a fetch last succeeded.
    pub last_success: Option<Timestamp>,
    /// Why the last one failed.
    pub error: Option<String>,
    /// The revision that was in use before, where the one in use does not descend from it.
    #[serde(default)]
    pub rewritten: Option<String>,
    /// Problems of the newest revision, one text each.
    pub problems: Vec<String>,
    /// A revision that waits for a person because it would delete so much, and what it would delete.
    pub held: Option<HeldRevision>,
    /// A held revision that a person has accepted.
    pub accepted: Option<String>,
}

/// A revision that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldRevision {
    /// Which.
    pub revision: String,
    /// What it would delete.
    pub runbooks: Vec<RunbookName>,
}

/// One file of the set in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveFile {
    /// Relative to the followed path.
    pub path: String,
    /// The id of its content in git.
    pub blob: String,
    /// The commit that it was read from.
    pub revision: String,
    /// The author of that commit.
    pub author: String,
    /// Its documents in the caller's own JSON form; the history does not look into it.
    pub documents: String,
}

/// A change of the set in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActiveChange {
    /// This file is in use now, in place of an earlier one of the same path.
    Put(ActiveFile),
    /// This path is no longer in use.
    Remove {
        /// Which.
        path: String,
    },
    /// Nothing is in use any more.
    Clear,
}

/// Facts about one runbook, kept by the writer beside each run that ends (dry runs do not count).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunbookFacts {
    /// Which.
    pub runbook: RunbookName,
    /// The run that ended last.
    pub last_run: RunId,
    /// How it ended.
    pub last_outcome: RunOutcome,
    /// When it ended.
    pub last_ended: Timestamp,
    /// From its start to its end; none if it never started.
    pub last_took: Option<Span>,
    /// When the last success ended.
    pub last_success: Option<Timestamp>,
    /// How many runs ended in each way; outcomes that never happened are left out.
    pub outcomes: BTreeMap<RunOutcome, u64>,
}
