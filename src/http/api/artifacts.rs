//! Artifacts: what steps left behind, how far it can be relied on, and what people want done with one.

use super::{halt::Why, runbooks::bounded};
use crate::{
    domain::{
        artifact::ArtifactState,
        id::{ArtifactId, RunId},
        name::RunbookName,
    },
    history::{ArtifactFilter, ArtifactRow},
    http::{
        Front,
        access::Caller,
        api::limit,
        extract::{Body, Nothing, Params, Segment, artifact_id},
        link::{Address, Page},
        problem::Problem,
    },
    ports::agent::{RestoreRequest, StartedRun},
};
use axum::{Extension, Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Which artifacts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Which {
    runbook: Option<RunbookName>,
    run: Option<RunId>,
    kind: Option<String>,
    name: Option<String>,
    #[serde(default)]
    removed: bool,
    state: Option<ArtifactState>,
    before: Option<ArtifactId>,
    limit: Option<usize>,
}

/// An artifact, with how far it can be relied on.
#[derive(Debug, Serialize)]
pub(in crate::http) struct View {
    #[serde(flatten)]
    row: ArtifactRow,
    state: ArtifactState,
}

impl View {
    fn of(row: ArtifactRow) -> Self {
        let state = row.state();
        Self { row, state }
    }
}

/// `GET /artifacts`, newest first.
pub(in crate::http) async fn list(
    State(front): State<Arc<Front>>,
    Params(which): Params<Which>,
) -> Result<Page<View>, Problem> {
    let limit = limit(which.limit);
    let filter = ArtifactFilter {
        runbook: which.runbook.clone(),
        run: which.run,
        kind: which.kind.clone(),
        name: which.name.clone(),
        path: None,
        removed: which.removed,
        verified: false,
        state: which.state,
        before: which.before,
        limit,
    };
    let rows = front
        .history
        .artifacts(filter)
        .await
        .map_err(|error| front.unreadable(&error))?;
    let views = rows.into_iter().map(View::of).collect();
    Ok(Page::of(views, limit, |last: &View| {
        which.after(&last.row, limit)
    }))
}

/// `GET /artifacts/{id}`.
pub(in crate::http) async fn show(
    State(front): State<Arc<Front>>,
    Segment(id): Segment,
    _: Params<Nothing>,
) -> Result<Json<View>, Problem> {
    let id = artifact_id(&id)?;
    let row = front.history.artifact(id).await;
    let row = row.map_err(|error| front.unreadable(&error))?;
    row.map(|row| Json(View::of(row)))
        .ok_or_else(|| Problem::not_found(format!("artifact {id}")))
}

/// `POST /artifacts/{id}/accept`: a person says that a doubted one is right.
pub(in crate::http) async fn accept(
    State(front): State<Arc<Front>>,
    Extension(caller): Extension<Caller>,
    Segment(id): Segment,
    Body(why): Body<Why>,
) -> Result<StatusCode, Problem> {
    bounded("reason", &why.reason)?;
    front
        .agent
        .accept_artifact(artifact_id(&id)?, caller.person()?, &why.reason)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /artifacts/{id}/verify`: a run restores it on trial.
pub(in crate::http) async fn verify(
    State(front): State<Arc<Front>>,
    Extension(caller): Extension<Caller>,
    Segment(id): Segment,
    Body(Empty {}): Body<Empty>,
) -> Result<(StatusCode, Json<StartedRun>), Problem> {
    let started = front
        .agent
        .verify_artifact(artifact_id(&id)?, caller.person()?)
        .await?;
    Ok((StatusCode::ACCEPTED, Json(started)))
}

/// `POST /artifacts/{id}/restore`: a run restores it for good, once people have consented.
pub(in crate::http) async fn restore(
    State(front): State<Arc<Front>>,
    Extension(caller): Extension<Caller>,
    Segment(id): Segment,
    Body(request): Body<RestoreRequest>,
) -> Result<(StatusCode, Json<StartedRun>), Problem> {
    bounded("to", &request.to)?;
    bounded("only", request.only.as_deref().unwrap_or_default())?;
    let started = front
        .agent
        .restore_artifact(artifact_id(&id)?, request, caller.person()?)
        .await?;
    Ok((StatusCode::ACCEPTED, Json(started)))
}

/// Nothing is told.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Empty {}

impl Which {
    fn after(&self, last: &ArtifactRow, limit: usize) -> String {
        Address::new("/api/v1/artifacts")
            .with("runbook", self.runbook.as_ref())
            .with("run", self.run.as_ref())
            .with("kind", self.kind.as_ref())
            .with("name", self.name.as_ref())
            .with("removed", self.removed.then_some(true))
            .with("state", self.state.map(ArtifactState::as_str))
            .with("before", Some(&last.record.id))
            .with("limit", Some(&limit))
            .finish()
    }
}
