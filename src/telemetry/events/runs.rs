//! Runs, steps, and what steps leave behind.

use crate::{
    domain::{
        check::CheckStatus,
        effect::Class,
        id::RunId,
        name::RunbookName,
        outlived::{EndedLate, Outlived},
        run::{RunHeader, RunOutcome, StepReport, StepResult},
    },
    telemetry::{ArtifactSeries, Events, StepOf, artifacts::Kept, events::trace_id},
};
use jiff::Timestamp;
use std::time::Duration;
use tracing::{debug, error, info, warn};

/// Runs.
impl Events {
    /// A run has begun. `lateness` counts from the due time, spread included.
    pub fn run_started(&self, run: &RunHeader, lateness: Option<Duration>) {
        let metrics = self.metrics();
        metrics
            .runs
            .started
            .with_label_values(&[run.cause.as_str()])
            .inc();
        metrics.runs.running.inc();
        let lateness_seconds = lateness.map(|lateness| lateness.as_secs_f64());
        if let Some(seconds) = lateness_seconds {
            metrics.runs.lateness.observe(seconds);
        }
        info!(
            run.id = %run.id, trace_id = trace_id(run.id), runbook = %run.runbook, revision = run.revision, trigger = run.cause.trigger(),
            dry_run = run.dry_run, lateness_seconds, "run started"
        );
    }

    /// A run that was going on when the agent stopped goes on.
    pub fn run_recovered(&self, run: &RunHeader, unknown_steps: usize) {
        self.metrics().runs.recovered.inc();
        self.metrics().runs.running.inc();
        info!(run.id = %run.id, trace_id = trace_id(run.id), runbook = %run.runbook, unknown_steps, "run recovered");
    }

    /// A run is over; `at` is when.
    pub fn run_ended(
        &self,
        run: &RunHeader,
        outcome: RunOutcome,
        took: Duration,
        at: Timestamp,
        reason: &str,
    ) {
        let (metrics, took_seconds) = (self.metrics(), took.as_secs_f64());
        metrics
            .runs
            .ended
            .with_label_values(&[outcome.as_str(), run.cause.as_str()])
            .inc();
        metrics
            .runs
            .duration
            .with_label_values(&[outcome.as_str()])
            .observe(took_seconds);
        metrics.runs.running.dec();
        if !run.dry_run {
            self.inner.runbooks.ended(&run.runbook, outcome, at);
        }
        let (run_id, trace_id, runbook, outcome_word) =
            (run.id, trace_id(run.id), &run.runbook, outcome.as_str());
        if outcome.is_success() {
            info!(run.id = %run_id, trace_id, %runbook, outcome = outcome_word, took_seconds, reason, "run ended");
        } else {
            warn!(run.id = %run_id, trace_id, %runbook, outcome = outcome_word, took_seconds, reason, "run ended");
        }
    }

    /// Somebody wants a run stopped.
    pub fn run_cancel_requested(&self, run: RunId, by: &str, reason: &str) {
        self.metrics().runs.cancels.inc();
        info!(run.id = %run, trace_id = trace_id(run), by, reason, "cancel requested");
    }
}

/// Steps.
impl Events {
    /// An attempt has begun.
    pub fn step_started(&self, step: StepOf<'_>, class: Class) {
        self.metrics()
            .runs
            .steps_started
            .with_label_values(&[step.action.as_str()])
            .inc();
        debug!(
            run.id = %step.run, trace_id = trace_id(step.run), runbook = %step.runbook, step = %step.step, phase = step.phase.as_str(),
            action = %step.action, attempt = step.attempt, class = class.as_str(), "step started"
        );
    }

    /// An attempt has ended.
    pub fn step_ended(&self, step: StepOf<'_>, report: &StepReport, took: Duration, class: Class) {
        let action = step.action.as_str();
        let result = word(&report.result);
        self.count_step(step, result);
        self.metrics()
            .runs
            .step_duration
            .with_label_values(&[action])
            .observe(took.as_secs_f64());
        if let Some(status) = report.check {
            self.metrics()
                .runs
                .checks
                .with_label_values(&[action, status.as_str()])
                .inc();
            self.inner.runbooks.checked(step.runbook, status);
        }
        let (trace_id, check, summary) = (
            trace_id(step.run),
            report.check.map(CheckStatus::as_str),
            &report.summary,
        );
        let (attempt, class, took_seconds) = (step.attempt, class.as_str(), took.as_secs_f64());
        match report.result {
            StepResult::Succeeded => debug!(
                run.id = %step.run, trace_id, runbook = %step.runbook, step = %step.step, action, attempt, class, result, check,
                took_seconds, summary, "step ended"
            ),
            StepResult::Failed { .. } | StepResult::TimedOut | StepResult::Canceled => warn!(
                run.id = %step.run, trace_id, runbook = %step.runbook, step = %step.step, action, attempt, class, result, check,
                took_seconds, summary, "step ended"
            ),
        }
    }

