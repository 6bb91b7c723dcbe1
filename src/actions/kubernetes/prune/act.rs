//! The course of a prune: what matches is listed, what goes is chosen, and each is removed by itself, as it was seen.

use super::{
    Kept, OnLimit, PruneInputs, PruneOutputs,
    choice::{Candidate, Choice, choose},
};
use crate::{
    actions::{
        framework::{World, outputs},
        kubernetes::{
            beforehand::lacks_namespace, located::Located, object::text, report_error,
            subject::Subject,
        },
    },
    domain::run::StepReport,
    ports::{
        cluster::{Change, ClusterError, Deletion, Matching, More},
        executor::{Session, StepContext},
    },
};
use serde_json::Value;
use std::{collections::BTreeSet, time::Duration};

/// So many that were kept are told.
const TOLD: usize = 200;
/// So long the API server has to list them when the step is planned.
const DEADLINE: Duration = Duration::from_secs(10);
/// So many names a summary holds.
const NAMED: usize = 20;
/// So many names are read where fields select.
const MOST: usize = 50_000;

pub(super) async fn prune(inputs: PruneInputs, session: &Session, world: &World) -> StepReport {
    let mut left = PruneOutputs::default();
    let report = match course(&inputs, session, world, &mut left).await {
        Ok(report) | Err(report) => report,
    };
    StepReport {
        outputs: outputs(&left),
        ..report
    }
}

async fn course(
    inputs: &PruneInputs,
    session: &Session,
    world: &World,
    left: &mut PruneOutputs,
) -> Result<StepReport, StepReport> {
    let when = inputs
        .condition()
        .map_err(|error| StepReport::failed(error, false))?;
    let objects = list(inputs, world)
        .await
        .map_err(|error| report_error(&format!("listing {}", inputs.kind), &error))?;
    left.matched = objects.len();
    if let (true, Some(namespace)) = (objects.is_empty(), &inputs.namespace) {
        // Nothing to remove where nothing can be is no good news.
        let missing = lacks_namespace(&*world.clusters, &inputs.cluster, namespace).await;
        if let Some(missing) = missing {
            let words = format!("{missing} was not found, so there is nothing to prune");
            return Err(StepReport::failed(words, false));
        }
    }
    let choice = choose(inputs, when.as_ref(), &objects, world.clock.now());
    let goes = limited(inputs, choice, left).map_err(|error| StepReport::failed(error, false))?;
    for one in goes {
        if session.stop.is_cancelled() {
            let summary = summary(inputs, left, session.context.dry_run);
            return Err(StepReport::canceled(format!("stopped; {summary}")));
        }
        match remove(inputs, &one, session, world).await {
            Ok(_) => left.deleted.push(one.name),
            Err(ClusterError::NotFound(_)) => left.keep(one.name, "it was gone already"),
            Err(ClusterError::Conflict { .. }) => left.keep(one.name, "it has changed meanwhile"),
            Err(error) => {
                let summary = summary(inputs, left, session.context.dry_run);
                let doing = format!("deleting {} {} ({summary})", inputs.kind, one.name);
                return Err(report_error(&doing, &error));
            }
        }
    }
    let summary = summary(inputs, left, session.context.dry_run);
    Ok(StepReport::succeeded(summary, Value::Null))
}

/// Whether it can go ahead, as far as that is seen when it is planned: where more would go than the limit, it can only fail.
pub(super) async fn possible(
    inputs: &PruneInputs,
    context: &StepContext,
    world: &World,
) -> Result<(), String> {
    if context.attempt > 1 || inputs.on_limit != OnLimit::Fail {
        return Ok(());
    }
    let when = inputs.condition()?;
    let objects = tokio::select! {
        found = list(inputs, world) => found,
        () = world.clock.sleep(DEADLINE) => return Ok(()),
    };
    // What hinders looking may not hinder the step, and it can say so itself.
    let Ok(objects) = objects else { return Ok(()) };
    let choice = choose(inputs, when.as_ref(), &objects, world.clock.now());
    limited(inputs, choice, &mut PruneOutputs::default()).map(drop)
}

