//! What other systems send: signed webhooks, and alerts from Alertmanager.

use crate::{
    domain::{id::RunId, name::WebhookName},
    http::{
        Front,
        extract::{LargeBody, MOST_HOOK, Segment, read_bytes},
        problem::Problem,
    },
};
use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

/// Where a signature may stand, as `sha256=<hexadecimal HMAC of the raw body>`: the agent's own header, and GitHub's.
const SIGNATURES: [&str; 2] = ["x-orderly-signature-256", "x-hub-signature-256"];

#[derive(Debug, Serialize)]
struct Started {
    runs: Vec<RunId>,
}

/// `POST /hooks/{name}`: the agent checks the signature over the raw body.
pub(super) async fn receive(
    State(front): State<Arc<Front>>,
    Segment(name): Segment,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Problem> {
    let name = WebhookName::new(&name)
        .map_err(|error| Problem::not_found("such webhook").hint(error.to_string()))?;
    let busy = || {
        Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "busy",
            "too many webhooks come in at once",
        )
        .header(header::RETRY_AFTER, "1")
    };
    let _slot = front.hooks.try_acquire().map_err(|_| busy())?;
    let body = read_bytes(request, &(), MOST_HOOK).await?;
    let signature = SIGNATURES
        .iter()
        .find_map(|name| headers.get(*name))
        .and_then(|value| value.to_str().ok());
    let runs = front.agent.webhook(name.as_str(), signature, &body).await?;
    Ok((StatusCode::ACCEPTED, Json(Started { runs })).into_response())
}

/// `POST /api/v1/alerts`: Alertmanager's webhook payload, version 4. Its other fields are its own.
pub(super) async fn alerts(
    State(front): State<Arc<Front>>,
    LargeBody(payload): LargeBody<Value>,
) -> Result<Response, Problem> {
    if payload.get("version").and_then(Value::as_str) != Some("4")
        || !payload.get("alerts").is_some_and(Value::is_array)
    {
        let detail = "the body is not Alertmanager's webhook payload of version 4";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "payload", detail)
            .hint("it has `\"version\": \"4\"` and a list `alerts`; see `webhook_config` in Alertmanager's documentation"));
    }
    let runs = front.agent.alerts(&payload).await?;
    Ok((StatusCode::ACCEPTED, Json(Started { runs })).into_response())
}
