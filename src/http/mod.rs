//! HTTP: health, metrics, the API under `/api/v1`, webhooks, and a plain page.
//!
//! Invariants
//! - Every route states the right it needs in [`router`], once; a handler of a change gets the person behind it.
//! - Everything that comes in is bounded: connections, headers, bodies, time. Fields that nobody knows are refused.
//! - Everything of others that goes out on a page is escaped, and what would hide on a screen is made visible.
//! - A refusal is a problem document (RFC 9457), and says a way out where there is one.
//! - A change is carried to its end even when its caller goes away ([`changes`]); a handler that only reads may be dropped at any `.await`.
//!
//! Deliberately lacking: TLS (a proxy or a later version), CORS (nothing else may read this from a browser), sessions and cookies, scripts.

mod access;
mod api;
mod changes;
mod envelope;
mod extract;
mod health;
mod hooks;
mod link;
mod page;
mod patience;
mod planned;
mod problem;
mod server;
pub(crate) mod visible;

pub use access::{Access, AccessRules};
pub use server::{Served, serve};

use crate::{
    domain::access::Right,
    history::{History, HistoryError},
    ports::{agent::Agent, clock::Clock, output::StepOutput},
    telemetry::Events,
};
use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{Method, StatusCode},
    middleware::from_fn_with_state,
    routing::{get, post},
};
use problem::Problem;
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// What HTTP answers from.
#[derive(Clone)]
pub struct Services {
    /// The running agent.
    pub agent: Arc<dyn Agent>,
    /// What happened.
    pub history: History,
    /// Where events are told.
    pub events: Events,
    /// Time and randomness.
    pub clock: Arc<dyn Clock>,
    /// What steps printed.
    pub output: Arc<dyn StepOutput>,
    /// Who may do what.
    pub access: Arc<Access>,
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Services")
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}

/// Log streams that may follow a run at the same time.
const MOST_FOLLOWERS: usize = 64;
/// Webhook bodies that are read at the same time.
const MOST_HOOKS: usize = 16;

/// What every handler sees.
#[derive(Debug)]
struct Front {
    services: Services,
    started: Duration,
    stop: CancellationToken,
    followers: Arc<Semaphore>,
    hooks: Semaphore,
    changes: changes::Changes,
    verifications: Semaphore,
}

impl std::ops::Deref for Front {
    type Target = Services;
    fn deref(&self) -> &Services {
        &self.services
    }
}

impl Front {
    fn new(services: Services, stop: CancellationToken) -> Self {
        Self {
            started: services.clock.elapsed(),
            services,
            stop,
            followers: Arc::new(Semaphore::new(MOST_FOLLOWERS)),
            hooks: Semaphore::new(MOST_HOOKS),
            changes: changes::Changes::new(),
            verifications: Semaphore::new(1),
        }
    }
}

impl Front {
    /// The history could not answer. What stands behind it is for the log, not for the caller.
    fn unreadable(&self, error: &HistoryError) -> Problem {
        self.events.history_read_failed(&chain(error));
        Problem::unavailable("the history cannot be read now")
    }
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

/// Every route, with the right it needs.
fn router(front: &Arc<Front>) -> Router {
    let guarded = |routes: Router<Arc<Front>>, right: Right, metrics: bool| {
        let needs = access::Needs {
            front: Arc::clone(front),
            right,
            metrics,
        };
        routes.route_layer(from_fn_with_state(needs, access::require))
    };
    let needing = |routes, right| guarded(routes, right, false);
    let changing = |routes: Router<Arc<Front>>| {
        routes.route_layer(from_fn_with_state(Arc::clone(front), changes::carry_out))
    };
    open()
        .merge(changing(signed()))
        .merge(guarded(metrics(), Right::Read, true))
        .merge(needing(reads(), Right::Read))
        .merge(needing(changing(operations()), Right::Operate))
        .merge(needing(changing(answers()), Right::Approve))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(extract::MOST_HOOK))
        .layer(from_fn_with_state(Arc::clone(front), envelope::wrap))
        .with_state(Arc::clone(front))
}

