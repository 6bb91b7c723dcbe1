//! `orderly db`.

use crate::{
    cli::{
        commands::doctor::inside::size,
        context::{Context, kept},
        exit::{Answer, CliError, Exit},
        rows,
        table::{Cell, Table},
        terminal::Style,
    },
    daemon::state,
    domain::{audit::Entry, span::Span},
    history::{self, History, Migrated, Options, SchemaState, SchemaStatus, Stats, Write},
};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Look after the history's database
#[derive(Debug, clap::Args)]
#[command(long_about = LONG)]
pub(in crate::cli) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Show its size, its tables and its schema
    #[command(long_about = STATUS)]
    Status,
    /// Take its schema to the newest, or to another
    #[command(long_about = MIGRATE)]
    Migrate {
        /// Only show where it stands
        #[arg(long, conflicts_with_all = ["to", "rollback"])]
        status: bool,
        /// To this schema; back, too
        #[arg(long, value_name = "NUMBER", conflicts_with = "rollback")]
        to: Option<u32>,
        /// One schema back
        #[arg(long)]
        rollback: bool,
    },
    /// Read everything and say whether it is whole
    #[command(long_about = CHECK)]
    Check,
    /// Write it anew without the room that removed records left; needs as much disk again
    #[command(long_about = VACUUM)]
    Vacuum,
    /// Remove old ended runs, as the agent does by itself
    #[command(long_about = PRUNE)]
    Prune {
        /// Runs that ended longer ago than this; `retention.runs` where not given
        #[arg(long, value_name = "LENGTH")]
        older_than: Option<Span>,
        /// Of each runbook, the newest so many stay
        #[arg(long, default_value_t = 20, value_name = "NUMBER")]
        keep: u32,
    },
}

const LONG: &str = "\
Look after the history's database in the state folder. The agent migrates it by itself at its start, after making a copy, and removes old \
runs; these commands are for the rest. Those that change something are refused while an agent uses the database.

Exits with 6 where there is no database, where it cannot be used, or where an agent uses it.

Example:
  orderly db status
  orderly db migrate --status
  orderly db check
  orderly --state-dir /var/lib/orderly db prune --older-than 30d";

const STATUS: &str = "\
Show the database's size, how much of it is free inside, its schema, and how many rows each table has. An agent may be using it.

Example:
  orderly db status
  orderly db status --output json | jq .stats.bytes";

const MIGRATE: &str = "\
Take the database's schema to the newest that this program knows, or to another, also back: for an older program. A copy of the database \
is made first, and named. An agent does the former by itself at its start.

Exits with 6 where an agent uses it, or there is no such schema.

Example:
  orderly db migrate --status
  orderly db migrate
  orderly db migrate --rollback";

const CHECK: &str = "\
Read the whole database and say whether it is whole, or every problem that is found. An agent may be using it. The audit log's chain is \
checked by `orderly audit verify`.

Exits with 1 where there is a problem.

Example:
  orderly db check";

const VACUUM: &str = "\
Write the database anew without the room that removed records left, and give that back to the file system. Meanwhile as much disk again is \
needed. Refused while an agent uses it.

Example:
  orderly db prune --older-than 30d
  orderly db vacuum";

const PRUNE: &str = "\
Remove runs that ended long ago, with their steps and events, as the agent does by itself every hour by `retention.runs`. The newest runs \
of each runbook stay, and the audit log stays whole. Refused while an agent uses it.

Prints what was removed.

Example:
  orderly --state-dir /var/lib/orderly db prune --older-than 30d --keep 50";