    /// Output of an attempt could not be kept.
    pub fn output_lost(&self, step: StepOf<'_>, bytes: u64, reason: &str) {
        self.metrics().runs.output_lost.inc_by(bytes);
        let attempt = step.attempt;
        warn!(run.id = %step.run, trace_id = trace_id(step.run), runbook = %step.runbook, step = %step.step, attempt, bytes, reason, "output lost");
    }

    /// A step's `when` was false, or it was not reached.
    pub fn step_skipped(&self, step: StepOf<'_>, reason: &str) {
        self.count_step(step, "skipped");
        debug!(run.id = %step.run, trace_id = trace_id(step.run), runbook = %step.runbook, step = %step.step, reason, "step skipped");
    }

    /// A step could not be planned.
    pub fn step_invalid(&self, step: StepOf<'_>, error: &str) {
        self.count_step(step, "invalid");
        warn!(run.id = %step.run, trace_id = trace_id(step.run), runbook = %step.runbook, step = %step.step, error, "step invalid");
    }

    /// The agent came back and found this attempt started and not ended.
    pub fn step_interrupted(&self, step: StepOf<'_>) {
        self.count_step(step, "interrupted");
        let attempt = step.attempt;
        warn!(run.id = %step.run, trace_id = trace_id(step.run), runbook = %step.runbook, step = %step.step, attempt, "step interrupted");
    }

    /// A program had outlived the agent that started it, and was ended, or could not be.
    pub fn process_outlived(&self, outlived: &Outlived, ended: &Result<EndedLate, String>) {
        let Outlived {
            behalf,
            group: process,
            program,
        } = outlived;
        let (run, runbook, step, attempt) =
            (behalf.run, &behalf.runbook, &behalf.step, behalf.attempt);
        let trace_id = trace_id(run);
        match ended {
            Ok(how) => {
                let how = match how {
                    EndedLate::Terminated => "terminated",
                    EndedLate::Killed => "killed",
                };
                warn!(run.id = %run, trace_id, %runbook, %step, attempt, process, program, how, "a program had outlived the agent, and was ended");
            }
            Err(reason) => {
                error!(run.id = %run, trace_id, %runbook, %step, attempt, process, program, reason, "a program has outlived the agent, and cannot be ended");
            }
        }
    }

    fn count_step(&self, step: StepOf<'_>, result: &str) {
        self.metrics()
            .runs
            .steps
            .with_label_values(&[step.action.as_str(), result])
            .inc();
    }
}

fn word(result: &StepResult) -> &'static str {
    match result {
        StepResult::Succeeded => "succeeded",
        StepResult::Failed { .. } => "failed",
        StepResult::TimedOut => "timed_out",
        StepResult::Canceled => "canceled",
    }
}

/// What steps leave behind.
impl Events {
    /// An artifact is complete and on its shelf.
    pub fn artifact_stored(&self, runbook: &RunbookName, name: &str, size_bytes: u64) {
        self.metrics().runs.artifacts_stored.inc();
        info!(%runbook, name, size_bytes, "artifact stored");
    }

    /// An artifact was made, and is not to be relied on.
    pub fn artifact_doubted(&self, runbook: &RunbookName, name: &str, why: &str) {
        self.metrics().runs.artifacts_doubted.inc();
        warn!(%runbook, name, why, "artifact doubted");
    }

    /// An artifact was restored and looked into.
    pub fn artifact_verified(&self, runbook: &RunbookName, name: &str, took: Duration) {
        self.metrics().runs.artifacts_verified.inc();
        info!(%runbook, name, took_seconds = took.as_secs_f64(), "artifact verified");
    }

    /// A trial restore failed.
    pub fn artifact_unsound(&self, runbook: &RunbookName, name: &str, why: &str) {
        self.metrics().runs.artifacts_unsound.inc();
        warn!(%runbook, name, why, "artifact unsound");
    }

    /// An artifact was removed on purpose.
    pub fn artifact_removed(&self, runbook: &RunbookName, name: &str) {
        self.metrics().runs.artifacts_removed.inc();
        info!(%runbook, name, "artifact removed");
    }

    /// An artifact that no record speaks of was removed.
    pub fn artifact_unrecorded(&self, path: &str, run: RunId) {
        info!(path, %run, "artifact that was never recorded removed");
    }

    /// A person says that a doubted artifact is right.
    pub fn artifact_accepted(&self, runbook: &RunbookName, name: &str, by: &str) {
        info!(%runbook, name, by, "artifact accepted");
    }

    /// What the history knows of a series of artifacts, told after the start and after each change. No log line, and nothing is counted.
    pub fn artifact_series(&self, runbook: &RunbookName, name: &str, series: ArtifactSeries) {
        self.kept(self.inner.artifacts.set(runbook, name, series));
    }

    pub(super) fn kept(&self, kept: Kept) {
        match kept {
            Kept::Yes => {}
            Kept::TooMany => self.metrics().agent.series_dropped.inc(),
        }
    }
}
