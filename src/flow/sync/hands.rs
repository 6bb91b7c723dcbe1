//! Whose hands a file's newest version went through, so that none of them consents to their own change.
//!
//! - Every commit since the revision in use counts, as far as its history can be seen; where it cannot, that is said.
//! - A version that never came into use - broken, or not fitting with the rest - was still somebody's change: its authors count
//!   until a version of that file is used. So do those of files that went, for files that are new: they may have been moved.
//! - The first revision is taken over as it is: its last author stands for it. Whoever points the agent at a repository has looked at it.

use super::{merge::Files, newest::NewestFile};
use crate::{
    domain::{
        active::ActiveSet,
        digest::Digest,
        lineage::{Authors, Lineage},
        name::RunbookName,
    },
    ports::source::Tree,
};
use std::{collections::BTreeMap, sync::Arc};

/// See the module.
pub(super) struct Hands<'a> {
    lineage: &'a Lineage,
    tree: &'a Tree,
    files: &'a Files,
    set: &'a ActiveSet,
    /// Looked for when first needed.
    gone: Option<Authors>,
    /// One text for all files that have it.
    texts: BTreeMap<String, Arc<str>>,
}

impl<'a> Hands<'a> {
    /// `files` and `set` are those before.
    pub(super) fn new(
        lineage: &'a Lineage,
        tree: &'a Tree,
        files: &'a Files,
        set: &'a ActiveSet,
    ) -> Self {
        Self {
            lineage,
            tree,
            files,
            set,
            gone: None,
            texts: BTreeMap::new(),
        }
    }

    /// The authors of a file that is to be read, as a text.
    pub(super) fn of(&mut self, path: &str) -> Arc<str> {
        let mut authors = self.lineage.authors_of(path);
        match self.files.get(path) {
            Some(before) => authors.join(&waiting(before, self.set)),
            None => authors.join(&self.gone()),
        }
        if authors.is_empty() {
            // Nobody changed it: it is only read again.
            authors = self.before(path);
        }
        self.text(&authors)
    }

    fn text(&mut self, authors: &Authors) -> Arc<str> {
        let text = authors.to_string();
        let shared = self.texts.entry(text.clone());
        Arc::clone(shared.or_insert_with(|| text.into()))
    }

    /// The authors of a runbook that says more than before by files that its steps name: whoever had a hand in anything, because who
    /// changed them is not looked up. `own` are those of its text, where that is new as well.
    pub(super) fn of_materials(
        &mut self,
        path: &str,
        runbook: &RunbookName,
        files: Option<&Digest>,
        own: Option<&str>,
    ) -> Arc<str> {
        let before = self.set.runbook(runbook);
        let is_known = before.is_some_and(|before| before.runbook.files.as_deref() == files);
        let mut authors = own.map(Authors::read).unwrap_or_default();
        if !is_known {
            authors.join(&self.lineage.everyone);
        }
        if let Some(before) = self.files.get(path) {
            authors.join(&waiting(before, self.set));
        }
        if authors.is_empty() {
            authors = Authors::one(&self.tree.revision.author);
        }
        self.text(&authors)
    }

    fn gone(&mut self) -> Authors {
        if let Some(gone) = &self.gone {
            return gone.clone();
        }
        let is_there = |path: &str| {
            let found = self
                .tree
                .files
                .binary_search_by(|file| (*file.path).cmp(path));
            found.is_ok()
        };
        let mut gone = Authors::default();
        for (_, file) in self.files.iter().filter(|(path, _)| !is_there(path)) {
            gone.join(&waiting(file, self.set));
        }
        self.gone = Some(gone.clone());
        gone
    }

    fn before(&self, path: &str) -> Authors {
        let mut authors = Authors::default();
        for document in self.files.get(path).iter().flat_map(|file| &file.documents) {
            authors.join(&Authors::read(&document.origin().author));
        }
        if authors.is_empty() {
            authors = Authors::one(&self.tree.revision.author);
        }
        authors
    }
}

/// Authors of a version that is not in use.
fn waiting(file: &NewestFile, set: &ActiveSet) -> Authors {
    let is_used = |document: &crate::domain::active::Active| {
        set.get(&document.identity())
            .is_some_and(|used| used.says_the_same(document))
    };
    let is_known = !file.blob.is_empty() && file.is_clean();
    if is_known && file.documents.iter().all(is_used) {
        return Authors::default();
    }
    Authors::read(&file.authors)
}
