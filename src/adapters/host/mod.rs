//! The host that the agent runs on, asked by system calls.

mod keeping;
pub(in crate::adapters) mod replace;

use crate::ports::host::{DiskUsage, Host};
use std::path::Path;

/// This machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalHost;

impl Host for LocalHost {
    /// statvfs(3). It may block for long on a dead network file system: call it off the async threads, under a deadline.
    fn disk(&self, path: &Path) -> Result<DiskUsage, String> {
        let found = rustix::fs::statvfs(path).map_err(|error| {
            format!(
                "asking how full {} is: {}",
                path.display(),
                std::io::Error::from(error)
            )
        })?;
        Ok(DiskUsage {
            total: found.f_blocks.saturating_mul(found.f_frsize),
            available: found.f_bavail.saturating_mul(found.f_frsize),
            inodes: found.f_files,
            inodes_available: found.f_favail,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::LocalHost;
    use crate::ports::host::Host as _;
    use std::path::Path;

    #[test]
    fn a_file_system_has_room_within_its_size() {
        let usage = LocalHost.disk(&std::env::temp_dir()).unwrap();
        assert!(usage.total > 0);
        assert!(usage.available <= usage.total);
        assert!(usage.inodes_available <= usage.inodes);
    }

    #[test]
    fn a_path_that_is_not_there_is_named() {
        let error = LocalHost.disk(Path::new("/not/there")).unwrap_err();
        assert!(error.contains("/not/there"), "{error}");
        assert!(error.contains("No such file"), "{error}");
    }
}
