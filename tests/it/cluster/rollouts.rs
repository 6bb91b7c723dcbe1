//! `kubernetes/rollout-restart` on real deployments, stateful sets and daemon sets.

use super::plane::{Space, failure};
use orderly::domain::run::StepResult;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The names of pods that nobody has deleted.
fn live_pods(space: &Space) -> BTreeSet<String> {
    let pods = space.kubectl(&["get", "pods", "-o", "json"]);
    let pods: Value = serde_json::from_str(&pods).unwrap();
    let live = pods["items"].as_array().unwrap().iter();
    live.map(|pod| &pod["metadata"])
        .filter(|metadata| metadata["deletionTimestamp"].is_null())
        .map(|metadata| metadata["name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_restart_replaces_every_pod() {
    let Some(space) = Space::new() else { return };
    space.available("web", 3);
    let before = live_pods(&space);
    let restart = json!({ "namespace": space.name, "deployment": "web", "wait": "60s" });
    let report = space.step("kubernetes/rollout-restart", restart).await;
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
    let after = live_pods(&space);
    assert!(before.is_disjoint(&after), "{before:?} {after:?}");
    assert_eq!(after.len(), 3);
    let web = space.get("deployment", "web");
    let annotations = &web["spec"]["template"]["metadata"]["annotations"];
    assert_eq!(
        annotations["kubectl.kubernetes.io/restartedAt"],
        report.outputs["restartedAt"]
    );
}

#[tokio::test]
async fn a_restart_that_is_only_tried_changes_nothing() {
    let Some(space) = Space::new() else { return };
    space.available("web", 1);
    let before = space.get("deployment", "web")["metadata"]["generation"].clone();
    let restart = json!({ "namespace": space.name, "deployment": "web", "wait": "60s" });
    let dry = crate::steps::Run::dry(space.world());
    let report = dry.step("kubernetes/rollout-restart", restart).await;
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
    assert!(
        report.summary.contains("the server agrees"),
        "{}",
        report.summary
    );
    assert_eq!(
        space.get("deployment", "web")["metadata"]["generation"],
        before
    );
}

#[tokio::test]
async fn what_is_not_there_is_not_restarted() {
    let Some(space) = Space::new() else { return };
    let restart = json!({ "namespace": space.name, "deployment": "gone" });
    let report = space.step("kubernetes/rollout-restart", restart).await;
    let (error, retryable) = failure(&report);
    let words = format!("deployment gone in namespace {} was not found", space.name);
    assert!(error.contains(&words), "{error}");
    assert!(!retryable);
}

#[tokio::test]
async fn a_rollout_whose_pods_never_get_ready_is_given_up_in_time() {
    let Some(space) = Space::new() else { return };
    space.deployment("web", 2, "never-ready");
    let restart = json!({ "namespace": space.name, "deployment": "web", "wait": "3s" });
    let report = space.step("kubernetes/rollout-restart", restart).await;
    let (error, retryable) = failure(&report);
    assert!(
        error.contains("was restarted, but is not ready: "),
        "{error}"
    );
    assert!(error.contains(", after 3s"), "{error}");
    assert!(
        error.contains(&format!("; pod {}/web-", space.name)),
        "{error}"
    );
    assert!(error.contains("; undone, but is not ready: "), "{error}");
    assert!(!retryable);
}

#[tokio::test]
async fn a_rollout_that_its_controller_has_given_up_is_not_waited_for() {
    let Some(space) = Space::new() else { return };
    space.deployment("web", 1, "never-ready");
    let deadline = r#"{"spec":{"progressDeadlineSeconds":2}}"#;
    space.kubectl(&["patch", "deployment/web", "-p", deadline]);
    let restart = json!({ "namespace": space.name, "deployment": "web", "wait": "60s", "undoOnFailure": false });
    let report = space.step("kubernetes/rollout-restart", restart).await;
    let (error, retryable) = failure(&report);
    assert!(error.contains("has timed out progressing"), "{error}");
    assert!(!retryable);
}

/// The controller's verdict on the last rollout still stands for a moment.
#[tokio::test]
async fn a_deployment_that_was_given_up_can_be_restarted() {
    let Some(space) = Space::new() else { return };
    space.deployment("web", 1, "never-ready");
    let deadline = r#"{"spec":{"progressDeadlineSeconds":2}}"#;
    space.kubectl(&["patch", "deployment/web", "-p", deadline]);
    space.wait("deployment/web", "condition=Progressing=False");
    let mended = r#"{"spec":{"progressDeadlineSeconds":600,"template":{"metadata":{"labels":{"orderly.test/pod":"runs-on"}}}}}"#;
    space.kubectl(&["patch", "deployment/web", "-p", mended]);
    let restart = json!({ "namespace": space.name, "deployment": "web", "wait": "60s" });
    let report = space.step("kubernetes/rollout-restart", restart).await;
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
}

#[tokio::test]
async fn stateful_sets_and_daemon_sets_are_restarted_too() {
    let Some(space) = Space::new() else { return };
    for (kind, input, count) in [
        ("StatefulSet", "statefulset", 2),
        ("DaemonSet", "daemonset", 0),
    ] {
        space.workload(kind, "db", count);
        let restart = json!({ "namespace": space.name, input: "db", "wait": "60s" });
        let report = space.step("kubernetes/rollout-restart", restart).await;
        assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
    }
}
