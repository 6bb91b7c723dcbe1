//! The store's folders, and the work done in them. All of it blocks.

use super::{
    bucket::Bucket,
    disk::{DiskFile, MAKE_ROOM, Named, PARTIAL, at, private_file, private_folder},
    draft::{Draft, Published, Sink},
    exclude::Exclude,
    fresh::{FreshNotes, Naming},
    pack::{Found, Inode, Packing, stopped},
    restore::{self, Fault, Writer},
    seal::{Keys, SEALED, Unopened},
    upload::{Notes, Upload},
};
use crate::{
    domain::{
        artifact::{DISK, Location},
        digest::Digest,
        name::StoreName,
        span::Span,
    },
    history::{self, BackupError},
    ports::{
        BoxFuture,
        archive::{
            ArchiveError, Encrypt, Expected, Form, GONE, Inspection, Label, Stored, Unpacked,
        },
        clock::Clock,
    },
};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read, Seek as _, Write},
    os::unix::fs::MetadataExt as _,
    path::{Component, Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::io::AsyncRead;
use tokio_util::sync::CancellationToken;

const FILES: &str = "tar.zst";
const SQLITE: &str = "sqlite.zst";
const CHUNK: usize = 64 * 1024;
/// An inspection refuses to write more than the recorded size, a sixteenth of it, and this many bytes.
const SLACK: u64 = 1 << 20;

#[derive(Debug)]
pub(super) struct Places {
    state: PathBuf,
    pub(super) artifacts: PathBuf,
    scratch: PathBuf,
    clock: Arc<dyn Clock>,
    keys: Keys,
    buckets: BTreeMap<StoreName, Arc<Bucket>>,
    /// Where artifacts go that name no store.
    usual: Option<StoreName>,
    notes: Notes,
    fresh: FreshNotes,
    scratch_count: AtomicU64,
}

/// A piece of work and its faults.
#[derive(Clone)]
pub(super) struct Work {
    pub(super) doing: String,
    pub(super) stop: CancellationToken,
}

impl Work {
    #[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
    pub(super) fn failed(&self, reason: impl ToString) -> ArchiveError {
        if self.stop.is_cancelled() {
            return ArchiveError::Stopped(self.doing.clone());
        }
        ArchiveError::Failed {
            doing: self.doing.clone(),
            reason: reason.to_string(),
        }
    }
    pub(super) fn unfit(&self, reason: impl Into<String>) -> ArchiveError {
        ArchiveError::Unfit {
            doing: self.doing.clone(),
            reason: reason.into(),
        }
    }
    pub(super) fn fault(&self, location: &Location, fault: Fault) -> ArchiveError {
        match fault {
            Fault::Unfit(reason) => self.unfit(reason),
            Fault::Damaged(reason) if !self.stop.is_cancelled() => ArchiveError::Damaged {
                location: location.clone(),
                reason,
            },
            Fault::Damaged(reason) | Fault::Failed(reason) => self.failed(reason),
        }
    }
}

/// What a restore finds: members or tables, and what is in them.
pub(super) type Restored = (u64, BTreeMap<String, u64>);

impl Places {
    pub(super) fn open(
        state: &Path,
        clock: Arc<dyn Clock>,
        keys: Keys,
        (usual, buckets): (Option<StoreName>, BTreeMap<StoreName, Arc<Bucket>>),
    ) -> io::Result<Self> {
        let state = std::path::absolute(state)?;
        let artifacts = state.join("artifacts");
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

    /// Where an artifact is. The history has its path as it was when it was made; where the state folder was moved since, it is in the
    /// same place below the one of today. Names of artifacts are never used twice, so it is no other one.
    fn kept_at(&self, path: &Path) -> PathBuf {
        let path = self.absolute(path);
        if path.starts_with(&self.artifacts) || path.exists() {
            return path;
        }
        let mut parts = path.components().rev();
        let (name, folder, above) = (parts.next(), parts.next(), parts.next());
        let is_ours = above.map(Component::as_os_str) == self.artifacts.file_name();
        match (name, folder) {
            (Some(Component::Normal(name)), Some(Component::Normal(folder))) if is_ours => {
                let moved = self.artifacts.join(folder).join(name);
                if moved.exists() { moved } else { path }
            }
            _ => path,
        }
    }

    pub(super) fn files(
        &self,
        label: &Label,
        paths: &[PathBuf],
        exclude: &Exclude,
        work: &Work,
    ) -> Result<Stored, ArchiveError> {
        let roots = self.roots(paths);
        let draft = self.draft(label, FILES, work)?;
        let own = self.own_folders();
        let packed = pack_all(draft, &roots, exclude, &own, &work.stop);
        let (draft, found) = packed.map_err(|error| work.failed(error))?;
        if found.unreadable.count() > 0 {
            return Err(ArchiveError::Unreadable {
                count: found.unreadable.count(),
                listed: found.unreadable.listed(),
            });
        }
        if found.entries == 0 {
            return Err(work.failed("nothing was found to back up, so the result would be empty"));
        }
        let published = draft.publish().map_err(|error| work.failed(error))?;
        Ok(stored(published, found))
    }

    /// Absolute, sorted, and without those that lie in another.
    fn roots(&self, paths: &[PathBuf]) -> Vec<PathBuf> {
        let mut roots: Vec<PathBuf> = paths.iter().map(|path| self.absolute(path)).collect();
        roots.sort();
        roots.dedup_by(|later, earlier| later.starts_with(earlier));
        roots
    }

    /// Begins an artifact where its label says.
    pub(super) fn draft(
        &self,
        label: &Label,
        extension: &str,
        work: &Work,
    ) -> Result<Draft, ArchiveError> {
        if let Some(why) = self.why_unfit(label.store.as_ref(), label.encrypt) {
            return Err(work.unfit(why));
        }
        let seals = label.encrypt != Encrypt::Never && self.keys.can_seal();
        let ending = if seals { SEALED } else { "" };
        let extension = format!("{extension}{ending}");
        let stem = stem(label, self.clock.now());
        let sink = self.sink(label, stem, extension, work);
        let naming = Naming {
            notes: self.fresh.clone(),
            run: label.run,
        };
        let keys = seals.then_some(&self.keys);
        let draft = sink.and_then(|sink| Draft::new(sink, keys, naming));
        draft.map_err(|error| work.failed(error))
    }

    fn sink(
        &self,
        label: &Label,
        stem: String,
        extension: String,
        work: &Work,
    ) -> io::Result<Sink> {
        let Some(bucket) = self.bucket(label.store.as_ref()) else {
            let folder = self.artifacts.join(label.runbook.as_str());
            return DiskFile::new(&folder, stem, extension).map(Sink::Disk);
        };
        for number in 1..100 {
            let number = if number == 1 {
                String::new()
            } else {
                format!("-{number}")
            };
            let key = format!("{}/{stem}{number}.{extension}", label.runbook);
            match Upload::new(bucket.clone(), key, self.notes.clone(), &work.stop) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                upload => return upload.map(|upload| Sink::Store(Box::new(upload))),
            }
        }
        Err(io::Error::from(io::ErrorKind::AlreadyExists))
    }

    /// The bucket that artifacts go to; none for the disk.
    fn bucket(&self, store: Option<&StoreName>) -> Option<&Arc<Bucket>> {
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

    pub(super) fn fresh(&self) -> &FreshNotes {
        &self.fresh
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

    fn known(&self, store: &StoreName, work: &Work) -> Result<&Arc<Bucket>, ArchiveError> {
        self.buckets.get(store).ok_or_else(|| {
            let why = self.why_unfit(Some(store), Encrypt::Never);
            work.unfit(why.unwrap_or_default())
        })
    }

    fn own_folders(&self) -> Vec<Inode> {
        [&self.artifacts, &self.scratch]
            .into_iter()
            .filter_map(|folder| fs::metadata(folder).ok())
            .map(|metadata| (metadata.dev(), metadata.ino()))
            .collect()
    }

    pub(super) fn sqlite(
        &self,
        label: &Label,
        source: &Path,
        work: &Work,
    ) -> Result<Stored, ArchiveError> {
        let failed = |error: io::Error| work.failed(error);
        if fs::metadata(source).map_err(failed)?.len() == 0 {
            return Err(work.failed("the database is empty"));
        }
        let scratch = self.scratch().map_err(failed)?;
        let copy = scratch.0.join("copy.sqlite");
        let stop = || work.stop.is_cancelled();
        let pages = history::online_backup(source, &copy, &stop)
            .map_err(|error| work.failed(unmade(&error)))?;
        let mut draft = self.draft(label, SQLITE, work)?;
        let copied = File::open(&copy).and_then(|file| pour(file, &mut draft, &work.stop));
        copied.map_err(failed)?;
        let found = Found {
            entries: pages,
            ..Found::default()
        };
        if pages == 0 {
            return Err(work.failed("the database is empty"));
        }
        Ok(stored(draft.publish().map_err(failed)?, found))
    }

    /// Restores an artifact into a scratch folder that stays, and tells what came out.
    pub(super) fn unpack(
        &self,
        form: Form,
        location: &Location,
        expected: Expected,
        work: &Work,
    ) -> Result<InScratch, ArchiveError> {
        let failed = |error: io::Error| work.failed(error);
        let scratch = self.scratch().map_err(failed)?;
        let most = most_bytes(&scratch.0, expected.raw_size).map_err(|why| work.failed(why))?;
        let path = scratch.0.join("content");
        let inspection = self.look(location, expected, work, |content| match form {
            Form::Files | Form::Tar => {
                let by = if form == Form::Tar {
                    Writer::Another
                } else {
                    Writer::Agent
                };
                let contents = restore::unpack(content, &path, by, most, &work.stop)?;
                Ok((contents.entries(), contents.by_name()))
            }
            Form::Sqlite => {
                restore::inflate(content, &path, most, &work.stop)?;
                let stop = || work.stop.is_cancelled();
                let whole = history::integrity(&path, &stop).map_err(|error| said(&error))?;
                Ok((whole.tables.len() as u64, whole.tables))
            }
            Form::Stream => {
                let bytes = restore::inflate(content, &path, most, &work.stop)?;
                Ok((1, [("bytes".to_owned(), bytes)].into()))
            }
        })?;
        Ok(InScratch {
            path,
            inspection,
            scratch,
        })
    }

    /// The same, where nothing needs to stay.
    pub(super) fn inspect(
        &self,
        form: Form,
        location: &Location,
        expected: Expected,
        work: &Work,
    ) -> Result<Inspection, ArchiveError> {
        if form != Form::Stream {
            let unpacked = self.unpack(form, location, expected, work)?;
            return Ok(unpacked.inspection);
        }
        self.look(location, expected, work, |content| {
            let most = expected.raw_size.map_or(u64::MAX, with_slack);
            Ok((1, restore::measure(content, most, &work.stop)?))
        })
    }

    /// The frame of all inspections: the digest first, then what is in it, and the time that took.
    pub(super) fn look(
        &self,
        location: &Location,
        expected: Expected,
        work: &Work,
        look: impl FnOnce(&mut dyn Read) -> Result<Restored, Fault>,
    ) -> Result<Inspection, ArchiveError> {
        let failed = |error: io::Error| work.failed(error);
        let started = self.clock.elapsed();
        let gone = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => work.fault(location, Fault::Damaged(GONE.to_owned())),
            _ => work.failed(error),
        };
        let at_hand = self.at_hand(location, work, gone)?;
        let mut file = open_artifact(&at_hand.path).map_err(gone)?;
        let (sha256, size) = digest(&file, &work.stop).map_err(failed)?;
        if let Some(recorded) = expected.sha256.filter(|recorded| *recorded != sha256) {
            self.answers(location, work)?;
            let reason = format!("its SHA-256 is {sha256}, and {recorded} was recorded");
            return Err(work.fault(location, Fault::Damaged(reason)));
        }
        file.rewind().map_err(failed)?;
        let fault = |fault| work.fault(location, fault);
        let (entries, content) = if location.file_name().ends_with(SEALED) {
            let mut opened = self
                .keys
                .open(file)
                .map_err(|unopened| fault(unopened.into()))?;
            look(&mut opened).map_err(fault)?
        } else {
            look(&mut file).map_err(fault)?
        };
        let took = self.clock.elapsed().saturating_sub(started);
        Ok(Inspection {
            sha256,
            size,
            entries,
            content,
            took: Span::from_millis(u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
        })
    }

    /// The artifact as a file: itself, or its copy in the scratch space.
    fn at_hand(
        &self,
        location: &Location,
        work: &Work,
        gone: impl Fn(io::Error) -> ArchiveError,
    ) -> Result<AtHand, ArchiveError> {
        let (store, key) = match location {
            Location::File(path) => {
                let path = self.kept_at(path);
                return Ok(AtHand { path, copy: None });
            }
            Location::Object { store, key } => (store, key),
        };
        let bucket = self.known(store, work)?;
        let failed = |error: io::Error| work.failed(error);
        let scratch = self.scratch().map_err(failed)?;
        let path = scratch.0.join("stored");
        let file = private_file(&path).map_err(at(&scratch.0));
        let mut file = Named(file.map_err(failed)?, &scratch.0);
        let session = bucket.connect(&work.stop).map_err(failed)?;
        let mut stored = session.reader(key).map_err(gone)?;
        io::copy(&mut stored, &mut file).map_err(failed)?;
        let copy = Some(scratch);
        Ok(AtHand { path, copy })
    }

    /// That content is not what was kept is believed only of a store that answers as one: a web server may show the same page for all.
    fn answers(&self, location: &Location, work: &Work) -> Result<(), ArchiveError> {
        let Location::Object { store, key } = location else {
            return Ok(());
        };
        let session = self.known(store, work)?.connect(&work.stop);
        let answered = session.and_then(|session| session.must_be_s3(key));
        answered.map_err(|error| work.failed(error))
    }

    pub(super) fn scratch(&self) -> io::Result<Scratch> {
        let count = self.scratch_count.fetch_add(1, Ordering::Relaxed);
        let folder = self.scratch.join(count.to_string());
        private_folder(&folder).map_err(at(&folder))?;
        Ok(Scratch(folder))
    }
}

fn pack_all(
    draft: Draft,
    roots: &[PathBuf],
    exclude: &Exclude,
    own: &[Inode],
    stop: &CancellationToken,
) -> io::Result<(Draft, Found)> {
    let mut packing = Packing::new(draft, exclude, own, stop);
    for root in roots {
        packing.root(root)?;
    }
    packing.finish()
}

pub(super) fn stored(published: Published, found: Found) -> Stored {
    Stored {
        location: published.location,
        encrypted: published.sealed,
        size: published.size,
        sha256: published.sha256,
        raw_size: published.raw_size,
        entries: found.entries,
        folders: found.folders,
        skipped: found.skipped.listed(),
        changed: found.changed.listed(),
    }
}

/// `<name>-<UTC time>-<beginning of the revision>-<end of the run's id>`: the end of a version 7 UUID is its random part.
fn stem(label: &Label, at: jiff::Timestamp) -> String {
    let run = label.run.to_string();
    let run = run.get(run.len().saturating_sub(8)..).unwrap_or(&run);
    let revision: String = label
        .revision
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(8)
        .collect();
    let revision = if revision.is_empty() {
        "none".to_owned()
    } else {
        revision
    };
    let at = at.strftime("%Y%m%dT%H%M%SZ");
    format!("{}-{at}-{revision}-{run}", label.name)
}

/// An artifact as a file.
struct AtHand {
    path: PathBuf,
    /// Goes with it.
    #[expect(dead_code, reason = "it is kept for its end")]
    copy: Option<Scratch>,
}

/// An artifact's content.
#[derive(Debug)]
pub(super) struct InScratch {
    path: PathBuf,
    inspection: Inspection,
    /// Goes with it.
    #[expect(dead_code, reason = "it is kept for its end")]
    scratch: Scratch,
}

impl Unpacked for InScratch {
    fn path(&self) -> &Path {
        &self.path
    }
    fn inspection(&self) -> &Inspection {
        &self.inspection
    }
    fn open(&self) -> BoxFuture<'_, Result<Box<dyn AsyncRead + Send + Unpin>, String>> {
        Box::pin(async move {
            let opened = tokio::fs::File::open(&self.path).await;
            let opened = opened.map_err(|error| format!("reading the scratch folder: {error}"))?;
            let opened: Box<dyn AsyncRead + Send + Unpin> = Box::new(opened);
            Ok(opened)
        })
    }
}

impl From<Unopened> for Fault {
    fn from(unopened: Unopened) -> Self {
        match unopened {
            Unopened::NoKey(why) => Self::Unfit(why),
            Unopened::Damaged(why) => Self::Damaged(why),
        }
    }
}

/// A folder that goes, with all in it, when this goes.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

impl crate::ports::archive::Scratch for Scratch {
    fn path(&self) -> &Path {
        &self.0
    }
    fn only_file(&self) -> BoxFuture<'_, Result<Box<dyn AsyncRead + Send + Unpin>, String>> {
        let folder = self.0.clone();
        Box::pin(async move {
            let looking = tokio::task::spawn_blocking(move || only_file(&folder)).await;
            let found = looking.map_err(io::Error::other).flatten();
            let found = found.map_err(|error| format!("reading the scratch folder: {error}"))?;
            let opened: Box<dyn AsyncRead + Send + Unpin> =
                Box::new(tokio::fs::File::from_std(found));
            Ok(opened)
        })
    }
}

fn only_file(folder: &Path) -> io::Result<File> {
    let mut found = None;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() && found.replace(entry.path()).is_some() {
            return Err(io::Error::other("several files are in it"));
        }
    }
    File::open(found.ok_or_else(|| io::Error::other("no file is in it"))?)
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now is removed at the next start.
        let _removed = fs::remove_dir_all(&self.0);
    }
}

