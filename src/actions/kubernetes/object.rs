//! Reading objects: any field may be missing, because the zero of Go is not written.

use crate::domain::span::Span;
use jiff::Timestamp;
use serde_json::Value;

/// A text; empty where there is none.
pub(in crate::actions) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// A number; 0 where there is none.
pub(super) fn count(object: &Value, pointer: &str) -> u64 {
    object.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
}

/// A number, or what stands for it.
pub(super) fn count_or(object: &Value, pointer: &str, otherwise: u64) -> u64 {
    object
        .pointer(pointer)
        .and_then(Value::as_u64)
        .unwrap_or(otherwise)
}

/// A list; empty where there is none.
pub(in crate::actions) fn items<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// An annotation's text; empty where there is none. `annotations` points to the map of them.
pub(super) fn annotation<'a>(object: &'a Value, annotations: &str, name: &str) -> &'a str {
    let map = object.pointer(annotations);
    map.and_then(|map| map.get(name))
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// A moment (RFC 3339).
pub(in crate::actions) fn time(object: &Value, pointer: &str) -> Option<Timestamp> {
    text(object, pointer).parse().ok()
}

/// When an event was last seen; old and new ways of writing events put it in different places.
pub(super) fn event_time(event: &Value) -> Option<Timestamp> {
    [
        "/series/lastObservedTime",
        "/lastTimestamp",
        "/eventTime",
        "/metadata/creationTimestamp",
    ]
    .iter()
    .find_map(|pointer| time(event, pointer))
}

/// When an object was changed last, by the cluster's own clock; what controllers say of its status is no change.
pub(super) fn changed_at(object: &Value) -> Option<Timestamp> {
    let fields = items(object, "/metadata/managedFields").iter();
    let changes = fields.filter(|fields| text(fields, "/subresource") != "status");
    changes.filter_map(|fields| time(fields, "/time")).max()
}

/// How long ago an event was seen, for people: `3m ago`.
pub(super) fn ago(event: &Value, now: Timestamp) -> String {
    let seconds = event_time(event).map_or(0, |then| now.as_second() - then.as_second());
    let seconds = u64::try_from(seconds).unwrap_or_default();
    let unit = match seconds {
        0..60 => 1,
        60..3600 => 60,
        3600..86_400 => 3600,
        86_400.. => 86_400,
    };
    format!("{} ago", Span::from_secs(seconds / unit * unit))
}

/// The condition of this type.
pub(in crate::actions) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    items(object, "/status/conditions")
        .iter()
        .find(|condition| text(condition, "/type") == kind)
}

/// Whether the condition of this type says yes.
pub(in crate::actions) fn is(object: &Value, kind: &str) -> bool {
    condition(object, kind).is_some_and(|condition| text(condition, "/status") == "True")
}

/// `namespace/name`, or the name alone.
pub(in crate::actions) fn full_name(object: &Value) -> String {
    let name = text(object, "/metadata/name");
    match text(object, "/metadata/namespace") {
        "" => name.to_owned(),
        namespace => format!("{namespace}/{name}"),
    }
}

/// What keeps a pod from being ready; `None` for one that is ready, done, or on its way out.
pub(super) fn pod_problem(pod: &Value) -> Option<String> {
    let leaving = pod.pointer("/metadata/deletionTimestamp").is_some();
    if leaving || is_done(pod) || is(pod, "Ready") {
        return None;
    }
    let containers = ["/status/initContainerStatuses", "/status/containerStatuses"];
    let waiting = containers
        .iter()
        .flat_map(|pointer| items(pod, pointer))
        .find_map(container_problem);
    Some(waiting.unwrap_or_else(|| not_scheduled(pod)))
}

/// Whether a pod ran to its end.
pub(super) fn is_done(pod: &Value) -> bool {
    text(pod, "/status/phase") == "Succeeded"
}

