//! A run: the events that are recorded of it, and the state they fold to.
//!
//! [`RunState::apply`] is total: any event in any state gives a state. What to do next is a pure function of the runbook and the
//! state ([`next`]), so going on after a crash is no special case.

mod next;
mod state;

pub use next::{MAX_INTERRUPTIONS, Next, next};
pub use state::{RunState, Standing, StepEnd, StepState};

use crate::domain::{
    check::CheckStatus,
    digest::Digest,
    effect::Class,
    gate::{Contribution, Decision},
    id::{ApprovalId, RunId},
    name::{RunbookName, StepName},
    occurrence::Occurrence,
    runbook::Phase,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What is fixed about a run from its first moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunHeader {
    /// Its id.
    pub id: RunId,
    /// The runbook.
    pub runbook: RunbookName,
    /// The commit that the runbook was read from.
    pub revision: String,
    /// The authors of the changes that led to it, as [`crate::domain::lineage::Authors`] writes them; empty where not known.
    #[serde(default)]
    pub author: String,
    /// The digest of its definition, which the history keeps.
    pub definition: Digest,
    /// What started it.
    pub cause: Cause,
    /// Its inputs, complete and checked.
    pub inputs: BTreeMap<String, Value>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether effects are only shown, not carried out.
    #[serde(default)]
    pub dry_run: bool,
    /// Who started it although a window is closed; its steps do not mind the window then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_override: Option<String>,
}

/// What started a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Cause {
    /// A schedule or an interval.
    Schedule {
        /// Which due time.
        occurrence: Occurrence,
    },
    /// The end of another run.
    After {
        /// Which run.
        run: RunId,
        /// Which due time.
        occurrence: Occurrence,
    },
    /// A signed request.
    Webhook {
        /// Its name.
        name: String,
    },
    /// An alert.
    Alert {
        /// Its name.
        name: String,
    },
    /// A person.
    Person {
        /// Their subject.
        subject: String,
    },
    /// A step of another run.
    Step {
        /// The run that the step belongs to.
        run: RunId,
        /// The step.
        step: StepName,
        /// Whether that step waits for this run's end: then what changes here happens under that run's locks.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        waits: bool,
    },
}

impl Cause {
    /// The word used in reports and metric labels.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Schedule { .. } => "schedule",
            Self::After { .. } => "after",
            Self::Webhook { .. } => "webhook",
            Self::Alert { .. } => "alert",
            Self::Person { .. } => "person",
            Self::Step { .. } => "step",
        }
    }
    /// The trigger as its runbook writes it, for people: `every 1h`, `agent started`. Where no trigger is behind it, the word for its kind.
    pub fn trigger(&self) -> &str {
        match self {
            Self::Schedule { occurrence } => &occurrence.trigger,
            Self::After { .. }
            | Self::Webhook { .. }
            | Self::Alert { .. }
            | Self::Person { .. }
            | Self::Step { .. } => self.as_str(),
        }
    }
    /// The due time it answers to, if any.
    pub fn occurrence(&self) -> Option<&Occurrence> {
        match self {
            Self::Schedule { occurrence } | Self::After { occurrence, .. } => Some(occurrence),
            Self::Webhook { .. } | Self::Alert { .. } | Self::Person { .. } | Self::Step { .. } => {
                None
            }
        }
    }
    /// Who is behind it, for the audit log.
    pub fn user(&self) -> &str {
        match self {
            Self::Person { subject } => subject,
            Self::Schedule { .. } | Self::After { .. } => "schedule",
            Self::Webhook { .. } | Self::Alert { .. } => "webhook",
            Self::Step { .. } => "system",
        }
    }
}

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// Every step did what it should.
    Succeeded,
    /// So did they, but a check warned.
    Warning,
    /// A step failed.
    Failed,
    /// The gate or a person said no.
    Denied,
    /// Somebody stopped it.
    Canceled,
    /// It took too long.
    TimedOut,
    /// The agent died in a step, and nobody can say whether it happened.
    Interrupted,
}

impl RunOutcome {
    /// All outcomes.
    pub const ALL: [Self; 7] = [
        Self::Succeeded,
        Self::Warning,
        Self::Failed,
        Self::Denied,
        Self::Canceled,
        Self::TimedOut,
        Self::Interrupted,
    ];
    /// The word used in reports and metric labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Denied => "denied",
            Self::Canceled => "canceled",
            Self::TimedOut => "timed_out",
            Self::Interrupted => "interrupted",
        }
    }
    /// Whether it did what it should.
    pub fn is_success(self) -> bool {
        matches!(self, Self::Succeeded | Self::Warning)
    }
}

/// How one attempt of a step ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum StepResult {
    /// It did what it should.
    Succeeded,
    /// It did not.
    Failed {
        /// Why, for people.
        error: String,
        /// Whether trying again could help.
        retryable: bool,
    },
    /// The attempt took too long.
    TimedOut,
    /// Somebody stopped it, or the run's deadline did.
    Canceled,
}

/// Whether an attempt has touched the world.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trace {
    /// It did, or nobody knows.
    #[default]
    Possible,
    /// It certainly did not: what it asked for was refused, or it never asked.
    None,
}

impl Trace {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
    fn is_possible(&self) -> bool {
        *self == Self::Possible
    }
}

/// What an attempt left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// How it ended.
    #[serde(flatten)]
    pub result: StepResult,
    /// What a check found; only for checks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<CheckStatus>,
    /// One line about it, for people; secrets masked.
    pub summary: String,
    /// Typed outputs; secrets masked.
    pub outputs: Value,
    /// Whether the world was touched; what was not touched does not count for the policy's limits.
    #[serde(default, skip_serializing_if = "Trace::is_possible")]
    pub trace: Trace,
}

