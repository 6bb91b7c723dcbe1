//! The audit log's end, kept outside the database: whoever cuts the log's tail is found against it.
//!
//! `audit.head` beside the database holds the last record's number and chain value as JSON. It is replaced atomically, and never by
//! one that does not follow from it. A second file, somewhere that whoever can write the database cannot, gets a line now and then.

use super::{AuditHead, archive, verify::other_key};
use crate::{
    domain::audit::{Broken, key_id},
    history::{
        columns::{Count, Millis},
        error::HistoryError,
        lock_file::file_hint,
        open,
    },
};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// A line of the file of heads.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    head: AuditHead,
    /// When it was written.
    exported: Timestamp,
}

/// The end of the log in a database.
pub(in crate::history) fn of(connection: &Connection) -> rusqlite::Result<AuditHead> {
    let last = connection
        .prepare_cached("SELECT seq, chain, at FROM audit_records ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| {
            let (Count(seq), chain, Millis(at)) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(AuditHead {
                seq,
                chain,
                at: Some(at),
                key: None,
            })
        })
        .optional()?;
    if let Some(last) = last {
        return Ok(last);
    }
    let (seq, chain) = archive::last(connection)?;
    Ok(AuditHead {
        seq,
        chain,
        at: None,
        key: None,
    })
}

/// Where the exported end is kept.
pub(in crate::history) fn path(database: &Path) -> PathBuf {
    database.with_file_name("audit.head")
}

/// The exported end, if there is one.
pub(in crate::history) fn read(database: &Path) -> Result<Option<AuditHead>, HistoryError> {
    let path = path(database);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(failed("reading", &path)(source)),
    };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|error| HistoryError::Malformed {
            what: "file audit.head",
            reason: error.to_string(),
        })
}

/// Every head in a file of heads, or the one in an `audit.head`, oldest first. A line that a crash cut short counts for nothing.
pub(in crate::history) fn read_all(path: &Path) -> Result<Vec<AuditHead>, HistoryError> {
    let text = fs::read_to_string(path).map_err(failed("reading", path))?;
    let whole = text.lines().filter(|line| line.trim_end().ends_with('}'));
    let heads: Result<Vec<AuditHead>, _> = whole.map(serde_json::from_str).collect();
    heads.map_err(|error| HistoryError::Malformed {
        what: "file of heads",
        reason: error.to_string(),
    })
}

/// Whether a database still holds the record that an exported end speaks of, or has moved it to an archive.
pub(in crate::history) fn follows(
    connection: &Connection,
    exported: &AuditHead,
) -> rusqlite::Result<Result<(), Broken>> {
    let now = of(connection)?;
    if now.seq < exported.seq {
        return Ok(Err(Broken::Cut {
            last: now.seq,
            head: exported.seq,
        }));
    }
    let there = connection
        .prepare_cached("SELECT chain, at, action FROM audit_records WHERE seq = ?1")?
        .query_row([Count(exported.seq)], |row| {
            let (chain, Millis(timestamp), action) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let same = exported.chain == chain;
            let seq = exported.seq;
            Ok(same.then_some(()).ok_or(Broken::Edited {
                seq,
                timestamp,
                action,
            }))
        })
        .optional()?;
    match there {
        Some(there) => Ok(there),
        None => archive::holds(connection, exported),
    }
}

/// Whether the log follows from every head in a file; one that is not there yet holds none.
pub(in crate::history) fn held(
    connection: &Connection,
    file: &Path,
    key: &[u8],
) -> Result<(), HistoryError> {
    if !file.exists() {
        return Ok(());
    }
    let heads = read_all(file)?;
    if let Some(broken) = other_key(key, &heads) {
        return Err(HistoryError::AuditBroken(broken));
    }
    for head in &heads {
        follows(connection, head)
            .map_err(unread)?
            .map_err(HistoryError::AuditBroken)?;
    }
    Ok(())
}

fn unread(error: rusqlite::Error) -> HistoryError {
    open::database("reading the end of the audit log".to_owned(), error)
}

/// Writes the end beside the database.
pub(in crate::history) fn export(
    connection: &Connection,
    database: &Path,
    key: &[u8],
) -> Result<AuditHead, HistoryError> {
    if let Some(exported) = read(database)? {
        if let Some(broken) = other_key(key, std::slice::from_ref(&exported)) {
            return Err(HistoryError::AuditBroken(broken));
        }
        follows(connection, &exported)
            .map_err(unread)?
            .map_err(HistoryError::AuditBroken)?;
    }
    let head = AuditHead {
        key: Some(key_id(key)),
        ..of(connection).map_err(unread)?
    };
    let path = path(database);
    replace(&path, &head).map_err(failed("writing", &path))?;
    Ok(head)
}

/// Adds a line to a file of heads, and waits until it is on disk.
pub(in crate::history) fn append(
    path: &Path,
    head: &AuditHead,
    exported: Timestamp,
) -> Result<(), HistoryError> {
    let line = Line {
        head: head.clone(),
        exported,
    };
    let append = || {
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)?;
        let mut text = serde_json::to_string(&line)?;
        text.push('\n');
        if is_cut_short(&mut file)? {
            text.insert(0, '\n');
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    append().map_err(failed("writing", path))
}

/// Whether a crash left a line without its end.
fn is_cut_short(file: &mut File) -> std::io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

fn replace(path: &Path, head: &AuditHead) -> std::io::Result<()> {
    let beside = path.with_extension("head.new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)?;
    serde_json::to_writer(&mut file, head)?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    sync_folder(path)
}

/// A name that was given is on disk once its folder is.
pub(in crate::history) fn sync_folder(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        Some(_) | None => Ok(()),
    }
}

pub(in crate::history) fn failed(
    doing: &'static str,
    path: &Path,
) -> impl Fn(std::io::Error) -> HistoryError {
    move |source| HistoryError::File {
        doing,
        path: path.to_owned(),
        hint: file_hint(source.kind()),
        source,
    }
}
