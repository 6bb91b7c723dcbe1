//! Artifacts: files that steps leave behind.

use crate::{
    domain::{
        artifact::Location,
        digest::Digest,
        id::RunId,
        name::{ArtifactName, RunbookName, StoreName},
        span::Span,
    },
    ports::BoxFuture,
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

/// Whose artifact it is, where it goes and for whom. Its folder and file name follow from this and from the time it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The first part of the file name.
    pub name: ArtifactName,
    /// The folder under the artifacts.
    pub runbook: RunbookName,
    /// The commit that its runbook was read from; its beginning stands in the file name.
    pub revision: String,
    /// The run that makes it.
    pub run: RunId,
    /// Where it goes; where the configuration says, if none is named.
    pub store: Option<StoreName>,
    /// Whether only some may read it.
    pub encrypt: Encrypt,
}

/// Whether an artifact is encrypted to the recipients that the configuration names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encrypt {
    /// Where there are recipients.
    #[default]
    AsConfigured,
    /// It may hold secrets: where there is no recipient, it is not made.
    Always,
    /// The one before it is encrypted: where there is no recipient any more, it is not made.
    AsBefore,
    /// In the clear.
    Never,
}

/// A finished artifact: complete, synced, named, never overwritten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Where it is.
    pub location: Location,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// Bytes as stored.
    pub size: u64,
    /// Of the file as stored.
    pub sha256: Digest,
    /// Bytes before compression.
    pub raw_size: u64,
    /// Members of an archive, pages of a database, 1 for a stream.
    pub entries: u64,
    /// Bytes that an archive's files and links hold: folders and empty files hold none.
    pub content: u64,
    /// What was left out on purpose, and why: sockets, devices, files that were removed meanwhile. Capped.
    pub skipped: Vec<String>,
    /// Files that changed while they were read, so that their copy may be of two moments. Capped.
    pub changed: Vec<String>,
}

/// An artifact that got its name, and that the history may not know yet: an agent that was killed, or a step that ran out of time, may have
/// left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fresh {
    /// Where it is, if it is still there.
    pub location: Location,
    /// The run that made it.
    pub run: RunId,
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

/// How an artifact shows damage that is not there any more; an older history has it in the same words.
pub const GONE: &str = "it is not there";

/// Why an artifact could not be made or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// It was asked to stop. Nothing is left behind.
    #[error("{0}: stopped")]
    Stopped(String),
    /// It cannot work as the agent is configured: trying again will not help. Nothing is left behind.
    #[error("{doing}: {reason}")]
    Unfit {
        /// What was being done.
        doing: String,
        /// What is missing, with a hint.
        reason: String,
    },
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
    #[error("{location} is damaged: {reason}")]
    Damaged {
        /// The artifact.
        location: Location,
        /// How that shows.
        reason: String,
    },
}

impl ArchiveError {
    /// Whether the artifact is at fault because it is not there.
    pub fn is_loss(&self) -> bool {
        matches!(self, Self::Damaged { reason, .. } if reason == GONE)
    }
}

/// What an artifact that is written as it comes is kept as.
#[derive(Debug, Clone, Copy)]
pub struct StreamOf<'a> {
    /// Whose it is.
    pub label: &'a Label,
    /// What it is, for people: `the dump of database shop`.
    pub what: &'a str,
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

/// What an artifact is a copy of, as far as its own bytes tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A tar of files and folders, as the agent writes it.
    Files,
    /// A tar as another program writes it: its paths may begin with `./`, and it may hold links between files, pipes and devices, which are
    /// counted and not made.
    Tar,
    /// A SQLite database.
    Sqlite,
    /// Bytes.
    Stream,
}

/// An artifact's content in the agent's scratch space: decrypted, decompressed, found to be what was recorded. It goes when this goes.
pub trait Unpacked: Send + Sync + std::fmt::Debug {
    /// The file or folder.
    fn path(&self) -> &Path;
    /// What was found on the way.
    fn inspection(&self) -> &Inspection;
    /// The bytes of a file. An error is for people.
    fn open(&self) -> BoxFuture<'_, Result<Box<dyn AsyncRead + Send + Unpin>, String>>;
}

/// Where a restore puts what it restores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The folder of an archive's members, the database file, the file of a stream. Absolute.
    pub to: PathBuf,
    /// Of an archive, only what lies there, and that becomes `to` itself; everything below its full path where nothing is named.
    pub only: Option<PathBuf>,
    /// What becomes of what is there.
    pub over: Over,
}

/// What becomes of what is where something is restored to. An empty folder is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// It is refused, and may be replaced where somebody says so.
    Refused,
    /// It is replaced, and kept beside.
    Replaced,
    /// It is refused, and never replaced.
    Never,
}

