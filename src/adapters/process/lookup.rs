//! Where programs are found.

use crate::{
    adapters::process::not_started,
    ports::processes::{PATH, ProcessError},
};
use rustix::fs::{Access, access};
use std::path::{Path, PathBuf};

/// The file of a program that is named by its bare name or its absolute path.
pub(super) fn find(words: &[String]) -> Result<PathBuf, ProcessError> {
    let name = words.first().map(String::as_str).unwrap_or_default();
    if name.is_empty() {
        return Err(not_started(name, "the program has no name"));
    }
    if name.starts_with('/') {
        return Ok(PathBuf::from(name));
    }
    if name.contains('/') {
        let reason = "its path is relative\nhint: name it by its bare name or its absolute path";
        return Err(not_started(name, reason));
    }
    PATH.split(':')
        .map(|folder| Path::new(folder).join(name))
        .find(|path| is_program(path))
        .ok_or_else(|| ProcessError::NotFound(name.to_owned()))
}

fn is_program(path: &Path) -> bool {
    access(path, Access::EXEC_OK).is_ok() && path.is_file()
}
