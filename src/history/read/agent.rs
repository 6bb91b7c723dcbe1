//! What the agent keeps about itself.

use super::{Conditions, limit};
use crate::{
    domain::{halt::Halt, id::RunId},
    history::{
        columns::{Count, Json, Millis},
        rows::{EffectFilter, LockRow},
        write::{ActiveFile, SyncRecord},
    },
};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};

pub(in crate::history) fn heartbeat(
    connection: &Connection,
) -> rusqlite::Result<Option<Timestamp>> {
    connection
        .prepare_cached("SELECT CAST(value AS INTEGER) FROM agent_state WHERE name = 'heartbeat'")?
        .query_row([], |row| {
            let Millis(at) = row.get(0)?;
            Ok(at)
        })
        .optional()
}

pub(in crate::history) fn halt(connection: &Connection) -> rusqlite::Result<Option<Halt>> {
    connection
        .prepare_cached("SELECT value FROM agent_state WHERE name = 'halt'")?
        .query_row([], |row| {
            let Json(halt) = row.get(0)?;
            Ok(halt)
        })
        .optional()
}

pub(in crate::history) fn sync(connection: &Connection) -> rusqlite::Result<Option<SyncRecord>> {
    connection
        .prepare_cached("SELECT value FROM agent_state WHERE name = 'sync'")?
        .query_row([], |row| {
            let Json(record) = row.get(0)?;
            Ok(record)
        })
        .optional()
}

pub(in crate::history) fn active_files(
    connection: &Connection,
    after: Option<&str>,
    wanted: usize,
) -> rusqlite::Result<Vec<ActiveFile>> {
    connection
        .prepare_cached(
            "SELECT path, blob, revision, author, documents FROM active_files WHERE path > ?1 ORDER BY path LIMIT ?2",
        )?
        .query_map((after.unwrap_or_default(), limit(wanted)), |row| {
            Ok(ActiveFile {
                path: row.get(0)?,
                blob: row.get(1)?,
                revision: row.get(2)?,
                author: row.get(3)?,
                documents: row.get(4)?,
            })
        })?
        .collect()
}

pub(in crate::history) fn effects(
    connection: &Connection,
    at: Timestamp,
    filter: &EffectFilter,
) -> rusqlite::Result<u64> {
    let at = Millis(at);
    let mut conditions = Conditions::default();
    conditions.on("at >= :at", ":at", &at);
    conditions.on_some("class = :class", ":class", filter.class.as_ref());
    conditions.on_some("runbook = :runbook", ":runbook", filter.runbook.as_ref());
    conditions.on_some(
        "namespace = :namespace",
        ":namespace",
        filter.namespace.as_ref(),
    );
    let counts = conditions.rows(connection, "SELECT count(*) FROM effects", "", |row| {
        row.get::<_, Count>(0)
    })?;
    Ok(counts.first().map_or(0, |Count(count)| *count))
}

pub(in crate::history) fn idempotency(
    connection: &Connection,
    key: &str,
) -> rusqlite::Result<Option<RunId>> {
    connection
        .prepare_cached("SELECT run FROM idempotency WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()
}

pub(in crate::history) fn locks(connection: &Connection) -> rusqlite::Result<Vec<LockRow>> {
    connection
        .prepare_cached("SELECT name, owner, since, until FROM locks ORDER BY name")?
        .query_map([], |row| {
            let (Millis(since), Millis(until)) = (row.get(2)?, row.get(3)?);
            Ok(LockRow {
                name: row.get(0)?,
                owner: row.get(1)?,
                since,
                until,
            })
        })?
        .collect()
}
