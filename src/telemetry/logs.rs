//! Where log lines go and how they look.

use std::{fmt, io::IsTerminal as _, str::FromStr};
use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, filter,
    fmt::{self as layer, MakeWriter},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
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
    subscriber(options, std::io::stderr)?
        .try_init()
        .map_err(|_| LogError::AlreadySet)
}

/// The parser of shell text tells every word of what it reads, many lines a command. What a command says belongs into the audit log, where
/// it is masked, and nowhere else, whatever the filter asks for.
fn tells_texts(module: Option<&str>) -> bool {
    module.is_some_and(|module| module.starts_with("brush_parser"))
}

/// What turns events into lines.
fn subscriber<W>(
    options: &LogOptions,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, LogError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let invalid = |error: filter::ParseError| LogError::InvalidFilter {
        filter: options.filter.clone(),
        reason: error.to_string(),
    };
    let filter = EnvFilter::builder()
        .parse(&options.filter)
        .map_err(invalid)?;
    let ours = filter::filter_fn(|metadata| !tells_texts(metadata.module_path()));
    let registry = tracing_subscriber::registry().with(filter).with(ours);
    let lines = layer::layer().with_writer(writer).with_target(false);
    Ok(match options.format {
        LogFormat::Text => Box::new(registry.with(lines.with_ansi(options.colour))),
        LogFormat::Json => {
            let lines = lines.json().with_ansi(false).flatten_event(true);
            Box::new(registry.with(lines.with_current_span(true).with_span_list(false)))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{LogError, LogFormat, LogOptions, init, subscriber};
    use crate::telemetry::{Build, Events};
    use std::{
        io::Write,
        sync::{Arc, Mutex},
    };

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What is written about two hostile events inside a request.
    fn written(format: LogFormat) -> String {
        let (kept, options) = (
            Kept::default(),
            LogOptions {
                format,
                filter: "info".to_owned(),
                colour: false,
            },
        );
        let writer = kept.clone();
        let subscriber = subscriber(&options, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("request", request_id = "r-1");
            let _inside = span.enter();
            let events = Events::new(Build {
                version: "1",
                revision: "",
            });
            events.config_refused("line one\nINFO forged=true \u{1b}[31m");
            events.problem_found("a\r\nb");
        });
        String::from_utf8(kept.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn one_event_is_one_line_whatever_it_holds() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let text = written(format);
            assert_eq!(text.lines().count(), 2, "{text}");
            assert!(!text.contains('\u{1b}') && !text.contains('\r'), "{text}");
            assert!(text.lines().all(|line| line.contains("r-1")), "{text}");
        }
    }

    #[test]
    fn a_json_line_has_its_fields_at_the_top() {
        let text = written(LogFormat::Json);
        let line: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(line["reason"], "line one\nINFO forged=true \u{1b}[31m");
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["span"]["request_id"], "r-1");
        assert_eq!(
            line["message"],
            "configuration refused, the one in use stays"
        );
    }

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
