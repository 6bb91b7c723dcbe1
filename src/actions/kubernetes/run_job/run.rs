//! Carrying out `kubernetes/run-job`.

use super::{Cleanup, RunJobInputs, RunJobOutputs, pods::Pods};
use crate::{
    actions::{
        framework::{World, outputs},
        kubernetes::{
            kept,
            object::{condition, count, is, text},
            own::uid,
            report_error,
            subject::Subject,
            until::{Ended, State, until_ended},
        },
    },
    domain::{check::CheckStatus, run::StepReport},
    ports::{
        cluster::{Change, ClusterError, Deletion, Dependents},
        executor::{LogStream, Session},
    },
};
use serde_json::Value;
use std::time::Duration;

/// How long the last lines of containers are waited for once the Job has ended.
const LAST_LINES: Duration = Duration::from_secs(3);

/// A Job that was started.
struct Started<'a> {
    inputs: &'a RunJobInputs,
    session: &'a Session,
    world: &'a World,
    subject: Subject,
    uid: String,
    found: bool,
}

pub(super) async fn run(
    inputs: &RunJobInputs,
    session: &Session,
    world: &World,
) -> Result<StepReport, StepReport> {
    // Not broken off by a stop: nobody would know whether the Job was made.
    let started = start(inputs, session, world).await?;
    if session.context.dry_run {
        return Ok(StepReport::succeeded(
            format!("would run {}; the server agrees", started.subject),
            Value::Null,
        ));
    }
    let verb = if started.found { "found" } else { "started" };
    let note = format!("{verb} {}\n", started.subject);
    session.log.append(LogStream::Note, note.as_bytes());
    let ended = started.watch().await;
    started.settle(ended).await
}

/// Starts the Job, unless an earlier attempt of this step has done so.
async fn start<'a>(
    inputs: &'a RunJobInputs,
    session: &'a Session,
    world: &'a World,
) -> Result<Started<'a>, StepReport> {
    let own = inputs.own(&session.context);
    let attempt = session.context.attempt;
    let failed = |error| report_error(&format!("starting {}", own.subject(attempt)), &error);
    let started = |attempt: u32, job: &Value, found: bool| Started {
        inputs,
        session,
        world,
        subject: own.subject(attempt),
        uid: uid(job).to_owned(),
        found,
    };
    if !session.context.dry_run
        && let Some((before, job)) = own.newest(world).await.map_err(failed)?
    {
        // One that has failed is run again only where that is known to be well.
        let again = inputs.idempotent && before < attempt && is(&job, "Failed");
        if !again {
            return Ok(started(before, &job, true));
        }
    }
    let manifest = match inputs.cron_job() {
        None => inputs.manifest(&session.context),
        Some(subject) => {
            let cron_job = subject.get(world).await.map_err(failed)?;
            inputs.of_cron_job(&cron_job, &session.context)
        }
    };
    let job = own.make(&manifest, world).await.map_err(failed)?;
    Ok(started(attempt, &job, false))
}

/// As the Job's own conditions say it.
fn state(job: &Value) -> State {
    if is(job, "Complete") {
        return State::Done;
    }
    if is(job, "Failed") {
        let failed = condition(job, "Failed").unwrap_or(&Value::Null);
        let (reason, message) = (text(failed, "/reason"), text(failed, "/message"));
        return State::Failed(format!("{reason}: {message}"));
    }
    let suspended = job.pointer("/spec/suspend") == Some(&Value::Bool(true));
    State::Waiting(format!(
        "{} of its pods are active, {} have succeeded, {} have failed{}",
        count(job, "/status/active"),
        count(job, "/status/succeeded"),
        count(job, "/status/failed"),
        if suspended { "; it is suspended" } else { "" }
    ))
}

