//! `tar` in a container, by exec.

use crate::{
    actions::{
        framework::{World, said::Said},
        kubernetes::Reached,
    },
    domain::run::StepReport,
    ports::{
        cluster::{ClusterError, ExecEnd, ExecStreams, Sink},
        executor::{LogStream, Session},
    },
};
use tokio::io::AsyncRead;

/// How many last lines of standard error a failure shows.
const LAST_LINES: usize = 5;

/// Runs it to its end; nothing but its exit code 0 is a success.
pub(super) async fn run(
    argv: &[String],
    stdin: Option<&mut (dyn AsyncRead + Send + Unpin)>,
    stdout: &mut Sink<'_>,
    reached: &Reached,
    session: &Session,
    world: &World,
) -> Result<(), StepReport> {
    let mut errors = Said::to(session.log.clone(), LogStream::Err, 0);
    let streams = ExecStreams {
        stdin: stdin.map(|stdin| stdin as _),
        stdout,
        stderr: &mut errors,
    };
    let ended = tokio::select! {
        biased;
        () = session.stop.cancelled() => None,
        ended = reached.exec(argv, streams, world) => Some(ended),
    };
    judged(ended, &reached.pod, &errors.last_lines(LAST_LINES)).map_or(Ok(()), Err)
}

/// The report of one that did not end well.
fn judged(
    ended: Option<Result<ExecEnd, ClusterError>>,
    pod: &str,
    last: &str,
) -> Option<StepReport> {
    let what = format!("`tar` in pod {pod}");
    Some(match ended {
        Some(Ok(ExecEnd::Exited(0))) => return None,
        Some(Ok(ExecEnd::Exited(code))) => {
            StepReport::failed(format!("{what} exited with {code}{last}"), true)
        }
        Some(Ok(ExecEnd::Failed(why))) => {
            StepReport::failed(format!("{what} did not run to its end: {why}{last}"), true)
        }
        Some(Err(error)) => StepReport::failed(format!("{what}: {error}{last}"), error.retryable()),
        None => StepReport::canceled(format!("{what} was stopped")),
    })
}
