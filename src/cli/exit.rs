//! How a command ends: its exit code, or why it could not be done.

use crate::{
    config::ConfigError,
    daemon::{DaemonError, state::StateError, wiring::WiringError},
    domain::run::RunOutcome,
    history::HistoryError,
    ports::network::NetworkError,
    telemetry::LogError,
};
use std::{fmt::Write as _, path::PathBuf, process::ExitCode};

/// How a command ends. The numbers are documented in [`TABLE`] and stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// What was asked for is done.
    Done,
    /// What was asked for failed, and it has been said why.
    Failed,
    /// The command line makes no sense.
    Usage,
    /// No agent answers.
    NotReachable,
    /// The agent says no.
    Refused,
    /// The configuration cannot be used.
    Configuration,
    /// The history or the state folder cannot be used.
    History,
    /// A run was denied.
    Denied,
    /// A run was canceled.
    Canceled,
    /// A run took too long.
    TimedOut,
    /// A run was interrupted.
    Interrupted,
    /// A fault of orderly itself.
    Internal,
    /// Somebody pressed Ctrl-C; what was started goes on.
    Detached,
}

/// Every code and what it means, for `orderly help exit-codes`.
pub(super) const TABLE: &str = "\
Exit codes, the same for every command:

    0  done; of `run`: the run succeeded, or succeeded with a warning
    1  what was asked for failed: a check found something, the run failed
    2  the command line makes no sense, a file that it names cannot be read, or an answer is needed and
       nobody is at a terminal
    3  no agent answers at the address, or it cannot answer now
    4  the agent says no: no token or not enough rights, nothing of that name, a conflict
    5  the configuration cannot be used
    6  the history or the state folder cannot be used
   11  `run`: the gate or a person denied it
   12  `run`: somebody canceled it
   13  `run`: it took longer than its deadline
   14  `run`: the agent died in a step, and nobody knows whether the step happened
   70  a fault of orderly itself
  130  Ctrl-C while following; what was started goes on";

impl Exit {
    fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotReachable => 3,
            Self::Refused => 4,
            Self::Configuration => 5,
            Self::History => 6,
            Self::Denied => 11,
            Self::Canceled => 12,
            Self::TimedOut => 13,
            Self::Interrupted => 14,
            Self::Internal => 70,
            Self::Detached => 130,
        }
    }

    /// Of a run that ended so.
    pub(super) fn of(outcome: RunOutcome) -> Self {
        match outcome {
            RunOutcome::Succeeded | RunOutcome::Warning => Self::Done,
            RunOutcome::Failed => Self::Failed,
            RunOutcome::Denied => Self::Denied,
            RunOutcome::Canceled => Self::Canceled,
            RunOutcome::TimedOut => Self::TimedOut,
            RunOutcome::Interrupted => Self::Interrupted,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.number())
    }
}

/// What a command gives back.
pub(super) type Answer = Result<Exit, CliError>;

