//! Lists the YAML files of a commit, from tree objects only. Nothing is checked out and no link is followed.
//!
//! Names that start with `.` are passed over, as `.github` holds YAML that is not ours. What is refused is said, and the walk goes on.

use super::objects::Objects;
use crate::ports::source::{File, Refused};
use git2::{ObjectType, Oid};
use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

/// How much of a tree is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// Bytes of one file.
    pub(super) file_bytes: usize,
    /// YAML files.
    pub(super) files: usize,
}

/// Folders below the followed path.
const MAX_DEPTH: usize = 16;
/// Bytes of a path.
const MAX_PATH: usize = 1024;
/// Entries of any kind looked at, for each file allowed: a folder that holds itself a million times over ends the walk.
const ENTRIES_PER_FILE: usize = 20;
/// Refusals that are named one by one.
const MAX_REFUSED: usize = 100;

const MODE_KIND: i32 = 0o170_000;
const MODE_LINK: i32 = 0o120_000;
const MODE_SUBMODULE: i32 = 0o160_000;

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    /// Sorted by path.
    pub(super) files: Vec<File>,
    /// Sorted by path.
    pub(super) refused: Vec<Refused>,
}

/// Blobs known to be small enough, so that only new ones are looked at.
#[derive(Debug, Default)]
pub(super) struct Checked {
    limit: usize,
    blobs: HashSet<Oid>,
}

/// Lists a tree.
pub(super) fn list(
    objects: &Objects<'_>,
    root: Oid,
    limits: Limits,
    checked: &mut Checked,
) -> Result<Listing, git2::Error> {
    let mut walk = Walk {
        objects,
        limits,
        before: std::mem::take(checked),
        after: HashSet::new(),
        entries: 0,
        files: Vec::new(),
        refused: BTreeMap::new(),
    };
    let mut folders = vec![(root, Arc::<str>::from(""), 0)];
    while let Some((tree, prefix, depth)) = folders.pop() {
        if !walk.folder(tree, &prefix, depth, &mut folders)? {
            break;
        }
    }
    *checked = Checked {
        limit: limits.file_bytes,
        blobs: std::mem::take(&mut walk.after),
    };
    Ok(walk.finish())
}

type Folder = (Oid, Arc<str>, usize);

struct Walk<'a> {
    objects: &'a Objects<'a>,
    limits: Limits,
    before: Checked,
    after: HashSet<Oid>,
    entries: usize,
    files: Vec<File>,
    refused: BTreeMap<String, String>,
}

impl Walk<'_> {
    /// Looks at one folder; false once a limit ends the walk.
    fn folder(
        &mut self,
        tree: Oid,
        prefix: &str,
        depth: usize,
        folders: &mut Vec<Folder>,
    ) -> Result<bool, git2::Error> {
        let tree = self.objects.tree(tree)?;
        for entry in &tree {
            self.entries += 1;
            if self.entries > self.limits.files.saturating_mul(ENTRIES_PER_FILE) {
                self.refuse_rest("the tree has too many entries");
                return Ok(false);
            }
            let name = entry.name_bytes();
            if name.first() == Some(&b'.') && !matches!(name, b"." | b"..") {
                continue;
            }
            let kind = Kind::of(&entry, name);
            if kind == Kind::Other {
                continue;
            }
            let path = match joined(prefix, name) {
                Ok(path) => path,
                Err(reason) => {
                    let shown = String::from_utf8_lossy(name).escape_debug().to_string();
                    self.refuse(format!("{prefix}{shown}"), reason);
                    continue;
                }
            };
            match kind {
                Kind::Folder if depth < MAX_DEPTH => {
                    folders.push((entry.id(), format!("{path}/").into(), depth + 1));
                }
                Kind::Folder => self.refuse(path, "it is nested too deeply"),
                Kind::Link => self.refuse(path, "it is a symbolic link, which is not followed"),
                Kind::Submodule => self.refuse(path, "it is a submodule, which is not followed"),
                Kind::Yaml => {
                    if self.files.len() == self.limits.files {
                        let reason = format!("there are more than {} files", self.limits.files);
                        self.refuse_rest(&reason);
                        return Ok(false);
                    }
                    self.file(path, entry.id())?;
                }
                Kind::Other => {}
            }
        }
        Ok(true)
    }

    fn file(&mut self, path: String, blob: Oid) -> Result<(), git2::Error> {
        let known =
            self.before.limit == self.limits.file_bytes && self.before.blobs.contains(&blob);
        if !known && !self.after.contains(&blob) {
            let (size, kind) = self.objects.header(blob)?;
            if kind != ObjectType::Blob {
                self.refuse(path, "it is not a file");
                return Ok(());
            }
            if size > self.limits.file_bytes {
                let reason = format!(
                    "it has {size} bytes, and at most {} are read",
                    self.limits.file_bytes
                );
                self.refuse(path, &reason);
                return Ok(());
            }
        }
        self.after.insert(blob);
        self.files.push(File {
            path,
            blob: blob.to_string(),
        });
        Ok(())
    }

    fn refuse(&mut self, path: String, reason: &str) {
        if self.refused.len() < MAX_REFUSED {
            self.refused.insert(path, reason.to_owned());
        } else {
            self.refuse_rest("too many entries are refused to name them all");
        }
    }

    /// The empty path stands for everything that is not listed.
    fn refuse_rest(&mut self, reason: &str) {
        self.refused
            .entry(String::new())
            .or_insert_with(|| reason.to_owned());
    }

    fn finish(mut self) -> Listing {
        self.files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        let refused = self
            .refused
            .into_iter()
            .map(|(path, reason)| Refused { path, reason })
            .collect();
        Listing {
            files: self.files,
            refused,
        }
    }
}

