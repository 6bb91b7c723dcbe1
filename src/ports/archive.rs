//! Artifacts: files that steps leave behind.

use crate::{
    domain::{
        digest::Digest,
        id::RunId,
        name::{ArtifactName, RunbookName},
        span::Span,
    },
    ports::BoxFuture,
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use tokio::io::AsyncWrite;
use tokio_util::sync::CancellationToken;

/// Whose artifact it is. Its folder and file name follow from this and from the time it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The first part of the file name.
    pub name: ArtifactName,
    /// The folder under the artifacts.
    pub runbook: RunbookName,
    /// The run that makes it.
    pub run: RunId,
}

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
    /// Members of an archive, pages of a database, 1 for a stream.
    pub entries: u64,
    /// What was left out on purpose, and why: sockets, devices, files that were removed meanwhile. Capped.
    pub skipped: Vec<String>,
    /// Files that changed while they were read, so that their copy may be of two moments. Capped.
    pub changed: Vec<String>,
}

/// What is known of an artifact before it is looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expected {
    /// The digest recorded when it was made.
    pub sha256: Option<Digest>,
    /// The bytes before compression recorded when it was made; much more than that is refused.
    pub raw_size: Option<u64>,
}

/// What a trial restore found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The file's digest now.
    pub sha256: Digest,
    /// Bytes now.
    pub size: u64,
    /// Members of the archive, tables of the database, 1 for a stream.
    pub entries: u64,
    /// Rows of each table, for a database; `files`, `folders`, `links` and `bytes` of content, for an archive; `bytes` and `lines`, for a
    /// stream.
    pub content: BTreeMap<String, u64>,
    /// How long the trial restore took.
    pub took: Span,
}

/// Why an artifact could not be made or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// It was asked to stop. Nothing is left behind.
    #[error("{0}: stopped")]
    Stopped(String),
    /// It did not work. Nothing is left behind.
    #[error("{doing}: {reason}")]
    Failed {
        /// What was being done, to which file.
        doing: String,
        /// What went wrong.
        reason: String,
    },
    /// More came than it may hold. Nothing is left behind.
    #[error(
        "{doing}: more than {most} bytes came, and it may hold no more\nhint: set `atMost` where this much is meant to be kept"
    )]
    TooLarge {
        /// What was being done.
        doing: String,
        /// How many bytes it may hold, before compression.
        most: u64,
    },
    /// Parts of the source could not be read, so the backup would not be whole.
    #[error("{count} of the files cannot be read: {}", .listed.join("; "))]
    Unreadable {
        /// How many.
        count: u64,
        /// The first of them, each with its reason.
        listed: Vec<String>,
    },
    /// The artifact is not what was recorded, or is damaged: trying again will not help.
    #[error("{path} is damaged: {reason}", path = .path.display())]
    Damaged {
        /// The artifact.
        path: PathBuf,
        /// How that shows.
        reason: String,
    },
}

/// What an artifact that is written as it comes is kept as.
#[derive(Debug, Clone, Copy)]
pub struct StreamOf<'a> {
    /// Whose it is.
    pub label: &'a Label,
    /// What stands in its file name before `.zst`: `dump`, `log`, `tar`.
    pub extension: &'a str,
    /// How many bytes it may hold, before compression.
    pub most: u64,
}

/// An artifact in the making that takes bytes as they come, as fast as they can be kept. How they are kept is the archive's business
/// alone: who writes sees neither compression nor the place.
///
/// Only [`Writing::finish`] makes an artifact of it. Without it nothing is left behind: dropping it removes what was written soon, and
/// [`Writing::discard`] waits for that.
pub trait Writing: AsyncWrite + Send + Unpin {
    /// Bytes taken so far, before compression.
    fn written(&self) -> u64;
    /// Why it takes no more, once a write has failed.
    fn fault(&self) -> Option<ArchiveError>;
    /// Makes an artifact of what was written: complete, on disk, under its name.
    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Stored, ArchiveError>>;
    /// Removes what was written.
    fn discard(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// Makes and checks artifacts. Nothing is held in memory whole; a half-written file never carries the final name.
pub trait Archive: Send + Sync + std::fmt::Debug {
    /// The absolute form of a path; a relative one is taken from the agent's state folder.
    fn absolute(&self, path: &Path) -> PathBuf;
    /// The folder that a runbook's artifacts are kept in.
    fn folder(&self, runbook: &RunbookName) -> PathBuf;
    /// A zstd-compressed tar of files and folders, symbolic links kept as links. `exclude` are patterns: `*` and `?` within a
    /// name, `**` across folders; one without `/` is for names at any depth, others are for whole paths.
    fn files<'a>(
        &'a self,
        label: &'a Label,
        paths: &'a [PathBuf],
        exclude: &'a [String],
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<Stored, ArchiveError>>;
    /// A zstd-compressed copy of a live database by SQLite's online backup API.
    fn sqlite<'a>(
        &'a self,
        label: &'a Label,
        database: &'a Path,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<Stored, ArchiveError>>;
    /// Begins an artifact that is written as it comes. It takes nothing more once `stop` fires.
    fn stream<'a>(
        &'a self,
        of: StreamOf<'a>,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<Box<dyn Writing>, ArchiveError>>;
    /// Restores a file made by `files` into a scratch folder, and reads every member.
    fn inspect_files<'a>(
        &'a self,
        path: &'a Path,
        expected: Expected,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<Inspection, ArchiveError>>;
    /// Restores a file made by `sqlite` into a scratch folder, runs `PRAGMA integrity_check` and counts rows.
    fn inspect_sqlite<'a>(
        &'a self,
        path: &'a Path,
        expected: Expected,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<Inspection, ArchiveError>>;
    /// Reads a file made by `stream` to its end, and counts what is in it.
    fn inspect_stream<'a>(
        &'a self,
        path: &'a Path,
        expected: Expected,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<Inspection, ArchiveError>>;
}
