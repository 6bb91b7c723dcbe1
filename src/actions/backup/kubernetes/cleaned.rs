//! Objects without what their server, its controllers and the agent's neighbours keep in them, so that they can be applied again.

use crate::{
    actions::kubernetes::{full_name, items, text, wanted},
    ports::cluster::Resource,
};
use serde_json::{Map, Value};

/// What tools and controllers note down; it says nothing of what is wanted.
const NOTES: [&str; 9] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/revision",
    "deprecated.daemonset.template.generation",
    "pv.kubernetes.io/bind-completed",
    "pv.kubernetes.io/bound-by-controller",
    "volume.kubernetes.io/selected-node",
    "volume.kubernetes.io/storage-provisioner",
    "volume.beta.kubernetes.io/storage-provisioner",
    "kubernetes.io/service-account.uid",
];
/// What the server sets and takes away by itself.
const OF_THE_SERVER: [&str; 6] = [
    "foregroundDeletion",
    "orphan",
    "kubernetes",
    "kubernetes.io/pvc-protection",
    "kubernetes.io/pv-protection",
    "service.kubernetes.io/load-balancer-cleanup",
];
/// Labels by which a Job's controller knows its pods.
const OF_A_JOB: [&str; 4] = [
    "controller-uid",
    "job-name",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
];
/// The certificate authority that the cluster puts into every namespace.
const ROOT: &str = "kube-root-ca.crt";
/// What a pod's own volume for its account is called.
const ACCESS: &str = "kube-api-access-";

/// What becomes of an object.
#[derive(Debug, PartialEq)]
pub(super) enum Cleaned {
    /// It is kept like this; why somebody may miss something in it.
    Kept(Value, Option<String>),
    /// It is left out, and why.
    Left(String),
}

/// The object as it can be applied again. One that is named is kept although a controller has made it.
pub(super) fn clean(object: &Value, of: &Resource, named: bool) -> Cleaned {
    let what = format!("{} {}", of.kind.to_lowercase(), full_name(object));
    if object.pointer("/metadata/deletionTimestamp").is_some() {
        return Cleaned::Left(format!("{what}: is being deleted"));
    }
    let owner = controller(object);
    if let Some(owner) = owner.as_ref().filter(|_| !named) {
        return Cleaned::Left(format!("{what}: {owner} makes it again"));
    }
    if of.kind == "ConfigMap" && text(object, "/metadata/name") == ROOT && !named {
        return Cleaned::Left(format!("{what}: the cluster makes it again"));
    }
    let mut kept = wanted(object);
    // Items of a list do not say what they are.
    kept["apiVersion"] = Value::String(version(of));
    kept["kind"] = Value::String(of.kind.clone());
    let had_owners = take(&mut kept, "/metadata", "ownerReferences");
    metadata(&mut kept);
    specific(&mut kept, &of.kind);
    let note = had_owners.map(|_| format!("{what}: kept without its owners"));
    Cleaned::Kept(kept, note)
}

fn version(of: &Resource) -> String {
    if of.group.is_empty() {
        return of.version.clone();
    }
    format!("{}/{}", of.group, of.version)
}

/// Who makes it, where that is a controller: `replicaset web-1`.
fn controller(object: &Value) -> Option<String> {
    let owners = items(object, "/metadata/ownerReferences");
    let mut controllers = owners
        .iter()
        .filter(|owner| owner.get("controller") == Some(&Value::Bool(true)));
    let owner = controllers.next()?;
    let (kind, name) = (text(owner, "/kind"), text(owner, "/name"));
    Some(format!("{} {name}", kind.to_lowercase()))
}

fn fields<'a>(object: &'a mut Value, pointer: &str) -> Option<&'a mut Map<String, Value>> {
    object.pointer_mut(pointer)?.as_object_mut()
}

fn take(object: &mut Value, pointer: &str, field: &str) -> Option<Value> {
    fields(object, pointer)?.remove(field)
}

/// Removes entries of a map, and the map where nothing is left.
fn without(object: &mut Value, above: &str, map: &str, entries: &[&str]) {
    let Some(above) = fields(object, above) else {
        return;
    };
    let Some(Value::Object(map_of)) = above.get_mut(map) else {
        return;
    };
    map_of.retain(|name, _| !entries.contains(&name.as_str()));
    if map_of.is_empty() {
        above.remove(map);
    }
}

