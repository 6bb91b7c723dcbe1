//! Programs of the host that actions run in their own way, to their end.

use crate::{
    actions::framework::{World, said::last_lines},
    domain::{run::StepReport, secret::SecretValue, span::Span},
    ports::{
        cluster::Sink,
        executor::{LogStream, Session, StepContext, StepLog},
        processes::{
            Delivery, Ended, How, Limits, PATH, ProcessError, Program, Streamed, Streams, Work,
        },
    },
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio_util::sync::CancellationToken;

/// How long a program gets to end after TERM.
const GRACE_SECONDS: u64 = 10;
/// How many last lines of standard error a failure shows.
const LAST_LINES: usize = 5;
/// What is given back of the error output at most ([`Ended::error_tail`]).
const ERROR_TAIL: usize = 4096;

/// Why a program did not do what it was for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::actions) enum Fault {
    /// It was told to stop.
    Stopped(String),
    /// It is not there.
    Missing(String),
    /// It ran, and ended with another code than 0; trying again may help.
    Refused(String),
    /// It failed; trying again may help.
    Failed(String),
    /// Trying again will not help.
    Unfit(String),
}

impl Fault {
    /// As the end of the step.
    pub(in crate::actions) fn report(self) -> StepReport {
        match self {
            Self::Stopped(why) => StepReport::canceled(why),
            Self::Refused(why) | Self::Failed(why) => StepReport::failed(why, true),
            Self::Missing(why) | Self::Unfit(why) => StepReport::failed(why, false),
        }
    }

    /// The same, with more said.
    pub(in crate::actions) fn with(self, more: impl Fn(&str) -> String) -> Self {
        match self {
            Self::Stopped(why) => Self::Stopped(more(&why)),
            Self::Missing(why) => Self::Missing(more(&why)),
            Self::Refused(why) => Self::Refused(more(&why)),
            Self::Failed(why) => Self::Failed(more(&why)),
            Self::Unfit(why) => Self::Unfit(more(&why)),
        }
    }

    /// Its words.
    pub(in crate::actions) fn why(self) -> String {
        match self {
            Self::Stopped(why)
            | Self::Missing(why)
            | Self::Refused(why)
            | Self::Failed(why)
            | Self::Unfit(why) => why,
        }
    }
}

/// One call of a program of the host.
#[derive(Debug, Clone, Default)]
pub(in crate::actions) struct Call {
    pub(in crate::actions) words: Vec<String>,
    /// Beside what every program is told.
    pub(in crate::actions) environment: Vec<(&'static str, SecretValue)>,
    /// The folder that it runs in; an empty one where none is named.
    pub(in crate::actions) directory: Option<PathBuf>,
    /// As which user.
    pub(in crate::actions) user: Option<String>,
}

impl Call {
    /// A program with its words.
    pub(in crate::actions) fn new(words: &[&str]) -> Self {
        Self {
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            ..Self::default()
        }
    }

    /// Runs it to its end; fine only if it exited with 0 and all of its output was taken.
    pub(in crate::actions) async fn run(
        &self,
        input: Option<&Path>,
        output: &mut Sink<'_>,
        (session, world): (&Session, &World),
        stop: &CancellationToken,
    ) -> Result<(), Fault> {
        let program = self.program(&session.context);
        let name = program.name().to_owned();
        let streams = Streams {
            input,
            output: Some(output),
        };
        let log: Arc<dyn StepLog> = session.log.clone();
        let running = world.processes.stream(program, streams, log, stop.clone());
        let said = running.await.map_err(|error| not_started(&error))?;
        judged(&name, &said)
    }

    fn program(&self, context: &StepContext) -> Program {
        let text = |text: &str| SecretValue::new(text.to_owned());
        let always = [("PATH", PATH), ("LANG", "C.UTF-8"), ("HOME", ".")];
        let always = always.map(|(name, value)| (name, text(value)));
        let environment = always.into_iter().chain(self.environment.iter().cloned());
        Program {
            work: Work::Words(self.words.clone()),
            environment: environment
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            directory: self.directory.clone(),
            files: Vec::new(),
            secret_files: Vec::new(),
            input: None,
            user: self.user.clone(),
            grace: Span::from_secs(GRACE_SECONDS),
            capture: 0,
            limits: Limits::default(),
            behalf: Some(context.behalf()),
        }
    }
}

fn not_started(error: &ProcessError) -> Fault {
    match error {
        ProcessError::NotFound(_) => Fault::Missing(error.to_string()),
        ProcessError::NotStarted { .. } => Fault::Failed(error.to_string()),
    }
}

fn judged(name: &str, streamed: &Streamed) -> Result<(), Fault> {
    let Ended {
        how, error_tail, ..
    } = &streamed.ended;
    if let Delivery::Refused(reason) = &streamed.delivery {
        return Err(Fault::Failed(format!(
            "what `{name}` printed could not be kept: {reason}"
        )));
    }
    let last = last_lines(error_tail, error_tail.len() >= ERROR_TAIL, LAST_LINES);
    match (how, &streamed.delivery) {
        (How::Exited(0), Delivery::Whole) => Ok(()),
        (How::Exited(0), Delivery::Cut | Delivery::Refused(_)) => Err(Fault::Failed(format!(
            "`{name}` exited with 0, but the end of its output was not seen"
        ))),
        (How::Exited(code), _) => Err(exited(*code, format!("`{name}` exited with {code}{last}"))),
        (How::Signaled(signal), _) => Err(Fault::Failed(format!(
            "`{name}` was ended by signal {signal}{last}"
        ))),
        (How::Terminated | How::Killed, _) => Err(Fault::Stopped(format!("`{name}` was stopped"))),
    }
}

/// What a program's end with another code than 0 is, where a shell may have said it (POSIX, exit status of commands).
pub(in crate::actions) fn exited(code: i32, why: String) -> Fault {
    match code {
        126 | 127 => Fault::Missing(format!(
            "{why}\nhint: these codes say that the program is not there, or may not be run"
        )),
        // By a signal: mostly for want of memory.
        129.. => Fault::Failed(why),
        _ => Fault::Refused(why),
    }
}

/// A line of the agent's own in the step's log.
pub(in crate::actions) fn note(session: &Session, text: &str) {
    let line = format!("{text}\n");
    session.log.append(LogStream::Note, line.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::{Fault, judged};
    use crate::ports::processes::{Delivery, Ended, How, Streamed};

    fn ended(how: How, delivery: Delivery) -> Result<(), Fault> {
        let ended = Ended {
            how,
            output: Vec::new(),
            error_tail: b"no route\n".to_vec(),
            leftovers_killed: false,
        };
        judged("pg_dump", &Streamed { ended, delivery })
    }

    #[test]
    fn only_a_whole_output_of_a_program_that_exited_with_0_is_good() {
        assert_eq!(ended(How::Exited(0), Delivery::Whole), Ok(()));
        let words = |how, delivery| match ended(how, delivery) {
            Err(Fault::Refused(why) | Fault::Failed(why)) => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            words(How::Exited(1), Delivery::Whole),
            "`pg_dump` exited with 1: no route"
        );
        assert!(words(How::Exited(0), Delivery::Cut).contains("was not seen"));
        assert!(words(How::Signaled(9), Delivery::Whole).contains("signal 9"));
        let full = Delivery::Refused("disk full".to_owned());
        assert!(words(How::Terminated, full).ends_with("could not be kept: disk full"));
        let stopped = ended(How::Terminated, Delivery::Cut);
        assert!(matches!(stopped, Err(Fault::Stopped(_))));
    }
}