impl StepReport {
    /// The same of an attempt that has touched nothing.
    #[must_use]
    pub fn untouched(self) -> Self {
        Self {
            trace: Trace::None,
            ..self
        }
    }
    /// It did what it should.
    pub fn succeeded(summary: impl Into<String>, outputs: Value) -> Self {
        Self {
            result: StepResult::Succeeded,
            check: None,
            summary: summary.into(),
            outputs,
            trace: Trace::Possible,
        }
    }
    /// It did not.
    pub fn failed(error: impl Into<String>, retryable: bool) -> Self {
        // One line: a way out follows what happened.
        let error = error
            .into()
            .replace("\nhint: ", "; hint: ")
            .replace('\n', " ");
        Self {
            summary: error.clone(),
            result: StepResult::Failed { error, retryable },
            check: None,
            outputs: Value::Null,
            trace: Trace::Possible,
        }
    }
    /// A check's answer: ok and warning succeed, unknown and critical fail.
    pub fn checked(status: CheckStatus, summary: impl Into<String>, outputs: Value) -> Self {
        let summary = summary.into();
        let result = match status {
            CheckStatus::Ok | CheckStatus::Warning => StepResult::Succeeded,
            CheckStatus::Unknown | CheckStatus::Critical => StepResult::Failed {
                error: summary.clone(),
                retryable: true,
            },
        };
        Self {
            result,
            check: Some(status),
            summary,
            outputs,
            trace: Trace::Possible,
        }
    }
    /// Stopped at its timeout.
    pub fn timed_out(summary: impl Into<String>) -> Self {
        Self {
            result: StepResult::TimedOut,
            check: None,
            summary: summary.into(),
            outputs: Value::Null,
            trace: Trace::Possible,
        }
    }
    /// Stopped by request.
    pub fn canceled(summary: impl Into<String>) -> Self {
        Self {
            result: StepResult::Canceled,
            check: None,
            summary: summary.into(),
            outputs: Value::Null,
            trace: Trace::Possible,
        }
    }
}

/// Which step of a run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StepKey {
    /// In which list.
    pub phase: Phase,
    /// Its name.
    pub step: StepName,
}

/// What is recorded of a run, in order. Each carries the time at which it was recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum RunEvent {
    /// It was taken up.
    Started,
    /// A step's `when` was false.
    StepSkipped {
        /// Which.
        #[serde(flatten)]
        key: StepKey,
        /// Why.
        reason: String,
    },
    /// The gate has decided about an attempt.
    StepGated {
        /// Which.
        #[serde(flatten)]
        key: StepKey,
        /// Counts from 1.
        attempt: u32,
        /// Of the planned step.
        digest: Digest,
        /// How grave it is.
        class: Class,
        /// What was decided.
        #[serde(flatten)]
        decision: Decision,
        /// By whom and why.
        contributions: Vec<Contribution>,
    },
    /// People are asked.
    ApprovalRequested {
        /// Which.
        #[serde(flatten)]
        key: StepKey,
        /// Counts from 1.
        attempt: u32,
        /// The question.
        approval: ApprovalId,
    },
    /// People consented, and the consent is still to be used.
    ApprovalGranted {
        /// The question.
        approval: ApprovalId,
    },
    /// The consent can no longer be used: expired, or the step is another one now. People are asked again.
    ApprovalLapsed {
        /// The question.
        approval: ApprovalId,
        /// Why.
        reason: String,
    },
    /// The gate or a person said no, or took the question back.
    StepDenied {
        /// Which.
        #[serde(flatten)]
        key: StepKey,
        /// Why.
        reason: String,
        /// Nobody said no: a person took the question back.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        cancelled: bool,
    },
    /// Committed before the world is touched.
    StepStarted {
        /// Which.
        #[serde(flatten)]
        key: StepKey,
        /// Counts from 1.
        attempt: u32,
        /// Of the planned step.
        digest: Digest,
        /// How grave it is.
        class: Class,
        /// Whether it may simply be done again after a crash.
        idempotent: bool,
    },
    /// The attempt has ended.
    StepEnded {
        /// Which.
        #[serde(flatten)]
        key: StepKey,
        /// Counts from 1.
        attempt: u32,
        /// How, and what it left.
        report: StepReport,
    },
    /// The step could not be planned: an expression failed, an argument was wrong.
    StepInvalid {
        /// Which.
        #[serde(flatten)]
        key: StepKey,
        /// Why.
        error: String,
    },
    /// The agent came back and found this attempt started and not ended.
    StepInterrupted {
        /// Which.
        #[serde(flatten)]
        key: StepKey,
        /// Counts from 1.
        attempt: u32,
    },
    /// The agent came back and found that a program of this attempt had outlived it; the program is ended.
    ProcessOutlived {
        /// Which.
        #[serde(flatten)]
        key: StepKey,
        /// Counts from 1.
        attempt: u32,
        /// The process group.
        process: i32,
        /// Its name.
        program: String,
    },
    /// Somebody wants it stopped.
    CancelRequested {
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// It took longer than its deadline.
    DeadlinePassed,
    /// It is over.
    Ended {
        /// How.
        outcome: RunOutcome,
        /// Why, for people; empty on success.
        reason: String,
    },
}

/// An event in its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// Counts from 1 in each run.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub event: RunEvent,
}
