//! How a commit came from an earlier one: who changed which files between them, and whether it descends from it at all.
//!
//! History is walked from both commits back in time until all that is left belongs to both. What cannot be read - a copy is shallow,
//! an object is damaged, there is too much - makes the answer less certain, never wrong: whoever may have had a hand in a change is
//! named, and where there may be others, that is said.

use super::{objects::Objects, tree::is_yaml};
use crate::domain::lineage::{Authors, Descent, Lineage};
use git2::{Commit, ObjectType, Oid, Tree, TreeEntry};
use std::collections::{BTreeMap, BinaryHeap, HashMap};

/// Commits looked at.
const MAX_COMMITS: usize = 2000;
/// Entries of trees compared, over all commits.
const MAX_ENTRIES: usize = 5_000_000;
/// Folders below the followed path.
const MAX_DEPTH: usize = 16;

/// What was found.
pub(super) struct Traced {
    pub(super) lineage: Lineage,
    /// Whether all of the way was seen.
    pub(super) is_whole: bool,
}

/// Follows the way from `since` to `newest`; `folder` is the followed path.
pub(super) fn trace(objects: &Objects<'_>, folder: &str, since: Oid, newest: Oid) -> Traced {
    let mut walk = Walk::new(objects, since, newest);
    walk.to_the_end();
    let descent = match (walk.marks.get(&since), walk.is_whole) {
        (Some(mark), _) if mark.new => Descent::Follows,
        (_, true) => Descent::Rewritten,
        (_, false) => Descent::Unknown,
    };
    let is_whole = walk.is_whole;
    let between = walk.between();
    let mut attribution = Attribution::new(objects, folder, &between);
    if is_whole {
        attribution.run(&between);
    } else {
        attribution.anywhere = attribution.everyone.clone();
        attribution.anywhere.join(&Authors::unknown());
    }
    let mut everyone = attribution.everyone;
    everyone.join(&attribution.anywhere);
    let lineage = Lineage {
        descent,
        everyone,
        authors: attribution.authors,
        anywhere: attribution.anywhere,
    };
    Traced { lineage, is_whole }
}

/// From which end a commit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Mark {
    new: bool,
    old: bool,
}

/// Both ends' ancestors, latest first.
struct Walk<'a> {
    objects: &'a Objects<'a>,
    marks: HashMap<Oid, Mark>,
    queue: BinaryHeap<(i64, Oid)>,
    /// Those that were read, in the order they were.
    read: Vec<Oid>,
    commits: HashMap<Oid, Commit<'a>>,
    is_whole: bool,
}

impl<'a> Walk<'a> {
    fn new(objects: &'a Objects<'a>, since: Oid, newest: Oid) -> Self {
        let mut walk = Self {
            objects,
            marks: HashMap::new(),
            queue: BinaryHeap::new(),
            read: Vec::new(),
            commits: HashMap::new(),
            is_whole: true,
        };
        let (new, old) = (true, true);
        walk.mark(since, Mark { old, new: false });
        walk.mark(newest, Mark { new, old: false });
        walk
    }

    /// Adds a mark; what is new to a commit goes on to its parents.
    fn mark(&mut self, id: Oid, mark: Mark) {
        let before = self.marks.entry(id).or_default();
        let after = Mark {
            new: before.new || mark.new,
            old: before.old || mark.old,
        };
        if *before != after {
            *before = after;
            let time = self
                .commit(id)
                .map_or(i64::MIN, |commit| commit.time().seconds());
            self.queue.push((time, id));
        }
    }

    fn commit(&mut self, id: Oid) -> Option<&Commit<'a>> {
        if !self.commits.contains_key(&id) {
            let commit = self.objects.commit(id).ok()?;
            self.commits.insert(id, commit);
            self.read.push(id);
        }
        self.commits.get(&id)
    }

    fn to_the_end(&mut self) {
        while self.has_new() {
            let Some((_, id)) = self.queue.pop() else {
                return;
            };
            if self.commits.len() > MAX_COMMITS {
                self.is_whole = false;
                return;
            }
            let mark = self.marks.get(&id).copied().unwrap_or_default();
            match self.commit(id).map(parents) {
                Some(parents) => parents.into_iter().for_each(|id| self.mark(id, mark)),
                None => self.is_whole &= mark.old,
            }
        }
    }

    /// Whether anything that waits is reached from the newest commit alone.
    fn has_new(&self) -> bool {
        let is_new = |(_, id): &(i64, Oid)| self.marks.get(id).is_some_and(|mark| !mark.old);
        self.queue.iter().any(is_new)
    }

    /// The commits that are reached from the newest one alone.
    fn between(mut self) -> Vec<Commit<'a>> {
        let is_new = |mark: Option<&Mark>| mark.is_some_and(|mark| !mark.old);
        let new = self.read.iter().filter(|id| is_new(self.marks.get(id)));
        new.filter_map(|id| self.commits.remove(id)).collect()
    }
}

/// As they stand in the commit itself: libgit2 hides those that a shallow copy lacks.
fn parents(commit: &Commit<'_>) -> Vec<Oid> {
    let header = commit.raw_header_bytes();
    let lines = header.split(|byte| *byte == b'\n');
    lines
        .filter_map(|line| line.strip_prefix(b"parent "))
        .filter_map(|id| Oid::from_str(std::str::from_utf8(id).ok()?).ok())
        .collect()
}

/// So much of a commit's message is looked through, in bytes.
const MOST_MESSAGE: usize = 64 * 1024;

/// Who changed which file.
struct Attribution<'a> {
    objects: &'a Objects<'a>,
    folder: &'a str,
    everyone: Authors,
    authors: BTreeMap<String, Authors>,
    anywhere: Authors,
    entries: usize,
}

