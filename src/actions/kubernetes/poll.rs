//! Looking again and again until something is so.

use crate::{
    actions::{framework::World, kubernetes::progress::Progress},
    domain::{run::StepReport, span::Span},
    ports::{
        BoxFuture,
        cluster::ClusterError,
        executor::{LogStream, Session},
    },
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

impl Vain {
    /// In words, after what was done before: `deployment shop/web was restarted`.
    pub(super) fn words(&self, done: &str) -> String {
        match self {
            Self::Stopped => format!("{done}; waiting for it was stopped"),
            Self::NotReady(missing, _) => format!("{done}, but is not ready: {missing}"),
            Self::Refused(error) => format!("{done}, but waiting for it failed: {error}"),
        }
    }

    /// A step that ends so.
    pub(super) fn report(&self, words: String) -> StepReport {
        match self {
            Self::Stopped => StepReport::canceled(words),
            Self::NotReady(_, may_help) => StepReport::failed(words, *may_help),
            Self::Refused(error) => StepReport::failed(words, error.retryable()),
        }
    }
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
    let mut away = Away(false);
    loop {
        let looked = stoppable(session, what.look(world)).await?;
        away.note(&looked, session);
        let missing = match looked {
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

/// Whether the server was away when it was asked last; the log of the step says when that changes.
struct Away(bool);

impl Away {
    fn note(&mut self, looked: &Result<Progress, ClusterError>, session: &Session) {
        let words = match (self.0, looked) {
            (false, Err(error)) if error.retryable() => {
                let error = error.to_string();
                format!(
                    "waiting on, although {}\n",
                    error.lines().next().unwrap_or_default()
                )
            }
            (true, Ok(_)) => "the API server answers again\n".to_owned(),
            (_, Ok(_) | Err(_)) => return,
        };
        self.0 = looked.is_err();
        session.log.append(LogStream::Note, words.as_bytes());
    }
}

/// Does this unless the step is stopped.
pub(super) async fn stoppable<T>(
    session: &Session,
    work: impl Future<Output = T>,
) -> Result<T, Vain> {
    tokio::select! {
        biased;
        () = session.stop.cancelled() => Err(Vain::Stopped),
        done = work => Ok(done),
    }
}
