//! Reads objects, and refuses those that libgit2 must not be given.
//!
//! libgit2 1.9 inflates a loose object whose file was cut short, as after a power failure, for ever. So a loose object is inflated
//! here first. An object of absurd size is refused before it is held in memory.

use git2::{Blob, Commit, Error, ErrorClass, ErrorCode, ObjectType, Odb, Oid, Repository, Tree};
use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_zlib_with_limit};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Bytes of one object, inflated. A tree of a million entries has about 40.
const MAX_OBJECT: usize = 64 << 20;
/// Bytes of a loose object's file: what cannot be compressed grows a little.
const MAX_FILE: u64 = 128 << 20;
/// An object is preceded by its kind and size, in fewer bytes.
const HEADER: usize = 64;
/// Tags that lead to tags.
const MAX_TAGS: usize = 8;
/// Folders of objects that refer to each other.
const MAX_FOLDERS: usize = 16;

/// A repository's objects.
pub(super) struct Objects<'a> {
    repository: &'a Repository,
    odb: Odb<'a>,
    /// Where loose objects may be.
    folders: Vec<PathBuf>,
}

impl<'a> Objects<'a> {
    pub(super) fn of(repository: &'a Repository) -> Result<Self, Error> {
        Ok(Self {
            repository,
            odb: repository.odb()?,
            folders: object_folders(&repository.commondir().join("objects")),
        })
    }

    /// An object's size and kind.
    pub(super) fn header(&self, id: Oid) -> Result<(usize, ObjectType), Error> {
        self.odb.read_header(id)
    }

    pub(super) fn tree(&self, id: Oid) -> Result<Tree<'a>, Error> {
        self.admit(id)?;
        self.repository.find_tree(id)
    }

    pub(super) fn blob(&self, id: Oid) -> Result<Blob<'a>, Error> {
        self.admit(id)?;
        self.repository.find_blob(id)
    }

    pub(super) fn commit(&self, id: Oid) -> Result<Commit<'a>, Error> {
        self.admit(id)?;
        self.repository.find_commit(id)
    }

    /// The commit that a reference leads to, through annotated tags.
    pub(super) fn commit_of(&self, reference: &git2::Reference<'_>) -> Result<Commit<'a>, Error> {
        let no_target = || Error::new(ErrorCode::NotFound, ErrorClass::Reference, "no target");
        let mut id = reference.resolve()?.target().ok_or_else(no_target)?;
        for _ in 0..MAX_TAGS {
            let (_, kind) = self.header(id)?;
            if kind != ObjectType::Tag {
                break;
            }
            self.admit(id)?;
            id = self.repository.find_tag(id)?.target_id();
        }
        self.commit(id)
    }

    fn admit(&self, id: Oid) -> Result<(), Error> {
        let name = id.to_string();
        let (first, rest) = name.split_at_checked(2).unwrap_or_default();
        let mut is_loose = false;
        for folder in &self.folders {
            let file = folder.join(first).join(rest);
            match Loose::look(&file) {
                Loose::Absent => {}
                Loose::Whole => is_loose = true,
                Loose::TooLarge => return Err(too_large(id)),
                Loose::Cut => {
                    let file = file.display();
                    let text =
                        format!("object {id} is damaged: {file} ends too early\nhint: git fsck");
                    return Err(Error::from_str(&text));
                }
            }
        }
        // One that was inflated is not asked for its size once more.
        if !is_loose && self.header(id)?.0 > MAX_OBJECT {
            return Err(too_large(id));
        }
        Ok(())
    }
}

fn too_large(id: Oid) -> Error {
    Error::from_str(&format!("object {id} has more than {MAX_OBJECT} bytes"))
}

/// What the file of a loose object is like.
enum Loose {
    Absent,
    Whole,
    /// It does not inflate to its end.
    Cut,
    TooLarge,
}

impl Loose {
    fn look(file: &Path) -> Self {
        let Ok(metadata) = fs::metadata(file) else {
            return Self::Absent;
        };
        if metadata.len() > MAX_FILE {
            return Self::TooLarge;
        }
        let Ok(bytes) = fs::read(file) else {
            return Self::Cut;
        };
        match decompress_to_vec_zlib_with_limit(&bytes, MAX_OBJECT + HEADER) {
            Ok(_) => Self::Whole,
            Err(error) if error.status == TINFLStatus::HasMoreOutput => Self::TooLarge,
            Err(_) => Self::Cut,
        }
    }
}

/// The folder itself, and those it borrows from (gitrepository-layout(5), objects/info/alternates).
fn object_folders(own: &Path) -> Vec<PathBuf> {
    let mut folders = vec![own.to_owned()];
    let mut next = 0;
    while let Some(folder) = folders.get(next).cloned() {
        next += 1;
        let alternates = fs::read_to_string(folder.join("info/alternates")).unwrap_or_default();
        for line in alternates.lines().filter(|line| !line.starts_with('#')) {
            let other = folder.join(line);
            if !line.is_empty() && folders.len() < MAX_FOLDERS && !folders.contains(&other) {
                folders.push(other);
            }
        }
    }
    folders
}

#[cfg(test)]
mod tests {
    use super::{Objects, object_folders};
    use git2::{Oid, Repository};
    use std::{fs, path::Path};

    fn cut(folder: &Path, id: Oid, keep: usize) {
        let name = id.to_string();
        let file = folder
            .join("objects")
            .join(name.get(..2).unwrap())
            .join(name.get(2..).unwrap());
        let bytes = fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        fs::write(&file, &bytes[..keep.min(bytes.len())]).unwrap();
    }

    #[test]
    fn an_object_that_was_cut_short_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository::init_bare(folder.path()).unwrap();
        let text: Vec<u8> = (0..20_000_u32).flat_map(u32::to_le_bytes).collect();
        for keep in [0, 1, 2, 10, 100, 1000, 20_000] {
            let id = repository.blob(&[&text[..], &[u8::try_from(keep % 256).unwrap()]].concat());
            let id = id.unwrap();
            let objects = Objects::of(&repository).unwrap();
            assert!(objects.blob(id).is_ok());
            cut(folder.path(), id, keep);
            let fresh = Repository::open_bare(folder.path()).unwrap();
            let objects = Objects::of(&fresh).unwrap();
            assert!(objects.blob(id).is_err(), "{keep}");
        }
    }

    #[test]
    fn borrowed_objects_are_looked_at_too() {
        let folder = tempfile::tempdir().unwrap();
        let (lender, borrower) = (folder.path().join("lender"), folder.path().join("borrower"));
        let lending = Repository::init_bare(&lender).unwrap();
        Repository::init_bare(&borrower).unwrap();
        let info = borrower.join("objects/info");
        fs::create_dir_all(&info).unwrap();
        fs::write(
            info.join("alternates"),
            format!("# kept\n{}\n", lender.join("objects").display()),
        )
        .unwrap();
        assert_eq!(object_folders(&borrower.join("objects")).len(), 2);
        let id = lending.blob(&[b'x'; 5000]).unwrap();
        let repository = Repository::open_bare(&borrower).unwrap();
        assert!(Objects::of(&repository).unwrap().blob(id).is_ok());
        cut(&lender, id, 15);
        let repository = Repository::open_bare(&borrower).unwrap();
        assert!(Objects::of(&repository).unwrap().blob(id).is_err());
    }
}
