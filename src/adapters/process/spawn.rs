//! Starting a program, as such or by way of the helper.

use crate::{
    adapters::process::{
        helper::{Orders, PREFIX, SUBCOMMAND},
        lookup, not_started, pipelines,
        user::User,
    },
    ports::processes::{Limits, ProcessError, Program, Work},
};
use std::{io, path::Path, process::Stdio};
use tokio::process::{Child, Command};

/// How a program is to be started.
pub(super) struct Start<'a> {
    pub(super) helper: &'a Path,
    pub(super) directory: &'a Path,
    pub(super) user: Option<User>,
    /// A file to be read as standard input.
    pub(super) input: Option<&'a Path>,
}

/// A program that runs.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) child: Child,
    /// Where the helper stands between: what opens its word of failure.
    pub(super) nonce: Option<String>,
}

impl Start<'_> {
    /// Starts it.
    pub(super) fn spawn(self, program: &Program) -> Result<Started, ProcessError> {
        let words = words(program, self.helper);
        let name = words.first().map(String::as_str).unwrap_or_default();
        check(name, program)?;
        let file = lookup::find(&words)?;
        let (mut command, nonce) = if program.limits == Limits::default() && self.user.is_none() {
            (direct(&file, &words, program), None)
        } else {
            let nonce = nonce().map_err(|reason| not_started(name, reason))?;
            let orders = Orders::limited(nonce.clone(), program.limits, self.user, file.clone());
            (
                by_helper(self.helper, &orders, &words, program),
                Some(nonce),
            )
        };
        let input = match self.input {
            Some(path) => opened(path, name)?,
            None if program.input.is_some() => Stdio::piped(),
            None => Stdio::null(),
        };
        let started = command
            .current_dir(self.directory)
            .process_group(0)
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        match started {
            Ok(child) => Ok(Started { child, nonce }),
            Err(error) => Err(explain(&error, name, &file, self.directory)),
        }
    }
}

fn opened(path: &Path, program: &str) -> Result<Stdio, ProcessError> {
    match std::fs::File::open(path) {
        Ok(file) => Ok(Stdio::from(file)),
        Err(error) => {
            let reason = format!("its input {} cannot be read: {error}", path.display());
            Err(not_started(program, reason))
        }
    }
}

/// The command line; of pipelines, the agent's own binary carries them out.
fn words(program: &Program, helper: &Path) -> Vec<String> {
    match &program.work {
        Work::Words(words) => words.clone(),
        Work::Pipelines(asked) => {
            let [subcommand, orders] = pipelines::words(asked);
            vec![helper.display().to_string(), subcommand, orders]
        }
    }
}

/// What the operating system would misread.
fn check(program_name: &str, program: &Program) -> Result<(), ProcessError> {
    let bad = |name: &&String| name.is_empty() || name.contains(['=', '\0']);
    match program.environment.keys().find(bad) {
        Some(name) => {
            let reason = format!("`{}` cannot name a variable", name.escape_debug());
            Err(not_started(program_name, reason))
        }
        None => Ok(()),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the room that starts processes"
)]
fn direct(file: &Path, words: &[String], program: &Program) -> Command {
    let mut command = Command::new(file);
    let mut words = words.iter();
    if let Some(name) = words.next() {
        command.arg0(name);
    }
    command.args(words).env_clear();
    for (name, value) in &program.environment {
        command.env(name, value.expose());
    }
    command
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the room that starts processes"
)]
fn by_helper(helper: &Path, orders: &Orders, words: &[String], program: &Program) -> Command {
    let mut command = Command::new(helper);
    command
        .arg(SUBCOMMAND)
        .arg(serde_json::to_string(orders).unwrap_or_default())
        .args(words)
        .env_clear();
    for (name, value) in &program.environment {
        command.env(format!("{PREFIX}{name}"), value.expose());
    }
    command
}

fn nonce() -> Result<String, String> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
    Ok(format!("orderly-{}", hex::encode(bytes)))
}

/// The operating system says "not found" of four different things.
fn explain(error: &io::Error, program: &str, file: &Path, directory: &Path) -> ProcessError {
    let is_missing = error.kind() == io::ErrorKind::NotFound;
    if !directory.is_dir() {
        let reason = format!("its working directory {} is not there", directory.display());
        return not_started(program, reason);
    }
    if is_missing && !file.exists() {
        return ProcessError::NotFound(file.display().to_string());
    }
    if is_missing {
        let reason = "the interpreter or loader that it names is not there";
        return not_started(program, reason);
    }
    not_started(program, error)
}