/// What an entry is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Folder,
    Yaml,
    Link,
    Submodule,
    /// Not ours.
    Other,
}

impl Kind {
    /// Of an entry whose name does not matter.
    pub(super) fn any(entry: &git2::TreeEntry<'_>) -> Self {
        match entry.filemode_raw() & MODE_KIND {
            MODE_SUBMODULE => Self::Submodule,
            MODE_LINK => Self::Link,
            _ if entry.kind() == Some(ObjectType::Tree) => Self::Folder,
            _ => Self::Other,
        }
    }

    fn of(entry: &git2::TreeEntry<'_>, name: &[u8]) -> Self {
        let mode = entry.filemode_raw() & MODE_KIND;
        if mode == MODE_SUBMODULE {
            return Self::Submodule;
        }
        if entry.kind() == Some(ObjectType::Tree) {
            return Self::Folder;
        }
        // A link without an ending may stand for a folder that somebody expects to be read.
        if mode == MODE_LINK && (is_yaml(name) || !name.contains(&b'.')) {
            return Self::Link;
        }
        if mode != MODE_LINK && is_yaml(name) {
            return Self::Yaml;
        }
        Self::Other
    }
}

pub(super) fn is_yaml(name: &[u8]) -> bool {
    let ending = name.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    name.contains(&b'.')
        && (ending.eq_ignore_ascii_case(b"yaml") || ending.eq_ignore_ascii_case(b"yml"))
}

/// The path of an entry, if its name is one that a file may have everywhere.
pub(super) fn joined(prefix: &str, name: &[u8]) -> Result<String, &'static str> {
    let name = std::str::from_utf8(name).map_err(|_| "its name is not UTF-8")?;
    if matches!(name, "" | "." | "..") || name.contains(['/', '\\']) {
        return Err("its name leads out of its folder");
    }
    if name.chars().any(is_deceptive) {
        return Err("its name holds control characters");
    }
    if prefix.len() + name.len() > MAX_PATH {
        return Err("its path is too long");
    }
    Ok(format!("{prefix}{name}"))
}

