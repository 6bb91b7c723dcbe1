//! The families, by what they are about.

use super::{LATENESS, LONG, Maker, SHORT};
use prometheus::{Gauge, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge};

/// The agent itself.
#[derive(Debug)]
pub(in crate::telemetry) struct AgentMetrics {
    pub(in crate::telemetry) shutting_down: IntGauge,
    pub(in crate::telemetry) tasks_ended: IntCounterVec,
    pub(in crate::telemetry) config_reloads: IntCounterVec,
    pub(in crate::telemetry) config_current: IntGauge,
    pub(in crate::telemetry) history_failures: IntCounter,
    pub(in crate::telemetry) history_read_failures: IntCounter,
    pub(in crate::telemetry) audit_exports: IntCounter,
    pub(in crate::telemetry) audit_export_failures: IntCounter,
    pub(in crate::telemetry) audit_archived: IntCounter,
    pub(in crate::telemetry) audit_archive_failures: IntCounter,
    pub(in crate::telemetry) audit_breaks: IntCounter,
    pub(in crate::telemetry) notifications: IntCounterVec,
    pub(in crate::telemetry) series_dropped: IntCounter,
}

impl AgentMetrics {
    pub(super) fn new(make: &Maker) -> Self {
        Self {
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
            history_read_failures: make.counter(
                "orderly_history_read_failures_total",
                "Questions to the history that failed.",
            ),
            audit_exports: make.counter(
                "orderly_audit_exports_total",
                "Heads of the audit chain that were kept elsewhere.",
            ),
            audit_export_failures: make.counter(
                "orderly_audit_export_failures_total",
                "Heads of the audit chain that could not be kept elsewhere.",
            ),
            audit_archived: make.counter(
                "orderly_audit_archived_records_total",
                "Audit records that were moved to files.",
            ),
            audit_archive_failures: make.counter(
                "orderly_audit_archive_failures_total",
                "Times that old audit records could not be moved to a file.",
            ),
            audit_breaks: make.counter(
                "orderly_audit_breaks_total",
                "Times that the audit chain was found broken.",
            ),
            notifications: make.counters(
                "orderly_notifications_total",
                "Messages sent.",
                &["channel", "result"],
            ),
            series_dropped: make.counter(
                "orderly_series_dropped_total",
                "Values that were not kept because there are too many series.",
            ),
        }
    }
}

/// The source, the runbooks in use, and time.
#[derive(Debug)]
pub(in crate::telemetry) struct SourceMetrics {
    pub(in crate::telemetry) syncs: IntCounterVec,
    pub(in crate::telemetry) sync_duration: Histogram,
    pub(in crate::telemetry) sync_last_attempt: Gauge,
    pub(in crate::telemetry) sync_last_success: Gauge,
    pub(in crate::telemetry) rewrites: IntCounter,
    pub(in crate::telemetry) source_problems_found: IntCounter,
    pub(in crate::telemetry) source_problems: IntGauge,
    pub(in crate::telemetry) runbooks: IntGauge,
    pub(in crate::telemetry) runbooks_invalid: IntGauge,
    pub(in crate::telemetry) runbooks_lacking: IntGauge,
    pub(in crate::telemetry) suspensions: IntCounter,
    pub(in crate::telemetry) resumptions: IntCounter,
    pub(in crate::telemetry) tick_duration: Histogram,
    pub(in crate::telemetry) last_tick: Gauge,
    pub(in crate::telemetry) skipped: IntCounterVec,
    pub(in crate::telemetry) triggers_received: IntCounterVec,
}

