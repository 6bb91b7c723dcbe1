//! Credentials, and what happens when they are replaced.

use super::{Applied, Rejected, execute, find, known, new_or_duplicate};
use crate::{
    domain::{
        name::CredentialName,
        rotation::{Credential, Event},
    },
    history::{
        columns::{Count, Json, Millis},
        error::Refused,
        write::RotationRecord,
    },
};
use rusqlite::{Connection, params};

pub(super) fn credential(to: &Connection, credential: &Credential) -> Applied {
    let at = |at: Option<jiff::Timestamp>| at.map(Millis);
    execute(
        to,
        "INSERT INTO credentials
             (name, runbook, kind, place, state, rotation, issued_at, proven_at, next_at, expires_at, note, updated_at, facts)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
         ON CONFLICT (name) DO UPDATE SET
             runbook = ?2, kind = ?3, place = ?4, state = ?5, rotation = ?6, issued_at = ?7, proven_at = ?8,
             next_at = ?9, expires_at = ?10, note = ?11, updated_at = ?12, facts = ?13",
        params![
            credential.name,
            credential.runbook,
            credential.kind,
            credential.place,
            credential.state,
            credential.rotation,
            at(credential.issued_at),
            at(credential.proven_at),
            at(credential.next_at),
            at(credential.expires_at),
            credential.note,
            Millis(credential.updated_at),
            Json(&credential.facts),
        ],
    )?;
    Ok(())
}

pub(super) fn forgotten(to: &Connection, name: &CredentialName) -> Applied {
    let touched = execute(
        to,
        "DELETE FROM credentials WHERE name = ?1
         AND NOT EXISTS (SELECT 1 FROM rotations WHERE credential = ?1 AND ended_at IS NULL)",
        [name],
    )?;
    known(touched, "credential without an open rotation,", name)
}

pub(super) fn event(to: &Connection, record: &RotationRecord) -> Applied {
    credential(to, &record.credential)?;
    let (id, name) = (record.rotation, &record.credential.name);
    if let Event::Began { .. } = record.event {
        refuse_second(to, record)?;
        let inserted = execute(
            to,
            "INSERT INTO rotations (id, credential, began_at) VALUES (?1, ?2, ?3)",
            params![id, name, Millis(record.at)],
        );
        new_or_duplicate(inserted, "rotation", &id)?;
    }
    if let Event::Ended { .. } = record.event {
        let ended = "UPDATE rotations SET ended_at = ?3 WHERE id = ?1 AND credential = ?2 AND ended_at IS NULL";
        known(
            execute(to, ended, params![id, name, Millis(record.at)])?,
            "rotation",
            &id,
        )?;
    }
    let last: Option<Count> = find(
        to,
        "SELECT max(seq) FROM rotation_events WHERE rotation = ?1 HAVING max(seq) IS NOT NULL",
        [id],
    )?;
    let seq = last.map_or(1, |Count(last)| last + 1);
    execute(
        to,
        "INSERT INTO rotation_events (rotation, seq, at, body) VALUES (?1, ?2, ?3, ?4)",
        params![id, Count(seq), Millis(record.at), Json(&record.event)],
    )?;
    Ok(())
}

fn refuse_second(to: &Connection, record: &RotationRecord) -> Applied {
    let name = &record.credential.name;
    let open: Option<i64> = find(
        to,
        "SELECT 1 FROM rotations WHERE credential = ?1 AND ended_at IS NULL",
        [name],
    )?;
    match open {
        Some(_) => Err(Rejected::Refused(Refused::Duplicate {
            what: "open rotation of",
            id: name.to_string(),
        })),
        None => Ok(()),
    }
}
