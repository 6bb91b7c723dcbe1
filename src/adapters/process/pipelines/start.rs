//! Programs: found, started, waited for.

use super::{
    NOT_FOUND, NOT_STARTED, complain,
    streams::{Streams, stdio},
    variables::Variables,
};
use crate::{adapters::process::lookup, ports::processes::ProcessError};
use std::{
    ffi::OsString,
    io,
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    path::Path,
    process::{Child, Command, ExitStatus},
};

/// A program with its words, its variables and its folder.
pub(super) struct Start<'s> {
    pub(super) words: Vec<OsString>,
    pub(super) variables: &'s Variables,
    pub(super) folder: &'s Path,
    pub(super) streams: Streams,
}

impl Start<'_> {
    /// Starts it; its status where that fails.
    pub(super) fn start(self) -> Result<Child, u8> {
        let name = self
            .words
            .first()
            .map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        let errors = std::sync::Arc::clone(&self.streams.errors);
        let file = lookup::find(&[name.clone()]).map_err(|error| {
            complain(Some(&errors), &name, &error.to_string());
            match error {
                ProcessError::NotFound(_) => NOT_FOUND,
                ProcessError::NotStarted { .. } => NOT_STARTED,
            }
        })?;
        self.spawn(&name, &file).map_err(|error| {
            complain(Some(&errors), &name, &error.to_string());
            if error.kind() == io::ErrorKind::NotFound {
                NOT_FOUND
            } else {
                NOT_STARTED
            }
        })
    }

    fn spawn(self, name: &str, file: &Path) -> io::Result<Child> {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the room that starts processes"
        )]
        let mut program = Command::new(file);
        program.arg0(name).args(self.words.iter().skip(1));
        program.env_clear().envs(self.variables.exported());
        program.env("PWD", self.folder).current_dir(self.folder);
        program.stdin(stdio(&self.streams.input)?);
        program.stdout(stdio(&self.streams.output)?);
        program.stderr(stdio(&self.streams.errors)?);
        program.spawn()
    }
}

/// Waits for a program, and says its status.
pub(super) fn wait(started: Result<Child, u8>) -> u8 {
    match started.map(|mut child| child.wait()) {
        Ok(Ok(status)) => code(status),
        Ok(Err(error)) => {
            complain(None, "orderly", &error.to_string());
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