/// Keeps those items of a list that are wanted, and the list where something is left.
fn keep_items(object: &mut Value, above: &str, list: &str, is_wanted: impl Fn(&Value) -> bool) {
    let Some(above) = fields(object, above) else {
        return;
    };
    let Some(Value::Array(items)) = above.get_mut(list) else {
        return;
    };
    items.retain(is_wanted);
    if items.is_empty() {
        above.remove(list);
    }
}

fn metadata(kept: &mut Value) {
    take(kept, "/metadata", "generateName");
    without(kept, "/metadata", "annotations", &NOTES);
    keep_items(kept, "/metadata", "finalizers", |item| {
        item.as_str()
            .is_none_or(|name| !OF_THE_SERVER.contains(&name))
    });
}

/// What only this kind has. Made by the API server's own rules for these kinds.
fn specific(kept: &mut Value, kind: &str) {
    // An old server writes the moment that a template never had.
    take(kept, "/spec/template/metadata", "creationTimestamp");
    match kind {
        "Namespace" => {
            take(kept, "/spec", "finalizers");
        }
        "Service" => service(kept),
        "PersistentVolumeClaim" => {
            take(kept, "/spec", "volumeName");
        }
        "PersistentVolume" => {
            for field in ["uid", "resourceVersion"] {
                take(kept, "/spec/claimRef", field);
            }
        }
        "Pod" => pod(kept),
        "Job" => job(kept),
        "CronJob" => {
            take(kept, "/spec/jobTemplate/metadata", "creationTimestamp");
            let template = "/spec/jobTemplate/spec/template/metadata";
            take(kept, template, "creationTimestamp");
        }
        "Secret" if text(kept, "/type") == "kubernetes.io/service-account-token" => {
            // The cluster puts a new token into it; the old one ends with its account.
            take(kept, "", "data");
        }
        "ClusterRole" if kept.get("aggregationRule").is_some() => {
            take(kept, "", "rules");
        }
        _ => {}
    }
}

/// A service without an address of its own says so, and keeps that.
fn service(kept: &mut Value) {
    if text(kept, "/spec/clusterIP") != "None" {
        take(kept, "/spec", "clusterIP");
        take(kept, "/spec", "clusterIPs");
    }
    take(kept, "/spec", "healthCheckNodePort");
}

fn pod(kept: &mut Value) {
    take(kept, "/spec", "nodeName");
    let own = |field: &'static str| move |item: &Value| !text(item, field).starts_with(ACCESS);
    keep_items(kept, "/spec", "volumes", own("/name"));
    for list in ["initContainers", "containers"] {
        for index in 0..items(kept, &format!("/spec/{list}")).len() {
            let container = format!("/spec/{list}/{index}");
            keep_items(kept, &container, "volumeMounts", own("/name"));
        }
    }
}

/// Unless somebody has chosen them, a Job's pods are told by a label that no other Job may have.
fn job(kept: &mut Value) {
    if kept.pointer("/spec/manualSelector") == Some(&Value::Bool(true)) {
        return;
    }
    take(kept, "/spec", "selector");
    without(kept, "/metadata", "labels", &OF_A_JOB);
    without(kept, "/spec/template/metadata", "labels", &OF_A_JOB);
}

#[cfg(test)]
mod tests {
    use super::{Cleaned, clean};
    use crate::ports::cluster::Resource;
    use serde_json::{Value, json};

    fn resource(group: &str, kind: &str) -> Resource {
        Resource {
            group: group.to_owned(),
            version: "v1".to_owned(),
            plural: format!("{}s", kind.to_lowercase()),
            kind: kind.to_owned(),
            namespaced: true,
        }
    }
    fn kept(group: &str, kind: &str, object: &Value) -> Value {
        match clean(object, &resource(group, kind), false) {
            Cleaned::Kept(kept, _) => kept,
            Cleaned::Left(why) => panic!("{why}"),
        }
    }

