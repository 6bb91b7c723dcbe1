//! What commands are made of, on this host and in the repository.

use super::lookup;
use crate::{
    domain::{digest::Digest, pinned::FoundProgram},
    ports::{
        BoxFuture,
        materials::{LARGEST_FILE, Looked, Materials, RevisionFile},
        source::Source,
    },
};
use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    fs::{File, Metadata, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// Programs whose digests are kept; beyond that, all are forgotten.
const MOST_KNOWN: usize = 1024;

/// The host's files and programs, and the followed repository's files.
#[derive(Debug)]
pub struct HostMaterials {
    source: Arc<dyn Source>,
    digests: Digests,
}

/// The digests of programs that were read, as long as these stay the same.
#[derive(Debug, Default)]
struct Digests(Mutex<BTreeMap<PathBuf, (Stamp, Digest)>>);

/// What changes whenever a file's bytes do: its time of change (`st_ctime`) cannot be set back by those who write to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(found: &Metadata) -> Self {
        Self {
            device: found.dev(),
            inode: found.ino(),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }
}

impl HostMaterials {
    /// Of this host, and of this repository.
    pub fn new(source: Arc<dyn Source>) -> Self {
        Self {
            source,
            digests: Digests::default(),
        }
    }
}

impl Digests {
    fn read(&self, path: &Path) -> io::Result<Digest> {
        let mut file = open(path)?;
        let stamp = Stamp::of(&file.metadata()?);
        let known = self.all().get(path).copied();
        if let Some((_, digest)) = known.filter(|(before, _)| *before == stamp) {
            return Ok(digest);
        }
        let digest = hashed(&mut file)?;
        // What was written to meanwhile is not kept under the stamp of before.
        if Stamp::of(&file.metadata()?) == stamp {
            let mut known = self.all();
            if known.len() >= MOST_KNOWN {
                known.clear();
            }
            known.insert(path.to_owned(), (stamp, digest));
        }
        Ok(digest)
    }

    /// Without reading it.
    fn known(&self, path: &Path) -> Option<Digest> {
        let found = std::fs::metadata(path).ok()?;
        let (before, digest) = self.all().get(path).copied()?;
        (before == Stamp::of(&found)).then_some(digest)
    }

    fn all(&self) -> std::sync::MutexGuard<'_, BTreeMap<PathBuf, (Stamp, Digest)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hashed(file: &mut File) -> io::Result<Digest> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(Digest::from_bytes(hasher.finalize().into())),
            length => hasher.update(buffer.get(..length).unwrap_or_default()),
        }
    }
}

/// A regular file; a pipe that nobody writes to must not keep anybody waiting.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other("it is not a regular file"))
    }
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    open(path)?.take(LARGEST_FILE + 1).read_to_end(&mut bytes)?;
    let fits = u64::try_from(bytes.len()).is_ok_and(|size| size <= LARGEST_FILE);
    Ok(fits.then_some(bytes))
}

impl Materials for HostMaterials {
    fn file(&self, path: &Path) -> Option<Vec<u8>> {
        read(path).ok().flatten()
    }

    fn program(&self, name: &str) -> Looked {
        let Ok(path) = lookup::find(&[name.to_owned()]) else {
            return Looked::Missing;
        };
        match self.digests.read(&path) {
            Ok(sha256) => Looked::Found(FoundProgram {
                path: path.to_string_lossy().into_owned(),
                sha256,
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Looked::Missing,
            Err(_) => Looked::NotLooked,
        }
    }

    fn known_program(&self, name: &str) -> Option<Looked> {
        let Ok(path) = lookup::find(&[name.to_owned()]) else {
            return Some(Looked::Missing);
        };
        let sha256 = self.digests.known(&path)?;
        let path = path.to_string_lossy().into_owned();
        Some(Looked::Found(FoundProgram { path, sha256 }))
    }

    fn repository<'a>(
        &'a self,
        revision: &'a str,
        paths: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<RevisionFile>, String>> {
        Box::pin(async move {
            let found = self.source.files(revision, paths).await;
            found.map_err(|error| error.to_string())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Digests, open, read};
    use std::{fs, path::Path};

    #[test]
    fn only_regular_files_of_some_size_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs::write(&path, b"one").unwrap();
        assert_eq!(read(&path).unwrap().unwrap(), b"one");
        fs::write(&path, vec![0; 1024 * 1024 + 1]).unwrap();
        assert!(read(&path).unwrap().is_none());
        assert!(open(folder.path()).is_err());
        assert!(open(Path::new("/dev/null")).is_err());
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
        assert!(open(&pipe).is_err());
    }

    #[test]
    fn a_program_is_known_once_it_was_read_and_as_long_as_it_stays_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let digests = Digests::default();
        assert_eq!(digests.known(&path), None);
        fs::write(&path, "one").unwrap();
        assert_eq!(digests.known(&path), None);
        let one = digests.read(&path).unwrap();
        assert_eq!(digests.known(&path), Some(one));
        fs::write(&path, "other").unwrap();
        assert_eq!(digests.known(&path), None);
        assert_ne!(digests.read(&path).unwrap(), one);
    }
}