/// Looks after the database.
pub(in crate::cli) async fn db(arguments: Arguments, context: &Context) -> Answer {
    let config = context.config()?.config;
    let way_out = "`orderly serve` makes one; --state-dir names another folder";
    let path = kept(&config.state_dir, "history.db", "history", way_out)?;
    match arguments.what {
        What::Status => status(&path, context).await,
        What::Migrate { status: true, .. } => show_schema(&history::schema_status(&path)?, context),
        What::Migrate { rollback, to, .. } => {
            let status = history::schema_status(&path)?;
            let wanted = match to {
                Some(to) => to,
                None if rollback => status.found.saturating_sub(1),
                None => status.known,
            };
            migrate(&config.state_dir, path, &status, wanted, context).await
        }
        What::Check => check(path, context).await,
        What::Vacuum => vacuum(&config.state_dir, path, context).await,
        What::Prune { older_than, keep } => {
            let older_than = older_than.unwrap_or(config.retention.runs);
            prune(&config.state_dir, path, (older_than, keep), context).await
        }
    }
}

fn for_reading(path: &Path) -> Result<History, CliError> {
    Ok(History::open_read_only(Options {
        path: path.to_owned(),
        key: Vec::new(),
    })?)
}

fn for_writing(state: &Path, path: PathBuf) -> Result<History, CliError> {
    let key = state::audit_key(state)?;
    Ok(History::open(Options { path, key })?)
}

async fn status(path: &Path, context: &Context) -> Answer {
    let schema = history::schema_status(path)?;
    let stats = for_reading(path)?.stats().await?;
    if context.terminal.wants_json() {
        context
            .terminal
            .json(&json!({"stats": stats, "schema": schema}))?;
        return Ok(Exit::Done);
    }
    let mut text = facts(&stats, &schema).render(context.terminal.colours_data());
    let mut tables = Table::new(&["TABLE", "ROWS"]);
    for table in &stats.tables {
        tables.row([table.name.as_str().into(), table.rows.to_string().into()]);
    }
    text.push('\n');
    text.push_str(&tables.render(context.terminal.colours_data()));
    context.terminal.data(&text)?;
    Ok(Exit::Done)
}

fn facts(stats: &Stats, schema: &SchemaStatus) -> Table {
    let mut table = Table::headless();
    let free = stats.free_pages.saturating_mul(stats.page_bytes);
    table.pair("file", stats.path.display().to_string());
    table.pair(
        "size",
        format!(
            "{}, and {} in its log",
            size(stats.bytes),
            size(stats.log_bytes)
        ),
    );
    table.pair(
        "free inside",
        format!("{}; `orderly db vacuum` gives it back", size(free)),
    );
    table.pair("schema", format!("{} of {}", schema.found, schema.known));
    table
}

fn show_schema(status: &SchemaStatus, context: &Context) -> Answer {
    if context.terminal.wants_json() {
        context.terminal.json(status)?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["SCHEMA", "BRINGS", "STATE"]);
    for step in &status.steps {
        let state = match step.state {
            SchemaState::Applied => Cell::styled("applied", Style::Good),
            SchemaState::Pending => Cell::styled("comes with the next start", Style::Warn),
        };
        table.row([step.version.to_string().into(), step.name.into(), state]);
    }
    context.terminal.table(&table, "there are no schemas")?;
    if status.found > status.known {
        context.terminal.say(&format!(
            "the database has schema {}, which this orderly does not know",
            status.found
        ));
    }
    Ok(Exit::Done)
}

/// A schema that this program does not work on cannot take a record: a way back is recorded before it is gone.
async fn migrate(
    state: &Path,
    path: PathBuf,
    status: &SchemaStatus,
    wanted: u32,
    context: &Context,
) -> Answer {
    let (found, known) = (status.found, status.known);
    let about = json!({"from": found, "to": wanted});
    let is_back = found == known && wanted < known;
    if is_back {
        record(state, &path, context, "history.migrated", about.clone()).await?;
    }
    let migrated = history::migrate_to(&path, wanted);
    let migrated = match migrated {
        Ok(migrated) => migrated,
        Err(error) => {
            if is_back {
                let entry = entry(context, "history.migrated").with(about);
                let failed = entry.failed(error.to_string());
                write(for_writing(state, path)?, failed).await?;
            }
            return Err(error.into());
        }
    };
    if migrated.to == known && migrated.from != known {
        let about = json!({"from": migrated.from, "to": migrated.to, "copy": migrated.backup});
        record(state, &path, context, "history.migrated", about).await?;
    } else if !is_back && migrated.from != migrated.to {
        context.terminal.say(
            "this is not in the audit log: this program cannot write to a history of that schema",
        );
    }
    tell_migrated(&migrated, context)
}

