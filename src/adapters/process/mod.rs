//! Programs of the host: the only place that starts processes.
//!
//! A program leads its own process group, has the environment that its caller names and nothing else, and its standard input is
//! empty or fed. Its output goes to the step's log as it comes; only the captured beginning is kept in memory.
//!
//! Invariants
//! - When [`Processes::run`] has returned, no process of the group is left: TERM, a grace, then KILL, all to the group. A future
//!   that is dropped kills the group at once.
//! - No wait is without an end: not for a program that ignores TERM, not for a pipe that a process outside the group keeps open
//!   (a process can leave its group by setsid(2); it is not followed, and the log says so), not for a program stuck in the kernel.
//! - The agent itself never forks: a `pre_exec`, `uid` or `gid` on the command would copy the agent's page tables at each start.
//!   User and limits are set by the agent's own binary, started again as [`helper`], which then becomes the program.
//!
//! What it lacks on purpose: programs that die with an agent that is killed by SIGKILL. Systemd (`KillMode=control-group`) and a
//! container's end take care of them. A program can ask the kernel for that itself (`PR_SET_PDEATHSIG`), which takes the helper; by
//! way of it a start costs several times as much (1,000 starts of true(1) on two cores, unoptimised build: 0.7 ms each as such,
//! 5.5 ms by the helper). So only programs that need the helper anyway, for their limits or their user, die with the agent; what they
//! have started themselves does not.

mod group;
pub mod helper;
mod lookup;
mod materials;
mod pipelines;
mod pipes;
mod scratch;
mod spawn;
mod user;
mod watch;

pub use materials::HostMaterials;

use crate::{
    adapters::process::{group::Living, scratch::Scratch, spawn::Start, watch::Watch},
    ports::{
        BoxFuture,
        executor::StepLog,
        processes::{Ended, How, ProcessError, Processes, Program},
    },
};
use std::{io, path::PathBuf, sync::Arc};
use tokio_util::sync::CancellationToken;

/// The host's programs.
#[derive(Debug)]
pub struct HostProcesses {
    scratch: Scratch,
    helper: PathBuf,
    living: Arc<Living>,
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
        log: Arc<dyn StepLog>,
        stop: CancellationToken,
    ) -> Result<Ended, ProcessError> {
        if stop.is_cancelled() {
            return Ok(Ended {
                how: How::Terminated,
                output: Vec::new(),
                error_tail: Vec::new(),
                leftovers_killed: false,
            });
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
        };
        let ended = match start.spawn(&program) {
            Ok(started) => {
                let watch = Watch::new(started, program, log, self.living.clone());
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
        Box::pin(self.run_in_scratch(program, log, stop))
    }
    fn kill_all(&self) {
        self.living.kill();
    }
}

/// A [`ProcessError::NotStarted`].
fn not_started(program: &str, reason: impl std::fmt::Display) -> ProcessError {
    ProcessError::NotStarted {
        program: program.to_owned(),
        reason: reason.to_string(),
    }
}
