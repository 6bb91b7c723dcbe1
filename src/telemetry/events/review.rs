//! The AI reviewer and its providers.

use crate::{
    domain::{
        plan::PlannedStep,
        spending::{BudgetState, Cost, Usage},
    },
    telemetry::{Events, events::trace_id},
};
use std::time::Duration;
use tracing::{debug, error, info, warn};

/// What came of a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewResult {
    /// Nothing against it.
    NoObjection,
    /// An earlier lack of objections to exactly this still counts.
    Cached,
    /// A person should look.
    NeedsHuman,
    /// It should not happen.
    Block,
    /// It is too large to be shown.
    TooLarge,
    /// Nobody answered.
    Unavailable,
}

impl ReviewResult {
    /// All results.
    pub const ALL: [Self; 6] = [
        Self::NoObjection,
        Self::Cached,
        Self::NeedsHuman,
        Self::Block,
        Self::TooLarge,
        Self::Unavailable,
    ];
    /// The word used in logs and metric labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoObjection => "no_objection",
            Self::Cached => "cached",
            Self::NeedsHuman => "needs_human",
            Self::Block => "block",
            Self::TooLarge => "too_large",
            Self::Unavailable => "unavailable",
        }
    }
}

/// How one request to a provider ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallOutcome {
    /// An answer without objections.
    NoObjection,
    /// An answer that wants a person.
    NeedsHuman,
    /// An answer that would block.
    Block,
    /// An answer that is none.
    NoAnswer,
    /// The model declined.
    Declined,
    /// The answer was cut.
    Truncated,
    /// Not the provider's own format.
    Malformed,
    /// The provider was busy.
    Busy,
    /// The provider refused the request.
    Rejected,
    /// The provider could not be reached.
    Unreachable,
    /// It took too long.
    TimedOut,
}

impl CallOutcome {
    /// All outcomes.
    pub const ALL: [Self; 11] = [
        Self::NoObjection,
        Self::NeedsHuman,
        Self::Block,
        Self::NoAnswer,
        Self::Declined,
        Self::Truncated,
        Self::Malformed,
        Self::Busy,
        Self::Rejected,
        Self::Unreachable,
        Self::TimedOut,
    ];
    /// The word used in logs and metric labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoObjection => "no_objection",
            Self::NeedsHuman => "needs_human",
            Self::Block => "block",
            Self::NoAnswer => "no_answer",
            Self::Declined => "declined",
            Self::Truncated => "truncated",
            Self::Malformed => "malformed",
            Self::Busy => "busy",
            Self::Rejected => "rejected",
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
        }
    }
}

/// One request to a provider.
#[derive(Debug, Clone, Copy)]
pub struct CallOf<'a> {
    /// Its name in the configuration.
    pub provider: &'a str,
    /// The model.
    pub model: &'a str,
    /// How it ended.
    pub outcome: CallOutcome,
    /// What the provider says it was.
    pub usage: Option<Usage>,
    /// What it cost; the worst where nobody can say.
    pub cost: Cost,
    /// How long it took.
    pub took: Duration,
}

/// How much of the month's budget is used up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BudgetUse {
    /// How it stands.
    pub state: BudgetState,
    /// The part of the tokens.
    pub tokens: f64,
    /// The part of the money.
    pub cost: f64,
}

impl Events {
    /// Providers that are asked from now on: their counters exist. No log line.
    pub fn set_reviewers<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        let names: Vec<&str> = names.into_iter().collect();
        self.metrics().review.expect_providers(&names);
    }

    /// A step was to be reviewed. `by` is who answered, or why nobody did.
    pub fn reviewed(&self, step: &PlannedStep, result: ReviewResult, by: &str) {
        let word = result.as_str();
        self.metrics()
            .review
            .reviews
            .with_label_values(&[word])
            .inc();
        let (trace_id, runbook, name) = (trace_id(step.run), &step.runbook, &step.step);
        match result {
            ReviewResult::NoObjection | ReviewResult::Cached => {
                debug!(run.id = %step.run, trace_id, %runbook, step = %name, result = word, by, "step reviewed");
            }
            ReviewResult::NeedsHuman | ReviewResult::Block | ReviewResult::TooLarge => {
                info!(run.id = %step.run, trace_id, %runbook, step = %name, result = word, by, "step reviewed");
            }
            ReviewResult::Unavailable => {
                warn!(run.id = %step.run, trace_id, %runbook, step = %name, result = word, by, "step reviewed");
            }
        }
    }

    /// A provider was asked.
    pub fn reviewer_asked(&self, call: CallOf<'_>) {
        let metrics = &self.metrics().review;
        let (provider, outcome) = (call.provider, call.outcome.as_str());
        metrics
            .requests
            .with_label_values(&[provider, outcome])
            .inc();
        let took_seconds = call.took.as_secs_f64();
        metrics
            .duration
            .with_label_values(&[provider])
            .observe(took_seconds);
        metrics
            .cost
            .with_label_values(&[provider])
            .inc_by(call.cost.dollars());
        let usage = call.usage.unwrap_or_default();
        for (direction, tokens) in [
            ("input", usage.input_tokens),
            ("output", usage.output_tokens),
        ] {
            metrics
                .tokens
                .with_label_values(&[provider, direction])
                .inc_by(tokens);
        }
        debug!(
            provider, model = call.model, outcome, took_seconds, cost = %call.cost, input_tokens = usage.input_tokens,
            output_tokens = usage.output_tokens, "AI provider asked"
        );
    }

    /// A provider was put to the test.
    pub fn reviewer_tested(&self, provider: &str, result: Result<(), &str>) {
        let word = if result.is_ok() { "passed" } else { "failed" };
        self.metrics()
            .review
            .canaries
            .with_label_values(&[provider, word])
            .inc();
        match result {
            Ok(()) => info!(provider, "AI provider passed its canaries"),
            Err(reason) => error!(provider, reason, "AI provider failed a canary"),
        }
    }

    /// A provider is left alone from now on, for this reason, or asked again.
    pub fn reviewer_breaker(&self, provider: &str, open: Option<&str>) {
        self.metrics()
            .review
            .breaker_open
            .with_label_values(&[provider])
            .set(i64::from(open.is_some()));
        match open {
            Some(reason) => warn!(provider, reason, "AI provider is left alone for a while"),
            None => info!(provider, "AI provider is asked again"),
        }
    }

    /// How the month's budget stands. Logged where its state has changed.
    pub fn review_budget(&self, now: BudgetUse, before: Option<BudgetState>) {
        let metrics = &self.metrics().review;
        for (limit, part) in [("tokens", now.tokens), ("cost", now.cost)] {
            metrics.budget_used.with_label_values(&[limit]).set(part);
        }
        for state in BudgetState::ALL {
            metrics
                .budget_state
                .with_label_values(&[state.as_str()])
                .set(i64::from(state == now.state));
        }
        if before == Some(now.state) {
            return;
        }
        let percent = |part: f64| format!("{:.0} %", part * 100.0);
        let (state, tokens, cost) = (now.state.as_str(), percent(now.tokens), percent(now.cost));
        match now.state {
            BudgetState::Ok => debug!(state, tokens, cost, "the month's budget for AI"),
            BudgetState::Warn => warn!(
                state,
                tokens, cost, "the month's budget for AI is nearly used up"
            ),
            BudgetState::Spent => warn!(
                state,
                tokens, cost, "the month's budget for AI is used up: changes ask people"
            ),
        }
    }
}
