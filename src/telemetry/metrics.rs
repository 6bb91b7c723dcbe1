//! The registry: every family that is not counted per runbook, each at 0 from the start where its labels are known.

use crate::domain::{
    approval::Standing,
    effect::Class,
    gate::{Decision, Stage},
    occurrence::NotRun,
    run::RunOutcome,
};
use crate::telemetry::events::{Build, SyncResult};
use prometheus::{
    Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts,
    Registry, TextEncoder, core::Collector,
};

/// From a tenth of a second to four hours.
const LONG: [f64; 12] = [
    0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0,
];
/// From a millisecond to ten seconds.
const SHORT: [f64; 10] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0];
/// From fifty milliseconds to an hour.
const LATENESS: [f64; 11] = [
    0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0, 3600.0,
];

/// The words of `orderly_steps_total`'s label `result`.
pub(super) const STEP_RESULTS: [&str; 7] = [
    "succeeded",
    "failed",
    "timed_out",
    "canceled",
    "skipped",
    "invalid",
    "interrupted",
];
/// The words of `orderly_http_refused_total`'s label `reason`.
const REFUSALS: [&str; 5] = ["missing", "unknown", "role", "host", "rate"];
const TRIGGERS: [&str; 6] = ["schedule", "after", "webhook", "alert", "person", "step"];
const CLASSES: [Class; 3] = [Class::Read, Class::Change, Class::Destructive];
const STAGES: [Stage; 12] = [
    Stage::Structure,
    Stage::Forbidden,
    Stage::ProtectedNamespace,
    Stage::RequireApproval,
    Stage::Autonomy,
    Stage::DangerousCommand,
    Stage::RateLimit,
    Stage::Window,
    Stage::Review,
    Stage::Recovery,
    Stage::Runbook,
    Stage::Fault,
];

/// Every family of the registry.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    pub(super) shutting_down: IntGauge,
    pub(super) tasks_ended: IntCounterVec,
    pub(super) config_reloads: IntCounterVec,
    pub(super) config_current: IntGauge,
    pub(super) history_failures: IntCounter,
    pub(super) audit_exports: IntCounter,
    pub(super) audit_breaks: IntCounter,
    pub(super) syncs: IntCounterVec,
    pub(super) sync_duration: Histogram,
    pub(super) sync_last_attempt: Gauge,
    pub(super) sync_last_success: Gauge,
    pub(super) source_problems_found: IntCounter,
    pub(super) source_problems: IntGauge,
    pub(super) runbooks: IntGauge,
    pub(super) runbooks_invalid: IntGauge,
    pub(super) suspensions: IntCounter,
    pub(super) resumptions: IntCounter,
    pub(super) tick_duration: Histogram,
    pub(super) last_tick: Gauge,
    pub(super) skipped: IntCounterVec,
    pub(super) runs_started: IntCounterVec,
    pub(super) runs_recovered: IntCounter,
    pub(super) runs: IntCounterVec,
    pub(super) runs_running: IntGauge,
    pub(super) run_duration: HistogramVec,
    pub(super) lateness: Histogram,
    pub(super) cancels: IntCounter,
    pub(super) steps_started: IntCounterVec,
    pub(super) steps: IntCounterVec,
    pub(super) step_duration: HistogramVec,
    pub(super) checks: IntCounterVec,
    pub(super) decisions: IntCounterVec,
    pub(super) contributions: IntCounterVec,
    pub(super) approvals_requested: IntCounter,
    pub(super) approval_votes: IntCounterVec,
    pub(super) approvals_ended: IntCounterVec,
    pub(super) approvals_waiting: IntGauge,
    pub(super) artifacts_stored: IntCounter,
    pub(super) artifacts_verified: IntCounter,
    pub(super) series_dropped: IntCounter,
    pub(super) notifications: IntCounterVec,
    pub(super) http_requests: IntCounterVec,
    pub(super) http_duration: HistogramVec,
    pub(super) http_refused: IntCounterVec,
    pub(super) triggers_received: IntCounterVec,
}

