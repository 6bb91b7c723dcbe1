//! One document: its header, its types, and where the types refuse it, what of it can be checked all the same.

use crate::{
    domain::{name::StepName, runbook::Document},
    runbooks::{
        arguments::Actions,
        compose::Composed,
        convert::{self, Draft},
        explain::fit,
        gaps::Gaps,
        problems::{Fault, hint_among, nearest},
        raw::{CalendarFile, EnvironmentFile, PolicyFile, RunbookFile},
        read::read,
        schema::Kind,
        tree::{Content, Entry, Node},
    },
};
use serde::de::DeserializeOwned;
use std::{borrow::Cow, sync::Arc};

/// The one version of the format.
const VERSION: &str = "orderly.dev/v1";

/// The keys of every document.
const KEYS: [&str; 4] = ["apiVersion", "kind", "metadata", "spec"];

/// What a document says, and everything wrong with it.
#[derive(Default)]
pub(super) struct Checked {
    /// What it is, or was likely meant to be.
    pub(super) kind: Option<Kind>,
    pub(super) faults: Vec<Fault>,
    /// The document, if nothing is wrong; else what is left of it.
    pub(super) rest: Option<Rest>,
}

/// A document, perhaps without what was refused.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rest {
    pub(super) document: Document,
    pub(super) lost: Lost,
}

/// What a document lost that others may ask for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Lost {
    /// It may have inputs that are not known.
    pub(super) inputs: bool,
    /// The environment may have values that are not known.
    pub(super) values: bool,
    /// These steps are not whole.
    pub(super) steps: Vec<StepName>,
}

impl Checked {
    /// Of a document of which only the header is read.
    pub(super) fn only_named(root: &Node<'_>) -> Self {
        Self {
            kind: written_kind(root),
            ..Self::default()
        }
    }
}

/// Checks a document as far as it could be read.
pub(super) fn check(text: &str, actions: &Actions<'_>, composed: Composed<'_>) -> Checked {
    let Composed {
        root,
        mut faults,
        gaps,
        broken_line,
    } = composed;
    let header = Header::read(&root, &gaps);
    let is_clean = faults.is_empty() && header.faults.is_empty();
    let mut checked = match header.kind.filter(|_| !header.is_other_version) {
        Some(kind) => {
            let root = if is_clean {
                root
            } else {
                with_header(root, kind)
            };
            let document = Parts {
                text,
                actions,
                kind,
                root,
                gaps,
            };
            document.check()
        }
        None => Checked {
            kind: header.kind,
            ..Checked::default()
        },
    };
    let news = header.faults.into_iter().chain(checked.faults);
    faults.extend(news.filter(|fault| Some(fault.place.line) != broken_line));
    checked.faults = faults;
    checked
}

/// The first two keys.
#[derive(Default)]
struct Header {
    kind: Option<Kind>,
    /// It is of a version that is not known, so that nothing is known about it.
    is_other_version: bool,
    faults: Vec<Fault>,
}

impl Header {
    fn read(root: &Node<'_>, gaps: &Gaps) -> Self {
        let mut header = Self::default();
        let Content::Mapping(_) = &root.content else {
            if gaps.is_empty() {
                let what = "a document is a mapping with apiVersion, kind, metadata and spec";
                header.faults.push(Fault::new(root.place, what));
            }
            return header;
        };
        header.expect(root, gaps, "apiVersion", &[VERSION]);
        header.expect(root, gaps, "kind", &Kind::ALL.map(Kind::as_str));
        let version = likely(root, "apiVersion").and_then(Node::text);
        header.is_other_version =
            version.is_some_and(|text| text.starts_with("orderly.dev/") && text != VERSION);
        header.kind = written_kind(root).or_else(|| likely_kind(root));
        header
    }

    fn expect(&mut self, root: &Node<'_>, gaps: &Gaps, key: &str, words: &[&str]) {
        let Some(value) = root.get(key) else {
            if !gaps.may_hold(root, key) {
                self.faults.push(missing(root, key, words));
            }
            return;
        };
        let text = value.text().unwrap_or_default();
        if !words.contains(&text) {
            let what = format!("`{key}` must be one of {}", words.join(", "));
            self.faults.push(
                Fault::new(value.place, what).maybe_hint(hint_among(text, words.iter().copied())),
            );
        }
    }
}

fn missing(root: &Node<'_>, key: &str, words: &[&str]) -> Fault {
    if let Some(entry) = misspelt(root, key) {
        let fault = Fault::new(entry.place, format!("unknown key `{}`", entry.key));
        return fault.hint(format!("did you mean `{key}`?"));
    }
    let fault = Fault::new(root.place, format!("`{key}` is missing"));
    fault.hint(format!("write `{key}: {}`", words.first().unwrap_or(&"")))
}

