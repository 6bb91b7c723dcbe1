//! Where artifacts are: the folders of the agent's disk, and the stores beside it. All of it blocks.

use super::{
    bucket::Bucket,
    disk::{PARTIAL, at, private_folder},
    fresh::FreshNotes,
    scratch::Scratch,
    seal::Keys,
    upload::Notes,
    work::Work,
};
use crate::{
    domain::{
        artifact::{DISK, Location},
        name::StoreName,
    },
    ports::{
        archive::{ArchiveError, Encrypt},
        clock::Clock,
    },
};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Component, Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// The folder of a state folder that artifacts are in.
pub(super) const ARTIFACTS: &str = "artifacts";

#[derive(Debug)]
pub(super) struct Places {
    state: PathBuf,
    pub(super) artifacts: PathBuf,
    pub(super) scratch: PathBuf,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) keys: Keys,
    buckets: BTreeMap<StoreName, Arc<Bucket>>,
    /// Where artifacts go that name no store.
    usual: Option<StoreName>,
    pub(super) notes: Notes,
    pub(super) fresh: FreshNotes,
    scratch_count: AtomicU64,
}

impl Places {
    pub(super) fn open(
        state: &Path,
        clock: Arc<dyn Clock>,
        keys: Keys,
        (usual, buckets): (Option<StoreName>, BTreeMap<StoreName, Arc<Bucket>>),
    ) -> io::Result<Self> {
        let state = std::path::absolute(state)?;
        let artifacts = state.join(ARTIFACTS);
        // Other parts of the agent have scratch folders of their own beside this one.
        let scratch = state.join("scratch/archive");
        private_folder(&artifacts)?;
        if scratch.exists() {
            fs::remove_dir_all(&scratch)?;
        }
        private_folder(&scratch)?;
        remove_partial(&artifacts)?;
        let notes = Notes::open(state.join("uploads"))?;
        let fresh = FreshNotes::open(state.join("fresh"))?;
        Ok(Self {
            state,
            artifacts,
            scratch,
            clock,
            keys,
            buckets,
            usual: usual.filter(|store| store.as_str() != DISK),
            notes,
            fresh,
            scratch_count: AtomicU64::new(0),
        })
    }

    pub(super) fn state(&self) -> &Path {
        &self.state
    }

    pub(super) fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    pub(super) fn absolute(&self, path: &Path) -> PathBuf {
        let joined = self.state.join(path);
        // `.` says nothing; `..` is left to the system, which knows the links on the way.
        joined
            .components()
            .filter(|part| *part != Component::CurDir)
            .collect()
    }

    /// Where an artifact is.
    pub(super) fn kept_at(&self, path: &Path) -> PathBuf {
        kept_at(&self.artifacts, self.absolute(path))
    }

    /// The bucket that artifacts go to; none for the disk.
    pub(super) fn bucket(&self, store: Option<&StoreName>) -> Option<&Arc<Bucket>> {
        let store = store.or(self.usual.as_ref())?;
        self.buckets.get(store)
    }

    pub(super) fn why_unfit(&self, store: Option<&StoreName>, encrypt: Encrypt) -> Option<String> {
        if let Some(store) = store.or(self.usual.as_ref())
            && store.as_str() != DISK
            && !self.buckets.contains_key(store)
        {
            let known: Vec<&str> = self.buckets.keys().map(StoreName::as_str).collect();
            let known = [&[DISK], known.as_slice()].concat().join(", ");
            return Some(format!(
                "there is no store `{store}`\nhint: the agent's configuration names {known}; add it under `artifacts.stores`"
            ));
        }
        let words = match encrypt {
            _ if self.keys.can_seal() => return None,
            Encrypt::AsConfigured | Encrypt::Never => return None,
            Encrypt::Always => {
                "it may hold secrets, and there is nobody to encrypt it for\nhint: name public keys of age in the agent's configuration, under `artifacts.recipients`"
            }
            Encrypt::AsBefore => {
                "the one before it is encrypted, and there is nobody to encrypt this one for any more\nhint: name public keys of age in the agent's configuration again, under `artifacts.recipients`; or say `keep: { encrypt: false }` where it may be read by all who reach the store"
            }
        };
        Some(words.to_owned())
    }

