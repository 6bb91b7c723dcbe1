use super::{
    CheckInputs, judge,
    surveys::{self, Expected, Survey},
};
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
fn at_least(minimum: u64) -> Expected<'static> {
    Expected {
        minimum,
        exactly: &[],
    }
}
fn status(what: &str, survey: Survey) -> CheckStatus {
    let inputs = inputs(json!({ "what": what })).unwrap();
    judge(&inputs, survey).check.unwrap()
}

#[test]
fn nothing_at_all_is_not_ready() {
    assert_eq!(
        status("pods", surveys::pods(&[], at_least(1))),
        CheckStatus::Critical
    );
    assert_eq!(
        status("nodes", surveys::nodes(&[], at_least(1))),
        CheckStatus::Critical
    );
    assert_eq!(
        status("pods", surveys::pods(&[], at_least(0))),
        CheckStatus::Ok
    );
    assert_eq!(status("claims", surveys::claims(&[])), CheckStatus::Ok);
}

#[test]
fn two_of_two_or_three_of_three_are_well_and_nothing_else_is() {
    let frontend =
        json!({ "what": "pods", "namespace": "shop", "selector": "app=web", "exactly": [2, 3] });
    let frontend = inputs(frontend).unwrap();
    for (pods, expected) in [
        (vec![("a", "True"), ("b", "True")], CheckStatus::Ok),
        (
            vec![("a", "True"), ("b", "True"), ("c", "True")],
            CheckStatus::Ok,
        ),
        (vec![("a", "True")], CheckStatus::Critical),
        (
            vec![("a", "True"), ("b", "True"), ("c", "False")],
            CheckStatus::Critical,
        ),
        (vec![("a", "True"); 4], CheckStatus::Critical),
    ] {
        let pods: Vec<Value> = pods.iter().map(|(name, is)| ready(name, is)).collect();
        let report = judge(&frontend, surveys::pods(&pods, frontend.expected()));
        assert_eq!(report.check, Some(expected), "{}", report.summary);
    }
    let none = judge(&frontend, surveys::pods(&[], frontend.expected()));
    assert_eq!(
        none.summary,
        "0 of 0 pods are ready; exactly 2 or 3 must be"
    );
}

#[test]
fn what_waits_for_too_long_is_stuck() {
    let pod = |name, since: &str, reason: &str| {
        named(
            name,
            json!({ "status": {
            "startTime": "2026-03-14T09:00:00Z",
            "conditions": [{ "type": "Ready", "status": "False", "lastTransitionTime": since }],
            "containerStatuses": [{ "name": "app", "state": { "waiting": { "reason": reason } } }]
        } }),
        )
    };
    let pods = [
        pod("image", "2026-03-14T09:50:00Z", "ImagePullBackOff"),
        pod("fresh", "2026-03-14T09:59:00Z", "ContainerCreating"),
        pod("loop", "2026-03-14T09:59:30Z", "CrashLoopBackOff"),
        ready("well", "True"),
    ];
    let found = surveys::stuck(&pods, "5m".parse().unwrap(), at("2026-03-14T10:00:00Z"));
    assert_eq!((found.measured, found.ready, found.total), (2, 2, 4));
    assert_eq!(found.problems[0].problem, "app: ImagePullBackOff, for 10m");
    assert_eq!(found.problems[1].object, "shop/loop");
    assert_eq!(status("stuck", found), CheckStatus::Critical);
}

#[test]
fn what_cannot_be_told_is_never_ok() {
    let survey = |measured| Survey {
        untold: Some("nobody says".to_owned()),
        measured,
        ..Survey::default()
    };
    assert_eq!(status("podUsage", survey(0)), CheckStatus::Unknown);
    assert_eq!(status("podUsage", survey(81)), CheckStatus::Unknown);
    assert_eq!(status("podUsage", survey(96)), CheckStatus::Critical);
}

#[test]
fn volumes_say_themselves_how_grave_they_are() {
    let volume = |phase: &str, robustness: &str| {
        named(
            "v",
            json!({ "status": { "phase": phase, "robustness": robustness, "state": "attached" } }),
        )
    };
    for (survey, what, expected) in [
        (
            surveys::volumes(&[volume("Bound", "")]),
            "volumes",
            CheckStatus::Ok,
        ),
        (
            surveys::volumes(&[volume("Released", "")]),
            "volumes",
            CheckStatus::Warning,
        ),
        (
            surveys::volumes(&[volume("Released", ""), volume("Failed", "")]),
            "volumes",
            CheckStatus::Critical,
        ),
        (
            surveys::longhorn_volumes(&[volume("", "healthy")]),
            "longhornVolumes",
            CheckStatus::Ok,
        ),
        (
            surveys::longhorn_volumes(&[volume("", "degraded")]),
            "longhornVolumes",
            CheckStatus::Warning,
        ),
        (
            surveys::longhorn_volumes(&[volume("", "faulted")]),
            "longhornVolumes",
            CheckStatus::Critical,
        ),
    ] {
        assert_eq!(status(what, survey), expected, "{what}");
    }
}

