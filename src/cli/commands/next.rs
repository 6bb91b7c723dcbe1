//! `orderly next`.

use crate::{
    cli::{
        client::{Address, Page, typed},
        context::Context,
        exit::{Answer, Exit},
        rows,
        values::how_many,
    },
    domain::name::RunbookName,
    ports::agent::Upcoming,
};

/// Show what is due next, soonest first
#[derive(Debug, clap::Args)]
#[command(long_about = LONG)]
pub(in crate::cli) struct Arguments {
    /// Of this runbook alone
    runbook: Option<RunbookName>,
    /// At most so many, up to 1000
    #[arg(long, short = 'n', default_value_t = 20, value_name = "NUMBER", value_parser = how_many())]
    limit: u64,
}

const LONG: &str = "\
Show what is due next, soonest first: the next time of each trigger, on the clock of this place, and why it would not run as things stand \
(`suspended`, `window`).

Exits with 4 where there is no such runbook.

Example:
  orderly next
  orderly next todo-backup --output json | jq -r '.items[0].due'";

/// Shows due times.
pub(in crate::cli) async fn next(arguments: Arguments, context: &Context) -> Answer {
    let address = Address::api(&["next"])
        .with("runbook", arguments.runbook.as_ref())
        .with("limit", Some(arguments.limit));
    let answer = context.client()?.get(&address).await?;
    if context.terminal.wants_json() {
        context.terminal.json(&answer)?;
        return Ok(Exit::Done);
    }
    let page: Page<Upcoming> = typed(answer)?;
    let table = rows::upcoming(context.now(), &context.zone, &page.items);
    context.terminal.table(&table, "nothing is scheduled")?;
    Ok(Exit::Done)
}
