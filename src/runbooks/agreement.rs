//! What the types accept, the schema accepts, and the other way round.

use crate::runbooks::{
    compose::compose,
    raw::{CalendarFile, EnvironmentFile, PolicyFile, RunbookFile},
    read::read,
    schema::Kind,
    tree::Node,
};
use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};

fn documents() -> [(Kind, Value); 4] {
    [
        (
            Kind::Runbook,
            json!({"apiVersion": "orderly.dev/v1", "kind": "Runbook",
            "metadata": {"name": "a", "labels": {"x": "y"}},
            "spec": {
                "description": "d", "owner": "o", "environments": ["staging"],
                "triggers": [
                    {"schedule": "0 8 * * *", "timeZone": "UTC", "spread": "5m", "missed": "last", "startDeadline": "1h"},
                    {"every": "5m", "spread": "1s", "missed": "all", "startDeadline": "1m"},
                    {"webhook": {"name": "w"}},
                    {"alert": {"match": {"alertname": "x"}}},
                    {"after": {"runbook": "b", "on": "any"}},
                    {"agent": "started"},
                ],
                "inputs": {"n": {"type": "integer", "default": 1, "required": false, "pattern": "x", "enum": [1, 2], "description": "d"}},
                "overlap": "queue", "locks": ["l"], "windows": ["c"], "deadline": "1h", "autonomy": 2,
                "steps": [{"name": "s", "uses": "sleep", "with": {"for": "1s"}, "when": "true", "timeout": "1m",
                    "retry": {"attempts": 2, "backoff": {"initial": "1s", "factor": 2, "max": "5s"}}, "continueOnFailure": true}],
                "rollback": [{"name": "r", "uses": "a/b"}],
                "finally": [{"name": "f", "uses": "notify"}],
            }}),
        ),
        (
            Kind::Environment,
            json!({"apiVersion": "orderly.dev/v1", "kind": "Environment", "metadata": {"name": "staging"},
                "spec": {"values": {"a": [1, {"b": null}]}, "autonomy": 1, "protectedNamespaces": ["x"]}}),
        ),
        (
            Kind::Calendar,
            json!({"apiVersion": "orderly.dev/v1", "kind": "Calendar", "metadata": {"name": "c"},
                "spec": {"timeZone": "UTC", "windows": [{"allow": "0 8 * * *", "for": "8h"}, {"deny": "0 9 * * *", "for": "1h"}]}}),
        ),
        (
            Kind::Policy,
            json!({"apiVersion": "orderly.dev/v1", "kind": "Policy", "metadata": {"name": "p"},
                "spec": {"autonomy": 1, "protectedNamespaces": ["x"], "forbiddenOperations": ["exec"],
                    "requireApproval": ["delete_pod"], "dangerousCommands": ["mkfs"], "maxReach": 1, "quorum": 2}}),
        ),
    ]
}

/// Every place in a value, as JSON Pointers, without the root.
fn places(value: &Value, pointer: &str, found: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, item)| (key.clone(), item)).collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| (index.to_string(), item))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    for (key, item) in children {
        let below = format!("{pointer}/{key}");
        found.push(below.clone());
        places(item, &below, found);
    }
}

#[derive(Debug, Clone)]
enum Change {
    Remove,
    Rename(String),
    Put(Value),
    Add(String, Value),
}

fn change(value: &mut Value, pointer: &str, change: Change) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = value.pointer_mut(parent).unwrap();
    match (parent, change) {
        (Value::Object(map), Change::Remove) => {
            map.shift_remove(key);
        }
        (Value::Object(map), Change::Rename(to)) => {
            if let Some(item) = map.shift_remove(key) {
                map.insert(to, item);
            }
        }
        (Value::Array(items), Change::Remove | Change::Rename(_)) => {
            items.remove(key.parse().unwrap());
        }
        (Value::Object(map), Change::Put(new)) => {
            map.insert(key.to_owned(), new);
        }
        (Value::Array(items), Change::Put(new)) => items[key.parse::<usize>().unwrap()] = new,
        (Value::Object(map), Change::Add(key, new)) => {
            map.insert(key, new);
        }
        (_, _) => {}
    }
}

fn some_key() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("schedule"),
        Just("every"),
        Just("spread"),
        Just("for"),
        Just("allow"),
        Just("deny"),
        Just("name"),
        Just("uses"),
        Just("on"),
        Just("match"),
        Just("type"),
        Just("x-y"),
        Just("timeZone"),
        Just("enum"),
        Just("default")
    ]
    .prop_map(str::to_owned)
}

fn some_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        Just(json!(true)),
        Just(json!(0)),
        Just(json!(-1)),
        Just(json!(3)),
        Just(json!(1.5)),
        Just(json!(5_000_000_000_u64)),
        Just(json!("")),
        Just(json!("1h30m")),
        Just(json!("1h 30m")),
        Just(json!("a")),
        Just(json!("A_b")),
        Just(json!("a/b-c")),
        Just(json!("a--b")),
        Just(json!("-a")),
        Just(json!("a".repeat(64))),
        Just(json!("last")),
        Just(json!("queue")),
        Just(json!("exec")),
        Just(json!("integer")),
        Just(json!([])),
        Just(json!(["a"])),
        Just(json!(["a", "a"])),
        Just(json!([1])),
        Just(json!({})),
        Just(json!({"a": "b"})),
        Just(json!({"name": "n"})),
        Just(json!({"every": "5m"})),
        Just(json!([{"every": "5m", "schedule": "* * * * *"}])),
        Just(json!({"allow": "x", "for": "1h"})),
        Just(json!("orderly.dev/v1")),
        Just(json!("Runbook")),
        Just(json!("ä")),
        Just(json!("a\n")),
    ]
}

fn some_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        Just(Change::Remove),
        some_key().prop_map(Change::Rename),
        some_value().prop_map(Change::Put),
        (some_key(), some_value()).prop_map(|(key, value)| Change::Add(key, value)),
    ]
}

fn types_accept(kind: Kind, root: &Node<'_>) -> bool {
    match kind {
        Kind::Runbook => read::<RunbookFile>(root).is_ok(),
        Kind::Environment => read::<EnvironmentFile>(root).is_ok(),
        Kind::Calendar => read::<CalendarFile>(root).is_ok(),
        Kind::Policy => read::<PolicyFile>(root).is_ok(),
    }
}

fn verdicts(kind: Kind, value: &Value) -> (bool, bool) {
    let text = value.to_string();
    let documents = compose(&text);
    assert_eq!(documents.len(), 1, "{text}");
    assert_eq!(documents[0].faults, [], "{text}");
    let root = &documents[0].root;
    (types_accept(kind, root), kind.shape().fits(&root.json()))
}

#[test]
fn both_accept_the_documents_that_the_changes_begin_with() {
    for (kind, value) in documents() {
        assert_eq!(verdicts(kind, &value), (true, true), "{value}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn types_and_schema_agree(which in 0..6_usize, changes in proptest::collection::vec((any::<Index>(), some_change()), 1..3)) {
        let (kind, mut value) = documents()[which.saturating_sub(2)].clone();
        for (place, by) in changes {
            let mut all = Vec::new();
            places(&value, "", &mut all);
            prop_assume!(!all.is_empty());
            let place: &String = place.get(&all);
            change(&mut value, place, by);
        }
        let (types, schema) = verdicts(kind, &value);
        prop_assert_eq!(types, schema, "{}", value);
    }
}
