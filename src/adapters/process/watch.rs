//! One program from its start to the end of its group.

use crate::{
    adapters::process::{
        group::Group,
        helper::FAILED,
        pipes::{Kept, Pipes},
        pour::Pour,
        spawn::Started,
    },
    domain::span::Span,
    ports::{
        executor::{LogStream, StepLog},
        processes::{Ended, How, ProcessError, Program, Streamed},
    },
};
use std::{os::unix::process::ExitStatusExt, process::ExitStatus, sync::Arc, time::Duration};
use tokio::{
    process::Child,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

/// How long processes of the group may outlive their leader before they are asked to end.
const SETTLE: Duration = Duration::from_millis(100);
/// How long a group that was killed gets to vanish: a busy host reaps slowly.
const KILLED_GRACE: Duration = Duration::from_secs(10);
/// How long after that they are killed.
const LEFTOVER_GRACE: Duration = Duration::from_secs(1);
/// How long a killed process may take to go.
const KILL_DEADLINE: Duration = Duration::from_secs(5);
/// How long output is read after all of the group has gone, where a process outside keeps it open. One that is streamed and still moves, or
/// waits for its taker, is read to its end.
const DRAIN: Duration = Duration::from_secs(2);
/// The same, after a stop: the caller waits.
const DRAIN_STOPPED: Duration = Duration::from_millis(500);
/// Before the first further look at whether the group has gone; then twice as long each time.
const FIRST_LOOK: Duration = Duration::from_millis(10);

/// How far stopping has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Running,
    Terminating,
    Killing,
}

/// A program under watch.
pub(super) struct Watch<'a> {
    child: Child,
    group: Group,
    pipes: Pipes<'a>,
    grace: Span,
    nonce: Option<String>,
    name: String,
    log: Arc<dyn StepLog>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(
        started: Started,
        program: Program,
        output: Option<Pour<'a>>,
        log: Arc<dyn StepLog>,
        group: Group,
    ) -> Self {
        let Started { mut child, nonce } = started;
        let name = program.name().to_owned();
        Self {
            group,
            pipes: Pipes::new(
                &mut child,
                program.input,
                output,
                program.capture,
                log.clone(),
            ),
            child,
            grace: program.grace,
            nonce,
            name,
            log,
        }
    }

    /// Waits for the leader, then for its group, then for the rest of the output.
    pub(super) async fn to_the_end(
        mut self,
        stop: CancellationToken,
    ) -> Result<Streamed, ProcessError> {
        let (status, stage) = self.leader(&stop).await;
        self.pipes.close_input();
        let leftovers_killed = self.leftovers(stage).await;
        self.group.forget();
        self.rest(stage, &stop).await;
        let Kept {
            output,
            error_tail,
            delivery,
        } = self.pipes.into_kept();
        if let Some(reason) = helper_failure(self.nonce.as_deref(), status, &error_tail) {
            let program = self.name;
            return Err(ProcessError::NotStarted { program, reason });
        }
        let ended = Ended {
            how: how(status, stage),
            output,
            error_tail,
            leftovers_killed,
        };
        Ok(Streamed { ended, delivery })
    }

    /// Waits for the leader, and stops the group when asked to. No status: it did not go, even when killed.
    async fn leader(&mut self, stop: &CancellationToken) -> (Option<ExitStatus>, Stage) {
        let mut stage = Stage::Running;
        let mut next = Instant::now();
        loop {
            tokio::select! {
                biased;
                status = self.child.wait() => return (status.ok(), stage),
                () = stop.cancelled(), if stage == Stage::Running => {
                    self.group.terminate();
                    stage = Stage::Terminating;
                    next = Instant::now() + self.grace.duration();
                }
                () = sleep_until(next), if stage != Stage::Running => {
                    if stage == Stage::Killing {
                        self.note("the program did not go when it was killed; it is no longer watched");
                        return (None, stage);
                    }
                    self.group.kill();
                    stage = Stage::Killing;
                    next = Instant::now() + KILL_DEADLINE;
                }
                () = self.pipes.work(), if !self.pipes.ended() => {}
            }
        }
    }

    /// Ends what is left of the group; whether anything was.
    async fn leftovers(&mut self, stage: Stage) -> bool {
        if !self.group.is_alive().await || self.gone_within(SETTLE).await {
            return false;
        }
        let grace = match stage {
            Stage::Running => {
                self.group.terminate();
                self.grace.duration().min(LEFTOVER_GRACE)
            }
            // The group was asked together with its leader.
            Stage::Terminating | Stage::Killing => Duration::ZERO,
        };
        if !self.gone_within(grace).await {
            self.group.kill();
            if !self.gone_within(KILLED_GRACE).await {
                self.note("processes of the program did not go when they were killed");
            }
        }
        self.note("processes that the program left behind were ended");
        true
    }

    async fn gone_within(&mut self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        let mut pause = FIRST_LOOK;
        while self.group.is_alive().await {
            if Instant::now() >= end {
                return false;
            }
            let next = (Instant::now() + pause).min(end);
            pause *= 2;
            tokio::select! {
                () = sleep_until(next) => {}
                () = self.pipes.work(), if !self.pipes.ended() => {}
            }
        }
        true
    }

    /// Reads what is left in the pipes.
    async fn rest(&mut self, stage: Stage, stop: &CancellationToken) {
        let limit = match stage {
            Stage::Running => DRAIN,
            Stage::Terminating | Stage::Killing => DRAIN_STOPPED,
        };
        let mut poured = self.pipes.poured();
        while !self.pipes.ended() && timeout(limit, self.pipes.work()).await.is_err() {
            let (before, _) = poured;
            poured = self.pipes.poured();
            let (taken, is_full) = poured;
            if (taken > before || is_full) && !stop.is_cancelled() {
                continue;
            }
            if !is_full {
                self.note("a process that left the program's group keeps its output open; no more of it is read");
            }
            return;
        }
    }

    fn note(&self, text: &str) {
        self.log.append(LogStream::Note, text.as_bytes());
        self.log.append(LogStream::Note, b"\n");
    }
}

fn how(status: Option<ExitStatus>, stage: Stage) -> How {
    match (stage, status) {
        (Stage::Terminating, _) => How::Terminated,
        (Stage::Killing, _) | (Stage::Running, None) => How::Killed,
        (Stage::Running, Some(status)) => match (status.code(), status.signal()) {
            (Some(code), _) => How::Exited(code),
            (None, signal) => How::Signaled(signal.unwrap_or_default()),
        },
    }
}

/// Why the helper did not become the program, if it did not.
fn helper_failure(
    nonce: Option<&str>,
    status: Option<ExitStatus>,
    error_tail: &[u8],
) -> Option<String> {
    if status?.code() != Some(FAILED) {
        return None;
    }
    let said = String::from_utf8_lossy(error_tail);
    let (_, reason) = said.split_once(&format!("{}: ", nonce?))?;
    Some(reason.trim_end().to_owned())
}
