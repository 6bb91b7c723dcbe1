//! `orderly validate`.

pub(super) mod find;
mod repository;

use crate::{
    cli::{
        context::Context,
        exit::{Answer, CliError, Exit},
    },
    config::Config,
    daemon::wiring,
    domain::{name::ActionName, strangers::stranger},
    ports::executor::ActionCatalogue as _,
    runbooks::{Beside, Counts, Declared, ReportFormat, ValidationReport, render, validate_tree},
};
use find::{Found, find};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// Check runbooks, and tell every problem at its place
#[derive(Debug, clap::Args)]
#[command(long_about = LONG)]
pub(in crate::cli) struct Arguments {
    /// Files and folders; `-` is standard input. `runbooks` where it is there, else the working directory
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// How problems are written
    #[arg(long, value_enum, value_name = "FORM")]
    format: Option<Format>,
    /// Exit with 1 for warnings too
    #[arg(long)]
    strict: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    /// For people
    Text,
    /// A JSON array
    Json,
    /// Annotations of a pull request on GitHub
    Github,
    /// SARIF 2.1.0
    Sarif,
}

const LONG: &str = "\
Check runbooks, environments, calendars and policies, each alone and all together, and tell every problem at once: its place, the line, \
what is wrong, and a hint. Folders are searched as the agent does: *.yaml and *.yml, but nothing that begins with a dot or is a symbolic link.

Where --config names the agent's configuration, the secrets, channels, webhooks, clusters and stores that runbooks name are looked up in it, and so is who artifacts are encrypted for. Files \
of the repository that steps name are looked for from its top on, the folder that has .git.

Prints the problems, and a count of what was looked at to standard error. Exits with 0 where all is well or there are only warnings, with \
1 where there are errors, and with 2 where a path cannot be read.

Example:
  orderly validate
  orderly validate runbooks/ops --format github
  helm template x | orderly validate -";

/// Checks what is named.
pub(in crate::cli) fn validate(arguments: &Arguments, context: &Context) -> Answer {
    // Somebody who names the configuration means it; one that happens to lie here may be another agent's.
    let config = match context.globals.config {
        Some(_) => Some(context.config()?.config),
        None => None,
    };
    let declared = config.as_ref().map(declared);
    let named = paths(&arguments.paths);
    let found = find(&named)?;
    for folder in &found.empty {
        let text = format!(
            "warning: there is no *.yaml or *.yml in {}",
            folder.display()
        );
        context.terminal.say(&crate::http::visible::line(&text));
    }
    let is_all = named.iter().all(|path| path.is_dir());
    let mut report = check(found, declared.as_ref());
    if let Some(config) = config.filter(|_| is_all) {
        for warning in strangers(&config, &report.runbooks) {
            report.counts.warnings += 1;
            for line in format!("warning: {warning}").lines() {
                context.terminal.say(&crate::http::visible::line(line));
            }
        }
    }
    tell(&report, arguments.format(context), context)?;
    let warned = arguments.strict && report.counts.warnings > 0;
    Ok(if report.counts.errors > 0 || warned {
        Exit::Failed
    } else {
        Exit::Done
    })
}

fn check(found: Found, declared: Option<&Declared>) -> ValidationReport {
    let files = found.files.into_iter().map(|(path, kind)| {
        let name = if path == Path::new("-") {
            "<stdin>".into()
        } else {
            path.to_string_lossy()
        };
        (name.into_owned(), kind.read(&path))
    });
    let catalogue = wiring::catalogue();
    let seals = |action: &ActionName, arguments: &Value| catalogue.seals(action, arguments);
    let beside = Beside {
        declared,
        lacks: Some(&repository::lacks),
        seals: Some(&seals),
    };
    validate_tree(files, &catalogue, beside)
}

fn declared(config: &Config) -> Declared {
    Declared {
        secrets: names(config.secrets.keys()),
        channels: names(config.channels.keys()),
        webhooks: names(config.webhooks.keys()),
        clusters: names(config.clusters.keys()),
        stores: names(config.artifacts.stores.keys()),
        recipients: !config.artifacts.recipients.is_empty(),
    }
}

/// Accounts in clusters for runbooks that are not there. Where only some files are looked at, nobody knows.
pub(in crate::cli) fn strangers(config: &Config, known: &BTreeSet<String>) -> Vec<String> {
    let accounts = config.clusters.iter().flat_map(|(cluster, known)| {
        let runbooks = known.accounts.keys();
        runbooks.map(move |runbook| (cluster, runbook))
    });
    accounts
        .filter(|(_, runbook)| !known.contains(runbook.as_str()))
        .map(|(cluster, runbook)| stranger(cluster, runbook, known.iter().map(String::as_str)))
        .collect()
}

fn names<'a, N: ToString + 'a>(names: impl Iterator<Item = &'a N>) -> BTreeSet<String> {
    names.map(ToString::to_string).collect()
}

impl Arguments {
    fn format(&self, context: &Context) -> ReportFormat {
        let usual = if context.terminal.wants_json() {
            Format::Json
        } else {
            Format::Text
        };
        match self.format.unwrap_or(usual) {
            Format::Text => ReportFormat::Text,
            Format::Json => ReportFormat::Json,
            Format::Github => ReportFormat::Github,
            Format::Sarif => ReportFormat::Sarif,
        }
    }
}

/// That nobody reads to the end does not change what was found.
fn tell(
    report: &ValidationReport,
    format: ReportFormat,
    context: &Context,
) -> Result<(), CliError> {
    match context.terminal.data(&render(&report.problems, format)) {
        Ok(()) | Err(CliError::Unread) => {}
        Err(other) => return Err(other),
    }
    context.terminal.say(&summary(&report.counts));
    Ok(())
}

fn summary(counts: &Counts) -> String {
    let mut parts = vec![
        count(counts.files, "file"),
        count(counts.runbooks, "runbook"),
    ];
    if counts.others > 0 {
        parts.push(count(counts.others, "other document"));
    }
    parts.push(match counts.errors {
        0 => "no problems".to_owned(),
        errors => count(errors, "problem"),
    });
    if counts.warnings > 0 {
        parts.push(count(counts.warnings, "warning"));
    }
    parts.join(", ")
}

fn count(number: usize, what: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {what}{s}")
}

fn paths(named: &[PathBuf]) -> Vec<PathBuf> {
    if !named.is_empty() {
        return named.to_vec();
    }
    let usual = Path::new("runbooks");
    vec![if usual.is_dir() {
        usual.to_owned()
    } else {
        PathBuf::from(".")
    }]
}

#[cfg(test)]
mod tests {
    use super::summary;
    use crate::runbooks::Counts;

    #[test]
    fn a_summary_counts_what_was_seen() {
        let mut counts = Counts {
            files: 48,
            runbooks: 52,
            others: 0,
            errors: 2,
            warnings: 0,
        };
        assert_eq!(summary(&counts), "48 files, 52 runbooks, 2 problems");
        counts = Counts {
            files: 1,
            others: 1,
            warnings: 1,
            ..Counts::default()
        };
        assert_eq!(
            summary(&counts),
            "1 file, 0 runbooks, 1 other document, no problems, 1 warning"
        );
    }
}
