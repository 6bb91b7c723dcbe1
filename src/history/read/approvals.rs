//! Questions to people.

use super::{Conditions, limit};
use crate::{
    domain::{
        approval::{Standing, Vote},
        id::ApprovalId,
        name::RunbookName,
        occurrence::Occurrence,
    },
    history::{
        columns::{Json, Millis},
        rows::{ApprovalCase, ApprovalFilter, ApprovalRecord},
    },
};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

const SELECT: &str = "SELECT id, request, state, settled_at, reason, settled_by FROM approvals";

fn case(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<ApprovalCase> {
    let Json(request) = row.get(1)?;
    let state: String = row.get(2)?;
    let recorded = match state.as_str() {
        "redeemed" => {
            let Millis(at) = row.get(3)?;
            ApprovalRecord::Redeemed { at }
        }
        "withdrawn" => ApprovalRecord::Withdrawn {
            reason: row.get(4)?,
        },
        "cancelled" => ApprovalRecord::Cancelled {
            by: row.get(5)?,
            reason: row.get(4)?,
        },
        // `open`, and `denied`, which the votes say themselves.
        _ => ApprovalRecord::Open,
    };
    Ok(ApprovalCase {
        request,
        votes: votes(connection, row.get(0)?)?,
        recorded,
    })
}

fn votes(connection: &Connection, approval: ApprovalId) -> rusqlite::Result<Vec<Vote>> {
    connection
        .prepare_cached("SELECT body FROM votes WHERE approval = ?1 ORDER BY id")?
        .query_map([approval], |row| {
            let Json(vote) = row.get(0)?;
            Ok(vote)
        })?
        .collect()
}

pub(in crate::history) fn one(
    connection: &Connection,
    id: ApprovalId,
) -> rusqlite::Result<Option<ApprovalCase>> {
    connection
        .prepare_cached(&format!("{SELECT} WHERE id = ?1"))?
        .query_row([id], |row| case(connection, row))
        .optional()
}

pub(in crate::history) fn list(
    connection: &Connection,
    filter: &ApprovalFilter,
) -> rusqlite::Result<Vec<ApprovalCase>> {
    let open_at = filter.open_at.map(Millis);
    let mut conditions = Conditions::default();
    if let Some(open_at) = &open_at {
        conditions.plain("state = 'open'");
        conditions.on("last_use >= :open_at", ":open_at", open_at);
    }
    conditions.on_some("wanted_run = :run", ":run", filter.run.as_ref());
    conditions.on_some(
        "(asked_at, id) < (SELECT asked_at, id FROM approvals WHERE id = :before)",
        ":before",
        filter.before.as_ref(),
    );
    let sql = conditions.sql(SELECT, "ORDER BY asked_at DESC, id DESC");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(conditions.values.as_slice())?;
    let most = usize::try_from(limit(filter.limit)).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        if found.len() == most {
            break;
        }
        let case = case(connection, row)?;
        if filter
            .open_at
            .is_none_or(|now| is_open(&case.standing(now)))
        {
            found.push(case);
        }
    }
    Ok(found)
}

/// What was asked ahead of one due time, newest first.
pub(in crate::history) fn ahead(
    connection: &Connection,
    due: &Occurrence,
) -> rusqlite::Result<Vec<ApprovalCase>> {
    connection
        .prepare_cached(&format!(
            "{SELECT} WHERE runbook = ?1 AND trigger_key = ?2 AND nominal = ?3 ORDER BY asked_at DESC, id DESC"
        ))?
        .query_map(
            params![due.runbook, due.trigger, Millis(due.nominal)],
            |row| case(connection, row),
        )?
        .collect()
}

/// What was asked ahead of a trigger's due times until then, is open, and has no run.
pub(in crate::history) fn orphaned(
    connection: &Connection,
    (runbook, trigger): (&RunbookName, &str),
    until: Timestamp,
) -> rusqlite::Result<Vec<ApprovalCase>> {
    connection
        .prepare_cached(&format!(
            "{SELECT} WHERE runbook = ?1 AND trigger_key = ?2 AND nominal <= ?3 AND run IS NULL AND state = 'open'"
        ))?
        .query_map(params![runbook, trigger, Millis(until)], |row| {
            case(connection, row)
        })?
        .collect()
}

fn is_open(standing: &Standing) -> bool {
    matches!(
        standing,
        Standing::Pending { .. } | Standing::Approved { .. }
    )
}
