//! Reads what is one of several things told apart by a key.
//!
//! serde's own way (`untagged`) copies every value first, takes lists for structs and forgets why nothing fitted.

use crate::{
    domain::{
        runbook::{AgentEvent, Missed},
        span::Span,
    },
    runbooks::raw::{
        AfterSpec, AfterTrigger, AgentTrigger, AlertSpec, AlertTrigger, AllowSpec, DenySpec,
        EverySpec, ScheduleSpec, TriggerSpec, WebhookSpec, WebhookTrigger, WindowSpec,
    },
};
use serde::{Deserialize, Deserializer};

/// A field that counts as given also where its value is empty.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// Every key of every trigger.
#[derive(Deserialize)]
#[expect(
    clippy::option_option,
    reason = "not there, there but empty, and there are three things"
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TriggerFields {
    #[serde(default, deserialize_with = "given")]
    schedule: Option<String>,
    #[serde(default, deserialize_with = "given")]
    every: Option<Span>,
    #[serde(default, deserialize_with = "given")]
    webhook: Option<WebhookSpec>,
    #[serde(default, deserialize_with = "given")]
    alert: Option<AlertSpec>,
    #[serde(default, deserialize_with = "given")]
    agent: Option<AgentEvent>,
    #[serde(default, deserialize_with = "given")]
    after: Option<AfterSpec>,
    #[serde(default, deserialize_with = "given")]
    time_zone: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    spread: Option<Span>,
    #[serde(default, deserialize_with = "given")]
    missed: Option<Missed>,
    #[serde(default, deserialize_with = "given")]
    start_deadline: Option<Option<Span>>,
}

impl TriggerFields {
    fn has_timing(&self) -> bool {
        self.spread.is_some() || self.missed.is_some() || self.start_deadline.is_some()
    }
}

impl TryFrom<TriggerFields> for TriggerSpec {
    type Error = &'static str;
    fn try_from(fields: TriggerFields) -> Result<Self, &'static str> {
        let timing = fields.has_timing();
        let zone = fields.time_zone.is_some();
        let spread = fields.spread.unwrap_or_default();
        let missed = fields.missed.unwrap_or_default();
        let start_deadline = fields.start_deadline.flatten();
        let sources = (
            fields.schedule,
            fields.every,
            fields.webhook,
            fields.alert,
            fields.agent,
            fields.after,
        );
        match sources {
            (Some(schedule), None, None, None, None, None) => Ok(Self::Schedule(ScheduleSpec {
                schedule,
                time_zone: fields.time_zone.flatten(),
                spread,
                missed,
                start_deadline,
            })),
            (None, Some(every), None, None, None, None) if !zone => Ok(Self::Every(EverySpec {
                every,
                spread,
                missed,
                start_deadline,
            })),
            (None, None, Some(webhook), None, None, None) if !zone && !timing => {
                Ok(Self::Webhook(WebhookTrigger { webhook }))
            }
            (None, None, None, Some(alert), None, None) if !zone && !timing => {
                Ok(Self::Alert(AlertTrigger { alert }))
            }
            (None, None, None, None, Some(agent), None) if !zone && !timing => {
                Ok(Self::Agent(AgentTrigger { agent }))
            }
            (None, None, None, None, None, Some(after)) if !zone && !timing => {
                Ok(Self::After(AfterTrigger { after }))
            }
            _ => Err("a trigger is one of schedule, every, webhook, alert, agent and after"),
        }
    }
}

/// Every key of every window.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WindowFields {
    #[serde(default, deserialize_with = "given")]
    allow: Option<String>,
    #[serde(default, deserialize_with = "given")]
    deny: Option<String>,
    #[serde(rename = "for")]
    lasts: Span,
}

impl TryFrom<WindowFields> for WindowSpec {
    type Error = &'static str;
    fn try_from(fields: WindowFields) -> Result<Self, &'static str> {
        let lasts = fields.lasts;
        match (fields.allow, fields.deny) {
            (Some(allow), None) => Ok(Self::Allow(AllowSpec { allow, lasts })),
            (None, Some(deny)) => Ok(Self::Deny(DenySpec { deny, lasts })),
            (None, None) | (Some(_), Some(_)) => Err("a window is one of allow and deny"),
        }
    }
}
