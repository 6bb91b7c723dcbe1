//! `orderly validate`.

use crate::{
    cli::{
        context::Context,
        exit::{Answer, CliError, Exit},
    },
    daemon::wiring,
    runbooks::{Counts, ReportFormat, ValidationReport, render, validate_tree},
};
use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

/// More files than this are not looked at.
const MOST_FILES: usize = 100_000;
/// Folders are not entered deeper than this.
const DEEPEST: usize = 64;
/// So much of a file is read, in bytes: more than the loader takes, so that it says what is wrong.
const MOST_BYTES: u64 = 1024 * 1024;

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
what is wrong, and a hint. Folders are searched for *.yaml and *.yml; symbolic links in them are not followed, as the agent does not.

Prints the problems, and a count of what was looked at to standard error. Exits with 0 where all is well or there are only warnings, with \
1 where there are errors, and with 2 where a path cannot be read.

Example:
  orderly validate
  orderly validate runbooks/ops --format github
  helm template x | orderly validate -";

/// Checks what is named.
pub(in crate::cli) fn validate(arguments: &Arguments, context: &Context) -> Answer {
    let mut found = Found::default();
    for path in paths(&arguments.paths) {
        found.take(&path)?;
    }
    found.files.sort();
    found.files.dedup();
    for link in &found.links {
        let text = format!(
            "warning: {} is a symbolic link; the agent does not follow it",
            link.display()
        );
        context.terminal.say(&crate::http::visible::line(&text));
    }
    let contents: Vec<(String, Vec<u8>)> = found
        .files
        .iter()
        .map(|path| read(path))
        .collect::<Result<_, _>>()?;
    let report = validate_tree(contents.into_iter(), &wiring::catalogue());
    tell(&report, arguments.format(context), context)?;
    let warned = arguments.strict && report.counts.warnings > 0;
    Ok(if report.counts.errors > 0 || warned {
        Exit::Failed
    } else {
        Exit::Done
    })
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

/// Files to look at, and links that are not followed.
#[derive(Debug, Default)]
struct Found {
    files: Vec<PathBuf>,
    links: Vec<PathBuf>,
}

impl Found {
    /// A path that somebody named: whatever its name, and followed where it is a link.
    fn take(&mut self, path: &Path) -> Result<(), CliError> {
        if path == Path::new("-") {
            self.files.push(path.to_owned());
            return Ok(());
        }
        let kind = path.metadata().map_err(|source| CliError::Unreadable {
            doing: "looking at",
            path: path.to_owned(),
            source,
        })?;
        if kind.is_dir() {
            return self.walk(path, 0);
        }
        self.files.push(path.to_owned());
        Ok(())
    }

    fn walk(&mut self, folder: &Path, depth: usize) -> Result<(), CliError> {
        let failed = |source| CliError::Unreadable {
            doing: "reading the folder",
            path: folder.to_owned(),
            source,
        };
        if depth > DEEPEST {
            return Err(CliError::Failed(format!(
                "{} is nested deeper than {DEEPEST} folders",
                folder.display()
            )));
        }
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let (path, kind) = (entry.path(), entry.file_type().map_err(failed)?);
            if kind.is_dir() && entry.file_name() != ".git" {
                self.walk(&path, depth + 1)?;
            } else if kind.is_symlink() && is_yaml(&path) {
                self.links.push(path);
            } else if kind.is_file() && is_yaml(&path) {
                self.push(&path)?;
            }
        }
        Ok(())
    }

    fn push(&mut self, path: &Path) -> Result<(), CliError> {
        if self.files.len() >= MOST_FILES {
            return Err(CliError::Failed(format!(
                "there are more than {MOST_FILES} files\nhint: name a smaller folder"
            )));
        }
        // Walked from the working directory, a path reads better without its dot.
        let shown = path.strip_prefix("./").unwrap_or(path);
        self.files.push(shown.to_owned());
        Ok(())
    }
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|ending| {
        ending.eq_ignore_ascii_case("yaml") || ending.eq_ignore_ascii_case("yml")
    })
}

fn read(path: &Path) -> Result<(String, Vec<u8>), CliError> {
    let mut bytes = Vec::new();
    let (name, taken) = if path == Path::new("-") {
        let taken = std::io::stdin()
            .lock()
            .take(MOST_BYTES)
            .read_to_end(&mut bytes);
        ("<stdin>".to_owned(), taken)
    } else {
        let taken = File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes));
        (path.to_string_lossy().into_owned(), taken)
    };
    taken.map_err(|source| CliError::Unreadable {
        doing: "reading",
        path: path.to_owned(),
        source,
    })?;
    Ok((name, bytes))
}

#[cfg(test)]
mod tests {
    use super::{Found, summary};
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

    #[test]
    fn folders_are_searched_for_yaml_without_following_links() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("sub/.git")).unwrap();
        for name in [
            "b.yaml",
            "a.YML",
            "note.txt",
            "sub/c.yaml",
            "sub/.git/d.yaml",
        ] {
            std::fs::write(at(name), "").unwrap();
        }
        std::os::unix::fs::symlink(at("b.yaml"), at("link.yaml")).unwrap();
        std::os::unix::fs::symlink(folder.path(), at("sub/round")).unwrap();
        let mut found = Found::default();
        found.take(folder.path()).unwrap();
        found.files.sort();
        assert_eq!(found.files, [at("a.YML"), at("b.yaml"), at("sub/c.yaml")]);
        assert_eq!(found.links, [at("link.yaml")]);
        found.take(&at("note.txt")).unwrap();
        assert_eq!(found.files.len(), 4);
        assert!(found.take(&at("missing")).is_err());
    }
}
