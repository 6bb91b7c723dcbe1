//! What a runbook's runs say about it.

use crate::{
    domain::{
        circuit::{Circuit, Tripped},
        digest::Digest,
        name::RunbookName,
    },
    history::{columns::Millis, rows::RecordOf},
};
use rusqlite::{Connection, OptionalExtension as _};

pub(in crate::history) fn circuits(
    connection: &Connection,
) -> rusqlite::Result<Vec<(RunbookName, Circuit)>> {
    connection
        .prepare_cached(
            "SELECT runbook, failures, opened_at, reason FROM circuits ORDER BY runbook",
        )?
        .query_map([], |row| {
            let failures = row.get(1)?;
            let opened: Option<Millis> = row.get(2)?;
            let reason = row.get(3)?;
            let circuit = match opened {
                None => Circuit::Closed { failures },
                Some(Millis(since)) => Circuit::Open(Tripped {
                    since,
                    failures,
                    reason,
                }),
            };
            Ok((row.get(0)?, circuit))
        })?
        .collect()
}

pub(in crate::history) fn record_of(
    connection: &Connection,
    definition: Digest,
    runbook: &RunbookName,
) -> rusqlite::Result<RecordOf> {
    let own = connection
        .prepare_cached("SELECT runs, trusted FROM proven WHERE definition = ?1")?
        .query_row([definition], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let has_others = connection
        .prepare_cached("SELECT 1 FROM proven WHERE runbook = ?1 AND definition <> ?2 LIMIT 1")?
        .exists((runbook, definition))?;
    let (runs, is_trusted) = own.unwrap_or_default();
    Ok(RecordOf {
        runs,
        is_trusted,
        has_others,
    })
}

/// Whether it was ever said which definitions are trusted.
pub(in crate::history) fn trusts(connection: &Connection) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM agent_state WHERE name = 'first_runs'")?
        .exists([])
}
