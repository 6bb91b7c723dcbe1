//! Files one by one and together: everything wrong with a tree of them, each once and at its place.

use crate::{
    domain::{name::RunbookName, runbook::Document},
    ports::executor::ActionCatalogue,
    runbooks::{
        compose::{compose, decode},
        document::Lost,
        load::{Loaded, Loader, Unusable},
        problems::{Fault, Located, Problem, Severity, of_file, problems},
        schema::Kind,
        set::{Beside, Circles, Entry, Finding, Hidden, Member, Set},
    },
};
use std::{collections::BTreeSet, path::Path};

/// What was found under a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileContent {
    /// All of it.
    Whole(Vec<u8>),
    /// It is larger than any file that is read ([`crate::runbooks::MAX_FILE_BYTES`]).
    Start {
        /// What it begins with.
        bytes: Vec<u8>,
        /// Its size; nothing where only its end would tell.
        size: Option<u64>,
    },
    /// It cannot be read.
    Unreadable {
        /// Why.
        why: String,
    },
    /// The agent does not take it.
    NotTaken {
        /// Why.
        why: String,
    },
}

impl From<Vec<u8>> for FileContent {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Whole(bytes)
    }
}

/// How much was looked at, and what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Counts {
    /// Files read.
    pub files: usize,
    /// Runbooks without errors.
    pub runbooks: usize,
    /// Environments, calendars and policies without errors.
    pub others: usize,
    /// Problems that stop a document from being used.
    pub errors: usize,
    /// Problems that do not.
    pub warnings: usize,
}

/// What a tree of files is worth.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ValidationReport {
    /// Everything wrong, file by file, in the order of places.
    pub problems: Vec<Problem>,
    /// How much was looked at.
    pub counts: Counts,
    /// The runbooks that were seen, those with errors too.
    pub runbooks: BTreeSet<String>,
}

/// Checks files one by one and together.
pub fn validate_tree<P: AsRef<str>, C: Into<FileContent>>(
    files: impl Iterator<Item = (P, C)>,
    actions: &dyn ActionCatalogue,
    beside: Beside<'_>,
) -> ValidationReport {
    let loader = Loader::new(actions);
    let files = files.map(|(path, content)| File::read(&loader, path.as_ref(), content.into()));
    let mut files: Vec<File> = files.collect();
    check_together(&mut files, beside);
    let counts = counts(&files);
    let runbooks = files.iter().flat_map(File::runbooks).collect();
    let problems = files.into_iter().flat_map(|file| file.loaded.problems);
    ValidationReport {
        problems: problems.collect(),
        counts,
        runbooks,
    }
}

/// A file and what it holds.
struct File {
    path: String,
    /// Its text, where others may decide about what it says.
    bytes: Vec<u8>,
    loaded: Loaded,
    is_read: bool,
}

impl File {
    fn read(loader: &Loader<'_>, path: &str, content: FileContent) -> Self {
        let alone = |what: &str, hint: Option<&str>, severity| Loaded {
            problems: vec![of_file(path, what, hint, severity)],
            ..Loaded::default()
        };
        let (bytes, loaded, is_read) = match content {
            FileContent::Whole(bytes) => {
                let loaded = loader.load(path, &bytes);
                (bytes, loaded, true)
            }
            FileContent::Start { bytes, size } => {
                let loaded = loader.load_start(path, &bytes, size);
                (Vec::new(), loaded, true)
            }
            FileContent::Unreadable { why } => {
                let what = format!("this cannot be read: {why}");
                (Vec::new(), alone(&what, None, Severity::Error), false)
            }
            FileContent::NotTaken { why } => {
                let what = format!("the agent does not read this: {why}");
                (Vec::new(), alone(&what, None, Severity::Warning), false)
            }
        };
        Self {
            path: path.to_owned(),
            bytes,
            loaded,
            is_read,
        }
    }

    /// Its documents that have a name, in the order of their lines.
    fn entries<'a>(&'a self, whole: &'a Lost) -> Vec<Entry<'a>> {
        let good = self.loaded.documents.iter();
        let good = good.map(|document| Entry::whole(member(document), whole));
        let faulty = self.loaded.unusable.iter();
        let faulty = faulty.filter_map(|document| self.entry(document));
        let mut entries: Vec<Entry<'a>> = good.chain(faulty).collect();
        entries.sort_by_key(|entry| entry.line);
        entries
    }

