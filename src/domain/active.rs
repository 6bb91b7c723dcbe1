//! The documents in use: what is scheduled, and what runs are made from.
//!
//! A set never changes. The next one shares with it whatever stayed the same, so that one commit among ten thousand runbooks is cheap.

use crate::domain::{
    calendar::Calendar,
    digest::Digest,
    likeness::nearest,
    name::{CalendarName, EnvironmentName, PolicyName, RunbookName},
    policy::Tightening,
    runbook::{Document, Environment, Runbook, Trigger},
};
use std::{
    cmp::Ordering,
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

/// What a document is known by in the whole repository, wherever it stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identity {
    /// A runbook.
    Runbook(RunbookName),
    /// An environment.
    Environment(EnvironmentName),
    /// A calendar.
    Calendar(CalendarName),
    /// A policy.
    Policy(PolicyName),
}

impl Identity {
    /// Of a document.
    pub fn of(document: &Document) -> Self {
        match document {
            Document::Runbook(runbook) => Self::Runbook(runbook.name.clone()),
            Document::Environment(environment) => Self::Environment(environment.name.clone()),
            Document::Calendar(calendar) => Self::Calendar(calendar.name.clone()),
            Document::Policy(policy) => Self::Policy(policy.name.clone()),
        }
    }
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Runbook(name) => write!(f, "runbook `{name}`"),
            Self::Environment(name) => write!(f, "environment `{name}`"),
            Self::Calendar(name) => write!(f, "calendar `{name}`"),
            Self::Policy(name) => write!(f, "policy `{name}`"),
        }
    }
}

/// A runbook in use.
#[derive(Debug, Clone)]
pub struct ActiveRunbook {
    /// What it says.
    pub runbook: Arc<Runbook>,
    /// The commit that this version of it was first read from.
    pub revision: Arc<str>,
    /// Who made the changes that led to it, as [`crate::domain::lineage::Authors`] writes them.
    pub author: Arc<str>,
    /// Where it stands, relative to the followed path.
    pub file: Arc<str>,
    /// Its first line there.
    pub line: usize,
    /// Why its newest version is not the one in use: `file:line:column: what`.
    pub problem: Option<Box<str>>,
    /// Most are never asked for.
    definition: OnceLock<Box<Digest>>,
}

impl ActiveRunbook {
    /// The digest of what it says, computed when it is first asked for.
    pub fn definition(&self) -> Digest {
        let digest = || Box::new(self.runbook.digest());
        **self.definition.get_or_init(digest)
    }
}

/// A document in use that is not a runbook.
#[derive(Debug, Clone)]
pub struct ActiveDocument {
    /// What it says.
    pub document: Document,
    /// The commit that this version of it was first read from.
    pub revision: Arc<str>,
    /// Who made the changes that led to it.
    pub author: Arc<str>,
    /// Where it stands.
    pub file: Arc<str>,
    /// Its first line there.
    pub line: usize,
    /// Why its newest version is not the one in use.
    pub problem: Option<Box<str>>,
}

/// Any document in use; cheap to clone.
#[derive(Debug, Clone)]
pub enum Active {
    /// A runbook.
    Runbook(Arc<ActiveRunbook>),
    /// Another document.
    Other(Arc<ActiveDocument>),
}

/// Where a document was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The commit.
    pub revision: Arc<str>,
    /// Who made the changes that led to it.
    pub author: Arc<str>,
    /// The file, relative to the followed path.
    pub file: Arc<str>,
    /// The first line of the document in it.
    pub line: usize,
}

impl Active {
    /// A document that was read there.
    pub fn new(document: Document, origin: Origin) -> Self {
        Self::with_problem(document, origin, None)
    }

    fn with_problem(document: Document, origin: Origin, problem: Option<Box<str>>) -> Self {
        let Origin {
            revision,
            author,
            file,
            line,
        } = origin;
        match document {
            Document::Runbook(runbook) => Self::Runbook(Arc::new(ActiveRunbook {
                runbook,
                revision,
                author,
                file,
                line,
                problem,
                definition: OnceLock::new(),
            })),
            document @ (Document::Environment(_) | Document::Calendar(_) | Document::Policy(_)) => {
                Self::Other(Arc::new(ActiveDocument {
                    document,
                    revision,
                    author,
                    file,
                    line,
                    problem,
                }))
            }
        }
    }