fn container_problem(container: &Value) -> Option<String> {
    let ended = ended_well(container);
    let state = ["/state/waiting", "/state/terminated"]
        .iter()
        .find_map(|pointer| container.pointer(pointer))
        .filter(|_| !ended)?;
    let reason = text(state, "/reason");
    let name = text(container, "/name");
    match text(state, "/message") {
        "" => Some(format!("{name}: {reason}")),
        message => Some(format!("{name}: {reason}: {}", cut(message))),
    }
}

/// An init container that has ended well is no problem.
fn ended_well(container: &Value) -> bool {
    container
        .pointer("/state/terminated/exitCode")
        .and_then(Value::as_i64)
        == Some(0)
}

fn not_scheduled(pod: &Value) -> String {
    let scheduled = condition(pod, "PodScheduled");
    match scheduled.filter(|condition| text(condition, "/status") == "False") {
        Some(condition) => cut(text(condition, "/message")),
        None => match text(pod, "/status/reason") {
            "" => format!("not ready ({})", text(pod, "/status/phase")),
            reason => reason.to_owned(),
        },
    }
}

/// Messages of a cluster may be long; their beginning says what is wrong.
pub(in crate::actions) fn cut(text: &str) -> String {
    const SHOWN: usize = 200;
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// A label selector (`matchLabels` and `matchExpressions`) as the text that a list takes.
pub(super) fn selector(selector: &Value) -> Option<String> {
    let mut parts = Vec::new();
    if let Some(labels) = selector.get("matchLabels").and_then(Value::as_object) {
        for (key, value) in labels {
            parts.push(format!("{key}={}", value.as_str()?));
        }
    }
    for expression in items(selector, "/matchExpressions") {
        let key = text(expression, "/key");
        let values: Vec<&str> = items(expression, "/values")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        parts.push(match text(expression, "/operator") {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "Exists" => key.to_owned(),
            "DoesNotExist" => format!("!{key}"),
            _ => return None,
        });
    }
    (!parts.is_empty()).then(|| parts.join(","))
}

#[cfg(test)]
mod tests {
    use super::{pod_problem, selector};
    use serde_json::json;

    #[test]
    fn a_pod_says_what_keeps_it_from_being_ready() {
        let waiting = json!({ "status": { "phase": "Running", "containerStatuses": [
            { "name": "ok", "state": { "running": {} } },
            { "name": "web", "state": { "waiting": { "reason": "CrashLoopBackOff", "message": "back-off 5m" } } }
        ] } });
        assert_eq!(
            pod_problem(&waiting).unwrap(),
            "web: CrashLoopBackOff: back-off 5m"
        );
        let unscheduled = json!({ "status": { "phase": "Pending", "conditions": [
            { "type": "PodScheduled", "status": "False", "message": "0/3 nodes are available" }
        ] } });
        assert_eq!(
            pod_problem(&unscheduled).unwrap(),
            "0/3 nodes are available"
        );
        let starting = json!({ "status": { "phase": "Pending",
            "initContainerStatuses": [{ "name": "i", "state": { "terminated": { "exitCode": 0, "reason": "Completed" } } }] } });
        assert_eq!(pod_problem(&starting).unwrap(), "not ready (Pending)");
        assert_eq!(pod_problem(&json!({})).unwrap(), "not ready ()");
    }

    #[test]
    fn a_pod_that_is_ready_done_or_leaving_is_no_problem() {
        for pod in [
            json!({ "status": { "conditions": [{ "type": "Ready", "status": "True" }] } }),
            json!({ "status": { "phase": "Succeeded" } }),
            json!({ "metadata": { "deletionTimestamp": "2026-01-01T00:00:00Z" } }),
        ] {
            assert_eq!(pod_problem(&pod), None, "{pod}");
        }
    }

    #[test]
    fn a_selector_is_written_as_a_list_takes_it() {
        let both = json!({
            "matchLabels": { "app": "web" },
            "matchExpressions": [
                { "key": "tier", "operator": "In", "values": ["a", "b"] },
                { "key": "old", "operator": "DoesNotExist" }
            ]
        });
        assert_eq!(selector(&both).unwrap(), "app=web,tier in (a,b),!old");
        assert_eq!(selector(&json!({})), None);
    }
}
