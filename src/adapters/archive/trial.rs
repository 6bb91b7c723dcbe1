//! Artifacts read: the digest first, then all of the content, in the scratch space or only looked through. All of it blocks.

use super::{
    disk::{MAKE_ROOM, Named, at, private_file},
    pack::stopped,
    places::Places,
    restore::{self, Fault, Writer},
    scratch::Scratch,
    seal::{SEALED, Unopened},
    work::{Work, chain},
};
use crate::{
    domain::{artifact::Location, digest::Digest, span::Span},
    history::{self, BackupError},
    ports::{
        BoxFuture,
        archive::{ArchiveError, Expected, Form, GONE, Inspection, Unpacked},
    },
};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read, Seek as _},
    path::{Path, PathBuf},
};
use tokio::io::AsyncRead;
use tokio_util::sync::CancellationToken;

const CHUNK: usize = 64 * 1024;
/// An inspection refuses to write more than the recorded size, a sixteenth of it, and this many bytes.
const SLACK: u64 = 1 << 20;

/// What a restore finds: members or tables, and what is in them.
pub(super) type Restored = (u64, BTreeMap<String, u64>);

impl Places {
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
        let most = most_bytes(scratch.path(), expected.raw_size).map_err(|why| work.failed(why))?;
        let path = scratch.path().join("content");
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
        let path = scratch.path().join("stored");
        let file = private_file(&path).map_err(at(scratch.path()));
        let mut file = Named(file.map_err(failed)?, scratch.path());
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
