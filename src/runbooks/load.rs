//! One file, many documents.

use crate::{
    domain::{name::RunbookName, runbook::Document},
    ports::executor::ActionCatalogue,
    runbooks::{
        arguments::Actions,
        compose::{Composed, Decoded, Worth, compose, decode, too_large},
        document::{Checked, Rest, check},
        problems::{Fault, Located, Problem, Severity, problems},
        schema::Kind,
        tree::Node,
    },
};
use std::{collections::BTreeSet, sync::Arc};

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Loaded {
    /// The documents without errors.
    pub documents: Vec<Located<Document>>,
    /// Everything wrong, in the order of its places.
    pub problems: Vec<Problem>,
    /// The names of the runbooks that have errors, as far as they can be read.
    pub broken: Vec<RunbookName>,
    /// The documents with errors.
    pub(super) unusable: Vec<Unusable>,
}

/// A document with errors, as far as it could be read: what others may refer to, and what it refers to itself.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Unusable {
    /// Its first line.
    pub(super) line: usize,
    /// What it is or was likely meant to be.
    pub(super) kind: Option<Kind>,
    /// Its name as it is written.
    pub(super) name: Option<String>,
    /// What is left of it.
    pub(super) rest: Option<Rest>,
}

/// Reads files. It keeps what it compiles from the catalogue, so one loader for many files is faster than [`load_file`] for each.
pub struct Loader<'a> {
    actions: Actions<'a>,
}

impl std::fmt::Debug for Loader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loader").finish_non_exhaustive()
    }
}

/// Reads one file. It never panics, whatever the bytes are, and takes time and memory in proportion to their number, which is
/// limited.
pub fn load_file(path: &str, bytes: &[u8], actions: &dyn ActionCatalogue) -> Loaded {
    Loader::new(actions).load(path, bytes)
}

impl<'a> Loader<'a> {
    /// For runbooks that use these actions.
    pub fn new(actions: &'a dyn ActionCatalogue) -> Self {
        Self {
            actions: Actions::new(actions),
        }
    }

    /// Reads one file.
    pub fn load(&self, path: &str, bytes: &[u8]) -> Loaded {
        self.decoded(path, decode(bytes))
    }

    /// Reads what a file larger than any that is read begins with, for the names of its documents.
    pub(super) fn load_start(&self, path: &str, start: &[u8], size: Option<u64>) -> Loaded {
        self.decoded(path, Decoded::useless(start, too_large(size)))
    }

    fn decoded(&self, path: &str, decoded: Decoded<'_>) -> Loaded {
        let mut file = File {
            path: path.into(),
            text: &decoded.text,
            worth: decoded.worth,
            bad_lines: bad_lines(&decoded),
            actions: &self.actions,
            faults: decoded.faults,
            loaded: Loaded::default(),
        };
        for document in compose(&decoded.text) {
            file.document(document);
        }
        let shown = match decoded.worth {
            Worth::Checking | Worth::Naming => decoded.text.as_ref(),
            Worth::Whole => "",
        };
        file.loaded.problems = problems(path, shown, file.faults);
        file.loaded
    }
}

/// The lines that are not as they were meant.
fn bad_lines(decoded: &Decoded<'_>) -> BTreeSet<u32> {
    let mut lines: BTreeSet<u32> = decoded
        .faults
        .iter()
        .map(|fault| fault.place.line)
        .collect();
    if !lines.is_empty() {
        let numbered = (1..).zip(decoded.text.split('\n'));
        let with_others = numbered.filter(|(_, line)| line.contains(char::REPLACEMENT_CHARACTER));
        lines.extend(with_others.map(|(number, _)| number));
    }
    lines
}

struct File<'a> {
    path: Arc<str>,
    text: &'a str,
    worth: Worth,
    /// Lines of which nothing more is told.
    bad_lines: BTreeSet<u32>,
    actions: &'a Actions<'a>,
    faults: Vec<Fault>,
    loaded: Loaded,
}

impl File<'_> {
    fn document(&mut self, composed: Composed<'_>) {
        let line = composed.root.place.line as usize;
        let name = name(&composed.root).map(str::to_owned);
        let mut checked = match self.worth {
            Worth::Checking => check(self.text, self.actions, composed),
            Worth::Naming | Worth::Whole => Checked::only_named(&composed.root),
        };
        let told = |fault: &Fault| !self.bad_lines.contains(&fault.place.line);
        let is_error = |fault: &Fault| fault.severity == Severity::Error;
        let is_broken = !self.bad_lines.is_empty() || checked.faults.iter().any(is_error);
        self.faults.extend(checked.faults.into_iter().filter(told));
        if let Some(Rest { document, .. }) = checked.rest.take_if(|_| !is_broken) {
            self.loaded.documents.push(Located {
                value: document,
                file: Arc::clone(&self.path),
                line,
            });
            return;
        }
        let runbook = name
            .as_deref()
            .filter(|_| checked.kind == Some(Kind::Runbook));
        let runbook = runbook.and_then(|name| RunbookName::new(name).ok());
        self.loaded.broken.extend(runbook);
        self.loaded.unusable.push(Unusable {
            line,
            kind: checked.kind,
            name,
            rest: checked.rest,
        });
    }
}

/// What a document is called, as it is written.
fn name<'n>(root: &'n Node<'_>) -> Option<&'n str> {
    root.get("metadata")?.get("name").and_then(Node::text)
}