/// What is where a restore would put something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing, or an empty folder.
    Nothing,
    /// Something, which would be kept beside.
    Something,
}

/// What a restore has put in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// What was found on the way.
    pub inspection: Inspection,
    /// Where what was there before is now.
    pub former: Option<PathBuf>,
    /// What is not as it was: owners that the agent may not give. Capped.
    pub unlike: Vec<String>,
}

/// Whether an artifact is fetched as it is stored, or as its content.
#[derive(Debug, Clone)]
pub enum Decode {
    /// As it is stored.
    No,
    /// Decrypted with the configured identity, and decompressed.
    Configured,
    /// Decrypted with the identity in this text, and decompressed.
    With(crate::domain::secret::SecretValue),
}

/// Copies artifacts out, beside an agent that may be running: nothing of its own is touched.
pub trait Fetch: Send + Sync + std::fmt::Debug {
    /// Writes an artifact there; its size as stored. What has come is not to be relied on unless this succeeds.
    fn fetch<'a>(
        &'a self,
        location: &'a Location,
        expected: Expected,
        decode: Decode,
        to: Box<dyn std::io::Write + Send>,
    ) -> BoxFuture<'a, Result<u64, ArchiveError>>;
}

/// A folder of the agent's scratch space, for programs that can only write files. It goes when this goes.
pub trait Scratch: Send + Sync + std::fmt::Debug {
    /// The folder; only the agent may enter it.
    fn path(&self) -> &Path;
    /// The bytes of the only file that lies directly in it. An error is for people.
    fn only_file(&self) -> BoxFuture<'_, Result<Box<dyn AsyncRead + Send + Unpin>, String>>;
}

/// Makes, reads and removes artifacts. Nothing is held in memory whole; a half-written artifact never carries the final name.
pub trait Archive: Send + Sync + std::fmt::Debug {
    /// The absolute form of a path; a relative one is taken from the agent's state folder.
    fn absolute(&self, path: &Path) -> PathBuf;
    /// Why nothing can be kept there in this way, if that is known beforehand: no such store, nobody to encrypt for.
    fn unfit(&self, store: Option<&StoreName>, encrypt: Encrypt) -> Option<String>;
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
    /// Restores an artifact into a scratch folder and reads all of it: every member of a tar; `PRAGMA integrity_check` and the rows of a
    /// database; the bytes of a stream.
    fn inspect<'a>(
        &'a self,
        form: Form,
        location: &'a Location,
        expected: Expected,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<Inspection, ArchiveError>>;
    /// The same, and the content stays for others to use: a folder of a tar's members, a file of a database or of a stream's bytes.
    fn unpack<'a>(
        &'a self,
        form: Form,
        location: &'a Location,
        expected: Expected,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<Box<dyn Unpacked>, ArchiveError>>;
    /// Looks at where a restore for good would put something of this form, as [`Self::restore`] does: what it would find there, or why it
    /// would restore nothing.
    fn look<'a>(
        &'a self,
        form: Form,
        destination: &'a Destination,
    ) -> BoxFuture<'a, Result<Standing, ArchiveError>>;
    /// Restores an artifact for good. Its digest is compared before anything is written, all of it is written and looked into beside its
    /// destination, and then takes its place at once: a crash leaves the former or the restored, never half of one. What is there is
    /// refused unless it is to be overwritten, an empty folder excepted; a database that a program holds is refused.
    fn restore<'a>(
        &'a self,
        form: Form,
        location: &'a Location,
        expected: Expected,
        destination: &'a Destination,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<Placed, ArchiveError>>;
    /// Bytes of an artifact as stored, none where nothing is there. It is not read.
    fn size<'a>(
        &'a self,
        location: &'a Location,
    ) -> BoxFuture<'a, Result<Option<u64>, ArchiveError>>;
    /// Removes an artifact; whether it was there. What is not below the agent's folder of artifacts or in a store is refused.
    fn remove<'a>(&'a self, location: &'a Location) -> BoxFuture<'a, Result<bool, ArchiveError>>;
    /// Ends uploads that a dead agent left half-done; what came of each, for people.
    fn tidy(&self) -> BoxFuture<'_, Vec<String>>;
    /// The artifacts whose record nobody has confirmed by [`Self::settle`]. An error is for people.
    fn fresh(&self) -> BoxFuture<'_, Result<Vec<Fresh>, String>>;
    /// Takes note that the history knows this one, or that it is removed.
    fn settle<'a>(&'a self, fresh: &'a Fresh) -> BoxFuture<'a, ()>;
    /// An empty folder of the scratch space.
    fn scratch(&self) -> BoxFuture<'_, Result<Box<dyn Scratch>, ArchiveError>>;
}
