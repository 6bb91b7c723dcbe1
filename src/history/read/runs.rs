//! Runs, steps, events, definitions, facts.

use super::{Conditions, limit};
use crate::{
    domain::{
        digest::Digest,
        id::RunId,
        name::RunbookName,
        run::{Recorded, RunHeader, RunOutcome},
        runbook::Runbook,
        span::Span,
    },
    history::{
        columns::{Count, Json, Millis},
        packed,
        rows::{OutcomeFilter, RunFilter, RunRow, RunStatus, StepRow},
        write::RunbookFacts,
    },
};
use rusqlite::{Connection, OptionalExtension as _, Row};
use std::collections::BTreeMap;

const SELECT: &str =
    "SELECT runs.id, runbook, revision, author, (SELECT digest FROM definitions WHERE id = definition),
     cause, inputs, created_at, dry_run, status, outcome, reason, started_at, ended_at, waiting_for, worst_check,
     cancel_by, events, window_override FROM runs";

fn run_row(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    let time = |index: usize| row.get::<_, Option<Millis>>(index);
    let (Json(cause), Json(inputs), Millis(created_at)) = (row.get(5)?, row.get(6)?, row.get(7)?);
    let Count(events) = row.get(17)?;
    Ok(RunRow {
        header: RunHeader {
            id: row.get(0)?,
            runbook: row.get(1)?,
            revision: row.get(2)?,
            author: row.get(3)?,
            definition: row.get(4)?,
            cause,
            inputs,
            created_at,
            dry_run: row.get(8)?,
            window_override: row.get(18)?,
        },
        status: row.get(9)?,
        outcome: row.get(10)?,
        reason: row.get(11)?,
        started_at: time(12)?.map(|Millis(at)| at),
        ended_at: time(13)?.map(|Millis(at)| at),
        waiting_for: row.get(14)?,
        worst_check: row.get(15)?,
        cancel_requested_by: row.get(16)?,
        events,
        waiting_for_lock: None,
    })
}

pub(in crate::history) fn one(
    connection: &Connection,
    id: RunId,
) -> rusqlite::Result<Option<RunRow>> {
    connection
        .prepare_cached(&format!("{SELECT} WHERE runs.id = ?1"))?
        .query_row([id], run_row)
        .optional()
}

pub(in crate::history) fn list(
    connection: &Connection,
    filter: &RunFilter,
) -> rusqlite::Result<Vec<RunRow>> {
    let before = match filter.before {
        None => None,
        Some(id) => match created_at(connection, id)? {
            Some(at) => Some((id, at)),
            None => return Ok(Vec::new()),
        },
    };
    let limit = limit(filter.limit);
    let since = filter.since.map(Millis);
    let conditions = conditions(filter, since.as_ref(), before.as_ref(), &limit);
    conditions.rows(connection, SELECT, NEWEST_FIRST, run_row)
}

/// How SQLite goes about a list.
#[cfg(test)]
pub(in crate::history) fn plan(
    connection: &Connection,
    filter: &RunFilter,
) -> rusqlite::Result<Vec<String>> {
    let before = filter.before.map(|id| (id, 0));
    let since = filter.since.map(Millis);
    let conditions = conditions(filter, since.as_ref(), before.as_ref(), &10);
    let select = format!("EXPLAIN QUERY PLAN {SELECT}");
    conditions.rows(connection, &select, NEWEST_FIRST, |row| row.get(3))
}

const NEWEST_FIRST: &str = "ORDER BY created_at DESC, runs.id DESC LIMIT :limit";

fn conditions<'a>(
    filter: &'a RunFilter,
    since: Option<&'a Millis>,
    before: Option<&'a (RunId, i64)>,
    limit: &'a i64,
) -> Conditions<'a> {
    let mut conditions = Conditions::default();
    conditions.on_some("runbook = :runbook", ":runbook", filter.runbook.as_ref());
    match &filter.outcome {
        Some(OutcomeFilter::Is(outcome)) => {
            conditions.on("outcome = :outcome", ":outcome", outcome);
        }
        Some(OutcomeFilter::Failures) => conditions.plain("failed = 1"),
        None => {}
    }
    if let Some(status) = &filter.status {
        conditions.on("status = :status", ":status", status);
        if *status != RunStatus::Ended {
            conditions.plain("status <> 'ended'");
        }
    }
    conditions.on_some("created_at >= :since", ":since", since);
    if let Some((id, at)) = before {
        conditions.on("(created_at, runs.id) < (:at, :before)", ":before", id);
        conditions.values.push((":at", at));
    }
    conditions.values.push((":limit", limit));
    conditions
}

