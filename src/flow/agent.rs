//! What people ask, and the answers.

use crate::{
    domain::{
        approval::{Person, Verdict},
        audit::Entry,
        digest::Digest,
        id::{ApprovalId, RunId},
        name::RunbookName,
        run::{Cause, RunEvent},
        runbook::Trigger,
    },
    flow::{
        approve,
        start::{self, NotStarted, Wish},
        suspend,
        sync::Sync as SyncStory,
        view,
        world::World,
    },
    history::{HistoryError, Write},
    ports::{
        BoxFuture,
        agent::{
            Agent as Port, AgentError, Dependency, RunbookView, StartRequest, StartedRun, SyncView,
            Upcoming,
        },
    },
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// The running agent, as people see it.
#[derive(Debug)]
pub struct Agent {
    /// What the stories need.
    pub world: Arc<World>,
    /// Following the source.
    pub sync: Arc<SyncStory>,
    /// What the daemon knows of its tasks.
    pub tasks: Arc<dyn TaskReport>,
}

/// What the daemon knows of its tasks.
pub trait TaskReport: Send + Sync + std::fmt::Debug {
    /// One line for each long-lived task.
    fn tasks(&self) -> Vec<Dependency>;
}

type Answer<'a, T> = BoxFuture<'a, Result<T, AgentError>>;

impl Port for Agent {
    fn runbooks(&self) -> Answer<'_, Vec<RunbookView>> {
        Box::pin(view::runbooks(&self.world))
    }
    fn definition(&self, name: &RunbookName) -> Option<Value> {
        let in_use = self.world.in_use();
        in_use
            .set
            .runbook(name)
            .and_then(|found| serde_json::to_value(found.runbook.as_ref()).ok())
    }
    fn upcoming(&self, runbook: Option<&RunbookName>, limit: usize) -> Vec<Upcoming> {
        view::upcoming(&self.world, runbook, limit)
    }
    fn sync_view(&self) -> SyncView {
        view::sync(&self.world, &self.sync)
    }
    fn dependencies(&self) -> Vec<Dependency> {
        view::dependencies(&self.world, &self.sync, self.tasks.as_ref())
    }
    fn start<'a>(&'a self, request: StartRequest, by: &'a Person) -> Answer<'a, StartedRun> {
        Box::pin(start_run(&self.world, request, by))
    }
    fn cancel<'a>(&'a self, run: RunId, by: &'a Person, reason: &'a str) -> Answer<'a, ()> {
        Box::pin(cancel(&self.world, run, by, reason))
    }
    fn vote<'a>(
        &'a self,
        approval: ApprovalId,
        by: &'a Person,
        verdict: Verdict,
        digest: Option<Digest>,
        comment: &'a str,
    ) -> Answer<'a, ()> {
        Box::pin(approve::vote(
            &self.world,
            approval,
            by,
            verdict,
            digest,
            comment,
        ))
    }
    fn suspend<'a>(
        &'a self,
        runbook: &'a RunbookName,
        until: Option<Timestamp>,
        by: &'a Person,
        reason: &'a str,
    ) -> Answer<'a, ()> {
        Box::pin(suspend::suspend(&self.world, runbook, until, by, reason))
    }
    fn resume<'a>(&'a self, runbook: &'a RunbookName, by: &'a Person) -> Answer<'a, ()> {
        Box::pin(suspend::resume(&self.world, runbook, by))
    }
    fn sync<'a>(&'a self, by: &'a Person, accept: Option<&'a str>) -> Answer<'a, SyncView> {
        Box::pin(async move {
            let now = self.world.now();
            let entry = Entry::new(now, &by.subject, "sync.requested", "source")
                .with(json!({"accept": accept}));
            write(&self.world, "a wish to sync", vec![Write::Audit(entry)]).await?;
            self.sync.sync_once(&self.world, accept).await;
            Ok(view::sync(&self.world, &self.sync))
        })
    }
    fn webhook<'a>(
        &'a self,
        name: &'a str,
        signature: Option<&'a str>,
        body: &'a [u8],
    ) -> Answer<'a, Vec<RunId>> {
        Box::pin(webhook(&self.world, name, signature, body))
    }
    fn alerts<'a>(&'a self, payload: &'a Value) -> Answer<'a, Vec<RunId>> {
        Box::pin(alerts(&self.world, payload))
    }
}

async fn write(world: &World, doing: &str, writes: Vec<Write>) -> Result<(), AgentError> {
    world
        .write(doing, writes)
        .await
        .map_err(|error| AgentError::Unavailable(error.to_string()))
}

