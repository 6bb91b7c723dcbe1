//! `orderly runs`.

use crate::{
    cli::{
        answers::ApprovalView,
        client::{Address, Client, Page, typed},
        context::Context,
        exit::{Answer, CliError, Exit},
        ids, rows,
        table::{Cell, Table},
        times,
        values::{how_many, outcomes, reasons, statuses},
    },
    domain::{
        gate::Decision,
        id::RunId,
        name::RunbookName,
        occurrence::Skipped,
        run::{Recorded, RunEvent},
    },
    history::{RunRow, StepRow},
};
use jiff::Timestamp;
use serde_json::{Value, json};

/// List runs, newest first; show one, or stop one
#[derive(Debug, clap::Args)]
#[command(long_about = LONG, args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    list: List,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, clap::Args)]
struct List {
    /// Of this runbook
    #[arg(long, value_name = "NAME")]
    runbook: Option<RunbookName>,
    /// That ended so; `failures` is all but succeeded and warning
    #[arg(long, value_name = "OUTCOME", value_parser = outcomes())]
    outcome: Option<String>,
    /// That are there
    #[arg(long, value_name = "STATUS", value_parser = statuses())]
    status: Option<String>,
    /// Not older than this: a length of time (24h) or a time
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// At most so many, up to 1000
    #[arg(long, short = 'n', default_value_t = 20, value_name = "NUMBER", value_parser = how_many())]
    limit: u64,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Show one run: its steps, and why the gate decided as it did
    #[command(long_about = SHOW)]
    Show {
        /// The run, by its id or a part of it
        run: String,
    },
    /// List occurrences that did not run, and why
    #[command(long_about = SKIPPED)]
    Skipped {
        /// Of this runbook
        #[arg(long, value_name = "NAME")]
        runbook: Option<RunbookName>,
        /// For this reason
        #[arg(long, value_name = "REASON", value_parser = reasons())]
        reason: Option<String>,
        /// Not decided before this: a length of time (24h) or a time
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// At most so many, up to 1000
        #[arg(long, short = 'n', default_value_t = 20, value_name = "NUMBER", value_parser = how_many())]
        limit: u64,
    },
    /// Ask a run to stop
    #[command(long_about = CANCEL)]
    Cancel {
        /// The run, by its id or a part of it
        run: String,
        /// Why; kept in the audit log
        #[arg(
            long,
            default_value = "",
            hide_default_value = true,
            value_name = "TEXT"
        )]
        reason: String,
    },
}

const LONG: &str = "\
List runs, newest first; show one, or stop one. Each line has the run's id, its runbook, its state, when it started, how long it took, \
what started it, and why it ended so. A run is named by its id or by part of it, such as the eight digits that lists show.

Example:
  orderly runs
  orderly runs --outcome failures --since 24h
  orderly runs --runbook nightly-backup -n 1 --output json | jq -r '.items[0].outcome'
  orderly runs show 3f9a1c2d
  orderly runs skipped --since 24h
  orderly runs cancel 3f9a1c2d --reason 'wrong namespace'";

const SKIPPED: &str = "\
List occurrences that were due and did not run, newest first, each with its reason: `missed_down` (the agent was not there), `suspended`, \
`window` (closed), `overlap` (the run before was still going), `deadline` (too late to start), `invalid`. Occurrences that the agent missed \
one after the other are one line, with the first and the last.

Example:
  orderly runs skipped --runbook nightly-backup --since 7d
  orderly runs skipped --reason missed_down --output json | jq '.items[] | {runbook, detail}'";

const SHOW: &str = "\
Show one run: what started it, with which inputs, how far it is, what it asks people for; each step with its state, its length and what \
came of it; and what the gate said wherever it did not simply let a step pass. With --output json, the run, its steps and every recorded \
event.

Example:
  orderly runs show 3f9a1c2d
  orderly runs show 3f9a1c2d --output json | jq '.steps[] | {step, status, outputs}'";

