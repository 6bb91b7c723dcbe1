//! A file is replaced at once, and is on disk when that returns.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

/// Who a file belongs to, by number; the agent's own where none is given.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::adapters) struct Owner {
    pub(in crate::adapters) user: Option<u32>,
    pub(in crate::adapters) group: Option<u32>,
}

/// Refuses what is no file of its own: what is written to a link would replace the link.
pub(super) fn is_plain(found: &fs::Metadata) -> io::Result<()> {
    if found.is_symlink() {
        return Err(io::Error::other(
            "it is a symbolic link\nhint: name the file that it leads to",
        ));
    }
    if !found.is_file() {
        return Err(io::Error::other("it is there and no regular file"));
    }
    Ok(())
}

/// Puts this content in the place of what is there. A reader sees the former or the new content, whole; nobody but the owner ever sees
/// the new one with a wider mode than is meant.
pub(in crate::adapters) fn replace(
    path: &Path,
    bytes: &[u8],
    mode: u32,
    owner: Owner,
) -> io::Result<()> {
    if let Ok(found) = fs::symlink_metadata(path) {
        is_plain(&found)?;
    }
    let beside = beside(path)?;
    // One that a kill has left behind.
    remove(&beside)?;
    let written = lay(&beside, bytes, mode, owner).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // What is told is why it could not be written.
        let _left = fs::remove_file(&beside);
    }
    written?;
    sync_folder(path)
}

fn lay(path: &Path, bytes: &[u8], mode: u32, owner: Owner) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    if owner.user.is_some() || owner.group.is_some() {
        chown(path, owner.user, owner.group).map_err(|error| {
            let words = format!("it cannot be given its owner and group: {error}");
            io::Error::new(error.kind(), words)
        })?;
    }
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.sync_all()
}

/// Removes a file; where it is not there, that is well.
pub(in crate::adapters) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Ok(()) => sync_folder(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::other("it names no file"))?;
    Ok(path.with_file_name(format!(".{}.orderly-new", name.to_string_lossy())))
}

/// A name is on disk once its folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
