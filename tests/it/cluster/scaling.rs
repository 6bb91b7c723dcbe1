//! `kubernetes/scale` on real workloads.

use super::plane::{Space, failure};
use orderly::domain::run::StepResult;
use serde_json::json;

#[tokio::test]
async fn a_deployment_is_scaled_up_and_down_and_tells_what_it_was() {
    let Some(space) = Space::new() else { return };
    space.available("web", 2);
    for (wanted, previous) in [(4, 2), (1, 4), (0, 1)] {
        let scale = json!({ "namespace": space.name, "deployment": "web", "replicas": wanted, "wait": "60s" });
        let report = space.step("kubernetes/scale", scale).await;
        assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
        assert_eq!(report.outputs["previous"], previous);
        let web = space.get("deployment", "web");
        assert_eq!(web["spec"]["replicas"], wanted);
        assert_eq!(web["status"]["replicas"].as_u64().unwrap_or(0), wanted);
    }
}

#[tokio::test]
async fn a_stateful_set_is_scaled() {
    let Some(space) = Space::new() else { return };
    space.workload("StatefulSet", "db", 1);
    let scale =
        json!({ "namespace": space.name, "statefulset": "db", "replicas": 3, "wait": "60s" });
    let report = space.step("kubernetes/scale", scale).await;
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
    assert_eq!(space.get("statefulset", "db")["status"]["readyReplicas"], 3);
}

#[tokio::test]
async fn pods_that_never_get_ready_are_given_up_and_the_way_back_is_told() {
    let Some(space) = Space::new() else { return };
    space.deployment("web", 1, "never-ready");
    let scale =
        json!({ "namespace": space.name, "deployment": "web", "replicas": 3, "wait": "2s" });
    let report = space.step("kubernetes/scale", scale).await;
    let (error, _) = failure(&report);
    assert!(
        error.contains("was scaled from 1 to 3, but is not ready: 0 of 3 replicas are available"),
        "{error}"
    );
    assert_eq!(report.outputs["previous"], 1);
}

/// A rollout that has failed leaves its verdict on the deployment; scaling down is a way out of it.
#[tokio::test]
async fn a_deployment_whose_rollout_was_given_up_can_be_scaled_down() {
    let Some(space) = Space::new() else { return };
    space.deployment("web", 3, "never-ready");
    let deadline = r#"{"spec":{"progressDeadlineSeconds":2}}"#;
    space.kubectl(&["patch", "deployment/web", "-p", deadline]);
    space.wait("deployment/web", "condition=Progressing=False");
    let scale =
        json!({ "namespace": space.name, "deployment": "web", "replicas": 0, "wait": "60s" });
    let report = space.step("kubernetes/scale", scale).await;
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
}

#[tokio::test]
async fn what_is_not_there_is_not_scaled() {
    let Some(space) = Space::new() else { return };
    let scale = json!({ "namespace": space.name, "statefulset": "gone", "replicas": 1 });
    let report = space.step("kubernetes/scale", scale).await;
    let (error, retryable) = failure(&report);
    assert!(error.contains("statefulset gone"), "{error}");
    assert!(!retryable);
}
