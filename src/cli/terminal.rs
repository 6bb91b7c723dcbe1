//! The terminal: data goes to standard output, talk to standard error, and only through here.
//!
//! - A reader that goes away ([`CliError::Unread`]) ends a command quietly; any other failure to write is an error.
//! - What comes from elsewhere is made visible before it is shown, so that no text can move the cursor or hide itself.
//! - Colour is for terminals, and never the only bearer of a meaning.

use crate::cli::{exit::CliError, table::Table};
use serde::Serialize;
use std::io::{ErrorKind, IsTerminal as _, Write as _};

/// Text for people, or a form for machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum Output {
    /// Text for people.
    #[default]
    #[value(aliases = ["table", "yaml"])]
    Text,
    /// One JSON document.
    Json,
    /// A record a line; for commands that list records.
    Jsonl,
    /// Fields with commas between; for commands that list records.
    Csv,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum Colour {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Colour {
    /// Whether to colour what goes to a stream. `NO_COLOR` counts where it is not empty (no-color.org).
    pub(super) fn on(self, terminal: bool, no_color: Option<&str>) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => terminal && no_color.is_none_or(str::is_empty),
        }
    }
}

/// How a piece of text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Style {
    /// As it is.
    #[default]
    Plain,
    /// Names of columns and parts.
    Strong,
    /// Less important.
    Faint,
    /// As it should be.
    Good,
    /// Worth a look.
    Warn,
    /// Not as it should be.
    Bad,
}

impl Style {
    /// The text with this look, where there is colour.
    pub(super) fn paint(self, text: &str, colour: bool) -> String {
        let code = match self {
            Self::Plain => return text.to_owned(),
            Self::Strong => "1",
            Self::Faint => "2",
            Self::Good => "32",
            Self::Warn => "33",
            Self::Bad => "31",
        };
        if colour && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Where a command speaks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terminal {
    output: Output,
    colour: bool,
    colour_of_talk: bool,
}

#[expect(
    clippy::unused_self,
    reason = "only who was given the terminal may speak"
)]
impl Terminal {
    /// As asked for.
    pub(super) fn new(output: Output, colour: Colour, no_color: Option<&str>) -> Self {
        Self {
            output,
            colour: colour.on(std::io::stdout().is_terminal(), no_color),
            colour_of_talk: colour.on(std::io::stderr().is_terminal(), no_color),
        }
    }

    /// Whether JSON is wanted.
    pub(super) fn wants_json(self) -> bool {
        self.output == Output::Json
    }

    /// Whether standard output may be coloured.
    pub(super) fn colours_data(self) -> bool {
        self.colour
    }

    /// Whether logs on standard error may be coloured.
    pub(super) fn colours_talk(self) -> bool {
        self.colour_of_talk
    }

    /// Whether a person sees standard output.
    pub(super) fn is_watched(self) -> bool {
        std::io::stdout().is_terminal()
    }

    /// Whether a person can answer.
    pub(super) fn can_ask(self) -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// Data, as it is.
    pub(super) fn data(self, text: &str) -> Result<(), CliError> {
        let mut out = std::io::stdout().lock();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        written.map_err(|error| {
            if error.kind() == ErrorKind::BrokenPipe {
                CliError::Unread
            } else {
                CliError::Output(error)
            }
        })
    }

    /// A line of data.
    pub(super) fn line(self, text: &str) -> Result<(), CliError> {
        self.data(&format!("{text}\n"))
    }

    /// A table, or what is said where it has no rows.
    pub(super) fn table(self, table: &Table, nothing: &str) -> Result<(), CliError> {
        if table.is_empty() {
            self.say(nothing);
            return Ok(());
        }
        self.data(&table.render(self.colour))
    }

    /// One JSON document.
    pub(super) fn json(self, value: &impl Serialize) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| CliError::Internal(format!("writing JSON: {error}")))?;
        self.line(&text)
    }

    /// A text with a look, for standard output.
    pub(super) fn paint(self, style: Style, text: &str) -> String {
        style.paint(text, self.colour)
    }

    /// Talk. That nobody listens is no reason to fail.
    pub(super) fn say(self, text: &str) {
        let mut talk = std::io::stderr().lock();
        let _heard = writeln!(talk, "{text}");
    }

    /// A table as talk.
    pub(super) fn say_table(self, table: &Table) {
        let mut talk = std::io::stderr().lock();
        let _heard = talk.write_all(table.render(self.colour_of_talk).as_bytes());
    }

    /// An error, once.
    pub(super) fn fail(self, error: &CliError) {
        if let Some(report) = error.report() {
            let report = match report.strip_prefix("error:") {
                Some(rest) => format!("{}{rest}", Style::Bad.paint("error:", self.colour_of_talk)),
                None => report,
            };
            self.say(report.trim_end());
        }
    }

    /// Asks a question that is answered with yes or no; everything but `y` and `yes` is no.
    pub(super) fn ask(self, question: &str) -> Result<bool, CliError> {
        let mut talk = std::io::stderr().lock();
        let asked = write!(talk, "{question} [y/N] ").and_then(|()| talk.flush());
        drop(talk);
        let mut answer = String::new();
        asked
            .and_then(|()| std::io::stdin().read_line(&mut answer))
            .map_err(|error| CliError::Usage(format!("the answer cannot be read: {error}")))?;
        Ok(is_yes(&answer))
    }
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::{Colour, Style, is_yes};

    #[test]
    fn everything_but_yes_is_no() {
        assert!(["y", "Y\n", " yes "].into_iter().all(is_yes));
        assert!(!["", "\n", "n", "no", "yep", "ja"].into_iter().any(is_yes));
    }

    #[test]
    fn colour_is_for_terminals_unless_somebody_insists() {
        assert!(Colour::Auto.on(true, None));
        assert!(Colour::Auto.on(true, Some("")));
        assert!(!Colour::Auto.on(true, Some("1")));
        assert!(!Colour::Auto.on(false, None));
        assert!(Colour::Always.on(false, Some("1")));
        assert!(!Colour::Never.on(true, None));
    }

    #[test]
    fn a_style_without_colour_changes_nothing() {
        assert_eq!(Style::Bad.paint("x", false), "x");
        assert_eq!(Style::Bad.paint("x", true), "\x1b[31mx\x1b[0m");
        assert_eq!(Style::Bad.paint("", true), "");
    }
}
