//! `orderly audit export`.

use super::{moment, named, verify::opened};
use crate::{
    cli::{
        context::Context,
        exit::{Answer, CliError, Exit},
    },
    history::{FileError, Form, verify_file},
};
use serde_json::json;
use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// Write records to a file that can be checked by itself
#[derive(Debug, clap::Args)]
#[command(long_about = LONG)]
pub(super) struct Arguments {
    /// Not older than this: a length of time (24h) or a time
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Older than this: a length of time (24h) or a time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// The new file, `….jsonl`, `….jsonl.zst` or `….jsonl.gz`; `-` for standard output
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Read this database; `history.db` in the state folder where none is named
    #[arg(long, value_name = "FILE")]
    database: Option<PathBuf>,
}

const LONG: &str = "\
Write records to a file of JSON Lines, compressed with zstd or gzip where the name ends with `.zst` or `.gz`. An agent may be running. The file begins with \
where its chain begins and ends with a seal, so that `audit verify FILE` finds every change of it with nothing but the key.

It is run where the state folder is; elsewhere, `GET /api/v1/audit/export?form=gz` of a running agent gives the same. Every record is checked while it is written, and the file is read again at the end.

Example:
  orderly --state-dir /var/lib/orderly audit export --since 24h --out /backup/audit-2026-11-21.jsonl.zst
  orderly --state-dir /var/lib/orderly audit export --out - | xz | aws s3 cp - s3://bucket/audit.jsonl.xz
  orderly --state-dir /var/lib/orderly audit verify /backup/audit-2026-11-21.jsonl.zst";

/// Writes, syncs, reads again.
pub(super) async fn export(arguments: Arguments, context: &Context) -> Answer {
    let (history, key) = opened(arguments.database, context)?;
    let since = moment(arguments.since.as_deref(), context)?;
    let until = moment(arguments.until.as_deref(), context)?;
    let Some(path) = named(&arguments.out) else {
        let out = Box::new(std::io::stdout());
        let written = history.export_audit(since, until, Form::Plain, out).await;
        written.map_err(|error| failed(&error))?;
        return Ok(Exit::Done);
    };
    let (form, partial) = (form(&path)?, partial(&path)?);
    let out = create(&partial)?;
    let file = out
        .try_clone()
        .map_err(|error| unwritten(&partial, &error))?;
    let written = history
        .export_audit(since, until, form, Box::new(out))
        .await;
    let span = written
        .and_then(|span| {
            file.sync_all()?;
            let again = verify_file(File::open(&partial)?, &key)?;
            if again != span {
                return Err(FileError::Seal);
            }
            fs::rename(&partial, &path)?;
            Ok(span)
        })
        .map_err(|error| {
            // What is left is not what was asked for; that it cannot be removed does not matter more.
            drop(fs::remove_file(&partial));
            failed(&error)
        })?;
    let shown = path.display();
    if context.terminal.wants_json() {
        context
            .terminal
            .json(&json!({"file": path, "first": span.first, "last": span.last, "before": span.before, "chain": span.chain}))?;
    } else {
        let (first, last) = (span.first, span.last);
        context
            .terminal
            .line(&format!("records {first} to {last} are in {shown}"))?;
    }
    Ok(Exit::Done)
}

fn form(path: &Path) -> Result<Form, CliError> {
    Form::of(path).ok_or_else(|| {
        CliError::Usage(format!(
            "{}: nothing is written in the form that this name promises\nhint: end it with .jsonl, .jsonl.zst or .jsonl.gz",
            path.display()
        ))
    })
}

fn partial(path: &Path) -> Result<PathBuf, CliError> {
    if path.exists() {
        return Err(CliError::Usage(format!(
            "{} is there already\nhint: name a new file",
            path.display()
        )));
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    Ok(PathBuf::from(name))
}

fn create(path: &Path) -> Result<File, CliError> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| unwritten(path, &error))
}

fn unwritten(path: &Path, error: &std::io::Error) -> CliError {
    CliError::Failed(format!("{} cannot be written: {error}", path.display()))
}

fn failed(error: &FileError) -> CliError {
    CliError::Failed(match error {
        FileError::Broken(broken) => format!(
            "the audit log is not whole, so it was not exported: {broken}\nhint: {}",
            broken.hint()
        ),
        other => format!("the export failed: {other}"),
    })
}
