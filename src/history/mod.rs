//! The only SQL: one writer, many readers.
//!
//! Invariants
//! - What `write` has acknowledged is on disk. A batch is written whole or not at all.
//! - One process writes a database (a lock file says which), through one thread; batches that wait together share one commit.
//! - A batch that may not be ([`Refused`]) leaves the others of its commit alone. A commit that fails fails all of them, and the
//!   writer goes on without trying again by itself.
//! - The rows of runs, steps and facts are kept in the transaction of the event that changes them.
//! - Times are whole milliseconds since 1970 in UTC, ids 16 bytes, digests 32 bytes.
//!
//! What it lacks on purpose: an object mapper, and SQL anywhere else.

mod error;
mod rows;
mod write;

pub use error::{Failed, HistoryError, Refused, WriteError};
pub use rows::{
    ApprovalCase, ApprovalFilter, ApprovalRecord, ArtifactFilter, ArtifactRow, AuditFilter,
    AuditHead, AuditVerdict, DEFAULT_LIMIT, EffectFilter, LockRow, MAX_LIMIT, OutcomeFilter,
    RunFilter, RunRow, RunStatus, SkippedFilter, StepRow, StepStatus, SuspensionRow, TriggerRow,
};
pub use write::{
    ActiveChange, ActiveFile, ArtifactRecord, HeldRevision, RunbookFacts, SyncRecord, Write, stored,
};

use crate::domain::{
    audit::Record,
    digest::Digest,
    id::{ApprovalId, ArtifactId, RunId},
    occurrence::{Occurrence, Skipped},
    run::Recorded,
    runbook::Runbook,
};
use jiff::Timestamp;
use std::path::PathBuf;

/// How a history is opened.
#[derive(Clone)]
pub struct Options {
    /// The database file; its folder must exist.
    pub path: PathBuf,
    /// The key of the audit log's chain.
    pub key: Vec<u8>,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// A handle to the history; cheap to clone.
#[derive(Debug, Clone)]
pub struct History {}

/// How the writer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Why the last commit failed, if it did.
    pub failing: Option<String>,
    /// Batches that wait for their commit.
    pub waiting: usize,
}

impl History {
    /// Opens a history for writing, makes it where there is none, and migrates it.
    pub fn open(_options: Options) -> Result<Self, HistoryError> {
        Err(HistoryError::Closed)
    }
    /// Opens a history that another process may be writing to; every write fails.
    pub fn open_read_only(_options: Options) -> Result<Self, HistoryError> {
        Err(HistoryError::Closed)
    }
    /// A history in a folder of its own that goes away with the last handle; for tests.
    pub fn temporary() -> Result<Self, HistoryError> {
        Err(HistoryError::Closed)
    }
    /// Writes a batch whole or not at all, and returns when it is on disk. Waits while too many batches wait already.
    ///
    /// Once called, the batch may be written even if the future is dropped.
    pub async fn write(&self, _batch: Vec<Write>) -> Result<(), WriteError> {
        Err(WriteError::Failed(Failed::new("closed", "")))
    }
    /// Writes what waits, exports the audit head, and closes. Later calls on other handles fail.
    pub async fn close(self) -> Result<(), HistoryError> {
        Ok(())
    }
    /// How the writer is.
    pub fn health(&self) -> Health {
        Health {
            failing: None,
            waiting: 0,
        }
    }
    /// Commits so far.
    pub fn commits(&self) -> u64 {
        0
    }
    /// The next `count` commits fail as if the disk were full; for tests.
    #[doc(hidden)]
    pub fn fail_next_commits(&self, _count: u32) {}