    /// The document itself. A runbook is not copied.
    pub fn document(&self) -> Document {
        match self {
            Self::Runbook(runbook) => Document::Runbook(Arc::clone(&runbook.runbook)),
            Self::Other(other) => other.document.clone(),
        }
    }

    /// What it is known by.
    pub fn identity(&self) -> Identity {
        match self {
            Self::Runbook(runbook) => Identity::Runbook(runbook.runbook.name.clone()),
            Self::Other(other) => Identity::of(&other.document),
        }
    }

    /// Where it was read.
    pub fn origin(&self) -> Origin {
        let (revision, author, file, line) = match self {
            Self::Runbook(it) => (&it.revision, &it.author, &it.file, it.line),
            Self::Other(it) => (&it.revision, &it.author, &it.file, it.line),
        };
        Origin {
            revision: Arc::clone(revision),
            author: Arc::clone(author),
            file: Arc::clone(file),
            line,
        }
    }

    /// The file it stands in.
    pub fn file(&self) -> &Arc<str> {
        match self {
            Self::Runbook(runbook) => &runbook.file,
            Self::Other(other) => &other.file,
        }
    }

    /// Why its newest version is not the one in use.
    pub fn problem(&self) -> Option<&str> {
        match self {
            Self::Runbook(runbook) => runbook.problem.as_deref(),
            Self::Other(other) => other.problem.as_deref(),
        }
    }

    /// The same with this problem, or without one.
    #[must_use]
    pub fn marked(&self, problem: Option<&str>) -> Self {
        if self.problem() == problem {
            return self.clone();
        }
        Self::with_problem(self.document(), self.origin(), problem.map(Into::into))
    }

    /// Whether both are one and the same, not only equal.
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Runbook(one), Self::Runbook(other)) => Arc::ptr_eq(one, other),
            (Self::Other(one), Self::Other(other)) => Arc::ptr_eq(one, other),
            (Self::Runbook(_), Self::Other(_)) | (Self::Other(_), Self::Runbook(_)) => false,
        }
    }

    /// Whether both say the same, wherever they stand.
    pub fn says_the_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Runbook(one), Self::Runbook(other)) => {
                Arc::ptr_eq(&one.runbook, &other.runbook) || one.runbook == other.runbook
            }
            (Self::Other(one), Self::Other(other)) => one.document == other.document,
            (Self::Runbook(_), Self::Other(_)) | (Self::Other(_), Self::Runbook(_)) => false,
        }
    }
}

/// A runbook of the newest revision that cannot be used, and of which no good version is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenRunbook {
    /// Where it stands.
    pub file: Arc<str>,
    /// What is wrong: `file:line:column: what`.
    pub problem: Box<str>,
}

/// The documents in use.
#[derive(Debug, Default)]
pub struct ActiveSet {
    runbooks: BTreeMap<RunbookName, Arc<ActiveRunbook>>,
    others: BTreeMap<Identity, Arc<ActiveDocument>>,
    broken: BTreeMap<RunbookName, BrokenRunbook>,
    /// Which runbooks wait for the end of which.
    followers: BTreeMap<RunbookName, Vec<(RunbookName, Trigger)>>,
}