impl Metrics {
    /// Every family, at 0.
    pub(super) fn new(build: Build) -> Self {
        let make = Maker(Registry::new());
        let info = make.gauge_with(
            "orderly_build_info",
            "Which program this is; always 1.",
            &[("version", build.version), ("revision", build.revision)],
        );
        info.set(1);
        let metrics = Self {
            shutting_down: make.gauge("orderly_shutting_down", "1 while the agent ends."),
            tasks_ended: make.counters(
                "orderly_tasks_ended_total",
                "Background tasks that ended though they should not.",
                &["task"],
            ),
            config_reloads: make.counters(
                "orderly_config_reloads_total",
                "Reloads of the configuration.",
                &["result"],
            ),
            config_current: make.gauge(
                "orderly_config_last_reload_successful",
                "1 where the newest configuration is in use.",
            ),
            history_failures: make.counter(
                "orderly_history_commit_failures_total",
                "Writes to the history that failed.",
            ),
            audit_exports: make.counter(
                "orderly_audit_exports_total",
                "Heads of the audit chain that were kept elsewhere.",
            ),
            audit_breaks: make.counter(
                "orderly_audit_breaks_total",
                "Times that the audit chain was found broken.",
            ),
            syncs: make.counters(
                "orderly_syncs_total",
                "Looks at the source, by how they ended.",
                &["result"],
            ),
            sync_duration: make.histogram(
                "orderly_sync_duration_seconds",
                "How long a look at the source took.",
                &LONG,
            ),
            sync_last_attempt: make.number(
                "orderly_sync_last_attempt_timestamp_seconds",
                "When the source was last looked at.",
            ),
            sync_last_success: make.number(
                "orderly_sync_last_success_timestamp_seconds",
                "When the source was last reached.",
            ),
            source_problems_found: make.counter(
                "orderly_source_problems_found_total",
                "Problems found in revisions of the source.",
            ),
            source_problems: make.gauge(
                "orderly_source_problems",
                "Problems of the newest revision.",
            ),
            runbooks: make.gauge("orderly_runbooks", "Runbooks in use."),
            runbooks_invalid: make.gauge(
                "orderly_runbooks_invalid",
                "Runbooks whose newest version is broken.",
            ),
            suspensions: make.counter(
                "orderly_runbook_suspensions_total",
                "Times that a runbook was suspended.",
            ),
            resumptions: make.counter(
                "orderly_runbook_resumptions_total",
                "Times that a runbook was resumed.",
            ),
            tick_duration: make.histogram(
                "orderly_scheduler_tick_duration_seconds",
                "How long a look at the clock took.",
                &SHORT,
            ),
            last_tick: make.number(
                "orderly_scheduler_last_tick_timestamp_seconds",
                "When the scheduler last looked at the clock.",
            ),
            skipped: make.counters(
                "orderly_occurrences_skipped_total",
                "Occurrences, or stretches of them, that did not run.",
                &["reason"],
            ),
            runs_started: make.counters(
                "orderly_runs_started_total",
                "Runs that began.",
                &["trigger"],
            ),
            runs_recovered: make.counter(
                "orderly_runs_recovered_total",
                "Runs that went on after a restart of the agent.",
            ),
            runs: make.counters(
                "orderly_runs_total",
                "Runs that ended.",
                &["outcome", "trigger"],
            ),
            runs_running: make.gauge(
                "orderly_runs_running",
                "Runs that are going on, those that wait for people included.",
            ),
            run_duration: make.histograms(
                "orderly_run_duration_seconds",
                "How long runs took.",
                &["outcome"],
                &LONG,
            ),
            lateness: make.histogram(
                "orderly_run_lateness_seconds",
                "How long after their due time runs began.",
                &LATENESS,
            ),
            cancels: make.counter(
                "orderly_run_cancels_requested_total",
                "Times that somebody wanted a run stopped.",
            ),
            steps_started: make.counters(
                "orderly_steps_started_total",
                "Attempts of steps that began.",
                &["action"],
            ),
            steps: make.counters(
                "orderly_steps_total",
                "Attempts of steps, by how they ended.",
                &["action", "result"],
            ),
            step_duration: make.histograms(
                "orderly_step_duration_seconds",
                "How long attempts of steps took.",
                &["action"],
                &LONG,
            ),
            checks: make.counters(
                "orderly_checks_total",
                "Answers of checks.",
                &["action", "status"],
            ),
            decisions: make.counters(
                "orderly_gate_decisions_total",
                "What the gate decided.",
                &["decision", "class"],
            ),
            contributions: make.counters(
                "orderly_gate_contributions_total",
                "What the stages of the gate said.",
                &["stage", "decision"],
            ),
            approvals_requested: make.counter(
                "orderly_approvals_requested_total",
                "Times that people were asked.",
            ),
            approval_votes: make.counters(
                "orderly_approval_votes_total",
                "Answers of people.",
                &["verdict"],
            ),
            approvals_ended: make.counters(
                "orderly_approvals_ended_total",
                "Questions to people, by how they ended.",
                &["standing"],
            ),
            approvals_waiting: make.gauge(
                "orderly_approvals_waiting",
                "Questions that wait for people.",
            ),
            artifacts_stored: make.counter("orderly_artifacts_stored_total", "Artifacts stored."),
            artifacts_verified: make.counter(
                "orderly_artifacts_verified_total",
                "Artifacts restored and looked into.",
            ),
            series_dropped: make.counter(
                "orderly_series_dropped_total",
                "Values that were not kept because there are too many series.",
            ),
            notifications: make.counters(
                "orderly_notifications_total",
                "Messages sent.",
                &["channel", "result"],
            ),
            http_requests: make.counters(
                "orderly_http_requests_total",
                "Requests answered.",
                &["method", "route", "status"],
            ),
            http_duration: make.histograms(
                "orderly_http_request_duration_seconds",
                "How long requests took.",
                &["route"],
                &SHORT,
            ),
            http_refused: make.counters(
                "orderly_http_refused_total",
                "Requests refused for who sent them.",
                &["reason"],
            ),
            triggers_received: make.counters(
                "orderly_triggers_received_total",
                "Webhooks and alerts that came in.",
                &["kind"],
            ),
            registry: make.0,
        };
        metrics.start_at_zero();
        metrics
    }

