use super::{CheckInputs, judge, survey};
use crate::{
    actions::framework::scripted::{act, intend, world},
    domain::{check::CheckStatus, effect::Class},
};
use jiff::Timestamp;
use serde_json::{Value, json};

fn inputs(value: Value) -> Result<CheckInputs, String> {
    let inputs: CheckInputs = serde_json::from_value(value).map_err(|error| error.to_string())?;
    inputs.validate().map(|()| inputs)
}
fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}
fn named(name: &str, mut object: Value) -> Value {
    object["metadata"]["name"] = json!(name);
    object["metadata"]["namespace"] = json!("shop");
    object
}
fn ready(name: &str, status: &str) -> Value {
    named(
        name,
        json!({ "status": { "conditions": [
        { "type": "Ready", "status": status, "reason": "KubeletDown", "message": "gone" }
    ] } }),
    )
}
fn status(what: &str, survey: survey::Survey) -> CheckStatus {
    let inputs = inputs(json!({ "what": what })).unwrap();
    judge(&inputs, survey).check.unwrap()
}

#[test]
fn nothing_at_all_is_not_ready() {
    assert_eq!(status("pods", survey::pods(&[], 1)), CheckStatus::Critical);
    assert_eq!(
        status("nodes", survey::nodes(&[], 1)),
        CheckStatus::Critical
    );
    assert_eq!(status("pods", survey::pods(&[], 0)), CheckStatus::Ok);
    assert_eq!(status("claims", survey::claims(&[])), CheckStatus::Ok);
}

#[test]
fn each_node_that_is_not_ready_counts() {
    let nodes = [
        ready("a", "True"),
        ready("b", "Unknown"),
        named("c", json!({})),
    ];
    let found = survey::nodes(&nodes, 1);
    assert_eq!((found.measured, found.ready, found.total), (2, 1, 3));
    assert_eq!(found.problems[0].problem, "KubeletDown: gone");
    assert_eq!(status("nodes", found), CheckStatus::Critical);
}

#[test]
fn pods_that_are_done_or_leaving_do_not_count() {
    let done = named("done", json!({ "status": { "phase": "Succeeded" } }));
    let leaving = named(
        "leaving",
        json!({ "metadata": { "deletionTimestamp": "2026-01-01T00:00:00Z" } }),
    );
    let found = survey::pods(&[ready("a", "True"), done, leaving], 1);
    assert_eq!((found.ready, found.total), (1, 1));
    assert_eq!(status("pods", found), CheckStatus::Ok);
}

#[test]
fn a_deployment_without_all_replicas_counts() {
    let deployment = |name, wanted: u64, available: u64| {
        named(
            name,
            json!({ "spec": { "replicas": wanted }, "status": { "availableReplicas": available } }),
        )
    };
    let found = survey::deployments(
        &[
            deployment("a", 2, 2),
            deployment("off", 0, 0),
            deployment("b", 3, 1),
        ],
        1,
    );
    assert_eq!((found.measured, found.ready, found.total), (1, 2, 3));
    assert_eq!(found.problems[0].object, "shop/b");
    assert_eq!(found.problems[0].problem, "1 of 3 replicas are available");
}

#[test]
fn endpoints_are_counted_over_all_slices_of_a_service() {
    let service = |name| named(name, json!({ "spec": { "selector": { "app": name } } }));
    let slice = |service: &str, ready: Value| {
        named(
            "slice",
            json!({
                "metadata": { "labels": { "kubernetes.io/service-name": service } },
                "endpoints": [{ "conditions": { "ready": ready } }]
            }),
        )
    };
    let services = [
        service("web"),
        service("db"),
        named("external", json!({ "spec": {} })),
    ];
    let slices = [
        slice("web", json!(true)),
        slice("web", Value::Null),
        slice("db", json!(false)),
    ];
    let found = survey::endpoints(&services, &slices, 2);
    assert_eq!((found.measured, found.ready, found.total), (1, 1, 2));
    assert_eq!(found.problems[0].object, "shop/db");
}

#[test]
fn only_restarts_of_late_count() {
    let pod = |name, restarts: u64, finished: &str| {
        named(
            name,
            json!({ "status": { "containerStatuses": [{
            "name": "c", "restartCount": restarts,
            "lastState": { "terminated": { "finishedAt": finished, "reason": "OOMKilled" } }
        }] } }),
        )
    };
    let pods = [
        pod("old", 99, "2026-03-01T00:00:00Z"),
        pod("new", 6, "2026-03-14T09:00:00Z"),
        pod("newer", 7, "2026-03-14T09:10:00Z"),
    ];
    let found = survey::restarts(&pods, at("2026-03-14T08:00:00Z"));
    assert_eq!(found.measured, 7);
    assert_eq!(
        found.problems[0].problem,
        "c: 7 restarts, last time OOMKilled"
    );
    assert_eq!(status("restarts", found), CheckStatus::Warning);
}

