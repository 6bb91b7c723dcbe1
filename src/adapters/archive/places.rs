//! The store's folders, and the work done in them. All of it blocks.

use super::{
    draft::{Draft, PARTIAL, Published, private_folder},
    exclude::Exclude,
    pack::{Found, Inode, Packing, stopped},
    restore::{self, Fault},
};
use crate::{
    domain::{digest::Digest, span::Span},
    history::{self, BackupError},
    ports::{
        archive::{ArchiveError, Expected, Inspection, Label, Stored},
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
    scratch_count: AtomicU64,
}

/// A piece of work and its faults.
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
    fn fault(&self, path: &Path, fault: Fault) -> ArchiveError {
        match fault {
            Fault::Damaged(reason) if !self.stop.is_cancelled() => ArchiveError::Damaged {
                path: path.to_owned(),
                reason,
            },
            Fault::Damaged(reason) | Fault::Failed(reason) => self.failed(reason),
        }
    }
}

/// What a restore finds: members or tables, and what is in them.
pub(super) type Restored = (u64, BTreeMap<String, u64>);

impl Places {
    pub(super) fn open(state: &Path, clock: Arc<dyn Clock>) -> io::Result<Self> {
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
        Ok(Self {
            state,
            artifacts,
            scratch,
            clock,
            scratch_count: AtomicU64::new(0),
        })
    }

    pub(super) fn absolute(&self, path: &Path) -> PathBuf {
        let joined = self.state.join(path);
        // `.` says nothing; `..` is left to the system, which knows the links on the way.
        joined
            .components()
            .filter(|part| *part != Component::CurDir)
            .collect()
    }

    pub(super) fn files(
        &self,
        label: &Label,
        paths: &[PathBuf],
        exclude: &Exclude,
        work: &Work,
    ) -> Result<Stored, ArchiveError> {
        let roots = self.roots(paths);
        let draft = self
            .draft(label, FILES)
            .map_err(|error| work.failed(error))?;
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

    pub(super) fn draft(&self, label: &Label, extension: &str) -> io::Result<Draft> {
        let folder = self.artifacts.join(label.runbook.as_str());
        Draft::new(&folder, label, self.clock.now(), extension)
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
            .map_err(|error| work.failed(chain(&error)))?;
        let mut draft = self.draft(label, SQLITE).map_err(failed)?;
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

    /// Restores an artifact into a scratch folder.
    pub(super) fn inspect(
        &self,
        path: &Path,
        expected: Expected,
        work: &Work,
        restore: fn(&Work, &File, &Path, u64) -> Result<Restored, Fault>,
    ) -> Result<Inspection, ArchiveError> {
        self.looked_into(path, expected, work, |file| {
            let failed = |error: io::Error| Fault::Failed(error.to_string());
            let scratch = self.scratch().map_err(failed)?;
            let most = most_bytes(&scratch.0, expected.raw_size).map_err(Fault::Failed)?;
            restore(work, file, &scratch.0, most)
        })
    }

    /// Reads an artifact that needs no folder.
    pub(super) fn inspect_stream(
        &self,
        path: &Path,
        expected: Expected,
        work: &Work,
    ) -> Result<Inspection, ArchiveError> {
        self.looked_into(path, expected, work, |file| {
            let most = expected.raw_size.map_or(u64::MAX, with_slack);
            Ok((1, restore::measure(file, most, &work.stop)?))
        })
    }

    /// The frame of all inspections: the digest first, then what is in it, and the time that took.
    fn looked_into(
        &self,
        path: &Path,
        expected: Expected,
        work: &Work,
        look: impl FnOnce(&File) -> Result<Restored, Fault>,
    ) -> Result<Inspection, ArchiveError> {
        let failed = |error: io::Error| work.failed(error);
        let started = self.clock.elapsed();
        let mut file = open_artifact(path).map_err(failed)?;
        let (sha256, size) = digest(&file, &work.stop).map_err(failed)?;
        if let Some(recorded) = expected.sha256.filter(|recorded| *recorded != sha256) {
            let reason = format!("its SHA-256 is {sha256}, and {recorded} was recorded");
            return Err(work.fault(path, Fault::Damaged(reason)));
        }
        file.rewind().map_err(failed)?;
        let (entries, content) = look(&file).map_err(|fault| work.fault(path, fault))?;
        let took = self.clock.elapsed().saturating_sub(started);
        Ok(Inspection {
            sha256,
            size,
            entries,
            content,
            took: Span::from_millis(u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
        })
    }

    fn scratch(&self) -> io::Result<Scratch> {
        let count = self.scratch_count.fetch_add(1, Ordering::Relaxed);
        let folder = self.scratch.join(count.to_string());
        private_folder(&folder)?;
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
        path: published.path,
        size: published.size,
        sha256: published.sha256,
        raw_size: published.raw_size,
        entries: found.entries,
        skipped: found.skipped.listed(),
        changed: found.changed.listed(),
    }
}

/// A folder that goes, with all in it, when this goes.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now is removed at the next start.
        let _removed = fs::remove_dir_all(&self.0);
    }
}

/// A restored database that SQLite does not take is a damaged artifact.
pub(super) fn said(error: &BackupError) -> Fault {
    match error {
        BackupError::Database { .. } => Fault::Damaged(chain(error)),
        BackupError::Damaged { problems, .. } => Fault::Damaged(problems.join("; ")),
        BackupError::File { .. } | BackupError::Busy { .. } | BackupError::Stopped => {
            Fault::Failed(chain(error))
        }
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

fn open_artifact(path: &Path) -> io::Result<File> {
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
fn most_bytes(scratch: &Path, raw_size: Option<u64>) -> Result<u64, String> {
    let disk = rustix::fs::statvfs(scratch).map_err(|error| error.to_string())?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    match raw_size {
        None => Ok(free / 2),
        Some(size) if size > free => Err(format!(
            "it needs {size} bytes of scratch space and {free} are free\nhint: make room under {}",
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
