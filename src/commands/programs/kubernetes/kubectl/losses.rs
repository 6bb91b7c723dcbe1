//! What a patch of single fields takes away that the same fields of a whole new object do not.

use serde_json::Value;

/// Whether a patch cuts what an object of this kind serves or runs; an empty kind is not known, and may be any.
pub(super) fn cuts(kind: &str, patch: &Value) -> bool {
    let names = |name: &str| patch.pointer(&format!("/spec/{name}")).is_some();
    let is = |name: &str| kind == name || kind.is_empty();
    is("service") && names("selector")
        || drops_container(patch)
        || is("resourcequota") && lets_nothing_start(patch)
        || is("volume.longhorn.io") && patch.pointer("/spec/nodeID").is_some_and(|node| node == "")
        || (is("pod") || is("job.batch")) && names("activeDeadlineSeconds")
}

/// Whether a quota has room for no pod.
fn lets_nothing_start(patch: &Value) -> bool {
    let none = |name: &str| {
        let value = patch.pointer(&format!("/spec/hard/{name}"));
        value.is_some_and(|value| value == 0 || value == "0")
    };
    [
        "pods",
        "count~1pods",
        "cpu",
        "memory",
        "requests.cpu",
        "requests.memory",
        "limits.cpu",
        "limits.memory",
    ]
    .into_iter()
    .any(none)
}

/// Whether a container is taken out of its pods: its place is null, or it is marked for deletion.
fn drops_container(patch: &Value) -> bool {
    let gone = |container: &Value| container.is_null() || container.get("$patch").is_some();
    [
        "/spec/template/spec",
        "/spec/jobTemplate/spec/template/spec",
    ]
    .into_iter()
    .filter_map(|pod| patch.pointer(&format!("{pod}/containers")))
    .any(|containers| match containers {
        Value::Null => true,
        Value::Object(places) => places.values().any(gone),
        Value::Array(all) => all.iter().any(gone),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    })
}

/// Whether a patch gives leave to remove all that longhorn keeps.
pub(super) fn gives_leave(name: &str, patch: &Value) -> bool {
    name == "deleting-confirmation-flag" && patch.get("value").is_some_and(|value| value != "false")
}

/// Whether a patch lets something be deleted: the object itself after a time, its volumes, or what a repository no longer names.
pub(super) fn deletes(kind: &str, patch: &Value) -> bool {
    let is = |name: &str| kind == name || kind.is_empty();
    let ends = patch.pointer("/spec/ttlSecondsAfterFinished");
    is("job.batch") && ends.is_some_and(|ends| !ends.is_null()) || any_policy(patch)
}

fn any_policy(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields
            .iter()
            .any(|(name, value)| policy(name, value) || any_policy(value)),
        Value::Array(items) => items.iter().any(any_policy),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn policy(name: &str, value: &Value) -> bool {
    match name {
        "prune" => !matches!(value, Value::Bool(false) | Value::Null),
        "persistentVolumeReclaimPolicy" | "reclaimPolicy" | "deletionPolicy" => {
            matches!(value.as_str(), Some("Delete" | "Recycle"))
        }
        _ => false,
    }
}
