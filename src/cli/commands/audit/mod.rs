//! `orderly audit`.

mod export;
mod query;
mod verify;

pub(in crate::cli) use verify::{verify, words};

use crate::cli::{
    context::Context,
    exit::{Answer, CliError},
};
use std::path::PathBuf;

/// Look through the audit log, check that nobody has changed it, or write it to a file
#[derive(Debug, clap::Args)]
#[command(long_about = LONG)]
pub(in crate::cli) struct Arguments {
    #[command(subcommand)]
    what: What,
}

impl Arguments {
    /// Whether what is asked for can be written a record at a time.
    pub(in crate::cli) fn lists(&self) -> bool {
        matches!(self.what, What::Query(_))
    }
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Query(query::Arguments),
    Verify(verify::Arguments),
    Export(export::Arguments),
}

const LONG: &str = "\
The audit log says of every decision and every action when, by whom, what, to what, and how it went. Each record is tied to the one \
before with a key, so that nobody without the key can change, insert or remove one unseen.

`audit query` looks through it, `audit verify` checks it, `audit export` writes it to a file that can be checked by itself.

Example:
  orderly audit query --failed --since 24h
  orderly audit query --action delete --user anna@example.com
  orderly audit verify";

/// Looks through it, checks it, or writes it to a file.
pub(in crate::cli) async fn audit(arguments: Arguments, context: &Context) -> Answer {
    match arguments.what {
        What::Query(arguments) => query::query(&arguments, context).await,
        What::Verify(arguments) => verify::check(arguments, context).await,
        What::Export(arguments) => export::export(arguments, context).await,
    }
}

/// A time that was named: a length of time before now, or a moment.
fn moment(text: Option<&str>, context: &Context) -> Result<Option<jiff::Timestamp>, CliError> {
    text.map(|text| crate::cli::times::parse_since(text, context.now(), &context.zone))
        .transpose()
        .map_err(CliError::Usage)
}

/// A file that was named, or standard input or output.
fn named(path: &std::path::Path) -> Option<PathBuf> {
    (path.as_os_str() != "-").then(|| path.to_owned())
}