const CANCEL: &str = "\
Ask a run to stop. The step that is under way is told to end, steps below `finally` are still carried out, and the run ends as canceled. \
It does not wait for that: `orderly runs show` shows when it has.

Exits with 4 where the run has ended already.

Example:
  orderly runs cancel 3f9a1c2d --reason 'wrong namespace'";

/// Lists, shows or stops.
pub(in crate::cli) async fn runs(arguments: Arguments, context: &Context) -> Answer {
    let client = context.client()?;
    match arguments.what {
        None => list(&arguments.list, &client, context).await,
        Some(What::Show { run }) => show(&run, &client, context).await,
        Some(What::Skipped {
            runbook,
            reason,
            since,
            limit,
        }) => {
            let address = Address::api(&["skipped"])
                .with("runbook", runbook.as_ref())
                .with("reason", reason.as_ref())
                .with("since", time(since.as_deref(), context)?)
                .with("limit", Some(limit));
            skipped(&address, &client, context).await
        }
        Some(What::Cancel { run, reason }) => cancel(&run, &reason, &client, context).await,
    }
}

async fn list(list: &List, client: &Client, context: &Context) -> Answer {
    let since = time(list.since.as_deref(), context)?;
    let address = Address::api(&["runs"])
        .with("runbook", list.runbook.as_ref())
        .with("outcome", list.outcome.as_ref())
        .with("status", list.status.as_ref())
        .with("since", since)
        .with("limit", Some(list.limit));
    let answer = client.get(&address).await?;
    if context.terminal.wants_json() {
        context.terminal.json(&answer)?;
        return Ok(Exit::Done);
    }
    let page: Page<RunRow> = typed(answer)?;
    context
        .terminal
        .table(&rows::runs(context, &page.items), "no such runs")?;
    if page.next.is_some() && context.terminal.is_watched() {
        context
            .terminal
            .say("there may be older ones; --limit shows more");
    }
    Ok(Exit::Done)
}

fn time(since: Option<&str>, context: &Context) -> Result<Option<Timestamp>, CliError> {
    since
        .map(|text| times::parse_since(text, context.now(), &context.zone))
        .transpose()
        .map_err(CliError::Usage)
}

async fn skipped(address: &Address, client: &Client, context: &Context) -> Answer {
    let answer = client.get(address).await?;
    if context.terminal.wants_json() {
        context.terminal.json(&answer)?;
        return Ok(Exit::Done);
    }
    let page: Page<Skipped> = typed(answer)?;
    let table = rows::skipped(context, &page.items);
    context.terminal.table(&table, "nothing was skipped")?;
    Ok(Exit::Done)
}

async fn show(text: &str, client: &Client, context: &Context) -> Answer {
    let id = ids::run::<RunId>(client, text).await?.to_string();
    let run = client.get(&Address::api(&["runs", &id])).await?;
    let steps = client.get(&Address::api(&["runs", &id, "steps"])).await?;
    let events = client.get(&Address::api(&["runs", &id, "events"])).await?;
    if context.terminal.wants_json() {
        let items = |mut page: Value| page.get_mut("items").map(Value::take).unwrap_or_default();
        context
            .terminal
            .json(&json!({"run": run, "steps": items(steps), "events": items(events)}))?;
        return Ok(Exit::Done);
    }
    let run: RunRow = typed(run)?;
    let question = question(&run, client).await?;
    let steps: Page<StepRow> = typed(steps)?;
    let events: Page<Recorded> = typed(events)?;
    let mut text = facts(context, &run, question.as_ref(), &events.items).render(false);
    for table in [rows::steps(&steps.items), verdicts(&events.items)] {
        if !table.is_empty() {
            text.push('\n');
            text.push_str(&table.render(context.terminal.colours_data()));
        }
    }
    context.terminal.data(&text)?;
    Ok(Exit::Done)
}