/// Why a command could not be done. It is printed once, in `main`.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    /// Whoever read our output has gone away. Nothing is said about it.
    #[error("nobody reads the output any more")]
    Unread,
    /// The output cannot be written.
    #[error("writing the output")]
    Output(#[source] std::io::Error),
    /// The command line makes no sense.
    #[error("{0}")]
    Usage(String),
    /// What was asked for failed.
    #[error("{0}")]
    Failed(String),
    /// A file that the command line names cannot be read.
    #[error("{doing} {}", path.display())]
    Unreadable {
        /// What was being done.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("{doing} {}", path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A part that the configuration describes wrongly.
    #[error(transparent)]
    Wiring(#[from] WiringError),
    /// The log's settings.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The agent could not start.
    #[error(transparent)]
    Daemon(DaemonError),
    /// The state folder.
    #[error(transparent)]
    State(#[from] StateError),
    /// The history.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// Something that belongs into the state folder is not there.
    #[error("{0}")]
    Absent(String),
    /// No agent answers.
    #[error("no agent answers at {server}\nhint: {hint}")]
    NotReachable {
        /// Where it was looked for.
        server: String,
        /// A way out.
        hint: String,
        /// Why.
        #[source]
        source: NetworkError,
    },
    /// The address is any free port, and no agent says which one it has.
    #[error(
        "no agent runs with the state folder {}\nhint: `orderly serve` starts one; --state-dir names another folder, --server an address",
        state.display()
    )]
    NotRunning {
        /// Where it was looked for.
        state: PathBuf,
    },
    /// Something answers that is not an agent, or not as one would.
    #[error("{0}")]
    Strange(String),
    /// The agent says no.
    #[error("{0}")]
    Refused(String),
    /// A fault of orderly itself.
    #[error("{0}")]
    Internal(String),
}

impl From<DaemonError> for CliError {
    fn from(error: DaemonError) -> Self {
        match error {
            DaemonError::Config(error) => Self::Config(error),
            DaemonError::State(error) => Self::State(error),
            DaemonError::Wiring(error) => Self::Wiring(error),
            DaemonError::History(error) => Self::History(error),
            other @ (DaemonError::Flow(_)
            | DaemonError::Listen { .. }
            | DaemonError::Signals(_)) => Self::Daemon(other),
        }
    }
}

impl CliError {
    /// The exit code it leads to.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Unread => Exit::Done,
            Self::Output(_) | Self::Failed(_) | Self::File { .. } | Self::Daemon(_) => Exit::Failed,
            Self::Usage(_) | Self::Unreadable { .. } => Exit::Usage,
            Self::Config(_) | Self::Wiring(_) | Self::Log(_) => Exit::Configuration,
            Self::State(_) | Self::History(_) | Self::Absent(_) => Exit::History,
            Self::NotReachable { .. } | Self::NotRunning { .. } | Self::Strange(_) => {
                Exit::NotReachable
            }
            Self::Refused(_) => Exit::Refused,
            Self::Internal(_) => Exit::Internal,
        }
    }

    /// What is said about it: the error, what stands behind it, and hints at the end. Nothing where nobody reads.
    pub(super) fn report(&self) -> Option<String> {
        if matches!(self, Self::Unread) {
            return None;
        }
        let (mut said, mut hints) = (Vec::new(), Vec::new());
        let mut next: Option<&dyn std::error::Error> = Some(self);
        while let Some(error) = next {
            take_apart(&error.to_string(), &mut said, &mut hints);
            next = error.source();
        }
        let (first, causes) = said.split_first()?;
        let mut report = format!("error: {first}\n");
        for cause in causes {
            let _infallible = writeln!(report, "  because: {cause}");
        }
        for hint in hints {
            let _infallible = writeln!(report, "hint: {hint}");
        }
        Some(report)
    }
}

/// Splits the lines that begin with `hint: ` from the rest. What has been said already is not said again.
fn take_apart(text: &str, said: &mut Vec<String>, hints: &mut Vec<String>) {
    let (hint, rest): (Vec<&str>, Vec<&str>) =
        text.lines().partition(|line| line.starts_with("hint: "));
    for hint in hint {
        let hint = hint.trim_start_matches("hint: ").to_owned();
        if !hints.contains(&hint) {
            hints.push(hint);
        }
    }
    let rest = rest.join("\n");
    if !rest.is_empty() && !said.iter().any(|earlier| earlier.contains(&rest)) {
        said.push(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::{CliError, Exit, TABLE};
    use crate::domain::run::RunOutcome;

    #[test]
    fn an_error_is_told_once_with_its_causes_and_the_hints_last() {
        let error = CliError::File {
            doing: "reading",
            path: "/etc/x".into(),
            source: std::io::Error::other("no such luck\nhint: try again"),
        };
        insta::assert_snapshot!(error.report().unwrap(), @"
        error: reading /etc/x
          because: no such luck
        hint: try again
        ");
        assert_eq!(CliError::Unread.report(), None);
    }

    #[test]
    fn what_has_been_said_is_not_said_again() {
        let inner = crate::config::ConfigError::Unreadable {
            path: "x".to_owned(),
            reason: "no".to_owned(),
        };
        assert_eq!(
            CliError::from(inner).report().unwrap(),
            "error: the configuration file x cannot be read: no\nhint: name another one with --config, or create it\n"
        );
    }

    #[test]
    fn every_code_is_documented() {
        let all = [
            Exit::Done,
            Exit::Failed,
            Exit::Usage,
            Exit::NotReachable,
            Exit::Refused,
            Exit::Configuration,
            Exit::History,
            Exit::Internal,
            Exit::Detached,
        ];
        let outcomes = RunOutcome::ALL.map(Exit::of);
        for exit in all.into_iter().chain(outcomes) {
            let number = format!("{:>5}  ", exit.number());
            assert!(
                TABLE.lines().any(|line| line.starts_with(&number)),
                "{exit:?}"
            );
        }
        let numbered = |line: &&str| line.trim_start().starts_with(|c: char| c.is_ascii_digit());
        assert_eq!(TABLE.lines().filter(numbered).count(), 13);
    }
}
