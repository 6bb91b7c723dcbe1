//! What reads give back: rows ready for JSON, and the filters that choose them.
//!
//! Every list has a limit: 0 means [`DEFAULT_LIMIT`], and more than [`MAX_LIMIT`] is cut to that. Lists come newest first unless
//! said otherwise.

use crate::{
    domain::{
        approval::{Redeemed, Request, Standing, Vote},
        artifact::ArtifactState,
        check::CheckStatus,
        digest::Digest,
        effect::Class,
        id::{ApprovalId, ArtifactId, RotationId, RunId},
        lock::LockWait,
        name::{CredentialName, LockName, RunbookName, StepName},
        occurrence::NotRun,
        pace::Touched,
        rotation::Recorded,
        run::{RunHeader, RunOutcome},
        runbook::Phase,
        span::Span,
        spending::{Month, Spending},
    },
    history::write::ArtifactRecord,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How many rows a list has where the filter names no limit.
pub const DEFAULT_LIMIT: usize = 50;
/// How many rows a list has at most.
pub const MAX_LIMIT: usize = 1000;

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Recorded, not taken up.
    Queued,
    /// Under way.
    Running,
    /// For people.
    Waiting,
    /// Over.
    Ended,
}

impl RunStatus {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Queued, Self::Running, Self::Waiting, Self::Ended];

    /// The word used in reports and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Ended => "ended",
        }
    }
}

/// A run and where it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRow {
    /// What is fixed about it.
    #[serde(flatten)]
    pub header: RunHeader,
    /// Where it is.
    pub status: RunStatus,
    /// How it ended.
    pub outcome: Option<RunOutcome>,
    /// Why, for people; empty on success.
    pub reason: String,
    /// When it was taken up.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The question that it waits for.
    pub waiting_for: Option<ApprovalId>,
    /// The worst check so far.
    pub worst_check: Option<CheckStatus>,
    /// Who wants it stopped.
    pub cancel_requested_by: Option<String>,
    /// How many events it has.
    pub events: u64,
    /// The lock that it waits for. The history does not know: whoever asks the running agent is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for_lock: Option<LockWait>,
}

/// Where a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// Its `when` was false.
    Skipped,
    /// The gate has decided; it has not started.
    Gated,
    /// For people.
    Waiting,
    /// An attempt is under way.
    Running,
    /// Its last attempt did what it should.
    Succeeded,
    /// Its last attempt failed.
    Failed,
    /// Its last attempt took too long.
    TimedOut,
    /// It was stopped.
    Canceled,
    /// The gate or a person said no.
    Denied,
    /// It could not be planned.
    Invalid,
    /// The agent died in it, and nobody can say whether it happened.
    Interrupted,
}

impl StepStatus {
    /// The word used in reports and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Gated => "gated",
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Canceled => "canceled",
            Self::Denied => "denied",
            Self::Invalid => "invalid",
            Self::Interrupted => "interrupted",
        }
    }
}

/// A step of a run and where it is; one row for all its attempts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRow {
    /// Main, rollback or finally.
    pub phase: Phase,
    /// Its name.
    pub step: StepName,
    /// Where it is.
    pub status: StepStatus,
    /// The latest attempt, counted from 1; 0 if there was none.
    pub attempt: u32,
    /// What the gate decided last: `allow`, `approve`, `deny`.
    pub decision: Option<String>,
    /// How grave it is.
    pub class: Option<Class>,
    /// Of the planned step.
    pub digest: Option<Digest>,
    /// The question that was asked last.
    pub approval: Option<ApprovalId>,
    /// When the first attempt started.
    pub started_at: Option<Timestamp>,
    /// When the last attempt ended, or it was denied, skipped, found invalid or interrupted.
    pub ended_at: Option<Timestamp>,
    /// What its check found.
    pub check: Option<CheckStatus>,
    /// One line about it.
    pub summary: String,
    /// Why it failed, was denied or is invalid.
    pub error: String,
    /// Its outputs.
    pub outputs: Value,
}

/// Which runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Of this runbook.
    pub runbook: Option<RunbookName>,
    /// That ended so.
    pub outcome: Option<OutcomeFilter>,
    /// That are there.
    pub status: Option<RunStatus>,
    /// Made at or after.
    pub since: Option<Timestamp>,
    /// Older than this run: the last one of the page before.
    pub before: Option<RunId>,
    /// At most so many.
    pub limit: usize,
}

/// Which ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutcomeFilter {
    /// This one.
    Is(RunOutcome),
    /// Every one but `succeeded` and `warning`.
    Failures,
}

/// What the history itself records about a question; the rest follows from votes and time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "recorded", rename_all = "snake_case")]
pub enum ApprovalRecord {
    /// It was neither used nor withdrawn.
    Open,
    /// It was used.
    Redeemed {
        /// When.
        at: Timestamp,
    },
    /// It is moot.
    Withdrawn {
        /// Why.
        reason: String,
    },
    /// A person took it back.
    Cancelled {
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
}

impl ApprovalRecord {
    /// Why it was taken back; empty where it was not, or nobody said why.
    pub fn reason(&self) -> &str {
        match self {
            Self::Withdrawn { reason } | Self::Cancelled { reason, .. } => reason,
            Self::Open | Self::Redeemed { .. } => "",
        }
    }
}

/// A question, its answers, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalCase {
    /// The question.
    pub request: Request,
    /// The answers, in the order they were given.
    pub votes: Vec<Vote>,
    /// What is recorded.
    #[serde(flatten)]
    pub recorded: ApprovalRecord,
}

