//! Following the source: where it stands, and fetching now.

use crate::{
    http::{
        Front,
        access::Caller,
        extract::{Body, Nothing, Params},
        problem::Problem,
    },
    ports::agent::SyncView,
};
use axum::{Extension, Json, extract::State};
use serde::Deserialize;
use std::sync::Arc;

/// `GET /sync`.
pub(in crate::http) async fn show(
    State(front): State<Arc<Front>>,
    _: Params<Nothing>,
) -> Json<SyncView> {
    Json(front.agent.sync_view())
}

/// With `accept`, the held deletion of exactly this revision is carried out.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Sync {
    accept: Option<String>,
}

/// `POST /sync`: where it stands then.
pub(in crate::http) async fn start(
    State(front): State<Arc<Front>>,
    Extension(caller): Extension<Caller>,
    Body(sync): Body<Sync>,
) -> Result<Json<SyncView>, Problem> {
    let revision = |text: &str| {
        (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    if sync
        .accept
        .as_deref()
        .is_some_and(|accept| !revision(accept))
    {
        return Err(Problem::invalid("`accept` is not a revision")
            .hint("use the one that `GET /api/v1/sync` shows as held"));
    }
    Ok(Json(
        front
            .agent
            .sync(caller.person()?, sync.accept.as_deref())
            .await?,
    ))
}
