//! `orderly gate`.

pub(in crate::cli::commands) mod beside;
pub(in crate::cli::commands) mod files;
mod runbooks;
mod steps;
mod told;

use crate::{
    cli::{
        context::Context,
        exit::{Answer, CliError, Exit},
        values::key_and_value,
    },
    domain::{
        name::{EnvironmentName, StepName},
        policy::{Autonomy, Policy},
    },
    gate::explain::{Asked, command},
};
use files::HostFiles;
use serde::Deserialize;
use std::{
    io::{BufRead as _, Read as _},
    path::PathBuf,
};
use told::{Told, for_people};

/// The longest line or text that is read from standard input, in bytes. Longer commands are refused by the gate anyway.
const LONGEST_TEXT: u64 = 4 * 1024 * 1024;

/// Ask the safety gate what it would decide, and why
#[derive(Debug, clap::Args)]
#[command(long_about = LONG)]
pub(in crate::cli) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Explain(Explain),
}

/// Explain what the gate would say of a command or of a runbook's steps, and why
#[derive(Debug, clap::Args)]
#[command(long_about = EXPLAIN)]
struct Explain {
    /// The command: one text as for a shell, or after `--` a program and its arguments; standard input where there is none
    #[arg(value_name = "COMMAND", conflicts_with_all = ["jsonl", "runbook"])]
    command: Vec<String>,
    /// Explain the steps of the runbook in this file instead
    #[arg(long, value_name = "FILE", conflicts_with = "jsonl")]
    runbook: Option<PathBuf>,
    /// Only this step
    #[arg(long, value_name = "NAME")]
    step: Option<StepName>,
    /// An input of the runbook
    #[arg(long = "input", short, value_name = "KEY=VALUE", value_parser = key_and_value)]
    inputs: Vec<(String, String)>,
    /// As in this environment instead of the configured one
    #[arg(long, value_name = "NAME")]
    environment: Option<EnvironmentName>,
    /// Read many from standard input, `{"command": "…"}` a line, and answer a line each, in the same order
    #[arg(long)]
    jsonl: bool,
    /// Judge at this level instead of the configured one
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    autonomy: Option<Autonomy>,
}

const LONG: &str = "\
Ask the safety gate what it would decide, and why. Nothing is carried out, and no agent is needed: the gate is asked under the policy of \
the configuration.

Example:
  orderly gate explain 'kubectl scale deployment/web --replicas=0'";

const EXPLAIN: &str = "\
Explain what the gate would say under the policy of the configuration: what would be done (the effects), what each rule says of that, and \
the decision, which is the strictest of them. Nothing is carried out, and no agent is asked. Left out is what depends on the moment: \
limits that are used up, windows, halts, the AI reviewer.

A command is one argument, as a shell would get it, or after `--` a program with its arguments, or standard input.

With --jsonl each line of standard input is an object with `command`, and each line of the answer one with `decision` (allow, approve, \
deny), `class` (read, change, destructive), `confidence` (exact, bounded, opaque) and `reasons`.

With --runbook each step of a runbook is rendered with the inputs that are given, or their defaults, asked what it intends, and judged \
as the agent would: the environments and policies of the repository around the file count, too. Under a step that runs another runbook of \
the repository stand that one's steps. What only a run knows, such as the output \
of an earlier step, is named, and the step is judged with that value unknown.

Exits with 0 whatever the decision is; with --runbook, with 1 where the file has errors or a step cannot be planned, and with 2 where \
the file cannot be read or has no such step or input.

Example:
  orderly gate explain 'kubectl get pods -A | grep -v Running'
  orderly gate explain -- systemctl restart nginx
  orderly gate explain --autonomy 3 < maintenance.sh
  orderly gate explain --jsonl < history.jsonl
  orderly gate explain --runbook runbooks/restart.yaml --input deployment=web --environment production";

fn level(text: &str) -> Result<Autonomy, String> {
    let number: u8 = text
        .parse()
        .map_err(|_| format!("`{text}` is not 1, 2 or 3"))?;
    number.try_into()
}