impl ApprovalCase {
    /// Where it stands.
    pub fn standing(&self, now: Timestamp) -> Standing {
        match &self.recorded {
            ApprovalRecord::Open => self.request.standing(&self.votes, now),
            ApprovalRecord::Redeemed { .. } => Standing::Redeemed,
            ApprovalRecord::Withdrawn { .. } => Standing::Withdrawn,
            ApprovalRecord::Cancelled { by, .. } => Standing::Cancelled { by: by.clone() },
        }
    }
    /// The consent as the gate wants to see it. It is worth something only together with a committed
    /// [`crate::history::Write::Redeem`].
    pub fn consent(&self) -> Redeemed {
        Redeemed {
            id: self.request.id,
            digest: self.request.digest,
            quorum: self.request.quorum.clone(),
        }
    }
}

/// Which questions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApprovalFilter {
    /// Only those neither used, withdrawn nor denied, that could still be answered or used at this time.
    pub open_at: Option<Timestamp>,
    /// Of this run.
    pub run: Option<RunId>,
    /// Older than this one.
    pub before: Option<ApprovalId>,
    /// At most so many.
    pub limit: usize,
}

/// What was spent on AI in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthRow {
    /// Which.
    pub month: Month,
    /// How many calls were made.
    pub calls: u64,
    /// What they cost; those that are under way, or were never settled, at their worst.
    pub spent: Spending,
    /// How long answers were waited for.
    pub took: Span,
}

/// An artifact and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactRow {
    /// As it was made.
    #[serde(flatten)]
    pub record: ArtifactRecord,
    /// The last trial restore that succeeded.
    pub verified_at: Option<Timestamp>,
    /// How long it took, in milliseconds.
    pub verified_took_ms: Option<u64>,
    /// What it found.
    pub verified_detail: Option<Value>,
    /// When a trial restore last failed, if that is newer than the last success.
    pub unsound_at: Option<Timestamp>,
    /// Why.
    pub unsound_reason: Option<String>,
    /// When the file was removed on purpose.
    pub removed_at: Option<Timestamp>,
    /// How long the step that made it took, in milliseconds; unknown once its run is forgotten.
    #[serde(default)]
    pub made_took_ms: Option<u64>,
}

impl ArtifactRow {
    /// How far it can be relied on: what is worst counts.
    pub fn state(&self) -> ArtifactState {
        if self.removed_at.is_some() {
            ArtifactState::Removed
        } else if self.unsound_at.is_some() {
            ArtifactState::Unsound
        } else if self.record.doubt.is_some() {
            ArtifactState::Doubted
        } else if self.verified_at.is_some() {
            ArtifactState::Verified
        } else {
            ArtifactState::Sound
        }
    }
}

/// Which credentials.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CredentialFilter {
    /// Of this runbook.
    pub runbook: Option<RunbookName>,
    /// Behind this one, by name.
    pub after: Option<CredentialName>,
    /// At most so many.
    pub limit: usize,
}

/// A rotation and what happened in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotationRow {
    /// Its id.
    pub id: RotationId,
    /// When it began.
    pub began_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// In order.
    pub events: Vec<Recorded>,
}

/// Which artifacts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArtifactFilter {
    /// Of this runbook.
    pub runbook: Option<RunbookName>,
    /// Of this run.
    pub run: Option<RunId>,
    /// Of this kind.
    pub kind: Option<String>,
    /// Of this series.
    pub name: Option<String>,
    /// That is kept there.
    pub path: Option<String>,
    /// Also those that were removed.
    pub removed: bool,
    /// Only those that a trial restore has found good, be they doubted.
    pub verified: bool,
    /// Only those that can be relied on so far.
    pub state: Option<ArtifactState>,
    /// Older than this one.
    pub before: Option<ArtifactId>,
    /// At most so many.
    pub limit: usize,
}

/// Which occurrences that did not run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SkippedFilter {
    /// Of this runbook.
    pub runbook: Option<RunbookName>,
    /// For this reason.
    pub reason: Option<NotRun>,
    /// Decided at or after.
    pub since: Option<Timestamp>,
    /// At most so many.
    pub limit: usize,
}

/// A suspension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuspensionRow {
    /// The runbook.
    pub runbook: RunbookName,
    /// Until then, or until resumed.
    pub until: Option<Timestamp>,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// What is known of a definition of a runbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordOf {
    /// Runs that changed something and ended well.
    pub runs: u32,
    /// It needs none.
    pub is_trusted: bool,
    /// Other definitions of the runbook are known.
    pub has_others: bool,
}

/// A trigger that counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerRow {
    /// The runbook.
    pub runbook: RunbookName,
    /// Its key.
    pub key: String,
    /// Since when its present text counts.
    pub active_since: Timestamp,
    /// The latest nominal time that was claimed or recorded as not run; nothing up to it may ever start again.
    pub last_nominal: Option<Timestamp>,
}

/// A lock that is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockRow {
    /// Which.
    pub name: LockName,
    /// By which run.
    pub owner: RunId,
    /// Since when.
    pub since: Timestamp,
    /// It is free again after this.
    pub until: Timestamp,
}

/// What a step has touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectRow {
    /// When it started.
    pub at: Timestamp,
    /// Of which runbook.
    pub runbook: RunbookName,
    /// What.
    pub touched: Touched,
}
