//! Carrying out `kubernetes/snapshot-volume`.

use super::{
    SnapshotInputs, SnapshotOutputs,
    inputs::{LONGHORN_BACKUP, LONGHORN_SNAPSHOT, Longhorn, VOLUME_SNAPSHOT},
};
use crate::{
    actions::{
        framework::{World, outputs},
        kubernetes::{
            object::text,
            own::{Own, uid},
            report_error,
            subject::Subject,
            until::{Ended, State, until_ended},
        },
    },
    domain::run::{StepReport, StepResult},
    ports::{
        cluster::{Change, ClusterError, Deletion},
        executor::{LogStream, Session},
    },
};
use serde_json::Value;

/// What a step takes with it.
#[derive(Clone, Copy)]
struct Taking<'a> {
    inputs: &'a SnapshotInputs,
    session: &'a Session,
    world: &'a World,
    prefix: &'a str,
}

/// An object that was made.
struct Made {
    subject: Subject,
    uid: String,
    found: bool,
}

pub(super) async fn take(
    inputs: &SnapshotInputs,
    session: &Session,
    world: &World,
) -> Result<StepReport, StepReport> {
    let taking = Taking {
        inputs,
        session,
        world,
        prefix: &inputs.prefix(&session.context),
    };
    match &inputs.longhorn {
        None => taking.of_claim().await,
        Some(longhorn) => taking.by_longhorn(longhorn).await,
    }
}

