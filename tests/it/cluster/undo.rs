//! Changes that are put back when waiting for them was in vain: images, replicas and restarts of real workloads.

use super::plane::{Space, failure};
use crate::steps::Run;
use orderly::domain::run::{StepReport, StepResult};
use serde_json::{Value, json};
use std::time::Duration;

const GOOD: &str = "registry.example.org/app:1";
const BETTER: &str = "registry.example.org/app:2";
/// What `tests/cluster/kwok.yaml` knows by its tag.
const BAD: &str = "registry.example.org/app:never-ready";

fn images(space: &Space, image: &str, wait: &str) -> Value {
    json!({ "namespace": space.name, "deployment": "web", "images": { "app": image }, "wait": wait })
}
fn image(space: &Space, kind: &str, name: &str) -> Value {
    space.get(kind, name)["spec"]["template"]["spec"]["containers"][0]["image"].clone()
}
fn revision(space: &Space) -> String {
    let web = space.get("deployment", "web");
    let revision = &web["metadata"]["annotations"]["deployment.kubernetes.io/revision"];
    revision.as_str().unwrap().to_owned()
}
fn succeeded(report: &StepReport) {
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
}
async fn until(so: impl Fn() -> bool) {
    while !so() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn an_image_is_set_and_the_former_one_is_told() {
    let Some(space) = Space::new() else { return };
    space.available("web", 2);
    let report = space
        .step("kubernetes/set-image", images(&space, BETTER, "60s"))
        .await;
    succeeded(&report);
    assert_eq!(report.outputs["previous"], json!({ "app": GOOD }));
    assert_eq!(report.outputs["changed"], true);
    assert_eq!(report.outputs["undone"], false);
    assert_eq!(image(&space, "deployment", "web"), BETTER);
    let before = space.get("deployment", "web")["metadata"]["generation"].clone();
    let report = space
        .step("kubernetes/set-image", images(&space, BETTER, "60s"))
        .await;
    succeeded(&report);
    assert!(
        report
            .summary
            .contains("already, nothing was changed, ready after"),
        "{}",
        report.summary
    );
    assert_eq!(report.outputs["changed"], false);
    assert_eq!(
        space.get("deployment", "web")["metadata"]["generation"],
        before
    );
}

#[tokio::test]
async fn an_image_whose_pods_never_get_ready_is_put_back_and_the_step_fails() {
    let Some(space) = Space::new() else { return };
    space.available("web", 2);
    let report = space
        .step("kubernetes/set-image", images(&space, BAD, "3s"))
        .await;
    let (error, retryable) = failure(&report);
    let words = format!("was given app={BAD} instead of app={GOOD}, but is not ready: ");
    assert!(error.contains(&words), "{error}");
    assert!(
        error.contains("; undone, and ready again after "),
        "{error}"
    );
    assert!(error.contains("; warning of web-"), "{error}");
    assert!(
        error.contains("Unhealthy: Readiness probe failed"),
        "{error}"
    );
    assert!(!retryable);
    assert_eq!(report.outputs["undone"], true);
    assert_eq!(image(&space, "deployment", "web"), GOOD);
    assert_eq!(
        space.get("deployment", "web")["status"]["availableReplicas"],
        2
    );
}

#[tokio::test]
async fn without_undo_a_bad_image_stays_and_another_attempt_waits_on() {
    let Some(space) = Space::new() else { return };
    space.available("web", 1);
    let mut inputs = images(&space, BAD, "2s");
    inputs["undoOnFailure"] = json!(false);
    let run = space.run();
    let first = run.step("kubernetes/set-image", inputs.clone()).await;
    let (error, retryable) = failure(&first);
    assert!(!error.contains("undone"), "{error}");
    assert!(retryable);
    assert_eq!(image(&space, "deployment", "web"), BAD);
    let revision_then = revision(&space);
    let second = run.step("kubernetes/set-image", inputs).await;
    assert_eq!(
        second.outputs["previous"],
        json!({ "app": GOOD }),
        "{}",
        second.summary
    );
    assert_eq!(revision(&space), revision_then);
}

#[tokio::test]
async fn what_somebody_else_has_changed_meanwhile_is_not_put_back() {
    let Some(space) = Space::new() else { return };
    space.available("web", 1);
    let change = async {
        until(|| image(&space, "deployment", "web") == BAD).await;
        let env = r#"{"spec":{"template":{"spec":{"containers":[{"name":"app","env":[{"name":"A","value":"1"}]}]}}}}"#;
        space.kubectl(&["patch", "deployment/web", "-p", env]);
    };
    let step = space.step("kubernetes/set-image", images(&space, BAD, "4s"));
    let (report, ()) = tokio::join!(step, change);
    let (error, _) = failure(&report);
    assert!(
        error.contains("; it was not undone: something else has changed it since"),
        "{error}"
    );
    assert_eq!(report.outputs["undone"], false);
    assert_eq!(image(&space, "deployment", "web"), BAD);
}

#[tokio::test]
async fn another_deployment_of_the_same_name_is_left_alone() {
    let Some(space) = Space::new() else { return };
    space.available("web", 1);
    let replace = async {
        until(|| image(&space, "deployment", "web") == BAD).await;
        space.kubectl(&["delete", "deployment/web", "--cascade=foreground"]);
        space.deployment("web", 1, "never-ready");
    };
    let step = space.step("kubernetes/set-image", images(&space, BAD, "8s"));
    let (report, ()) = tokio::join!(step, replace);
    let (error, _) = failure(&report);
    assert!(
        error.contains("it was not undone: it was replaced by another one of this name")
            || error.contains("was not found"),
        "{error}"
    );
    if !error.contains("was not found") {
        assert_eq!(image(&space, "deployment", "web"), GOOD);
    }
}

#[tokio::test]
async fn a_step_that_is_stopped_writes_the_former_image_back_and_does_not_wait() {
    let Some(space) = Space::new() else { return };
    space.available("web", 1);
    let run = space.run();
    let stop = async {
        until(|| image(&space, "deployment", "web") == BAD).await;
        run.stop.cancel();
    };
    let step = run.step("kubernetes/set-image", images(&space, BAD, "5m"));
    let (report, ()) = tokio::join!(step, stop);
    assert_eq!(report.result, StepResult::Canceled);
    assert!(
        report
            .summary
            .contains("waiting for it was stopped; undone, without waiting for it"),
        "{}",
        report.summary
    );
    assert_eq!(image(&space, "deployment", "web"), GOOD);
}

/// As after the agent was killed between putting back and recording it.
#[tokio::test]
async fn what_an_earlier_attempt_has_put_back_is_not_done_again() {
    let Some(space) = Space::new() else { return };
    space.available("web", 1);
    let run = space.run();
    run.step("kubernetes/set-image", images(&space, BAD, "2s"))
        .await;
    let generation = space.get("deployment", "web")["metadata"]["generation"].clone();
    let second = run
        .step("kubernetes/set-image", images(&space, BAD, "20s"))
        .await;
    let (error, retryable) = failure(&second);
    assert!(
        error.contains("by an earlier attempt of this step, in vain; undone, and ready again"),
        "{error}"
    );
    assert!(!retryable);
    assert_eq!(second.outputs["undone"], true);
    assert_eq!(
        space.get("deployment", "web")["metadata"]["generation"],
        generation
    );
}

#[tokio::test]
async fn an_unknown_container_is_told_with_those_that_there_are() {
    let Some(space) = Space::new() else { return };
    let init = json!({ "initContainers": [{ "name": "migrate", "image": GOOD }] });
    space.available("web", 1);
    let patch = json!({ "spec": { "template": { "spec": init } } }).to_string();
    space.kubectl(&["patch", "deployment/web", "-p", &patch]);
    let mut inputs = images(&space, BETTER, "60s");
    inputs["images"] = json!({ "app": BETTER, "application": BETTER });
    let report = space.step("kubernetes/set-image", inputs.clone()).await;
    let (error, _) = failure(&report);
    assert!(
        error.contains("has no container `application`; hint: it has migrate, app"),
        "{error}"
    );
    assert_eq!(image(&space, "deployment", "web"), GOOD);
    inputs["images"] = json!({ "migrate": BETTER });
    let report = space.step("kubernetes/set-image", inputs).await;
    succeeded(&report);
    assert_eq!(image(&space, "deployment", "web"), GOOD);
    let web = space.get("deployment", "web");
    assert_eq!(
        web["spec"]["template"]["spec"]["initContainers"][0]["image"],
        BETTER
    );
}

#[tokio::test]
async fn a_dry_run_of_an_image_changes_nothing() {
    let Some(space) = Space::new() else { return };
    space.available("web", 1);
    let report = Run::dry(space.world())
        .step("kubernetes/set-image", images(&space, BETTER, "60s"))
        .await;
    succeeded(&report);
    assert!(
        report.summary.contains("would give deployment"),
        "{}",
        report.summary
    );
    assert_eq!(image(&space, "deployment", "web"), GOOD);
}

#[tokio::test]
async fn images_of_stateful_sets_and_daemon_sets_are_set_and_put_back() {
    let Some(space) = Space::new() else { return };
    for (kind, field, count) in [
        ("StatefulSet", "statefulset", 2),
        ("DaemonSet", "daemonset", 0),
    ] {
        space.workload(kind, "db", count);
        let inputs = |image: &str, wait: &str| json!({ "namespace": space.name, field: "db", "images": { "app": image }, "wait": wait });
        succeeded(
            &space
                .step("kubernetes/set-image", inputs(BETTER, "60s"))
                .await,
        );
        let report = space.step("kubernetes/set-image", inputs(BAD, "3s")).await;
        let (error, _) = failure(&report);
        let stands = if kind == "StatefulSet" {
            "; hint: a stateful set waits for its broken pod: delete that pod"
        } else {
            "; undone, and ready again after"
        };
        assert!(error.contains(stands), "{error}");
        assert_eq!(image(&space, field, "db"), BETTER);
    }
}

#[tokio::test]
async fn who_may_not_patch_sets_no_image() {
    let Some(space) = Space::new() else { return };
    space.available("web", 1);
    let rules = json!([{ "apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"] }]);
    let run = Run::new(space.world_of(space.somebody("reader", &rules)));
    let report = run
        .step("kubernetes/set-image", images(&space, BETTER, "60s"))
        .await;
    let (error, retryable) = failure(&report);
    assert!(error.contains("setting images of deployment"), "{error}");
    assert!(error.contains("cannot patch"), "{error}");
    assert!(!retryable);
    assert_eq!(image(&space, "deployment", "web"), GOOD);
}

