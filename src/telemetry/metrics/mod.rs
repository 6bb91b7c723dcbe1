//! The registry: every family that is not counted per runbook, each at 0 from the start where its labels are known.

mod clusters;
mod families;
mod review;

use crate::domain::{
    approval::Standing,
    effect::Class,
    gate::{Decision, Stage},
    occurrence::NotRun,
    rotation::End,
    run::RunOutcome,
};
use crate::telemetry::events::{Build, SyncResult};
use clusters::ClusterMetrics;
pub use clusters::ClusterState;
use families::{AgentMetrics, GateMetrics, HttpMetrics, RunMetrics, SourceMetrics};
use prometheus::{
    CounterVec, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec,
    IntGauge, IntGaugeVec, Opts, Registry, TextEncoder, core::Collector,
};
use review::ReviewMetrics;

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
const STAGES: [Stage; 17] = [
    Stage::Halt,
    Stage::Structure,
    Stage::Forbidden,
    Stage::ProtectedNamespace,
    Stage::RequireApproval,
    Stage::Autonomy,
    Stage::Circuit,
    Stage::FirstRun,
    Stage::Clock,
    Stage::DangerousCommand,
    Stage::RateLimit,
    Stage::Window,
    Stage::Review,
    Stage::Recovery,
    Stage::FreshBackup,
    Stage::Runbook,
    Stage::Fault,
];

/// Every family of the registry.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    pub(super) agent: AgentMetrics,
    pub(super) source: SourceMetrics,
    pub(super) runs: RunMetrics,
    pub(super) gate: GateMetrics,
    pub(super) clusters: ClusterMetrics,
    pub(super) review: ReviewMetrics,
    pub(super) http: HttpMetrics,
}

impl Metrics {
    /// Every family, at 0.
    pub(super) fn new(build: Build) -> Self {
        let make = Maker(Registry::new());
        let labels = [("version", build.version), ("revision", build.revision)];
        make.gauge_with(
            "orderly_build_info",
            "Which program this is; always 1.",
            &labels,
        )
        .set(1);
        let metrics = Self {
            agent: AgentMetrics::new(&make),
            source: SourceMetrics::new(&make),
            runs: RunMetrics::new(&make),
            gate: GateMetrics::new(&make),
            clusters: ClusterMetrics::new(&make),
            review: ReviewMetrics::new(&make),
            http: HttpMetrics::new(&make),
            registry: make.0,
        };
        metrics.start_at_zero();
        metrics
    }

    fn start_at_zero(&self) {
        self.agent.config_current.set(1);
        zero(&self.agent.config_reloads, &["applied", "refused"]);
        zero(&self.source.syncs, &SyncResult::ALL.map(SyncResult::as_str));
        zero(&self.source.skipped, &NotRun::ALL.map(NotRun::as_str));
        zero(&self.runs.started, &TRIGGERS);
        zero(
            &self.runs.rotations,
            &[End::Completed, End::RolledBack, End::GivenUp].map(End::as_str),
        );
        zero_pairs(
            &self.runs.ended,
            &RunOutcome::ALL.map(RunOutcome::as_str),
            &TRIGGERS,
        );
        let decisions = [Decision::Allow, Decision::ask(), Decision::Deny];
        let decisions = decisions.each_ref().map(Decision::as_str);
        zero_pairs(
            &self.gate.decisions,
            &decisions,
            &CLASSES.map(Class::as_str),
        );
        zero_pairs(
            &self.gate.contributions,
            &STAGES.map(Stage::as_str),
            &decisions,
        );
        zero(&self.gate.clock_jumps, &["back", "forward"]);
        zero(&self.gate.approval_votes, &["approve", "deny"]);
        let ends = [
            Standing::Denied { by: String::new() },
            Standing::Expired,
            Standing::Withdrawn,
            Standing::Cancelled { by: String::new() },
            Standing::Redeemed,
        ];
        zero(
            &self.gate.approvals_ended,
            &ends.each_ref().map(Standing::as_str),
        );
        self.review.start_at_zero();
        zero(&self.http.refused, &REFUSALS);
        zero(&self.source.triggers_received, &["webhook", "alert"]);
    }

    /// The counters of these actions exist from now on.
    pub(super) fn expect_action(&self, action: &str) {
        zero(&self.runs.steps_started, &[action]);
        zero_pairs(&self.runs.steps, &[action], &STEP_RESULTS);
        self.runs.step_duration.with_label_values(&[action]);
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
    fn amounts(&self, name: &str, help: &str, labels: &[&str]) -> CounterVec {
        self.entered(CounterVec::new(Opts::new(name, help), labels))
    }
    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.entered(IntGaugeVec::new(Opts::new(name, help), labels))
    }
    fn numbers(&self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        self.entered(GaugeVec::new(Opts::new(name, help), labels))
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
