//! From the documents in use and the files of a newer revision to the documents in use next. Pure: no source, no history, no clock.
//!
//! - What a file says is taken document by document. A document that cannot be used leaves its last good version in use.
//! - A runbook is known by its name: moved to another file, it is the same runbook.
//! - Of two documents with one name, the one in use stays, else the one in the first file by path. Both files are told.
//! - What is no longer there goes, unless the file it stood in cannot be read; and unless so much would go that a person must say so.

use super::{
    materials::Materials,
    newest::{NewestFile, from_the_top, problem_text},
    told::{broken_names, covers, file_problems, refused_text, text_of},
};
use crate::{
    domain::{
        active::{Active, ActiveSet, BrokenRunbook, Identity, Origin},
        name::RunbookName,
        runbook::Document,
    },
    ports::source::Refused,
    runbooks::{AtName, Beside, Member, check_set, problems_at_names},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What each file of the newest revision says, by path.
pub(super) type Files = BTreeMap<Arc<str>, Arc<NewestFile>>;
/// Files of the newest revision, by path.
pub(super) type Texts = BTreeMap<String, Vec<u8>>;

/// A deletion of fewer runbooks than this is never held, however few there are.
const HELD_FROM: usize = 3;
/// Versions that fit alone may not fit together, and putting one back may leave another without its target. Each round puts at least one
/// back; after this many the rest is only marked.
const ROUNDS: usize = 4;
/// Problems that are told.
const MAX_TOLD: usize = 500;

/// The newest revision.
#[derive(Debug)]
pub(super) struct Newest<'a> {
    /// What its files say.
    pub(super) files: &'a Files,
    /// What of it is not read.
    pub(super) refused: &'a [Refused],
    /// Whether a person has accepted its deletions.
    pub(super) accepted: bool,
    /// The followed folder; problems are told with paths from the repository's top on.
    pub(super) folder: &'a str,
    /// What is at the paths that its runbooks name.
    pub(super) materials: &'a Materials,
    /// Texts in which places are looked up.
    pub(super) texts: &'a Texts,
}

/// What is in use next.
#[derive(Debug)]
pub(super) struct Merged {
    /// The documents.
    pub(super) set: ActiveSet,
    /// Everything wrong with the newest revision, each with its place.
    pub(super) problems: Vec<String>,
    /// Files between whose documents something is wrong.
    pub(super) told_of: BTreeSet<String>,
    /// Runbooks whose deletion waits for a person.
    pub(super) held: Vec<RunbookName>,
    /// Runbooks that are new or say something else than before.
    pub(super) changed: Vec<RunbookName>,
    /// Runbooks that are gone.
    pub(super) removed: Vec<RunbookName>,
}

/// Puts the newest revision in the place of what is in use.
pub(super) fn merge(before: &ActiveSet, newest: &Newest<'_>) -> Merged {
    let mut next = Next {
        before,
        newest,
        chosen: BTreeMap::new(),
        told_of: BTreeSet::new(),
        broken: broken_names(newest),
        problems: file_problems(newest),
    };
    next.take_documents();
    let held = next.settle_the_missing();
    next.check_together();
    next.finish(held)
}

struct Next<'a> {
    before: &'a ActiveSet,
    newest: &'a Newest<'a>,
    told_of: BTreeSet<String>,
    chosen: BTreeMap<Identity, Active>,
    /// Runbooks of which the newest version cannot be used.
    broken: BTreeMap<RunbookName, BrokenRunbook>,
    problems: Vec<String>,
}

impl<'a> Next<'a> {
    /// Chooses one document for each name.
    fn take_documents(&mut self) {
        let files: &'a Files = self.newest.files;
        let mut rivals: BTreeMap<Identity, Vec<&Active>> = BTreeMap::new();
        let mut found: BTreeMap<Identity, &Active> = BTreeMap::new();
        for active in files.values().flat_map(|file| &file.documents) {
            let identity = active.identity();
            match found.get(&identity) {
                None => {
                    found.insert(identity, active);
                }
                Some(first) => rivals
                    .entry(identity)
                    .or_insert_with(|| vec![*first])
                    .push(active),
            }
        }
        for (identity, all) in &rivals {
            let chosen = self.choose(identity, all);
            found.insert(identity.clone(), chosen);
            self.tell_rivals(identity, all, chosen);
        }
        let taken = found.into_iter().map(|(identity, active)| {
            let old = self.before.get(&identity);
            (identity, taken(old.as_ref(), active))
        });
        self.chosen = taken.collect();
    }

