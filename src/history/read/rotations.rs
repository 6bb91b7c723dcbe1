//! Credentials, and what happened when they were replaced.

use super::limit;
use crate::{
    domain::{
        id::RotationId,
        name::CredentialName,
        rotation::{Credential, Recorded},
    },
    history::{
        columns::{Json, Millis},
        rows::{CredentialFilter, RotationRow},
    },
};
use rusqlite::{Connection, OptionalExtension as _, Row};

const SELECT: &str = "SELECT name, runbook, kind, place, state, rotation, issued_at, proven_at, next_at, expires_at, note, updated_at, facts
     FROM credentials";

fn credential(row: &Row<'_>) -> rusqlite::Result<Credential> {
    let time = |index: usize| {
        let at: Option<Millis> = row.get(index)?;
        Ok::<_, rusqlite::Error>(at.map(|Millis(at)| at))
    };
    let Millis(updated_at) = row.get(11)?;
    let Json(facts) = row.get(12)?;
    Ok(Credential {
        name: row.get(0)?,
        runbook: row.get(1)?,
        kind: row.get(2)?,
        place: row.get(3)?,
        state: row.get(4)?,
        rotation: row.get(5)?,
        issued_at: time(6)?,
        proven_at: time(7)?,
        next_at: time(8)?,
        expires_at: time(9)?,
        facts,
        note: row.get(10)?,
        updated_at,
    })
}

pub(in crate::history) fn one(
    connection: &Connection,
    name: &CredentialName,
) -> rusqlite::Result<Option<Credential>> {
    connection
        .prepare_cached(&format!("{SELECT} WHERE name = ?1"))?
        .query_row([name], credential)
        .optional()
}

/// By name.
pub(in crate::history) fn list(
    connection: &Connection,
    filter: &CredentialFilter,
) -> rusqlite::Result<Vec<Credential>> {
    connection
        .prepare_cached(&format!(
            "{SELECT} WHERE (?1 IS NULL OR runbook = ?1) AND (?2 IS NULL OR name > ?2) ORDER BY name LIMIT ?3"
        ))?
        .query_map(
            (&filter.runbook, &filter.after, limit(filter.limit)),
            credential,
        )?
        .collect()
}

/// Newest first, without their events.
pub(in crate::history) fn rotations(
    connection: &Connection,
    name: &CredentialName,
    most: usize,
) -> rusqlite::Result<Vec<RotationRow>> {
    let rows: Vec<(RotationId, Millis, Option<Millis>)> = connection
        .prepare_cached(
            "SELECT id, began_at, ended_at FROM rotations WHERE credential = ?1 ORDER BY began_at DESC, id DESC LIMIT ?2",
        )?
        .query_map((name, limit(most)), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let row = |(id, Millis(began_at), ended): (RotationId, Millis, Option<Millis>)| {
        Ok(RotationRow {
            id,
            began_at,
            ended_at: ended.map(|Millis(at)| at),
            events: events(connection, id)?,
        })
    };
    rows.into_iter().map(row).collect()
}

/// In order.
pub(in crate::history) fn events(
    connection: &Connection,
    rotation: RotationId,
) -> rusqlite::Result<Vec<Recorded>> {
    connection
        .prepare_cached("SELECT at, body FROM rotation_events WHERE rotation = ?1 ORDER BY seq")?
        .query_map([rotation], |row| {
            let (Millis(at), Json(event)) = (row.get(0)?, row.get(1)?);
            Ok(Recorded { at, event })
        })?
        .collect()
}
