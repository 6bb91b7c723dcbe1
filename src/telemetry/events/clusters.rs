//! Kubernetes API servers.

use crate::telemetry::Events;
use std::time::Duration;
use tracing::trace;

impl Events {
    /// A request to an API server has ended. `code` is the HTTP status of its answer, 0 where none came.
    pub fn cluster_asked(&self, cluster: &str, verb: &'static str, code: u16, took: Duration) {
        let metrics = &self.metrics().clusters;
        let word = match code {
            0 => "none".to_owned(),
            code => code.to_string(),
        };
        let labels = [cluster, verb, word.as_str()];
        metrics.requests.with_label_values(&labels).inc();
        let took_seconds = took.as_secs_f64();
        metrics
            .duration
            .with_label_values(&[cluster])
            .observe(took_seconds);
        trace!(
            cluster,
            verb, code, took_seconds, "asked a Kubernetes API server"
        );
    }

    /// These clusters are configured; their durations exist. No log line.
    pub fn set_clusters<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        for name in names {
            self.metrics().clusters.duration.with_label_values(&[name]);
        }
    }
}
