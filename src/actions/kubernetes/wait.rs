//! Waiting until an object is where it should be.

use crate::{
    actions::{
        framework::World,
        kubernetes::{
            kinds::{DAEMON_SETS, DEPLOYMENTS, EVENTS, PODS, STATEFUL_SETS},
            object::{ago, changed_at, cut, event_time, full_name, pod_problem, selector, text},
            poll::{self, Look, Vain},
            progress::{Progress, rollout},
            signature::is_own,
            subject::Subject,
            warnings::is_since,
            workload::Workload,
        },
    },
    domain::span::Span,
    ports::{BoxFuture, cluster::ClusterError, executor::Session},
};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeSet;

/// How many pods a failure names.
const NAMED_PODS: usize = 5;
/// How many workloads of a release a failure names.
const NAMED_WORKLOADS: usize = 3;
/// How many events a failure names.
const NAMED_EVENTS: usize = 3;

/// Waits until `progress` says ready; gives how long it took.
pub(super) async fn until(
    subject: &Subject,
    limit: Span,
    session: &Session,
    world: &World,
    progress: impl Fn(&Value) -> Progress + Send + Sync,
) -> Result<Span, Vain> {
    let mut looks = Looks { subject, progress };
    poll::until(limit, session, world, &mut looks).await
}

/// An object, and what of it is waited for.
struct Looks<'a, P> {
    subject: &'a Subject,
    progress: P,
}

impl<P: Fn(&Value) -> Progress + Send + Sync> Look for Looks<'_, P> {
    fn look<'a>(&'a mut self, world: &'a World) -> BoxFuture<'a, Result<Progress, ClusterError>> {
        Box::pin(async move {
            let object = self.subject.get(world).await?;
            Ok((self.progress)(&object))
        })
    }
}

/// The same for a workload: what is missing names its pods and the last warnings about them.
pub(super) async fn until_ready(
    workload: &Workload,
    limit: Span,
    session: &Session,
    world: &World,
    progress: impl Fn(&Value) -> Progress + Send + Sync,
) -> Result<Span, Vain> {
    match until(&workload.subject, limit, session, world, progress).await {
        Err(Vain::NotReady(missing, may_help)) => {
            let reasons = reasons(workload, world).await;
            Err(Vain::NotReady(format!("{missing}{reasons}"), may_help))
        }
        other => other,
    }
}

/// What the pods behind a workload, and the last warnings about all of it, say of why it is not ready.
pub(super) async fn reasons(workload: &Workload, world: &World) -> String {
    let object = workload.subject.get(world).await.unwrap_or_default();
    let pods = pods(workload, &object, world).await;
    let warnings = warnings(workload, (&pods, changed_at(&object)), world).await;
    format!("{}{warnings}", problems(&pods))
}

/// What keeps workloads from being ready, each with its pods and the last warnings; nothing of those that are ready or cannot be seen.
/// Other objects are passed over.
pub(in crate::actions) async fn unready(
    cluster: &str,
    objects: impl Iterator<Item = Named<'_>> + Send,
    world: &World,
) -> String {
    let mut told = String::new();
    let mut count = 0;
    for object in objects {
        let kinds = [DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS];
        let kind = kinds
            .into_iter()
            .find(|kind| kind.effect_kind() == object.kind);
        let Some(kind) = kind.filter(|_| count < NAMED_WORKLOADS) else {
            continue;
        };
        let subject = Subject {
            cluster: cluster.to_owned(),
            kind: object.kind.to_owned(),
            namespace: Some(object.namespace.to_owned()),
            name: object.name.to_owned(),
        };
        let workload = Workload { subject, kind };
        let Ok(now) = workload.subject.get(world).await else {
            continue;
        };
        let (Progress::Waiting(why) | Progress::Stuck(why)) = rollout(&kind, &now) else {
            continue;
        };
        count += 1;
        told.push_str(&format!("; {workload}: {why}"));
        told.push_str(&reasons(&workload, world).await);
    }
    told
}

/// An object as effects name it.
#[derive(Debug, Clone, Copy)]
pub(in crate::actions) struct Named<'a> {
    pub(in crate::actions) kind: &'a str,
    pub(in crate::actions) namespace: &'a str,
    pub(in crate::actions) name: &'a str,
}

/// The pods behind a workload; none where they cannot be listed.
async fn pods(workload: &Workload, object: &Value, world: &World) -> Vec<Value> {
    let Some(labels) = object.pointer("/spec/selector").and_then(selector) else {
        return Vec::new();
    };
    let (cluster, namespace) = (&workload.subject.cluster, workload.namespace());
    let resource = PODS.resource();
    let listed = world
        .clusters
        .list(cluster, &resource, Some(namespace), Some(&labels));
    listed.await.unwrap_or_default()
}

/// Names those that are not ready, each with its reason.
fn problems(pods: &[Value]) -> String {
    let problems: Vec<String> = pods
        .iter()
        .filter_map(|pod| Some(format!("; pod {}: {}", full_name(pod), pod_problem(pod)?)))
        .take(NAMED_PODS)
        .collect();
    problems.concat()
}

/// The last warnings about a workload, its replica sets and its pods since it was changed; nothing where events cannot be listed.
async fn warnings(
    workload: &Workload,
    (pods, since): (&[Value], Option<Timestamp>),
    world: &World,
) -> String {
    let (cluster, namespace) = (&workload.subject.cluster, workload.namespace());
    let resource = EVENTS.resource();
    let listed = world
        .clusters
        .list(cluster, &resource, Some(namespace), None);
    let events = listed.await.unwrap_or_default();
    let names: BTreeSet<&str> = pods.iter().map(|pod| text(pod, "/metadata/name")).collect();
    let is_about = |event: &&Value| {
        let name = text(event, "/involvedObject/name");
        match text(event, "/involvedObject/kind") {
            "Pod" => names.contains(name),
            "ReplicaSet" => name
                .rsplit_once('-')
                .is_some_and(|(of, _)| of == workload.subject.name),
            kind => kind == workload.kind.kind && name == workload.subject.name,
        }
    };
    let mut found: Vec<&Value> = events
        .iter()
        .filter(|event| text(event, "/type") == "Warning")
        .filter(|event| is_about(event) && !is_own(event) && is_since(event, since))
        .collect();
    found.sort_by_key(|event| std::cmp::Reverse(event_time(event)));
    let named = found.iter().take(NAMED_EVENTS).map(|event| {
        let (reason, message) = (text(event, "/reason"), cut(text(event, "/message")));
        let name = text(event, "/involvedObject/name");
        let ago = ago(event, world.clock.now());
        format!("; warning of {name}: {reason}: {message}, {ago}")
    });
    named.collect()
}