impl Taking<'_> {
    async fn of_claim(self) -> Result<StepReport, StepReport> {
        self.check_claim().await?;
        let own = self.own(VOLUME_SNAPSHOT);
        let object = self.inputs.volume_snapshot(&own);
        let made = self.make(&own, &object, volume_snapshot).await?;
        if self.is_dry() {
            return Ok(would(&made));
        }
        let ready = self.wait(&made, volume_snapshot).await?;
        let status = |field: &str| text(&ready, &format!("/status/{field}")).to_owned();
        let left = SnapshotOutputs {
            restore_size: status("restoreSize"),
            taken_at: status("creationTime"),
            content: Some(status("boundVolumeSnapshotContentName")),
            ..self.outputs(&made)
        };
        Ok(self.succeeded(&made, &left))
    }

    async fn by_longhorn(self, longhorn: &Longhorn) -> Result<StepReport, StepReport> {
        let made = match &longhorn.snapshot {
            Some(_) => None,
            None => Some(self.longhorn_snapshot(longhorn).await?),
        };
        let named = made.as_ref().map(|made| made.subject.name.as_str());
        let snapshot = longhorn.snapshot.as_deref().or(named).unwrap_or_default();
        match self.longhorn_backup(longhorn, snapshot).await {
            Err(report) if self.inputs.undo_on_failure => {
                // What only this backup was to be made of goes with it.
                if let Some(made) = made.filter(|_| !self.is_dry()) {
                    return Err(self.undone(&made, report).await);
                }
                Err(report)
            }
            ended => ended,
        }
    }

    async fn longhorn_snapshot(self, longhorn: &Longhorn) -> Result<Made, StepReport> {
        let own = self.own(LONGHORN_SNAPSHOT);
        let object = self.inputs.longhorn_snapshot(longhorn, &own);
        let made = self.make(&own, &object, longhorn_snapshot).await?;
        if !self.is_dry() {
            self.wait(&made, longhorn_snapshot).await?;
        }
        Ok(made)
    }

    async fn longhorn_backup(
        self,
        longhorn: &Longhorn,
        snapshot: &str,
    ) -> Result<StepReport, StepReport> {
        let own = self.own(LONGHORN_BACKUP);
        let object = self.inputs.longhorn_backup(longhorn, snapshot, &own);
        let made = self.make(&own, &object, longhorn_backup).await?;
        if self.is_dry() {
            return Ok(would(&made));
        }
        let ready = self.wait(&made, longhorn_backup).await?;
        let status = |field: &str| text(&ready, &format!("/status/{field}")).to_owned();
        let left = SnapshotOutputs {
            restore_size: status("size"),
            taken_at: status("snapshotCreatedAt"),
            backup_url: Some(status("url")),
            snapshot: Some(snapshot.to_owned()),
            ..self.outputs(&made)
        };
        Ok(self.succeeded(&made, &left))
    }

    fn is_dry(self) -> bool {
        self.session.context.dry_run
    }

    fn own<'a>(&'a self, kind: &'a str) -> Own<'a> {
        self.inputs.own(kind, self.prefix, &self.session.context)
    }

    /// A snapshot of a claim without a volume would wait for ever.
    async fn check_claim(self) -> Result<(), StepReport> {
        let Some(claim) = self.inputs.claim() else {
            return Ok(());
        };
        let failed = |error| report_error(&format!("taking a snapshot of {claim}"), &error);
        let found = claim.get(self.world).await.map_err(failed)?;
        match text(&found, "/status/phase") {
            "Bound" => Ok(()),
            phase => Err(StepReport::failed(
                format!("{claim} has no volume to take a snapshot of: it is {phase}"),
                true,
            )),
        }
    }

    /// Makes the object of this attempt, unless an earlier one has made one that has not failed.
    async fn make(
        self,
        own: &Own<'_>,
        object: &Value,
        state: fn(&Value) -> State,
    ) -> Result<Made, StepReport> {
        let attempt = self.session.context.attempt;
        let failed = |error| report_error(&format!("making {}", own.subject(attempt)), &error);
        let made = |attempt: u32, object: &Value, found: bool| Made {
            subject: own.subject(attempt),
            uid: uid(object).to_owned(),
            found,
        };
        if !self.is_dry() {
            let newest = own.newest(self.world).await.map_err(failed)?;
            let usable = newest.filter(|(before, object)| {
                *before == attempt || !matches!(state(object), State::Failed(_))
            });
            if let Some((before, object)) = usable {
                return Ok(made(before, &object, true));
            }
        }
        let object = own.make(object, self.world).await.map_err(failed)?;
        let made = made(attempt, &object, false);
        let note = format!("made {}\n", made.subject);
        self.session.log.append(LogStream::Note, note.as_bytes());
        Ok(made)
    }

    async fn wait(
        self,
        made: &Made,
        state: impl Fn(&Value) -> State + Send + Sync,
    ) -> Result<Value, StepReport> {
        let (subject, limit) = (&made.subject, self.inputs.wait);
        let wait = Some(limit);
        let ended = until_ended(subject, &made.uid, wait, self.session, self.world, state).await;
        let report = match ended {
            Ended::Done(object) => return Ok(object),
            Ended::Failed(_, why) => {
                StepReport::failed(format!("{subject} has failed: {why}"), true)
            }
            Ended::Late(missing) => {
                let why = format!("{subject} is not ready: {missing}");
                StepReport::failed(why, true)
            }
            Ended::Gone => {
                return Err(StepReport::failed(
                    format!("{subject} was deleted by somebody else before it was ready"),
                    true,
                ));
            }
            Ended::Stopped => StepReport::canceled(format!("{subject} was not waited for")),
            Ended::Refused(error) => {
                let why = format!("{subject} was made, but waiting for it failed: {error}");
                StepReport::failed(why, error.retryable())
            }
        };
        Err(self.undone(made, report).await)
    }

    /// Deletes what did not get ready, if that is wanted; says either way what became of it.
    async fn undone(self, made: &Made, report: StepReport) -> StepReport {
        let left = if self.inputs.undo_on_failure {
            match self.delete(made).await {
                Ok(()) => format!("; {} is being deleted", made.subject),
                Err(error) => format!("; {} could not be deleted: {error}", made.subject),
            }
        } else {
            format!("; {} is left as it is", made.subject)
        };
        let summary = format!("{}{left}", report.summary);
        let report = match report.result {
            StepResult::Failed { retryable, .. } => StepReport::failed(summary, retryable),
            StepResult::Succeeded | StepResult::TimedOut | StepResult::Canceled => {
                StepReport { summary, ..report }
            }
        };
        StepReport {
            outputs: outputs(&self.outputs(made)),
            ..report
        }
    }

    async fn delete(self, made: &Made) -> Result<(), ClusterError> {
        let deletion = Deletion {
            uid: Some(&made.uid),
            ..Deletion::default()
        };
        let change = Change::Delete(deletion);
        match made.subject.change(self.world, change, false).await {
            Ok(_) | Err(ClusterError::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn outputs(self, made: &Made) -> SnapshotOutputs {
        SnapshotOutputs {
            cluster: made.subject.cluster.clone(),
            namespace: self.inputs.namespace.clone(),
            kind: made.subject.kind.clone(),
            name: made.subject.name.clone(),
            uid: made.uid.clone(),
            found: made.found,
            ..SnapshotOutputs::default()
        }
    }

    fn succeeded(self, made: &Made, left: &SnapshotOutputs) -> StepReport {
        let at = self.world.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ");
        let left = SnapshotOutputs {
            ready_at: at.to_string(),
            ..left.clone()
        };
        let size = match left.restore_size.as_str() {
            "" => String::new(),
            size => format!(": {size}"),
        };
        StepReport::succeeded(format!("{} is ready{size}", made.subject), outputs(&left))
    }
}

fn would(made: &Made) -> StepReport {
    let summary = format!("would make {}; the server agrees", made.subject);
    StepReport::succeeded(summary, Value::Null)
}

fn volume_snapshot(object: &Value) -> State {
    let error = text(object, "/status/error/message");
    match object.pointer("/status/readyToUse") {
        Some(Value::Bool(true)) => State::Done,
        _ if !error.is_empty() => State::Failed(error.to_owned()),
        Some(_) => State::Waiting("its content is not ready to use".to_owned()),
        None => State::Waiting("no snapshot controller has taken it up".to_owned()),
    }
}

fn longhorn_snapshot(object: &Value) -> State {
    let error = text(object, "/status/error");
    match object.pointer("/status/readyToUse") {
        Some(Value::Bool(true)) => State::Done,
        _ if !error.is_empty() => State::Failed(error.to_owned()),
        Some(_) | None => State::Waiting("Longhorn has not made it yet".to_owned()),
    }
}

fn longhorn_backup(object: &Value) -> State {
    match text(object, "/status/state") {
        "Completed" => State::Done,
        "Error" => State::Failed(match text(object, "/status/error") {
            "" => "Longhorn does not say why".to_owned(),
            why => why.to_owned(),
        }),
        "" => State::Waiting("Longhorn has not taken it up".to_owned()),
        state => State::Waiting(format!(
            "it is {state}, {} % done",
            object
                .pointer("/status/progress")
                .and_then(Value::as_u64)
                .unwrap_or(0)
        )),
    }
}
