//! The agent's binary as the one that carries out pipelines, so that no shell ever sees a text that needs none.
//!
//! It is started as any program of a step is, by a hidden subcommand, and leads the step's process group; the programs that it starts
//! are in that group too. A program that cannot be started ends as it would under a shell: 127 where it is not there, 126 where it
//! cannot be carried out (POSIX shell, 2.8.2).

use crate::{
    adapters::process::lookup,
    domain::pipeline::{Goes, Plan, PlannedCommand, PlannedPipeline, When},
    ports::processes::{Pipelines, ProcessError},
};
use std::{
    ffi::OsString,
    io::{self, PipeReader, PipeWriter, Write as _},
    os::unix::{ffi::OsStrExt as _, process::CommandExt as _, process::ExitStatusExt as _},
    process::{Child, Command, ExitCode, ExitStatus, Stdio},
};

/// The hidden subcommand.
pub(super) const SUBCOMMAND: &str = "__pipelines";

/// A program that is not there.
const NOT_FOUND: u8 = 127;
/// A program that could not be started.
const NOT_STARTED: u8 = 126;

/// The words by which the agent's binary is asked for this.
pub(super) fn words(pipelines: &Pipelines) -> [String; 2] {
    let orders = serde_json::to_string(pipelines).unwrap_or_default();
    [SUBCOMMAND.to_owned(), orders]
}

/// Carries out the pipelines that the first argument holds.
pub(super) fn main(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let orders = arguments.next().unwrap_or_default();
    match serde_json::from_slice::<Pipelines>(orders.as_bytes()) {
        Ok(pipelines) => ExitCode::from(run(&pipelines)),
        Err(error) => {
            complain("orderly", &error.to_string());
            ExitCode::from(NOT_STARTED)
        }
    }
}

/// As `sh -e` does: the first pipeline that fails ends it, unless something asks for its status.
fn run(pipelines: &Pipelines) -> u8 {
    let Plan { pipelines: all } = &pipelines.plan;
    let mut status = 0;
    for (number, pipeline) in all.iter().enumerate() {
        let runs = match pipeline.when {
            When::Always => true,
            When::AfterSuccess => status == 0,
            When::AfterFailure => status != 0,
        };
        if !runs {
            continue;
        }
        status = one(pipeline, pipelines.pipefail);
        let ends_its_list = all
            .get(number + 1)
            .is_none_or(|next| next.when == When::Always);
        if status != 0 && ends_its_list {
            break;
        }
    }
    status
}

/// Starts the programs of a pipeline from left to right, then waits for each.
fn one(pipeline: &PlannedPipeline, pipefail: bool) -> u8 {
    let mut started = Vec::with_capacity(pipeline.commands.len());
    let mut input: Option<PipeReader> = None;
    for (number, command) in pipeline.commands.iter().enumerate() {
        let is_last = number + 1 == pipeline.commands.len();
        let (reader, writer) = match (!is_last).then(io::pipe).transpose() {
            Ok(pipe) => pipe.unzip(),
            Err(error) => {
                complain("orderly", &error.to_string());
                return NOT_STARTED;
            }
        };
        started.push(start(command, input.take(), writer.as_ref()));
        input = reader;
    }
    let ended: Vec<u8> = started.into_iter().map(wait).collect();
    let last = ended.last().copied().unwrap_or(0);
    if pipefail && last == 0 {
        ended
            .into_iter()
            .rev()
            .find(|status| *status != 0)
            .unwrap_or(0)
    } else {
        last
    }
}

fn start(
    command: &PlannedCommand,
    input: Option<PipeReader>,
    output: Option<&PipeWriter>,
) -> Result<Child, u8> {
    let name = command.argv.first().map(String::as_str).unwrap_or_default();
    let file = lookup::find(&command.argv).map_err(|error| {
        complain(name, &error.to_string());
        match error {
            ProcessError::NotFound(_) => NOT_FOUND,
            ProcessError::NotStarted { .. } => NOT_STARTED,
        }
    })?;
    let goes = |to: Goes| -> io::Result<Stdio> {
        Ok(match (to, output) {
            (Goes::On, Some(pipe)) => pipe.try_clone()?.into(),
            (Goes::On, None) => io::stdout().into(),
            (Goes::Errors, _) => io::stderr().into(),
            (Goes::Nowhere, _) => Stdio::null(),
        })
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the room that starts processes"
    )]
    let mut program = Command::new(&file);
    program.arg0(name).args(command.argv.iter().skip(1));
    program.stdin(input.map_or_else(Stdio::null, Stdio::from));
    let child = goes(command.stdout)
        .and_then(|out| Ok(program.stdout(out).stderr(goes(command.stderr)?)))
        .and_then(Command::spawn);
    child.map_err(|error| {
        complain(name, &error.to_string());
        if error.kind() == io::ErrorKind::NotFound {
            NOT_FOUND
        } else {
            NOT_STARTED
        }
    })
}

fn wait(started: Result<Child, u8>) -> u8 {
    match started.map(|mut child| child.wait()) {
        Ok(Ok(status)) => code(status),
        Ok(Err(error)) => {
            complain("orderly", &error.to_string());
            NOT_STARTED
        }
        Err(code) => code,
    }
}

/// A program that a signal ended counts as 128 and the signal's number.
fn code(status: ExitStatus) -> u8 {
    let signal = || status.signal().map(|signal| 128 + signal);
    let number = status.code().or_else(signal).unwrap_or(255);
    u8::try_from(number).unwrap_or(255)
}

/// There is nobody else to tell than who reads the step's log.
fn complain(who: &str, what: &str) {
    let _told = writeln!(io::stderr(), "{who}: {what}");
}
