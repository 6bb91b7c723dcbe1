//! What is known of artifacts that were made before.

use crate::{
    domain::{
        artifact::Location,
        digest::Digest,
        id::ArtifactId,
        name::{ArtifactName, RunbookName},
        span::Span,
    },
    ports::BoxFuture,
};
use jiff::Timestamp;

/// An artifact as the history knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its id.
    pub id: ArtifactId,
    /// Of which runbook.
    pub runbook: RunbookName,
    /// The series it belongs to.
    pub name: String,
    /// `files`, `postgres`, …
    pub kind: String,
    /// Where it is.
    pub location: Location,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// Bytes as stored.
    pub size: u64,
    /// Bytes before compression.
    pub raw_size: u64,
    /// Of the file as stored.
    pub sha256: Digest,
    /// Members, pages, objects.
    pub entries: u64,
    /// When it was finished.
    pub at: Timestamp,
    /// When a trial restore last succeeded, if none failed since.
    pub verified: Option<Timestamp>,
    /// How long that took.
    pub restored_in: Option<Span>,
    /// Why a trial restore failed, if that is newer than the last success.
    pub unsound: Option<String>,
    /// Why it is not to be relied on although it was made: it is much smaller than the one before.
    pub doubt: Option<String>,
}

/// Looks artifacts up. An error is for people.
pub trait Shelf: Send + Sync + std::fmt::Debug {
    /// All of a series that are there, newest first; at most the newest 10,000.
    fn series<'a>(
        &'a self,
        runbook: &'a RunbookName,
        name: &'a ArtifactName,
    ) -> BoxFuture<'a, Result<Vec<Known>, String>>;
    /// The one with this id, if it was not removed.
    fn one(&self, id: ArtifactId) -> BoxFuture<'_, Result<Option<Known>, String>>;
    /// The one at this place.
    fn at<'a>(&'a self, location: &'a Location) -> BoxFuture<'a, Result<Option<Known>, String>>;
}

/// Where nothing is known.
#[derive(Debug, Clone, Copy)]
pub struct NoShelf;

impl Shelf for NoShelf {
    fn series<'a>(
        &'a self,
        _: &'a RunbookName,
        _: &'a ArtifactName,
    ) -> BoxFuture<'a, Result<Vec<Known>, String>> {
        Box::pin(async { Ok(Vec::new()) })
    }
    fn one(&self, _: ArtifactId) -> BoxFuture<'_, Result<Option<Known>, String>> {
        Box::pin(async { Ok(None) })
    }
    fn at<'a>(&'a self, _: &'a Location) -> BoxFuture<'a, Result<Option<Known>, String>> {
        Box::pin(async { Ok(None) })
    }
}
