//! Definitions and runs.

use super::{Applied, execute, find, new_or_duplicate, unknown};
use crate::{
    domain::{digest::Digest, run::RunHeader, runbook::Runbook},
    history::{
        columns::{Json, Millis},
        packed,
    },
};
use rusqlite::{Connection, params};

pub(super) fn definition(to: &Connection, digest: &Digest, runbook: &Runbook) -> Applied {
    let there: Option<i64> = find(to, "SELECT id FROM definitions WHERE digest = ?1", [digest])?;
    if there.is_some() {
        return Ok(());
    }
    let body = packed::pack(runbook)?;
    execute(
        to,
        "INSERT INTO definitions (digest, body) VALUES (?1, ?2)",
        params![digest, body],
    )?;
    Ok(())
}

pub(super) fn header(to: &Connection, header: &RunHeader) -> Applied {
    let definition: Option<i64> = find(
        to,
        "SELECT id FROM definitions WHERE digest = ?1",
        [&header.definition],
    )?;
    let Some(definition) = definition else {
        return Err(unknown("definition", &header.definition));
    };
    let nominal = header.cause.occurrence().map(|due| Millis(due.nominal));
    let inserted = execute(
        to,
        "INSERT INTO runs (id, runbook, revision, author, definition, cause, nominal, inputs, created_at, dry_run,
             window_override)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            header.id,
            header.runbook,
            header.revision,
            header.author,
            definition,
            Json(&header.cause),
            nominal,
            Json(&header.inputs),
            Millis(header.created_at),
            header.dry_run,
            header.window_override,
        ],
    );
    new_or_duplicate(inserted, "run", &header.id)
}