    fn start_at_zero(&self) {
        self.config_current.set(1);
        zero(&self.config_reloads, &["applied", "refused"]);
        zero(&self.syncs, &SyncResult::ALL.map(SyncResult::as_str));
        zero(&self.skipped, &NotRun::ALL.map(NotRun::as_str));
        zero(&self.runs_started, &TRIGGERS);
        zero_pairs(
            &self.runs,
            &RunOutcome::ALL.map(RunOutcome::as_str),
            &TRIGGERS,
        );
        let decisions = [Decision::Allow, Decision::ask(), Decision::Deny];
        let decisions = decisions.each_ref().map(Decision::as_str);
        zero_pairs(&self.decisions, &decisions, &CLASSES.map(Class::as_str));
        zero_pairs(&self.contributions, &STAGES.map(Stage::as_str), &decisions);
        zero(&self.approval_votes, &["approve", "deny"]);
        let ends = [
            Standing::Denied { by: String::new() },
            Standing::Expired,
            Standing::Withdrawn,
            Standing::Redeemed,
        ];
        zero(
            &self.approvals_ended,
            &ends.each_ref().map(Standing::as_str),
        );
        zero(&self.http_refused, &REFUSALS);
        zero(&self.triggers_received, &["webhook", "alert"]);
    }

    /// The counters of these actions exist from now on.
    pub(super) fn expect_action(&self, action: &str) {
        zero(&self.steps_started, &[action]);
        zero_pairs(&self.steps, &[action], &STEP_RESULTS);
        self.step_duration.with_label_values(&[action]);
    }

    /// The text of every family.
    pub(super) fn render(&self) -> String {
        // It fails only for families that were made wrongly, which the tests would show.
        TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .unwrap_or_default()
    }
}

/// Makes every combination of one label.
pub(super) fn zero(counters: &IntCounterVec, values: &[&str]) {
    for value in values {
        counters.with_label_values(&[value]);
    }
}

/// Makes every combination of two labels.
pub(super) fn zero_pairs(counters: &IntCounterVec, first: &[&str], second: &[&str]) {
    for one in first {
        for two in second {
            counters.with_label_values(&[one, two]);
        }
    }
}

/// Makes families and enters them in the registry.
struct Maker(Registry);

impl Maker {
    fn entered<C: Collector + Clone + 'static>(&self, made: prometheus::Result<C>) -> C {
        let collector = sound(made);
        sound(self.0.register(Box::new(collector.clone())));
        collector
    }
    fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.entered(IntCounter::new(name, help))
    }
    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.entered(IntCounterVec::new(Opts::new(name, help), labels))
    }
    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.entered(IntGauge::new(name, help))
    }
    fn gauge_with(&self, name: &str, help: &str, labels: &[(&str, &str)]) -> IntGauge {
        let labels = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        self.entered(IntGauge::with_opts(
            Opts::new(name, help).const_labels(labels),
        ))
    }
    fn number(&self, name: &str, help: &str) -> Gauge {
        self.entered(Gauge::new(name, help))
    }
    fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        self.entered(Histogram::with_opts(
            HistogramOpts::new(name, help).buckets(buckets.to_vec()),
        ))
    }
    fn histograms(&self, name: &str, help: &str, labels: &[&str], buckets: &[f64]) -> HistogramVec {
        self.entered(HistogramVec::new(
            HistogramOpts::new(name, help).buckets(buckets.to_vec()),
            labels,
        ))
    }
}

#[expect(
    clippy::expect_used,
    reason = "names, labels and buckets are constants of this file, and every test of this room makes them all"
)]
fn sound<T>(made: prometheus::Result<T>) -> T {
    made.expect("a metric's name, labels and buckets are sound")
}
