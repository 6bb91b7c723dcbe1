//! A fresh folder for each program that names none.

use crate::{
    adapters::process::{not_started, user::User},
    ports::processes::{ProcessError, Program},
};
use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, chown},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// The folder of folders.
#[derive(Debug)]
pub(super) struct Scratch {
    root: PathBuf,
    next: AtomicU64,
}

/// One program's folder. It is removed with [`Folder::remove`]; what a dropped future leaves is removed at the next start.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    made: bool,
}

impl Scratch {
    /// Empties the folder, or makes it. Others may pass through it, not look into it.
    pub(super) fn open(root: PathBuf) -> io::Result<Self> {
        match fs::remove_dir_all(&root) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o711)
            .create(&root)?;
        let next = AtomicU64::new(0);
        Ok(Self { root, next })
    }

    /// A folder that belongs to the program's user.
    pub(super) fn folder_for(
        &self,
        program: &Program,
        user: Option<&User>,
    ) -> Result<Folder, ProcessError> {
        if program.directory.is_some() {
            let path = PathBuf::new();
            return Ok(Folder { path, made: false });
        }
        let path = self
            .root
            .join(self.next.fetch_add(1, Ordering::Relaxed).to_string());
        let own = || {
            fs::DirBuilder::new().mode(0o700).create(&path)?;
            match user {
                Some(user) => chown(&path, Some(user.uid), Some(user.gid)),
                None => Ok(()),
            }
        };
        own().map_err(|error| {
            let reason = format!("its folder {} cannot be made: {error}", path.display());
            not_started(program, reason)
        })?;
        Ok(Folder { path, made: true })
    }
}

impl Folder {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it with all that is in it. Most programs leave nothing, which is quick.
    pub(super) async fn remove(self) {
        if self.made && fs::remove_dir(&self.path).is_err() {
            let removing = tokio::task::spawn_blocking(move || fs::remove_dir_all(&self.path));
            // What resists is removed at the next start.
            let _left = removing.await;
        }
    }
}