    /// Of several documents of one name, the one that is in use, else the first.
    fn choose<'r>(&self, identity: &Identity, rivals: &[&'r Active]) -> &'r Active {
        let old = self.before.get(identity);
        let in_use = rivals.iter().find(|rival| {
            old.as_ref()
                .is_some_and(|old| old.file() == rival.file() && old.says_the_same(rival))
        });
        let same_file = rivals
            .iter()
            .find(|rival| old.as_ref().is_some_and(|old| old.file() == rival.file()));
        match (in_use.or(same_file), rivals) {
            (Some(rival), _) | (None, [rival, ..]) => rival,
            (None, []) => unreachable_rivals(),
        }
    }

    fn tell_rivals(&mut self, identity: &Identity, rivals: &[&Active], chosen: &Active) {
        let newest = self.newest;
        let place = |active: &Active| {
            let file = from_the_top(newest.folder, active.file());
            format!("{file}:{}", active.origin().line)
        };
        let documents: Vec<(Origin, Document)> = rivals
            .iter()
            .map(|rival| (rival.origin(), rival.document()))
            .collect();
        let used = (chosen.origin(), chosen.document());
        let mut told = Vec::new();
        for ((rival, other), active) in documents.iter().zip(rivals) {
            if active.is(chosen) {
                continue;
            }
            told.push(AtName {
                member: member(rival, other),
                what: format!("the {identity} stands already in {}", place(chosen)),
                hint: "names are unique in the repository; that one is used".to_owned(),
            });
            told.push(AtName {
                member: member(&used.0, &used.1),
                what: format!("the {identity} stands in {} too", place(active)),
                hint: "names are unique in the repository; this one is used".to_owned(),
            });
        }
        for problem in problems_at_names(told, &|file| text_of(newest, file)) {
            self.told_of.insert(problem.file.clone());
            self.problems.push(problem_text(newest.folder, &problem));
        }
    }

    /// Decides about documents in use that the newest revision does not have. Gives the runbooks whose deletion is held.
    fn settle_the_missing(&mut self) -> Vec<RunbookName> {
        let newest = self.newest;
        let mut gone = Vec::new();
        for old in self.before.documents() {
            let identity = old.identity();
            if self.chosen.contains_key(&identity) {
                continue;
            }
            match self.why_kept(&identity, &old) {
                Some(problem) => {
                    self.chosen.insert(identity, old.marked(Some(&problem)));
                }
                None => gone.push((identity, old)),
            }
        }
        let names: Vec<RunbookName> = gone
            .iter()
            .filter_map(|(identity, _)| runbook_name(identity))
            .collect();
        if newest.accepted || !is_held(names.len(), self.before.runbook_count(), newest) {
            return Vec::new();
        }
        // The calendars and environments that go with them stay as well.
        self.chosen.extend(gone);
        names
    }

    /// Why a document stays in use although the newest revision does not have it.
    fn why_kept(&self, identity: &Identity, old: &Active) -> Option<String> {
        let newest = self.newest;
        let broken = runbook_name(identity).and_then(|name| self.broken.get(&name));
        if let Some(broken) = broken {
            return Some(broken.problem.as_ref().to_owned());
        }
        let file = newest.files.get(old.file());
        if let Some(error) = file.and_then(|file| file.first_error(newest.folder)) {
            return Some(error);
        }
        let refused = newest
            .refused
            .iter()
            .find(|refused| covers(&refused.path, old.file()));
        refused.map(|refused| refused_text(newest.folder, refused))
    }

    /// Puts back what does not fit together with the rest.
    fn check_together(&mut self) {
        let mut told = BTreeSet::new();
        for _ in 0..ROUNDS {
            let mut put_back = false;
            for (name, problem) in self.misfits(&mut told) {
                put_back |= self.put_back(name, &problem);
            }
            if !put_back {
                break;
            }
        }
        self.problems.extend(told);
    }

    /// The runbooks that do not fit together with the rest, each with its first problem.
    fn misfits(&mut self, told: &mut BTreeSet<String>) -> BTreeMap<RunbookName, String> {
        let documents: Vec<(Origin, Document)> = self
            .chosen
            .values()
            .map(|active| (active.origin(), active.document()))
            .collect();
        let members: Vec<Member<'_>> = documents
            .iter()
            .map(|(origin, document)| member(origin, document))
            .collect();
        let mut misfits = BTreeMap::new();
        let newest = self.newest;
        let lacks = |_: &str, path: &str| newest.materials.get(path)?.clone().err();
        let beside = Beside {
            declared: None,
            lacks: Some(&lacks),
            seals: None,
        };
        for found in check_set(&members, beside, &|file| text_of(newest, file)) {
            self.told_of.insert(found.problem.file.clone());
            let text = problem_text(newest.folder, &found.problem);
            told.insert(text.clone());
            if let Some(name) = found.runbook {
                misfits.entry(name).or_insert(text);
            }
        }
        misfits
    }

    /// Puts the last good version back, or takes a runbook out that has none. Whether anything but a mark changed.
    fn put_back(&mut self, name: RunbookName, problem: &str) -> bool {
        let identity = Identity::Runbook(name.clone());
        let Some(now) = self.chosen.get(&identity) else {
            return false;
        };
        if now.problem().is_some() {
            return false;
        }
        let Some(old) = self.before.get(&identity) else {
            let broken = BrokenRunbook {
                file: Arc::clone(now.file()),
                problem: problem.into(),
            };
            self.broken.insert(name, broken);
            self.chosen.remove(&identity);
            return true;
        };
        let was_in_use = old.says_the_same(now);
        let stays = if was_in_use { now } else { &old };
        let stays = stays.marked(Some(problem));
        self.chosen.insert(identity, stays);
        !was_in_use
    }

    fn finish(self, held: Vec<RunbookName>) -> Merged {
        let Self {
            before,
            chosen,
            mut broken,
            mut problems,
            told_of,
            ..
        } = self;
        broken.retain(|name, _| !chosen.contains_key(&Identity::Runbook(name.clone())));
        let untold = problems.len().saturating_sub(MAX_TOLD);
        problems.truncate(MAX_TOLD);
        if untold > 0 {
            problems.push(format!("and {untold} problems more"));
        }
        let set = ActiveSet::new(chosen.into_values(), broken);
        let (mut changed, mut removed) = (Vec::new(), Vec::new());
        for pair in before.differing_runbooks(&set) {
            match pair {
                (Some(old), Some(new)) if old.runbook == new.runbook => {}
                (_, Some(new)) => changed.push(new.runbook.name.clone()),
                (Some(old), None) => removed.push(old.runbook.name.clone()),
                (None, None) => {}
            }
        }
        Merged {
            set,
            problems,
            told_of,
            held,
            changed,
            removed,
        }
    }
}

