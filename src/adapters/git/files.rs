//! Files of a revision that a step is carried out with.

use super::{
    failure::Failure,
    objects::Objects,
    tree::{Kind, joined},
    work::Work,
};
use crate::ports::materials::{LARGEST_FILE, MOST_FILES, RevisionFile};
use git2::{ObjectType, Oid};
use std::collections::BTreeMap;

/// Folders in each other.
const MAX_DEPTH: usize = 16;
/// Bytes of all files together.
const MAX_BYTES: usize = 8 << 20;
const EXECUTABLE: i32 = 0o100_755;

impl Work {
    /// What lies at these paths of the repository. Not of the followed folder alone: there, every YAML file is read as a runbook.
    pub(super) fn files(
        &self,
        revision: &str,
        paths: &[String],
    ) -> Result<Vec<RevisionFile>, Failure> {
        let repository = self.open()?;
        let objects = Objects::of(&repository).map_err(Failure::Objects)?;
        let root = root(&objects, revision)?;
        let mut taken = Taken {
            objects: &objects,
            files: BTreeMap::new(),
            bytes: 0,
        };
        for path in paths {
            let refused = |reason| Failure::Unusable(format!("`{path}` at {revision}: {reason}"));
            taken.path(root, path).map_err(refused)?;
        }
        Ok(taken.files.into_values().collect())
    }

    /// The ids of what lies at these paths, or why it cannot be taken.
    pub(super) fn objects(
        &self,
        revision: &str,
        paths: &[String],
    ) -> Result<Vec<Result<String, String>>, Failure> {
        let repository = self.open()?;
        let objects = Objects::of(&repository).map_err(Failure::Objects)?;
        let root = root(&objects, revision)?;
        let taken = Taken {
            objects: &objects,
            files: BTreeMap::new(),
            bytes: 0,
        };
        let found = paths.iter().map(|path| {
            let (entry, path) = taken.find(root, path)?;
            match entry.kind {
                Kind::Link | Kind::Submodule => Err(refused(entry.kind, &path)),
                Kind::Folder | Kind::Yaml | Kind::Other => Ok(entry.name()),
            }
        });
        Ok(found.collect())
    }
}

/// The topmost folder of a commit.
fn root(objects: &Objects<'_>, revision: &str) -> Result<Oid, Failure> {
    let commit = Oid::from_str(revision).and_then(|id| objects.commit(id));
    let gone = |error: git2::Error| {
        Failure::Unusable(format!("commit {revision} is gone: {}", error.message()))
    };
    Ok(commit.map_err(gone)?.tree_id())
}

/// Why something that is neither a file nor a folder is not taken.
fn refused(kind: Kind, path: &str) -> String {
    let what = match kind {
        Kind::Submodule => "a submodule",
        Kind::Link | Kind::Folder | Kind::Yaml | Kind::Other => "a symbolic link",
    };
    format!("`{path}` is {what}, which is not followed")
}

struct Taken<'a> {
    objects: &'a Objects<'a>,
    files: BTreeMap<String, RevisionFile>,
    bytes: usize,
}

impl Taken<'_> {
    fn path(&mut self, root: Oid, path: &str) -> Result<(), String> {
        let (entry, path) = self.find(root, path)?;
        self.take(&entry, &path, 0)
    }

    /// Walks down by names: no name leads up, and no link is followed.
    fn find(&self, root: Oid, path: &str) -> Result<(Entry, String), String> {
        let mut folder = root;
        let mut prefix = String::new();
        let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
        let Some((last, folders)) = names.split_last() else {
            return Err("it names nothing".to_owned());
        };
        for name in folders {
            let entry = self.entry(folder, name)?;
            if entry.kind != Kind::Folder {
                return Err(format!("`{prefix}{name}` is not a folder"));
            }
            prefix = format!("{prefix}{name}/");
            folder = entry.id;
        }
        let entry = self.entry(folder, last)?;
        Ok((entry, format!("{prefix}{last}")))
    }

    fn entry(&self, folder: Oid, name: &str) -> Result<Entry, String> {
        let tree = self.objects.tree(folder).map_err(words)?;
        let entry = tree.get_name(name).ok_or("it is not there")?;
        Ok(Entry::of(&entry))
    }

    fn take(&mut self, entry: &Entry, path: &str, depth: usize) -> Result<(), String> {
        match entry.kind {
            Kind::Folder if depth >= MAX_DEPTH => Err("it is nested too deeply".to_owned()),
            Kind::Folder => self.folder(entry.id, path, depth),
            Kind::Link | Kind::Submodule => Err(refused(entry.kind, path)),
            Kind::Yaml | Kind::Other => self.file(entry, path),
        }
    }

    fn folder(&mut self, id: Oid, path: &str, depth: usize) -> Result<(), String> {
        let tree = self.objects.tree(id).map_err(words)?;
        for inner in &tree {
            let inner_path = joined(&format!("{path}/"), inner.name_bytes())?;
            self.take(&Entry::of(&inner), &inner_path, depth + 1)?;
        }
        Ok(())
    }

    fn file(&mut self, entry: &Entry, path: &str) -> Result<(), String> {
        let (size, kind) = self.objects.header(entry.id).map_err(words)?;
        if kind != ObjectType::Blob {
            return Err(format!("`{path}` is not a file"));
        }
        let largest = usize::try_from(LARGEST_FILE).unwrap_or(usize::MAX);
        self.bytes = self.bytes.saturating_add(size);
        if size > largest || self.bytes > MAX_BYTES {
            return Err(format!(
                "`{path}`: at most {largest} bytes of a file and {MAX_BYTES} of all are taken"
            ));
        }
        if self.files.len() >= MOST_FILES && !self.files.contains_key(path) {
            return Err(format!("there are more than {MOST_FILES} files"));
        }
        let blob = self.objects.blob(entry.id).map_err(words)?;
        let file = RevisionFile {
            path: path.to_owned(),
            bytes: blob.content().to_vec(),
            executable: entry.executable,
        };
        self.files.insert(path.to_owned(), file);
        Ok(())
    }
}

/// An entry of a tree.
struct Entry {
    id: Oid,
    kind: Kind,
    executable: bool,
}

impl Entry {
    /// A text that stays the same as long as what it holds does.
    fn name(&self) -> String {
        let mark = if self.executable { " executable" } else { "" };
        format!("{}{mark}", self.id)
    }

    fn of(entry: &git2::TreeEntry<'_>) -> Self {
        Self {
            id: entry.id(),
            kind: Kind::any(entry),
            executable: entry.filemode_raw() == EXECUTABLE,
        }
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is given to `map_err` as it is"
)]
fn words(error: git2::Error) -> String {
    error.message().to_owned()
}
