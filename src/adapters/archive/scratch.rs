//! Folders of the scratch space.

use crate::ports::{BoxFuture, archive};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};
use tokio::io::AsyncRead;

/// A folder that goes, with all in it, when this goes.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self(folder)
    }
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl archive::Scratch for Scratch {
    fn path(&self) -> &Path {
        &self.0
    }
    fn only_file(&self) -> BoxFuture<'_, Result<Box<dyn AsyncRead + Send + Unpin>, String>> {
        let folder = self.0.clone();
        Box::pin(async move {
            let looking = tokio::task::spawn_blocking(move || only_file(&folder)).await;
            let found = looking.map_err(io::Error::other).flatten();
            let found = found.map_err(|error| format!("reading the scratch folder: {error}"))?;
            let opened: Box<dyn AsyncRead + Send + Unpin> =
                Box::new(tokio::fs::File::from_std(found));
            Ok(opened)
        })
    }
}

fn only_file(folder: &Path) -> io::Result<File> {
    let mut found = None;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() && found.replace(entry.path()).is_some() {
            return Err(io::Error::other("several files are in it"));
        }
    }
    File::open(found.ok_or_else(|| io::Error::other("no file is in it"))?)
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now is removed at the next start.
        let _removed = fs::remove_dir_all(&self.0);
    }
}