fn entry(context: &Context, action: &str) -> Entry {
    Entry::new(context.now(), "command line", action, "agent")
}

/// What people do to the database by hand is in its audit log.
async fn record(
    state: &Path,
    path: &Path,
    context: &Context,
    action: &str,
    details: serde_json::Value,
) -> Result<(), CliError> {
    let history = for_writing(state, path.to_owned())?;
    write(history, entry(context, action).with(details)).await
}

async fn write(history: History, entry: Entry) -> Result<(), CliError> {
    let written = history.write(vec![Write::Audit(entry)]).await;
    written.map_err(|error| CliError::Failed(error.to_string()))?;
    Ok(history.close().await?)
}

fn tell_migrated(migrated: &Migrated, context: &Context) -> Answer {
    if context.terminal.wants_json() {
        context.terminal.json(migrated)?;
        return Ok(Exit::Done);
    }
    let text = if migrated.from == migrated.to {
        format!("schema {} already; nothing was changed", migrated.to)
    } else {
        format!("from schema {} to {}", migrated.from, migrated.to)
    };
    context.terminal.line(&text)?;
    if let Some(copy) = &migrated.backup {
        context.terminal.say(&format!(
            "a copy of the database as it was is {}",
            copy.display()
        ));
    }
    Ok(Exit::Done)
}

async fn check(path: PathBuf, context: &Context) -> Answer {
    let problems = for_reading(&path)?.check().await?;
    let exit = if problems.is_empty() {
        Exit::Done
    } else {
        Exit::Failed
    };
    if context.terminal.wants_json() {
        context
            .terminal
            .json(&json!({"ok": problems.is_empty(), "problems": problems}))?;
        return Ok(exit);
    }
    if problems.is_empty() {
        context
            .terminal
            .line(&format!("{} is whole", path.display()))?;
    }
    for problem in &problems {
        context.terminal.line(rows::first_line(problem))?;
    }
    Ok(exit)
}

async fn vacuum(state: &Path, path: PathBuf, context: &Context) -> Answer {
    let history = for_writing(state, path)?;
    let before = history.stats().await?.bytes;
    history.vacuum().await?;
    let after = history.stats().await?.bytes;
    let about = json!({"before_bytes": before, "after_bytes": after});
    write(history, entry(context, "history.vacuumed").with(about)).await?;
    if context.terminal.wants_json() {
        context
            .terminal
            .json(&json!({"before_bytes": before, "after_bytes": after}))?;
    } else {
        context
            .terminal
            .line(&format!("from {} to {}", size(before), size(after)))?;
    }
    Ok(Exit::Done)
}

async fn prune(
    state: &Path,
    path: PathBuf,
    (older_than, keep): (Span, u32),
    context: &Context,
) -> Answer {
    let before = context
        .now()
        .saturating_sub(older_than.signed())
        .unwrap_or(jiff::Timestamp::MIN);
    let history = for_writing(state, path)?;
    let pruned = history.prune_runs(before, keep).await?;
    let about = json!({"before": before, "keep": keep, "pruned": pruned});
    write(history, entry(context, "history.pruned").with(about)).await?;
    if context.terminal.wants_json() {
        context.terminal.json(&pruned)?;
    } else {
        context.terminal.line(&format!(
            "removed {} runs, {} records of what did not run, and {} others that ended more than {older_than} ago",
            pruned.runs, pruned.skipped, pruned.others
        ))?;
    }
    Ok(Exit::Done)
}