    fn entry<'a>(&'a self, document: &'a Unusable) -> Option<Entry<'a>> {
        let rest = document.rest.as_ref();
        Some(Entry {
            file: &self.path,
            line: document.line,
            kind: document.kind?,
            name: document.name.as_deref()?,
            rest: rest.map(|rest| (&rest.document, &rest.lost)),
        })
    }

    /// The names of its runbooks.
    fn runbooks(&self) -> BTreeSet<String> {
        let whole = Lost::default();
        let entries = self.entries(&whole).into_iter();
        let runbooks = entries.filter(|entry| entry.kind == Kind::Runbook);
        runbooks.map(|entry| entry.name.to_owned()).collect()
    }

    /// The names that documents may have been meant to have that cannot be read.
    fn hidden(&self) -> Vec<Hidden<'_>> {
        let stem = Path::new(&self.path).file_stem();
        let stem = stem.and_then(|stem| stem.to_str()).unwrap_or_default();
        let unknown = self.loaded.unusable.iter().filter(|document| {
            let name = document.name.as_deref().map(RunbookName::new);
            document.kind.is_none() || !matches!(name, Some(Ok(_)))
        });
        let mut hidden: Vec<Hidden<'_>> = unknown
            .map(|document| Hidden {
                kind: document.kind,
                name: document.name.as_deref().unwrap_or(stem),
            })
            .collect();
        let is_error = |problem: &Problem| problem.severity == Severity::Error;
        if self.loaded.unusable.is_empty() && self.loaded.problems.iter().any(is_error) {
            hidden.push(Hidden {
                kind: None,
                name: stem,
            });
        }
        hidden
    }

    /// Adds what other documents decide about. Findings name the document by its line.
    fn tell(&mut self, findings: Vec<(usize, Finding)>) {
        let decoded = decode(&self.bytes);
        let documents = compose(&decoded.text);
        let mut faults = Vec::with_capacity(findings.len());
        for (line, finding) in findings {
            let document = documents
                .iter()
                .find(|document| document.root.place.line as usize == line);
            let Some(document) = document else { continue };
            let place = finding.spot.place(&decoded.text, &document.root);
            faults.push(Fault::new(place, finding.what).maybe_hint(finding.hint));
        }
        let told = problems(&self.path, &decoded.text, faults);
        self.loaded.problems.extend(told);
        self.loaded
            .problems
            .sort_by_key(|problem| (problem.line, problem.column));
    }
}

fn member(document: &Located<Document>) -> Member<'_> {
    Member {
        file: &document.file,
        line: document.line,
        document: &document.value,
    }
}

fn check_together(files: &mut [File], beside: Beside<'_>) {
    let whole = Lost::default();
    let mut findings: Vec<Vec<(usize, Finding)>> = files.iter().map(|_| Vec::new()).collect();
    let mut owners = Vec::new();
    let mut entries = Vec::new();
    for (index, file) in files.iter().enumerate() {
        let of_file = file.entries(&whole);
        owners.extend(of_file.iter().map(|_| index));
        entries.extend(of_file);
    }
    let hidden: Vec<Hidden<'_>> = files.iter().flat_map(File::hidden).collect();
    for finding in Set::new(&entries, &hidden, beside).check(Circles::Once) {
        let line = entries[finding.index].line;
        findings[owners[finding.index]].push((line, finding));
    }
    for (file, findings) in files.iter_mut().zip(findings) {
        if !findings.is_empty() {
            file.tell(findings);
        }
    }
}

fn counts(files: &[File]) -> Counts {
    let mut counts = Counts::default();
    for file in files {
        counts.files += usize::from(file.is_read);
        for document in &file.loaded.documents {
            match document.value {
                Document::Runbook(_) => counts.runbooks += 1,
                Document::Environment(_) | Document::Calendar(_) | Document::Policy(_) => {
                    counts.others += 1;
                }
            }
        }
        for problem in &file.loaded.problems {
            match problem.severity {
                Severity::Error => counts.errors += 1,
                Severity::Warning => counts.warnings += 1,
            }
        }
    }
    counts
}
