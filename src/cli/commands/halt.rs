//! `orderly halt` and `orderly unhalt`.

use crate::{
    cli::{
        client::{Address, typed},
        context::Context,
        exit::{Answer, CliError, Exit},
    },
    config::Config,
    daemon::{
        halting::{is_noted, leave_note, note, note_path, take_note_away},
        state,
    },
    domain::{audit::Entry, halt::Halt as Halted, span::Span},
    history::{History, Options, Write, holder_of},
    ports::agent::HaltView,
};
use serde_json::{Value, json};
use std::time::Duration;

/// How long the agent is waited for over HTTP, in seconds: it waits for what it stops before it answers.
const PATIENCE: u64 = 15;
/// After so long without an answer a note is left, too.
const AT_ONCE: Duration = Duration::from_secs(2);
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

Works as well with a configuration file that cannot be used, and while no agent runs or none answers: a note in the state folder tells the agent, which looks for one every second and at its \
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
Let effects be again, from now on. Nothing is made up for: runs that were denied meanwhile stay denied.

Works as well while no agent runs with the state folder: it is written into the history there, with the audit log, and the next agent starts \
with effects. Exits with 4 where nothing is halted, and with 1 where an agent runs that does not answer.

Example:
  orderly unhalt --reason 'rolled back by hand'
  orderly --state-dir /var/lib/orderly unhalt --reason 'the agent may start again'";

/// Halts.
pub(in crate::cli) async fn halt(arguments: Halt, context: &Context) -> Answer {
    let rescued = without_file(context)?;
    halt_by(arguments, rescued.as_ref().unwrap_or(context)).await
}

/// A configuration file that somebody has just broken must not be in the way of stopping, and of going on.
fn without_file(context: &Context) -> Result<Option<Context>, CliError> {
    if context.globals.server.is_some() {
        return Ok(None);
    }
    let found = context.without_file().inspect_err(|_| {
        let way_out = "hint: `orderly --state-dir FOLDER halt` (or `unhalt`) works without the configuration file";
        context.terminal.say(way_out);
    })?;
    Ok(found.map(|(rescued, wrong)| {
        let wrong = wrong.to_string();
        let why = wrong.lines().next().unwrap_or_default();
        let state = rescued.globals.state_dir.clone().unwrap_or_default();
        context.terminal.say(&format!(
            "going by the state folder {} alone, since the configuration cannot be used: {why}",
            state.display()
        ));
        rescued
    }))
}

async fn halt_by(arguments: Halt, context: &Context) -> Answer {
    let answer = {
        let mut asking = std::pin::pin!(ask(&arguments.reason, context));
        tokio::select! {
            answer = &mut asking => answer,
            () = tokio::time::sleep(AT_ONCE) => {
                leave_early(&arguments.reason, context);
                let answer = asking.await;
                if answer.is_ok() {
                    forget_note(context);
                }
                answer
            }
        }
    };
    let unanswered = match answer {
        Ok(exit) => return Ok(exit),
        Err(error) => error,
    };
    tell_unanswered(unanswered, context)?;
    by_note(&arguments.reason, context).await
}

/// An agent that does not answer at once may hang, and whoever asked may not wait: the note is there from now on. Where it cannot be
/// left, that is told once nobody has answered.
fn leave_early(reason: &str, context: &Context) {
    let Ok(found) = context.config() else { return };
    if context.globals.server.is_some() {
        return;
    }
    let halt = halted(reason, context);
    if leave_note(&found.config.state_dir, &halt).is_ok() {
        context
            .terminal
            .say("the agent does not answer at once; a note to halt lies in its state folder");
    }
}

/// Halted by its answer; a note that is found after an `unhalt` would halt once more.
fn forget_note(context: &Context) {
    if context.globals.server.is_none()
        && let Ok(found) = context.config()
    {
        // The agent may have taken it meanwhile, which is as well.
        drop(take_note_away(&found.config.state_dir));
    }
}

fn halted(reason: &str, context: &Context) -> Halted {
    Halted {
        by: whoever(context),
        since: context.now(),
        reason: reason.to_owned(),
    }
}

/// Nobody answers, which is said, and the state folder of this host is the agent's own; anything else is an error.
fn tell_unanswered(unanswered: CliError, context: &Context) -> Result<(), CliError> {
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
    Ok(())
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
    let halt = halted(reason, context);
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
    let rescued = without_file(context)?;
    let context = rescued.as_ref().unwrap_or(context);
    let answer = match ask_to_let_go(&arguments.reason, context).await {
        Ok(answer) => answer,
        // The agent did answer, and could not: nothing is better without it.
        Err(refused @ CliError::Strange(_)) if is_held(context)? => return Err(refused),
        Err(unanswered) => {
            tell_unanswered(unanswered, context)?;
            let_go_offline(&arguments.reason, context).await?;
            json!({"halted": null})
        }
    };
    refuse_if_noted(context)?;
    context.terminal.say("effects are no longer halted");
    if context.terminal.wants_json() {
        context.terminal.json(&answer)?;
    }
    Ok(Exit::Done)
}

/// A note that the agent cannot take away halts again and again.
fn refuse_if_noted(context: &Context) -> Result<(), CliError> {
    if context.globals.server.is_some() {
        return Ok(());
    }
    let path = note_path(&context.config()?.config.state_dir);
    if path.is_dir() {
        return Err(CliError::Failed(format!(
            "effects were let go, but {} is a folder, which halts them again\nhint: remove it, and say `orderly unhalt` once more",
            path.display()
        )));
    }
    Ok(())
}

async fn ask_to_let_go(reason: &str, context: &Context) -> Result<Value, CliError> {
    let body = json!({"reason": reason});
    let client = context.client()?;
    client.post(&Address::api(&["unhalt"]), &body).await
}

fn is_held(context: &Context) -> Result<bool, CliError> {
    let state = context.config()?.config.state_dir;
    Ok(holder_of(&state.join("history.db"))?.is_some())
}

/// Into the history, where no agent runs: it is this process then that holds it, and no agent starts meanwhile.
async fn let_go_offline(reason: &str, context: &Context) -> Result<(), CliError> {
    let state = context.config()?.config.state_dir;
    let path = state.join("history.db");
    if let Some(process) = holder_of(&path)? {
        return Err(CliError::Failed(format!(
            "process {process} runs with {}, and does not answer: effects stay halted\nhint: end it with the service manager, or `kill -KILL {process}`; then this command works without it",
            state.display()
        )));
    }
    let noted = note(&state, context.now());
    if noted.is_none() && !path.exists() {
        return Err(CliError::Refused("nothing is halted".to_owned()));
    }
    let key = state::audit_key(&state).map_err(|error| CliError::Failed(error.to_string()))?;
    let history = History::open(Options { path, key })?;
    let recorded = history.halt().await?;
    let Some(halt) = recorded.or(noted) else {
        history.close().await?;
        return Err(CliError::Refused("nothing is halted".to_owned()));
    };
    let entry = Entry::new(context.now(), whoever(context), "agent.unhalted", "agent").with(
        json!({"reason": reason, "halted_by": halt.by, "since": halt.since, "offline": true}),
    );
    let written = history
        .write(vec![Write::Unhalt, Write::Audit(entry)])
        .await;
    written.map_err(|error| CliError::Failed(error.to_string()))?;
    history.close().await?;
    // The note last: should this end half-way, all stays halted.
    take_note_away(&state).map_err(|source| CliError::File {
        doing: "removing the note to halt at",
        path: note_path(&state),
        source,
    })
}
