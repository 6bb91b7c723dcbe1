//! What of an object people and programs want, and how two states of it differ, written as a merge patch (RFC 7386).

use serde_json::{Map, Value, json};

/// What the server itself keeps in `metadata`; it says nothing of what is wanted.
const OF_THE_SERVER: [&str; 8] = [
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

/// The object without what the server and its controllers keep: what is wanted of it.
pub(in crate::actions) fn wanted(object: &Value) -> Value {
    let mut wanted = object.clone();
    if let Some(fields) = wanted.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = wanted.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|name, _| !OF_THE_SERVER.contains(&name.as_str()));
    }
    wanted
}

/// The merge patch that makes `from` into `to`; nothing where they are the same. A list is replaced as a whole.
pub(super) fn patch(from: &Value, to: &Value) -> Option<Value> {
    match (from, to) {
        (from, to) if from == to => None,
        (Value::Object(from), Value::Object(to)) => Some(Value::Object(fields(from, to))),
        (_, to) => Some(to.clone()),
    }
}

fn fields(from: &Map<String, Value>, to: &Map<String, Value>) -> Map<String, Value> {
    let gone = from.keys().filter(|name| !to.contains_key(*name));
    let gone = gone.map(|name| (name.clone(), Value::Null));
    let set = to.iter().filter_map(|(name, to)| {
        let differs = match from.get(name) {
            Some(from) => patch(from, to),
            None => Some(to.clone()),
        };
        differs.map(|value| (name.clone(), value))
    });
    gone.chain(set).collect()
}

/// The places that a merge patch sets, as people write them: `spec.replicas`; at most `most` of them.
pub(super) fn places(patch: &Value, most: usize) -> Vec<String> {
    let mut found = Vec::new();
    collect(patch, "", &mut found);
    found.sort();
    let more = found.len().saturating_sub(most);
    found.truncate(most);
    if more > 0 {
        found.push(format!("{more} more"));
    }
    found
}

fn collect(value: &Value, place: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                let below = if place.is_empty() {
                    name.clone()
                } else {
                    format!("{place}.{name}")
                };
                collect(value, &below, found);
            }
        }
        _ => found.push(place.to_owned()),
    }
}

/// Whether the places that a patch sets are in `now` as they were in `then`.
pub(super) fn is_untouched(patch: &Value, then: &Value, now: &Value) -> bool {
    match patch {
        Value::Object(fields) if then.is_object() && now.is_object() => {
            fields.iter().all(|(name, below)| {
                let at = |object: &Value| object.get(name).cloned().unwrap_or_default();
                is_untouched(below, &at(then), &at(now))
            })
        }
        _ => then == now,
    }
}

/// The same change, of this very object in this very state.
pub(super) fn only_of(mut patch: Value, object: &Value) -> Value {
    if !patch.is_object() {
        patch = json!({});
    }
    for name in ["uid", "resourceVersion"] {
        if let Some(value) = object.pointer(&format!("/metadata/{name}")) {
            patch["metadata"][name] = value.clone();
        }
    }
    patch
}

#[cfg(test)]
mod tests {
    use super::{is_untouched, patch, places, wanted};
    use serde_json::json;

    #[test]
    fn a_difference_is_the_patch_that_undoes_it() {
        let before = json!({ "spec": { "replicas": 1, "list": [1, 2] }, "data": { "a": "1" } });
        let after =
            json!({ "spec": { "replicas": 2, "list": [1], "more": {} }, "data": { "a": "1" } });
        let back = patch(&after, &before).unwrap();
        assert_eq!(
            back,
            json!({ "spec": { "replicas": 1, "list": [1, 2], "more": null } })
        );
        assert_eq!(places(&back, 2), ["spec.list", "spec.more", "1 more"]);
        assert_eq!(patch(&before, &before), None);
    }

    #[test]
    fn only_the_places_of_a_patch_count() {
        let then = json!({ "spec": { "replicas": 2, "paused": true } });
        let now = json!({ "spec": { "replicas": 2, "paused": false } });
        assert!(is_untouched(
            &json!({ "spec": { "replicas": 1 } }),
            &then,
            &now
        ));
        assert!(!is_untouched(
            &json!({ "spec": { "paused": null } }),
            &then,
            &now
        ));
        assert!(!is_untouched(&json!({ "spec": null }), &then, &now));
    }

    #[test]
    fn what_the_server_keeps_is_not_wanted_by_anybody() {
        let object = json!({
            "metadata": { "name": "web", "uid": "u", "resourceVersion": "7", "managedFields": [], "labels": { "a": "b" } },
            "spec": {}, "status": { "phase": "x" }
        });
        assert_eq!(
            wanted(&object),
            json!({ "metadata": { "name": "web", "labels": { "a": "b" } }, "spec": {} })
        );
    }
}
