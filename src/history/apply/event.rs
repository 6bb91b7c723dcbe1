//! Events, and what they say in the rows of runs, steps and facts.

use super::{Applied, execute, find, unknown};
use crate::{
    domain::{
        check::CheckStatus,
        gate::Decision,
        id::{ApprovalId, RunId},
        run::{RunEvent, RunOutcome, StepKey, StepReport, StepResult},
    },
    history::{
        columns::{Count, Json, Millis},
        rows::StepStatus,
    },
};
use jiff::Timestamp;
use rusqlite::{Connection, params};

/// An event in its place, on its way into the rows.
#[derive(Debug, Clone, Copy)]
struct Place<'a> {
    to: &'a Connection,
    run: RunId,
    seq: u64,
    at: Timestamp,
}

pub(super) fn event(to: &Connection, run: RunId, event: &RunEvent, at: Timestamp) -> Applied {
    let seq: Option<Count> = find(
        to,
        "UPDATE runs SET events = events + 1 WHERE id = ?1 RETURNING events",
        [run],
    )?;
    let Some(Count(seq)) = seq else {
        return Err(unknown("run", &run));
    };
    execute(
        to,
        "INSERT INTO events (run, seq, at, body) VALUES (?1, ?2, ?3, ?4)",
        params![run, Count(seq), Millis(at), Json(event)],
    )?;
    let place = Place { to, run, seq, at };
    Ok(fold(place, event)?)
}

fn fold(place: Place<'_>, event: &RunEvent) -> rusqlite::Result<()> {
    match event {
        RunEvent::Started => started(place),
        RunEvent::StepSkipped { key, reason } => over(place, key, StepStatus::Skipped, reason, ""),
        RunEvent::StepGated {
            key,
            attempt,
            decision,
            ..
        } => {
            touch(place, key, StepStatus::Gated, *attempt)?;
            gated(place, key, event, decision)
        }
        RunEvent::ApprovalRequested {
            key,
            attempt,
            approval,
        } => {
            touch(place, key, StepStatus::Waiting, *attempt)?;
            waiting(place, key, *approval)
        }
        RunEvent::ApprovalGranted { approval } | RunEvent::ApprovalLapsed { approval, .. } => {
            answered(place, *approval)
        }
        RunEvent::StepDenied { key, reason, .. } => {
            no_longer_waiting(place)?;
            over(place, key, StepStatus::Denied, "", reason)
        }
        RunEvent::StepStarted { key, attempt, .. } => {
            no_longer_waiting(place)?;
            touch(place, key, StepStatus::Running, *attempt)?;
            no_longer_unknown(place, key)?;
            step_started(place, key, event)
        }
        RunEvent::StepEnded {
            key,
            attempt,
            report,
        } => {
            touch(place, key, status_of(&report.result), *attempt)?;
            step_ended(place, key, report)
        }
        RunEvent::StepInvalid { key, error } => {
            no_longer_waiting(place)?;
            over(place, key, StepStatus::Invalid, "", error)
        }
        RunEvent::StepInterrupted { key, attempt } => {
            touch(place, key, StepStatus::Interrupted, *attempt)?;
            over(place, key, StepStatus::Interrupted, "", INTERRUPTED)
        }
        RunEvent::CancelRequested { by, .. } => cancel_requested(place, by),
        RunEvent::DeadlinePassed | RunEvent::ProcessOutlived { .. } => Ok(()),
        RunEvent::Ended { outcome, reason } => ended(place, *outcome, reason),
    }
}

const INTERRUPTED: &str = "the agent stopped while it ran; whether it happened is not known";

fn started(place: Place<'_>) -> rusqlite::Result<()> {
    execute(
        place.to,
        "UPDATE runs SET status = 'running', started_at = coalesce(started_at, ?2)
         WHERE id = ?1 AND status <> 'ended'",
        params![place.run, Millis(place.at)],
    )
    .map(drop)
}

/// The step's row exists, with this status and attempt.
fn touch(
    place: Place<'_>,
    key: &StepKey,
    status: StepStatus,
    attempt: u32,
) -> rusqlite::Result<()> {
    execute(
        place.to,
        "INSERT INTO steps (run, phase, step, first_seq, status, attempt) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO UPDATE SET status = excluded.status, attempt = max(attempt, excluded.attempt)",
        params![
            place.run,
            key.phase,
            key.step,
            Count(place.seq),
            status,
            attempt
        ],
    )
    .map(drop)
}

/// The step is over without a report.
fn over(
    place: Place<'_>,
    key: &StepKey,
    status: StepStatus,
    summary: &str,
    error: &str,
) -> rusqlite::Result<()> {
    touch(place, key, status, 0)?;
    execute(
        place.to,
        "UPDATE steps SET ended_at = ?4, summary = ?5, error = ?6 WHERE run = ?1 AND phase = ?2 AND step = ?3",
        params![
            place.run,
            key.phase,
            key.step,
            Millis(place.at),
            summary,
            error
        ],
    )
    .map(drop)
}

fn gated(
    place: Place<'_>,
    key: &StepKey,
    event: &RunEvent,
    decision: &Decision,
) -> rusqlite::Result<()> {
    let RunEvent::StepGated { digest, class, .. } = event else {
        return Ok(());
    };
    execute(
        place.to,
        "UPDATE steps SET decision = ?4, class = ?5, digest = ?6 WHERE run = ?1 AND phase = ?2 AND step = ?3",
        params![
            place.run,
            key.phase,
            key.step,
            decision.as_str(),
            class,
            digest
        ],
    )
    .map(drop)
}

