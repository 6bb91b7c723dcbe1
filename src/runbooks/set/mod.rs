//! What only all files together can show: names taken twice, names that lead nowhere, and runbooks that start themselves.

mod circles;
mod credentials;
mod declared;
mod files;
mod inputs;
mod placed;
mod references;
mod spot;

use crate::{
    domain::{
        name::{ActionName, RunbookName},
        runbook::{Document, Runbook, Step},
    },
    runbooks::{
        document::Lost,
        problems::{Problem, hint_among, nearest},
        schema::Kind,
    },
};
use credentials::Credentials;
use serde_json::Value;
use std::{
    cell::Cell,
    collections::{BTreeMap, btree_map::Entry::Vacant},
};

pub use crate::runbooks::set::declared::Declared;
pub(super) use crate::runbooks::set::spot::Spot;
pub use crate::runbooks::set::{
    files::wanted_files,
    placed::{AtName, Texts, problems_at_names},
};

/// The action that starts another runbook, and the argument that names it.
const CALL: (&str, &str) = ("runbook", "runbook");
/// How many names are compared for the sake of hints; after that there are no more hints. A tree may hold thousands of names that
/// lead nowhere, each to be compared with thousands of others.
const MOST_COMPARED: usize = 200_000;

/// A document of the set.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// Its file.
    pub file: &'a str,
    /// Its first line there.
    pub line: usize,
    /// What it says.
    pub document: &'a Document,
}

/// Says why something that a step names is not in the repository, if so: by the file that the runbook stands in, and the path.
pub type Lacks<'a> = dyn Fn(&str, &str) -> Option<String> + 'a;

/// Whether a step with these arguments makes an artifact that is always encrypted.
pub type Seals<'a> = dyn Fn(&ActionName, &Value) -> bool + 'a;

/// What is known beside the documents themselves.
#[derive(Clone, Copy, Default)]
pub struct Beside<'a> {
    /// What the agent's configuration declares; names that it should declare are looked up then.
    pub declared: Option<&'a Declared>,
    /// What is in the repository; paths that steps name are looked up then.
    pub lacks: Option<&'a Lacks<'a>>,
    /// Which steps need somebody to encrypt for; whether there is anybody is looked up with `declared`.
    pub seals: Option<&'a Seals<'a>>,
}

impl std::fmt::Debug for Beside<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Beside")
            .field("declared", &self.declared)
            .finish_non_exhaustive()
    }
}

/// Something wrong between documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetProblem {
    /// What and where. Without the file's text: the document's first line, and that line is not shown.
    pub problem: Problem,
    /// The runbook that cannot be used because of it.
    pub runbook: Option<RunbookName>,
}

/// Everything wrong between these documents, in their order. `texts` gives a file's text where it is at hand.
pub fn check_set(
    members: &[Member<'_>],
    beside: Beside<'_>,
    texts: Texts<'_, '_>,
) -> Vec<SetProblem> {
    let whole = Lost::default();
    let entries: Vec<Entry<'_>> = members
        .iter()
        .map(|member| Entry::whole(*member, &whole))
        .collect();
    let set = Set::new(&entries, &[], beside);
    let found = set.check(Circles::ForEach);
    let told = found
        .into_iter()
        .map(|finding| (members[finding.index], finding));
    placed::placed(told.collect(), texts)
}

/// A document that has a name, perhaps with errors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) file: &'a str,
    pub(super) line: usize,
    pub(super) kind: Kind,
    pub(super) name: &'a str,
    /// What it says, and what it lost of that.
    pub(super) rest: Option<(&'a Document, &'a Lost)>,
}

impl<'a> Entry<'a> {
    /// A document without errors; `lost` is nothing.
    pub(super) fn whole(member: Member<'a>, lost: &'a Lost) -> Self {
        let (kind, name) = identity(member.document);
        Self {
            file: member.file,
            line: member.line,
            kind,
            name,
            rest: Some((member.document, lost)),
        }
    }

    fn runbook(&self) -> Option<(&'a Runbook, &'a Lost)> {
        match self.rest {
            Some((Document::Runbook(runbook), lost)) => Some((runbook, lost)),
            Some(_) | None => None,
        }
    }
}

/// The name of a document as it may have been meant: what is written is no name, or it is only known by its file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hidden<'a> {
    /// What it is, if that is known.
    pub(super) kind: Option<Kind>,
    pub(super) name: &'a str,
}

/// Something wrong with one entry.
#[derive(Debug)]
pub(super) struct Finding {
    /// The entry's place in the list.
    pub(super) index: usize,
    pub(super) spot: Spot,
    pub(super) what: String,
    pub(super) hint: Option<String>,
}

/// How runbooks that start themselves are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Circles {
    /// Once for every runbook that starts itself.
    ForEach,
    /// Once for all that start each other.
    Once,
}

fn identity(document: &Document) -> (Kind, &str) {
    match document {
        Document::Runbook(runbook) => (Kind::Runbook, runbook.name.as_str()),
        Document::Environment(environment) => (Kind::Environment, environment.name.as_str()),
        Document::Calendar(calendar) => (Kind::Calendar, calendar.name.as_str()),
        Document::Policy(policy) => (Kind::Policy, policy.name.as_str()),
    }
}

