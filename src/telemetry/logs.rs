//! Where log lines go and how they look.

use std::{fmt, io::IsTerminal as _, str::FromStr};
use tracing_subscriber::{
    EnvFilter, fmt as layer, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

/// How a line looks.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Default,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl FromStr for LogFormat {
    type Err = LogError;
    fn from_str(text: &str) -> Result<Self, LogError> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            other => Err(LogError::UnknownFormat(other.to_owned())),
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogOptions {
    /// How a line looks.
    pub format: LogFormat,
    /// Directives as in `info,orderly=debug` (tracing-subscriber's `EnvFilter`).
    pub filter: String,
    /// Whether text lines are coloured; JSON never is.
    pub colour: bool,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            filter: "info".to_owned(),
            colour: std::io::stderr().is_terminal(),
        }
    }
}

/// Why logging could not be set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// The filter cannot be read.
    #[error(
        "`{filter}` is not a log filter: {reason}\nhint: write a level, or levels by module, as in `info,orderly::flow=debug`"
    )]
    InvalidFilter {
        /// As written.
        filter: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no such format.
    #[error("there is no log format `{0}`\nhint: use `text` or `json`")]
    UnknownFormat(String),
    /// Something in this process has set up logging already.
    #[error("logging is set up already")]
    AlreadySet,
}

/// Sets up logging for this process: one line per event on standard error. Called once, at the start.
pub fn init(options: &LogOptions) -> Result<(), LogError> {
    let filter = EnvFilter::builder()
        .parse(&options.filter)
        .map_err(|error| LogError::InvalidFilter {
            filter: options.filter.clone(),
            reason: error.to_string(),
        })?;
    let registry = tracing_subscriber::registry().with(filter);
    let lines = layer::layer()
        .with_writer(std::io::stderr)
        .with_target(false);
    match options.format {
        LogFormat::Text => registry.with(lines.with_ansi(options.colour)).try_init(),
        LogFormat::Json => registry
            .with(
                lines
                    .json()
                    .with_ansi(false)
                    .flatten_event(true)
                    .with_current_span(true)
                    .with_span_list(false),
            )
            .try_init(),
    }
    .map_err(|_| LogError::AlreadySet)
}

#[cfg(test)]
mod tests {
    use super::{LogError, LogFormat, LogOptions, init};

    #[test]
    fn a_filter_that_cannot_be_read_is_named() {
        let options = LogOptions {
            filter: "orderly=loud".to_owned(),
            ..LogOptions::default()
        };
        assert!(matches!(
            init(&options),
            Err(LogError::InvalidFilter { .. })
        ));
    }

    #[test]
    fn a_format_survives_text() {
        for format in [LogFormat::Text, LogFormat::Json] {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        assert!("xml".parse::<LogFormat>().is_err());
    }
}
