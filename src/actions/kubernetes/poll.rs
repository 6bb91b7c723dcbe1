//! Looking again and again until something is so.

use crate::{
    actions::{framework::World, kubernetes::progress::Progress},
    domain::span::Span,
    ports::{BoxFuture, cluster::ClusterError, executor::Session},
};
use std::time::Duration;

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How a wait ended, if not well.
#[derive(Debug)]
pub(super) enum Vain {
    /// It was told to stop.
    Stopped,
    /// Time is up, or it will not get better; what is missing, and whether more time may help.
    NotReady(String, bool),
    /// The server said no.
    Refused(ClusterError),
}

/// What is waited for.
pub(super) trait Look: Send {
    /// How far it is now.
    fn look<'a>(&'a mut self, world: &'a World) -> BoxFuture<'a, Result<Progress, ClusterError>>;
}

/// Looks, with pauses that grow, until it is ready; gives how long that took. A server that is away for a while does not end it.
pub(super) async fn until(
    limit: Span,
    session: &Session,
    world: &World,
    what: &mut dyn Look,
) -> Result<Span, Vain> {
    let began = world.clock.elapsed();
    let until = began + limit.duration();
    let mut pause = FIRST_PAUSE;
    loop {
        let missing = match stoppable(session, what.look(world)).await? {
            Ok(Progress::Ready) => return Ok(since(began, world)),
            Ok(Progress::Stuck(why)) => return Err(Vain::NotReady(why, false)),
            Ok(Progress::Waiting(missing)) => missing,
            Err(error) if error.retryable() => error.to_string(),
            Err(error) => return Err(Vain::Refused(error)),
        };
        let left = until.saturating_sub(world.clock.elapsed());
        if left.is_zero() {
            return Err(Vain::NotReady(format!("{missing}, after {limit}"), true));
        }
        stoppable(session, world.clock.sleep(pause.min(left))).await?;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn since(began: Duration, world: &World) -> Span {
    let took = world.clock.elapsed().saturating_sub(began);
    Span::from_millis(u64::try_from(took.as_millis()).unwrap_or(u64::MAX))
}

async fn stoppable<T>(session: &Session, work: impl Future<Output = T>) -> Result<T, Vain> {
    tokio::select! {
        biased;
        () = session.stop.cancelled() => Err(Vain::Stopped),
        done = work => Ok(done),
    }
}
