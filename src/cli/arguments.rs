//! What can be said on the command line.

use crate::cli::{
    commands::{
        answer, approvals, artifacts, audit, completions, config, db, gate, halt, logs, next, rbac,
        reset, run, runs, schema, serve, suspend, sync, validate,
    },
    context::Globals,
    exit,
};
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use std::sync::LazyLock;

static VERSION: LazyLock<String> = LazyLock::new(|| {
    match option_env!("ORDERLY_REVISION").filter(|revision| !revision.is_empty()) {
        Some(revision) => format!("{} ({revision})", env!("CARGO_PKG_VERSION")),
        None => env!("CARGO_PKG_VERSION").to_owned(),
    }
});

/// The version, and the commit it was built from where that is known.
pub(super) fn version() -> &'static str {
    &VERSION
}

/// Orderly turns a team's day-2 operations into GitOps.
#[derive(Debug, Parser)]
#[command(
    name = "orderly",
    version = version(),
    about = "Runbooks in git, carried out by an agent behind a safety gate",
    long_about = "Runbooks in git, carried out by an agent behind a safety gate.\n\n\
        `orderly serve` is the agent: it follows a git repository, runs what is due, asks people where it must, and keeps a history. \
        Every other command looks at files or talks to a running agent.",
    after_help = "Exit codes: `orderly help exit-codes`. Settings: `orderly config`. Data goes to standard output, talk to standard error.",
    max_term_width = 100,
    propagate_version = false
)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) globals: Globals,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Serve(serve::Arguments),
    Validate(validate::Arguments),
    Run(run::Arguments),
    /// Show on one screen how the agent is and what goes on
    #[command(long_about = STATUS)]
    Status,
    Runs(runs::Arguments),
    Logs(logs::Arguments),
    Artifacts(artifacts::Arguments),
    Next(next::Arguments),
    Approvals(approvals::Arguments),
    Approve(answer::Approve),
    Deny(answer::Deny),
    Suspend(suspend::Suspend),
    Resume(suspend::Resume),
    Reset(reset::Arguments),
    Halt(halt::Halt),
    Unhalt(halt::Unhalt),
    Sync(sync::Arguments),
    Audit(audit::Arguments),
    Gate(gate::Arguments),
    Rbac(rbac::Arguments),
    Config(config::Arguments),
    Schema(schema::Arguments),
    /// Look for what would keep an agent from working here
    #[command(long_about = DOCTOR)]
    Doctor,
    Db(db::Arguments),
    Completions(completions::Arguments),
    /// The exit codes and what they mean
    #[command(hide = true, long_about = exit::TABLE)]
    ExitCodes,
}

impl Command {
    /// Whether it can write what it lists a record at a time.
    pub(super) fn lists(&self) -> bool {
        matches!(self, Self::Audit(arguments) if arguments.lists())
    }
}

/// The whole command line: every command says where the exit codes stand.
pub(super) fn whole() -> clap::Command {
    pointing(Arguments::command())
}

fn pointing(command: clap::Command) -> clap::Command {
    command.mut_subcommands(|sub| {
        let codes = "Exit codes: `orderly help exit-codes`.";
        pointing(sub).after_help(codes)
    })
}

/// Reads the command line.
pub(super) fn read() -> Result<Arguments, clap::Error> {
    let mut command = whole();
    let mut matches = command.try_get_matches_from_mut(std::env::args_os())?;
    Arguments::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

const STATUS: &str = "\
Show on one screen how the agent is and what goes on: every dependency, the revision in use, runbooks that are broken, what runs, what \
waits for people, what is due next, and what failed last.

Exits with 0 where the agent does its work, with 1 where it does not, and with 3 where none answers.

Example:
  orderly status
  orderly status --output json | jq .health.status
  orderly status --output json | jq -r '.runbooks[] | select(.state == \"invalid\") | .problem'";

const DOCTOR: &str = "\
Look for what would keep an agent from working here: the configuration, the state folder, disk space, the history and its audit log, the \
repository, secrets, clusters, whether an agent runs here, the HTTP port, the clock. Nothing is changed. Each line says ok, warn or fail, \
and a hint where there is a way out.

Exits with 1 where anything fails.

Example:
  orderly doctor
  orderly --config /etc/orderly/orderly.yaml doctor
  orderly doctor --output json | jq -r '.[] | select(.verdict == \"fail\") | .detail'";

#[cfg(test)]
mod tests {
    use super::whole;
    use clap::Command;

    #[test]
    fn the_command_line_is_consistent() {
        whole().debug_assert();
    }

    #[test]
    fn every_command_teaches() {
        teaches(&whole());
    }

    /// A line, an example of its own, a word for every argument, and where the exit codes stand; and so for what is below it.
    fn teaches(command: &Command) {
        for sub in command.get_subcommands() {
            let name = sub.get_name();
            assert!(sub.get_about().is_some(), "{name} has no line");
            let long = sub.get_long_about().map(ToString::to_string);
            let long = long.unwrap_or_default();
            let examples: Vec<&str> = long
                .split("Example:")
                .nth(1)
                .unwrap_or_default()
                .lines()
                .collect();
            if name != "exit-codes" {
                let own = |line: &&str| line.contains("orderly ") && line.contains(name);
                assert!(examples.iter().any(own), "{name} has no example");
            }
            let after = sub.get_after_help().map(ToString::to_string);
            assert!(after.unwrap_or_default().contains("exit-codes"), "{name}");
            for argument in sub.get_arguments() {
                assert!(
                    argument.get_help().is_some(),
                    "{name}: {}",
                    argument.get_id()
                );
            }
            teaches(sub);
        }
    }

    #[test]
    fn every_example_is_a_command_line() {
        tries(&whole());
    }

    fn tries(command: &Command) {
        for sub in command.get_subcommands() {
            let long = sub.get_long_about().map(ToString::to_string);
            let long = long.unwrap_or_default();
            for line in long
                .lines()
                .filter_map(|line| line.strip_prefix("  orderly "))
            {
                let line = line.split(['|', '>', '<']).next().unwrap_or_default();
                let quoted = line.split('\'').enumerate();
                let words = quoted.flat_map(|(place, part)| match place % 2 {
                    0 => part.split_whitespace().collect(),
                    _ => vec![part],
                });
                let read = whole().try_get_matches_from(std::iter::once("orderly").chain(words));
                assert!(read.is_ok(), "{line}: {}", read.unwrap_err());
            }
            tries(sub);
        }
    }
}
