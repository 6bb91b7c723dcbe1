//! What the agent keeps about itself: heartbeat, source, set in use, effects, keys, locks.

use super::{Applied, execute, find};
use crate::{
    domain::{
        audit::Stamp,
        halt::Halt,
        id::RunId,
        jump::Jump,
        name::{LockName, RunbookName},
        pace::Touched,
    },
    history::{
        columns::{Json, Millis},
        error::Refused,
        write::{ActiveChange, SyncRecord},
    },
};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, ToSql, params};

pub(super) fn heartbeat(to: &Connection, at: Timestamp, stamp: Option<&Stamp>) -> Applied {
    state(to, "heartbeat", at.as_millisecond().to_string())?;
    state(to, "heartbeat_stamp", Json(stamp))
}

pub(super) fn halt(to: &Connection, halt: &Halt) -> Applied {
    state(to, "halt", Json(halt))
}

pub(super) fn unhalt(to: &Connection) -> Applied {
    execute(to, "DELETE FROM agent_state WHERE name = 'halt'", [])?;
    Ok(())
}

pub(super) fn not_halted(to: &Connection) -> Applied {
    let found: Option<Json<Halt>> =
        find(to, "SELECT value FROM agent_state WHERE name = 'halt'", [])?;
    match found {
        Some(Json(halt)) => Err(Refused::Halted(halt).into()),
        None => Ok(()),
    }
}

pub(super) fn jumped(to: &Connection, jump: &Jump) -> Applied {
    state(to, "jump", Json(jump))
}

pub(super) fn clock_trusted(to: &Connection) -> Applied {
    execute(to, "DELETE FROM agent_state WHERE name = 'jump'", [])?;
    Ok(())
}

pub(super) fn sync(to: &Connection, record: &SyncRecord) -> Applied {
    state(to, "sync", Json(record))
}

fn state(to: &Connection, name: &str, value: impl ToSql) -> Applied {
    execute(
        to,
        "INSERT OR REPLACE INTO agent_state (name, value) VALUES (?1, ?2)",
        params![name, value],
    )?;
    Ok(())
}

pub(super) fn active(to: &Connection, change: &ActiveChange) -> Applied {
    match change {
        ActiveChange::Put(file) => execute(
            to,
            "INSERT OR REPLACE INTO active_files (path, blob, revision, author, documents) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                file.path,
                file.blob,
                file.revision,
                file.author,
                file.documents
            ],
        )?,
        ActiveChange::Remove { path } => {
            execute(to, "DELETE FROM active_files WHERE path = ?1", [path])?
        }
        ActiveChange::Clear => execute(to, "DELETE FROM active_files", [])?,
    };
    Ok(())
}

pub(super) fn effect(
    to: &Connection,
    at: Timestamp,
    runbook: &RunbookName,
    touched: &Touched,
) -> Applied {
    execute(
        to,
        "INSERT INTO effects (at, class, runbook, namespace, target, objects) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            Millis(at),
            touched.class,
            runbook,
            touched.namespace,
            touched.target,
            touched.objects
        ],
    )?;
    Ok(())
}

/// Counts of the same are equal, so any one of them is given back.
pub(super) fn no_effect(
    to: &Connection,
    at: Timestamp,
    runbook: &RunbookName,
    touched: &Touched,
) -> Applied {
    execute(
        to,
        "DELETE FROM effects WHERE id = (SELECT max(id) FROM effects WHERE at = ?1 AND class = ?2 AND runbook = ?3 AND namespace IS ?4 AND target = ?5 AND objects = ?6)",
        params![
            Millis(at),
            touched.class,
            runbook,
            touched.namespace,
            touched.target,
            touched.objects
        ],
    )?;
    Ok(())
}

pub(super) fn idempotency(to: &Connection, key: &str, run: RunId, at: Timestamp) -> Applied {
    let taken = execute(
        to,
        "INSERT INTO idempotency (key, run, at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        params![key, run, Millis(at)],
    )?;
    if taken == 0 {
        let by: Option<RunId> = find(to, "SELECT run FROM idempotency WHERE key = ?1", [key])?;
        return Err(Refused::KeyTaken {
            by: by.unwrap_or(run),
        }
        .into());
    }
    Ok(())
}

pub(super) fn lock(
    to: &Connection,
    name: &LockName,
    owner: RunId,
    until: Timestamp,
    at: Timestamp,
) -> Applied {
    let held: Option<(RunId, Millis)> = to
        .prepare_cached("SELECT owner, until FROM locks WHERE name = ?1")?
        .query_row([name], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some((by, Millis(held_until))) = held
        && by != owner
        && held_until >= at
    {
        return Err(Refused::LockHeld {
            name: name.clone(),
            by,
            until: held_until,
        }
        .into());
    }
    execute(
        to,
        "INSERT INTO locks (name, owner, since, until) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET
             since = iif(owner = excluded.owner, since, excluded.since), owner = excluded.owner,
             until = iif(owner = excluded.owner, max(until, excluded.until), excluded.until)",
        params![name, owner, Millis(at), Millis(until)],
    )?;
    Ok(())
}

pub(super) fn unlock(to: &Connection, name: &LockName, owner: RunId) -> Applied {
    execute(
        to,
        "DELETE FROM locks WHERE name = ?1 AND owner = ?2",
        params![name, owner],
    )?;
    Ok(())
}
