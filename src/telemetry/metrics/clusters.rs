//! Kubernetes API servers.

use super::{Maker, SHORT};
use prometheus::{HistogramVec, IntCounterVec, IntGaugeVec};
use std::{collections::BTreeSet, sync::Mutex};

/// Requests to API servers.
#[derive(Debug)]
pub(in crate::telemetry) struct ClusterMetrics {
    pub(in crate::telemetry) requests: IntCounterVec,
    pub(in crate::telemetry) duration: HistogramVec,
    pub(in crate::telemetry) up: IntGaugeVec,
    /// Those whose last request was in vain.
    pub(in crate::telemetry) away: Mutex<BTreeSet<String>>,
}

impl ClusterMetrics {
    pub(super) fn new(make: &Maker) -> Self {
        Self {
            requests: make.counters(
                "orderly_kubernetes_requests_total",
                "Requests to Kubernetes API servers, by the status of the answer; `none` where no answer came.",
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
            away: Mutex::default(),
        }
    }
}
