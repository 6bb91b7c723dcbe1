//! `kubernetes/autoscale` on a real controller, which reads usage that tests write.

use super::plane::{Space, failure};
use crate::steps::Run;
use orderly::domain::run::{StepReport, StepResult};
use serde_json::{Value, json};

fn autoscale(space: &Space, more: &Value) -> Value {
    let mut inputs = json!({ "namespace": space.name, "deployment": "web", "min": 2, "max": 5, "cpuPercent": 70 });
    for (name, value) in more.as_object().unwrap() {
        inputs[name] = value.clone();
    }
    inputs
}
fn succeeded(report: &StepReport) {
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
}

#[tokio::test]
async fn an_autoscaler_is_made_and_changed() {
    let Some(space) = Space::new() else { return };
    space.available("web", 2);
    let report = space
        .step("kubernetes/autoscale", autoscale(&space, &json!({})))
        .await;
    succeeded(&report);
    assert_eq!(report.outputs["created"], true);
    let web = space.get("horizontalpodautoscaler", "web");
    assert_eq!(web["spec"]["minReplicas"], 2);
    assert_eq!(web["spec"]["scaleTargetRef"]["kind"], "Deployment");
    assert_eq!(
        web["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"],
        70
    );
    let more = json!({ "max": 8, "memoryPercent": 80 });
    let report = space
        .step("kubernetes/autoscale", autoscale(&space, &more))
        .await;
    succeeded(&report);
    assert_eq!(report.outputs["created"], false);
    assert_eq!(report.outputs["previous"], json!({ "min": 2, "max": 5 }));
    let web = space.get("horizontalpodautoscaler", "web");
    assert_eq!(web["spec"]["maxReplicas"], 8);
    assert_eq!(web["spec"]["metrics"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_autoscaler_that_knows_the_usage_is_waited_for() {
    let Some(space) = Space::new() else { return };
    space.available("web", 2);
    let requests = r#"{"spec":{"template":{"spec":{"containers":[{"name":"app","resources":{"requests":{"cpu":"100m"}}}]}}}}"#;
    space.kubectl(&["patch", "deployment/web", "-p", requests]);
    space.kubectl(&["rollout", "status", "deployment/web", "--timeout=60s"]);
    let pods = space.kubectl(&[
        "get",
        "pods",
        "-l",
        "app=web",
        "-o",
        "jsonpath={.items[*].metadata.name}",
    ]);
    for pod in pods.split(' ') {
        space.apply(&json!({
            "apiVersion": "metrics.k8s.io/v1beta1", "kind": "PodMetrics",
            "metadata": { "name": pod, "labels": { "app": "web" } },
            "timestamp": "2100-01-01T00:00:00Z", "window": "30s",
            "containers": [{ "name": "app", "usage": { "cpu": "50m", "memory": "10Mi" } }]
        }));
    }
    let report = space
        .step(
            "kubernetes/autoscale",
            autoscale(&space, &json!({ "wait": "55s" })),
        )
        .await;
    succeeded(&report);
    assert_eq!(report.outputs["active"], true);
    assert!(
        report.summary.contains("and scales since"),
        "{}",
        report.summary
    );
}

#[tokio::test]
async fn an_autoscaler_without_metrics_is_no_success() {
    let Some(space) = Space::new() else { return };
    space.available("web", 2);
    let report = space
        .step(
            "kubernetes/autoscale",
            autoscale(&space, &json!({ "wait": "20s" })),
        )
        .await;
    let (error, retryable) = failure(&report);
    assert!(error.contains("lets deployment"), "{error}");
    assert!(error.contains("but is not ready: "), "{error}");
    assert!(error.contains("ScalingActive is "), "{error}");
    assert!(retryable);
    assert_eq!(report.outputs["active"], false);
}

#[tokio::test]
async fn nothing_is_not_scaled_and_fields_of_others_are_not_taken_over_unasked() {
    let Some(space) = Space::new() else { return };
    let report = space
        .step("kubernetes/autoscale", autoscale(&space, &json!({})))
        .await;
    assert!(
        failure(&report).0.contains("deployment web in namespace"),
        "{}",
        report.summary
    );
    space.available("web", 2);
    space.kubectl(&[
        "autoscale",
        "deployment/web",
        "--min=1",
        "--max=3",
        "--cpu=50%",
    ]);
    let report = space
        .step("kubernetes/autoscale", autoscale(&space, &json!({})))
        .await;
    let (error, _) = failure(&report);
    assert!(error.contains("conflict"), "{error}");
    assert!(error.contains(".spec.maxReplicas"), "{error}");
    assert_eq!(
        space.get("horizontalpodautoscaler", "web")["spec"]["maxReplicas"],
        3
    );
    let report = space
        .step(
            "kubernetes/autoscale",
            autoscale(&space, &json!({ "force": true })),
        )
        .await;
    succeeded(&report);
    assert_eq!(
        space.get("horizontalpodautoscaler", "web")["spec"]["maxReplicas"],
        5
    );
}

#[tokio::test]
async fn a_dry_autoscaler_is_not_made_and_who_may_not_is_told() {
    let Some(space) = Space::new() else { return };
    space.available("web", 1);
    let dry = Run::dry(space.world());
    let report = dry
        .step(
            "kubernetes/autoscale",
            autoscale(&space, &json!({ "wait": "1m" })),
        )
        .await;
    succeeded(&report);
    assert!(
        report.summary.contains("the server agrees"),
        "{}",
        report.summary
    );
    let all = space.kubectl(&["get", "horizontalpodautoscalers", "-o", "name"]);
    assert_eq!(all, "");
    let rules = json!([
        { "apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"] },
        { "apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": ["get"] }
    ]);
    let reader = Run::new(space.world_of(space.somebody("reader", &rules)));
    let report = reader
        .step("kubernetes/autoscale", autoscale(&space, &json!({})))
        .await;
    assert!(
        failure(&report).0.contains("cannot patch"),
        "{}",
        report.summary
    );
}