/// Control characters, and those that reorder text on a screen (Unicode TR 36, section 3.4).
fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::{Checked, Limits, Listing, Objects, list};
    use git2::{Oid, Repository};

    struct Fixture {
        _folder: tempfile::TempDir,
        repository: Repository,
    }

    impl Fixture {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let repository = Repository::init_bare(folder.path()).unwrap();
            Self {
                _folder: folder,
                repository,
            }
        }
        fn blob(&self, bytes: &[u8]) -> Oid {
            self.repository.blob(bytes).unwrap()
        }
        /// A tree object written byte by byte, as a hostile server would.
        fn tree(&self, entries: &[(&str, &[u8], Oid)]) -> Oid {
            let mut bytes = Vec::new();
            for (mode, name, oid) in entries {
                bytes.extend_from_slice(mode.as_bytes());
                bytes.push(b' ');
                bytes.extend_from_slice(name);
                bytes.push(0);
                bytes.extend_from_slice(oid.as_bytes());
            }
            let odb = self.repository.odb().unwrap();
            odb.write(git2::ObjectType::Tree, &bytes).unwrap()
        }
        fn list(&self, root: Oid, limits: Limits) -> Listing {
            let objects = Objects::of(&self.repository).unwrap();
            list(&objects, root, limits, &mut Checked::default()).unwrap()
        }
    }

    const LIMITS: Limits = Limits {
        file_bytes: 100,
        files: 50,
    };

    fn paths(listing: &Listing) -> Vec<&str> {
        listing
            .files
            .iter()
            .map(|file| file.path.as_str())
            .collect()
    }

    #[test]
    fn only_yaml_is_listed_sorted_by_path() {
        let fixture = Fixture::new();
        let blob = fixture.blob(b"a: 1");
        let inner = fixture.tree(&[("100644", b"z.yml", blob)]);
        let root = fixture.tree(&[
            ("40000", b".github", inner),
            ("100644", b"README.md", blob),
            ("40000", b"a", inner),
            ("100644", b"a.yaml", blob),
            ("100755", b"b.YAML", blob),
            ("100644", b"yaml", blob),
        ]);
        let listing = fixture.list(root, LIMITS);
        assert_eq!(paths(&listing), ["a.yaml", "a/z.yml", "b.YAML"]);
        assert!(listing.refused.is_empty(), "{:?}", listing.refused);
    }

    #[test]
    fn hostile_entries_are_refused_and_the_rest_is_listed() {
        let fixture = Fixture::new();
        let blob = fixture.blob(b"a: 1");
        let large = fixture.blob(&[b'x'; 101]);
        let inner = fixture.tree(&[("100644", b"z.yml", blob)]);
        let root = fixture.tree(&[
            ("40000", b"..", inner),
            ("100644", b"a\\b.yaml", blob),
            ("100644", b"bell\x07.yaml", blob),
            ("100644", b"bytes\xff.yaml", blob),
            ("100644", b"good.yaml", blob),
            ("100644", b"large.yaml", large),
            ("120000", b"link.yaml", blob),
            ("120000", b"linked", blob),
            ("120000", b"notes.md", blob),
            ("160000", b"module", blob),
            ("100644", "turned\u{202E}.yaml".as_bytes(), blob),
        ]);
        let listing = fixture.list(root, LIMITS);
        assert_eq!(paths(&listing), ["good.yaml"]);
        let text: Vec<_> = listing
            .refused
            .iter()
            .map(|refused| format!("{}: {}", refused.path, refused.reason))
            .collect();
        insta::assert_snapshot!(text.join("\n"), @r"
        ..: its name leads out of its folder
        a\\b.yaml: its name leads out of its folder
        bell\u{7}.yaml: its name holds control characters
        bytes�.yaml: its name is not UTF-8
        large.yaml: it has 101 bytes, and at most 100 are read
        link.yaml: it is a symbolic link, which is not followed
        linked: it is a symbolic link, which is not followed
        module: it is a submodule, which is not followed
        turned\u{202e}.yaml: its name holds control characters
        ");
    }

    #[test]
    fn deep_nesting_and_trees_that_multiply_end_the_walk() {
        let fixture = Fixture::new();
        let mut tree = fixture.tree(&[("100644", b"a.yaml", fixture.blob(b"a: 1"))]);
        for _ in 0..40 {
            tree = fixture.tree(&[("40000", b"d", tree)]);
        }
        let listing = fixture.list(tree, LIMITS);
        assert!(listing.files.is_empty());
        assert_eq!(listing.refused.len(), 1);

        let mut tree = fixture.tree(&[("100644", b"a.md", fixture.blob(b"a: 1"))]);
        for _ in 0..12 {
            let names: Vec<String> = (0..10).map(|index| format!("d{index}")).collect();
            let entries: Vec<_> = names
                .iter()
                .map(|name| ("40000", name.as_bytes(), tree))
                .collect();
            tree = fixture.tree(&entries);
        }
        let listing = fixture.list(tree, LIMITS);
        assert_eq!(listing.refused.len(), 1);
        assert_eq!(listing.refused[0].path, "");
    }

    #[test]
    fn too_many_files_are_cut_and_said() {
        let fixture = Fixture::new();
        let blob = fixture.blob(b"a: 1");
        let names: Vec<String> = (0..60).map(|index| format!("{index:02}.yaml")).collect();
        let entries: Vec<_> = names
            .iter()
            .map(|name| ("100644", name.as_bytes(), blob))
            .collect();
        let listing = fixture.list(fixture.tree(&entries), LIMITS);
        assert_eq!(listing.files.len(), 50);
        assert_eq!(listing.refused[0].reason, "there are more than 50 files");
    }

    #[test]
    fn a_blob_is_measured_once_and_again_when_the_limit_changes() {
        let fixture = Fixture::new();
        let root = fixture.tree(&[("100644", b"a.yaml", fixture.blob(b"a: 1"))]);
        let mut checked = Checked::default();
        let objects = Objects::of(&fixture.repository).unwrap();
        let run = |limits, checked: &mut Checked| {
            list(&objects, root, limits, checked).unwrap().files.len()
        };
        assert_eq!(run(LIMITS, &mut checked), 1);
        assert_eq!(checked.blobs.len(), 1);
        assert_eq!(run(LIMITS, &mut checked), 1);
        let small = Limits {
            file_bytes: 1,
            ..LIMITS
        };
        assert_eq!(run(small, &mut checked), 0);
    }
}
