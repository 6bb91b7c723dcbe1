//! What is due next, and what was due and did not run.

use crate::{
    domain::{
        name::RunbookName,
        occurrence::{NotRun, Skipped},
    },
    history::SkippedFilter,
    http::{
        Front,
        api::{limit, runbooks::known},
        extract::Params,
        link::Page,
        problem::Problem,
    },
    ports::agent::Upcoming,
};
use axum::extract::State;
use jiff::Timestamp;
use serde::Deserialize;
use std::sync::Arc;

/// Of which runbook.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Due {
    runbook: Option<RunbookName>,
    limit: Option<usize>,
}

/// `GET /next`, soonest first.
pub(in crate::http) async fn list(
    State(front): State<Arc<Front>>,
    Params(due): Params<Due>,
) -> Result<Page<Upcoming>, Problem> {
    if let Some(name) = &due.runbook {
        known(&front, name).await?;
    }
    let due = front.agent.upcoming(due.runbook.as_ref(), limit(due.limit));
    let mut due = due.await?;
    let asked = due
        .iter_mut()
        .filter_map(|one| one.asks.as_mut())
        .flat_map(|asks| &mut asks.questions);
    for question in asked {
        let case = front.history.approval(question.approval).await;
        let case = case.map_err(|error| front.unreadable(&error))?;
        question.standing = case.map(|case| case.standing(front.clock.now()));
    }
    Ok(Page::whole(due))
}

/// Which occurrences.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Which {
    runbook: Option<RunbookName>,
    reason: Option<NotRun>,
    since: Option<Timestamp>,
    limit: Option<usize>,
}

/// `GET /skipped`, newest first.
pub(in crate::http) async fn skipped(
    State(front): State<Arc<Front>>,
    Params(which): Params<Which>,
) -> Result<Page<Skipped>, Problem> {
    let filter = SkippedFilter {
        runbook: which.runbook,
        reason: which.reason,
        since: which.since,
        limit: limit(which.limit),
    };
    front
        .history
        .skipped(filter)
        .await
        .map(Page::whole)
        .map_err(|error| front.unreadable(&error))
}
