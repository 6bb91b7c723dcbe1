//! Occurrences, triggers and suspensions.

use super::{Applied, execute, find};
use crate::{
    domain::{
        id::RunId,
        name::RunbookName,
        occurrence::{Occurrence, Skipped},
    },
    history::{columns::Millis, error::Refused},
};
use jiff::Timestamp;
use rusqlite::{Connection, params};

pub(super) fn claim(to: &Connection, occurrence: &Occurrence, run: RunId) -> Applied {
    let Occurrence {
        runbook,
        trigger,
        nominal,
    } = occurrence;
    let claimed = execute(
        to,
        "INSERT INTO occurrences (runbook, trigger_key, nominal, run) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        params![runbook, trigger, Millis(*nominal), run],
    )?;
    if claimed == 0 {
        let by: Option<RunId> = find(
            to,
            "SELECT run FROM occurrences WHERE runbook = ?1 AND trigger_key = ?2 AND nominal = ?3",
            params![runbook, trigger, Millis(*nominal)],
        )?;
        return Err(Refused::OccurrenceTaken {
            occurrence: Box::new(occurrence.clone()),
            by: by.unwrap_or(run),
        }
        .into());
    }
    dealt_with(to, runbook, trigger, *nominal)
}

pub(super) fn skipped(to: &Connection, skipped: &Skipped) -> Applied {
    let Occurrence {
        runbook,
        trigger,
        nominal,
    } = &skipped.occurrence;
    execute(
        to,
        "INSERT INTO skipped (runbook, trigger_key, nominal, last_nominal, reason, detail, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            runbook,
            trigger,
            Millis(*nominal),
            Millis(skipped.last_nominal),
            skipped.reason,
            skipped.detail,
            Millis(skipped.at),
        ],
    )?;
    dealt_with(to, runbook, trigger, skipped.last_nominal)
}

fn dealt_with(to: &Connection, runbook: &RunbookName, key: &str, nominal: Timestamp) -> Applied {
    execute(
        to,
        "UPDATE triggers SET last_nominal = max(coalesce(last_nominal, ?3), ?3)
         WHERE runbook = ?1 AND trigger_key = ?2",
        params![runbook, key, Millis(nominal)],
    )?;
    Ok(())
}

pub(super) fn trigger(
    to: &Connection,
    runbook: &RunbookName,
    key: &str,
    active_since: Timestamp,
) -> Applied {
    execute(
        to,
        "INSERT INTO triggers (runbook, trigger_key, active_since) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET active_since = excluded.active_since",
        params![runbook, key, Millis(active_since)],
    )?;
    Ok(())
}

pub(super) fn trigger_gone(to: &Connection, runbook: &RunbookName, key: &str) -> Applied {
    execute(
        to,
        "DELETE FROM triggers WHERE runbook = ?1 AND trigger_key = ?2",
        params![runbook, key],
    )?;
    Ok(())
}

pub(super) fn suspend(
    to: &Connection,
    runbook: &RunbookName,
    until: Option<Timestamp>,
    (by, reason): (&str, &str),
    at: Timestamp,
) -> Applied {
    execute(
        to,
        "INSERT OR REPLACE INTO suspensions (runbook, until, by, reason, at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![runbook, until.map(Millis), by, reason, Millis(at)],
    )?;
    Ok(())
}

pub(super) fn resume(to: &Connection, runbook: &RunbookName) -> Applied {
    execute(to, "DELETE FROM suspensions WHERE runbook = ?1", [runbook])?;
    Ok(())
}
