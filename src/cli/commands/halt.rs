//! `orderly halt` and `orderly unhalt`.

use crate::{
    cli::{
        client::{Address, typed},
        context::Context,
        exit::{Answer, CliError, Exit},
    },
    config::Config,
    daemon::halting::{is_noted, leave_note, note_path},
    domain::{halt::Halt as Halted, span::Span},
    history::holder_of,
    ports::agent::HaltView,
};
use serde_json::json;
use std::time::Duration;

/// How long the agent is waited for over HTTP, in seconds: it waits for what it stops before it answers.
const PATIENCE: u64 = 15;
/// How long an agent that does not answer is given to take a note.
const NOTE: Duration = Duration::from_secs(5);
/// Between two looks at a note.
const LOOK: Duration = Duration::from_millis(100);

/// Stop all effects at once, until `orderly unhalt`
#[derive(Debug, clap::Args)]
#[command(long_about = HALT)]
pub(in crate::cli) struct Halt {
    /// Why; kept in the audit log and told with each step that is denied
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "TEXT"
    )]
    reason: String,
}

const HALT: &str = "\
Stop all effects at once: steps that are changing something are stopped as `orderly runs cancel` would, no other such step begins, and no \
consent is taken. What only reads goes on. It outlives restarts, and ends with `orderly unhalt`. What is due meanwhile starts, is denied \
at its first effect, and is not made up for later; rollbacks are denied, too.

Works as well while no agent runs or none answers: a note in the state folder tells the agent, which looks for one every second and at its \
start. Says how it was done. Exits with 1 where an agent runs that neither answers nor takes the note.

Example:
  orderly halt --reason 'the wrong image is being rolled out'
  orderly --state-dir /var/lib/orderly halt";

/// Let effects be again after `orderly halt`
#[derive(Debug, clap::Args)]
#[command(long_about = UNHALT)]
pub(in crate::cli) struct Unhalt {
    /// Why; kept in the audit log
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "TEXT"
    )]
    reason: String,
}

const UNHALT: &str = "\
Let effects be again, from now on. Nothing is made up for: runs that were denied meanwhile stay denied. Needs a running agent.

Exits with 4 where nothing is halted.

Example:
  orderly unhalt --reason 'rolled back by hand'";

/// Halts.
pub(in crate::cli) async fn halt(arguments: Halt, context: &Context) -> Answer {
    let unanswered = match ask(&arguments.reason, context).await {
        Ok(exit) => return Ok(exit),
        Err(error) => error,
    };
    let nobody_answers = matches!(
        unanswered,
        CliError::NotRunning { .. } | CliError::NotReachable { .. } | CliError::Strange(_)
    );
    // The state folder of this host is not that of an agent elsewhere.
    if !nobody_answers || context.globals.server.is_some() {
        return Err(unanswered);
    }
    let said = unanswered.to_string();
    context
        .terminal
        .say(said.lines().next().unwrap_or_default());
    by_note(&arguments.reason, context).await
}

async fn ask(reason: &str, context: &Context) -> Answer {
    let client = context.client()?.within(Span::from_secs(PATIENCE));
    let body = json!({"reason": reason});
    let answer = client.post(&Address::api(&["halt"]), &body).await?;
    let view: HaltView = typed(answer.clone())?;
    if let Some(halt) = &view.halted {
        context.terminal.say(&format!("all effects are {halt}"));
    }
    for step in &view.stopped {
        let how = if view.still.contains(step) {
            "was told to stop, and has not ended yet"
        } else {
            "was stopped"
        };
        context.terminal.say(&format!("{step} {how}"));
    }
    if context.terminal.wants_json() {
        context.terminal.json(&answer)?;
    }
    Ok(Exit::Done)
}

/// Through the state folder.
async fn by_note(reason: &str, context: &Context) -> Answer {
    let config = context.config()?.config;
    let halt = Halted {
        by: whoever(context),
        since: context.now(),
        reason: reason.to_owned(),
    };
    let path = note_path(&config.state_dir);
    leave_note(&config.state_dir, &halt).map_err(|source| CliError::File {
        doing: "leaving a note to halt at",
        path: path.clone(),
        source,
    })?;
    let told = match holder_of(&config.state_dir.join("history.db"))? {
        None => format!(
            "no agent runs with {}; the next one starts halted",
            config.state_dir.display()
        ),
        Some(process) if is_taken(&config).await => {
            format!("process {process} has found the note: all effects are halted")
        }
        Some(process) => {
            return Err(CliError::Failed(format!(
                "process {process} neither answers nor takes the note at {}: it may go on\nhint: end it with the service manager, or `kill -KILL {process}`; it starts halted",
                path.display()
            )));
        }
    };
    context.terminal.say(&told);
    if context.terminal.wants_json() {
        context.terminal.json(&json!({"halted": halt}))?;
    }
    Ok(Exit::Done)
}

async fn is_taken(config: &Config) -> bool {
    let taken = async {
        while is_noted(&config.state_dir) {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(NOTE, taken).await.is_ok()
}

/// Whoever may write into the state folder need not have a token; this is the name that the host knows.
fn whoever(context: &Context) -> String {
    let name = ["USER", "LOGNAME"]
        .iter()
        .find_map(|variable| context.environment.get(*variable));
    match name {
        Some(name) => format!("{name} on this host"),
        None => format!("user {} on this host", rustix::process::getuid().as_raw()),
    }
}

/// Lets go.
pub(in crate::cli) async fn unhalt(arguments: Unhalt, context: &Context) -> Answer {
    let body = json!({"reason": arguments.reason});
    let answer = context
        .client()?
        .post(&Address::api(&["unhalt"]), &body)
        .await?;
    context.terminal.say("effects are no longer halted");
    if context.terminal.wants_json() {
        context.terminal.json(&answer)?;
    }
    Ok(Exit::Done)
}
