//! Kubernetes API servers.

use crate::telemetry::{ClusterState, Events};
use std::{sync::PoisonError, time::Duration};
use tracing::{info, trace, warn};

impl Events {
    /// A request to an API server has ended. `code` is the HTTP status of its answer, 0 where none came.
    pub fn cluster_asked(&self, cluster: &str, verb: &'static str, code: u16, took: Duration) {
        let word = match code {
            0 => "none".to_owned(),
            code => code.to_string(),
        };
        self.count(cluster, verb, &word, took);
        let state = match code {
            0 | 500.. => ClusterState::Away,
            _ => ClusterState::Up,
        };
        self.notice(cluster, &state);
    }

    /// Nothing could be asked of a cluster, because its configuration does not lead to it.
    pub fn cluster_unusable(
        &self,
        cluster: &str,
        verb: &'static str,
        reason: &str,
        took: Duration,
    ) {
        self.count(cluster, verb, "unusable", took);
        let reason = reason.lines().next().unwrap_or_default().to_owned();
        self.notice(cluster, &ClusterState::Unusable(reason));
    }

    fn count(&self, cluster: &str, verb: &'static str, code: &str, took: Duration) {
        let metrics = &self.metrics().clusters;
        let labels = [cluster, verb, code];
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

    /// A line only where that is new.
    fn notice(&self, cluster: &str, state: &ClusterState) {
        let metrics = &self.metrics().clusters;
        let mut known = metrics
            .states
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let up = metrics.up.with_label_values(&[cluster]);
        up.set(i64::from(*state == ClusterState::Up));
        let before = known.insert(cluster.to_owned(), state.clone());
        if before.as_ref() == Some(state) {
            return;
        }
        match state {
            ClusterState::Up if before.is_none() => {}
            ClusterState::Up => info!(cluster, "a Kubernetes API server answers again"),
            ClusterState::Away => warn!(cluster, "a Kubernetes API server does not answer"),
            ClusterState::Unusable(reason) => {
                warn!(
                    cluster,
                    reason, "a Kubernetes cluster cannot be reached as it is configured"
                );
            }
        }
    }

    /// The clusters whose last request was in vain, and why.
    pub fn clusters_in_vain(&self) -> Vec<(String, ClusterState)> {
        let known = &self.metrics().clusters.states;
        let known = known.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .iter()
            .filter(|(_, state)| **state != ClusterState::Up)
            .map(|(name, state)| (name.clone(), state.clone()))
            .collect()
    }

    /// These clusters are configured; their durations exist. No log line.
    pub fn set_clusters<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        for name in names {
            self.metrics().clusters.duration.with_label_values(&[name]);
        }
    }
}