/// What people are asked, where the run waits for them.
async fn question(run: &RunRow, client: &Client) -> Result<Option<ApprovalView>, CliError> {
    let Some(id) = run.waiting_for else {
        return Ok(None);
    };
    let address = Address::api(&["approvals", &id.to_string()]);
    client.get_as(&address).await.map(Some)
}

fn facts(
    context: &Context,
    run: &RunRow,
    question: Option<&ApprovalView>,
    events: &[Recorded],
) -> Table {
    let mut table = Table::headless();
    let when = |at: Option<Timestamp>| at.map(|at| rows::when(context, at)).unwrap_or_default();
    table.pair("run", run.header.id.to_string());
    table.pair("runbook", run.header.runbook.as_str());
    table.pair("state", rows::state(run));
    table.pair("reason", rows::why(context, run));
    table.pair("cause", rows::cause(&run.header.cause));
    table.pair("revision", rows::revision(&run.header.revision));
    table.pair("author", run.header.author.replace('\n', ", "));
    table.pair("dry run", if run.header.dry_run { "yes" } else { "" });
    table.pair(
        "window overridden by",
        run.header.window_override.clone().unwrap_or_default(),
    );
    table.pair("made", when(Some(run.header.created_at)));
    table.pair("started", when(run.started_at));
    table.pair("ended", when(run.ended_at));
    table.pair(
        "cancel asked by",
        run.cancel_requested_by.clone().unwrap_or_default(),
    );
    table.pairs("ended late", events.iter().filter_map(outlived));
    if let Some(view) = question {
        table.pair("asks for", view.brief.as_str());
        table.pairs("would", view.effects.iter().map(String::as_str));
        table.pairs("asked because", view.because.iter().map(String::as_str));
        table.pair(
            "to approve",
            format!("orderly approve {}", ids::short(&view.id)),
        );
    }
    let inputs = run
        .header
        .inputs
        .iter()
        .map(|(name, value)| crate::http::visible::unmistakable(&format!("{name} = {value}")));
    table.pairs("inputs", inputs);
    table
}

/// A program that had outlived the agent that started it.
fn outlived(recorded: &Recorded) -> Option<String> {
    let RunEvent::ProcessOutlived {
        key,
        process,
        program,
        ..
    } = &recorded.event
    else {
        return None;
    };
    Some(format!(
        "{program} (process {process}) of step {} had outlived the agent, which ended it when it came back",
        rows::step(key.phase, &key.step)
    ))
}

/// What the gate said about each attempt, stage by stage. Plain consent is left out.
fn verdicts(events: &[Recorded]) -> Table {
    let mut table = Table::new(&["GATE", "STAGE", "SAYS", "WHY"]);
    // A step is judged again when people have consented, and mostly as before.
    let mut told = Vec::new();
    for recorded in events {
        let RunEvent::StepGated {
            key, contributions, ..
        } = &recorded.event
        else {
            continue;
        };
        for said in contributions
            .iter()
            .filter(|said| said.decision != Decision::Allow)
        {
            if told.contains(&(key, said)) {
                continue;
            }
            told.push((key, said));
            table.row([
                rows::step(key.phase, &key.step).into(),
                said.stage.as_str().into(),
                Cell::styled(
                    said.decision.as_str(),
                    rows::style_of_decision(&said.decision),
                ),
                said.reason.as_str().into(),
            ]);
        }
    }
    table
}

async fn cancel(text: &str, reason: &str, client: &Client, context: &Context) -> Answer {
    let id = ids::run::<RunId>(client, text).await?;
    let address = Address::api(&["runs", &id.to_string(), "cancel"]);
    client.post(&address, &json!({"reason": reason})).await?;
    context.terminal.say(&format!(
        "{} is asked to stop; `orderly runs show {}` shows when it has",
        rows::run_name(id),
        ids::short(&id)
    ));
    if context.terminal.wants_json() {
        context.terminal.json(&json!({"run": id}))?;
    }
    Ok(Exit::Done)
}
