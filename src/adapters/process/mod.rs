//! Programs of the host: the only place that starts processes.
//!
//! A program leads its own process group, has the environment that its caller names and nothing else, and its standard input is
//! empty or fed. Its output goes to the step's log as it comes, where only the captured beginning is kept in memory, or to a taker that
//! sets the pace.
//!
//! Invariants
//! - When [`Processes::run`] has returned, no process of the group is left: TERM, a grace, then KILL, all to the group. A future
//!   that is dropped kills the group at once.
//! - No wait is without an end: not for a program that ignores TERM, not for a pipe that a process outside the group keeps open
//!   (a process can leave its group by setsid(2); it is not followed, and the log says so), not for a program stuck in the kernel.
//! - The agent itself never forks: a `pre_exec`, `uid` or `gid` on the command would copy the agent's page tables at each start.
//!   User and limits are set by the agent's own binary, started again as [`helper`], which then becomes the program.
//!
//! - A program is written down as soon as it is started ([`roll`]). What outlives an agent that is killed by SIGKILL is found by the next
//!   one, and ended before anything else goes on ([`outlived`]).
//!
//! What it lacks on purpose: programs that die together with an agent that is killed by SIGKILL. Systemd (`KillMode=control-group`) and a
//! container's end take care of that. A program can ask the kernel for that itself (`PR_SET_PDEATHSIG`), which takes the helper; by
//! way of it a start costs several times as much (1,000 starts of true(1) on two cores, unoptimised build: 0.7 ms each as such,
//! 5.5 ms by the helper). So only programs that need the helper anyway, for their limits or their user, die with the agent; what they
//! have started themselves does not.

mod group;
pub mod helper;
mod lookup;
mod materials;
mod outlived;
mod pipelines;
mod pipes;
mod pour;
mod roll;
mod scratch;
mod spawn;
mod user;
mod watch;

pub use materials::HostMaterials;

use crate::{
    adapters::process::{
        group::{Group, Living},
        pour::Pour,
        roll::{Left, Roll},
        scratch::Scratch,
        spawn::Start,
        watch::Watch,
    },
    domain::outlived::{EndedLate, Outlived},
    ports::{
        BoxFuture,
        executor::StepLog,
        processes::{Delivery, Ended, How, ProcessError, Processes, Program, Streamed, Streams},
    },
};
use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};
use tokio_util::sync::CancellationToken;

/// The host's programs.
#[derive(Debug)]
pub struct HostProcesses {
    scratch: Scratch,
    helper: PathBuf,
    living: Arc<Living>,
    roll: Option<Arc<Roll>>,
    /// What an earlier agent left on the roll.
    left: Mutex<Vec<Left>>,
}

impl HostProcesses {
    /// Programs without a directory of their own run in an empty one under `scratch`, which is emptied first.
    ///
    /// # Errors
    /// The scratch folder cannot be made.
    pub fn open(scratch: PathBuf) -> io::Result<Self> {
        Ok(Self {
            scratch: Scratch::open(scratch)?,
            helper: PathBuf::from("/proc/self/exe"),
            living: Arc::default(),
            roll: None,
            left: Mutex::default(),
        })
    }

    /// Writes down in this file what lives, and finds there what an earlier agent left.
    ///
    /// # Errors
    /// The file cannot be read or made.
    pub fn with_roll(self, path: &Path) -> io::Result<Self> {
        let (roll, left) = Roll::open(path)?;
        Ok(Self {
            roll: Some(roll),
            left: Mutex::new(left),
            ..self
        })
    }

    /// Uses this binary as helper instead of the running one.
    #[must_use]
    pub fn with_helper(self, helper: PathBuf) -> Self {
        Self { helper, ..self }
    }

    async fn run_in_scratch(
        &self,
        program: Program,
        streams: Streams<'_>,
        log: Arc<dyn StepLog>,
        stop: CancellationToken,
    ) -> Result<Streamed, ProcessError> {
        if stop.is_cancelled() {
            return Ok(never_started());
        }
        let user = user::find(&program)?;
        let folder = self.scratch.folder_for(&program, user.as_ref())?;
        if let Err(error) = folder.lay(&program, user.as_ref()) {
            self.scratch.take_back(folder).await;
            return Err(error);
        }
        let start = Start {
            helper: &self.helper,
            directory: folder.path(),
            user,
            input: streams.input,
        };
        let ended = match start.spawn(&program) {
            Ok(started) => {
                let roll = self.roll.as_ref();
                let enrolled = roll.and_then(|roll| roll.enrol(started.child.id(), &program));
                // A taker that takes no more stops the program, too.
                let stop = stop.child_token();
                let output = streams.output.map(|sink| Pour::into(sink, stop.clone()));
                let group = Group::led_by(started.child.id(), self.living.clone(), enrolled);
                let watch = Watch::new(started, program, output, log, group);
                Ok(watch.to_the_end(stop).await)
            }
            Err(error) => Err(error),
        };
        self.scratch.take_back(folder).await;
        ended?
    }
}

impl Processes for HostProcesses {
    fn run(
        &self,
        program: Program,
        log: Arc<dyn StepLog>,
        stop: CancellationToken,
    ) -> BoxFuture<'_, Result<Ended, ProcessError>> {
        Box::pin(async move {
            let streams = Streams::default();
            let run = self.run_in_scratch(program, streams, log, stop).await;
            run.map(|streamed| streamed.ended)
        })
    }
    fn stream<'a>(
        &'a self,
        program: Program,
        streams: Streams<'a>,
        log: Arc<dyn StepLog>,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<Streamed, ProcessError>> {
        Box::pin(self.run_in_scratch(program, streams, log, stop))
    }
    fn kill_all(&self) {
        self.living.kill();
    }
    fn outlived(&self) -> Vec<Outlived> {
        self.found()
    }
    fn end_outlived<'a>(
        &'a self,
        outlived: &'a Outlived,
    ) -> BoxFuture<'a, Result<EndedLate, String>> {
        Box::pin(self.end_left(outlived.group))
    }
}

/// The stop came first.
fn never_started() -> Streamed {
    Streamed {
        ended: Ended {
            how: How::Terminated,
            output: Vec::new(),
            error_tail: Vec::new(),
            leftovers_killed: false,
        },
        delivery: Delivery::Cut,
    }
}

/// A [`ProcessError::NotStarted`].
fn not_started(program: &str, reason: impl std::fmt::Display) -> ProcessError {
    ProcessError::NotStarted {
        program: program.to_owned(),
        reason: reason.to_string(),
    }
}
