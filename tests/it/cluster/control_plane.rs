//! What the other tests rely on.

use super::plane::Space;
use serde_json::json;

#[tokio::test]
async fn the_control_plane_is_ready_and_says_after_how_long() {
    let Some(space) = Space::new() else { return };
    let greeting = &space.plane().greeting;
    assert!(
        greeting.is_empty() || greeting.contains("control plane is ready after"),
        "{greeting}"
    );
    let nodes = space.kubectl(&["get", "nodes", "--no-headers"]);
    assert!(nodes.contains("fake-1"), "{nodes}");
    // Without these, nodes are taken for lost after a minute, and their pods for not ready.
    let lease = ["-n", "kube-node-lease", "wait", "lease/fake-1"];
    space.kubectl(&[&lease[..], &["--for=create", "--timeout=60s"]].concat());
    let version = space.world().clusters.version("default").await.unwrap();
    assert!(version.starts_with("v1."), "{version}");
}

#[test]
fn a_deployment_on_the_fake_nodes_becomes_available() {
    let Some(space) = Space::new() else { return };
    space.deployment("web", 3, "");
    space.wait("deployment/web", "condition=Available");
    let web = space.get("deployment", "web");
    assert_eq!(web["status"]["availableReplicas"], 3);
}

#[test]
fn a_job_completes_and_one_whose_pod_fails_does_not() {
    let Some(space) = Space::new() else { return };
    space.job("good", "");
    space.job("bad", "fails");
    space.wait("job/good", "condition=Complete");
    space.wait("job/bad", "condition=Failed");
    let pods = space.kubectl(&["get", "pods", "-l", "app=good", "-o", "wide"]);
    assert!(pods.contains("Completed"), "{pods}");
}

#[test]
fn exec_runs_right_here_and_logs_are_those_of_a_file() {
    let Some(space) = Space::new() else { return };
    space.available("web", 1);
    let exec = [
        "exec",
        "deployment/web",
        "--",
        "sh",
        "-c",
        "echo $((6 * 7))",
    ];
    assert_eq!(space.kubectl(&exec), "42\n");
    let said = space.kubectl(&["logs", "deployment/web"]);
    assert_eq!(said, "hello from a fake container\n");
}

#[test]
fn a_deleted_pod_is_replaced_long_before_its_grace_period_is_over() {
    let Some(space) = Space::new() else { return };
    space.available("web", 1);
    let name = space.kubectl(&["get", "pods", "-o", "name"]);
    space.kubectl(&["delete", name.trim(), "--timeout=20s"]);
    space.wait("deployment/web", "jsonpath={.status.availableReplicas}=1");
    assert_ne!(space.kubectl(&["get", "pods", "-o", "name"]), name);
}

/// A metrics server is not needed: its group may be that of a definition, as long as that says it is not approved.
#[test]
fn usage_is_written_by_tests() {
    let Some(space) = Space::new() else { return };
    space.apply(&json!({
        "apiVersion": "metrics.k8s.io/v1beta1", "kind": "PodMetrics", "metadata": { "name": "web" },
        "timestamp": "2026-01-01T00:00:00Z", "window": "15s",
        "containers": [{ "name": "app", "usage": { "cpu": "250m", "memory": "64Mi" } }]
    }));
    let path = format!(
        "/apis/metrics.k8s.io/v1beta1/namespaces/{}/pods",
        space.name
    );
    let listed = space.kubectl(&["get", "--raw", &path]);
    assert!(listed.contains("\"PodMetricsList\""), "{listed}");
    let top = space.kubectl(&["top", "pods"]);
    assert!(top.contains("250m"), "{top}");
}
