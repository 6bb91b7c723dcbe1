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

mod apply;
mod audit;
mod backup;
mod columns;
mod error;
mod handle;
mod lock_file;
mod migrations;
mod open;
mod packed;
mod queries;
mod read;
mod rows;
mod upkeep;
mod write;
mod writer;

pub use audit::{
    AuditFilter, AuditHead, AuditVerdict, FileError, Form, InvalidHead, Retired, verify_file,
};
pub use backup::{BackupError, Inspected, Settled, integrity, online_backup, settle};
pub use error::{Failed, HistoryError, Refused, WriteError};
pub use handle::{Health, History, Opened, Options};
pub use lock_file::holder_of;
pub use migrations::{Migrated, SchemaState, SchemaStatus, SchemaStep, migrate_to, schema_status};
pub use rows::{
    ApprovalCase, ApprovalFilter, ApprovalRecord, ArtifactFilter, ArtifactRow, DEFAULT_LIMIT,
    EffectRow, LockRow, MAX_LIMIT, MonthRow, OutcomeFilter, RecordOf, RunFilter, RunRow, RunStatus,
    SkippedFilter, StepRow, StepStatus, SuspensionRow, TriggerRow,
};
pub use upkeep::{Pruned, Stats, TableStats};
pub use write::{
    ActiveChange, ActiveFile, ArtifactRecord, HeldRevision, Reservation, RunbookFacts, SyncRecord,
    Write, stored,
};

#[cfg(test)]
mod tests;
