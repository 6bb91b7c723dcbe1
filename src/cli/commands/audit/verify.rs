//! `orderly audit verify`.

use super::named;
use crate::{
    cli::{
        answers::Verified,
        client::{Address, typed},
        context::{Context, kept},
        exit::{Answer, CliError, Exit},
        rows,
        terminal::Style,
    },
    config::Config,
    daemon::state,
    history::{AuditHead, AuditVerdict, FileError, History, InvalidHead, Options, verify_file},
};
use serde_json::{Value, json};
use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

/// Check that nobody has changed the log
#[derive(Debug, clap::Args)]
#[command(long_about = LONG)]
pub(super) struct Arguments {
    /// Check this export instead of the log; `-` for standard input
    #[arg(value_name = "FILE", conflicts_with_all = ["database", "head"])]
    file: Option<PathBuf>,
    /// Read this database instead of asking an agent; `history.db` in the state folder where none is named
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    #[expect(
        clippy::option_option,
        reason = "not given, given alone, given with a file"
    )]
    database: Option<Option<PathBuf>>,
    /// Hold the log against this head too: a file of heads (`audit.head`), or one as the agent's log tells it (`4711:9f86d0…`)
    #[arg(long, value_name = "FILE|HEAD")]
    head: Option<String>,
}

const LONG: &str = "\
Check the whole log against its key and the end that was exported last: an edited byte, a missing record, a cut tail, another key and an \
older database that was put back are found, and so is a changed archive, where it still lies at the place it was put. A running agent does it, or with --database this program, which needs the key in the state \
folder and nothing else.

Whoever can write the state folder can put an older one back, whole. Only a head that was kept elsewhere finds that: `audit.head` in the \
configuration names a file for it, which counts without --head, too, where it can be read from here; and the agent's own log tells it every hour.

Says how many records are good. Exits with 1 where the chain is broken, and with 6 where the database or the key cannot be read.

Example:
  orderly audit verify
  orderly audit verify --head /mnt/elsewhere/orderly.heads
  orderly --state-dir /var/lib/orderly audit verify --database --head 4711:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
  orderly --state-dir /var/lib/orderly audit verify --database /backup/history.db
  orderly --state-dir /var/lib/orderly audit verify /backup/audit-2026-11-21.jsonl.zst";

/// So many heads are held against the log at once: a request has an end.
const MOST_HEADS: usize = 5000;

/// Checks the log, or a file.
pub(super) async fn check(arguments: Arguments, context: &Context) -> Answer {
    if let Some(file) = &arguments.file {
        return check_file(file, context);
    }
    let heads = match arguments.head.as_deref() {
        Some(named) => heads(named)?,
        None => configured(&context.config()?.config)?,
    };
    match arguments.database {
        None => ask(heads, context).await,
        Some(path) => check_database(path, heads, context).await,
    }
}

/// What the file of heads holds that the configuration names, where it can be read from here.
fn configured(config: &Config) -> Result<Vec<AuditHead>, CliError> {
    match &config.audit.head {
        Some(file) if file.exists() => Ok(History::read_audit_heads(file)?),
        Some(_) | None => Ok(Vec::new()),
    }
}

/// What `--head` names: a value, or the lines of a file.
fn heads(text: &str) -> Result<Vec<AuditHead>, CliError> {
    if let Ok(head) = text.parse() {
        return Ok(vec![head]);
    }
    let is_meant = text.split_once(':').is_some_and(|(number, _)| {
        !number.is_empty() && number.bytes().all(|c| c.is_ascii_digit())
    });
    if is_meant && !Path::new(text).exists() {
        return Err(CliError::Usage(format!(
            "`{text}` is no head: {InvalidHead}\nhint: the agent's log tells it at its start, every hour and on stop as `head` of the line `audit head`"
        )));
    }
    let heads = History::read_audit_heads(Path::new(text))?;
    if heads.is_empty() {
        return Err(CliError::Failed(format!("there is no head in {text}")));
    }
    Ok(heads)
}

/// Every head counts: a log that was put back and went on since may have come as far as the last one.
async fn ask(heads: Vec<AuditHead>, context: &Context) -> Answer {
    let address = Address::api(&["audit", "verify"]);
    let client = context.client()?.patient();
    let mut rest = heads.chunks(MOST_HEADS);
    let mut now = rest.next().unwrap_or_default();
    loop {
        let heads: Vec<String> = now.iter().map(ToString::to_string).collect();
        let answer = client.post(&address, &json!({ "heads": heads })).await?;
        let verified: Verified = typed(answer.clone())?;
        match rest.next().filter(|_| verified.ok) {
            Some(next) => now = next,
            None => return tell(&verified, &answer, context),
        }
    }
}

async fn check_database(path: Option<PathBuf>, heads: Vec<AuditHead>, context: &Context) -> Answer {
    let (history, _) = opened(path, context)?;
    let verdict = verdict(&history, heads).await?;
    let verified = Verified::of(&verdict);
    let answer = match &verdict {
        AuditVerdict::Whole {
            head,
            archived,
            away,
        } => {
            json!({"ok": true, "good": head.seq, "archived": archived, "away": away, "head": head, "broken": null, "hint": null})
        }
        AuditVerdict::Broken { good, broken } => {
            json!({"ok": false, "good": good, "archived": null, "away": [], "head": null, "broken": broken.to_string(), "hint": broken.hint()})
        }
    };
    tell(&verified, &answer, context)
}