/// All documents, by kind and name.
pub(super) struct Set<'a> {
    entries: &'a [Entry<'a>],
    hidden: &'a [Hidden<'a>],
    beside: Beside<'a>,
    /// The first document of each kind and name.
    first: BTreeMap<(&'static str, &'a str), usize>,
    /// The same names, by kind, without what is written as a name and is none.
    names: BTreeMap<&'static str, Vec<&'a str>>,
    /// The environments that can be looked into.
    environments: Vec<Environment<'a>>,
    compared: Cell<usize>,
}

type Environment<'a> = (&'a crate::domain::runbook::Environment, &'a Lost);

impl<'a> Set<'a> {
    pub(super) fn new(
        entries: &'a [Entry<'a>],
        hidden: &'a [Hidden<'a>],
        beside: Beside<'a>,
    ) -> Self {
        let mut set = Self {
            entries,
            hidden,
            beside,
            first: BTreeMap::new(),
            names: BTreeMap::new(),
            environments: Vec::new(),
            compared: Cell::new(0),
        };
        for (index, entry) in entries.iter().enumerate() {
            set.add(index, entry);
        }
        set
    }

    fn add(&mut self, index: usize, entry: &Entry<'a>) {
        let kind = entry.kind.as_str();
        if let Vacant(first) = self.first.entry((kind, entry.name)) {
            first.insert(index);
            // All kinds have the same rule for names.
            if RunbookName::new(entry.name).is_ok() {
                self.names.entry(kind).or_default().push(entry.name);
            }
        }
        if let Some((Document::Environment(environment), lost)) = entry.rest {
            self.environments.push((environment, lost));
        }
    }

    /// Everything wrong, entry by entry.
    pub(super) fn check(&self, circles: Circles) -> Vec<Finding> {
        let mut found = Vec::new();
        let credentials = Credentials::of(self.entries);
        for (index, entry) in self.entries.iter().enumerate() {
            let mut teller = Teller {
                index,
                found: &mut found,
            };
            self.check_name(index, entry, &mut teller);
            if let Some((runbook, lost)) = entry.runbook() {
                self.check_runbook(entry.file, runbook, lost, &mut teller);
                for step in all_steps(runbook) {
                    credentials.check(step, &mut teller);
                }
            }
            if let Some((Document::Policy(policy), _)) = entry.rest {
                self.check_policy(policy, &mut teller);
            }
        }
        for (index, circle) in circles::circles(self.entries, circles) {
            let mut teller = Teller {
                index,
                found: &mut found,
            };
            let what = format!("the runbook starts itself: {circle}");
            teller.error(Spot::Name, what, None);
        }
        found.sort_by_key(|finding| finding.index);
        found
    }

    fn check_name(&self, index: usize, entry: &Entry<'_>, tell: &mut Teller<'_>) {
        let kind = entry.kind.as_str();
        let first = self.first.get(&(kind, entry.name)).copied();
        let Some(first) = first.filter(|first| *first != index) else {
            return;
        };
        let Entry { file, line, .. } = self.entries[first];
        let what = format!(
            "the {kind} `{}` stands already in {file}:{line}",
            entry.name
        );
        let hint = "names are unique in the repository".to_owned();
        tell.error(Spot::Name, what, Some(hint));
    }

    /// Whether there is such a document, or may be in what could not be read.
    fn knows(&self, kind: Kind, name: &str) -> bool {
        if self.first.contains_key(&(kind.as_str(), name)) {
            return true;
        }
        let of_kind = |hidden: &&Hidden<'_>| hidden.kind.is_none_or(|known| known == kind);
        let mut hidden = self.hidden.iter().filter(of_kind);
        self.may_compare(self.hidden.len())
            && hidden.any(|hidden| nearest(name, [hidden.name]).is_some())
    }

    /// Whether so many names may still be compared.
    fn may_compare(&self, count: usize) -> bool {
        let compared = self.compared.get() + count + 1;
        self.compared.set(compared);
        compared <= MOST_COMPARED
    }

    /// The names of all documents of a kind.
    fn names(&self, kind: Kind) -> impl Iterator<Item = &'a str> + Clone {
        let names = self.names.get(kind.as_str());
        names.into_iter().flatten().copied()
    }

    fn hint<'n>(&self, name: &str, known: impl Iterator<Item = &'n str> + Clone) -> Option<String> {
        if !self.may_compare(known.clone().count()) {
            return None;
        }
        hint_among(name, known)
    }
}

/// Says what is wrong with one entry.
struct Teller<'f> {
    index: usize,
    found: &'f mut Vec<Finding>,
}

impl Teller<'_> {
    fn error(&mut self, spot: Spot, what: String, hint: Option<String>) {
        self.found.push(Finding {
            index: self.index,
            spot,
            what,
            hint,
        });
    }
}

fn all_steps(runbook: &Runbook) -> impl Iterator<Item = &Step> {
    let lists = [&runbook.steps, &runbook.rollback, &runbook.finally];
    lists.into_iter().flat_map(|steps| steps.iter())
}

#[cfg(test)]
mod tests;
