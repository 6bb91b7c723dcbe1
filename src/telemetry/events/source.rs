//! The source, the runbooks in use, and time.

use crate::{
    domain::{name::RunbookName, occurrence::Skipped},
    telemetry::{Events, RunbookSeries, SyncResult, events},
};
use jiff::Timestamp;
use std::time::Duration;
use tracing::{debug, info, trace, warn};

/// Following the source.
impl Events {
    /// A look at the source ended. `at` is the time it ended, `detail` the error or what is held.
    pub fn sync_ended(
        &self,
        result: SyncResult,
        revision: &str,
        took: Duration,
        at: Timestamp,
        detail: &str,
    ) {
        let (metrics, took_seconds) = (self.metrics(), took.as_secs_f64());
        metrics
            .source
            .syncs
            .with_label_values(&[result.as_str()])
            .inc();
        metrics.source.sync_duration.observe(took_seconds);
        metrics.source.sync_last_attempt.set(events::seconds(at));
        if result != SyncResult::Failed {
            metrics.source.sync_last_success.set(events::seconds(at));
        }
        let word = result.as_str();
        match result {
            SyncResult::Failed | SyncResult::Held => {
                warn!(result = word, revision, took_seconds, detail, "sync ended");
            }
            SyncResult::Unchanged => debug!(result = word, revision, took_seconds, "sync ended"),
            SyncResult::Applied => {
                info!(result = word, revision, took_seconds, detail, "sync ended");
            }
        }
    }

    /// The revision in use does not descend from the one before: somebody has rewritten history.
    pub fn source_rewritten(&self, before: &str, revision: &str, author: &str) {
        self.metrics().source.rewrites.inc();
        warn!(before, revision, author, "history of the source rewritten");
    }

    /// One problem of the newest revision, as `file:line:column: what`.
    pub fn problem_found(&self, problem: &str) {
        self.metrics().source.source_problems_found.inc();
        warn!(problem, "problem in the source");
    }

    /// So many runbooks in use need secrets that the configuration does not name. No log line: each is a problem of its own.
    pub fn runbooks_lacking(&self, runbooks: usize) {
        self.metrics()
            .source
            .runbooks_lacking
            .set(events::count(runbooks));
    }

    /// This many runbooks are in use, of which so many have a broken newest version; so many problems stand.
    pub fn active_set(&self, revision: &str, runbooks: usize, invalid: usize, problems: usize) {
        let metrics = self.metrics();
        metrics.source.runbooks.set(events::count(runbooks));
        metrics.source.runbooks_invalid.set(events::count(invalid));
        metrics.source.source_problems.set(events::count(problems));
        info!(revision, runbooks, invalid, problems, "runbooks in use");
    }
}

/// The series of each runbook.
impl Events {
    /// These runbooks are new or say something else, those are gone: their series go an hour later. Counters go on. No log line.
    pub fn runbooks_changed(&self, here: &[RunbookSeries], gone: &[RunbookName], now: Timestamp) {
        self.inner.runbooks.change(here, gone, now);
        let kept = &self.inner.runbooks;
        self.inner.artifacts.retain(|runbook| kept.has(runbook));
        self.inner.credentials.retain(|runbook| kept.has(runbook));
    }

    /// A runbook is due at another time, or its interval changed. No log line; constant time.
    pub fn runbook_due(
        &self,
        runbook: &RunbookName,
        next: Option<Timestamp>,
        expected_interval: Option<Duration>,
    ) {
        self.inner.runbooks.due(runbook, next, expected_interval);
    }

    /// A runbook's triggers were stopped.
    pub fn runbook_suspended(&self, runbook: &RunbookName, by: &str, until: Option<Timestamp>) {
        self.inner.runbooks.suspended(runbook, true);
        self.metrics().source.suspensions.inc();
        info!(%runbook, by, until = until.map(|until| until.to_string()), "runbook suspended");
    }

    /// A runbook's suspension ended, by a person or by its time.
    pub fn runbook_resumed(&self, runbook: &RunbookName, by: &str) {
        self.inner.runbooks.suspended(runbook, false);
        self.metrics().source.resumptions.inc();
        info!(%runbook, by, "runbook resumed");
    }
}

/// Time.
impl Events {
    /// The scheduler has looked at the clock.
    pub fn scheduler_tick(&self, took: Duration, at: Timestamp) {
        self.metrics()
            .source
            .tick_duration
            .observe(took.as_secs_f64());
        self.metrics().source.last_tick.set(events::seconds(at));
        trace!(took_seconds = took.as_secs_f64(), "scheduler tick");
    }

    /// An occurrence, or a stretch of them, did not run.
    pub fn occurrence_skipped(&self, skipped: &Skipped) {
        self.metrics()
            .source
            .skipped
            .with_label_values(&[skipped.reason.as_str()])
            .inc();
        let (runbook, trigger) = (&skipped.occurrence.runbook, &skipped.occurrence.trigger);
        info!(
            %runbook, trigger, nominal = %skipped.occurrence.nominal, last_nominal = %skipped.last_nominal,
            reason = skipped.reason.as_str(), detail = skipped.detail, "occurrence skipped"
        );
    }
}
