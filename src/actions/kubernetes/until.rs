//! Waiting until one object has ended, whatever its kind.

use crate::{
    actions::{
        framework::World,
        kubernetes::{own::uid, subject::Subject},
    },
    domain::span::Span,
    ports::{cluster::ClusterError, executor::Session},
};
use serde_json::Value;
use std::time::Duration;

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How far an object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// It has ended well.
    Done,
    /// It has ended badly; why.
    Failed(String),
    /// What is missing.
    Waiting(String),
}

/// How a wait ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// Well; the object as it is now.
    Done(Value),
    /// Badly, and why.
    Failed(Value, String),
    /// Not at all within the time that it had; what is missing.
    Late(String),
    /// The object is gone, or another one has its name.
    Gone,
    /// It was told to stop.
    Stopped,
    /// The server said no.
    Refused(ClusterError),
}

/// Waits until `look` says that it has ended; for as long as it takes where there is no limit.
pub(super) async fn until_ended(
    subject: &Subject,
    this: &str,
    limit: Option<Span>,
    session: &Session,
    world: &World,
    look: impl Fn(&Value) -> State + Send,
) -> Ended {
    tokio::select! {
        biased;
        () = session.stop.cancelled() => Ended::Stopped,
        ended = poll(subject, this, limit, world, look) => ended,
    }
}

async fn poll(
    subject: &Subject,
    this: &str,
    limit: Option<Span>,
    world: &World,
    look: impl Fn(&Value) -> State + Send,
) -> Ended {
    let until = limit.map(|limit| world.clock.elapsed() + limit.duration());
    let mut pause = FIRST_PAUSE;
    loop {
        let missing = match subject.get(world).await {
            Ok(object) if uid(&object) != this => return Ended::Gone,
            Ok(object) => match look(&object) {
                State::Done => return Ended::Done(object),
                State::Failed(why) => return Ended::Failed(object, why),
                State::Waiting(missing) => missing,
            },
            Err(ClusterError::NotFound(_)) => return Ended::Gone,
            // A server that is away for a moment does not end a wait.
            Err(error) if error.retryable() => error.to_string(),
            Err(error) => return Ended::Refused(error),
        };
        let left = until.map_or(LONGEST_PAUSE, |until| {
            until.saturating_sub(world.clock.elapsed())
        });
        if left.is_zero() {
            return Ended::Late(missing);
        }
        world.clock.sleep(pause.min(left)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
