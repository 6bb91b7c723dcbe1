//! Repositories made with libgit2, as people's own tools would make them.

use git2::{Oid, Repository, Signature, Time};
use orderly::{
    adapters::git::{GitOptions, GitSource, Reference},
    domain::span::Span,
};
use std::path::{Path, PathBuf};

/// A repository and a state folder that go away with it.
pub(crate) struct Fixture {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) repository: Repository,
}

impl Fixture {
    /// An empty bare repository whose branch is `main`.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("origin.git");
        let mut options = git2::RepositoryInitOptions::new();
        options.bare(true).initial_head("main");
        let repository = Repository::init_opts(&path, &options).unwrap();
        Self { folder, repository }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("origin.git")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub(crate) fn options(&self, url: impl Into<String>) -> GitOptions {
        GitOptions {
            reference: Reference::Branch("main".into()),
            deadline: Span::from_secs(120),
            ..GitOptions::new(url, self.state())
        }
    }

    /// Follows `main` by its path.
    pub(crate) fn source(&self) -> GitSource {
        GitSource::new(self.options(self.path().to_str().unwrap())).unwrap()
    }

    /// Commits on `main`: each file is written, or removed where it has no content.
    pub(crate) fn commit(&self, files: &[(&str, Option<&str>)]) -> String {
        let entries: Vec<_> = files
            .iter()
            .map(|(path, text)| (*path, text.map(|text| (0o100_644, self.blob(text)))))
            .collect();
        self.commit_entries(&entries)
    }

    /// Somebody's commit with these parents, which no branch holds yet: the first parent's files with these in place of theirs.
    pub(crate) fn commit_by(
        &self,
        name: &str,
        parents: &[&str],
        files: &[(&str, Option<&str>)],
    ) -> String {
        self.commit_of([name, name], "change", parents, files)
    }

    /// The same of an author and a committer, with this message.
    pub(crate) fn commit_of(
        &self,
        [author, committer]: [&str; 2],
        message: &str,
        parents: &[&str],
        files: &[(&str, Option<&str>)],
    ) -> String {
        let find = |id: &&str| {
            self.repository
                .find_commit(Oid::from_str(id).unwrap())
                .unwrap()
        };
        let parents: Vec<_> = parents.iter().map(find).collect();
        let mut tree = parents.first().map(|parent| parent.tree().unwrap().id());
        for (path, text) in files {
            let entry = text.map(|text| (0o100_644, self.blob(text)));
            tree = Some(self.with_entry(tree, Path::new(path), entry));
        }
        let tree = self.repository.find_tree(tree.unwrap()).unwrap();
        let who = |name| Signature::new(name, "a@b", &Time::new(1_800_000_000, 0)).unwrap();
        let (author, committer) = (who(author), who(committer));
        let parents: Vec<_> = parents.iter().collect();
        let id = self
            .repository
            .commit(None, &author, &committer, message, &tree, &parents);
        id.unwrap().to_string()
    }

    /// `main` is this commit now.
    pub(crate) fn push(&self, commit: &str) {
        let id = Oid::from_str(commit).unwrap();
        self.repository
            .reference("refs/heads/main", id, true, "test")
            .unwrap();
    }

    pub(crate) fn blob(&self, text: &str) -> Oid {
        self.repository.blob(text.as_bytes()).unwrap()
    }

    /// Commits entries of any mode.
    pub(crate) fn commit_entries(&self, entries: &[(&str, Option<(i32, Oid)>)]) -> String {
        let parent = self.head();
        let mut tree = parent.as_ref().map(|parent| parent.tree().unwrap().id());
        for (path, entry) in entries {
            tree = Some(self.with_entry(tree, Path::new(path), *entry));
        }
        let parents: Vec<_> = parent.iter().collect();
        self.commit_tree(tree.unwrap(), &parents, "change runbooks")
    }

    pub(crate) fn commit_tree(
        &self,
        tree: Oid,
        parents: &[&git2::Commit<'_>],
        message: &str,
    ) -> String {
        let tree = self.repository.find_tree(tree).unwrap();
        let who = Signature::new("Ada", "ada@example.org", &Time::new(1_800_000_000, 0)).unwrap();
        let id = self
            .repository
            .commit(None, &who, &who, message, &tree, parents)
            .unwrap();
        self.repository
            .reference("refs/heads/main", id, true, "test")
            .unwrap();
        id.to_string()
    }

    /// Starts `main` over with only these files, as a force-push does.
    pub(crate) fn force(&self, files: &[(&str, &str)]) -> String {
        let mut tree = None;
        for (path, text) in files {
            tree = Some(self.with_entry(tree, Path::new(path), Some((0o100_644, self.blob(text)))));
        }
        self.commit_tree(tree.unwrap(), &[], "start over")
    }

    pub(crate) fn head(&self) -> Option<git2::Commit<'_>> {
        let head = self.repository.find_reference("refs/heads/main").ok()?;
        Some(head.peel_to_commit().unwrap())
    }

    fn with_entry(&self, tree: Option<Oid>, path: &Path, entry: Option<(i32, Oid)>) -> Oid {
        let base = tree.map(|tree| self.repository.find_tree(tree).unwrap());
        let mut builder = self.repository.treebuilder(base.as_ref()).unwrap();
        let mut parts = path.iter();
        let first = parts.next().unwrap();
        let rest = parts.as_path();
        if !rest.as_os_str().is_empty() {
            let inner = builder.get(first).unwrap().map(|entry| entry.id());
            let inner = self.with_entry(inner, rest, entry);
            builder.insert(first, inner, 0o040_000).unwrap();
        } else if let Some((mode, id)) = entry {
            builder.insert(first, id, mode).unwrap();
        } else {
            builder.remove(first).unwrap();
        }
        builder.write().unwrap()
    }
}

/// A runbook's text.
pub(crate) fn runbook(name: &str, description: &str) -> String {
    format!(
        "apiVersion: orderly.dev/v1\nkind: Runbook\nmetadata:\n  name: {name}\nspec:\n  description: {description}\n  triggers:\n    - every: 5m\n  steps:\n    - name: pause\n      uses: sleep\n      with: {{ duration: 1s }}\n"
    )
}
