//! `kubernetes/rollout-undo` on real revisions.

use super::plane::{Space, failure};
use crate::steps::Run;
use orderly::domain::run::{StepReport, StepResult};
use serde_json::{Value, json};

fn back(space: &Space, kind: &str, more: &Value) -> Value {
    let mut inputs = json!({ "namespace": space.name, kind: "web", "wait": "60s" });
    for (name, value) in more.as_object().unwrap() {
        inputs[name] = value.clone();
    }
    inputs
}
fn set_image(space: &Space, kind: &str, tag: &str) {
    let (object, image) = (
        format!("{kind}/web"),
        format!("app=registry.example.org/app:{tag}"),
    );
    space.kubectl(&["set", "image", &object, &image]);
    if tag != "never-ready" {
        space.kubectl(&["rollout", "status", &object, "--timeout=60s"]);
    }
}
fn tag(space: &Space, kind: &str) -> String {
    let object = space.get(kind, "web");
    let image = object["spec"]["template"]["spec"]["containers"][0]["image"]
        .as_str()
        .unwrap();
    image.rsplit(':').next().unwrap().to_owned()
}
fn succeeded(report: &StepReport) {
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
}

#[tokio::test]
async fn a_deployment_goes_back_to_its_former_revision_or_to_a_named_one() {
    let Some(space) = Space::new() else { return };
    space.available("web", 2);
    let undo = "kubernetes/rollout-undo";
    let report = space
        .step(undo, back(&space, "deployment", &json!({})))
        .await;
    let (error, retryable) = failure(&report);
    assert!(
        error.contains("has no former revision to go back to; hint: the cluster keeps 1"),
        "{error}"
    );
    assert!(!retryable);
    set_image(&space, "deployment", "2");
    set_image(&space, "deployment", "3");
    let run = space.run();
    let report = run.step(undo, back(&space, "deployment", &json!({}))).await;
    succeeded(&report);
    assert_eq!(report.outputs["fromRevision"], 3);
    assert_eq!(report.outputs["toRevision"], 2);
    assert_eq!(tag(&space, "deployment"), "2");
    let again = run.step(undo, back(&space, "deployment", &json!({}))).await;
    assert_eq!(
        again.outputs["toRevision"], 2,
        "the same step does not go back further: {}",
        again.summary
    );
    assert_eq!(tag(&space, "deployment"), "2");
    let report = space
        .step(
            undo,
            back(&space, "deployment", &json!({ "toRevision": 1 })),
        )
        .await;
    succeeded(&report);
    assert_eq!(tag(&space, "deployment"), "1");
    let report = space
        .step(
            undo,
            back(&space, "deployment", &json!({ "toRevision": 17 })),
        )
        .await;
    let (error, _) = failure(&report);
    assert!(
        error.contains("has no revision 17; hint: the cluster keeps 3, 4, 5"),
        "{error}"
    );
    let report = space
        .step(
            undo,
            back(&space, "deployment", &json!({ "toRevision": 5 })),
        )
        .await;
    succeeded(&report);
    assert!(
        report.summary.contains("is of revision 5 already"),
        "{}",
        report.summary
    );
}

#[tokio::test]
async fn every_revision_that_failed_steps_have_left_is_passed_over() {
    let Some(space) = Space::new() else { return };
    space.available("web", 1);
    set_image(&space, "deployment", "2");
    for bad in ["image-missing", "crashes"] {
        let images = json!({ "app": format!("registry.example.org/app:{bad}") });
        let inputs = json!({ "namespace": space.name, "deployment": "web", "images": images, "wait": "2s", "undoWait": "60s" });
        let report = space.step("kubernetes/set-image", inputs).await;
        assert_eq!(report.outputs["undone"], true, "{}", report.summary);
    }
    let inputs = back(&space, "deployment", &json!({}));
    let report = space.step("kubernetes/rollout-undo", inputs).await;
    succeeded(&report);
    assert_eq!(tag(&space, "deployment"), "1", "{}", report.summary);
    let passed = "passed over, because a step has put it back: revision 3, 5";
    assert!(report.summary.contains(passed), "{}", report.summary);
}