/// Why something could not be done with a database, and a way out.
pub(super) fn unmade(error: &BackupError) -> String {
    let hint = if error.is_full() { MAKE_ROOM } else { "" };
    format!("{}{hint}", chain(error))
}

/// A restored database that SQLite does not take is a damaged artifact.
pub(super) fn said(error: &BackupError) -> Fault {
    match error {
        BackupError::Damaged { problems, .. } => Fault::Damaged(problems.join("; ")),
        other if other.is_about_content() => Fault::Damaged(chain(other)),
        other => Fault::Failed(unmade(other)),
    }
}

/// An error with its causes.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

pub(super) fn open_artifact(path: &Path) -> io::Result<File> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    File::open(path)
}

fn digest(mut file: &File, stop: &CancellationToken) -> io::Result<(Digest, u64)> {
    let mut sha256 = Sha256::new();
    let mut size = 0;
    let mut buffer = vec![0; CHUNK];
    loop {
        stopped(stop)?;
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((Digest::from_bytes(sha256.finalize().into()), size));
        }
        sha256.update(buffer.get(..read).unwrap_or_default());
        size += read as u64;
    }
}

fn pour(mut from: File, to: &mut impl Write, stop: &CancellationToken) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    loop {
        stopped(stop)?;
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        to.write_all(buffer.get(..read).unwrap_or_default())?;
    }
}

/// How much a trial restore may write: what was recorded and a little, or else half of what is free.
pub(super) fn most_bytes(scratch: &Path, raw_size: Option<u64>) -> Result<u64, String> {
    let disk = rustix::fs::statvfs(scratch).map_err(|error| error.to_string())?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    match raw_size {
        None => Ok(free / 2),
        Some(size) if size > free => Err(format!(
            "it needs {size} bytes and {free} are free\nhint: make room under {}",
            scratch.display()
        )),
        Some(size) => Ok(with_slack(size)),
    }
}

fn with_slack(size: u64) -> u64 {
    size.saturating_add(size / 16).saturating_add(SLACK)
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
