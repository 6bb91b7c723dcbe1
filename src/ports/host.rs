//! The host that the agent runs on.

use std::path::Path;

/// How full a file system is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskUsage {
    /// Bytes in all.
    pub total: u64,
    /// Bytes an ordinary user may still write.
    pub available: u64,
    /// Inodes in all; 0 where the file system does not count them.
    pub inodes: u64,
    /// Inodes left.
    pub inodes_available: u64,
}

/// Looks at the host.
pub trait Host: Send + Sync + std::fmt::Debug {
    /// The file system that holds `path`; the error is for people.
    fn disk(&self, path: &Path) -> Result<DiskUsage, String>;
}
