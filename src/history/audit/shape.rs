//! Whether the database shows its records as they are: a view that leaves some out, or a trigger that changes others, is no record of the
//! chain, and yet whoever reads the log by SQL would be deceived.

use crate::{domain::audit::Broken, history::migrations::KNOWN};
use rusqlite::Connection;
use std::collections::BTreeMap;

/// The first view or trigger that is not as the migrations make it.
pub(super) fn strange(connection: &Connection) -> rusqlite::Result<Option<Broken>> {
    let version: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let made = Connection::open_in_memory()?;
    for step in KNOWN.iter().take(version as usize) {
        made.execute_batch(step.up)?;
    }
    let (here, expected) = (parts(connection)?, parts(&made)?);
    let names = here.keys().chain(expected.keys());
    let strange = names
        .into_iter()
        .find(|name| here.get(*name) != expected.get(*name));
    Ok(strange.map(|name| Broken::Shape { name: name.clone() }))
}

/// Views and triggers, each with its text.
fn parts(connection: &Connection) -> rusqlite::Result<BTreeMap<String, String>> {
    let mut statement = connection.prepare(
        "SELECT type || ' ' || name, sql FROM sqlite_master WHERE type IN ('view', 'trigger')",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}
