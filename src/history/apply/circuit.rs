//! What a runbook's runs say about it: its circuit, and definitions that have proven themselves.

use super::{Applied, execute};
use crate::{
    domain::{circuit::Circuit, digest::Digest, name::RunbookName},
    history::columns::Millis,
};
use jiff::Timestamp;
use rusqlite::{Connection, params};

pub(super) fn circuit(to: &Connection, runbook: &RunbookName, circuit: &Circuit) -> Applied {
    let (failures, opened, reason) = match circuit {
        Circuit::Closed { failures: 0 } => {
            execute(to, "DELETE FROM circuits WHERE runbook = ?1", [runbook])?;
            return Ok(());
        }
        Circuit::Closed { failures } => (*failures, None, ""),
        Circuit::Open(tripped) => (
            tripped.failures,
            Some(Millis(tripped.since)),
            tripped.reason.as_str(),
        ),
    };
    execute(
        to,
        "INSERT OR REPLACE INTO circuits (runbook, failures, opened_at, reason) VALUES (?1, ?2, ?3, ?4)",
        params![runbook, failures, opened, reason],
    )?;
    Ok(())
}

pub(super) fn proof(
    to: &Connection,
    definition: Digest,
    runbook: &RunbookName,
    at: Timestamp,
) -> Applied {
    execute(
        to,
        "INSERT INTO proven (definition, runbook, runs, trusted, at) VALUES (?1, ?2, 1, 0, ?3)
         ON CONFLICT DO UPDATE SET runs = runs + 1",
        params![definition, runbook, Millis(at)],
    )?;
    Ok(())
}

pub(super) fn trusted(
    to: &Connection,
    definitions: &[(Digest, RunbookName)],
    at: Timestamp,
) -> Applied {
    for (definition, runbook) in definitions {
        execute(
            to,
            "INSERT INTO proven (definition, runbook, runs, trusted, at) VALUES (?1, ?2, 0, 1, ?3)
             ON CONFLICT DO UPDATE SET trusted = 1",
            params![definition, runbook, Millis(at)],
        )?;
    }
    execute(
        to,
        "INSERT OR IGNORE INTO agent_state (name, value) VALUES ('first_runs', ?1)",
        [at.to_string()],
    )?;
    Ok(())
}
