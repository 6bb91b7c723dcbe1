//! What people ask, and the answers.

use crate::{
    domain::{
        approval::{Person, Verdict},
        audit::Entry,
        digest::Digest,
        id::{ApprovalId, ArtifactId, RunId},
        lock::LockWait,
        name::{CredentialName, RunbookName},
        run::{Cause, RunEvent},
    },
    flow::{
        approve, artifacts, called, circuit, clock, credentials, given, halt,
        start::{self, NotStarted, Wish},
        suspend,
        sync::Sync as SyncStory,
        view,
        world::{World, held},
    },
    history::{HistoryError, Write},
    ports::{
        BoxFuture,
        agent::{
            Agent as Port, AgentError, Dependency, HaltView, RestoreRequest, RunbookView,
            StartRequest, StartedRun, SyncView, Upcoming,
        },
    },
};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::Arc;

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
    fn upcoming<'a>(
        &'a self,
        runbook: Option<&'a RunbookName>,
        limit: usize,
    ) -> Answer<'a, Vec<Upcoming>> {
        Box::pin(async move {
            let mut due = view::upcoming(&self.world, runbook, limit);
            view::note_trials(&self.world, &mut due).await?;
            Ok(due)
        })
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
    fn cancel_approval<'a>(
        &'a self,
        approval: ApprovalId,
        by: &'a Person,
        reason: &'a str,
    ) -> Answer<'a, ()> {
        Box::pin(approve::cancel(&self.world, approval, by, reason))
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
    fn reset<'a>(
        &'a self,
        runbook: &'a RunbookName,
        by: &'a Person,
        reason: &'a str,
    ) -> Answer<'a, ()> {
        Box::pin(circuit::reset(&self.world, runbook, by, reason))
    }
    fn waiting_for_lock(&self, run: RunId) -> Option<LockWait> {
        held(&self.world.lock_waits).get(&run).cloned()
    }
    fn trust_clock<'a>(&'a self, by: &'a Person, reason: &'a str) -> Answer<'a, ()> {
        Box::pin(clock::trust(&self.world, by, reason))
    }
    fn halted(&self) -> HaltView {
        halt::view(&self.world)
    }
    fn halt<'a>(&'a self, by: &'a Person, reason: &'a str) -> Answer<'a, HaltView> {
        Box::pin(async move {
            let now = self.world.now();
            halt::halt(&self.world, &by.subject, reason, now).await
        })
    }
    fn unhalt<'a>(&'a self, by: &'a Person, reason: &'a str) -> Answer<'a, HaltView> {
        Box::pin(halt::unhalt(&self.world, by, reason))
    }
    fn accept_artifact<'a>(
        &'a self,
        artifact: ArtifactId,
        by: &'a Person,
        reason: &'a str,
    ) -> Answer<'a, ()> {
        Box::pin(artifacts::accept(&self.world, artifact, by, reason))
    }
    fn forget_credential<'a>(
        &'a self,
        name: &'a CredentialName,
        by: &'a Person,
        reason: &'a str,
    ) -> Answer<'a, ()> {
        Box::pin(credentials::forget(&self.world, name, by, reason))
    }
    fn verify_artifact<'a>(
        &'a self,
        artifact: ArtifactId,
        by: &'a Person,
    ) -> Answer<'a, StartedRun> {
        Box::pin(given::verify(&self.world, artifact, by))
    }
    fn restore_artifact<'a>(
        &'a self,
        artifact: ArtifactId,
        request: RestoreRequest,
        by: &'a Person,
    ) -> Answer<'a, StartedRun> {
        Box::pin(given::restore(&self.world, artifact, request, by))
    }
    fn sync<'a>(&'a self, by: &'a Person, accept: Option<&'a str>) -> Answer<'a, SyncView> {
        Box::pin(async move {
            let now = self.world.now();
            let entry = Entry::new(now, &by.subject, "sync.requested", "source")
                .with(json!({"accept": accept}));
            self.world
                .write("a wish to sync", vec![Write::Audit(entry)])
                .await?;
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
        Box::pin(called::webhook(&self.world, name, signature, body))
    }
    fn alerts<'a>(&'a self, payload: &'a Value) -> Answer<'a, Vec<RunId>> {
        Box::pin(called::alerts(&self.world, payload))
    }
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
        run: None,
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
        Err(why) => Err(start::told(world, &runbook, by, why).await),
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
        .with(json!({"run": run, "runbook": found.header.runbook, "reason": reason}));
    let writes = vec![
        Write::Event {
            run,
            event,
            at: world.now(),
        },
        Write::Audit(audit),
    ];
    world.write("a wish to cancel", writes).await?;
    world.events.run_cancel_requested(run, &by.subject, reason);
    world.cancel(run, &by.subject, reason);
    Ok(())
}