impl Started<'_> {
    fn pods(&self) -> Pods<'_> {
        Pods {
            inputs: self.inputs,
            job: &self.subject.name,
            session: self.session,
            world: self.world,
        }
    }

    /// Waits for its end, and says meanwhile what its containers say.
    async fn watch(&self) -> Ended {
        let (over, heard) = tokio::sync::oneshot::channel::<()>();
        let (subject, wait) = (&self.subject, self.inputs.wait);
        let waiting = async {
            let ended =
                until_ended(subject, &self.uid, wait, self.session, self.world, state).await;
            drop(over);
            ended
        };
        let following = self.pods().follow(async {
            let _dropped = heard.await;
        });
        let mut following = std::pin::pin!(following);
        let mut waiting = std::pin::pin!(waiting);
        let ended = tokio::select! {
            ended = &mut waiting => ended,
            () = &mut following => return waiting.await,
        };
        if !matches!(ended, Ended::Stopped) {
            tokio::select! {
                () = following => {}
                () = self.session.stop.cancelled() => {}
                () = self.world.clock.sleep(LAST_LINES) => {}
            }
        }
        ended
    }

    async fn settle(&self, ended: Ended) -> Result<StepReport, StepReport> {
        let subject = &self.subject;
        match ended {
            Ended::Done(job) => self.done(&job).await,
            Ended::Failed(job, why) => Err(self.failed(&job, &why).await),
            Ended::Late(missing) => {
                let reasons = self.pods().reasons().await;
                let left = self.left_behind().await;
                let why = format!("{subject} has not ended: {missing}{reasons}{left}");
                Err(StepReport::failed(why, true))
            }
            Ended::Gone => Err(StepReport::failed(
                format!("{subject} was deleted by somebody else before its end was seen"),
                self.inputs.idempotent,
            )),
            Ended::Stopped => {
                let left = self.left_behind().await;
                Err(StepReport::canceled(format!(
                    "{subject} was not waited for{left}"
                )))
            }
            Ended::Refused(error) => Err(StepReport::failed(
                format!("{subject} was started, but waiting for it failed: {error}"),
                error.retryable(),
            )),
        }
    }

    async fn done(&self, job: &Value) -> Result<StepReport, StepReport> {
        let mut left = self.outputs(job);
        let kept = self.pods().keep().await;
        left.artifact = kept.map_err(|report| StepReport {
            outputs: outputs(&left),
            summary: format!("{} has succeeded, but {}", self.subject, report.summary),
            ..report
        })?;
        let mut summary = format!("{} has succeeded", self.subject);
        if let Some(artifact) = &left.artifact {
            summary = format!("{summary}; {}", kept::words(artifact));
        }
        if self.inputs.cleanup == Cleanup::Never {
            return Ok(StepReport::succeeded(summary, outputs(&left)));
        }
        match self.delete().await {
            Ok(()) => {
                left.deleted = true;
                Ok(StepReport::succeeded(
                    format!("{summary}, and is deleted"),
                    outputs(&left),
                ))
            }
            Err(error) => Ok(StepReport::checked(
                CheckStatus::Warning,
                format!("{summary}, but could not be deleted: {error}"),
                outputs(&left),
            )),
        }
    }

    async fn failed(&self, job: &Value, why: &str) -> StepReport {
        let mut left = self.outputs(job);
        let said = self.pods().last_words().await;
        let mut summary = format!("{} has failed: {why}{said}", self.subject);
        match self.pods().keep().await {
            Ok(artifact) => left.artifact = artifact,
            Err(report) => summary = format!("{summary}; {}", report.summary),
        }
        if self.inputs.cleanup == Cleanup::Always {
            match self.delete().await {
                Ok(()) => left.deleted = true,
                Err(error) => summary = format!("{summary}; it could not be deleted: {error}"),
            }
        }
        StepReport {
            outputs: outputs(&left),
            ..StepReport::failed(summary, self.inputs.idempotent)
        }
    }

    /// What becomes of a Job that is not waited for any longer, for people.
    async fn left_behind(&self) -> String {
        if self.inputs.cleanup != Cleanup::Always {
            return "; it goes on\nhint: set `cleanup: always` to have it deleted then".to_owned();
        }
        match self.delete().await {
            Ok(()) => "; it is being deleted with its pods".to_owned(),
            Err(error) => format!("; it could not be deleted and goes on: {error}"),
        }
    }

    /// Deletes this very Job, its pods first.
    async fn delete(&self) -> Result<(), ClusterError> {
        let deletion = Deletion {
            uid: Some(&self.uid),
            dependents: Dependents::Foreground,
            ..Deletion::default()
        };
        let change = Change::Delete(deletion);
        match self.subject.change(self.world, change, false).await {
            Ok(_) | Err(ClusterError::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn outputs(&self, job: &Value) -> RunJobOutputs {
        RunJobOutputs {
            cluster: self.subject.cluster.clone(),
            namespace: self.inputs.namespace.clone(),
            job: self.subject.name.clone(),
            uid: self.uid.clone(),
            found: self.found,
            succeeded: count(job, "/status/succeeded"),
            failed: count(job, "/status/failed"),
            started_at: text(job, "/status/startTime").to_owned(),
            completed_at: text(job, "/status/completionTime").to_owned(),
            deleted: false,
            artifact: None,
        }
    }
}