#[test]
fn each_node_that_is_not_ready_counts() {
    let nodes = [
        ready("a", "True"),
        ready("b", "Unknown"),
        named("c", json!({})),
    ];
    let found = surveys::nodes(&nodes, at_least(1));
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
    let found = surveys::pods(&[ready("a", "True"), done, leaving], at_least(1));
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
    let found = surveys::replicas(
        "deployments",
        &[
            deployment("a", 2, 2),
            deployment("off", 0, 0),
            deployment("b", 3, 1),
        ],
        at_least(1),
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
    let found = surveys::endpoints(&services, &slices, at_least(2));
    assert_eq!((found.measured, found.ready, found.total), (1, 1, 2));
    assert_eq!(found.problems[0].object, "shop/db");
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
    let found = surveys::events(&events, at("2026-03-14T08:00:00Z"));
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
    assert_eq!(surveys::jobs(&jobs, at("2026-03-14T08:00:00Z")).measured, 1);
    let claim = |phase: &str| named("c", json!({ "status": { "phase": phase } }));
    let found = surveys::claims(&[claim("Bound"), claim("Pending")]);
    assert_eq!(found.problems[0].problem, "is Pending");
}

#[test]
fn thresholds_that_are_given_replace_the_usual_ones() {
    let warn_only = inputs(json!({ "what": "pods", "warning": 1, "minimum": 0 })).unwrap();
    let report = judge(
        &warn_only,
        surveys::pods(&[ready("a", "False")], at_least(0)),
    );
    assert_eq!(report.check, Some(CheckStatus::Warning));
    let patient = inputs(json!({ "what": "pods", "critical": 2, "minimum": 0 })).unwrap();
    let report = judge(&patient, surveys::pods(&[ready("a", "False")], at_least(0)));
    assert_eq!(report.check, Some(CheckStatus::Ok));
}

#[test]
fn a_long_list_of_problems_is_cut_and_counted() {
    let pods: Vec<Value> = (0..60)
        .map(|number| ready(&format!("p{number}"), "False"))
        .collect();
    let report = judge(
        &inputs(json!({ "what": "pods" })).unwrap(),
        surveys::pods(&pods, at_least(1)),
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
        (
            json!({ "what": "capacity", "namespace": "a" }),
            "belong to none",
        ),
        (
            json!({ "what": "volumes", "critical": 2 }),
            "say themselves",
        ),
        (
            json!({ "what": "claims", "exactly": [1] }),
            "no number of claims is expected",
        ),
        (
            json!({ "what": "pods", "that": "object.a == 1" }),
            "`what: object` alone",
        ),
        (json!({ "what": "object" }), "name the `kind`"),
        (
            json!({ "what": "object", "kind": "cm", "name": "a" }),
            "lies in a namespace",
        ),
        (
            json!({ "what": "object", "kind": "cm", "that": "object.data ==" }),
            "`object.data ==`",
        ),
        (
            json!({ "what": "capacity", "each": { "cpu": "one", "memory": "1Gi" } }),
            "is no amount",
        ),
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

#[tokio::test]
async fn each_kind_that_is_read_is_an_effect() {
    for (inputs, effects) in [
        (
            json!({ "what": "endpoints", "namespace": "shop", "name": "web" }),
            vec![
                "read service web in namespace shop on cluster default",
                "list endpointslices.discovery.k8s.io matching kubernetes.io/service-name=web in namespace shop on cluster default",
            ],
        ),
        (
            json!({ "what": "nodeUsage" }),
            vec![
                "list nodes (all) on cluster default",
                "list nodemetrics.metrics.k8s.io (all) on cluster default",
            ],
        ),
        (
            json!({ "what": "object", "kind": "deploy", "name": "web", "namespace": "shop" }),
            vec!["read deployment.apps web in namespace shop on cluster default"],
        ),
        (
            json!({ "what": "object", "kind": "taskruns.agents.platform" }),
            vec!["list taskruns.agents.platform (all) in all namespaces on cluster default"],
        ),
    ] {
        let intent = intend("kubernetes/check", inputs).await.unwrap();
        assert_eq!(intent.effects.class(), Class::Read);
        let told: Vec<String> = intent
            .effects
            .items
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(told, effects);
    }
}