impl SourceMetrics {
    pub(super) fn new(make: &Maker) -> Self {
        Self {
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
            rewrites: make.counter(
                "orderly_source_rewrites_total",
                "Revisions taken over that do not descend from the one before.",
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
            runbooks_lacking: make.gauge(
                "orderly_runbooks_lacking_configuration",
                "Runbooks in use that name secrets or webhooks which the agent's configuration does not.",
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
            triggers_received: make.counters(
                "orderly_triggers_received_total",
                "Webhooks and alerts that came in.",
                &["kind"],
            ),
        }
    }
}

/// Runs, steps and what they leave behind.
#[derive(Debug)]
pub(in crate::telemetry) struct RunMetrics {
    pub(in crate::telemetry) started: IntCounterVec,
    pub(in crate::telemetry) recovered: IntCounter,
    pub(in crate::telemetry) ended: IntCounterVec,
    pub(in crate::telemetry) running: IntGauge,
    pub(in crate::telemetry) duration: HistogramVec,
    pub(in crate::telemetry) lateness: Histogram,
    pub(in crate::telemetry) cancels: IntCounter,
    pub(in crate::telemetry) steps_started: IntCounterVec,
    pub(in crate::telemetry) steps: IntCounterVec,
    pub(in crate::telemetry) step_duration: HistogramVec,
    pub(in crate::telemetry) checks: IntCounterVec,
    pub(in crate::telemetry) output_lost: IntCounter,
    pub(in crate::telemetry) artifacts_stored: IntCounter,
    pub(in crate::telemetry) artifacts_doubted: IntCounter,
    pub(in crate::telemetry) artifacts_verified: IntCounter,
    pub(in crate::telemetry) artifacts_unsound: IntCounter,
    pub(in crate::telemetry) artifacts_removed: IntCounter,
    pub(in crate::telemetry) rotations: IntCounterVec,
    pub(in crate::telemetry) rotation_stages: IntCounterVec,
    pub(in crate::telemetry) rotation_undos: IntCounterVec,
}

impl RunMetrics {
    #[expect(
        clippy::too_many_lines,
        reason = "a list of metrics: name, help, labels"
    )]
    pub(super) fn new(make: &Maker) -> Self {
        Self {
            started: make.counters(
                "orderly_runs_started_total",
                "Runs that began.",
                &["trigger"],
            ),
            recovered: make.counter(
                "orderly_runs_recovered_total",
                "Runs that went on after a restart of the agent.",
            ),
            ended: make.counters(
                "orderly_runs_total",
                "Runs that ended.",
                &["outcome", "trigger"],
            ),
            running: make.gauge(
                "orderly_runs_running",
                "Runs that are going on, those that wait for people included.",
            ),
            duration: make.histograms(
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
            output_lost: make.counter(
                "orderly_step_output_lost_bytes_total",
                "Bytes of steps' output that could not be kept.",
            ),
            artifacts_stored: make.counter("orderly_artifacts_stored_total", "Artifacts stored."),
            artifacts_verified: make.counter(
                "orderly_artifacts_verified_total",
                "Artifacts restored and looked into.",
            ),
            artifacts_doubted: make.counter(
                "orderly_artifacts_doubted_total",
                "Artifacts that were made and are not plausible.",
            ),
            artifacts_unsound: make.counter(
                "orderly_artifacts_unsound_total",
                "Trial restores that found an artifact at fault.",
            ),
            artifacts_removed: make.counter(
                "orderly_artifacts_removed_total",
                "Artifacts removed on purpose.",
            ),
            rotations: make.counters(
                "orderly_rotations_total",
                "Rotations of credentials, by how they ended.",
                &["end"],
            ),
            rotation_stages: make.counters(
                "orderly_rotation_stages_total",
                "Stages of rotations, by how they ended.",
                &["stage", "outcome"],
            ),
            rotation_undos: make.counters(
                "orderly_rotation_undos_total",
                "Stages of rotations that were taken back, by how that ended.",
                &["stage", "outcome"],
            ),
        }
    }
}

/// The gate and people.
#[derive(Debug)]
pub(in crate::telemetry) struct GateMetrics {
    pub(in crate::telemetry) decisions: IntCounterVec,
    pub(in crate::telemetry) contributions: IntCounterVec,
    pub(in crate::telemetry) approvals_requested: IntCounter,
    pub(in crate::telemetry) approval_votes: IntCounterVec,
    pub(in crate::telemetry) approvals_ended: IntCounterVec,
    pub(in crate::telemetry) approvals_waiting: IntGauge,
    pub(in crate::telemetry) halted: IntGauge,
    pub(in crate::telemetry) clock_jumps: IntCounterVec,
    pub(in crate::telemetry) clock_in_doubt: IntGauge,
    pub(in crate::telemetry) circuits_opened: IntCounter,
    pub(in crate::telemetry) circuits_reset: IntCounter,
}

impl GateMetrics {
    pub(super) fn new(make: &Maker) -> Self {
        Self {
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
            halted: make.gauge(
                "orderly_halted",
                "1 while a person has stopped all effects, else 0.",
            ),
            clock_jumps: make.counters(
                "orderly_clock_jumps_total",
                "Times that the clock on the wall jumped.",
                &["direction"],
            ),
            clock_in_doubt: make.gauge(
                "orderly_clock_in_doubt",
                "1 from a jump of the clock on until a person has looked at it, else 0.",
            ),
            circuits_opened: make.counter(
                "orderly_circuits_opened_total",
                "Times that a runbook failed so often in a row that its changes ask people.",
            ),
            circuits_reset: make.counter(
                "orderly_circuits_reset_total",
                "Times that a person let such a runbook act by itself again.",
            ),
        }
    }
}

/// HTTP.
#[derive(Debug)]
pub(in crate::telemetry) struct HttpMetrics {
    pub(in crate::telemetry) requests: IntCounterVec,
    pub(in crate::telemetry) duration: HistogramVec,
    pub(in crate::telemetry) refused: IntCounterVec,
}

impl HttpMetrics {
    pub(super) fn new(make: &Maker) -> Self {
        Self {
            requests: make.counters(
                "orderly_http_requests_total",
                "Requests answered.",
                &["method", "route", "status"],
            ),
            duration: make.histograms(
                "orderly_http_request_duration_seconds",
                "How long requests took.",
                &["route"],
                &SHORT,
            ),
            refused: make.counters(
                "orderly_http_refused_total",
                "Requests refused for who sent them.",
                &["reason"],
            ),
        }
    }
}