fn created_at(connection: &Connection, id: RunId) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT created_at FROM runs WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()
}

/// Every run that has not ended, oldest first.
pub(in crate::history) fn unfinished(connection: &Connection) -> rusqlite::Result<Vec<RunRow>> {
    connection
        .prepare_cached(&format!(
            "{SELECT} WHERE status <> 'ended' ORDER BY created_at, runs.id"
        ))?
        .query_map([], run_row)?
        .collect()
}

pub(in crate::history) fn events(
    connection: &Connection,
    run: RunId,
) -> rusqlite::Result<Vec<Recorded>> {
    connection
        .prepare_cached("SELECT seq, at, body FROM events WHERE run = ?1 ORDER BY seq")?
        .query_map([run], |row| {
            let (Count(seq), Millis(at), Json(event)) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(Recorded { seq, at, event })
        })?
        .collect()
}

pub(in crate::history) fn steps(
    connection: &Connection,
    run: RunId,
) -> rusqlite::Result<Vec<StepRow>> {
    connection
        .prepare_cached(
            "SELECT phase, step, status, attempt, decision, class, digest, approval, started_at, ended_at,
             checked, summary, error, outputs FROM steps WHERE run = ?1 ORDER BY first_seq",
        )?
        .query_map([run], step_row)?
        .collect()
}

fn step_row(row: &Row<'_>) -> rusqlite::Result<StepRow> {
    let time = |index: usize| row.get::<_, Option<Millis>>(index);
    let Json(outputs) = row.get(13)?;
    Ok(StepRow {
        phase: row.get(0)?,
        step: row.get(1)?,
        status: row.get(2)?,
        attempt: row.get(3)?,
        decision: row.get(4)?,
        class: row.get(5)?,
        digest: row.get(6)?,
        approval: row.get(7)?,
        started_at: time(8)?.map(|Millis(at)| at),
        ended_at: time(9)?.map(|Millis(at)| at),
        check: row.get(10)?,
        summary: row.get(11)?,
        error: row.get(12)?,
        outputs,
    })
}

pub(in crate::history) fn definition(
    connection: &Connection,
    digest: Digest,
) -> rusqlite::Result<Option<Runbook>> {
    connection
        .prepare_cached("SELECT body FROM definitions WHERE digest = ?1")?
        .query_row([digest], |row| {
            let packed: Vec<u8> = row.get(0)?;
            packed::unpack(&packed).map_err(|error| {
                rusqlite::Error::FromSqlConversionFailure(
                    0,
                    rusqlite::types::Type::Blob,
                    Box::new(error),
                )
            })
        })
        .optional()
}

const FACTS: &str = "SELECT runbook, last_run, last_outcome, last_ended, last_took, last_success,
     succeeded, warning, failed, denied, canceled, timed_out, interrupted FROM runbook_facts";

pub(in crate::history) fn facts(connection: &Connection) -> rusqlite::Result<Vec<RunbookFacts>> {
    connection
        .prepare_cached(&format!("{FACTS} ORDER BY runbook"))?
        .query_map([], facts_row)?
        .collect()
}

pub(in crate::history) fn facts_of(
    connection: &Connection,
    runbook: &RunbookName,
) -> rusqlite::Result<Option<RunbookFacts>> {
    connection
        .prepare_cached(&format!("{FACTS} WHERE runbook = ?1"))?
        .query_row([runbook], facts_row)
        .optional()
}

fn facts_row(row: &Row<'_>) -> rusqlite::Result<RunbookFacts> {
    let Millis(last_ended) = row.get(3)?;
    // A clock that went back makes a length below zero.
    let took: Option<i64> = row.get(4)?;
    let last_success: Option<Millis> = row.get(5)?;
    Ok(RunbookFacts {
        runbook: row.get(0)?,
        last_run: row.get(1)?,
        last_outcome: row.get(2)?,
        last_ended,
        last_took: took.map(|millis| Span::from_millis(u64::try_from(millis).unwrap_or(0))),
        last_success: last_success.map(|Millis(at)| at),
        outcomes: outcomes(row)?,
    })
}

fn outcomes(row: &Row<'_>) -> rusqlite::Result<BTreeMap<RunOutcome, u64>> {
    let mut counts = BTreeMap::new();
    for (index, outcome) in (6..).zip(RunOutcome::ALL) {
        let Count(count) = row.get(index)?;
        if count > 0 {
            counts.insert(outcome, count);
        }
    }
    Ok(counts)
}
