//! One function per event: one log line and one metric. What has no log line says so.

mod clusters;
mod credentials;
mod gate;
mod lifetime;
mod review;
mod runs;
mod source;
#[cfg(test)]
mod tests;

use crate::{
    domain::{
        id::RunId,
        name::{ActionName, RunbookName, StepName},
        runbook::Phase,
    },
    telemetry::{
        artifacts::Artifacts, credentials::Credentials, metrics::Metrics, process,
        runbooks::Runbooks, text::Text,
    },
};
use jiff::Timestamp;
pub use review::{BudgetUse, CallOf, CallOutcome, ReviewResult};
use std::sync::Arc;

/// Which program this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Build {
    /// As in Cargo.toml.
    pub version: &'static str,
    /// The commit it was built from; empty where not known.
    pub revision: &'static str,
}

/// Which attempt of which step.
#[derive(Debug, Clone, Copy)]
pub struct StepOf<'a> {
    /// The runbook.
    pub runbook: &'a RunbookName,
    /// The run.
    pub run: RunId,
    /// In which list.
    pub phase: Phase,
    /// The step.
    pub step: &'a StepName,
    /// What it does.
    pub action: &'a ActionName,
    /// Counts from 1.
    pub attempt: u32,
}

/// How a look at the source ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SyncResult {
    /// A new revision is in use.
    Applied,
    /// There was none.
    Unchanged,
    /// It could not be fetched or read; the last good one stays in use.
    Failed,
    /// It would delete so much that a person must accept it.
    Held,
}

impl SyncResult {
    /// All results.
    pub const ALL: [Self; 4] = [Self::Applied, Self::Unchanged, Self::Failed, Self::Held];
    /// The word used in logs and metric labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Unchanged => "unchanged",
            Self::Failed => "failed",
            Self::Held => "held",
        }
    }
}

/// Where every event is told. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub struct Events {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    build: Build,
    metrics: Metrics,
    runbooks: Runbooks,
    artifacts: Artifacts,
    credentials: Credentials,
}

impl Events {
    /// Everything at 0.
    pub fn new(build: Build) -> Self {
        let inner = Inner {
            build,
            metrics: Metrics::new(build),
            runbooks: Runbooks::default(),
            artifacts: Artifacts::default(),
            credentials: Credentials::default(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Which program this is.
    pub fn build(&self) -> Build {
        self.inner.build
    }

    /// Every metric in Prometheus' text format 0.0.4. `now` decides which deleted runbooks are still shown.
    pub fn render(&self, now: Timestamp) -> String {
        let mut text = Text::after(self.inner.metrics.render());
        process::write(&mut text);
        self.inner.artifacts.write(&mut text);
        self.inner.credentials.write(&mut text);
        self.inner.runbooks.write(&mut text, now);
        text.finish()
    }

    fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }
}

/// A run's id as a trace id: 32 hexadecimal digits (W3C Trace Context).
fn trace_id(run: RunId) -> String {
    run.to_string().replace('-', "")
}

/// Seconds since 1970, with milliseconds.
#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds since 1970 stay exact in an f64 for 285,000 years"
)]
fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}

/// A count for a gauge.
fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
