//! Where an attempt's file is.

use crate::domain::{id::RunId, run::StepKey};
use jiff::{Timestamp, civil::Date};
use rustix::fs::OFlags;
use std::{
    fs::{DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// One attempt's file, whether it exists or not.
#[derive(Debug)]
pub(super) struct Place {
    folder: PathBuf,
    file: PathBuf,
}

impl Place {
    pub(super) fn new(root: &Path, run: RunId, key: &StepKey, attempt: u32) -> Self {
        let folder = root.join(day(run.made_at())).join(run.to_string());
        let file = folder.join(format!("{}-{}-{attempt}.log", key.phase.as_str(), key.step));
        Self { folder, file }
    }

    /// Opens it at its end; it is made where it is not there.
    pub(super) fn create(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o600);
        options.custom_flags(no_links());
        match options.open(&self.file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_folder(&self.folder)?;
                options.open(&self.file)
            }
            opened => opened,
        }
    }

    /// Opens it for reading; `None` where it is not there.
    pub(super) fn open(&self) -> io::Result<Option<File>> {
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(no_links());
        match options.open(&self.file) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn no_links() -> i32 {
    (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed()
}

pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// Removes the folders of all days before that of `before`, and nothing that is not named like a day.
pub(super) fn prune(root: &Path, before: Timestamp) -> io::Result<usize> {
    let kept_from = day(before);
    let mut removed = 0;
    let mut failed = None;
    for entry in root.read_dir()? {
        let entry = entry?;
        let name = entry.file_name().into_string().unwrap_or_default();
        if name.parse::<Date>().is_err() || name >= kept_from {
            continue;
        }
        match std::fs::remove_dir_all(entry.path()) {
            Ok(()) => removed += 1,
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or(Ok(removed), Err)
}
