//! The revisions of a workload that the cluster still keeps.

use crate::{
    actions::{
        framework::World,
        kubernetes::{
            kinds::{CONTROLLER_REVISIONS, DEPLOYMENTS, Kind, REPLICA_SETS},
            object::{annotation, count, items, selector, text},
            workload::Workload,
        },
    },
    ports::cluster::ClusterError,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const REVISION: &str = "deployment.kubernetes.io/revision";
/// Why a revision was made, as whoever made it has noted.
const CAUSE: &str = "kubernetes.io/change-cause";
/// What a deployment adds to the templates of its replica sets.
const HASH: &str = "pod-template-hash";

/// The patch that leads to each revision, by number.
pub(super) type Revisions = BTreeMap<u64, Value>;

/// The kind of objects that keep them.
pub(super) fn kept(workload: &Workload) -> Kind {
    if workload.kind == DEPLOYMENTS {
        REPLICA_SETS
    } else {
        CONTROLLER_REVISIONS
    }
}

/// All that belong to this very object.
pub(super) async fn revisions(
    workload: &Workload,
    object: &Value,
    world: &World,
) -> Result<Revisions, ClusterError> {
    let kept = kept(workload);
    let labels = object.pointer("/spec/selector").and_then(selector);
    let (cluster, namespace) = (&workload.subject.cluster, workload.namespace());
    let listed = world
        .clusters
        .list(
            cluster,
            &kept.resource(),
            Some(namespace),
            labels.as_deref(),
        )
        .await?;
    let uid = text(object, "/metadata/uid");
    let own = listed.iter().filter(|kept| is_owned(kept, uid));
    Ok(own
        .filter_map(|kept| match workload.kind {
            DEPLOYMENTS => of_replica_set(kept),
            _ => of_controller_revision(kept),
        })
        .collect())
}

/// The one that runs now: a deployment says so itself, of the others it is the last.
pub(super) fn current(object: &Value, revisions: &Revisions) -> u64 {
    let said = annotation(object, "/metadata/annotations", REVISION);
    let last = || revisions.keys().max().copied().unwrap_or_default();
    said.parse().unwrap_or_else(|_| last())
}

fn is_owned(kept: &Value, uid: &str) -> bool {
    let mut owners = items(kept, "/metadata/ownerReferences").iter();
    owners.any(|owner| text(owner, "/uid") == uid)
}

fn of_replica_set(set: &Value) -> Option<(u64, Value)> {
    let number = annotation(set, "/metadata/annotations", REVISION);
    let number = number.parse().ok()?;
    let mut template = set.pointer("/spec/template")?.clone();
    if let Some(Value::Object(labels)) = template.pointer_mut("/metadata/labels") {
        labels.remove(HASH);
    }
    let cause = match annotation(set, "/metadata/annotations", CAUSE) {
        "" => Value::Null,
        cause => json!(cause),
    };
    // All of the template, and nothing of the one that is there.
    template["$patch"] = json!("replace");
    let patch = json!({ "metadata": { "annotations": { CAUSE: cause } }, "spec": { "template": template } });
    Some((number, patch))
}

/// What it keeps is a patch already.
fn of_controller_revision(revision: &Value) -> Option<(u64, Value)> {
    let template = revision.pointer("/data/spec/template")?;
    let patch = json!({ "spec": { "template": template } });
    Some((count(revision, "/revision"), patch))
}