#[test]
fn only_warnings_of_late_count() {
    let event = |kind: &str, last: &str| {
        json!({
            "type": kind, "lastTimestamp": last, "reason": "BackOff", "message": "m", "count": 3,
            "involvedObject": { "kind": "Pod", "namespace": "shop", "name": "web" }
        })
    };
    let events = [
        event("Warning", "2026-03-14T09:00:00Z"),
        event("Normal", "2026-03-14T09:00:00Z"),
        event("Warning", "2026-03-14T07:00:00Z"),
    ];
    let found = survey::events(&events, at("2026-03-14T08:00:00Z"));
    assert_eq!(found.measured, 1);
    assert_eq!(found.problems[0].object, "pod shop/web");
    assert_eq!(found.problems[0].problem, "BackOff (3×): m");
    assert_eq!(status("events", found), CheckStatus::Warning);
}

#[test]
fn failed_jobs_and_unbound_claims_count() {
    let job = |at: &str| {
        named(
            "j",
            json!({ "status": { "conditions": [
        { "type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "m", "lastTransitionTime": at }
    ] } }),
        )
    };
    let jobs = [job("2026-03-14T09:00:00Z"), job("2026-03-01T00:00:00Z")];
    assert_eq!(survey::jobs(&jobs, at("2026-03-14T08:00:00Z")).measured, 1);
    let claim = |phase: &str| named("c", json!({ "status": { "phase": phase } }));
    let found = survey::claims(&[claim("Bound"), claim("Pending")]);
    assert_eq!(found.problems[0].problem, "is Pending");
}

#[test]
fn thresholds_that_are_given_replace_the_usual_ones() {
    let warn_only = inputs(json!({ "what": "pods", "warning": 1, "minimum": 0 })).unwrap();
    let report = judge(&warn_only, survey::pods(&[ready("a", "False")], 0));
    assert_eq!(report.check, Some(CheckStatus::Warning));
    let patient = inputs(json!({ "what": "pods", "critical": 2, "minimum": 0 })).unwrap();
    let report = judge(&patient, survey::pods(&[ready("a", "False")], 0));
    assert_eq!(report.check, Some(CheckStatus::Ok));
}

#[test]
fn a_long_list_of_problems_is_cut_and_counted() {
    let pods: Vec<Value> = (0..60)
        .map(|number| ready(&format!("p{number}"), "False"))
        .collect();
    let report = judge(
        &inputs(json!({ "what": "pods" })).unwrap(),
        survey::pods(&pods, 1),
    );
    assert_eq!(report.outputs["problems"].as_array().unwrap().len(), 50);
    assert_eq!(report.outputs["moreProblems"], 10);
    assert!(
        report.summary.ends_with("; and 57 more"),
        "{}",
        report.summary
    );
}

#[test]
fn inputs_that_make_no_sense_are_refused() {
    for (value, words) in [
        (
            json!({ "what": "pods", "name": "a", "namespace": "b" }),
            "use `selector`",
        ),
        (
            json!({ "what": "deployments", "name": "a" }),
            "name its `namespace`",
        ),
        (
            json!({ "what": "nodes", "namespace": "a" }),
            "belong to none",
        ),
        (json!({ "what": "events", "selector": "a=b" }), "no labels"),
        (
            json!({ "what": "pods", "warning": 3, "critical": 2 }),
            "critical already",
        ),
        (json!({ "what": "pods", "critical": 0 }), "always reached"),
        (json!({ "what": "pods", "namespace": "a/b" }), "not a name"),
        (json!({ "what": "everything" }), "unknown variant"),
        (json!({ "what": "pods", "colour": "red" }), "unknown field"),
    ] {
        let error = inputs(value.clone()).unwrap_err();
        assert!(error.contains(words), "{value}: {error}");
    }
}

#[tokio::test]
async fn a_cluster_that_is_not_there_is_unknown() {
    let report = act(world(), "kubernetes/check", json!({ "what": "nodes" })).await;
    assert_eq!(report.check, Some(CheckStatus::Unknown));
    let intent = intend(
        "kubernetes/check",
        json!({ "what": "pods", "namespace": "shop" }),
    )
    .await
    .unwrap();
    assert_eq!(intent.effects.class(), Class::Read);
    assert_eq!(
        intent.effects.items[0].to_string(),
        "list pods (all) in namespace shop on cluster default"
    );
}