impl ActiveSet {
    /// Of documents, each identity once; a later one replaces an earlier one.
    pub fn new(
        documents: impl IntoIterator<Item = Active>,
        broken: BTreeMap<RunbookName, BrokenRunbook>,
    ) -> Self {
        let (mut runbooks, mut others) = (Vec::new(), Vec::new());
        for active in documents {
            match active {
                Active::Runbook(found) => runbooks.push((found.runbook.name.clone(), found)),
                Active::Other(found) => others.push((Identity::of(&found.document), found)),
            }
        }
        let mut set = Self {
            // Collected, a tree is full; filled in order, it would be half empty.
            runbooks: runbooks.into_iter().collect(),
            others: others.into_iter().collect(),
            broken,
            followers: BTreeMap::new(),
        };
        for found in set.runbooks.values() {
            for trigger in &found.runbook.triggers {
                if let Trigger::After { runbook, .. } = trigger {
                    let follower = (found.runbook.name.clone(), trigger.clone());
                    set.followers
                        .entry(runbook.clone())
                        .or_default()
                        .push(follower);
                }
            }
        }
        set
    }

    /// Of documents from nowhere in particular.
    pub fn of_documents(documents: impl IntoIterator<Item = Document>) -> Self {
        let nowhere: Arc<str> = "".into();
        let origin = Origin {
            revision: Arc::clone(&nowhere),
            author: Arc::clone(&nowhere),
            file: nowhere,
            line: 1,
        };
        let active = |document| Active::new(document, origin.clone());
        Self::new(documents.into_iter().map(active), BTreeMap::new())
    }

    /// One runbook.
    pub fn runbook(&self, name: &RunbookName) -> Option<&ActiveRunbook> {
        self.runbooks.get(name).map(Arc::as_ref)
    }

    /// All runbooks, by name.
    pub fn runbooks(&self) -> impl Iterator<Item = &ActiveRunbook> {
        self.runbooks.values().map(Arc::as_ref)
    }

    /// Runbooks that are in one of both only, or not one and the same in both: as they are here, and as they are there.
    pub fn differing_runbooks<'a>(&'a self, other: &'a Self) -> Vec<Pair<'a, ActiveRunbook>> {
        differing(&self.runbooks, &other.runbooks)
    }

    /// The files of documents that are in one of both only, or not one and the same in both.
    pub fn differing_files<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a Arc<str>> {
        let runbooks = self.differing_runbooks(other).into_iter();
        let runbooks = runbooks.flat_map(|(one, other)| one.into_iter().chain(other));
        let others = differing(&self.others, &other.others).into_iter();
        let others = others.flat_map(|(one, other)| one.into_iter().chain(other));
        let files = runbooks.map(|found| &found.file);
        files.chain(others.map(|found| &found.file))
    }

    /// How many runbooks are in use.
    pub fn runbook_count(&self) -> usize {
        self.runbooks.len()
    }

    /// Runbooks that have no good version, by name.
    pub fn broken(&self) -> &BTreeMap<RunbookName, BrokenRunbook> {
        &self.broken
    }

    /// How many runbooks' newest versions cannot be used.
    pub fn invalid_count(&self) -> usize {
        let kept = self.runbooks().filter(|found| found.problem.is_some());
        kept.count() + self.broken.len()
    }

    /// One calendar.
    pub fn calendar(&self, name: &CalendarName) -> Option<&Calendar> {
        match &self.others.get(&Identity::Calendar(name.clone()))?.document {
            Document::Calendar(calendar) => Some(calendar),
            Document::Runbook(_) | Document::Environment(_) | Document::Policy(_) => None,
        }
    }

    /// One environment.
    pub fn environment(&self, name: &EnvironmentName) -> Option<&Environment> {
        match &self
            .others
            .get(&Identity::Environment(name.clone()))?
            .document
        {
            Document::Environment(environment) => Some(environment),
            Document::Runbook(_) | Document::Calendar(_) | Document::Policy(_) => None,
        }
    }

    /// All policies, by name.
    pub fn policies(&self) -> impl Iterator<Item = &Tightening> {
        self.others
            .values()
            .filter_map(|found| match &found.document {
                Document::Policy(policy) => Some(policy),
                Document::Runbook(_) | Document::Environment(_) | Document::Calendar(_) => None,
            })
    }

    /// The runbooks that start when this one ends, with the trigger that says so.
    pub fn after(&self, runbook: &RunbookName) -> Vec<(RunbookName, Trigger)> {
        self.followers.get(runbook).cloned().unwrap_or_default()
    }