    #[test]
    fn what_the_server_keeps_goes_and_what_people_want_stays() {
        let object = json!({
            "metadata": {
                "name": "web", "namespace": "shop", "uid": "u", "resourceVersion": "7", "generation": 2, "managedFields": [],
                "creationTimestamp": "2026-01-01T00:00:00Z", "selfLink": "/x", "labels": { "a": "b" },
                "finalizers": ["foregroundDeletion", "example.org/mine"],
                "annotations": { "deployment.kubernetes.io/revision": "3", "mine": "1" }
            },
            "spec": { "replicas": 2, "template": { "metadata": { "creationTimestamp": null } } },
            "status": { "replicas": 2 }
        });
        assert_eq!(
            kept("apps", "Deployment", &object),
            json!({
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {
                    "name": "web", "namespace": "shop", "labels": { "a": "b" }, "finalizers": ["example.org/mine"],
                    "annotations": { "mine": "1" }
                },
                "spec": { "replicas": 2, "template": { "metadata": {} } }
            })
        );
    }

    #[test]
    fn each_kind_is_freed_of_what_its_server_has_chosen() {
        let of = |spec: Value| json!({ "metadata": { "name": "a" }, "spec": spec });
        let spec =
            |group: &str, kind: &str, spec: Value| kept(group, kind, &of(spec))["spec"].take();
        assert_eq!(
            spec(
                "",
                "Service",
                json!({ "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ports": [{ "port": 1 }] })
            ),
            json!({ "ports": [{ "port": 1 }] })
        );
        let headless = json!({ "clusterIP": "None", "clusterIPs": ["None"] });
        assert_eq!(spec("", "Service", headless.clone()), headless);
        assert_eq!(
            spec(
                "",
                "PersistentVolumeClaim",
                json!({ "volumeName": "pv", "accessModes": [] })
            ),
            json!({ "accessModes": [] })
        );
        assert_eq!(
            spec(
                "",
                "PersistentVolume",
                json!({ "claimRef": { "name": "a", "uid": "u", "resourceVersion": "1" } })
            ),
            json!({ "claimRef": { "name": "a" } })
        );
        let job = json!({ "selector": { "matchLabels": { "controller-uid": "u" } }, "template": { "metadata": { "labels": { "controller-uid": "u", "a": "b" } } } });
        assert_eq!(
            spec("batch", "Job", job),
            json!({ "template": { "metadata": { "labels": { "a": "b" } } } })
        );
        let pod = json!({
            "nodeName": "n", "volumes": [{ "name": "kube-api-access-x" }],
            "containers": [{ "name": "a", "volumeMounts": [{ "name": "kube-api-access-x" }, { "name": "data" }] }]
        });
        assert_eq!(
            spec("", "Pod", pod),
            json!({ "containers": [{ "name": "a", "volumeMounts": [{ "name": "data" }] }] })
        );
        let token = json!({ "metadata": { "name": "t", "annotations": { "kubernetes.io/service-account.name": "a", "kubernetes.io/service-account.uid": "u" } },
            "type": "kubernetes.io/service-account-token", "data": { "token": "x" } });
        let token = kept("", "Secret", &token);
        assert!(token.get("data").is_none(), "{token}");
        assert_eq!(
            token["metadata"]["annotations"],
            json!({ "kubernetes.io/service-account.name": "a" })
        );
    }

    #[test]
    fn what_a_controller_makes_again_is_left_out_unless_it_is_named() {
        let owned = json!({ "metadata": { "name": "web-1", "namespace": "shop", "ownerReferences": [
            { "kind": "Deployment", "name": "web", "controller": true, "uid": "u" }
        ] } });
        let sets = resource("apps", "ReplicaSet");
        assert_eq!(
            clean(&owned, &sets, false),
            Cleaned::Left("replicaset shop/web-1: deployment web makes it again".to_owned())
        );
        let Cleaned::Kept(kept, Some(note)) = clean(&owned, &sets, true) else {
            panic!("a named one is kept")
        };
        assert!(kept.pointer("/metadata/ownerReferences").is_none());
        assert_eq!(note, "replicaset shop/web-1: kept without its owners");
        let root = json!({ "metadata": { "name": "kube-root-ca.crt", "namespace": "shop" } });
        assert!(matches!(
            clean(&root, &resource("", "ConfigMap"), false),
            Cleaned::Left(_)
        ));
        let going =
            json!({ "metadata": { "name": "a", "deletionTimestamp": "2026-01-01T00:00:00Z" } });
        assert!(matches!(
            clean(&going, &resource("", "ConfigMap"), true),
            Cleaned::Left(_)
        ));
    }
}
