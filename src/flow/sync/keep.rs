//! The set in use as the history keeps it, file by file, so that a start without network begins with it.
//!
//! A file's row holds the documents in use that stand in it. Its blob is empty where the file must be read again at the next sync:
//! something is wrong with it, or not all it says is in use. Then the row also says whose change waits there.

use super::{
    merge::Files,
    newest::{Commit, NewestFile},
};
use crate::{
    domain::{
        active::{Active, ActiveSet, Origin},
        runbook::Document,
    },
    flow::world::World,
    history::{ActiveChange, ActiveFile, HistoryError, MAX_LIMIT},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Files are read again by an agent of another version: it may understand more, or less.
const WRITTEN_BY: &str = env!("CARGO_PKG_VERSION");

#[derive(Serialize, Deserialize)]
struct Row {
    by: String,
    documents: Vec<Kept>,
    /// Whose hands the file's newest version went through, where not all of it is in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    waiting: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    line: usize,
    /// Where it is not the row's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revision: Option<String>,
    /// Where it is not the row's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    author: Option<String>,
    document: Document,
}

/// What was in use, or is next.
#[derive(Clone, Copy)]
pub(super) struct State<'a> {
    pub(super) files: &'a Files,
    pub(super) set: &'a ActiveSet,
}

/// The rows that must change.
pub(super) fn changes(before: State<'_>, next: State<'_>) -> Vec<ActiveChange> {
    let touched = touched(before, next);
    let mut documents: BTreeMap<Arc<str>, Vec<Active>> =
        touched.into_iter().map(|path| (path, Vec::new())).collect();
    for active in next.set.documents() {
        if let Some(there) = documents.get_mut(active.file()) {
            there.push(active);
        }
    }
    let change = |(path, documents)| change(path, documents, next.files);
    documents.into_iter().map(change).collect()
}

/// Files that are new, gone or other than before, and those of documents that are.
fn touched(before: State<'_>, next: State<'_>) -> BTreeSet<Arc<str>> {
    let mut touched = BTreeSet::new();
    for (path, file) in next.files {
        let same = before
            .files
            .get(path)
            .is_some_and(|old| Arc::ptr_eq(old, file));
        if !same {
            touched.insert(Arc::clone(path));
        }
    }
    let gone = before
        .files
        .keys()
        .filter(|path| !next.files.contains_key(*path));
    touched.extend(gone.cloned());
    touched.extend(before.set.differing_files(next.set).cloned());
    touched
}

fn change(path: Arc<str>, mut documents: Vec<Active>, files: &Files) -> ActiveChange {
    let file = files.get(&path);
    let blob = file
        .filter(|file| is_whole(file, &documents))
        .map(|file| file.blob.as_ref());
    let waiting = file.filter(|_| blob.is_none());
    let waiting = waiting.map(|file| file.authors.as_ref().to_owned());
    if blob.is_none() && documents.is_empty() && waiting.is_none() {
        return ActiveChange::Remove {
            path: path.as_ref().to_owned(),
        };
    }
    documents.sort_by_key(|active| active.origin().line);
    let nowhere: Arc<str> = "".into();
    let (revision, author) = documents.first().map_or_else(
        || (Arc::clone(&nowhere), nowhere),
        |first| {
            let origin = first.origin();
            (origin.revision, origin.author)
        },
    );
    let kept = |active: &Active| {
        let origin = active.origin();
        let own = |own: Arc<str>, row: &Arc<str>| (own != *row).then(|| own.as_ref().to_owned());
        Kept {
            line: origin.line,
            revision: own(origin.revision, &revision),
            author: own(origin.author, &author),
            document: active.document(),
        }
    };
    let row = Row {
        by: WRITTEN_BY.to_owned(),
        documents: documents.iter().map(kept).collect(),
        waiting,
    };
    ActiveChange::Put(ActiveFile {
        path: path.as_ref().to_owned(),
        blob: blob.unwrap_or_default().to_owned(),
        revision: revision.as_ref().to_owned(),
        author: author.as_ref().to_owned(),
        documents: serde_json::to_string(&row).unwrap_or_default(),
    })
}

/// Whether the documents in use are all that the file says, and nothing is wrong with it.
fn is_whole(file: &NewestFile, in_use: &[Active]) -> bool {
    let is_used = |document: &Active| {
        in_use
            .iter()
            .any(|used| used.problem().is_none() && used.says_the_same(document))
    };
    file.is_clean() && file.documents.len() == in_use.len() && file.documents.iter().all(is_used)
}

/// What a row says; `None` where it cannot be understood.
pub(super) fn restore(row: &ActiveFile) -> Option<(Arc<str>, NewestFile)> {
    let path: Arc<str> = row.path.as_str().into();
    let kept: Row = serde_json::from_str(&row.documents).ok()?;
    let commit = Commit {
        revision: row.revision.as_str().into(),
        author: row.author.as_str().into(),
    };
    let own = |own: Option<String>, row: &Arc<str>| own.map_or_else(|| Arc::clone(row), Into::into);
    let active = |kept: Kept| {
        let origin = Origin {
            revision: own(kept.revision, &commit.revision),
            author: own(kept.author, &commit.author),
            file: Arc::clone(&path),
            line: kept.line,
        };
        Active::new(kept.document, origin)
    };
    let blob = if kept.by == WRITTEN_BY {
        row.blob.as_str()
    } else {
        ""
    };
    let documents = kept.documents.into_iter().map(active).collect();
    let waiting = kept.waiting.unwrap_or_default();
    let file = NewestFile::kept(blob, documents, &waiting);
    Some((path, file))
}

/// The files as the history kept them.
pub(super) async fn kept_files(world: &World) -> Result<Files, HistoryError> {
    let mut files = Vec::new();
    let mut after = None;
    loop {
        let rows = world.history.active_files(after.take(), MAX_LIMIT).await?;
        let is_last = rows.len() < MAX_LIMIT;
        after = rows.last().map(|row| row.path.clone());
        for row in &rows {
            // A row of another version that we do not understand is read again from the source.
            if let Some((path, file)) = restore(row) {
                files.push((path, Arc::new(file)));
            }
        }
        if is_last {
            return Ok(files.into_iter().collect());
        }
    }
}

pub(super) fn set_of(files: &Files) -> ActiveSet {
    let documents = files
        .values()
        .flat_map(|file| file.documents.iter().cloned());
    ActiveSet::new(documents, BTreeMap::new())
}
