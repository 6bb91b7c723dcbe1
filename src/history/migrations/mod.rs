//! Schemas: numbered steps up and down, each in one transaction. `PRAGMA user_version` holds the number.
//!
//! A copy of the database is made before any step that changes one with content. A newer schema than this program knows is refused.

use crate::history::{
    error::HistoryError,
    lock_file::{LockFile, beside, file_hint},
    open::{self, APPLICATION, Durability},
};
use rusqlite::Connection;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// One step of the schema.
#[derive(Debug, Clone, Copy)]
pub(in crate::history) struct Migration {
    /// What it brings.
    pub(in crate::history) name: &'static str,
    /// From the number before to its own.
    pub(in crate::history) up: &'static str,
    /// Back again.
    pub(in crate::history) down: &'static str,
}

/// All steps: the first leads from 0 to 1, and so on.
pub(in crate::history) const KNOWN: &[Migration] = &[
    Migration {
        name: "initial",
        up: include_str!("0001_initial.up.sql"),
        down: include_str!("0001_initial.down.sql"),
    },
    Migration {
        name: "ai-spending",
        up: include_str!("0002_ai_spending.up.sql"),
        down: include_str!("0002_ai_spending.down.sql"),
    },
    Migration {
        name: "circuit",
        up: include_str!("0003_circuit.up.sql"),
        down: include_str!("0003_circuit.down.sql"),
    },
    Migration {
        name: "counted-effects",
        up: include_str!("0004_counted_effects.up.sql"),
        down: include_str!("0004_counted_effects.down.sql"),
    },
    Migration {
        name: "approvals-ahead",
        up: include_str!("0005_approvals_ahead.up.sql"),
        down: include_str!("0005_approvals_ahead.down.sql"),
    },
    Migration {
        name: "audit",
        up: include_str!("0006_audit.up.sql"),
        down: include_str!("0006_audit.down.sql"),
    },
    Migration {
        name: "artifacts",
        up: include_str!("0007_artifacts.up.sql"),
        down: include_str!("0007_artifacts.down.sql"),
    },
    Migration {
        name: "rotations",
        up: include_str!("0008_rotations.up.sql"),
        down: include_str!("0008_rotations.down.sql"),
    },
    Migration {
        name: "artifacts_at_fault",
        up: include_str!("0009_artifacts_at_fault.up.sql"),
        down: include_str!("0009_artifacts_at_fault.down.sql"),
    },
];

/// What a migration did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Migrated {
    /// The schema before.
    pub from: u32,
    /// The schema now.
    pub to: u32,
    /// The copy that was made before, if there was something to copy.
    pub backup: Option<PathBuf>,
}

/// Where a database's schema stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SchemaStatus {
    /// The database.
    pub path: PathBuf,
    /// Its schema; 0 where it is empty.
    pub found: u32,
    /// The newest schema that this program knows.
    pub known: u32,
    /// Every step, in order.
    pub steps: Vec<SchemaStep>,
}

/// One step and whether the database has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SchemaStep {
    /// Its number.
    pub version: u32,
    /// What it brings.
    pub name: &'static str,
    /// Where it stands.
    pub state: SchemaState,
}

/// Whether a database has a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SchemaState {
    /// It has.
    Applied,
    /// It will with the next start.
    Pending,
}

/// Where the schema of a database stands; another process may be using it.
pub fn schema_status(path: &Path) -> Result<SchemaStatus, HistoryError> {
    let connection = open::for_reading(path)?;
    let found = version(&connection)?;
    let steps = (1..)
        .zip(KNOWN)
        .map(|(version, step)| SchemaStep {
            version,
            name: step.name,
            state: if version <= found {
                SchemaState::Applied
            } else {
                SchemaState::Pending
            },
        })
        .collect();
    Ok(SchemaStatus {
        path: path.to_owned(),
        found,
        known: newest(KNOWN),
        steps,
    })
}

/// Takes a database that no agent uses up or down to a schema.
pub fn migrate_to(path: &Path, wanted: u32) -> Result<Migrated, HistoryError> {
    let _lock = LockFile::take(path)?;
    let mut connection = open::for_writing(path, Durability::Full)?;
    go(&mut connection, path, KNOWN, wanted)
}

/// Takes an open database to the newest schema known.
pub(in crate::history) fn upgrade(
    connection: &mut Connection,
    path: &Path,
) -> Result<Migrated, HistoryError> {
    go(connection, path, KNOWN, newest(KNOWN))
}