/// Explains commands.
pub(in crate::cli) fn gate(arguments: &Arguments, context: &Context) -> Answer {
    let What::Explain(asked) = &arguments.what;
    let loaded = context.config()?;
    of_runbooks_alone(asked)?;
    if let Some(path) = &asked.runbook {
        return steps::explain(path, asked, &loaded.config, context);
    }
    let mut policy = loaded.config.policy.policy();
    policy.autonomy = asked.autonomy.unwrap_or(policy.autonomy);
    if asked.jsonl {
        return many(&policy, context);
    }
    let command_line = match asked.command.as_slice() {
        [] => Asked::Text(standard_input()?),
        [text] => Asked::Text(some(text.clone())?),
        words => Asked::Words(words.to_vec()),
    };
    let explained = command(&command_line, &policy, &HostFiles, context.now());
    if context.terminal.wants_json() {
        context
            .terminal
            .json(&Told::new(&command_line, &explained, true))?;
    } else {
        context.terminal.data(&for_people(&explained, &policy))?;
    }
    Ok(Exit::Done)
}

/// What only has a meaning with a runbook is not passed over.
fn of_runbooks_alone(asked: &Explain) -> Result<(), CliError> {
    if asked.runbook.is_some() {
        return Ok(());
    }
    let given = [
        ("--step", asked.step.is_some()),
        ("--input", !asked.inputs.is_empty()),
        ("--environment", asked.environment.is_some()),
    ];
    let Some((flag, _)) = given.into_iter().find(|(_, given)| *given) else {
        return Ok(());
    };
    Err(CliError::Usage(format!(
        "{flag} is about the steps of a runbook, and none is named\nhint: add --runbook FILE"
    )))
}

/// One line in, one line out.
fn many(policy: &Policy, context: &Context) -> Answer {
    let input = std::io::stdin().lock();
    let mut wrong = Vec::new();
    for (number, line) in input.split(b'\n').enumerate() {
        let line =
            line.map_err(|error| CliError::Usage(format!("reading standard input: {error}")))?;
        let text = match command_of(&line) {
            Ok(text) => text,
            Err(error) => {
                // The others are answered all the same, each in its place.
                let error = format!("line {} of standard input: {error}", number + 1);
                context.terminal.line(&unreadable(&error).to_string())?;
                wrong.push(error);
                continue;
            }
        };
        let asked = Asked::Text(text);
        let explained = command(&asked, policy, &HostFiles, context.now());
        let told = serde_json::to_string(&Told::new(&asked, &explained, false))
            .map_err(|error| CliError::Internal(format!("writing an answer: {error}")))?;
        context.terminal.line(&told)?;
    }
    match wrong.first() {
        None => Ok(Exit::Done),
        Some(first) => Err(CliError::Usage(format!(
            "{} not understood; the first: {first}\nhint: each line is an object: {{\"command\": \"uptime\"}}",
            match wrong.len() {
                1 => "1 line was".to_owned(),
                lines => format!("{lines} lines were"),
            }
        ))),
    }
}

/// The command that a line holds.
fn command_of(line: &[u8]) -> Result<String, String> {
    #[derive(Deserialize)]
    struct Line {
        command: String,
    }
    // What reads an object takes a list of its values, too.
    if line.trim_ascii_start().first() == Some(&b'[') {
        return Err("a list is no object".to_owned());
    }
    let Line { command } = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    Ok(command)
}

/// The answer to a line that is none: nothing is known of it, so nothing is allowed.
fn unreadable(error: &str) -> serde_json::Value {
    serde_json::json!({
        "decision": "deny", "class": "destructive", "confidence": "opaque", "reasons": [error], "contributions": [], "effects": [], "error": error,
    })
}

fn standard_input() -> Result<String, CliError> {
    let mut bytes = Vec::new();
    let read = std::io::stdin()
        .lock()
        .take(LONGEST_TEXT)
        .read_to_end(&mut bytes);
    read.map_err(|error| CliError::Usage(format!("reading standard input: {error}")))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| CliError::Usage("standard input is not UTF-8".to_owned()))?;
    some(text)
}

/// Nothing is no command.
fn some(text: String) -> Result<String, CliError> {
    if text.trim().is_empty() {
        let nothing =
            "there is no command to explain\nhint: give it as an argument, or on standard input";
        return Err(CliError::Usage(nothing.to_owned()));
    }
    Ok(text)
}
