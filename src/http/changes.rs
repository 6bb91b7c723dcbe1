//! Changes are carried to their end, even when the caller goes away or the answer takes too long: a run that was recorded must also be
//! taken up. They are tasks of the server; it waits for them when it ends.

use crate::http::{Front, problem::Problem};
use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument as _;

/// Changes at the same time.
const MOST: usize = 64;

/// Changes that are under way.
#[derive(Debug)]
pub(super) struct Changes {
    tracker: TaskTracker,
    slots: Arc<Semaphore>,
    cut: CancellationToken,
}

impl Changes {
    pub(super) fn new() -> Self {
        Self {
            tracker: TaskTracker::new(),
            slots: Arc::new(Semaphore::new(MOST)),
            cut: CancellationToken::new(),
        }
    }

    /// Waits for all of them.
    pub(super) async fn end(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// Cuts those that are left; how many there were.
    pub(super) async fn cut(&self) -> usize {
        let left = self.tracker.len();
        self.cut.cancel();
        self.end().await;
        left
    }
}

/// Carries a request out in a task of its own.
pub(super) async fn carry_out(
    State(front): State<Arc<Front>>,
    request: Request,
    next: Next,
) -> Response {
    let Ok(slot) = Arc::clone(&front.changes.slots).try_acquire_owned() else {
        return Problem::unavailable("too many changes are under way").into_response();
    };
    let cut = front.changes.cut.clone();
    let change = async move {
        let answer = cut.run_until_cancelled(next.run(request)).await;
        drop(slot);
        answer
    };
    match front.changes.tracker.spawn(change.in_current_span()).await {
        Ok(Some(response)) => response,
        Ok(None) => Problem::unavailable("the agent stopped before this was done").into_response(),
        Err(_) => Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "fault",
            "the agent failed in this; its log says more",
        )
        .into_response(),
    }
}
