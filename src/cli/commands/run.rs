//! `orderly run`.

use crate::{
    cli::{
        client::{Address, Client, typed},
        context::Context,
        exit::{Answer, CliError, Exit},
        follow::Follower,
        ids, rows, times,
        values::key_and_value,
    },
    domain::{id::RunId, name::RunbookName, runbook::Runbook},
    history::RunRow,
    ports::agent::StartedRun,
    runbooks::{input_from_text, inputs_from_file},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

/// So much of a reason is said again at a run's end, in characters.
const REASON: usize = 160;

/// So much of a file of inputs is read, in bytes: more than is taken, so that a longer one is refused and not cut.
const MOST_BYTES: u64 = 512 * 1024;

/// Start a runbook now, and follow it to its end
#[derive(Debug, clap::Args)]
#[command(long_about = LONG)]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag")]
pub(in crate::cli) struct Arguments {
    /// Which runbook
    runbook: RunbookName,
    /// An input; the value is read as the runbook declares it
    #[arg(long = "input", short, value_name = "KEY=VALUE", value_parser = key_and_value)]
    inputs: Vec<(String, String)>,
    /// A YAML or JSON file of inputs; `--input` wins over it
    #[arg(long, value_name = "FILE")]
    inputs_file: Option<PathBuf>,
    /// Only show what would be done
    #[arg(long)]
    dry_run: bool,
    /// Start although a window is closed; kept in the audit log
    #[arg(long)]
    override_window: bool,
    /// Follow the run to its end; this is the default
    #[arg(long, overrides_with = "no_wait")]
    wait: bool,
    /// Print the run's id and do not wait
    #[arg(long, overrides_with = "wait")]
    no_wait: bool,
    /// Print what the steps print, too
    #[arg(long, conflicts_with = "no_wait")]
    logs: bool,
    /// Given twice, the same key starts one run
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

const LONG: &str = "\
Start a runbook now, and follow it to its end: each step as it starts and ends, and what waits for people, with the command to answer. \
Every step passes the safety gate, as in a scheduled run.

Prints a line for each thing that happens, and how the run ended; with --output json, the ended run as one document; with --no-wait, its \
id. The exit code tells how the run ended: 0 succeeded (with a warning, too), 1 failed, 11 denied, 12 canceled, 13 timed out, 14 \
interrupted; 4 means that it was not started. Ctrl-C ends the following, not the run.

Example:
  orderly run todo-update-config -i namespace=default -i key=LOG_LEVEL -i value=debug
  orderly run todo-update-config --inputs-file change.yaml --dry-run
  orderly run nightly-backup --no-wait --idempotency-key backup-2026-05-01";

/// Starts, and follows.
pub(in crate::cli) async fn run(arguments: Arguments, context: &Context) -> Answer {
    let client = context.client()?;
    let address = Address::api(&["runbooks", arguments.runbook.as_str()]);
    let shown = client.get(&address).await;
    // Whether it can be started at all is the agent's to say.
    let warning = shown
        .as_ref()
        .ok()
        .and_then(|view| outdated(&arguments.runbook, view));
    let body = json!({
        "inputs": inputs(&arguments, shown)?,
        "dry_run": arguments.dry_run,
        "override_window": arguments.override_window,
        "idempotency_key": arguments.idempotency_key,
    });
    if let Some(warning) = warning {
        context.terminal.say(&warning);
    }
    let address = Address::api(&["runbooks", arguments.runbook.as_str(), "runs"]);
    let answer = client.post(&address, &body).await?;
    let started: StartedRun = typed(answer.clone())?;
    context.terminal.say(&begun(&started, &arguments));
    follow(
        &answer,
        (arguments.no_wait, arguments.logs),
        client,
        context,
    )
    .await
}

/// That what was committed last is not what is started, where that is so.
fn outdated(runbook: &RunbookName, view: &Value) -> Option<String> {
    let text = |key: &str| view.get(key).and_then(Value::as_str);
    let (problem, revision) = (text("problem")?, text("revision")?);
    if text("state")? != "invalid" {
        return None;
    }
    Some(format!(
        "warning: the newest version of {runbook} cannot be used: {}\nthe last good one is started, of {}",
        rows::first_line(problem),
        rows::revision(revision)
    ))
}

/// Follows a run that was started, unless nobody waits for it.
pub(super) async fn follow(
    answer: &Value,
    (no_wait, logs): (bool, bool),
    client: Client,
    context: &Context,
) -> Answer {
    let started: StartedRun = typed(answer.clone())?;
    if no_wait {
        return hand_over(started.run, answer, context);
    }
    let mut follower = Follower::new(context, client, started.run, logs);
    tokio::select! {
        row = follower.follow() => tell_end(&row?, context),
        _ = tokio::signal::ctrl_c() => Ok(detach(started.run, context)),
    }
}

fn begun(started: &StartedRun, arguments: &Arguments) -> String {
    let run = format!("{} of {}", rows::run_name(started.run), arguments.runbook);
    match (started.existing, arguments.dry_run) {
        (true, _) => format!("{run} was started before with this key; no other one is"),
        (false, true) => format!("{run} started, dry"),
        (false, false) => format!("{run} started"),
    }
}

fn hand_over(run: RunId, answer: &Value, context: &Context) -> Answer {
    if context.terminal.wants_json() {
        context.terminal.json(answer)?;
    } else {
        context.terminal.line(&run.to_string())?;
    }
    Ok(Exit::Done)
}

fn tell_end(row: &RunRow, context: &Context) -> Answer {
    let exit = row.outcome.map_or(Exit::Internal, Exit::of);
    if context.terminal.wants_json() {
        context.terminal.json(row)?;
        return Ok(exit);
    }
    let outcome = row.outcome.map_or("ended", |outcome| outcome.as_str());
    let style = row.outcome.map(rows::style_of).unwrap_or_default();
    let took = row
        .started_at
        .zip(row.ended_at)
        .map(|(from, to)| format!(" in {}", times::took(from, to)));
    let reason = if row.reason.is_empty() {
        String::new()
    } else {
        format!(": {}", told_above(&row.reason))
    };
    let rest = crate::http::visible::lines(&format!("{}{reason}", took.unwrap_or_default()));
    let outcome = context.terminal.paint(style, outcome);
    context.terminal.line(&format!(
        "{} {outcome}{rest}",
        rows::run_name(row.header.id)
    ))?;
    Ok(exit)
}

/// Why the run ended so, as far as it is needed to find the line of the step that says all of it.
fn told_above(reason: &str) -> String {
    match reason.char_indices().nth(REASON) {
        Some((end, _)) => format!("{}… (in full above)", reason.get(..end).unwrap_or_default()),
        None => reason.to_owned(),
    }
}

fn detach(run: RunId, context: &Context) -> Exit {
    let id = ids::short(&run);
    context.terminal.say(&format!(
        "\nthe run goes on\nto follow it:  orderly logs {id} --follow\nto see it:     orderly runs show {id}\nto stop it:    orderly runs cancel {id}"
    ));
    Exit::Detached
}

/// What is given, read as the runbook's own inputs want it. What it does not know is left for the agent to refuse.
fn inputs(
    arguments: &Arguments,
    shown: Result<Value, CliError>,
) -> Result<BTreeMap<String, Value>, CliError> {
    let mut inputs = match &arguments.inputs_file {
        Some(path) => file_of_inputs(path)?,
        None => BTreeMap::new(),
    };
    if arguments.inputs.is_empty() {
        return Ok(inputs);
    }
    let definition: Option<Runbook> = shown?
        .get("definition")
        .and_then(|json| serde_json::from_value(json.clone()).ok());
    for (name, text) in &arguments.inputs {
        let declared = definition
            .iter()
            .flat_map(|runbook| &runbook.inputs)
            .find(|input| input.name.as_str() == name);
        let value = match declared {
            // What does not fit is told by the agent, together with all else that does not.
            Some(input) => {
                input_from_text(input, text).unwrap_or_else(|_| Value::String(text.clone()))
            }
            None => Value::String(text.clone()),
        };
        inputs.insert(name.clone(), value);
    }
    Ok(inputs)
}

fn file_of_inputs(path: &Path) -> Result<BTreeMap<String, Value>, CliError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes))
        .map_err(|source| CliError::Unreadable {
            doing: "reading the inputs in",
            path: path.to_owned(),
            source,
        })?;
    inputs_from_file(&bytes).map_err(|why| CliError::Usage(format!("{}:{why}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::told_above;

    #[test]
    fn a_long_reason_is_not_said_twice_in_full() {
        assert_eq!(told_above("no luck"), "no luck");
        let told = told_above(&"ä".repeat(500));
        assert!(told.ends_with("… (in full above)"), "{told}");
        assert!(told.chars().count() < 200, "{told}");
    }
}
