//! What the commands of steps are made of: files that they read, programs that they start.

use crate::{
    domain::{digest::Digest, pinned::FoundProgram},
    ports::BoxFuture,
};
use std::path::Path;

/// The largest file that is looked into for the gate, in bytes.
pub const LARGEST_FILE: u64 = 1024 * 1024;
/// The most files of the repository that a step may be carried out with.
pub const MOST_FILES: usize = 256;

/// Looks at files and programs. Never changes anything.
pub trait Materials: Send + Sync + std::fmt::Debug {
    /// The bytes of a file of the host, if it is a regular one of at most [`LARGEST_FILE`] bytes that can be read.
    fn file(&self, path: &Path) -> Option<Vec<u8>>;
    /// The file that a program's name or absolute path leads to, as it would be started.
    fn program(&self, name: &str) -> Looked;
    /// The same, as far as it is known without reading a file.
    fn known_program(&self, _name: &str) -> Option<Looked> {
        None
    }
    /// Files of the repository at a revision; of a folder, all that are in it. Sorted by path, each once. What is not there, is
    /// a link, or is too large or too many is an error, for people.
    fn repository<'a>(
        &'a self,
        revision: &'a str,
        paths: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<RevisionFile>, String>>;
}

/// A file of the repository at a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionFile {
    /// In the repository, without `.` and `..`.
    pub path: String,
    /// What it holds.
    pub bytes: Vec<u8>,
    /// Whether it may be started.
    pub executable: bool,
}

impl RevisionFile {
    /// Of its bytes.
    pub fn sha256(&self) -> Digest {
        Digest::of_bytes(&self.bytes)
    }
}

/// What a look for a program gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Looked {
    /// It is there.
    Found(FoundProgram),
    /// It is not there.
    Missing,
    /// It was not looked at: this is not the agent's host, or nobody may read it.
    NotLooked,
}

/// Nothing is looked at.
#[derive(Debug, Clone, Copy)]
pub struct NoMaterials;

impl Materials for NoMaterials {
    fn file(&self, _: &Path) -> Option<Vec<u8>> {
        None
    }
    fn program(&self, _: &str) -> Looked {
        Looked::NotLooked
    }
    fn known_program(&self, _: &str) -> Option<Looked> {
        Some(Looked::NotLooked)
    }
    fn repository<'a>(
        &'a self,
        _: &'a str,
        _: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<RevisionFile>, String>> {
        Box::pin(async { Err("there is no repository here".to_owned()) })
    }
}
