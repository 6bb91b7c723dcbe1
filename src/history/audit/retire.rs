//! What is old enough moves from the log to a file: written, synced, read again and checked before a record is removed.

use super::file::{self, FileError, Form, verify_file};
use crate::{
    domain::{
        audit::{Archive, ArchiveSpan, key_id},
        digest::Digest,
    },
    history::{
        audit::head::sync_folder,
        columns::{Count, Millis},
        handle::History,
        lock_file::beside,
    },
};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};
use sha2::Digest as _;
use std::{
    fs::{self, File, OpenOptions},
    io::{BufWriter, Read, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// Records in one file, and removed in one transaction: writers wait for less than a second.
const MOST: u64 = 10_000;

/// A file that is on disk and checked; nothing has been removed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retired {
    /// What to remember of it.
    pub archive: Archive,
    /// Whether an earlier attempt had written it.
    pub found: bool,
}

impl History {
    /// Writes records of a time to a file or a pipe while checking them, and says which. The file is not synced.
    pub async fn export_audit(
        &self,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
        form: Form,
        out: Box<dyn Write + Send>,
    ) -> Result<ArchiveSpan, FileError> {
        let key = self.inner.key.clone();
        self.read("records to export", move |connection| {
            let moment = connection.unchecked_transaction()?;
            let Some(bounds) = bounds(&moment, since, until)? else {
                return Ok(Err(FileError::Nothing));
            };
            let out = BufWriter::new(out);
            let written = file::write(&moment, &key, bounds, form, out);
            Ok(written.and_then(|(span, mut out)| {
                out.flush()?;
                Ok(span)
            }))
        })
        .await?
    }

    /// Every archive that records were moved to, oldest first.
    pub async fn audit_archives(&self) -> Result<Vec<Archive>, crate::history::HistoryError> {
        self.read("the archives of the audit log", super::archive::all)
            .await
    }

    /// Puts the log's beginning, as far as it is older than `before`, into a file of `folder`. Nothing where the oldest record is
    /// younger than `oldest`, so that files do not get too small. The records stay until [`crate::history::Write::Archived`].
    pub async fn retire_audit(
        &self,
        (oldest, before): (Timestamp, Timestamp),
        folder: PathBuf,
        now: Timestamp,
    ) -> Result<Option<Retired>, FileError> {
        let key = self.inner.key.clone();
        self.read("old records", move |connection| {
            let moment = connection.unchecked_transaction()?;
            let Some(bounds) = due(&moment, oldest, before)? else {
                return Ok(Ok(None));
            };
            Ok(put(&moment, &key, bounds, &folder, now).map(Some))
        })
        .await?
    }
}

/// The first and the last record of a time.
fn bounds(
    connection: &Connection,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
) -> rusqlite::Result<Option<(u64, u64)>> {
    let one = |sql: &str, at: Timestamp| -> rusqlite::Result<Option<u64>> {
        let found = connection
            .prepare_cached(sql)?
            .query_row([Millis(at)], |row| row.get::<_, Count>(0))
            .optional()?;
        Ok(found.map(|Count(seq)| seq))
    };
    let first = one(
        "SELECT seq FROM audit_records WHERE +at >= ?1 ORDER BY seq LIMIT 1",
        since.unwrap_or(Timestamp::MIN),
    )?;
    let last = one(
        "SELECT seq FROM audit_records WHERE +at < ?1 ORDER BY seq DESC LIMIT 1",
        until.unwrap_or(Timestamp::MAX),
    )?;
    Ok(first.zip(last).filter(|(first, last)| first <= last))
}

/// The beginning of the log that is to go: up to the first record that is not older than `before`.
fn due(
    connection: &Connection,
    oldest: Timestamp,
    before: Timestamp,
) -> rusqlite::Result<Option<(u64, u64)>> {
    let begins = connection
        .prepare_cached("SELECT seq, at FROM audit_records ORDER BY seq LIMIT 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((Count(first), Millis(at))) = begins else {
        return Ok(None);
    };
    let stays = connection
        .prepare_cached(
            "SELECT min(seq) FROM (SELECT seq FROM audit_records WHERE seq < ?1 AND +at >= ?2 ORDER BY seq LIMIT 1)",
        )?
        .query_row((Count(first + MOST), Millis(before)), |row| {
            row.get::<_, Option<Count>>(0)
        })?;
    let full = stays.is_none();
    let last_of_all = super::head::of(connection)?.seq;
    let last = stays.map_or((first + MOST - 1).min(last_of_all), |Count(seq)| seq - 1);
    let enough = at < oldest || (full && last == first + MOST - 1);
    Ok((enough && last >= first).then_some((first, last)))
}

/// A checked file with these records: one that an earlier attempt left, or a new one.
fn put(
    connection: &Connection,
    key: &[u8],
    bounds: (u64, u64),
    folder: &Path,
    now: Timestamp,
) -> Result<Retired, FileError> {
    let stem = format!("audit-{}-{:012}-", key_id(key), bounds.0);
    if let Some(path) = left_behind(folder, &stem)? {
        let archive = read_again(&path, key, now)?;
        if !is_here(connection, &archive.span)? {
            return Err(FileError::InTheWay(path.display().to_string()));
        }
        return Ok(Retired {
            archive,
            found: true,
        });
    }
    let path = folder.join(format!("{stem}{:012}.jsonl.zst", bounds.1));
    let partial = beside(&path, ".partial");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&partial)?;
    let out = BufWriter::new(file);
    let (_, out) = file::write(connection, key, bounds, Form::Zstd, out)?;
    let file = out
        .into_inner()
        .map_err(std::io::IntoInnerError::into_error)?;
    file.sync_all()?;
    drop(file);
    read_again(&partial, key, now)?;
    fs::rename(&partial, &path)?;
    sync_folder(&path)?;
    let archive = read_again(&path, key, now)?;
    Ok(Retired {
        archive,
        found: false,
    })
}

/// A file of the same beginning that was finished before a crash.
fn left_behind(folder: &Path, stem: &str) -> std::io::Result<Option<PathBuf>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if name.is_some_and(|name| name.starts_with(stem) && name.ends_with(".jsonl.zst")) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Whether the log holds the same end of a span.
fn is_here(connection: &Connection, span: &ArchiveSpan) -> rusqlite::Result<bool> {
    let chain: Option<Digest> = connection
        .prepare_cached("SELECT chain FROM audit_records WHERE seq = ?1")?
        .query_row([Count(span.last)], |row| row.get(0))
        .optional()?;
    Ok(chain == Some(span.chain))
}

/// Reads a file from the disk, checks it, and says what to remember of it.
pub(super) fn read_again(path: &Path, key: &[u8], at: Timestamp) -> Result<Archive, FileError> {
    let mut hashed = Hashed {
        file: File::open(path)?,
        hash: sha2::Sha256::new(),
        bytes: 0,
    };
    let span = verify_file(&mut hashed, key)?;
    std::io::copy(&mut hashed, &mut std::io::sink())?;
    Ok(Archive {
        span,
        at,
        path: path.to_owned(),
        bytes: hashed.bytes,
        sha256: Digest::from_bytes(hashed.hash.finalize().into()),
    })
}

/// Counts and hashes what is read.
struct Hashed {
    file: File,
    hash: sha2::Sha256,
    bytes: u64,
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.hash.update(buffer.get(..read).unwrap_or_default());
        self.bytes += read as u64;
        Ok(read)
    }
}
