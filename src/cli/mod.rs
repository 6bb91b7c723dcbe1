//! The command line: the only room that speaks to a person at a terminal.
//!
//! `main` reads the command line ([`arguments`]), gives the command its [`context`], and turns what comes back into an exit code. One
//! file for each command under [`commands`]. What talks to a running agent does so over HTTP ([`client`]), as anybody else would.
//!
//! Invariants
//! - Data goes to standard output, talk to standard error, both through [`terminal`] alone.
//! - An error is printed once, here, with its causes and hints; commands hand it back.
//! - Exit codes are those of [`exit`], for every command.
//! - Nothing here decides anything about a run: the agent does.

mod answers;
mod arguments;
mod client;
mod commands;
mod context;
mod exit;
mod follow;
mod ids;
mod rows;
mod table;
mod terminal;
mod times;
mod values;

use crate::{
    cli::{
        arguments::{Arguments, Command},
        context::Context,
        exit::{Answer, CliError, Exit},
        terminal::{Output, Terminal},
    },
    config::environment_variables,
};
use std::{io::ErrorKind, process::ExitCode};

/// Reads the command line, does what it says, and gives back the exit code.
pub fn main() -> ExitCode {
    match arguments::read() {
        Ok(arguments) => obey(arguments).into(),
        Err(error) => not_understood(&error).into(),
    }
}

/// The whole command line, for whoever documents or tests it.
pub fn command() -> clap::Command {
    let mut command = arguments::whole();
    command.build();
    command
}

/// Help and the version are data, and end well where they could be written; everything else is a mistake in usage.
fn not_understood(error: &clap::Error) -> Exit {
    match (error.use_stderr(), error.print()) {
        (true, _) => Exit::Usage,
        (false, Ok(())) => Exit::Done,
        (false, Err(unwritten)) if unwritten.kind() == ErrorKind::BrokenPipe => Exit::Done,
        (false, Err(_)) => Exit::Failed,
    }
}

fn obey(arguments: Arguments) -> Exit {
    let environment = environment_variables();
    let no_color = environment.get("NO_COLOR").map(String::as_str);
    let globals = arguments.globals;
    let terminal = Terminal::new(globals.output, globals.color, no_color);
    let context = Context::new(globals, terminal, environment);
    match carry_out(arguments.command, &context) {
        Ok(exit) => exit,
        Err(error) => {
            terminal.fail(&error);
            error.exit()
        }
    }
}

fn carry_out(command: Command, context: &Context) -> Answer {
    if let (Output::Jsonl | Output::Csv, false) = (context.globals.output, command.lists()) {
        let why = "only `audit query` writes jsonl and csv; this command writes text or json";
        return Err(CliError::Usage(why.to_owned()));
    }
    match command {
        Command::Serve(arguments) => commands::serve::serve(arguments, context),
        Command::Validate(arguments) => commands::validate::validate(&arguments, context),
        Command::Config(arguments) => commands::config::config(&arguments, context),
        Command::Gate(arguments) => commands::gate::gate(&arguments, context),
        Command::Rbac(arguments) => commands::rbac::rbac(&arguments, context),
        Command::Schema(arguments) => commands::schema::schema(&arguments, context),
        Command::Completions(arguments) => commands::completions::completions(&arguments, context),
        Command::ExitCodes => context.terminal.line(exit::TABLE).map(|()| Exit::Done),
        asking @ (Command::Run(_)
        | Command::Status
        | Command::Runs(_)
        | Command::Logs(_)
        | Command::Next(_)
        | Command::Approvals(_)
        | Command::Approve(_)
        | Command::Deny(_)
        | Command::Suspend(_)
        | Command::Resume(_)
        | Command::Reset(_)
        | Command::Artifacts(_)
        | Command::Halt(_)
        | Command::Unhalt(_)
        | Command::Sync(_)
        | Command::Audit(_)
        | Command::Doctor
        | Command::Db(_)) => runtime()?.block_on(ask(asking, context)),
    }
}

/// Commands that wait for others: the agent, the history, the network.
async fn ask(command: Command, context: &Context) -> Answer {
    match command {
        Command::Run(arguments) => commands::run::run(arguments, context).await,
        Command::Status => commands::status::status(context).await,
        Command::Runs(arguments) => commands::runs::runs(arguments, context).await,
        Command::Logs(arguments) => commands::logs::logs(arguments, context).await,
        Command::Next(arguments) => commands::next::next(arguments, context).await,
        Command::Approvals(arguments) => commands::approvals::approvals(arguments, context).await,
        Command::Approve(arguments) => commands::answer::approve(arguments, context).await,
        Command::Deny(arguments) => commands::answer::deny(arguments, context).await,
        Command::Suspend(arguments) => commands::suspend::suspend(arguments, context).await,
        Command::Resume(arguments) => commands::suspend::resume(arguments, context).await,
        Command::Artifacts(arguments) => commands::artifacts::artifacts(arguments, context).await,
        Command::Reset(arguments) => commands::reset::reset(arguments, context).await,
        Command::Halt(arguments) => commands::halt::halt(arguments, context).await,
        Command::Unhalt(arguments) => commands::halt::unhalt(arguments, context).await,
        Command::Sync(arguments) => commands::sync::sync(arguments, context).await,
        Command::Audit(arguments) => commands::audit::audit(arguments, context).await,
        Command::Doctor => commands::doctor::doctor(context).await,
        Command::Db(arguments) => commands::db::db(arguments, context).await,
        Command::Serve(_)
        | Command::Validate(_)
        | Command::Config(_)
        | Command::Gate(_)
        | Command::Rbac(_)
        | Command::Schema(_)
        | Command::Completions(_)
        | Command::ExitCodes => Err(CliError::Internal(
            "this command waits for nobody".to_owned(),
        )),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::Internal(format!("no runtime could be made: {error}")))
}