/// For everybody: what probes ask, and the style sheet.
fn open() -> Router<Arc<Front>> {
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/style.css", get(page::style))
}

/// For everybody who can sign.
fn signed() -> Router<Arc<Front>> {
    Router::new().route("/hooks/{name}", post(hooks::receive))
}

fn metrics() -> Router<Arc<Front>> {
    Router::new().route("/metrics", get(health::metrics))
}

fn reads() -> Router<Arc<Front>> {
    Router::new()
        .route("/", get(page::status))
        .route("/runs/{id}", get(page::run))
        .route("/health", get(health::health))
        .route("/api/v1/runbooks", get(api::runbooks::list))
        .route("/api/v1/runbooks/{name}", get(api::runbooks::show))
        .route("/api/v1/runs", get(api::runs::list))
        .route("/api/v1/runs/{id}", get(api::runs::show))
        .route("/api/v1/runs/{id}/steps", get(api::runs::steps))
        .route("/api/v1/runs/{id}/events", get(api::runs::events))
        .route("/api/v1/runs/{id}/logs", get(api::logs::show))
        .route("/api/v1/approvals", get(api::approvals::list))
        .route("/api/v1/approvals/{id}", get(api::approvals::show))
        .route("/api/v1/audit", get(api::audit::list))
        .route("/api/v1/audit/verify", get(api::audit::verify))
        .route("/api/v1/audit/verify", post(api::audit::verify_all))
        .route("/api/v1/audit/export", get(api::export::export))
        .route("/api/v1/halt", get(api::halt::show))
        .route("/api/v1/sync", get(api::sync::show))
        .route("/api/v1/next", get(api::next::list))
        .route("/api/v1/skipped", get(api::next::skipped))
        .route("/api/v1/artifacts", get(api::artifacts::list))
        .route("/api/v1/artifacts/{id}", get(api::artifacts::show))
        .route("/api/v1/credentials", get(api::credentials::list))
        .route("/api/v1/credentials/{name}", get(api::credentials::show))
}

fn operations() -> Router<Arc<Front>> {
    Router::new()
        .route("/api/v1/runbooks/{name}/runs", post(api::runbooks::start))
        .route(
            "/api/v1/runbooks/{name}/suspend",
            post(api::runbooks::suspend),
        )
        .route(
            "/api/v1/runbooks/{name}/resume",
            post(api::runbooks::resume),
        )
        .route("/api/v1/runbooks/{name}/reset", post(api::runbooks::reset))
        .route("/api/v1/runs/{id}/cancel", post(api::runs::cancel))
        .route(
            "/api/v1/artifacts/{id}/accept",
            post(api::artifacts::accept),
        )
        .route(
            "/api/v1/artifacts/{id}/verify",
            post(api::artifacts::verify),
        )
        .route(
            "/api/v1/artifacts/{id}/restore",
            post(api::artifacts::restore),
        )
        .route(
            "/api/v1/credentials/{name}/forget",
            post(api::credentials::forget),
        )
        .route("/api/v1/clock/reset", post(api::halt::trust_clock))
        .route("/api/v1/halt", post(api::halt::halt))
        .route("/api/v1/unhalt", post(api::halt::unhalt))
        .route(
            "/api/v1/approvals/{id}/cancel",
            post(api::approvals::cancel),
        )
        .route("/api/v1/sync", post(api::sync::start))
        .route("/api/v1/alerts", post(hooks::alerts))
}

fn answers() -> Router<Arc<Front>> {
    Router::new().route("/api/v1/approvals/{id}/vote", post(api::approvals::vote))
}

async fn unknown() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "not-found",
        "there is nothing at this address",
    )
}

async fn wrong_method(method: Method) -> Problem {
    let detail = format!(
        "this address does not take {}",
        visible::line(method.as_str())
    );
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", detail)
}
