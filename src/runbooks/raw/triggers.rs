//! Triggers as they are written.

use crate::{
    domain::{
        name::{RunbookName, WebhookName},
        runbook::{AfterOutcome, AgentEvent, Missed},
        span::Span,
    },
    runbooks::alternatives::TriggerFields,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What starts a run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(try_from = "TriggerFields")]
#[schemars(!try_from, untagged)]
pub(in crate::runbooks) enum TriggerSpec {
    /// By the calendar.
    Schedule(ScheduleSpec),
    /// By elapsed time.
    Every(EverySpec),
    /// By a signed HTTP request.
    Webhook(WebhookTrigger),
    /// By an alert.
    Alert(AlertTrigger),
    /// By the agent itself.
    Agent(AgentTrigger),
    /// By the end of another runbook's run.
    After(AfterTrigger),
}

/// By the calendar.
#[derive(Debug, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::runbooks) struct ScheduleSpec {
    /// Five fields as in crontab(5): minute, hour, day of month, month, day of week; or `@daily` and the like.
    pub(in crate::runbooks) schedule: String,
    /// Whose clock on the wall, by its IANA name. UTC where none is named.
    pub(in crate::runbooks) time_zone: Option<String>,
    /// The start is put off by up to this, the same amount each time.
    #[serde(default)]
    pub(in crate::runbooks) spread: Span,
    /// What happens to occurrences that the agent was not there for.
    #[serde(default)]
    pub(in crate::runbooks) missed: Missed,
    /// An occurrence that could not start this long after its time does not start.
    pub(in crate::runbooks) start_deadline: Option<Span>,
}

/// By elapsed time.
#[derive(Debug, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::runbooks) struct EverySpec {
    /// Between two occurrences, counted from the moment the trigger became active.
    pub(in crate::runbooks) every: Span,
    /// The start is put off by up to this, the same amount each time.
    #[serde(default)]
    pub(in crate::runbooks) spread: Span,
    /// What happens to occurrences that the agent was not there for.
    #[serde(default)]
    pub(in crate::runbooks) missed: Missed,
    /// An occurrence that could not start this long after its time does not start.
    pub(in crate::runbooks) start_deadline: Option<Span>,
}

/// By a signed HTTP request.
#[derive(Debug, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::runbooks) struct WebhookTrigger {
    /// Which.
    pub(in crate::runbooks) webhook: WebhookSpec,
}

/// By the agent itself.
#[derive(Debug, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::runbooks) struct AgentTrigger {
    /// `started`: once, each time the agent has started.
    pub(in crate::runbooks) agent: AgentEvent,
}

/// A webhook of the agent's configuration.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::runbooks) struct WebhookSpec {
    /// Its name there, and in its address.
    pub(in crate::runbooks) name: WebhookName,
}

/// By an alert.
#[derive(Debug, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::runbooks) struct AlertTrigger {
    /// Which.
    pub(in crate::runbooks) alert: AlertSpec,
}

/// Alerts from Alertmanager.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::runbooks) struct AlertSpec {
    /// Labels that it must have, each with this value.
    #[serde(rename = "match")]
    pub(in crate::runbooks) labels: BTreeMap<Box<str>, Box<str>>,
}

/// By the end of another runbook's run.
#[derive(Debug, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::runbooks) struct AfterTrigger {
    /// Which.
    pub(in crate::runbooks) after: AfterSpec,
}

/// The end of another runbook's run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::runbooks) struct AfterSpec {
    /// The other runbook's name.
    pub(in crate::runbooks) runbook: RunbookName,
    /// How it must have ended.
    #[serde(default)]
    pub(in crate::runbooks) on: AfterOutcome,
}
