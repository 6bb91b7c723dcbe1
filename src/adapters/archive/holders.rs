//! Who has a file open, as far as this agent may see.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path};

/// A program that has this file open: `name (process 12)`. Other users' programs are seen only by an agent that may look at them.
pub(super) fn holder(path: &Path) -> Option<String> {
    let wanted = fs::metadata(path).ok()?;
    let wanted = (wanted.dev(), wanted.ino());
    let own = std::process::id().to_string();
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let mut others = processes.filter(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name != own.as_str() && name.bytes().all(|byte| byte.is_ascii_digit())
    });
    let other = others.find(|entry| {
        let open = fs::read_dir(entry.path().join("fd")).into_iter().flatten();
        open.flatten().any(|link| {
            fs::metadata(link.path()).is_ok_and(|found| (found.dev(), found.ino()) == wanted)
        })
    })?;
    let name = fs::read_to_string(other.path().join("comm")).unwrap_or_default();
    Some(format!(
        "{} (process {})",
        name.trim(),
        other.file_name().display()
    ))
}
