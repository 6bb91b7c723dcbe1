//! What is said of the newest revision's files.

use super::{
    merge::Newest,
    newest::{from_the_top, problem_text},
};
use crate::{
    domain::{active::BrokenRunbook, name::RunbookName},
    ports::source::Refused,
};
use std::{collections::BTreeMap, sync::Arc};

/// Runbooks whose newest version has errors, each with its file's first one.
pub(super) fn broken_names(newest: &Newest<'_>) -> BTreeMap<RunbookName, BrokenRunbook> {
    let mut broken = BTreeMap::new();
    for (path, file) in newest.files {
        let Some(error) = file.first_error(newest.folder) else {
            continue;
        };
        for name in file.broken() {
            broken.entry(name.clone()).or_insert_with(|| BrokenRunbook {
                file: Arc::clone(path),
                problem: error.as_str().into(),
            });
        }
    }
    broken
}

/// What is wrong with each file by itself.
pub(super) fn file_problems(newest: &Newest<'_>) -> Vec<String> {
    let refused = newest.refused.iter();
    let refused = refused.map(|refused| refused_text(newest.folder, refused));
    let in_files = newest
        .files
        .values()
        .flat_map(|file| file.problems())
        .map(|problem| problem_text(newest.folder, problem));
    refused.chain(in_files).collect()
}

/// The text of a file, where it is at hand.
pub(super) fn text_of<'t>(newest: &Newest<'t>, file: &str) -> Option<&'t [u8]> {
    newest.texts.get(file).map(Vec::as_slice)
}

/// Why something is not read, with its place.
pub(super) fn refused_text(folder: &str, refused: &Refused) -> String {
    if refused.path.is_empty() {
        format!("some files are not read: {}", refused.reason)
    } else {
        let path = from_the_top(folder, &refused.path);
        format!("{path}: it is not read: {}", refused.reason)
    }
}

/// Whether a refused entry stands where a file stood: the same path, a folder above it, or everything.
pub(super) fn covers(refused: &str, file: &str) -> bool {
    file.strip_prefix(refused)
        .is_some_and(|rest| refused.is_empty() || rest.is_empty() || rest.starts_with('/'))
}