/// A file that a commit changes, and whether it is new there.
type Changes = BTreeMap<String, bool>;

impl<'a> Attribution<'a> {
    fn new(objects: &'a Objects<'a>, folder: &'a str, between: &[Commit<'_>]) -> Self {
        let mut everyone = Authors::default();
        for commit in between {
            everyone.join(&hands(commit));
        }
        Self {
            objects,
            folder,
            everyone,
            authors: BTreeMap::new(),
            anywhere: Authors::default(),
            entries: 0,
        }
    }

    fn run(&mut self, between: &[Commit<'_>]) {
        for commit in between {
            let Some(changes) = self.changes(commit) else {
                self.anywhere.join(&hands(commit));
                continue;
            };
            for (path, is_added) in changes {
                // A file that is new here may have been moved: its text may be anybody's of those on the way.
                let own = hands(commit);
                let all = if is_added { &self.everyone } else { &own };
                self.authors.entry(path).or_default().join(all);
            }
        }
    }

    /// What a commit changes against every one of its parents; `None` where that cannot be seen.
    fn changes(&mut self, commit: &Commit<'_>) -> Option<Changes> {
        let new = self.followed(commit)?;
        let mut common: Option<Changes> = None;
        let parents = parents(commit);
        if parents.is_empty() {
            return self.compare(None, new);
        }
        for parent in parents {
            let parent = self.objects.commit(parent).ok()?;
            let old = self.followed(&parent)?;
            let changes = self.compare(old, new)?;
            common = Some(match common {
                None => changes,
                Some(before) => before
                    .into_iter()
                    .filter_map(|(path, added)| {
                        let here = changes.get(&path)?;
                        Some((path, added && *here))
                    })
                    .collect(),
            });
        }
        common
    }

    /// The followed folder of a commit, if it has it.
    #[expect(clippy::option_option, reason = "not to be seen, not there, or there")]
    fn followed(&self, commit: &Commit<'_>) -> Option<Option<Oid>> {
        let mut id = commit.tree_id();
        for name in self.folder.split('/').filter(|name| !name.is_empty()) {
            let tree = self.objects.tree(id).ok()?;
            match tree.get_name(name) {
                Some(entry) if entry.kind() == Some(ObjectType::Tree) => id = entry.id(),
                Some(_) | None => return Some(None),
            }
        }
        Some(Some(id))
    }

    /// The YAML files that differ, however deep they are.
    fn compare(&mut self, old: Option<Oid>, new: Option<Oid>) -> Option<Changes> {
        let mut changes = Changes::new();
        let mut folders = vec![(old, new, String::new(), 0)];
        while let Some((old, new, prefix, depth)) = folders.pop() {
            let (before, after) = (self.tree(old)?, self.tree(new)?);
            for (name, old, new) in differing(before.as_ref(), after.as_ref()) {
                let path = format!("{prefix}{}", String::from_utf8_lossy(&name));
                if is_yaml(&name) && [old, new].into_iter().flatten().any(|it| !it.is_folder) {
                    changes.insert(path.clone(), old.is_none_or(|old| old.is_folder));
                }
                let folder = |it: Option<Entry>| it.filter(|it| it.is_folder).map(|it| it.id);
                let (old, new) = (folder(old), folder(new));
                if old != new && depth < MAX_DEPTH {
                    folders.push((old, new, format!("{path}/"), depth + 1));
                }
            }
        }
        Some(changes)
    }

    #[expect(clippy::option_option, reason = "not to be seen, not there, or there")]
    fn tree(&mut self, id: Option<Oid>) -> Option<Option<Tree<'a>>> {
        let Some(id) = id else {
            return Some(None);
        };
        let tree = self.objects.tree(id).ok()?;
        self.entries += tree.len();
        (self.entries <= MAX_ENTRIES).then_some(Some(tree))
    }
}

type Difference = (Vec<u8>, Option<Entry>, Option<Entry>);

/// What two folders have under one name, where that is not the same.
fn differing(old: Option<&Tree<'_>>, new: Option<&Tree<'_>>) -> Vec<Difference> {
    let find = |tree: Option<&Tree<'_>>, name: &[u8]| {
        let entry = tree?.get_name_bytes(name)?;
        Some(Entry::of(&entry))
    };
    let mut found = Vec::new();
    for entry in new.into_iter().flatten() {
        let (before, now) = (find(old, entry.name_bytes()), Entry::of(&entry));
        if before != Some(now) {
            found.push((entry.name_bytes().to_vec(), before, Some(now)));
        }
    }
    for entry in old.into_iter().flatten() {
        if find(new, entry.name_bytes()).is_none() {
            let before = Some(Entry::of(&entry));
            found.push((entry.name_bytes().to_vec(), before, None));
        }
    }
    found
}

/// What stands under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    id: Oid,
    is_folder: bool,
}

impl Entry {
    fn of(entry: &TreeEntry<'_>) -> Self {
        Self {
            id: entry.id(),
            is_folder: entry.kind() == Some(ObjectType::Tree),
        }
    }
}

/// Everybody who had a hand in a commit: who wrote it, who put it into the repository, and whom its message names beside
/// (`Co-authored-by`, as git-interpret-trailers(1) has it).
fn hands(commit: &Commit<'_>) -> Authors {
    let mut hands = Authors::one(&super::work::author(commit));
    hands.join(&Authors::one(&super::work::person(&commit.committer())));
    let message = commit.message_bytes();
    let message = String::from_utf8_lossy(message.get(..MOST_MESSAGE).unwrap_or(message));
    for line in message.lines() {
        if let Some((word, person)) = line.split_once(':')
            && word.trim().eq_ignore_ascii_case("co-authored-by")
        {
            hands.join(&Authors::one(&super::work::visible(
                person.trim().as_bytes(),
            )));
        }
    }
    hands
}