    pub(super) fn tidy(&self) -> Vec<String> {
        self.notes.left(&self.buckets)
    }

    /// Bytes of an artifact; none where nothing is there.
    pub(super) fn size(
        &self,
        location: &Location,
        work: &Work,
    ) -> Result<Option<u64>, ArchiveError> {
        match location {
            Location::File(path) => match fs::metadata(self.kept_at(path)) {
                Ok(found) => Ok(Some(found.len())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(work.failed(error)),
            },
            Location::Object { store, key } => {
                let bucket = self.known(store, work)?;
                let session = bucket.connect(&work.stop);
                let size = session.and_then(|session| session.size(key));
                size.map_err(|error| work.failed(error))
            }
        }
    }

    /// Removes an artifact; whether it was there.
    pub(super) fn remove(&self, location: &Location, work: &Work) -> Result<bool, ArchiveError> {
        match location {
            Location::File(path) => self.remove_file(path, work),
            Location::Object { store, key } => {
                let bucket = self.known(store, work)?;
                let session = bucket.connect(&work.stop);
                let removed = session.and_then(|session| session.remove(key));
                removed.map_err(|error| work.failed(error))
            }
        }
    }

    /// Only what lies directly in a folder of the artifacts is one.
    fn remove_file(&self, path: &Path, work: &Work) -> Result<bool, ArchiveError> {
        let path = self.kept_at(path);
        let found = fs::symlink_metadata(&path);
        if found.is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return Ok(false);
        }
        let mut parts = path.strip_prefix(&self.artifacts).into_iter().flatten();
        let (folder, name, more) = (parts.next(), parts.next(), parts.next());
        if folder.is_none() || name.is_none() || more.is_some() || path.is_symlink() {
            return Err(work.unfit(format!(
                "{} is no artifact of this agent: those lie below {}",
                path.display(),
                self.artifacts.display()
            )));
        }
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(work.failed(error)),
        }
    }

    pub(super) fn known(
        &self,
        store: &StoreName,
        work: &Work,
    ) -> Result<&Arc<Bucket>, ArchiveError> {
        self.buckets.get(store).ok_or_else(|| {
            let why = self.why_unfit(Some(store), Encrypt::Never);
            work.unfit(why.unwrap_or_default())
        })
    }

    pub(super) fn scratch(&self) -> io::Result<Scratch> {
        let count = self.scratch_count.fetch_add(1, Ordering::Relaxed);
        let folder = self.scratch.join(count.to_string());
        private_folder(&folder).map_err(at(&folder))?;
        Ok(Scratch::new(folder))
    }
}

/// Where an artifact is. The history has its path as it was when it was made; where the state folder was moved since, it is in the
/// same place below the one of today. Names of artifacts are never used twice, so it is no other one.
pub(super) fn kept_at(artifacts: &Path, path: PathBuf) -> PathBuf {
    if path.starts_with(artifacts) || path.exists() {
        return path;
    }
    let mut parts = path.components().rev();
    let (name, folder, above) = (parts.next(), parts.next(), parts.next());
    let is_ours = above.map(Component::as_os_str) == artifacts.file_name();
    match (name, folder) {
        (Some(Component::Normal(name)), Some(Component::Normal(folder))) if is_ours => {
            let moved = artifacts.join(folder).join(name);
            if moved.exists() { moved } else { path }
        }
        _ => path,
    }
}

fn remove_partial(artifacts: &Path) -> io::Result<()> {
    for folder in fs::read_dir(artifacts)? {
        let folder = folder?;
        if !folder.file_type()?.is_dir() {
            continue;
        }
        for file in fs::read_dir(folder.path())? {
            let file = file?;
            let name = file.file_name();
            let name = name.to_string_lossy();
            if name.starts_with('.') && name.ends_with(PARTIAL) {
                fs::remove_file(file.path())?;
            }
        }
    }
    Ok(())
}
