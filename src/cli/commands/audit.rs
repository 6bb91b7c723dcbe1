//! `orderly audit`.

use crate::{
    cli::{
        answers::Verified,
        client::{Address, Page, typed},
        context::{Context, kept},
        exit::{Answer, CliError, Exit},
        rows,
        table::{Cell, Table},
        terminal::Style,
        times,
        values::how_many,
    },
    daemon::state,
    domain::audit::{Entry, Record},
    history::{AuditVerdict, History, Options},
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// So many characters of a resource and of an outcome are shown; JSON has all.
const LONGEST_RESOURCE: usize = 60;
const LONGEST_OUTCOME: usize = 120;
/// Where the details of a record hold words for people.
const WORDS: [&str; 4] = ["/detail", "/more/summary", "/reason", "/comment"];

/// List the audit log, newest first; or check that nobody has changed it
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
    /// Only what did not go well
    #[arg(long)]
    failed: bool,
    /// By this person, or `schedule`, `webhook`, `system`
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// What was done, as `step.started`; with a dot at the end everything that begins so, as `approval.`
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// To what, as `runbook/nightly-backup`
    #[arg(long, value_name = "RESOURCE")]
    resource: Option<String>,
    /// Not older than this: a length of time (24h) or a time
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// At most so many, up to 1000
    #[arg(long, short = 'n', default_value_t = 50, value_name = "NUMBER", value_parser = how_many())]
    limit: u64,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Check that nobody has changed the log
    #[command(long_about = VERIFY)]
    Verify {
        /// Read this database instead of asking an agent; `history.db` in the state folder where none is named
        #[arg(long, value_name = "FILE", num_args = 0..=1)]
        #[expect(
            clippy::option_option,
            reason = "not given, given alone, given with a file"
        )]
        database: Option<Option<PathBuf>>,
    },
}

const LONG: &str = "\
List the audit log, newest first: every decision and every action, when, by whom, what, to what, and how it went. --output json has all \
that is recorded of each. `audit verify` checks that nobody has changed the log.

Example:
  orderly audit --failed --since 24h
  orderly audit --action approval. --user jane
  orderly audit --resource runbook/nightly-backup --output json | jq '.items[].details'
  orderly audit verify";

const VERIFY: &str = "\
Check the whole log against its key and the end that was exported last: edits, gaps and a cut tail are found. A running agent does it, or \
with --database this program, which needs the key in the state folder and nothing else.

Says how many records are good. Exits with 1 where the chain is broken, and with 6 where the database or the key cannot be read.

Example:
  orderly audit verify
  orderly --state-dir /var/lib/orderly audit verify --database
  orderly --state-dir /var/lib/orderly audit verify --database /backup/history.db";

/// Lists or checks.
pub(in crate::cli) async fn audit(arguments: Arguments, context: &Context) -> Answer {
    match arguments.what {
        None => list(&arguments.list, context).await,
        Some(What::Verify { database: None }) => ask_to_verify(context).await,
        Some(What::Verify {
            database: Some(named),
        }) => verify_database(named, context).await,
    }
}

async fn list(list: &List, context: &Context) -> Answer {
    let since = list
        .since
        .as_deref()
        .map(|text| times::parse_since(text, context.now(), &context.zone))
        .transpose()
        .map_err(CliError::Usage)?;
    let address = Address::api(&["audit"])
        .with("failed", list.failed.then_some(true))
        .with("user", list.user.as_ref())
        .with("action", list.action.as_ref())
        .with("resource", list.resource.as_ref())
        .with("since", since)
        .with("limit", Some(list.limit));
    let answer = context.client()?.get(&address).await?;
    if context.terminal.wants_json() {
        context.terminal.json(&answer)?;
        return Ok(Exit::Done);
    }
    let page: Page<Record> = typed(answer)?;
    context
        .terminal
        .table(&table(context, &page.items), "no such records")?;
    Ok(Exit::Done)
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

async fn ask_to_verify(context: &Context) -> Answer {
    let address = Address::api(&["audit", "verify"]);
    let answer = context.client()?.patient().get(&address).await?;
    let verified: Verified = typed(answer.clone())?;
    tell(&verified, &answer, context)
}

async fn verify_database(named: Option<PathBuf>, context: &Context) -> Answer {
    let state = context.config()?.config.state_dir;
    let path = named.unwrap_or_else(|| state.join("history.db"));
    let verdict = verify(&path, &state).await?;
    let (verified, answer) = match verdict {
        AuditVerdict::Whole { head } => {
            let answer = json!({"ok": true, "good": head.seq, "head": head, "broken": null});
            (
                Verified {
                    ok: true,
                    good: head.seq,
                    broken: None,
                },
                answer,
            )
        }
        AuditVerdict::Broken { good, broken } => {
            let broken = broken.to_string();
            let answer = json!({"ok": false, "good": good, "head": null, "broken": broken});
            (
                Verified {
                    ok: false,
                    good,
                    broken: Some(broken),
                },
                answer,
            )
        }
    };
    tell(&verified, &answer, context)
}

/// Checks the log of a database that an agent may be writing to.
pub(in crate::cli) async fn verify(path: &Path, state: &Path) -> Result<AuditVerdict, CliError> {
    let way_out = "name the agent's state folder with --state-dir";
    kept(state, "audit.key", "key of the audit log", way_out)?;
    let options = Options {
        path: path.to_owned(),
        key: state::audit_key(state)?,
    };
    let history = History::open_read_only(options)?;
    let head = history.exported_audit_head()?;
    Ok(history.verify_audit(head).await?)
}

fn tell(verified: &Verified, answer: &Value, context: &Context) -> Answer {
    let exit = if verified.ok {
        Exit::Done
    } else {
        Exit::Failed
    };
    if context.terminal.wants_json() {
        context.terminal.json(answer)?;
        return Ok(exit);
    }
    let text = match &verified.broken {
        None => {
            let whole = context.terminal.paint(Style::Good, "whole");
            format!(
                "the audit log is {whole}: {} records, none changed and none missing",
                verified.good
            )
        }
        Some(broken) => {
            let word = context.terminal.paint(Style::Bad, "broken");
            format!(
                "the audit log is {word} after {} good records: {}",
                verified.good,
                crate::http::visible::line(broken)
            )
        }
    };
    context.terminal.line(&text)?;
    Ok(exit)
}

/// Words for a verdict, for `doctor`.
pub(in crate::cli) fn words(verdict: &AuditVerdict) -> Result<String, String> {
    match verdict {
        AuditVerdict::Whole { head } => Ok(format!(
            "whole, {} records{}",
            head.seq,
            rows::comma_at(head.at)
        )),
        AuditVerdict::Broken { good, broken } => {
            Err(format!("broken after {good} good records: {broken}"))
        }
    }
}
