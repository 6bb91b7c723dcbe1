//! The repository that the agent follows.

use crate::{
    domain::lineage::Lineage,
    ports::{BoxFuture, materials::RevisionFile},
};
use jiff::Timestamp;

/// One commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// 40 hexadecimal digits.
    pub id: String,
    /// `name <mail>`.
    pub author: String,
    /// The first line of its message.
    pub summary: String,
    /// When it was made, by its committer.
    pub at: Timestamp,
}

/// One YAML file of a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Relative to the followed path, `/` between folders.
    pub path: String,
    /// The id of its content in git; equal ids mean equal bytes.
    pub blob: String,
}

/// A file that is not taken, and why: a symbolic link, a submodule, too large, a hostile name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its path, control characters made visible.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// The files of a revision under the followed path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// Which.
    pub revision: Revision,
    /// `*.yaml` and `*.yml`, sorted by path.
    pub files: Vec<File>,
    /// What was not taken.
    pub refused: Vec<Refused>,
}

/// Why the source could not be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SourceError {
    /// It could not be reached or did not answer in time. Nothing is known of its content.
    #[error("fetching {url}: {reason}")]
    Unreachable {
        /// Without credentials.
        url: String,
        /// Why, with its causes.
        reason: String,
    },
    /// It was reached, but the branch, tag or path is not there.
    #[error("{url} has no {what}\nhint: {hint}")]
    Missing {
        /// Without credentials.
        url: String,
        /// The branch, tag or path.
        what: String,
        /// A way out.
        hint: String,
    },
    /// The tree or the local copy cannot be used.
    #[error("reading {url}: {reason}")]
    Unusable {
        /// Without credentials.
        url: String,
        /// Why.
        reason: String,
    },
}

/// A repository to follow. A blocking library stands behind it; the adapter keeps it off the async threads.
pub trait Source: Send + Sync + std::fmt::Debug {
    /// Fetches, and lists the tree of the newest revision. `None` where it is still `known`.
    fn fetch<'a>(
        &'a self,
        known: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Option<Tree>, SourceError>>;
    /// How this revision, which was listed, came from an earlier one. What cannot be known is said to be unknown.
    fn lineage<'a>(&'a self, since: &'a str, revision: &'a Revision) -> BoxFuture<'a, Lineage>;
    /// The bytes of blobs, in the order asked for. Only blobs of a listed tree are asked for.
    fn read<'a>(&'a self, blobs: &'a [String]) -> BoxFuture<'a, Result<Vec<Vec<u8>>, SourceError>>;
    /// Files of a revision, by their paths in the repository; of a folder, all that are in it. Sorted by path, each once.
    /// What is not there, is a link, is too large or too many, is an error.
    fn files<'a>(
        &'a self,
        revision: &'a str,
        paths: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<RevisionFile>, SourceError>>;
    /// What lies at these paths of a revision, from the repository's top on, in the order asked for: a text that stays the same as
    /// long as what is there does, or why that cannot be taken, for people.
    fn objects<'a>(
        &'a self,
        revision: &'a str,
        paths: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<Result<String, String>>, SourceError>>;
    /// The followed path in the repository; empty where that is all of it.
    fn folder(&self) -> &str;
    /// Where it comes from, without credentials, for people.
    fn describe(&self) -> String;
}
