//! The AI reviewer.

use super::{Maker, zero, zero_pairs};
use crate::{
    domain::spending::BudgetState,
    telemetry::events::{CallOutcome, ReviewResult},
};
use prometheus::{CounterVec, GaugeVec, HistogramVec, IntCounterVec, IntGaugeVec};

/// From a tenth of a second to five minutes.
const ANSWERS: [f64; 10] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0, 300.0];

/// The AI reviewer and its providers.
#[derive(Debug)]
pub(in crate::telemetry) struct ReviewMetrics {
    pub(in crate::telemetry) reviews: IntCounterVec,
    pub(in crate::telemetry) requests: IntCounterVec,
    pub(in crate::telemetry) tokens: IntCounterVec,
    pub(in crate::telemetry) cost: CounterVec,
    pub(in crate::telemetry) duration: HistogramVec,
    pub(in crate::telemetry) canaries: IntCounterVec,
    pub(in crate::telemetry) breaker_open: IntGaugeVec,
    pub(in crate::telemetry) budget_used: GaugeVec,
    pub(in crate::telemetry) budget_state: IntGaugeVec,
}

impl ReviewMetrics {
    pub(super) fn new(make: &Maker) -> Self {
        Self {
            reviews: make.counters(
                "orderly_reviews_total",
                "Steps that the AI reviewer was to look at, by what came of it.",
                &["result"],
            ),
            requests: make.counters(
                "orderly_review_requests_total",
                "Requests to AI providers, canaries included.",
                &["provider", "outcome"],
            ),
            tokens: make.counters(
                "orderly_review_tokens_total",
                "Tokens that AI providers have counted.",
                &["provider", "direction"],
            ),
            cost: make.amounts(
                "orderly_review_cost_dollars_total",
                "US dollars for requests to AI providers, at the configured prices.",
                &["provider"],
            ),
            duration: make.histograms(
                "orderly_review_request_duration_seconds",
                "How long AI providers took to answer.",
                &["provider"],
                &ANSWERS,
            ),
            canaries: make.counters(
                "orderly_review_canaries_total",
                "Cases with a known answer that were put to AI providers.",
                &["provider", "result"],
            ),
            breaker_open: make.gauges(
                "orderly_review_breaker_open",
                "1 while an AI provider is left alone.",
                &["provider"],
            ),
            budget_used: make.numbers(
                "orderly_review_budget_used_ratio",
                "The part of the month's budget for AI that is used up.",
                &["limit"],
            ),
            budget_state: make.gauges(
                "orderly_review_budget_state",
                "1 for the state that the month's budget for AI is in.",
                &["state"],
            ),
        }
    }

    pub(super) fn start_at_zero(&self) {
        zero(&self.reviews, &ReviewResult::ALL.map(ReviewResult::as_str));
        for limit in ["tokens", "cost"] {
            self.budget_used.with_label_values(&[limit]);
        }
        for state in BudgetState::ALL {
            self.budget_state.with_label_values(&[state.as_str()]);
        }
    }

    /// These providers are asked from now on; their counters exist.
    pub(in crate::telemetry) fn expect_providers(&self, names: &[&str]) {
        zero_pairs(
            &self.requests,
            names,
            &CallOutcome::ALL.map(CallOutcome::as_str),
        );
        zero_pairs(&self.tokens, names, &["input", "output"]);
        zero_pairs(&self.canaries, names, &["passed", "failed"]);
        self.breaker_open.reset();
        for name in names {
            self.cost.with_label_values(&[name]);
            self.duration.with_label_values(&[name]);
            self.breaker_open.with_label_values(&[name]);
        }
    }
}
