//! Programs of the host.

use crate::{
    domain::{
        outlived::{Behalf, EndedLate, Outlived},
        pipeline::Plan,
        secret::SecretValue,
        span::Span,
    },
    ports::{BoxFuture, cluster::Sink, executor::StepLog, materials::RevisionFile},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio_util::sync::CancellationToken;

/// Where programs are looked up; the agent's own `PATH` does not count.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A program to run: its own process group, standard input closed or fed, an environment of only what is named here.
#[derive(Debug, Clone)]
pub struct Program {
    /// What runs.
    pub work: Work,
    /// The whole environment.
    pub environment: BTreeMap<String, SecretValue>,
    /// Where it runs; the agent's scratch folder for the step where none is named.
    pub directory: Option<PathBuf>,
    /// Laid into the scratch folder before it starts, for reading alone. Only where no directory is named.
    pub files: Vec<RevisionFile>,
    /// The same for what nobody else may read: credentials, values with secrets. They go with the folder when the program has ended, and
    /// at the agent's next start where it was killed.
    pub secret_files: Vec<SecretFile>,
    /// Fed to standard input, which is then closed.
    pub input: Option<SecretValue>,
    /// As which user; only root may.
    pub user: Option<String>,
    /// How long after TERM the group gets KILL.
    pub grace: Span,
    /// How many bytes of each output stream are given back in [`Ended::output`]; all of it goes to the log.
    pub capture: usize,
    /// Limits of the kernel, where named.
    pub limits: Limits,
    /// For which step it runs; without one it is not found again, should it outlive the agent.
    pub behalf: Option<Behalf>,
}

/// A file in a program's scratch folder that holds secrets.
#[derive(Debug, Clone)]
pub struct SecretFile {
    /// Its path in the folder.
    pub path: String,
    /// What it holds.
    pub text: SecretValue,
}

impl Program {
    /// The program's name, as people read it.
    pub fn name(&self) -> &str {
        match &self.work {
            Work::Words(words) => words.first().map(String::as_str).unwrap_or_default(),
            Work::Pipelines(_) => "the script",
        }
    }
}

/// What runs as one program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// A program and its arguments; it is looked up in a fixed path unless absolute.
    Words(Vec<String>),
    /// Programs joined by pipes, one pipeline after the other, without a shell.
    Pipelines(Pipelines),
}

/// Pipelines to carry out; the first that fails ends them, unless something asks for its status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pipelines {
    /// Which.
    pub plan: Plan,
    /// Whether a pipeline fails where any of its programs does, and not only where the last one does.
    pub pipefail: bool,
}

/// Limits of the kernel for a program (setrlimit(2)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Bytes of address space.
    pub memory: Option<u64>,
    /// Seconds of processor time.
    pub cpu_seconds: Option<u64>,
    /// Open files.
    pub open_files: Option<u64>,
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// How.
    pub how: How,
    /// The first bytes of standard output.
    pub output: Vec<u8>,
    /// The last bytes of standard error, at most 4 KiB.
    pub error_tail: Vec<u8>,
    /// Processes of its group that outlived it and were killed.
    pub leftovers_killed: bool,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// By itself, with this code.
    Exited(i32),
    /// By a signal that the agent did not send.
    Signaled(i32),
    /// Stopped by request, within its grace.
    Terminated,
    /// Stopped by request, by KILL.
    Killed,
}

/// Where a program's standard input comes from and where its standard output goes, where that is much.
#[derive(Default)]
pub struct Streams<'a> {
    /// A file that the program reads from its beginning; the agent opens it, so that the program's user need not be allowed to. It goes
    /// before [`Program::input`].
    pub input: Option<&'a Path>,
    /// Takes all of the output as fast as it can; the program waits for it. Then nothing of the output is logged or captured.
    pub output: Option<&'a mut Sink<'a>>,
}

impl fmt::Debug for Streams<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streams")
            .field("input", &self.input)
            .finish_non_exhaustive()
    }
}

/// How a program ended, and what came of its output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Streamed {
    /// How it ended.
    pub ended: Ended,
    /// Whether all of its output was taken.
    pub delivery: Delivery,
}

/// What came of an output that was streamed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// All of it was taken, to its end.
    Whole,
    /// The taker took no more, for this reason; the program was stopped.
    Refused(String),
    /// Its end was not seen: the program was stopped, or a process outside its group keeps the output open.
    Cut,
}

/// Why a program could not be run.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ProcessError {
    /// It is not there.
    #[error(
        "there is no program `{0}` on this host; it is looked for in {folders}\nhint: install it, or link it into one of these folders",
        folders = PATH.replace(':', ", ")
    )]
    NotFound(String),
    /// It could not be started.
    #[error("`{program}` could not be started: {reason}")]
    NotStarted {
        /// Which.
        program: String,
        /// Why.
        reason: String,
    },
}

/// Runs programs.
pub trait Processes: Send + Sync + std::fmt::Debug {
    /// Runs one to its end, or until `stop` fires, then TERM, grace, KILL for the whole group.
    fn run(
        &self,
        program: Program,
        log: Arc<dyn StepLog>,
        stop: CancellationToken,
    ) -> BoxFuture<'_, Result<Ended, ProcessError>>;
    /// The same, with a file for its input, and its output handed on piece by piece: no more than a piece of it is in memory.
    fn stream<'a>(
        &'a self,
        program: Program,
        _streams: Streams<'a>,
        _log: Arc<dyn StepLog>,
        _stop: CancellationToken,
    ) -> BoxFuture<'a, Result<Streamed, ProcessError>> {
        let program = program.name().to_owned();
        let reason = "its output cannot be streamed here".to_owned();
        Box::pin(std::future::ready(Err(ProcessError::NotStarted {
            program,
            reason,
        })))
    }
    /// Kills all that run, without waiting for anything: the agent is about to be gone.
    fn kill_all(&self);
    /// What an earlier agent started and did not see the end of, and what still lives.
    fn outlived(&self) -> Vec<Outlived> {
        Vec::new()
    }
    /// Ends such a program and its group: TERM, its grace, KILL. The error says why it could not.
    fn end_outlived<'a>(
        &'a self,
        _outlived: &'a Outlived,
    ) -> BoxFuture<'a, Result<EndedLate, String>> {
        Box::pin(async { Ok(EndedLate::Terminated) })
    }
}
