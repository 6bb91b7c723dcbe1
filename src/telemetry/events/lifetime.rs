//! The agent itself: start, stop, tasks, configuration, history, HTTP.

use crate::telemetry::{Events, metrics::zero_pairs};
use std::{net::SocketAddr, time::Duration};
use tracing::{debug, error, info, warn};

/// Start and stop. The metric of both is `orderly_shutting_down` beside `process_start_time_seconds`.
impl Events {
    /// The agent is up.
    pub fn agent_started(&self, environment: &str, source: &str) {
        self.metrics().agent.shutting_down.set(0);
        info!(
            version = self.build().version,
            environment, source, "agent started"
        );
    }

    /// HTTP is answered at this address.
    pub fn listening(&self, address: SocketAddr) {
        info!(%address, "listening for HTTP");
    }

    /// A signal or a person asked for the end.
    pub fn shutdown_started(&self, cause: &str, running: usize) {
        self.metrics().agent.shutting_down.set(1);
        info!(cause, running, "shutting down");
    }

    /// The end. `stuck` names what did not stop in time.
    pub fn shutdown_ended(&self, took: Duration, stuck: &[String]) {
        let took_seconds = took.as_secs_f64();
        if stuck.is_empty() {
            info!(took_seconds, "stopped");
        } else {
            error!(took_seconds, stuck = stuck.join(", "), "stopped by force");
        }
    }

    /// A background task ended that should not have.
    pub fn task_ended(&self, task: &'static str, reason: &str) {
        self.metrics()
            .agent
            .tasks_ended
            .with_label_values(&[task])
            .inc();
        error!(task, reason, "task ended");
    }
}

/// Configuration and history.
impl Events {
    /// Actions that steps may use: their counters exist from now on. No log line.
    pub fn set_actions<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        for name in names {
            self.metrics().expect_action(name);
        }
    }

    /// Channels that messages go to: their counters exist from now on. No log line.
    pub fn set_channels<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        let names: Vec<&str> = names.into_iter().collect();
        zero_pairs(
            &self.metrics().agent.notifications,
            &names,
            &["sent", "failed"],
        );
    }

    /// A new configuration is in use.
    pub fn config_reloaded(&self) {
        self.metrics()
            .agent
            .config_reloads
            .with_label_values(&["applied"])
            .inc();
        self.metrics().agent.config_current.set(1);
        info!("configuration reloaded");
    }

    /// A new configuration is not taken; the old one stays.
    pub fn config_refused(&self, reason: &str) {
        self.metrics()
            .agent
            .config_reloads
            .with_label_values(&["refused"])
            .inc();
        self.metrics().agent.config_current.set(0);
        warn!(reason, "configuration refused, the one in use stays");
    }

    /// The history could not be written. Nothing more is touched until it can.
    pub fn history_commit_failed(&self, doing: &str, reason: &str) {
        self.metrics().agent.history_failures.inc();
        error!(doing, reason, "history could not be written");
    }

    /// The history could not be read. Whoever asked is told so.
    pub fn history_read_failed(&self, reason: &str) {
        self.metrics().agent.history_read_failures.inc();
        warn!(reason, "history could not be read");
    }

    /// The head of the audit chain was told here, and to the file that the configuration names.
    pub fn audit_exported(&self, head: &str) {
        self.metrics().agent.audit_exports.inc();
        info!(head, "audit head");
    }

    /// It could not be.
    pub fn audit_not_exported(&self, reason: &str) {
        self.metrics().agent.audit_export_failures.inc();
        error!(reason, "audit head could not be exported");
    }

    /// Old records were moved to a file.
    pub fn audit_archived(&self, records: u64, file: &str) {
        self.metrics().agent.audit_archived.inc_by(records);
        info!(records, file, "audit records moved to a file");
    }

    /// They could not be; they stay in the log.
    pub fn audit_not_archived(&self, reason: &str) {
        self.metrics().agent.audit_archive_failures.inc();
        error!(reason, "audit records could not be moved to a file");
    }

    /// The audit chain does not hold.
    pub fn audit_broken(&self, reason: &str) {
        self.metrics().agent.audit_breaks.inc();
        error!(reason, "audit log broken");
    }
}

/// HTTP and messages.
impl Events {
    /// A request was answered. `route` is the pattern, never the path itself.
    pub fn http_request(&self, method: &'static str, route: &str, status: u16, took: Duration) {
        let metrics = self.metrics();
        metrics
            .http
            .requests
            .with_label_values(&[method, route, &status.to_string()])
            .inc();
        metrics
            .http
            .duration
            .with_label_values(&[route])
            .observe(took.as_secs_f64());
        debug!(
            method,
            route,
            status,
            took_seconds = took.as_secs_f64(),
            "request answered"
        );
    }

    /// A request was refused for who sent it: `missing`, `unknown`, `role`, `host`, `rate`. What anybody can cause without end is for
    /// `debug` alone.
    pub fn http_refused(&self, reason: &'static str, route: &str) {
        self.metrics()
            .http
            .refused
            .with_label_values(&[reason])
            .inc();
        match reason {
            "missing" | "rate" => debug!(reason, route, "request refused"),
            _ => warn!(reason, route, "request refused"),
        }
    }

    /// A webhook or alert came in and started so many runs.
    pub fn trigger_received(&self, kind: &'static str, name: &str, runs: usize) {
        self.metrics()
            .source
            .triggers_received
            .with_label_values(&[kind])
            .inc();
        info!(kind, name, runs, "trigger received");
    }

    /// A message went out, or did not.
    pub fn notification_sent(&self, channel: &str, result: Result<(), &str>) {
        let word = if result.is_ok() { "sent" } else { "failed" };
        self.metrics()
            .agent
            .notifications
            .with_label_values(&[channel, word])
            .inc();
        match result {
            Ok(()) => info!(channel, "notification sent"),
            Err(reason) => warn!(channel, reason, "notification failed"),
        }
    }
}