async fn start_run(
    world: &Arc<World>,
    request: StartRequest,
    by: &Person,
) -> Result<StartedRun, AgentError> {
    let (key, runbook) = (request.idempotency_key.clone(), request.runbook.clone());
    // Before anything else: the run that it started may still be going on, and would be in its own way.
    if let Some(started) = started_by(world, key.clone(), &runbook).await? {
        return Ok(started);
    }
    let wish = Wish {
        runbook: request.runbook,
        cause: Cause::Person {
            subject: by.subject.clone(),
        },
        inputs: request.inputs,
        dry_run: request.dry_run,
        window_override: request.override_window.then(|| by.subject.clone()),
        idempotency_key: request.idempotency_key,
    };
    match start::start(world, wish).await {
        Ok(header) => Ok(StartedRun {
            run: header.id,
            existing: false,
        }),
        Err(NotStarted::Before) => {
            let started = started_by(world, key, &runbook).await?;
            started.ok_or_else(|| NotStarted::Before.into())
        }
        Err(why) => Err(why.into()),
    }
}

/// The run that a key has started. The same key again is answered with it, but only for the same runbook.
async fn started_by(
    world: &World,
    key: Option<String>,
    runbook: &RunbookName,
) -> Result<Option<StartedRun>, AgentError> {
    let unreadable = |error: HistoryError| AgentError::Unavailable(error.to_string());
    let Some(key) = key else { return Ok(None) };
    let found = world.history.idempotency(key).await.map_err(unreadable)?;
    let Some(run) = found else { return Ok(None) };
    let row = world.history.run(run).await.map_err(unreadable)?;
    match row.map(|row| row.header.runbook) {
        Some(other) if other != *runbook => Err(AgentError::Conflict(format!(
            "this idempotency key has started run {run} of runbook {other}\nhint: use a key of its own for each wish"
        ))),
        Some(_) | None => Ok(Some(StartedRun {
            run,
            existing: true,
        })),
    }
}

async fn cancel(world: &World, run: RunId, by: &Person, reason: &str) -> Result<(), AgentError> {
    let found = world
        .history
        .run(run)
        .await
        .map_err(|error| AgentError::Unavailable(error.to_string()))?;
    let found = found.ok_or_else(|| AgentError::NotFound(format!("run {run}")))?;
    if found.outcome.is_some() {
        return Err(AgentError::Conflict(format!("run {run} has ended already")));
    }
    let event = RunEvent::CancelRequested {
        by: by.subject.clone(),
        reason: reason.to_owned(),
    };
    let resource = format!("run/{run}");
    let audit = Entry::new(world.now(), &by.subject, "run.cancel_requested", resource)
        .with(json!({"reason": reason}));
    let writes = vec![
        Write::Event {
            run,
            event,
            at: world.now(),
        },
        Write::Audit(audit),
    ];
    write(world, "a wish to cancel", writes).await?;
    world.events.run_cancel_requested(run, &by.subject, reason);
    world.cancel(run, &by.subject, reason);
    Ok(())
}

/// A signed request: HMAC-SHA-256 over the raw body, as `sha256=<hex>`.
async fn webhook(
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
        write(world, "a refused webhook", vec![Write::Audit(refused)]).await?;
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
    world.events.trigger_received("webhook", name, runs.len());
    Ok(runs)
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
            Some(detail) => Err(NotStarted::Because(
                crate::domain::occurrence::NotRun::Suspended,
                detail,
            )),
            None => start::start(world, Wish::of(name.clone(), cause.clone())).await,
        };
        match started {
            Ok(header) => runs.push(header.id),
            Err(NotStarted::Unavailable(reason)) => return Err(AgentError::Unavailable(reason)),
            Err(why) => {
                let occurrence = crate::domain::occurrence::Occurrence {
                    runbook: name,
                    trigger: trigger.key(),
                    nominal: now,
                };
                let skipped = start::skipped(occurrence, &why, now);
                write(
                    world,
                    "a trigger that did not run",
                    vec![Write::Skipped(skipped.clone())],
                )
                .await?;
                world.events.occurrence_skipped(&skipped);
            }
        }
    }
    Ok(runs)
}

/// Firing alerts of Alertmanager's webhook payload, version 4. Each starts the runbooks whose labels it carries.
async fn alerts(world: &Arc<World>, payload: &Value) -> Result<Vec<RunId>, AgentError> {
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
        world.events.trigger_received("alert", &name, started.len());
        runs.extend(started);
    }
    Ok(runs)
}