#[expect(
    clippy::unreachable,
    reason = "names are grouped with at least two documents"
)]
fn unreachable_rivals<'r>() -> &'r Active {
    unreachable!("rivals are at least two")
}

fn member<'m>(origin: &'m Origin, document: &'m Document) -> Member<'m> {
    Member {
        file: &origin.file,
        line: origin.line,
        document,
    }
}

/// A document of the newest revision as it is used. Where it says what it said before, it keeps the revision it was first read from.
fn taken(old: Option<&Active>, newest: &Active) -> Active {
    let Some(old) = old.filter(|old| old.says_the_same(newest)) else {
        return newest.clone();
    };
    let (was, is) = (old.origin(), newest.origin());
    if was.file == is.file && was.line == is.line {
        return old.marked(None);
    }
    let origin = Origin {
        revision: was.revision,
        author: was.author,
        ..is
    };
    Active::new(newest.document(), origin)
}

fn is_held(gone: usize, of: usize, newest: &Newest<'_>) -> bool {
    let nothing_is_left = newest.files.is_empty() && gone > 0;
    nothing_is_left || (gone >= HELD_FROM && gone * 2 > of)
}

fn runbook_name(identity: &Identity) -> Option<RunbookName> {
    match identity {
        Identity::Runbook(name) => Some(name.clone()),
        Identity::Environment(_) | Identity::Calendar(_) | Identity::Policy(_) => None,
    }
}
