//! Kubernetes API servers.

use super::{Maker, SHORT};
use prometheus::{HistogramVec, IntCounterVec, IntGaugeVec};
use std::{collections::BTreeMap, sync::Mutex};

/// What the last request to an API server has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClusterState {
    /// It answers.
    Up,
    /// It does not answer, or fails by itself.
    Away,
    /// Its configuration does not lead to it; why.
    Unusable(String),
}

/// Requests to API servers.
#[derive(Debug)]
pub(in crate::telemetry) struct ClusterMetrics {
    pub(in crate::telemetry) requests: IntCounterVec,
    pub(in crate::telemetry) duration: HistogramVec,
    pub(in crate::telemetry) up: IntGaugeVec,
    /// What the last request to each has shown.
    pub(in crate::telemetry) states: Mutex<BTreeMap<String, ClusterState>>,
}

impl ClusterMetrics {
    pub(super) fn new(make: &Maker) -> Self {
        Self {
            requests: make.counters(
                "orderly_kubernetes_requests_total",
                "Requests to Kubernetes API servers, by the status of the answer; `none` where no answer came, `unusable` where the configuration does not lead to the cluster.",
                &["cluster", "verb", "code"],
            ),
            duration: make.histograms(
                "orderly_kubernetes_request_duration_seconds",
                "How long Kubernetes API servers took to answer; of streams, to begin.",
                &["cluster"],
                &SHORT,
            ),
            up: make.gauges(
                "orderly_kubernetes_up",
                "1 where the last request to the Kubernetes API server was answered.",
                &["cluster"],
            ),
            states: Mutex::default(),
        }
    }
}
