//! Runs: what happened, and stopping one.

use crate::{
    domain::{
        id::RunId,
        name::RunbookName,
        run::{Recorded, RunOutcome},
    },
    history::{OutcomeFilter, RunFilter, RunRow, RunStatus, StepRow},
    http::{
        Front,
        access::Caller,
        api::{limit, runbooks::bounded},
        extract::{Body, Nothing, Params, Segment, run_id},
        link::{Address, Page},
        problem::Problem,
    },
};
use axum::{Extension, Json, extract::State, http::StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use std::sync::Arc;

/// Which runs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Which {
    runbook: Option<RunbookName>,
    /// An outcome, or `failures` for everything but `succeeded` and `warning`.
    outcome: Option<String>,
    status: Option<RunStatus>,
    since: Option<Timestamp>,
    /// Older than this run.
    before: Option<RunId>,
    limit: Option<usize>,
}

/// `GET /runs`, newest first.
pub(in crate::http) async fn list(
    State(front): State<Arc<Front>>,
    Params(which): Params<Which>,
) -> Result<Page<RunRow>, Problem> {
    let limit = limit(which.limit);
    let filter = RunFilter {
        runbook: which.runbook.clone(),
        outcome: which.outcome.as_deref().map(outcome).transpose()?,
        status: which.status,
        since: which.since,
        before: which.before,
        limit,
    };
    let rows = rows(&front, filter).await?;
    Ok(Page::of(rows, limit, |last| which.after(last, limit)))
}

/// Such runs, each with the lock that it waits for.
pub(in crate::http) async fn rows(
    front: &Front,
    filter: RunFilter,
) -> Result<Vec<RunRow>, Problem> {
    let rows = front.history.runs(filter).await;
    let rows = rows.map_err(|error| front.unreadable(&error))?;
    Ok(rows.into_iter().map(|row| waiting(front, row)).collect())
}

/// With the lock that it waits for.
fn waiting(front: &Front, row: RunRow) -> RunRow {
    let waiting_for_lock = match row.status {
        RunStatus::Running => front.agent.waiting_for_lock(row.header.id),
        RunStatus::Queued | RunStatus::Waiting | RunStatus::Ended => None,
    };
    RunRow {
        waiting_for_lock,
        ..row
    }
}

impl Which {
    fn after(&self, last: &RunRow, limit: usize) -> String {
        Address::new("/api/v1/runs")
            .with("runbook", self.runbook.as_ref())
            .with("outcome", self.outcome.as_ref())
            .with("status", self.status.map(RunStatus::as_str))
            .with("since", self.since.as_ref())
            .with("before", Some(&last.header.id))
            .with("limit", Some(&limit))
            .finish()
    }
}

fn outcome(word: &str) -> Result<OutcomeFilter, Problem> {
    if word == "failures" {
        return Ok(OutcomeFilter::Failures);
    }
    let found = RunOutcome::ALL
        .into_iter()
        .find(|outcome| outcome.as_str() == word);
    found.map(OutcomeFilter::Is).ok_or_else(|| {
        let words = RunOutcome::ALL.map(RunOutcome::as_str).join(", ");
        Problem::invalid("`outcome` is not one").hint(format!("use `failures`, or one of {words}"))
    })
}

/// The run of an address.
pub(in crate::http) async fn found(front: &Front, id: &str) -> Result<RunRow, Problem> {
    let id = run_id(id)?;
    let row = front
        .history
        .run(id)
        .await
        .map_err(|error| front.unreadable(&error))?;
    row.map(|row| waiting(front, row))
        .ok_or_else(|| Problem::not_found(format!("run {id}")))
}

/// `GET /runs/{id}`.
pub(in crate::http) async fn show(
    State(front): State<Arc<Front>>,
    Segment(id): Segment,
    _: Params<Nothing>,
) -> Result<Json<RunRow>, Problem> {
    found(&front, &id).await.map(Json)
}

/// `GET /runs/{id}/steps`.
pub(in crate::http) async fn steps(
    State(front): State<Arc<Front>>,
    Segment(id): Segment,
    _: Params<Nothing>,
) -> Result<Page<StepRow>, Problem> {
    let run = found(&front, &id).await?;
    front
        .history
        .steps(run.header.id)
        .await
        .map(Page::whole)
        .map_err(|error| front.unreadable(&error))
}

/// `GET /runs/{id}/events`.
pub(in crate::http) async fn events(
    State(front): State<Arc<Front>>,
    Segment(id): Segment,
    _: Params<Nothing>,
) -> Result<Page<Recorded>, Problem> {
    let run = found(&front, &id).await?;
    front
        .history
        .events(run.header.id)
        .await
        .map(Page::whole)
        .map_err(|error| front.unreadable(&error))
}

/// Why a run is to stop.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Cancel {
    #[serde(default)]
    reason: String,
}

/// `POST /runs/{id}/cancel`: the run is asked to stop, and stops soon.
pub(in crate::http) async fn cancel(
    State(front): State<Arc<Front>>,
    Extension(caller): Extension<Caller>,
    Segment(id): Segment,
    Body(cancel): Body<Cancel>,
) -> Result<StatusCode, Problem> {
    bounded("reason", &cancel.reason)?;
    front
        .agent
        .cancel(run_id(&id)?, caller.person()?, &cancel.reason)
        .await?;
    Ok(StatusCode::ACCEPTED)
}
