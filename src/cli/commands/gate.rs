//! `orderly gate`.

use crate::{
    cli::{
        context::Context,
        exit::{Answer, CliError, Exit},
    },
    commands::Files,
    domain::policy::{Autonomy, Policy},
    gate::explain::{Asked, Explained, command},
    http::visible,
    runbooks::plain_documents,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    fs::File,
    io::{BufRead as _, Read as _},
};

/// The longest file that a command may name and that is read for it, in bytes.
const LONGEST_FILE: u64 = 1024 * 1024;
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

/// Explain what the gate would say of a command, and why
#[derive(Debug, clap::Args)]
#[command(long_about = EXPLAIN)]
struct Explain {
    /// The command: one text as for a shell, or after `--` a program and its arguments; standard input where there is none
    #[arg(value_name = "COMMAND", conflicts_with = "jsonl")]
    command: Vec<String>,
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
Explain what the gate would say of a command under the policy of the configuration: what it would do (its effects), what each rule \
says of that, and the decision, which is the strictest of them. Nothing is carried out. Left out is what depends on the moment: limits \
that are used up, windows, the AI reviewer.

The command is one argument, as a shell would get it, or after `--` a program with its arguments, or standard input.

With --jsonl each line of standard input is an object with `command`, and each line of the answer one with `decision` (allow, approve, \
deny), `class` (read, change, destructive), `confidence` (exact, bounded, opaque) and `reasons`.

Exits with 0 whatever the decision is.

Example:
  orderly gate explain 'kubectl get pods -A | grep -v Running'
  orderly gate explain -- systemctl restart nginx
  orderly gate explain --autonomy 3 < maintenance.sh
  orderly gate explain --jsonl < history.jsonl";

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
    let mut policy = loaded.config.policy.policy();
    policy.autonomy = asked.autonomy.unwrap_or(policy.autonomy);
    if asked.jsonl {
        return many(&policy, context);
    }
    let command_line = match asked.command.as_slice() {
        [] => Asked::Text(standard_input()?),
        [text] => Asked::Text(text.clone()),
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

/// One line in, one line out.
fn many(policy: &Policy, context: &Context) -> Answer {
    #[derive(Deserialize)]
    struct Line {
        command: String,
    }
    let input = std::io::stdin().lock();
    for (number, line) in input.lines().enumerate() {
        let line =
            line.map_err(|error| CliError::Usage(format!("reading standard input: {error}")))?;
        if line.trim().is_empty() {
            continue;
        }
        let Line { command: text } = serde_json::from_str(&line).map_err(|error| {
            let number = number + 1;
            CliError::Usage(format!("line {number} of standard input: {error}\nhint: each line is an object: {{\"command\": \"uptime\"}}"))
        })?;
        let asked = Asked::Text(text);
        let explained = command(&asked, policy, &HostFiles, context.now());
        let told = serde_json::to_string(&Told::new(&asked, &explained, false))
            .map_err(|error| CliError::Internal(format!("writing an answer: {error}")))?;
        context.terminal.line(&told)?;
    }
    Ok(Exit::Done)
}

fn standard_input() -> Result<String, CliError> {
    let mut bytes = Vec::new();
    let read = std::io::stdin()
        .lock()
        .take(LONGEST_TEXT)
        .read_to_end(&mut bytes);
    read.map_err(|error| CliError::Usage(format!("reading standard input: {error}")))?;
    let text = String::from_utf8(bytes);
    text.map_err(|_| CliError::Usage("standard input is not UTF-8".to_owned()))
}

/// An answer for machines.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'a Asked>,
    decision: &'static str,
    class: &'static str,
    confidence: crate::domain::effect::Confidence,
    reasons: Vec<&'a str>,
    contributions: &'a [crate::domain::gate::Contribution],
    effects: Vec<String>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    refusals: &'a [String],
}

impl<'a> Told<'a> {
    fn new(asked: &'a Asked, explained: &'a Explained, with_command: bool) -> Self {
        let (effects, judgement) = (&explained.effects, &explained.judgement);
        let decisive = judgement
            .contributions
            .iter()
            .filter(|contribution| judgement.decision == contribution.decision);
        let reasons = decisive.map(|contribution| contribution.reason.as_str());
        Self {
            command: with_command.then_some(asked),
            decision: judgement.decision.as_str(),
            class: effects.class().as_str(),
            confidence: effects.confidence,
            reasons: reasons
                .chain(effects.reasons.iter().map(String::as_str))
                .collect(),
            contributions: &judgement.contributions,
            effects: effects.items.iter().map(ToString::to_string).collect(),
            refusals: &effects.refusals,
        }
    }
}

/// The decision first, then why, then what it rests on.
fn for_people(explained: &Explained, policy: &Policy) -> String {
    let (effects, judgement) = (&explained.effects, &explained.judgement);
    let confidence = serde_json::to_value(effects.confidence).unwrap_or_default();
    let mut text = format!(
        "{} at level {} ({}, {})\n\neffects\n",
        judgement.decision.as_str(),
        policy.autonomy.level(),
        effects.class().as_str(),
        confidence.as_str().unwrap_or_default(),
    );
    if effects.items.is_empty() {
        text.push_str("  none\n");
    }
    for effect in &effects.items {
        let class = effect.class().as_str();
        text.push_str(&format!(
            "  {class:<11}  {}\n",
            visible::line(&effect.to_string())
        ));
    }
    for reason in &effects.reasons {
        text.push_str(&format!("  not surer because {}\n", visible::line(reason)));
    }
    text.push_str("\nwhat each rule says; the strictest counts\n");
    for contribution in &judgement.contributions {
        let (decision, stage) = (contribution.decision.as_str(), contribution.stage.as_str());
        text.push_str(&format!(
            "  {decision:<7}  {stage}: {}\n",
            visible::line(&contribution.reason)
        ));
    }
    text
}

/// Files that a command names, as they lie here now.
struct HostFiles;

impl Files for HostFiles {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        let meta = std::fs::metadata(path)
            .ok()
            .filter(std::fs::Metadata::is_file)?;
        if meta.len() > LONGEST_FILE {
            return None;
        }
        let mut bytes = Vec::new();
        File::open(path)
            .ok()?
            .take(LONGEST_FILE)
            .read_to_end(&mut bytes)
            .ok()?;
        Some(bytes)
    }
    fn documents(&self, text: &str) -> Option<Vec<Value>> {
        plain_documents(text)
    }
}