impl PruneOutputs {
    fn keep(&mut self, name: String, reason: &str) {
        self.kept_count += 1;
        if self.kept.len() < TOLD {
            let reason = reason.to_owned();
            self.kept.push(Kept { name, reason });
        }
    }
}

/// Those that may go; more than the limit is a failure, or the newest of them stay.
fn limited(
    inputs: &PruneInputs,
    choice: Choice,
    left: &mut PruneOutputs,
) -> Result<Vec<Candidate>, String> {
    let mut goes = choice.goes;
    let limit = usize::try_from(inputs.limit).unwrap_or(usize::MAX);
    for kept in choice.stays {
        left.keep(kept.name, &kept.reason);
    }
    if goes.len() <= limit {
        return Ok(goes);
    }
    let count = goes.len();
    let beyond = match inputs.on_limit {
        OnLimit::DeleteOldest => goes.split_off(limit),
        OnLimit::Fail => std::mem::take(&mut goes),
    };
    for one in beyond {
        left.keep(one.name, "more would go than the limit");
    }
    match inputs.on_limit {
        OnLimit::DeleteOldest => Ok(goes),
        OnLimit::Fail => Err(format!(
            "{count} {} would go, more than the limit of {limit}: nothing was deleted\nhint: look why there are so many, then raise `limit`, or say `onLimit: delete-oldest`",
            inputs.words()
        )),
    }
}

async fn list(inputs: &PruneInputs, world: &World) -> Result<Vec<Value>, ClusterError> {
    let (clusters, cluster) = (&world.clusters, inputs.cluster.as_str());
    // Any name does: what counts is that the server and the step agree on whether it lies in a namespace.
    let located = located(inputs, "any", world).await?;
    let (resource, namespace) = (&located.resource, located.namespace.as_deref());
    let labels = inputs.selector.as_deref();
    let mut objects = clusters.list(cluster, resource, namespace, labels).await?;
    if let Some(fields) = &inputs.field_selector {
        let fields = Matching::Fields(fields);
        let names = clusters
            .names(cluster, resource, namespace, fields, MOST)
            .await?;
        if names.more != More::None {
            return Err(ClusterError::Refused {
                code: 413,
                message: format!("there are more than {MOST} objects with these fields"),
            });
        }
        let names: BTreeSet<String> = names.names.into_iter().collect();
        objects.retain(|object| names.contains(text(object, "/metadata/name")));
    }
    Ok(objects)
}

async fn located(inputs: &PruneInputs, name: &str, world: &World) -> Result<Located, ClusterError> {
    let subject = Subject {
        cluster: inputs.cluster.clone(),
        kind: inputs.effect_kind(),
        namespace: inputs.namespace.clone(),
        name: name.to_owned(),
    };
    Located::new(&subject, world).await
}

/// Removes this one, if it is as it was seen.
async fn remove(
    inputs: &PruneInputs,
    one: &Candidate,
    session: &Session,
    world: &World,
) -> Result<Value, ClusterError> {
    let deletion = Deletion {
        uid: Some(&one.uid),
        resource_version: Some(&one.resource_version),
        ..Deletion::default()
    };
    let located = located(inputs, &one.name, world).await?;
    let change = Change::Delete(deletion);
    located
        .change(world, None, change, session.context.dry_run)
        .await
}

fn summary(inputs: &PruneInputs, left: &PruneOutputs, dry_run: bool) -> String {
    let mut names: Vec<&str> = left.deleted.iter().map(String::as_str).collect();
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let names = match (names.as_slice(), more) {
        ([], _) => String::new(),
        (names, 0) => format!(": {}", names.join(", ")),
        (names, more) => format!(": {} and {more} more", names.join(", ")),
    };
    format!(
        "{} {} of {} {}{names}; {} kept",
        if dry_run { "would delete" } else { "deleted" },
        left.deleted.len(),
        left.matched,
        inputs.words(),
        left.kept_count
    )
}
