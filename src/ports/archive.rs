//! Artifacts: files that steps leave behind.

use crate::{
    domain::{digest::Digest, span::Span},
    ports::BoxFuture,
};
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

/// A finished artifact file: complete, synced, named, never overwritten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Where it is.
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
    /// Of the file as stored.
    pub sha256: Digest,
    /// Bytes before compression.
    pub raw_size: u64,
    /// Members of an archive, pages of a database.
    pub entries: u64,
}

/// What a trial restore found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The file's digest now.
    pub sha256: Digest,
    /// Bytes now.
    pub size: u64,
    /// Members of the archive, or tables of the database.
    pub entries: u64,
    /// Rows of each table, for a database; bytes of each member's content in all, for an archive.
    pub content: std::collections::BTreeMap<String, u64>,
    /// How long the trial restore took.
    pub took: Span,
}

/// Why an artifact could not be made or read.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{doing}: {reason}")]
pub struct ArchiveError {
    /// What was being done, to which file.
    pub doing: String,
    /// What went wrong.
    pub reason: String,
}

/// Makes and checks artifacts. Nothing is held in memory whole; a half-written file never carries the final name.
pub trait Archive: Send + Sync + std::fmt::Debug {
    /// A zstd-compressed tar of files and folders, symbolic links kept as links.
    fn files<'a>(
        &'a self,
        name: &'a str,
        paths: &'a [PathBuf],
        exclude: &'a [String],
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<Stored, ArchiveError>>;
    /// A zstd-compressed copy of a live database by SQLite's online backup API.
    fn sqlite<'a>(
        &'a self,
        name: &'a str,
        database: &'a Path,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<Stored, ArchiveError>>;
    /// Restores a file made by `files` into a scratch folder, and reads every member.
    fn inspect_files<'a>(
        &'a self,
        path: &'a Path,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<Inspection, ArchiveError>>;
    /// Restores a file made by `sqlite` into a scratch folder, runs `PRAGMA integrity_check` and counts rows.
    fn inspect_sqlite<'a>(
        &'a self,
        path: &'a Path,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<Inspection, ArchiveError>>;
}