/// Refuses a database of another schema than the newest known; for readers, who cannot migrate.
pub(in crate::history) fn expect_newest(
    connection: &Connection,
    path: &Path,
) -> Result<(), HistoryError> {
    let (found, known) = (version(connection)?, newest(KNOWN));
    if found > known {
        return Err(newer(path, found, known));
    }
    if found < known {
        return Err(HistoryError::OlderSchema {
            path: path.to_owned(),
            found,
            known,
        });
    }
    Ok(())
}

/// What a reader, who migrates nothing, did.
pub(in crate::history) fn unchanged() -> Migrated {
    let newest = newest(KNOWN);
    Migrated {
        from: newest,
        to: newest,
        backup: None,
    }
}

fn newest(known: &[Migration]) -> u32 {
    u32::try_from(known.len()).unwrap_or(u32::MAX)
}

fn newer(path: &Path, found: u32, known: u32) -> HistoryError {
    HistoryError::NewerSchema {
        path: path.to_owned(),
        found,
        known,
    }
}

fn version(connection: &Connection) -> Result<u32, HistoryError> {
    connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(|source| open::database("reading the schema's number".to_owned(), source))
}

fn go(
    connection: &mut Connection,
    path: &Path,
    known: &[Migration],
    wanted: u32,
) -> Result<Migrated, HistoryError> {
    let from = version(connection)?;
    if from > newest(known) {
        return Err(newer(path, from, newest(known)));
    }
    if wanted > newest(known) {
        return Err(HistoryError::UnknownSchema {
            wanted,
            known: newest(known),
        });
    }
    if from == wanted {
        return Ok(Migrated {
            from,
            to: from,
            backup: None,
        });
    }
    let backup = keep_copy(connection, path, from)?;
    let failed = |source| HistoryError::Migration {
        from,
        to: wanted,
        source,
    };
    // Tables that are rebuilt would lose their children; what the steps leave is checked instead.
    connection
        .execute_batch("PRAGMA foreign_keys = OFF;")
        .map_err(failed)?;
    let walked = walk(connection, known, from, wanted);
    connection
        .execute_batch("PRAGMA foreign_keys = ON;")
        .map_err(failed)?;
    walked.map_err(failed)?;
    Ok(Migrated {
        from,
        to: wanted,
        backup,
    })
}

fn walk(
    connection: &mut Connection,
    known: &[Migration],
    from: u32,
    wanted: u32,
) -> rusqlite::Result<()> {
    let (low, high) = (from.min(wanted) as usize, from.max(wanted) as usize);
    let steps = (0u32..).zip(known).take(high).skip(low);
    if from < wanted {
        for (index, step) in steps {
            one(connection, step.up, index + 1)?;
        }
    } else {
        let steps: Vec<_> = steps.collect();
        for (index, step) in steps.into_iter().rev() {
            one(connection, step.down, index)?;
        }
    }
    Ok(())
}

fn one(connection: &mut Connection, sql: &str, reached: u32) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(sql)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", reached)?;
    let orphans = transaction
        .prepare("PRAGMA foreign_key_check")?
        .exists([])?;
    if orphans {
        return Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY),
            Some("the migration leaves rows that point nowhere".to_owned()),
        ));
    }
    transaction.commit()
}

/// A copy beside the database, never over an earlier one.
fn keep_copy(
    connection: &Connection,
    path: &Path,
    from: u32,
) -> Result<Option<PathBuf>, HistoryError> {
    if from == 0 {
        return Ok(None);
    }
    let copy = free_name(path, from)?;
    let text = copy.to_string_lossy();
    connection
        .execute("VACUUM INTO ?1", [&text])
        .map_err(|source| {
            open::database(
                format!("copying the history to {text} before a migration"),
                source,
            )
        })?;
    Ok(Some(copy))
}

fn free_name(path: &Path, from: u32) -> Result<PathBuf, HistoryError> {
    let mut number = 1;
    loop {
        let suffix = match number {
            1 => format!(".schema-{from}.bak"),
            more => format!(".schema-{from}-{more}.bak"),
        };
        let copy = beside(path, &suffix);
        match open::private_file(&copy) {
            Ok(_) => return Ok(copy),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
            Err(source) => {
                return Err(HistoryError::File {
                    doing: "making a copy before a migration:",
                    path: copy,
                    hint: file_hint(source.kind()),
                    source,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests;