fn waiting(place: Place<'_>, key: &StepKey, approval: ApprovalId) -> rusqlite::Result<()> {
    execute(
        place.to,
        "UPDATE steps SET approval = ?4 WHERE run = ?1 AND phase = ?2 AND step = ?3",
        params![place.run, key.phase, key.step, approval],
    )?;
    execute(
        place.to,
        "UPDATE runs SET status = 'waiting', waiting_for = ?2 WHERE id = ?1 AND status <> 'ended'",
        params![place.run, approval],
    )
    .map(drop)
}

/// The question has its answer, or no longer matters.
fn answered(place: Place<'_>, approval: ApprovalId) -> rusqlite::Result<()> {
    execute(
        place.to,
        "UPDATE steps SET status = 'gated' WHERE run = ?1 AND approval = ?2 AND status = 'waiting'",
        params![place.run, approval],
    )?;
    execute(
        place.to,
        "UPDATE runs SET status = 'running', waiting_for = NULL
         WHERE id = ?1 AND waiting_for = ?2 AND status = 'waiting'",
        params![place.run, approval],
    )
    .map(drop)
}

fn no_longer_waiting(place: Place<'_>) -> rusqlite::Result<()> {
    execute(
        place.to,
        "UPDATE runs SET status = 'running', waiting_for = NULL WHERE id = ?1 AND status = 'waiting'",
        [place.run],
    )
    .map(drop)
}

/// Another attempt settles whether an interrupted one has happened.
fn no_longer_unknown(place: Place<'_>, key: &StepKey) -> rusqlite::Result<()> {
    execute(
        place.to,
        "UPDATE steps SET error = '' WHERE run = ?1 AND phase = ?2 AND step = ?3 AND error = ?4",
        params![place.run, key.phase, key.step, INTERRUPTED],
    )
    .map(drop)
}

fn step_started(place: Place<'_>, key: &StepKey, event: &RunEvent) -> rusqlite::Result<()> {
    let RunEvent::StepStarted { digest, class, .. } = event else {
        return Ok(());
    };
    execute(
        place.to,
        "UPDATE steps SET class = ?4, digest = ?5, started_at = coalesce(started_at, ?6), ended_at = NULL
         WHERE run = ?1 AND phase = ?2 AND step = ?3",
        params![
            place.run,
            key.phase,
            key.step,
            class,
            digest,
            Millis(place.at)
        ],
    )
    .map(drop)
}

fn status_of(result: &StepResult) -> StepStatus {
    match result {
        StepResult::Succeeded => StepStatus::Succeeded,
        StepResult::Failed { .. } => StepStatus::Failed,
        StepResult::TimedOut => StepStatus::TimedOut,
        StepResult::Canceled => StepStatus::Canceled,
    }
}

fn step_ended(place: Place<'_>, key: &StepKey, report: &StepReport) -> rusqlite::Result<()> {
    let error = match &report.result {
        StepResult::Failed { error, .. } => error.as_str(),
        StepResult::TimedOut | StepResult::Canceled => report.summary.as_str(),
        StepResult::Succeeded => "",
    };
    execute(
        place.to,
        "UPDATE steps SET ended_at = ?4, checked = ?5, summary = ?6, error = ?7, outputs = ?8
         WHERE run = ?1 AND phase = ?2 AND step = ?3",
        params![
            place.run,
            key.phase,
            key.step,
            Millis(place.at),
            report.check,
            report.summary,
            error,
            Json(&report.outputs),
        ],
    )?;
    if report.check.is_some() {
        note_worst_check(place)?;
    }
    Ok(())
}

/// The worst of what the steps' checks found in their last attempts.
fn note_worst_check(place: Place<'_>) -> rusqlite::Result<()> {
    let worst = place
        .to
        .prepare_cached("SELECT checked FROM steps WHERE run = ?1 AND checked IS NOT NULL")?
        .query_map([place.run], |row| row.get::<_, CheckStatus>(0))?
        .collect::<rusqlite::Result<Vec<_>>>()?
        .into_iter()
        .max();
    execute(
        place.to,
        "UPDATE runs SET worst_check = ?2 WHERE id = ?1",
        params![place.run, worst],
    )
    .map(drop)
}

fn cancel_requested(place: Place<'_>, by: &str) -> rusqlite::Result<()> {
    execute(
        place.to,
        "UPDATE runs SET cancel_by = coalesce(cancel_by, ?2) WHERE id = ?1 AND status <> 'ended'",
        params![place.run, by],
    )
    .map(drop)
}

/// The first end counts; later ones change nothing.
fn ended(place: Place<'_>, outcome: RunOutcome, reason: &str) -> rusqlite::Result<()> {
    let touched = execute(
        place.to,
        "UPDATE runs SET status = 'ended', outcome = ?2, failed = ?3, reason = ?4, ended_at = ?5, waiting_for = NULL
         WHERE id = ?1 AND status <> 'ended'",
        params![
            place.run,
            outcome,
            !outcome.is_success(),
            reason,
            Millis(place.at)
        ],
    )?;
    if touched == 0 {
        return Ok(());
    }
    note_facts(place, outcome)
}

fn note_facts(place: Place<'_>, outcome: RunOutcome) -> rusqlite::Result<()> {
    // Made from our own words, never from input.
    let counter = outcome.as_str();
    let sql = format!(
        "INSERT INTO runbook_facts (runbook, last_run, last_outcome, last_ended, last_took, last_success, {counter})
         SELECT runbook, id, outcome, ended_at, ended_at - started_at, iif(failed = 0, ended_at, NULL), 1
         FROM runs WHERE id = ?1 AND dry_run = 0
         ON CONFLICT DO UPDATE SET
             last_run = excluded.last_run, last_outcome = excluded.last_outcome, last_ended = excluded.last_ended,
             last_took = excluded.last_took, last_success = coalesce(excluded.last_success, last_success),
             {counter} = {counter} + 1"
    );
    execute(place.to, &sql, [place.run]).map(drop)
}
