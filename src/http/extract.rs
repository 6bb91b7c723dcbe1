//! Reads what a request brings: bodies and queries of known fields only, and names and ids in paths.

use crate::{
    domain::{
        id::{ApprovalId, ArtifactId, RunId},
        name::RunbookName,
    },
    http::problem::Problem,
};
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{StatusCode, header, request::Parts},
};
use serde::de::DeserializeOwned;

/// The longest body of an API call, in bytes.
pub(super) const MOST_JSON: usize = 64 * 1024;
/// The longest body of a webhook or of alerts, in bytes.
pub(super) const MOST_HOOK: usize = 1024 * 1024;

/// A JSON body of at most [`MOST_JSON`] bytes. None at all is `{}`.
#[derive(Debug)]
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        read_json(request, state, MOST_JSON).await.map(Self)
    }
}

/// A JSON body of at most [`MOST_HOOK`] bytes.
#[derive(Debug)]
pub(super) struct LargeBody<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for LargeBody<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        read_json(request, state, MOST_HOOK).await.map(Self)
    }
}

async fn read_json<T: DeserializeOwned, S: Send + Sync>(
    request: Request,
    state: &S,
    most: usize,
) -> Result<T, Problem> {
    let content_type = request.headers().get(header::CONTENT_TYPE).cloned();
    let bytes = read_bytes(request, state, most).await?;
    if bytes.is_empty() {
        return parse(b"{}");
    }
    let is_json = content_type
        .as_ref()
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|value| value.trim().eq_ignore_ascii_case("application/json"));
    if !is_json {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "media-type",
            "the body must be JSON",
        )
        .hint("send it with `Content-Type: application/json`"));
    }
    parse(&bytes)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes)
        .map_err(|error| Problem::invalid(format!("the body cannot be used: {error}")))
}

/// The raw bytes of a body.
pub(super) async fn read_bytes<S: Send + Sync>(
    request: Request,
    state: &S,
    most: usize,
) -> Result<Bytes, Problem> {
    let announced = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<usize>().ok());
    if announced.is_some_and(|length| length > most) {
        return Err(Problem::too_large(most));
    }
    let bytes = Bytes::from_request(request, state)
        .await
        .map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(most),
            _ => Problem::invalid("the body could not be read to its end"),
        })?;
    if bytes.len() > most {
        return Err(Problem::too_large(most));
    }
    Ok(bytes)
}

/// The part of a path that a route leaves open.
#[derive(Debug)]
pub(super) struct Segment(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(text) = Path::from_request_parts(parts, state)
            .await
            .map_err(|_| Problem::not_found("such thing").hint("the address is not UTF-8"))?;
        Ok(Self(text))
    }
}

/// The query of an address; unknown fields are refused by the type.
#[derive(Debug)]
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Query::try_from_uri(&parts.uri)
            .map(|Query(value)| Self(value))
            .map_err(|rejection| {
                let text = rejection.body_text();
                let reason = text
                    .rsplit_once("query string: ")
                    .map_or(text.as_str(), |(_, reason)| reason);
                Problem::invalid(format!("the query cannot be used: {reason}"))
            })
    }
}

/// A query without fields.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// A runbook's name in a path. What cannot be one is not there.
pub(super) fn runbook_name(text: &str) -> Result<RunbookName, Problem> {
    RunbookName::new(text)
        .map_err(|error| Problem::not_found("such runbook").hint(error.to_string()))
}

/// A run's id in a path.
pub(super) fn run_id(text: &str) -> Result<RunId, Problem> {
    text.parse().map_err(|_| {
        Problem::not_found("such run").hint("an id looks like 0199b1c2-7d3e-7a00-8000-000000000000")
    })
}

/// An artifact's id in a path.
pub(super) fn artifact_id(text: &str) -> Result<ArtifactId, Problem> {
    text.parse().map_err(|_| {
        Problem::not_found("such artifact")
            .hint("an id looks like 0199b1c2-7d3e-7a00-8000-000000000000")
    })
}

/// An approval's id in a path.
pub(super) fn approval_id(text: &str) -> Result<ApprovalId, Problem> {
    text.parse().map_err(|_| {
        Problem::not_found("such approval")
            .hint("an id looks like 0199b1c2-7d3e-7a00-8000-000000000000")
    })
}
