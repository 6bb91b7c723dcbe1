//! What the database remembers of records that were moved to files: where the chain goes on.

use super::AuditHead;
use crate::{
    domain::{
        audit::{Archive, ArchiveSpan, Broken},
        digest::Digest,
    },
    history::{
        apply::{Applied, Desk, execute},
        columns::{Count, Millis},
        error::Refused,
        writer::genesis,
    },
};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use std::path::PathBuf;

/// Every archive, oldest first.
pub(in crate::history) fn all(connection: &Connection) -> rusqlite::Result<Vec<Archive>> {
    let rows = sealed(connection)?;
    Ok(rows.into_iter().map(|(archive, _)| archive).collect())
}

fn sealed(connection: &Connection) -> rusqlite::Result<Vec<(Archive, Digest)>> {
    connection
        .prepare_cached(
            "SELECT first, last, before, chain, at, path, bytes, sha256, seal FROM audit_archives ORDER BY last",
        )?
        .query_map([], archive)?
        .collect()
}

fn archive(row: &Row<'_>) -> rusqlite::Result<(Archive, Digest)> {
    let (Count(first), Count(last), Millis(at)) = (row.get(0)?, row.get(1)?, row.get(4)?);
    let (path, Count(bytes)): (String, Count) = (row.get(5)?, row.get(6)?);
    let archive = Archive {
        span: ArchiveSpan {
            first,
            last,
            before: row.get(2)?,
            chain: row.get(3)?,
        },
        at,
        path: PathBuf::from(path),
        bytes,
        sha256: row.get(7)?,
    };
    Ok((archive, row.get(8)?))
}

/// Where the chain goes on in the database, as far as every archive is sealed and follows from the one before.
pub(in crate::history) fn anchor(
    connection: &Connection,
    key: &[u8],
) -> rusqlite::Result<Result<(u64, Digest), Broken>> {
    let mut reached = (0, genesis());
    for (archive, seal) in sealed(connection)? {
        let span = &archive.span;
        if archive.seal(key) != seal || span.before != reached.1 {
            return Ok(Err(Broken::Archive { last: span.last }));
        }
        if span.first != reached.0 + 1 {
            return Ok(Err(Broken::Gap {
                expected: reached.0 + 1,
                found: span.first,
            }));
        }
        reached = (span.last, span.chain);
    }
    Ok(Ok(reached))
}

/// The last record that is in an archive, and the chain's value there.
pub(in crate::history) fn last(connection: &Connection) -> rusqlite::Result<(u64, Digest)> {
    let last = connection
        .prepare_cached("SELECT last, chain FROM audit_archives ORDER BY last DESC LIMIT 1")?
        .query_row([], |row| {
            let Count(last) = row.get(0)?;
            Ok((last, row.get(1)?))
        })
        .optional()?;
    Ok(last.unwrap_or((0, genesis())))
}

/// Whether the record that an exported head speaks of lies in an archive.
pub(in crate::history) fn holds(
    connection: &Connection,
    exported: &AuditHead,
) -> rusqlite::Result<Result<(), Broken>> {
    let (last, chain) = last(connection)?;
    let other_end = exported.seq == last && exported.chain != chain;
    if exported.seq > last {
        return Ok(Err(Broken::Gap {
            expected: exported.seq,
            found: exported.seq + 1,
        }));
    }
    Ok(if other_end {
        Err(Broken::Archive { last })
    } else {
        Ok(())
    })
}

/// Removes what an archive holds, and remembers the archive. Refused unless it holds exactly the log's beginning.
pub(in crate::history) fn moved(desk: &mut Desk<'_>, archive: &Archive) -> Applied {
    let to = desk.connection;
    let span = &archive.span;
    let begins: Option<i64> =
        to.query_row("SELECT min(seq) FROM audit_records", [], |row| row.get(0))?;
    let ends: Option<Digest> = to
        .prepare_cached("SELECT chain FROM audit_records WHERE seq = ?1")?
        .query_row([Count(span.last)], |row| row.get(0))
        .optional()?;
    let begins = begins.and_then(|seq| u64::try_from(seq).ok());
    if (begins, ends) != (Some(span.first), Some(span.chain))
        || last(to)? != (span.first - 1, span.before)
    {
        return Err(Refused::Unknown {
            what: "beginning of the audit log",
            id: format!("{} to {}", span.first, span.last),
        }
        .into());
    }
    execute(
        to,
        "INSERT INTO audit_archives (first, last, before, chain, at, path, bytes, sha256, seal) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            Count(span.first),
            Count(span.last),
            span.before,
            span.chain,
            Millis(archive.at),
            archive.path.to_string_lossy(),
            Count(archive.bytes),
            archive.sha256,
            archive.seal(desk.key),
        ],
    )?;
    execute(
        to,
        "DELETE FROM audit_records WHERE seq <= ?1",
        [Count(span.last)],
    )?;
    Ok(())
}