    /// Every document in use: runbooks by name, then the others.
    pub fn documents(&self) -> impl Iterator<Item = Active> {
        let runbooks = self.runbooks.values().cloned().map(Active::Runbook);
        runbooks.chain(self.others.values().cloned().map(Active::Other))
    }

    /// One document in use.
    pub fn get(&self, identity: &Identity) -> Option<Active> {
        match identity {
            Identity::Runbook(name) => self.runbooks.get(name).cloned().map(Active::Runbook),
            Identity::Environment(_) | Identity::Calendar(_) | Identity::Policy(_) => {
                self.others.get(identity).cloned().map(Active::Other)
            }
        }
    }

    /// What to add to "there is no runbook x": that it is broken, or the nearest name; empty where there is neither.
    pub fn hint(&self, name: &RunbookName) -> String {
        if let Some(broken) = self.broken.get(name) {
            return format!(" that can be used: {}", broken.problem);
        }
        let known = self.runbooks.keys().map(RunbookName::as_str);
        nearest(name.as_str(), known).map_or_else(String::new, |known| {
            format!("\nhint: did you mean `{known}`?")
        })
    }
}

/// What two sets have under one name; at least one of them has something.
pub type Pair<'a, T> = (Option<&'a Arc<T>>, Option<&'a Arc<T>>);

/// What is in one of both trees only, or not one and the same in both. Both are walked once, which is less than to look each name up.
fn differing<'a, K: Ord, T>(
    these: &'a BTreeMap<K, Arc<T>>,
    those: &'a BTreeMap<K, Arc<T>>,
) -> Vec<Pair<'a, T>> {
    let (mut these, mut those) = (these.iter().peekable(), those.iter().peekable());
    let mut differing = Vec::new();
    loop {
        let order = match (these.peek(), those.peek()) {
            (None, None) => return differing,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((this, _)), Some((that, _))) => this.cmp(that),
        };
        let this = these.next_if(|_| order.is_le()).map(|(_, found)| found);
        let that = those.next_if(|_| order.is_ge()).map(|(_, found)| found);
        let is_same = this.is_some_and(|this| that.is_some_and(|that| Arc::ptr_eq(this, that)));
        if !is_same {
            differing.push((this, that));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Active, ActiveSet, BrokenRunbook, Identity, Origin};
    use crate::domain::{
        name::{EnvironmentName, RunbookName},
        runbook::{Document, Environment},
    };
    use std::collections::BTreeMap;

    fn environment(name: &str) -> Active {
        let document = Document::Environment(Environment {
            name: EnvironmentName::new(name).unwrap(),
            values: BTreeMap::new(),
            autonomy: None,
            protected_namespaces: Vec::new(),
        });
        let origin = Origin {
            revision: "r1".into(),
            author: "a".into(),
            file: "e.yaml".into(),
            line: 3,
        };
        Active::new(document, origin)
    }

    #[test]
    fn a_mark_changes_nothing_else() {
        let plain = environment("local");
        let marked = plain.marked(Some("e.yaml:1:1: bad"));
        assert_eq!(marked.problem(), Some("e.yaml:1:1: bad"));
        assert_eq!(marked.origin(), plain.origin());
        assert!(marked.says_the_same(&plain) && !marked.is(&plain));
        assert!(plain.marked(None).is(&plain));
    }

    #[test]
    fn a_broken_runbook_is_told_from_an_unknown_one() {
        let name = |text| RunbookName::new(text).unwrap();
        let problem = BrokenRunbook {
            file: "b.yaml".into(),
            problem: "b.yaml:2:1: bad".into(),
        };
        let set = ActiveSet::new([environment("local")], [(name("b"), problem)].into());
        assert_eq!(set.hint(&name("b")), " that can be used: b.yaml:2:1: bad");
        assert_eq!(set.hint(&name("c")), "");
        assert_eq!(set.invalid_count(), 1);
        let local = EnvironmentName::new("local").unwrap();
        assert!(set.environment(&local).is_some());
        assert!(set.get(&Identity::Environment(local)).is_some());
    }
}
