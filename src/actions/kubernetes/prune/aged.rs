//! How old an object is.

use crate::actions::kubernetes::object::{condition, items, text, time};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// From when on an object ages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Since {
    /// Since it has finished (`completionTime`, `completionTimestamp`, its finished condition, the end of its containers); what has not
    /// finished is kept. What never finishes, such as a ConfigMap, ages since it was made.
    #[default]
    Finished,
    /// Since it was made, whether it has finished or not.
    Created,
}

/// From when on this object ages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Born {
    /// It has finished then.
    Finished(Timestamp),
    /// It was made then.
    Created(Timestamp),
    /// It is at work.
    Unfinished,
    /// It does not say.
    Unknown,
}

/// Types of conditions that say that something has run to its end, well or not.
const ENDS: [&str; 4] = ["Complete", "Failed", "Succeeded", "Completed"];

pub(super) fn born(kind: &str, object: &Value, since: Since) -> Born {
    let created = time(object, "/metadata/creationTimestamp").map_or(Born::Unknown, Born::Created);
    if since == Since::Created {
        return created;
    }
    match finished(kind, object) {
        Some(Ending::At(at)) => Born::Finished(at),
        Some(Ending::NotYet) => Born::Unfinished,
        None => created,
    }
}

enum Ending {
    At(Timestamp),
    NotYet,
}

/// When it has finished; nothing where it is none that does.
fn finished(kind: &str, object: &Value) -> Option<Ending> {
    if kind == "pod" {
        return Some(pod(object));
    }
    let written = [
        "/status/completionTime",
        "/status/completionTimestamp",
        "/status/finishedAt",
    ];
    let by_time = written.iter().find_map(|pointer| time(object, pointer));
    if let Some(at) = by_time.or_else(|| by_condition(object)) {
        return Some(Ending::At(at));
    }
    let runs = kind == "job.batch"
        || ENDS.iter().any(|name| condition(object, name).is_some())
        || object.pointer("/status/startTime").is_some()
        || object.pointer("/status/startedAt").is_some();
    runs.then_some(Ending::NotYet)
}

/// `Succeeded` says by its `False` that it has ended, too; the others do not.
fn by_condition(object: &Value) -> Option<Timestamp> {
    let ended = ENDS.iter().find_map(|name| {
        let found = condition(object, name)?;
        match (text(found, "/status"), *name) {
            ("True", _) | ("False", "Succeeded") => Some(found),
            _ => None,
        }
    });
    time(ended?, "/lastTransitionTime")
}

fn pod(object: &Value) -> Ending {
    if !matches!(text(object, "/status/phase"), "Succeeded" | "Failed") {
        return Ending::NotYet;
    }
    let containers = items(object, "/status/containerStatuses").iter();
    let last = containers
        .filter_map(|container| time(container, "/state/terminated/finishedAt"))
        .max();
    // One that was evicted says no more than when it was there.
    let at = last
        .or_else(|| time(object, "/status/startTime"))
        .or_else(|| time(object, "/metadata/creationTimestamp"));
    at.map_or(Ending::NotYet, Ending::At)
}

#[cfg(test)]
mod tests {
    use super::{Born, Since, born};
    use jiff::Timestamp;
    use serde_json::{Value, json};

    const MADE: &str = "2026-01-01T00:00:00Z";
    const DONE: &str = "2026-01-02T00:00:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }
    fn object(status: Value) -> Value {
        json!({ "metadata": { "creationTimestamp": MADE }, "status": status })
    }
    fn ended(kind: &str, status: &str) -> Value {
        json!({ "conditions": [{ "type": kind, "status": status, "lastTransitionTime": DONE }] })
    }

    #[test]
    fn what_finishes_ages_from_its_end_on() {
        for (kind, status, expected) in [
            (
                "job.batch",
                json!({ "completionTime": DONE }),
                Born::Finished(at(DONE)),
            ),
            (
                "job.batch",
                ended("Failed", "True"),
                Born::Finished(at(DONE)),
            ),
            ("job.batch", json!({ "active": 1 }), Born::Unfinished),
            (
                "taskrun.x",
                ended("Succeeded", "False"),
                Born::Finished(at(DONE)),
            ),
            ("taskrun.x", ended("Succeeded", "Unknown"), Born::Unfinished),
            ("taskrun.x", json!({ "startTime": MADE }), Born::Unfinished),
            (
                "pod",
                json!({ "phase": "Failed", "containerStatuses": [{ "state": { "terminated": { "finishedAt": DONE } } }] }),
                Born::Finished(at(DONE)),
            ),
            (
                "pod",
                json!({ "phase": "Running", "startTime": MADE }),
                Born::Unfinished,
            ),
            ("configmap", json!({}), Born::Created(at(MADE))),
            (
                "deployment.apps",
                ended("Available", "True"),
                Born::Created(at(MADE)),
            ),
        ] {
            let object = object(status.clone());
            assert_eq!(
                born(kind, &object, Since::Finished),
                expected,
                "{kind} {status}"
            );
            assert_eq!(born(kind, &object, Since::Created), Born::Created(at(MADE)));
        }
        assert_eq!(
            born("configmap", &json!({}), Since::Finished),
            Born::Unknown
        );
    }
}
