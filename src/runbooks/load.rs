//! One file, many documents.

use crate::{
    domain::{name::RunbookName, runbook::Document},
    ports::executor::ActionCatalogue,
    runbooks::{
        arguments::Actions,
        compose::{Composed, compose, decode, forbidden},
        convert::{self, Draft},
        explain::{Explained, explain, mended},
        problems::{Fault, Located, MAX_PROBLEMS, Problem, Severity, hint_among, problems},
        raw::{CalendarFile, EnvironmentFile, PolicyFile, RunbookFile},
        read::read,
        schema::Kind,
        tree::{Content, Node},
    },
};
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// How often a faulty document is mended before it is given up.
const MOST_ROUNDS: usize = 4;

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Loaded {
    /// The documents without errors.
    pub documents: Vec<Located<Document>>,
    /// Everything wrong, in the order of its places.
    pub problems: Vec<Problem>,
    /// The names of the runbooks that have errors, as far as they can be read.
    pub broken: Vec<RunbookName>,
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
        let text = match decode(bytes) {
            Ok(text) => text,
            Err((fault, good)) => return unreadable(path, good, vec![fault]),
        };
        let faults = forbidden(text);
        if !faults.is_empty() {
            return unreadable(path, text, faults);
        }
        let mut file = File {
            path: path.into(),
            text,
            actions: &self.actions,
            faults: Vec::new(),
            loaded: Loaded::default(),
        };
        for document in compose(text) {
            file.document(document);
        }
        file.loaded.problems = problems(path, text, file.faults);
        file.loaded
    }
}

/// A file whose text is refused as a whole. The names in it are still read, so that it is known which runbooks are broken.
fn unreadable(path: &str, text: &str, faults: Vec<Fault>) -> Loaded {
    Loaded {
        documents: Vec::new(),
        broken: compose(text)
            .iter()
            .filter_map(|document| runbook_name(&document.root))
            .collect(),
        problems: problems(path, text, faults),
    }
}

fn runbook_name(root: &Node<'_>) -> Option<RunbookName> {
    let kind = root.get("kind").and_then(Node::text)?;
    let name = root.get("metadata")?.get("name").and_then(Node::text)?;
    (kind == Kind::Runbook.as_str())
        .then(|| RunbookName::new(name).ok())
        .flatten()
}

struct File<'a> {
    path: Arc<str>,
    text: &'a str,
    actions: &'a Actions<'a>,
    faults: Vec<Fault>,
    loaded: Loaded,
}

impl File<'_> {
    fn document(&mut self, composed: Composed<'_>) {
        let name = runbook_name(&composed.root);
        if !composed.faults.is_empty() {
            self.faults.extend(composed.faults);
            self.loaded.broken.extend(name);
            return;
        }
        let (document, faults) = match header(&composed.root) {
            Ok(kind) => self.read(kind, &composed.root),
            Err(faults) => (None, faults),
        };
        let is_broken = faults.iter().any(|fault| fault.severity == Severity::Error);
        self.faults.extend(faults);
        match document {
            Some(value) if !is_broken => self.loaded.documents.push(Located {
                value,
                file: Arc::clone(&self.path),
                line: composed.root.place.line as usize,
            }),
            Some(_) | None => self.loaded.broken.extend(name),
        }
    }

    fn read(&self, kind: Kind, root: &Node<'_>) -> (Option<Document>, Vec<Fault>) {
        match kind {
            Kind::Runbook => self.convert(kind, root, |draft, file: RunbookFile| {
                convert::runbook(draft, file).map(|runbook| Document::Runbook(Arc::new(runbook)))
            }),
            Kind::Environment => self.convert(kind, root, |_, file: EnvironmentFile| {
                Some(Document::Environment(convert::environment(file)))
            }),
            Kind::Calendar => self.convert(kind, root, |draft, file: CalendarFile| {
                convert::calendar(draft, file).map(Document::Calendar)
            }),
            Kind::Policy => self.convert(kind, root, |draft, file: PolicyFile| {
                Some(Document::Policy(convert::policy(draft, file)))
            }),
        }
    }

    /// Reads the tree as a type and converts that. Where the tree does not fit the type, the schema says why, and what can be
    /// mended is converted all the same, for the sake of what else is wrong.
    fn convert<T: DeserializeOwned>(
        &self,
        kind: Kind,
        root: &Node<'_>,
        convert: impl FnOnce(&mut Draft<'_>, T) -> Option<Document>,
    ) -> (Option<Document>, Vec<Fault>) {
        let mut draft = Draft {
            root,
            text: self.text,
            actions: self.actions,
            partial: false,
            faults: Vec::new(),
        };
        let fault = match read::<T>(root) {
            Ok(file) => {
                let document = convert(&mut draft, file);
                return (document, draft.faults);
            }
            Err(fault) => fault,
        };
        let found = explain(kind.shape(), &root.json(), root);
        if found.is_empty() {
            return (None, vec![fault]);
        }
        let mut faults: Vec<Fault> = found.iter().map(|found| found.fault.clone()).collect();
        if let Some(mended) = mended_to_fit(kind, root, &found) {
            draft.root = &mended;
            draft.partial = true;
            if let Ok(file) = read::<T>(&mended) {
                convert(&mut draft, file);
            }
            faults.append(&mut draft.faults);
        }
        (None, faults)
    }
}

/// The tree without what does not fit the schema. What had to go may leave other parts incomplete, which then go as well.
fn mended_to_fit<'s>(kind: Kind, root: &Node<'s>, found: &[Explained]) -> Option<Node<'s>> {
    if found.len() >= MAX_PROBLEMS {
        return None;
    }
    let mut mended_root = mended(root, found);
    for _ in 0..MOST_ROUNDS {
        let value = mended_root.json();
        if kind.shape().fits(&value) {
            return Some(mended_root);
        }
        let found = explain(kind.shape(), &value, &mended_root);
        mended_root = mended(&mended_root, &found);
    }
    None
}

/// What the document is.
fn header(root: &Node<'_>) -> Result<Kind, Vec<Fault>> {
    let Content::Mapping(_) = &root.content else {
        let what = "a document is a mapping with apiVersion, kind, metadata and spec";
        return Err(vec![Fault::new(root.place, what)]);
    };
    let mut faults = Vec::new();
    expect_word(root, "apiVersion", &["orderly.dev/v1"], &mut faults);
    expect_word(root, "kind", &Kind::ALL.map(Kind::as_str), &mut faults);
    let kind = root.get("kind").and_then(Node::text);
    let kind = Kind::ALL
        .into_iter()
        .find(|known| Some(known.as_str()) == kind);
    match kind {
        Some(kind) if faults.is_empty() => Ok(kind),
        Some(_) | None => Err(faults),
    }
}

fn expect_word(root: &Node<'_>, key: &str, words: &[&str], faults: &mut Vec<Fault>) {
    let Some(value) = root.get(key) else {
        let hint = format!("write `{key}: {}`", words.first().unwrap_or(&""));
        faults.push(Fault::new(root.place, format!("`{key}` is missing")).hint(hint));
        return;
    };
    let text = value.text().unwrap_or_default();
    if !words.contains(&text) {
        let what = format!("`{key}` must be one of {}", words.join(", "));
        faults.push(
            Fault::new(value.place, what).maybe_hint(hint_among(text, words.iter().copied())),
        );
    }
}