/// A history that an agent may be writing to, and the key of its audit log.
pub(super) fn opened(
    named: Option<PathBuf>,
    context: &Context,
) -> Result<(History, Vec<u8>), CliError> {
    let state = context.config()?.config.state_dir;
    let path = named.unwrap_or_else(|| state.join("history.db"));
    let key = key(&state)?;
    let options = Options {
        path,
        key: key.clone(),
    };
    Ok((History::open_read_only(options)?, key))
}

fn key(state: &Path) -> Result<Vec<u8>, CliError> {
    let way_out = "name the agent's state folder with --state-dir";
    kept(state, "audit.key", "key of the audit log", way_out)?;
    Ok(state::audit_key(state)?)
}

async fn verdict(history: &History, heads: Vec<AuditHead>) -> Result<AuditVerdict, CliError> {
    let beside = history.exported_audit_head()?;
    Ok(history
        .verify_audit(beside.into_iter().chain(heads))
        .await?)
}

/// Checks the log of a database that an agent may be writing to.
pub(in crate::cli) async fn verify(path: &Path, config: &Config) -> Result<AuditVerdict, CliError> {
    let options = Options {
        path: path.to_owned(),
        key: key(&config.state_dir)?,
    };
    verdict(&History::open_read_only(options)?, configured(config)?).await
}

fn check_file(path: &Path, context: &Context) -> Answer {
    let key = key(&context.config()?.config.state_dir)?;
    let file: Box<dyn Read> = match named(path) {
        None => Box::new(std::io::stdin()),
        Some(path) => Box::new(File::open(&path).map_err(|source| CliError::Unreadable {
            doing: "opening",
            path,
            source,
        })?),
    };
    let (answer, text, exit) = match verify_file(file, &key) {
        Ok(span) => {
            let whole = context.terminal.paint(Style::Good, "whole");
            let text = format!(
                "the file is {whole}: records {} to {}, none changed and none missing",
                span.first, span.last
            );
            let answer = json!({"ok": true, "first": span.first, "last": span.last, "before": span.before, "chain": span.chain, "broken": null});
            (answer, text, Exit::Done)
        }
        Err(FileError::Io(source)) => {
            return Err(CliError::Unreadable {
                doing: "reading",
                path: path.to_owned(),
                source,
            });
        }
        Err(error) => {
            let word = context.terminal.paint(Style::Bad, "broken");
            let broken = crate::http::visible::line(&error.to_string());
            let text = format!("the file is {word}: {broken}");
            (json!({"ok": false, "broken": broken}), text, Exit::Failed)
        }
    };
    if context.terminal.wants_json() {
        context.terminal.json(&answer)?;
    } else {
        context.terminal.line(&text)?;
    }
    Ok(exit)
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
                "the audit log is {whole}: {} records, none changed and none missing{}",
                verified.good,
                of_archives(verified)
            )
        }
        Some(broken) => {
            let word = context.terminal.paint(Style::Bad, "broken");
            let hint = match &verified.hint {
                Some(hint) => format!("\nhint: {}", crate::http::visible::line(hint)),
                None => String::new(),
            };
            format!(
                "the audit log is {word} after {} good records: {}{hint}",
                verified.good,
                crate::http::visible::line(broken)
            )
        }
    };
    context.terminal.line(&text)?;
    Ok(exit)
}

/// What is said of records that were moved to files.
fn of_archives(verified: &Verified) -> String {
    let last = match verified.archived.unwrap_or(0) {
        0 => return String::new(),
        last => last,
    };
    if verified.away.is_empty() {
        return format!("; those up to {last} lie in archives, which are whole, too");
    }
    let mut text = format!(
        "; those up to {last} lie in archives, of which these were NOT checked, since they cannot be read where they were put:"
    );
    for path in &verified.away {
        text.push_str("\n  ");
        text.push_str(&crate::http::visible::line(path));
    }
    text.push_str("\nhint: `orderly audit verify FILE` checks one wherever it lies now");
    text
}

impl Verified {
    fn of(verdict: &AuditVerdict) -> Self {
        match verdict {
            AuditVerdict::Whole {
                head,
                archived,
                away,
            } => Self {
                ok: true,
                good: head.seq,
                archived: Some(*archived),
                away: away.iter().map(|path| path.display().to_string()).collect(),
                broken: None,
                hint: None,
            },
            AuditVerdict::Broken { good, broken } => Self {
                ok: false,
                good: *good,
                archived: None,
                away: Vec::new(),
                broken: Some(broken.to_string()),
                hint: Some(broken.hint().to_owned()),
            },
        }
    }
}

/// Words for a verdict, for `doctor`.
pub(in crate::cli) fn words(verdict: &AuditVerdict) -> Result<String, String> {
    match verdict {
        AuditVerdict::Whole { head, .. } => Ok(format!(
            "whole, {} records{}",
            head.seq,
            rows::comma_at(head.at)
        )),
        AuditVerdict::Broken { good, broken } => Err(format!(
            "broken after {good} good records: {broken}; {}",
            broken.hint()
        )),
    }
}
