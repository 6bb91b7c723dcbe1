//! What the agent keeps about itself.

use super::limit;
use crate::{
    domain::{audit::Stamp, halt::Halt, id::RunId, jump::Jump, pace::Touched},
    history::{
        columns::{Json, Millis},
        rows::{EffectRow, LockRow},
        write::{ActiveFile, SyncRecord},
    },
};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};
use serde::de::DeserializeOwned;

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

/// The stamp of the last sign of life.
pub(in crate::history) fn heartbeat_stamp(
    connection: &Connection,
) -> rusqlite::Result<Option<Stamp>> {
    state(connection, "heartbeat_stamp").map(Option::flatten)
}

pub(in crate::history) fn halt(connection: &Connection) -> rusqlite::Result<Option<Halt>> {
    state(connection, "halt")
}

pub(in crate::history) fn jump(connection: &Connection) -> rusqlite::Result<Option<Jump>> {
    state(connection, "jump")
}

pub(in crate::history) fn sync(connection: &Connection) -> rusqlite::Result<Option<SyncRecord>> {
    state(connection, "sync")
}

fn state<T: DeserializeOwned>(connection: &Connection, name: &str) -> rusqlite::Result<Option<T>> {
    connection
        .prepare_cached("SELECT value FROM agent_state WHERE name = ?1")?
        .query_row([name], |row| {
            let Json(value) = row.get(0)?;
            Ok(value)
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
    since: Timestamp,
) -> rusqlite::Result<Vec<EffectRow>> {
    connection
        .prepare_cached(
            "SELECT at, runbook, class, target, namespace, objects FROM effects WHERE at >= ?1 ORDER BY at, id",
        )?
        .query_map([Millis(since)], |row| {
            let Millis(at) = row.get(0)?;
            Ok(EffectRow {
                at,
                runbook: row.get(1)?,
                touched: Touched {
                    class: row.get(2)?,
                    target: row.get(3)?,
                    namespace: row.get(4)?,
                    objects: row.get(5)?,
                },
            })
        })?
        .collect()
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
