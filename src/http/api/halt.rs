//! All effects stopped at once, and let go again; a clock that jumped, and is trusted again.

use super::runbooks::bounded;
use crate::{
    http::{
        Front,
        access::Caller,
        extract::{Body, Nothing, Params},
        problem::Problem,
    },
    ports::agent::HaltView,
};
use axum::{Extension, Json, extract::State, http::StatusCode};
use serde::Deserialize;
use std::sync::Arc;

/// Why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Why {
    #[serde(default)]
    pub(super) reason: String,
}

/// `GET /halt`.
pub(in crate::http) async fn show(
    State(front): State<Arc<Front>>,
    _: Params<Nothing>,
) -> Json<HaltView> {
    Json(front.agent.halted())
}

/// `POST /halt`: answered once nothing with an effect begins any more. Halting twice is halting once.
pub(in crate::http) async fn halt(
    State(front): State<Arc<Front>>,
    Extension(caller): Extension<Caller>,
    Body(why): Body<Why>,
) -> Result<Json<HaltView>, Problem> {
    bounded("reason", &why.reason)?;
    let view = front.agent.halt(caller.person()?, &why.reason).await?;
    Ok(Json(view))
}

/// `POST /unhalt`.
pub(in crate::http) async fn unhalt(
    State(front): State<Arc<Front>>,
    Extension(caller): Extension<Caller>,
    Body(why): Body<Why>,
) -> Result<Json<HaltView>, Problem> {
    bounded("reason", &why.reason)?;
    let view = front.agent.unhalt(caller.person()?, &why.reason).await?;
    Ok(Json(view))
}

/// `POST /clock/reset`.
pub(in crate::http) async fn trust_clock(
    State(front): State<Arc<Front>>,
    Extension(caller): Extension<Caller>,
    Body(why): Body<Why>,
) -> Result<StatusCode, Problem> {
    bounded("reason", &why.reason)?;
    front
        .agent
        .trust_clock(caller.person()?, &why.reason)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
