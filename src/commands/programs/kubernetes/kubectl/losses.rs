//! What a patch of single fields takes away that the same fields of a whole new object do not.

use serde_json::Value;

/// Whether a patch cuts what an object of this kind serves or runs; an empty kind is not known, and may be any.
pub(super) fn cuts(kind: &str, patch: &Value) -> bool {
    let names = |name: &str| patch.pointer(&format!("/spec/{name}")).is_some();
    let is = |name: &str| kind == name || kind.is_empty();
    is("service") && names("selector")
        || (is("pod") || is("job.batch")) && names("activeDeadlineSeconds")
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
