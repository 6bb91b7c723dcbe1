//! Waiting until one object has ended, whatever its kind.

use crate::{
    actions::{
        framework::World,
        kubernetes::{
            own::uid,
            poll::{self, Look, Vain},
            progress::Progress,
            subject::Subject,
        },
    },
    domain::span::Span,
    ports::{BoxFuture, cluster::ClusterError, executor::Session},
};
use serde_json::Value;

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
    look: impl Fn(&Value) -> State + Send + Sync,
) -> Ended {
    let mut ending = Ending {
        subject,
        this,
        look,
        ended: Ended::Gone,
    };
    let limit = limit.unwrap_or_else(|| Span::from_secs(NO_LIMIT));
    match poll::until(limit, session, world, &mut ending).await {
        Ok(_) => ending.ended,
        Err(Vain::Stopped) => Ended::Stopped,
        Err(Vain::NotReady(missing, _)) => Ended::Late(missing),
        Err(Vain::Refused(ClusterError::NotFound(_))) => Ended::Gone,
        Err(Vain::Refused(error)) => Ended::Refused(error),
    }
}

/// Longer than any step lasts, in seconds.
const NO_LIMIT: u64 = 10 * 365 * 24 * 3600;

/// This very object, and how it has ended once it has.
struct Ending<'a, L> {
    subject: &'a Subject,
    this: &'a str,
    look: L,
    ended: Ended,
}

impl<L: Fn(&Value) -> State + Send + Sync> Look for Ending<'_, L> {
    fn look<'a>(&'a mut self, world: &'a World) -> BoxFuture<'a, Result<Progress, ClusterError>> {
        Box::pin(async move {
            let object = self.subject.get(world).await?;
            self.ended = if uid(&object) == self.this {
                match (self.look)(&object) {
                    State::Done => Ended::Done(object),
                    State::Failed(why) => Ended::Failed(object, why),
                    State::Waiting(missing) => return Ok(Progress::Waiting(missing)),
                }
            } else {
                Ended::Gone
            };
            Ok(Progress::Ready)
        })
    }
}