    /// A run.
    pub async fn run(&self, _id: RunId) -> Result<Option<RunRow>, HistoryError> {
        Err(HistoryError::Closed)
    }
    /// Runs, newest first.
    pub async fn runs(&self, _filter: RunFilter) -> Result<Vec<RunRow>, HistoryError> {
        Err(HistoryError::Closed)
    }
    /// Every run that has not ended, oldest first.
    pub async fn unfinished_runs(&self) -> Result<Vec<RunRow>, HistoryError> {
        Err(HistoryError::Closed)
    }
    /// All events of a run, in order.
    pub async fn events(&self, _run: RunId) -> Result<Vec<Recorded>, HistoryError> {
        Err(HistoryError::Closed)
    }
    /// The steps of a run, in the order they were first spoken of.
    pub async fn steps(&self, _run: RunId) -> Result<Vec<StepRow>, HistoryError> {
        Err(HistoryError::Closed)
    }
    /// A runbook's definition.
    pub async fn definition(&self, _digest: Digest) -> Result<Option<Runbook>, HistoryError> {
        Err(HistoryError::Closed)
    }
    /// Facts about every runbook that ever ended a run, by name.
    pub async fn last_outcomes(&self) -> Result<Vec<RunbookFacts>, HistoryError> {
        Err(HistoryError::Closed)
    }
    /// Questions to people, newest first.
    pub async fn approvals(
        &self,
        _filter: ApprovalFilter,
    ) -> Result<Vec<ApprovalCase>, HistoryError> {
        Err(HistoryError::Closed)
    }
    /// One question.
    pub async fn approval(&self, _id: ApprovalId) -> Result<Option<ApprovalCase>, HistoryError> {
        Err(HistoryError::Closed)
    }
    /// Lines of the audit log, newest first.
    pub async fn audit(&self, _filter: AuditFilter) -> Result<Vec<Record>, HistoryError> {
        Err(HistoryError::Closed)
    }
    /// Checks the whole audit log against its key and, where given, an exported head.
    pub async fn verify_audit(
        &self,
        _head: Option<AuditHead>,
    ) -> Result<AuditVerdict, HistoryError> {
        Err(HistoryError::Closed)
    }
    /// The end of the audit log.
    pub async fn audit_head(&self) -> Result<AuditHead, HistoryError> {
        Err(HistoryError::Closed)
    }
    /// Writes the end of the audit log to `audit.head` beside the database.
    pub async fn export_audit_head(&self) -> Result<AuditHead, HistoryError> {
        Err(HistoryError::Closed)
    }
    /// The exported end of the audit log, if there is one.
    pub fn exported_audit_head(&self) -> Result<Option<AuditHead>, HistoryError> {
        Err(HistoryError::Closed)
    }
    /// Artifacts, newest first.
    pub async fn artifacts(
        &self,
        _filter: ArtifactFilter,
    ) -> Result<Vec<ArtifactRow>, HistoryError> {
        Err(HistoryError::Closed)
    }
    /// One artifact.
    pub async fn artifact(&self, _id: ArtifactId) -> Result<Option<ArtifactRow>, HistoryError> {
        Err(HistoryError::Closed)
    }
    /// Occurrences that did not run, newest first.
    pub async fn skipped(&self, _filter: SkippedFilter) -> Result<Vec<Skipped>, HistoryError> {
        Err(HistoryError::Closed)
    }
    /// The run that an occurrence has, if any.
    pub async fn occurrence_of(
        &self,
        _occurrence: Occurrence,
    ) -> Result<Option<RunId>, HistoryError> {
        Err(HistoryError::Closed)
    }
    /// The run that a key has started, if any.
    pub async fn idempotency(&self, _key: String) -> Result<Option<RunId>, HistoryError> {
        Err(HistoryError::Closed)
    }
    /// Suspensions, by name; ended ones too, until resumed.
    pub async fn suspensions(&self) -> Result<Vec<SuspensionRow>, HistoryError> {
        Err(HistoryError::Closed)
    }
    /// Triggers that count, by runbook and key.
    pub async fn triggers(&self) -> Result<Vec<TriggerRow>, HistoryError> {
        Err(HistoryError::Closed)
    }
    /// Locks that are recorded, by name; expired ones too.
    pub async fn locks(&self) -> Result<Vec<LockRow>, HistoryError> {
        Err(HistoryError::Closed)
    }
    /// When the agent was last known to be alive.
    pub async fn last_heartbeat(&self) -> Result<Option<Timestamp>, HistoryError> {
        Err(HistoryError::Closed)
    }
    /// Where following the source stood.
    pub async fn last_sync(&self) -> Result<Option<SyncRecord>, HistoryError> {
        Err(HistoryError::Closed)
    }
    /// Files of the set in use after this path, by path; `limit` as in [`rows`](MAX_LIMIT).
    pub async fn active_files(
        &self,
        _after: Option<String>,
        _limit: usize,
    ) -> Result<Vec<ActiveFile>, HistoryError> {
        Err(HistoryError::Closed)
    }
    /// How many effects were counted at or after a time.
    pub async fn effects_since(
        &self,
        _at: Timestamp,
        _filter: EffectFilter,
    ) -> Result<u64, HistoryError> {
        Err(HistoryError::Closed)
    }
}
