//! `orderly sync`.

use crate::{
    cli::{
        client::{Address, Client, typed},
        context::Context,
        exit::{Answer, CliError, Exit},
        rows,
        table::{Cell, Table},
        terminal::Style,
    },
    domain::name::RunbookName,
    ports::agent::SyncView,
};
use jiff::Timestamp;
use serde_json::json;

/// How many digits a part of a revision must have.
const FEWEST: usize = 7;

/// Look for a new commit now
#[derive(Debug, clap::Args)]
#[command(long_about = LONG)]
pub(in crate::cli) struct Arguments {
    /// Carry out the deletions of exactly this revision, which waits because it deletes so much; its first digits are enough
    #[arg(long, value_name = "REVISION", conflicts_with = "show")]
    accept: Option<String>,
    /// Only show where following the repository stands
    #[arg(long)]
    show: bool,
}

const LONG: &str = "\
Look for a new commit now instead of waiting for the next poll, and show where following the repository stands: the revision in use, the \
newest one seen, and every problem in it. A revision that would delete more than half of all runbooks waits until somebody accepts it, by \
its name or the beginning of that.

Exits with 1 where the repository cannot be read, the revision has problems or its deletions wait, and with 4 where the revision to accept \
is not the one that waits.

Example:
  orderly sync
  orderly sync --show
  orderly sync --accept 4b825dc642cb6eb9a060e54bf8d69288fbee4904";

/// Fetches, and shows what came of it.
pub(in crate::cli) async fn sync(arguments: Arguments, context: &Context) -> Answer {
    let client = context.client()?.patient();
    let address = Address::api(&["sync"]);
    let answer = if arguments.show {
        client.get(&address).await?
    } else {
        let accept = accepted(arguments.accept.as_deref(), &client).await?;
        client.post(&address, &json!({"accept": accept})).await?
    };
    let view: SyncView = typed(answer.clone())?;
    if context.terminal.wants_json() {
        context.terminal.json(&answer)?;
    } else {
        context.terminal.table(&table(context, &view), "")?;
    }
    let well = view.error.is_none() && view.problems.is_empty() && view.held.is_none();
    Ok(if well { Exit::Done } else { Exit::Failed })
}

/// The whole name of the revision that waits, where it is the one that somebody wants to accept.
async fn accepted(wanted: Option<&str>, client: &Client) -> Result<Option<String>, CliError> {
    let Some(wanted) = wanted else {
        return Ok(None);
    };
    let view: SyncView = client.get_as(&Address::api(&["sync"])).await?;
    let held = view.held.map(|held| held.revision);
    match held {
        Some(held) if wanted.len() >= FEWEST && held.starts_with(wanted) => Ok(Some(held)),
        Some(held) => Err(CliError::Refused(format!(
            "`{wanted}` is not the revision that waits\nhint: that is {held}"
        ))),
        None => Err(CliError::Refused(format!(
            "no deletion waits to be accepted, so `{wanted}` cannot be\nhint: `orderly sync --show` shows where following the repository stands"
        ))),
    }
}

/// Where following the repository stands.
pub(in crate::cli) fn table(context: &Context, view: &SyncView) -> Table {
    let mut table = Table::headless();
    let when = |at: Option<Timestamp>| at.map(|at| rows::when(context, at)).unwrap_or_default();
    let applied = view.applied.as_deref().map_or("none yet", rows::revision);
    table.pair("source", view.source.as_str());
    table.pair("in use", applied);
    if view.attempted != view.applied {
        table.pair(
            "newest",
            view.attempted.as_deref().map_or("", rows::revision),
        );
    }
    if let Some(before) = &view.rewritten {
        let text = format!("it does not descend from {}", rows::revision(before));
        table.pair("rewritten", Cell::styled(&text, Style::Warn));
    }
    table.pair("runbooks", view.runbooks.to_string());
    table.pair("fetched", when(view.last_success));
    if view.error.is_some() {
        table.pair("tried", when(view.last_attempt));
    }
    let error = view.error.as_deref().unwrap_or_default();
    table.pairs(
        "error",
        error.lines().map(|line| Cell::styled(line, Style::Bad)),
    );
    if let Some(held) = &view.held {
        let names: Vec<&str> = held
            .runbooks
            .iter()
            .take(5)
            .map(RunbookName::as_str)
            .collect();
        let more = held.runbooks.len().saturating_sub(names.len());
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        let text = format!(
            "{} would delete {}{more}",
            rows::revision(&held.revision),
            names.join(", ")
        );
        table.pair("waits", Cell::styled(&text, Style::Warn));
        table.pair("", format!("orderly sync --accept {}", held.revision));
    }
    let problems = view.problems.iter().flat_map(|problem| problem.lines());
    table.pairs(
        "problems",
        problems.map(|line| Cell::styled(line, Style::Warn)),
    );
    table
}