/// The entry that was likely meant to have this key, where none has it.
fn misspelt<'n, 's>(root: &'n Node<'s>, key: &str) -> Option<&'n Entry<'s>> {
    if root.get(key).is_some() {
        return None;
    }
    let is_known = |entry: &&Entry<'_>| KEYS.contains(&entry.key.as_ref());
    let mut unknown = root.entries().iter().filter(|entry| !is_known(entry));
    unknown.find(|entry| nearest(&entry.key, KEYS) == Some(key))
}

/// The value of a key, or of what was likely meant to be this key.
fn likely<'n, 's>(root: &'n Node<'s>, key: &str) -> Option<&'n Node<'s>> {
    let meant = || misspelt(root, key).map(|entry| &entry.value);
    root.get(key).or_else(meant)
}

fn written_kind(root: &Node<'_>) -> Option<Kind> {
    let written = likely(root, "kind").and_then(Node::text)?;
    Kind::ALL.into_iter().find(|kind| kind.as_str() == written)
}

/// What a document was meant to be whose kind is misspelt or missing.
fn likely_kind(root: &Node<'_>) -> Option<Kind> {
    let Some(written) = likely(root, "kind") else {
        let spec = root.get("spec")?;
        return spec.get("steps").map(|_| Kind::Runbook);
    };
    let name = nearest(written.text()?, Kind::ALL.map(Kind::as_str))?;
    Kind::ALL.into_iter().find(|kind| kind.as_str() == name)
}

/// The tree as if its first two keys were right: what is wrong with them has been told.
fn with_header(mut root: Node<'_>, kind: Kind) -> Node<'_> {
    let place = root.place;
    let meant = ["apiVersion", "kind"].map(|key| misspelt(&root, key).map(|entry| entry.place));
    if let Content::Mapping(entries) = &mut root.content {
        let is_header = |entry: &Entry<'_>| matches!(entry.key.as_ref(), "apiVersion" | "kind");
        entries.retain(|entry| !is_header(entry) && !meant.contains(&Some(entry.place)));
        let words = [("apiVersion", VERSION), ("kind", kind.as_str())];
        entries.extend(words.map(|(key, word)| Entry {
            key: Cow::Borrowed(key),
            place,
            value: Node {
                content: Content::Text(Cow::Borrowed(word)),
                place,
            },
        }));
    }
    root
}

/// A document whose kind is known.
struct Parts<'a, 's> {
    text: &'a str,
    actions: &'a Actions<'a>,
    kind: Kind,
    root: Node<'s>,
    gaps: Gaps,
}

impl Parts<'_, '_> {
    fn check(self) -> Checked {
        match self.kind {
            Kind::Runbook => self.convert(|draft, file: RunbookFile| {
                convert::runbook(draft, file).map(|runbook| Document::Runbook(Arc::new(runbook)))
            }),
            Kind::Environment => self.convert(|draft, file: EnvironmentFile| {
                Some(Document::Environment(convert::environment(draft, file)))
            }),
            Kind::Calendar => self.convert(|draft, file: CalendarFile| {
                convert::calendar(draft, file).map(Document::Calendar)
            }),
            Kind::Policy => self.convert(|draft, file: PolicyFile| {
                Some(Document::Policy(convert::policy(draft, file)))
            }),
        }
    }

    /// Reads the tree as a type and converts that. Where the tree does not fit the type, the schema says why, and what can be
    /// mended is converted all the same, for the sake of what else is wrong.
    fn convert<T: DeserializeOwned>(
        mut self,
        convert: impl FnOnce(&mut Draft<'_>, T) -> Option<Document>,
    ) -> Checked {
        let was_whole = self.gaps.is_empty();
        let refused = match read::<T>(&self.root) {
            Ok(file) => return self.converted(convert, file, Vec::new()),
            Err(fault) => fault,
        };
        let (mut faults, fits) = fit(self.kind.shape(), &mut self.root, &mut self.gaps);
        if faults.is_empty() && was_whole {
            faults.push(refused);
        }
        match read::<T>(&self.root) {
            Ok(file) if fits => self.converted(convert, file, faults),
            Ok(_) | Err(_) => Checked {
                kind: Some(self.kind),
                faults,
                rest: None,
            },
        }
    }

    fn converted<T>(
        &self,
        convert: impl FnOnce(&mut Draft<'_>, T) -> Option<Document>,
        file: T,
        mut faults: Vec<Fault>,
    ) -> Checked {
        let mut draft = Draft {
            root: &self.root,
            text: self.text,
            actions: self.actions,
            gaps: &self.gaps,
            faults: Vec::new(),
        };
        let document = convert(&mut draft, file);
        let lost = draft.lost();
        faults.append(&mut draft.faults);
        Checked {
            kind: Some(self.kind),
            faults,
            rest: document.map(|document| Rest { document, lost }),
        }
    }
}
