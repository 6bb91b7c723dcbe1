//! A request from outside, a webhook or an alert → the runs that it starts.

use crate::{
    domain::{
        audit::Entry,
        id::RunId,
        occurrence::{NotRun, Occurrence},
        run::Cause,
        runbook::Trigger,
    },
    flow::{
        start::{self, NotStarted, Wish},
        world::World,
    },
    history::Write,
    ports::agent::AgentError,
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// A signed request: HMAC-SHA-256 over the raw body, as `sha256=<hex>`.
pub(super) async fn webhook(
    world: &Arc<World>,
    name: &str,
    signature: Option<&str>,
    body: &[u8],
) -> Result<Vec<RunId>, AgentError> {
    let settings = world.settings();
    let secret = settings
        .webhooks
        .get(name)
        .ok_or_else(|| AgentError::NotFound(format!("webhook {name}")))?;
    let key = world
        .secrets
        .get(secret)
        .map_err(|error| AgentError::Unavailable(error.to_string()))?;
    if !signed(key.expose().as_bytes(), signature, body) {
        let why = "the signature is missing or wrong";
        let resource = format!("webhook/{name}");
        let refused = Entry::new(world.now(), "webhook", "webhook.refused", resource).failed(why);
        let writes = vec![Write::Audit(refused)];
        world.write("a refused webhook", writes).await?;
        return Err(AgentError::Forbidden(why.to_owned()));
    }
    let wanted = |trigger: &Trigger| matches!(trigger, Trigger::Webhook { name: own } if own.as_str() == name);
    let runs = start_triggered(
        world,
        wanted,
        &Cause::Webhook {
            name: name.to_owned(),
        },
    )
    .await?;
    received(
        world,
        ("webhook.received", format!("webhook/{name}")),
        &runs,
    )
    .await?;
    world.events.trigger_received("webhook", name, runs.len());
    Ok(runs)
}

/// A line of the audit log about a request that was taken, and the runs that it started.
async fn received(
    world: &World,
    (action, resource): (&str, String),
    runs: &[RunId],
) -> Result<(), AgentError> {
    let entry = Entry::new(world.now(), "webhook", action, resource).with(json!({"runs": runs}));
    world
        .write("a request that was taken", vec![Write::Audit(entry)])
        .await?;
    Ok(())
}

/// Compares in constant time.
fn signed(key: &[u8], signature: Option<&str>, body: &[u8]) -> bool {
    let hex = signature.and_then(|text| text.strip_prefix("sha256="));
    let Some(given) = hex.and_then(|hex| hex::decode(hex).ok()) else {
        return false;
    };
    let Ok(mut mac) = Hmac::<sha2::Sha256>::new_from_slice(key) else {
        return false;
    };
    mac.update(body);
    mac.verify_slice(&given).is_ok()
}

/// Starts every runbook that has such a trigger. One that cannot start now is recorded as not run.
async fn start_triggered(
    world: &Arc<World>,
    wanted: impl Fn(&Trigger) -> bool,
    cause: &Cause,
) -> Result<Vec<RunId>, AgentError> {
    let in_use = world.in_use();
    let environment = world.settings().environment.clone();
    let mut runs = Vec::new();
    for found in in_use
        .set
        .runbooks()
        .filter(|found| found.runbook.applies_in(&environment))
    {
        let Some(trigger) = found
            .runbook
            .triggers
            .iter()
            .find(|trigger| wanted(trigger))
        else {
            continue;
        };
        let now = world.now();
        let name = found.runbook.name.clone();
        let started = match world.suspended(&name, now) {
            Some(detail) => Err(NotStarted::Because(NotRun::Suspended, detail)),
            None => start::start(world, Wish::of(name.clone(), cause.clone())).await,
        };
        match started {
            Ok(header) => runs.push(header.id),
            Err(NotStarted::Unavailable(error)) => return Err(error.into()),
            Err(why) => {
                let occurrence = Occurrence {
                    runbook: name,
                    trigger: trigger.key(),
                    nominal: now,
                };
                let skipped = start::skipped(occurrence, &why, now);
                let writes = vec![Write::Skipped(skipped.clone())];
                world.write("a trigger that did not run", writes).await?;
                world.events.occurrence_skipped(&skipped);
            }
        }
    }
    Ok(runs)
}

/// Firing alerts of Alertmanager's webhook payload, version 4. Each starts the runbooks whose labels it carries.
pub(super) async fn alerts(world: &Arc<World>, payload: &Value) -> Result<Vec<RunId>, AgentError> {
    let alerts = payload.get("alerts").and_then(Value::as_array);
    let alerts =
        alerts.ok_or_else(|| AgentError::Invalid("the payload has no `alerts`".to_owned()))?;
    let mut runs = Vec::new();
    for alert in alerts
        .iter()
        .filter(|alert| alert.get("status").and_then(Value::as_str) == Some("firing"))
    {
        let labels: BTreeMap<String, String> = alert
            .get("labels")
            .and_then(|labels| serde_json::from_value(labels.clone()).ok())
            .unwrap_or_default();
        let carries = |wanted: &BTreeMap<Box<str>, Box<str>>| {
            wanted.iter().all(|(name, value)| {
                labels.get(name.as_ref()).map(String::as_str) == Some(value.as_ref())
            })
        };
        let wanted =
            |trigger: &Trigger| matches!(trigger, Trigger::Alert { labels } if carries(labels));
        let name = labels.get("alertname").cloned().unwrap_or_default();
        let started = start_triggered(world, wanted, &Cause::Alert { name: name.clone() }).await?;
        let alert = ("alert.received", format!("alert/{name}"));
        received(world, alert, &started).await?;
        world.events.trigger_received("alert", &name, started.len());
        runs.extend(started);
    }
    Ok(runs)
}
