//! What can go wrong between the agent and its history.

use crate::domain::{
    approval::{Refusal, Standing},
    audit::Broken,
    halt::Halt,
    id::{ApprovalId, RunId},
    name::LockName,
    occurrence::Occurrence,
    spending::Overrun,
};
use jiff::Timestamp;
use std::{path::PathBuf, sync::Arc};

/// The history could not be opened, read or looked after.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// Another process writes to it.
    #[error(
        "the history {} is in use by process {pid}\nhint: stop that agent first, or give this one a history of its own",
        path.display()
    )]
    InUse {
        /// The database.
        path: PathBuf,
        /// Who holds it, as far as the lock file says.
        pid: String,
    },
    /// The file is something else.
    #[error(
        "{} is not a history of orderly: {found}; it was not touched\nhint: name another file, or move this one away",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it seems to be.
        found: String,
    },
    /// A newer program has written it.
    #[error(
        "the history {} has schema {found}, but this orderly knows schemas up to {known}\n\
         hint: start the newer orderly again; or with it run `orderly db migrate --to {known}`; or put back the copy that was made before the migration ({}.schema-*.bak)",
        path.display(), path.display()
    )]
    NewerSchema {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: u32,
        /// The newest schema known here.
        known: u32,
    },
    /// It waits for a migration, which only a writer makes.
    #[error(
        "the history {} has schema {found}, and this orderly reads schema {known}\nhint: start the agent once, or run `orderly db migrate`",
        path.display()
    )]
    OlderSchema {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: u32,
        /// The schema wanted.
        known: u32,
    },
    /// There is no such schema to go to.
    #[error("there is no schema {wanted}: this orderly knows 0 to {known}")]
    UnknownSchema {
        /// The schema asked for.
        wanted: u32,
        /// The newest known.
        known: u32,
    },
    /// A migration failed; the database is as it was.
    #[error("migrating the history from schema {from} to {to} (nothing was changed)")]
    Migration {
        /// The schema before.
        from: u32,
        /// The schema wanted.
        to: u32,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// The file system said no.
    #[error("{doing} {}{}", path.display(), hint_line(hint))]
    File {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// A way out; may be empty.
        hint: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// SQLite said no.
    #[error("{doing}{}", hint_line(hint))]
    Database {
        /// What was being done, to which thing.
        doing: String,
        /// A way out; may be empty.
        hint: &'static str,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// A stored value is not what this program writes.
    #[error(
        "the history holds a {what} that cannot be read: {reason}\nhint: `orderly db check` looks for damage"
    )]
    Malformed {
        /// Which.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// The audit log does not follow from the end that was exported last.
    #[error(
        "the audit log was tampered with\nhint: `orderly audit verify` says more; keep a copy of the history as it is"
    )]
    AuditBroken(#[source] Broken),
    /// It was stopped by request.
    #[error("{0} was stopped")]
    Stopped(&'static str),
    /// The history has been closed.
    #[error("the history is closed")]
    Closed,
}

fn hint_line(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    format!("\nhint: {text}")
}

/// A batch was not written; nothing of it is kept.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WriteError {
    /// What it asks for may not be, as things stand. Asking again changes nothing.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It could not be written. Nothing more may be touched on its account.
    #[error(transparent)]
    Failed(#[from] Failed),
}

/// Why a batch may not be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The occurrence has its run already.
    #[error("{}'s occurrence of {} has started already, as run {by}", occurrence.runbook, occurrence.nominal)]
    OccurrenceTaken {
        /// Which.
        occurrence: Box<Occurrence>,
        /// The run that has it.
        by: RunId,
    },
    /// The vote does not count.
    #[error(transparent)]
    Vote(#[from] Refusal),
    /// The consent cannot be used.
    #[error("the approval cannot be used: it is {}", .0.as_str())]
    NotRedeemable(Standing),
    /// The consent was given for another step.
    #[error("approval {0} was given for another step")]
    OtherDigest(ApprovalId),
    /// The consent is for a later time.
    #[error("approval {0} is for {1}, and cannot be used before")]
    TooEarly(ApprovalId, Timestamp),
    /// The key has started a run already.
    #[error("this idempotency key has started run {by} already")]
    KeyTaken {
        /// That run.
        by: RunId,
    },
    /// Another run holds the lock.
    #[error("lock {name} is held by run {by} until {until}")]
    LockHeld {
        /// Which lock.
        name: LockName,
        /// The run that holds it.
        by: RunId,
        /// Until when.
        until: Timestamp,
    },
    /// A person has stopped all effects.
    #[error("all effects are {0}")]
    Halted(Halt),
    /// The budget for AI is used up.
    #[error(transparent)]
    OverBudget(#[from] Overrun),
    /// The batch speaks of something that is not there.
    #[error("the history knows no {what} {id}")]
    Unknown {
        /// `run`, `approval`, `artifact`, `definition`, `call`.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// The batch brings something that is there already.
    #[error("the history has {what} {id} already")]
    Duplicate {
        /// `run`, `approval`, `artifact`, `call`.
        what: &'static str,
        /// Its id.
        id: String,
    },
}

/// Why a batch could not be written, shared by all callers of one commit.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}{}", .0.reason, hint_line(.0.hint))]
pub struct Failed(pub(in crate::history) Arc<Failure>);

/// The parts of [`Failed`].
#[derive(Debug)]
pub(in crate::history) struct Failure {
    pub(in crate::history) reason: String,
    pub(in crate::history) hint: &'static str,
}

impl Failed {
    pub(in crate::history) fn new(reason: impl Into<String>, hint: &'static str) -> Self {
        Self(Arc::new(Failure {
            reason: reason.into(),
            hint,
        }))
    }
}
