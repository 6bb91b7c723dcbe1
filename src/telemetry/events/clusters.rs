//! Kubernetes API servers.

use crate::telemetry::Events;
use std::{sync::PoisonError, time::Duration};
use tracing::{info, trace, warn};

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
        self.notice(cluster, code == 0 || code >= 500);
    }

    /// A line only where that is new.
    fn notice(&self, cluster: &str, in_vain: bool) {
        let metrics = &self.metrics().clusters;
        let mut away = metrics.away.lock().unwrap_or_else(PoisonError::into_inner);
        let up = metrics.up.with_label_values(&[cluster]);
        up.set(i64::from(!in_vain));
        if in_vain && away.insert(cluster.to_owned()) {
            warn!(cluster, "a Kubernetes API server does not answer");
        } else if !in_vain && away.remove(cluster) {
            info!(cluster, "a Kubernetes API server answers again");
        }
    }

    /// The clusters whose last request was in vain.
    pub fn clusters_away(&self) -> Vec<String> {
        let away = &self.metrics().clusters.away;
        let away = away.lock().unwrap_or_else(PoisonError::into_inner);
        away.iter().cloned().collect()
    }

    /// These clusters are configured; their durations exist. No log line.
    pub fn set_clusters<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        for name in names {
            self.metrics().clusters.duration.with_label_values(&[name]);
        }
    }
}