#[tokio::test]
async fn a_bad_rollout_is_taken_back_though_its_controller_has_given_it_up() {
    let Some(space) = Space::new() else { return };
    space.available("web", 2);
    let deadline = r#"{"spec":{"progressDeadlineSeconds":2}}"#;
    space.kubectl(&["patch", "deployment/web", "-p", deadline]);
    set_image(&space, "deployment", "never-ready");
    space.wait("deployment/web", "condition=Progressing=False");
    let report = space
        .step(
            "kubernetes/rollout-undo",
            back(&space, "deployment", &json!({})),
        )
        .await;
    succeeded(&report);
    assert_eq!(tag(&space, "deployment"), "1");
}

#[tokio::test]
async fn stateful_sets_and_daemon_sets_go_back_as_well() {
    let Some(space) = Space::new() else { return };
    for (kind, field, count) in [
        ("StatefulSet", "statefulset", 2),
        ("DaemonSet", "daemonset", 0),
    ] {
        space.workload(kind, "web", count);
        set_image(&space, field, "2");
        let report = space
            .step("kubernetes/rollout-undo", back(&space, field, &json!({})))
            .await;
        succeeded(&report);
        assert_eq!(report.outputs["fromRevision"], 2, "{kind}");
        assert_eq!(report.outputs["toRevision"], 1, "{kind}");
        assert_eq!(tag(&space, field), "1");
        space.kubectl(&["delete", &format!("{field}/web")]);
    }
}

#[tokio::test]
async fn a_rollout_back_to_pods_that_never_get_ready_is_given_up() {
    let Some(space) = Space::new() else { return };
    space.deployment("web", 1, "");
    set_image(&space, "deployment", "never-ready");
    space.kubectl(&["rollout", "history", "deployment/web"]);
    set_image(&space, "deployment", "2");
    let report = space
        .step(
            "kubernetes/rollout-undo",
            back(&space, "deployment", &json!({ "wait": "2s" })),
        )
        .await;
    let (error, retryable) = failure(&report);
    assert!(
        error.contains("was taken back from revision 3 to 2, but is not ready: "),
        "{error}"
    );
    assert!(retryable);
}

#[tokio::test]
async fn a_dry_way_back_changes_nothing_and_a_reader_may_not_go_it() {
    let Some(space) = Space::new() else { return };
    space.available("web", 1);
    set_image(&space, "deployment", "2");
    let dry = Run::dry(space.world());
    let report = dry
        .step(
            "kubernetes/rollout-undo",
            back(&space, "deployment", &json!({})),
        )
        .await;
    succeeded(&report);
    assert!(
        report
            .summary
            .contains("from revision 2 to 1; the server agrees"),
        "{}",
        report.summary
    );
    let looks = json!([{ "apiGroups": ["apps"], "resources": ["deployments", "replicasets"], "verbs": ["get", "list"] }]);
    let reader = Run::new(space.world_of(space.somebody("reader", &looks)));
    let report = reader
        .step(
            "kubernetes/rollout-undo",
            back(&space, "deployment", &json!({})),
        )
        .await;
    assert!(
        failure(&report).0.contains("cannot patch"),
        "{}",
        report.summary
    );
    let blind =
        json!([{ "apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "patch"] }]);
    let blind = Run::new(space.world_of(space.somebody("blind", &blind)));
    let report = blind
        .step(
            "kubernetes/rollout-undo",
            back(&space, "deployment", &json!({})),
        )
        .await;
    assert!(
        failure(&report).0.contains("looking for revisions of"),
        "{}",
        report.summary
    );
    assert_eq!(tag(&space, "deployment"), "2");
}
