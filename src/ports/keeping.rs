//! Files of the host that hold secrets for others.

use crate::{domain::secret::SecretValue, ports::BoxFuture};
use std::path::Path;

/// Who may use a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// As chmod takes it.
    pub mode: u32,
    /// A user's name or number; the agent's own where none is named.
    pub user: Option<String>,
    /// A group's name or number; the agent's own where none is named.
    pub group: Option<String>,
}

/// Writes and reads such files. Errors are for people, and hold no value.
pub trait Keeping: Send + Sync + std::fmt::Debug {
    /// What is in a file; nothing where it is not there.
    fn read<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, Result<Option<SecretValue>, String>>;
    /// Who may use a file, with owner and group by number; nothing where it is not there.
    fn access<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, Result<Option<Access>, String>>;
    /// Replaces the file at once: a reader sees the former or the new content, whole. Returns when it is on disk.
    fn write<'a>(
        &'a self,
        path: &'a Path,
        value: SecretValue,
        access: &'a Access,
    ) -> BoxFuture<'a, Result<(), String>>;
    /// Removes the file; where it is not there, that is well.
    fn remove<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, Result<(), String>>;
}
