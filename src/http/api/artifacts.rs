//! Artifacts: what steps left behind, and whether it was verified.

use crate::{
    domain::{
        id::{ArtifactId, RunId},
        name::RunbookName,
    },
    history::{ArtifactFilter, ArtifactRow},
    http::{
        Front,
        api::limit,
        extract::Params,
        link::{Address, Page},
        problem::Problem,
    },
};
use axum::extract::State;
use serde::Deserialize;
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
    #[serde(default)]
    verified: bool,
    before: Option<ArtifactId>,
    limit: Option<usize>,
}

/// `GET /artifacts`, newest first.
pub(in crate::http) async fn list(
    State(front): State<Arc<Front>>,
    Params(which): Params<Which>,
) -> Result<Page<ArtifactRow>, Problem> {
    let limit = limit(which.limit);
    let filter = ArtifactFilter {
        runbook: which.runbook.clone(),
        run: which.run,
        kind: which.kind.clone(),
        name: which.name.clone(),
        path: None,
        removed: which.removed,
        verified: which.verified,
        before: which.before,
        limit,
    };
    let rows = front
        .history
        .artifacts(filter)
        .await
        .map_err(|error| front.unreadable(&error))?;
    Ok(Page::of(rows, limit, |last| which.after(last, limit)))
}

impl Which {
    fn after(&self, last: &ArtifactRow, limit: usize) -> String {
        Address::new("/api/v1/artifacts")
            .with("runbook", self.runbook.as_ref())
            .with("run", self.run.as_ref())
            .with("kind", self.kind.as_ref())
            .with("name", self.name.as_ref())
            .with("removed", self.removed.then_some(true))
            .with("verified", self.verified.then_some(true))
            .with("before", Some(&last.record.id))
            .with("limit", Some(&limit))
            .finish()
    }
}
