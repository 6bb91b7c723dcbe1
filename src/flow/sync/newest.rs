//! What a file of the newest revision says, as far as it can be read.

use crate::{
    domain::{
        active::{Active, Origin},
        name::RunbookName,
    },
    runbooks::{Loader, Problem, Severity},
};
use std::sync::Arc;

/// See the module.
#[derive(Debug)]
pub(super) struct NewestFile {
    /// The id of its content in git; empty where it must be read again.
    pub(super) blob: Box<str>,
    /// Its good documents, in order.
    pub(super) documents: Box<[Active]>,
    /// Whose hands this version went through, as [`crate::domain::lineage::Authors`] writes them.
    pub(super) authors: Arc<str>,
    faults: Option<Box<Faults>>,
}

#[derive(Debug, Clone)]
struct Faults {
    problems: Vec<Problem>,
    broken: Vec<RunbookName>,
}

impl NewestFile {
    /// Reads a file.
    pub(super) fn load(
        loader: &Loader<'_>,
        path: &Arc<str>,
        blob: &str,
        bytes: &[u8],
        commit: &Commit,
    ) -> Self {
        let loaded = loader.load(path, bytes);
        let active = |located: crate::runbooks::Located<_>| {
            let origin = Origin {
                revision: Arc::clone(&commit.revision),
                author: Arc::clone(&commit.author),
                file: Arc::clone(path),
                line: located.line,
            };
            Active::new(located.value, origin)
        };
        let faults = Faults {
            problems: loaded.problems,
            broken: loaded.broken,
        };
        let is_clean = faults.problems.is_empty() && faults.broken.is_empty();
        Self {
            blob: blob.into(),
            documents: loaded.documents.into_iter().map(active).collect(),
            authors: Arc::clone(&commit.author),
            faults: (!is_clean).then(|| Box::new(faults)),
        }
    }

    /// The same file, whose documents say more.
    pub(super) fn with_documents(file: &Self, documents: Vec<Active>) -> Self {
        Self {
            blob: file.blob.clone(),
            documents: documents.into(),
            authors: Arc::clone(&file.authors),
            faults: file.faults.clone(),
        }
    }

    /// A file as the history has it.
    pub(super) fn kept(blob: &str, documents: Vec<Active>, authors: &str) -> Self {
        Self {
            blob: blob.into(),
            documents: documents.into(),
            authors: authors.into(),
            faults: None,
        }
    }

    /// Whether there is nothing to say about it, not even a warning.
    pub(super) fn is_clean(&self) -> bool {
        self.faults.is_none()
    }

    /// Everything wrong with it.
    pub(super) fn problems(&self) -> &[Problem] {
        self.faults.as_ref().map_or(&[], |faults| &faults.problems)
    }

    /// Runbooks in it that cannot be used.
    pub(super) fn broken(&self) -> &[RunbookName] {
        self.faults.as_ref().map_or(&[], |faults| &faults.broken)
    }

    /// The first thing that keeps a document of it from being used, as a text.
    pub(super) fn first_error(&self, folder: &str) -> Option<String> {
        let error = |problem: &&Problem| problem.severity == Severity::Error;
        let first = self.problems().iter().find(error)?;
        Some(problem_text(folder, first))
    }
}

/// Where a file's newest version comes from.
#[derive(Debug, Clone)]
pub(super) struct Commit {
    /// The commit that it is read from.
    pub(super) revision: Arc<str>,
    /// Whose hands it went through.
    pub(super) author: Arc<str>,
}

/// A path of the followed folder, from the repository's top on.
pub(super) fn from_the_top(folder: &str, path: &str) -> String {
    if folder.is_empty() {
        path.to_owned()
    } else {
        format!("{folder}/{path}")
    }
}

/// A problem on one line: `file:line:column: what (hint)`. The file's path is that in the repository.
pub(super) fn problem_text(folder: &str, problem: &Problem) -> String {
    let Problem {
        file,
        line,
        column,
        what,
        hint,
        ..
    } = problem;
    let warning = match problem.severity {
        Severity::Error => "",
        Severity::Warning => "warning: ",
    };
    let hint = hint
        .as_ref()
        .map_or_else(String::new, |hint| format!(" ({hint})"));
    let file = from_the_top(folder, file);
    format!("{file}:{line}:{column}: {warning}{what}{hint}")
}
