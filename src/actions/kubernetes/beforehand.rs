//! What planning sees of an object that a step counts on. Where it is not there, or not as it must be, the step can only fail: then it
//! fails at once, and nobody is asked about it.
//!
//! Only a first attempt is told so: a later one must see for itself what an earlier one has done.

use crate::{
    actions::{
        framework::World,
        kubernetes::{
            kinds::NAMESPACES,
            subject::Subject,
            turn::{Note, Turn},
        },
    },
    ports::{
        cluster::{ClusterError, Clusters},
        executor::StepContext,
    },
};
use serde_json::Value;
use std::time::Duration;

/// So long the API server has to show an object.
const DEADLINE: Duration = Duration::from_secs(10);

/// The object, as far as it is shown; an error where it is not there.
pub(super) async fn seen(
    subject: &Subject,
    context: &StepContext,
    world: &World,
) -> Result<Option<Value>, String> {
    if context.attempt > 1 {
        return Ok(None);
    }
    let looking = async {
        match subject.get(world).await {
            Ok(object) => Ok(Some(object)),
            Err(ClusterError::NotFound(what)) => Err(absent(subject, what, world).await),
            // What hinders looking may not hinder the step, and it can say so itself.
            Err(_) => Ok(None),
        }
    };
    tokio::select! {
        found = looking => found,
        () = world.clock.sleep(DEADLINE) => Ok(None),
    }
}

/// The namespace, for what may come and go in it while a step is about to begin; an error where it is not there.
pub(super) async fn seen_namespace(
    (cluster, namespace): (&str, &str),
    context: &StepContext,
    world: &World,
) -> Result<(), String> {
    if context.attempt > 1 {
        return Ok(());
    }
    tokio::select! {
        lacking = lacks_namespace(&*world.clusters, cluster, namespace) => lacking.map_or(Ok(()), |what| Err(hopeless(&what))),
        () = world.clock.sleep(DEADLINE) => Ok(()),
    }
}

/// The same for a change that can be put back, which also says whether this object can be changed so.
pub(super) async fn changeable<T: Turn>(
    turn: &T,
    subject: &Subject,
    context: &StepContext,
    world: &World,
) -> Result<(), String> {
    match seen(subject, context, world).await? {
        Some(object) => possible(turn, &object, context),
        None => Ok(()),
    }
}

/// Whether this object can be changed so. What the very step has begun before is for the step to go on with.
pub(super) fn possible<T: Turn>(
    turn: &T,
    object: &Value,
    context: &StepContext,
) -> Result<(), String> {
    match Note::found(T::NOTE, object, context) {
        Some(_) => Ok(()),
        None => turn.wanted(object).map(drop),
    }
}

async fn absent(subject: &Subject, what: String, world: &World) -> String {
    let namespace = match &subject.namespace {
        Some(namespace) => lacks_namespace(&*world.clusters, &subject.cluster, namespace).await,
        None => None,
    };
    hopeless(&namespace.unwrap_or(what))
}

fn hopeless(what: &str) -> String {
    format!("{what} was not found, so this can only fail")
}

/// The namespace in words, where it is not there. Who may not look at namespaces is not told.
pub(in crate::actions) async fn lacks_namespace(
    clusters: &dyn Clusters,
    cluster: &str,
    namespace: &str,
) -> Option<String> {
    let resource = NAMESPACES.resource();
    match clusters.get(cluster, &resource, None, namespace).await {
        Err(ClusterError::NotFound(what)) => Some(what),
        Ok(_) | Err(_) => None,
    }
}
