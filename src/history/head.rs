//! The audit log's end, kept outside the database: whoever cuts the log's tail is found against it.
//!
//! `audit.head` beside the database holds the last record's number and chain value as JSON. It is replaced atomically, and never by
//! one that does not follow from it.

use crate::{
    domain::audit::Broken,
    history::{
        columns::{Count, Millis},
        error::HistoryError,
        lock_file::file_hint,
        open,
        rows::AuditHead,
        writer::genesis,
    },
};
use rusqlite::{Connection, OptionalExtension as _};
use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

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
            })
        })
        .optional()?;
    Ok(last.unwrap_or(AuditHead {
        seq: 0,
        chain: genesis(),
        at: None,
    }))
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

/// Whether a database still holds the record that an exported end speaks of.
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
    Ok(there.unwrap_or(Ok(())))
}

/// Writes the end of the log beside the database.
pub(in crate::history) fn export(
    connection: &Connection,
    database: &Path,
) -> Result<AuditHead, HistoryError> {
    let unread = |error| open::database("reading the end of the audit log".to_owned(), error);
    if let Some(exported) = read(database)? {
        follows(connection, &exported)
            .map_err(unread)?
            .map_err(HistoryError::AuditBroken)?;
    }
    let head = of(connection).map_err(unread)?;
    let path = path(database);
    replace(&path, &head).map_err(failed("writing", &path))?;
    Ok(head)
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
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        Some(_) | None => Ok(()),
    }
}

fn failed(doing: &'static str, path: &Path) -> impl Fn(std::io::Error) -> HistoryError {
    move |source| HistoryError::File {
        doing,
        path: path.to_owned(),
        hint: file_hint(source.kind()),
        source,
    }
}
