//! The agent's binary as the one that carries out scripts that need no shell, so that none ever sees them.
//!
//! It is started as any program of a step is, by a hidden subcommand, and leads the step's process group; the programs that it starts
//! are in that group too. A program that cannot be started ends as it would under a shell: 127 where it is not there, 126 where it
//! cannot be carried out (POSIX shell, 2.8.2).
//!
//! What it does is what bash(1) does with the same text. It stops (126) rather than guess where a word turns out to be something that
//! nobody judged: a pattern that comes out of a variable, a file's name that a program would take for a flag.

mod matches;
mod moment;
mod run;
mod start;
mod streams;
mod variables;
mod words;
mod work;

use crate::{adapters::process::pipelines::run::Script, ports::processes::Pipelines};
use std::{
    ffi::OsString,
    io::{self, Write as _},
    os::unix::ffi::OsStrExt as _,
    process::ExitCode,
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
    let script = match serde_json::from_slice::<Pipelines>(orders.as_bytes()) {
        Ok(pipelines) => Script::new(pipelines.pipefail).map(|script| (script, pipelines)),
        Err(error) => Err(io::Error::other(error)),
    };
    match script {
        Ok((mut script, pipelines)) => ExitCode::from(script.run(&pipelines.plan)),
        Err(error) => {
            complain(None, "orderly", &error.to_string());
            ExitCode::from(NOT_STARTED)
        }
    }
}

/// There is nobody else to tell than who reads the step's log, or the file that the command's errors go to.
fn complain(errors: Option<&std::fs::File>, who: &str, what: &str) {
    let line = format!("{who}: {what}\n");
    let _told = match errors {
        Some(mut errors) => errors.write_all(line.as_bytes()),
        None => io::stderr().write_all(line.as_bytes()),
    };
}
