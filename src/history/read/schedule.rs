//! Occurrences, triggers, suspensions.

use super::{Conditions, limit};
use crate::{
    domain::{
        id::RunId,
        occurrence::{Occurrence, Skipped},
    },
    history::{
        columns::Millis,
        rows::{SkippedFilter, SuspensionRow, TriggerRow},
    },
};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

pub(in crate::history) fn occurrence(
    connection: &Connection,
    occurrence: &Occurrence,
) -> rusqlite::Result<Option<RunId>> {
    connection
        .prepare_cached(
            "SELECT run FROM occurrences WHERE runbook = ?1 AND trigger_key = ?2 AND nominal = ?3",
        )?
        .query_row(
            params![
                occurrence.runbook,
                occurrence.trigger,
                Millis(occurrence.nominal)
            ],
            |row| row.get(0),
        )
        .optional()
}

pub(in crate::history) fn skipped(
    connection: &Connection,
    filter: &SkippedFilter,
) -> rusqlite::Result<Vec<Skipped>> {
    let limit = limit(filter.limit);
    let since = filter.since.map(Millis);
    let mut conditions = Conditions::default();
    conditions.on_some("runbook = :runbook", ":runbook", filter.runbook.as_ref());
    conditions.on_some("reason = :reason", ":reason", filter.reason.as_ref());
    conditions.on_some("at >= :since", ":since", since.as_ref());
    conditions.values.push((":limit", &limit));
    conditions.rows(
        connection,
        "SELECT runbook, trigger_key, nominal, last_nominal, reason, detail, at FROM skipped",
        "ORDER BY at DESC, id DESC LIMIT :limit",
        skipped_row,
    )
}

fn skipped_row(row: &Row<'_>) -> rusqlite::Result<Skipped> {
    let (Millis(nominal), Millis(last_nominal), Millis(at)) =
        (row.get(2)?, row.get(3)?, row.get(6)?);
    Ok(Skipped {
        occurrence: Occurrence {
            runbook: row.get(0)?,
            trigger: row.get(1)?,
            nominal,
        },
        last_nominal,
        reason: row.get(4)?,
        detail: row.get(5)?,
        at,
    })
}

pub(in crate::history) fn suspensions(
    connection: &Connection,
) -> rusqlite::Result<Vec<SuspensionRow>> {
    connection
        .prepare_cached("SELECT runbook, until, by, reason, at FROM suspensions ORDER BY runbook")?
        .query_map([], |row| {
            let until: Option<Millis> = row.get(1)?;
            let Millis(at) = row.get(4)?;
            Ok(SuspensionRow {
                runbook: row.get(0)?,
                until: until.map(|Millis(at)| at),
                by: row.get(2)?,
                reason: row.get(3)?,
                at,
            })
        })?
        .collect()
}

pub(in crate::history) fn triggers(connection: &Connection) -> rusqlite::Result<Vec<TriggerRow>> {
    connection
        .prepare_cached(
            "SELECT runbook, trigger_key, active_since, last_nominal FROM triggers ORDER BY runbook, trigger_key",
        )?
        .query_map([], |row| {
            let Millis(active_since) = row.get(2)?;
            let last_nominal: Option<Millis> = row.get(3)?;
            Ok(TriggerRow {
                runbook: row.get(0)?,
                key: row.get(1)?,
                active_since,
                last_nominal: last_nominal.map(|Millis(at)| at),
            })
        })?
        .collect()
}
