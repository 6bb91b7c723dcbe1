//! What can be said on the command line.

use crate::cli::{
    commands::{
        answer, approvals, audit, completions, config, db, logs, next, run, runs, schema, serve,
        suspend, sync, validate,
    },
    context::Globals,
    exit,
};
use clap::{Parser, Subcommand};
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
    Next(next::Arguments),
    Approvals(approvals::Arguments),
    Approve(answer::Approve),
    Deny(answer::Deny),
    Suspend(suspend::Suspend),
    Resume(suspend::Resume),
    Sync(sync::Arguments),
    Audit(audit::Arguments),
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

const STATUS: &str = "\
Show on one screen how the agent is and what goes on: every dependency, the revision in use, what runs, what waits for people, what is \
due next, and what failed last.

Exits with 0 where the agent does its work, and with 1 where it does not.

Example:
  orderly status
  orderly status --output json | jq .health.status";

const DOCTOR: &str = "\
Look for what would keep an agent from working here: the configuration, the state folder, disk space, the history and its audit log, the \
repository, secrets, clusters, whether an agent runs here, the HTTP port, the clock. Nothing is changed. Each line says ok, warn or fail, and a hint where there is \
a way out.

Exits with 1 where anything fails.

Example:
  orderly --config /etc/orderly/orderly.yaml doctor";

#[cfg(test)]
mod tests {
    use super::Arguments;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_teaches() {
        let command = Arguments::command();
        for sub in command.get_subcommands() {
            let name = sub.get_name();
            assert!(sub.get_about().is_some(), "{name} has no line");
            let long = sub.get_long_about().map(ToString::to_string);
            if name != "exit-codes" {
                assert!(
                    long.unwrap_or_default().contains("Example"),
                    "{name} has no example"
                );
            }
            for argument in sub.get_arguments() {
                assert!(
                    argument.get_help().is_some(),
                    "{name}: {}",
                    argument.get_id()
                );
            }
        }
    }
}
