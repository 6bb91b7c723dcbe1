//! Health, for probes and for people, and the metrics.
//!
//! `/healthz` fails when the agent must be restarted, `/readyz` when it cannot do its work. Both are open, and name what is not well,
//! nothing more. `/health` has the details.

use crate::{
    http::Front,
    ports::agent::{Dependency, Weight},
};
use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use serde::Serialize;
use std::sync::Arc;

/// How the agent is, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    /// Everything is well.
    Ok,
    /// Something is not, but the agent does its work.
    Degraded,
    /// The agent cannot do its work.
    Unready,
    /// The agent must be restarted.
    Dead,
}

impl Status {
    pub(super) fn of(dependencies: &[Dependency]) -> Self {
        let worst = |weight: Weight| {
            dependencies
                .iter()
                .any(|dependency| !dependency.ok && dependency.weight == weight)
        };
        if worst(Weight::Alive) {
            Self::Dead
        } else if worst(Weight::Ready) {
            Self::Unready
        } else if worst(Weight::Degraded) {
            Self::Degraded
        } else {
            Self::Ok
        }
    }

    /// For people.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Ok => "all is well",
            Self::Degraded => "degraded: it works, but something is not well",
            Self::Unready => "not ready: it cannot do its work",
            Self::Dead => "broken: it must be restarted",
        }
    }

    fn code(self) -> StatusCode {
        match self {
            Self::Ok | Self::Degraded => StatusCode::OK,
            Self::Unready | Self::Dead => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

#[derive(Debug, Serialize)]
struct Health {
    status: Status,
    version: &'static str,
    timestamp: Timestamp,
    uptime_seconds: u64,
    dependencies: Vec<Dependency>,
}

/// `GET /health`.
pub(super) async fn health(State(front): State<Arc<Front>>) -> Response {
    let dependencies = front.agent.dependencies();
    let status = Status::of(&dependencies);
    let health = Health {
        status,
        version: front.events.build().version,
        timestamp: front.clock.now(),
        uptime_seconds: front
            .clock
            .elapsed()
            .saturating_sub(front.started)
            .as_secs(),
        dependencies,
    };
    (status.code(), Json(health)).into_response()
}

/// `GET /healthz`.
pub(super) async fn alive(State(front): State<Arc<Front>>) -> Response {
    probe(&front, &[Weight::Alive])
}

/// `GET /readyz`.
pub(super) async fn ready(State(front): State<Arc<Front>>) -> Response {
    probe(&front, &[Weight::Alive, Weight::Ready])
}

#[derive(Debug, Serialize)]
struct Probe {
    status: &'static str,
    failing: Vec<String>,
}

fn probe(front: &Front, weights: &[Weight]) -> Response {
    let dependencies = front.agent.dependencies();
    let failing: Vec<String> = dependencies
        .into_iter()
        .filter(|dependency| !dependency.ok && weights.contains(&dependency.weight))
        .map(|dependency| dependency.name)
        .collect();
    if failing.is_empty() {
        Json(Probe {
            status: "ok",
            failing,
        })
        .into_response()
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            Json(Probe {
                status: "failing",
                failing,
            }),
        )
            .into_response()
    }
}

/// `GET /metrics`, in Prometheus' text format.
pub(super) async fn metrics(State(front): State<Arc<Front>>) -> Response {
    let text = front.events.render(front.clock.now());
    (
        [(
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        )],
        text,
    )
        .into_response()
}
