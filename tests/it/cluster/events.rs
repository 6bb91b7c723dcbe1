//! What the agent leaves on objects that a step has changed: `kubectl describe` says who did it.

use super::plane::{Space, failure};
use crate::steps::Run;
use orderly::{
    adapters::kubernetes::{Cluster, Credentials},
    domain::run::StepResult,
};
use serde_json::{Value, json};

fn scale(space: &Space, replicas: u32) -> Value {
    json!({ "namespace": space.name, "deployment": "web", "replicas": replicas })
}

/// The events that the agent has left in the namespace.
fn left(space: &Space) -> Vec<Value> {
    let events = space.kubectl(&["get", "events.events.k8s.io", "-o", "json"]);
    let events: Value = serde_json::from_str(&events).unwrap();
    let all = events["items"].as_array().unwrap().iter();
    all.filter(|event| event["reportingController"] == "orderly.dev/agent")
        .cloned()
        .collect()
}

#[tokio::test]
async fn an_object_that_was_changed_says_by_whom_and_why() {
    let Some(space) = Space::new() else { return };
    space.available("web", 1);
    let report = space.step("kubernetes/scale", scale(&space, 2)).await;
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
    let events = left(&space);
    assert_eq!(events.len(), 1, "{events:?}");
    let web = space.get("deployment", "web");
    assert_eq!(events[0]["regarding"]["uid"], web["metadata"]["uid"]);
    assert_eq!(events[0]["reason"], "Scale");
    assert_eq!(events[0]["type"], "Normal");
    let told = space.kubectl(&["describe", "deployment", "web"]);
    assert!(
        told.contains("scaled from 1 to 2 (runbook nightly, run "),
        "{told}"
    );
    assert!(told.contains("orderly.dev/agent"), "{told}");
}

#[tokio::test]
async fn a_step_that_has_failed_leaves_a_warning_and_one_that_changed_nothing_leaves_nothing() {
    let Some(space) = Space::new() else { return };
    let report = space.step("kubernetes/scale", scale(&space, 2)).await;
    failure(&report);
    space.available("web", 1);
    space.step("kubernetes/scale", scale(&space, 1)).await;
    Run::dry(space.world())
        .step("kubernetes/scale", scale(&space, 2))
        .await;
    assert_eq!(left(&space), Vec::<Value>::new());
    let bad = json!({
        "namespace": space.name, "deployment": "web", "wait": "1s",
        "images": { "app": "registry.example.org/app:never-ready" }
    });
    let report = space.step("kubernetes/set-image", bad).await;
    failure(&report);
    let events = left(&space);
    assert_eq!(events.len(), 1, "one for each object: {events:?}");
    assert_eq!(events[0]["type"], "Warning");
    assert_eq!(events[0]["reason"], "SetImage");
    let note = events[0]["note"].as_str().unwrap();
    assert!(
        note.contains("is not ready") && note.len() <= 1024,
        "{note}"
    );
}

#[tokio::test]
async fn who_may_leave_no_event_does_the_step_all_the_same() {
    let Some(space) = Space::new() else { return };
    space.available("web", 1);
    let rules =
        json!([{ "apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "patch"] }]);
    let run = Run::new(space.world_of(space.somebody("scaler", &rules)));
    let (report, log) = run.logged_step("kubernetes/scale", scale(&space, 2)).await;
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
    assert_eq!(
        log.matches("no event was left on web: ").count(),
        1,
        "{log}"
    );
    assert!(log.contains("cannot create resource \"events\""), "{log}");
}

#[tokio::test]
async fn a_cluster_that_wants_no_events_gets_none() {
    let Some(space) = Space::new() else { return };
    space.available("web", 1);
    let path = space.plane().kubeconfig();
    let context = None;
    let cluster = Cluster {
        events: false,
        ..Credentials::Kubeconfig { path, context }.into()
    };
    let run = Run::new(space.world_with(cluster));
    let (report, log) = run.logged_step("kubernetes/scale", scale(&space, 2)).await;
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
    assert_eq!((log.as_str(), left(&space)), ("", Vec::new()));
}