#[tokio::test]
async fn a_scaling_in_vain_is_scaled_back() {
    let Some(space) = Space::new() else { return };
    space.available("web", 2);
    // New pods wait for a node that there is not.
    let quota = json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "two" }, "spec": { "hard": { "pods": "2" } } });
    space.apply(&quota);
    until(|| space.get("resourcequota", "two")["status"]["used"]["pods"] == "2").await;
    let scale = json!({ "namespace": space.name, "deployment": "web", "replicas": 4, "wait": "3s", "undoWait": "20s" });
    let report = space.step("kubernetes/scale", scale).await;
    let (error, retryable) = failure(&report);
    assert!(
        error.contains("was scaled from 2 to 4, but is not ready: 2 of 4 replicas are available"),
        "{error}"
    );
    assert!(
        error.contains("FailedCreate"),
        "the warning of its replica set: {error}"
    );
    assert!(error.contains("; undone, and ready again after"), "{error}");
    assert!(!retryable);
    assert_eq!(report.outputs["previous"], 2);
    assert_eq!(report.outputs["undone"], true);
    assert_eq!(space.get("deployment", "web")["spec"]["replicas"], 2);
}

#[tokio::test]
async fn a_restart_in_vain_gets_its_former_pods_back() {
    let Some(space) = Space::new() else { return };
    space.available("web", 2);
    let quota = json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "two" }, "spec": { "hard": { "pods": "2" } } });
    space.apply(&quota);
    until(|| space.get("resourcequota", "two")["status"]["used"]["pods"] == "2").await;
    let surge = r#"{"spec":{"strategy":{"rollingUpdate":{"maxUnavailable":0,"maxSurge":1}}}}"#;
    space.kubectl(&["patch", "deployment/web", "-p", surge]);
    let before = space.kubectl(&["get", "pods", "-o", "name"]);
    let restart = json!({ "namespace": space.name, "deployment": "web", "wait": "3s" });
    let report = space.step("kubernetes/rollout-restart", restart).await;
    let (error, _) = failure(&report);
    assert!(
        error.contains("was restarted, but is not ready: "),
        "{error}"
    );
    assert!(error.contains("; undone, and ready again after"), "{error}");
    assert_eq!(space.kubectl(&["get", "pods", "-o", "name"]), before);
    let web = space.get("deployment", "web");
    let annotations = &web["spec"]["template"]["metadata"]["annotations"];
    assert!(
        annotations["kubectl.kubernetes.io/restartedAt"].is_null(),
        "{annotations}"
    );
}

#[tokio::test]
async fn warnings_of_long_ago_are_no_reason_of_a_failure_and_new_ones_say_their_age() {
    let Some(space) = Space::new() else { return };
    space.available("web", 1);
    let uid = space.get("deployment", "web")["metadata"]["uid"].clone();
    space.apply(&json!({
        "apiVersion": "v1", "kind": "Event", "metadata": { "name": "web.1" }, "type": "Warning", "reason": "Odd",
        "message": "it looked odd", "lastTimestamp": "2026-01-01T00:00:00Z",
        "involvedObject": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "namespace": space.name, "uid": uid }
    }));
    let inputs = images(&space, BAD, "3s");
    let report = space.step("kubernetes/set-image", inputs).await;
    let (error, _) = failure(&report);
    assert!(!error.contains("it looked odd"), "{error}");
    assert!(error.contains("Unhealthy: "), "{error}");
    assert!(error.contains("s ago"), "{error}");
}
