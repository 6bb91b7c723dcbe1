//! `orderly audit query`.

use super::moment;
use crate::{
    cli::{
        client::{Address, Client, Page, typed},
        context::Context,
        exit::{Answer, CliError, Exit},
        ids,
        table::{Cell, Table},
        terminal::{Output, Style},
        times,
    },
    domain::{
        audit::{Entry, Record},
        id::RunId,
    },
};
use serde_json::{Value, json};

/// So many characters of a resource and of an outcome are shown; the other forms have all.
const LONGEST_RESOURCE: usize = 60;
const LONGEST_OUTCOME: usize = 120;
/// Where the details of a record hold words for people.
const WORDS: [&str; 4] = ["/detail", "/summary", "/reason", "/comment"];
/// The longest page that an agent gives.
const PAGE: u64 = 1000;
/// The guides' columns.
const COLUMNS: &str = "id,timestamp,user,action,resource,namespace,details,success,error_msg\r\n";

/// Look through the audit log, newest first
#[derive(Debug, clap::Args)]
#[command(long_about = LONG)]
pub(super) struct Arguments {
    /// Only what did not go well: failed, refused, denied
    #[arg(long)]
    failed: bool,
    /// By this person, exactly as recorded, or `schedule`, `webhook`, `system`
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// What: `step.started`; with a dot at the end all that begins so, as `approval.`; or what a step did, as `delete`
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// About this runbook
    #[arg(long, value_name = "NAME")]
    runbook: Option<String>,
    /// About this run; any part of its id that names only one
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    /// To what, as `approval/0198f2c4-…`
    #[arg(long, value_name = "RESOURCE")]
    resource: Option<String>,
    /// Not older than this: a length of time (24h) or a time
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Older than this: a length of time (24h) or a time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// At most so many
    #[arg(long, short = 'n', default_value_t = 50, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
}

const LONG: &str = "\
Look through the audit log, newest first. What is named must all fit, letter by letter: `Anna` is not `anna`. An action that there is none \
of is refused.

A step is recorded before it starts and when it ends. `--action delete` finds the ends of steps that deleted something, and steps that \
were refused; other words are create, update, scale, restart, evict, exec, kill, start, stop, write, grant, schema, send, run and read.

--output table is for people (the default), json one document, jsonl a record a line, csv the guides' columns. All but the table have \
everything that is recorded.

Example:
  orderly audit query --limit 10
  orderly audit query --failed --since 7d
  orderly audit query --user anna@example.com
  orderly audit query --action delete
  orderly audit query --runbook nightly-backup --since 2026-11-01 --until 2026-12-01 --output csv
  orderly audit query --run 1f0c22ab --output jsonl | jq .details";

/// Asks the agent, page by page.
pub(super) async fn query(arguments: &Arguments, context: &Context) -> Answer {
    let client = context.client()?;
    let address = address(arguments, &client, context).await?;
    let mut left = arguments.limit;
    let mut items: Vec<Value> = Vec::new();
    let mut before: Option<Value> = None;
    if context.globals.output == Output::Csv {
        context.terminal.data(COLUMNS)?;
    }
    let next = loop {
        let page = address
            .clone()
            .with("limit", Some(left.min(PAGE)))
            .with("before", before.as_ref());
        let page: Page<Value> = typed(client.get(&page).await?)?;
        left = left.saturating_sub(page.items.len() as u64);
        before = page.items.last().map(|last| last["seq"].clone());
        match context.globals.output {
            Output::Text | Output::Json => items.extend(page.items),
            Output::Jsonl => jsonl(&page.items, context)?,
            Output::Csv => csv(page.items, context)?,
        }
        if left == 0 || page.next.is_none() {
            break page.next;
        }
    };
    match context.globals.output {
        Output::Json => context
            .terminal
            .json(&json!({"items": items, "next": next}))?,
        Output::Text => show(items, context)?,
        Output::Jsonl | Output::Csv => {}
    }
    Ok(Exit::Done)
}

async fn address(
    arguments: &Arguments,
    client: &Client,
    context: &Context,
) -> Result<Address, CliError> {
    let run: Option<RunId> = match &arguments.run {
        Some(text) => Some(ids::run(client, text).await?),
        None => None,
    };
    Ok(Address::api(&["audit"])
        .with("failed", arguments.failed.then_some(true))
        .with("user", arguments.user.as_ref())
        .with("action", arguments.action.as_ref())
        .with("runbook", arguments.runbook.as_ref())
        .with("run", run)
        .with("resource", arguments.resource.as_ref())
        .with("since", moment(arguments.since.as_deref(), context)?)
        .with("until", moment(arguments.until.as_deref(), context)?))
}

fn jsonl(records: &[Value], context: &Context) -> Result<(), CliError> {
    for record in records {
        context.terminal.line(&record.to_string())?;
    }
    Ok(())
}

fn show(items: Vec<Value>, context: &Context) -> Result<(), CliError> {
    let records: Vec<Record> = typed(Value::Array(items))?;
    context
        .terminal
        .table(&table(context, &records), "no such records")
}

fn table(context: &Context, records: &[Record]) -> Table {
    let mut table = Table::new(&["TIME", "WHO", "ACTION", "RESOURCE", "OUTCOME"]);
    let now = context.now();
    for record in records {
        let entry = &record.entry;
        let resource = match entry.namespace.as_str() {
            "" => entry.resource.clone(),
            namespace => format!("{} in {namespace}", entry.resource),
        };
        table.row([
            times::local(entry.timestamp, now, &context.zone).into(),
            entry.user.as_str().into(),
            entry.action.as_str().into(),
            Cell::from(resource).cut(LONGEST_RESOURCE),
            outcome(entry).cut(LONGEST_OUTCOME),
        ]);
    }
    table
}

/// Whether it went well, and what is said of it in words.
fn outcome(entry: &Entry) -> Cell {
    if !entry.success {
        return Cell::styled(&format!("failed: {}", entry.error_msg), Style::Bad);
    }
    let said = WORDS.iter().find_map(|pointer| {
        let words = entry.details.pointer(pointer)?.as_str()?;
        (!words.is_empty()).then_some(words)
    });
    match said {
        Some(words) => format!("ok, {words}").into(),
        None => "ok".into(),
    }
}

/// As RFC 4180 has it.
fn csv(records: Vec<Value>, context: &Context) -> Result<(), CliError> {
    let records: Vec<Record> = typed(Value::Array(records))?;
    let mut text = String::new();
    for Record { seq, entry, .. } in records {
        let details = entry.details.to_string();
        let fields = [
            seq.to_string(),
            entry.timestamp.to_string(),
            entry.user,
            entry.action,
            entry.resource,
            entry.namespace,
            details,
            u8::from(entry.success).to_string(),
            entry.error_msg,
        ];
        text.push_str(&fields.map(|field| quoted(&field)).join(","));
        text.push_str("\r\n");
    }
    context.terminal.data(&text)
}

fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_field_with_a_comma_or_a_quote_is_quoted() {
        assert_eq!(quoted("plain"), "plain");
        assert_eq!(quoted(r#"a "b", c"#), r#""a ""b"", c""#);
        assert_eq!(quoted("two\nlines"), "\"two\nlines\"");
    }
}
