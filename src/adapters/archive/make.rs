//! Artifacts of files and of databases, and where any new one goes. All of it blocks.

use super::{
    disk::DiskFile,
    draft::{Draft, Published, Sink},
    exclude::Exclude,
    fresh::Naming,
    pack::{Found, Inode, Packing, stopped},
    places::Places,
    seal::SEALED,
    trial::unmade,
    upload::Upload,
    work::Work,
};
use crate::{
    history,
    ports::archive::{ArchiveError, Encrypt, Label, Stored},
};
use std::{
    fs::{self, File},
    io::{self, Read as _, Write},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};
use tokio_util::sync::CancellationToken;

const FILES: &str = "tar.zst";
const SQLITE: &str = "sqlite.zst";
const CHUNK: usize = 64 * 1024;

impl Places {
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
        let copy = scratch.path().join("copy.sqlite");
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

    fn own_folders(&self) -> Vec<Inode> {
        [&self.artifacts, &self.scratch]
            .into_iter()
            .filter_map(|folder| fs::metadata(folder).ok())
            .map(|metadata| (metadata.dev(), metadata.ino()))
            .collect()
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
        content: found.content,
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
