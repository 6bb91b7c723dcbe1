//! `kubernetes/check`: usage, storage, certificates, and objects of any kind.

use super::{checks::says, plane::Space};
use crate::{
    api_server::{ApiServer, kubeconfig, ok, status},
    steps::Run,
};
use orderly::domain::{check::CheckStatus, run::StepReport};
use serde_json::{Value, json};
use std::time::Duration;

impl Space {
    /// Writes what only a controller writes.
    pub(crate) fn status(&self, object: &str, status: &Value) {
        let patch = json!({ "status": status }).to_string();
        let words = [
            "patch",
            object,
            "--subresource=status",
            "--type=merge",
            "-p",
            &patch,
        ];
        self.kubectl(&words);
    }

    fn limited(&self, name: &str) -> String {
        let container = json!({
            "name": "app", "image": "registry.example.org/app:1",
            "resources": { "limits": { "cpu": "1", "memory": "100Mi" }, "requests": { "cpu": "100m", "memory": "100Mi" } }
        });
        self.apply(&json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "labels": { "app": name } },
            "spec": { "containers": [container] }
        }));
        self.wait(&format!("pod/{name}"), "condition=Ready");
        name.to_owned()
    }

    fn uses(&self, pod: &str, cpu: &str, memory: &str) {
        self.apply(&json!({
            "apiVersion": "metrics.k8s.io/v1beta1", "kind": "PodMetrics", "metadata": { "name": pod },
            "containers": [{ "name": "app", "usage": { "cpu": cpu, "memory": memory } }]
        }));
    }
}

async fn cluster_wide(space: &Space, inputs: Value) -> StepReport {
    space.run().step("kubernetes/check", inputs).await
}

#[tokio::test]
async fn pods_are_measured_against_their_limits() {
    let Some(space) = Space::new() else { return };
    let report = space.check("podUsage", json!({})).await;
    says(&report, CheckStatus::Unknown, "no pods to measure");
    let web = space.limited("web");
    let report = space.check("podUsage", json!({})).await;
    says(&report, CheckStatus::Unknown, "tells nothing of these pods");
    for (cpu, memory, status, words) in [
        ("250m", "50Mi", CheckStatus::Ok, "at most 50 % of its limit"),
        (
            "250m",
            "85Mi",
            CheckStatus::Warning,
            "web: app: 85 % of its limit of memory",
        ),
        (
            "990m",
            "85Mi",
            CheckStatus::Critical,
            "web: app: 99 % of its limit of cpu",
        ),
    ] {
        space.uses(&web, cpu, memory);
        let report = space
            .check("podUsage", json!({ "selector": "app=web" }))
            .await;
        says(&report, status, words);
    }
}

/// A node of this test's own, on which nothing is put.
fn node(space: &Space) {
    space.apply(&json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": { "name": space.name, "labels": { "orderly.test/node": space.name } },
        "spec": { "unschedulable": true, "taints": [{ "key": "orderly.test/alone", "effect": "NoExecute" }] }
    }));
    let allocatable = json!({ "cpu": "4", "memory": "8Gi" });
    space.status(
        &format!("node/{}", space.name),
        &json!({ "allocatable": allocatable, "capacity": allocatable }),
    );
}

#[tokio::test]
async fn nodes_are_measured_by_what_they_can_give() {
    let Some(space) = Space::new() else { return };
    node(&space);
    let selector = format!("orderly.test/node={}", space.name);
    let check = json!({ "what": "nodeUsage", "selector": selector });
    let report = cluster_wide(&space, check.clone()).await;
    says(
        &report,
        CheckStatus::Unknown,
        "tells nothing of these nodes",
    );
    space.apply(&json!({
        "apiVersion": "metrics.k8s.io/v1beta1", "kind": "NodeMetrics", "metadata": { "name": space.name },
        "usage": { "cpu": "3500m", "memory": "1Gi" }
    }));
    let report = cluster_wide(&space, check).await;
    says(&report, CheckStatus::Warning, "88 % of its cpu is used");
    space.kubectl(&["delete", "nodemetrics.metrics.k8s.io", &space.name]);
    space.kubectl(&["delete", "node", &space.name]);
}

#[tokio::test]
async fn without_a_metrics_server_usage_is_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let server = ApiServer::start().await;
    server.script(
        "GET /api/v1/namespaces/shop/pods",
        [ok(&json!({ "items": [] }))],
    );
    let path = server.kubeconfig(folder.path(), "t0ken");
    let run = Run::new(super::plane::world_at(folder.path(), path));
    let check = json!({ "what": "podUsage", "namespace": "shop" });
    let report = run.step("kubernetes/check", check.clone()).await;
    says(
        &report,
        CheckStatus::Unknown,
        "hint: usage is known where a metrics server is installed",
    );
    let metrics = "GET /apis/metrics.k8s.io/v1beta1/namespaces/shop/pods";
    server.script(
        metrics,
        [status(
            503,
            "the server is currently unable to handle the request",
        )],
    );
    let report = run.step("kubernetes/check", check).await;
    says(
        &report,
        CheckStatus::Unknown,
        "unable to handle the request",
    );
}

#[tokio::test]
async fn a_server_that_is_away_is_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let path = kubeconfig(folder.path(), &address, "t0ken");
    let run = Run::new(super::plane::world_at(folder.path(), path));
    for (uses, inputs) in [
        ("kubernetes/check", json!({ "what": "stuck" })),
        (
            "kubernetes/check",
            json!({ "what": "object", "kind": "taskruns.agents.platform", "namespace": "shop" }),
        ),
    ] {
        let report = run.step(uses, inputs).await;
        says(&report, CheckStatus::Unknown, "did not answer");
    }
}

#[tokio::test]
async fn capacity_is_what_is_requested_and_how_much_more_fits() {
    let Some(space) = Space::new() else { return };
    let check = |minimum: u64| json!({ "what": "capacity", "each": { "cpu": "1", "memory": "2Gi" }, "minimum": minimum });
    let report = cluster_wide(&space, check(10)).await;
    says(
        &report,
        CheckStatus::Ok,
        "more pods of 1 CPU and 2Gi memory fit",
    );
    let report = cluster_wide(&space, check(1_000_000)).await;
    says(&report, CheckStatus::Critical, "at least 1000000 must fit");
}

#[tokio::test]
async fn certificates_are_ready_and_last() {
    let Some(space) = Space::new() else { return };
    let web = json!({ "apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": { "name": "web" } });
    space.apply(&web);
    let status = |ready: &str, end: &str| {
        let condition =
            json!({ "type": "Ready", "status": ready, "reason": "Failed", "message": "no issuer" });
        space.status(
            "certificate.cert-manager.io/web",
            &json!({ "notAfter": end, "conditions": [condition] }),
        );
    };
    let report = space.check("certificates", json!({})).await;
    says(&report, CheckStatus::Critical, "is not ready yet");
    status("False", "2100-01-01T00:00:00Z");
    let report = space.check("certificates", json!({ "name": "web" })).await;
    says(
        &report,
        CheckStatus::Critical,
        "not ready: Failed: no issuer",
    );
    status("True", "2100-01-01T00:00:00Z");
    let report = space.check("certificates", json!({})).await;
    says(
        &report,
        CheckStatus::Ok,
        "1 of 1 certificates are ready and last",
    );
    let far = json!({ "warningBefore": "3650d", "criticalBefore": "1d" });
    status("True", "2030-01-01T00:00:00Z");
    let report = space.check("certificates", far).await;
    says(&report, CheckStatus::Warning, "ends at 2030-01-01");
    let report = space.check("certificates", json!({ "name": "gone" })).await;
    says(&report, CheckStatus::Critical, "certificate gone");
}

#[tokio::test]
async fn a_definition_is_established_or_not_there() {
    let Some(space) = Space::new() else { return };
    let named = |name: &str| json!({ "what": "crds", "name": name });
    let report = cluster_wide(&space, named("certificates.cert-manager.io")).await;
    says(
        &report,
        CheckStatus::Ok,
        "1 of 1 definitions are established",
    );
    let report = cluster_wide(&space, named("taskruns.agents.platform")).await;
    says(
        &report,
        CheckStatus::Critical,
        "taskruns.agents.platform was not found",
    );
    let report = space.check("longhornVolumes", json!({})).await;
    says(
        &report,
        CheckStatus::Unknown,
        "hint: Longhorn is not installed there",
    );
}

#[tokio::test]
async fn a_volume_whose_claim_is_gone_is_released() {
    let Some(space) = Space::new() else { return };
    space.apply(&json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": { "name": space.name, "labels": { "test": space.name } },
        "spec": {
            "storageClassName": "", "accessModes": ["ReadWriteOnce"], "capacity": { "storage": "1Gi" },
            "persistentVolumeReclaimPolicy": "Retain", "hostPath": { "path": "/nowhere" },
            "claimRef": { "namespace": space.name, "name": "data", "uid": "00000000-0000-0000-0000-000000000000" }
        }
    }));
    space.wait(
        &format!("persistentvolume/{}", space.name),
        "jsonpath={.status.phase}=Released",
    );
    let selector = format!("test={}", space.name);
    let report = cluster_wide(&space, json!({ "what": "volumes", "selector": selector })).await;
    says(
        &report,
        CheckStatus::Warning,
        "data is gone, and its data is kept",
    );
    space.kubectl(&["delete", "persistentvolume", &space.name, "--wait=false"]);
}

#[tokio::test]
async fn cron_jobs_that_are_suspended_are_told() {
    let Some(space) = Space::new() else { return };
    let cronjob = |suspend: bool| {
        json!({
            "apiVersion": "batch/v1", "kind": "CronJob", "metadata": { "name": "nightly" },
            "spec": {
                "schedule": "0 3 * * *", "suspend": suspend,
                "jobTemplate": { "spec": { "template": { "spec": {
                    "restartPolicy": "Never", "containers": [{ "name": "app", "image": "registry.example.org/app:1" }]
                } } } }
            }
        })
    };
    space.apply(&cronjob(false));
    let report = space.check("cronjobs", json!({ "name": "nightly" })).await;
    says(&report, CheckStatus::Ok, "1 of 1 cron jobs are scheduled");
    space.apply(&cronjob(true));
    let report = space.check("cronjobs", json!({})).await;
    says(&report, CheckStatus::Warning, "nightly: is suspended");
}

#[tokio::test]
async fn workloads_of_every_kind_are_available_or_not() {
    let Some(space) = Space::new() else { return };
    space.workload("StatefulSet", "db", 2);
    space.workload("DaemonSet", "logs", 0);
    for (what, name) in [("statefulsets", "db"), ("daemonsets", "logs")] {
        let report = space.check(what, json!({ "name": name })).await;
        says(&report, CheckStatus::Ok, "1 of 1");
    }
    let pods = json!({ "selector": "app=db", "exactly": [2, 3] });
    says(
        &space.check("pods", pods).await,
        CheckStatus::Ok,
        "2 of 2 pods",
    );
    let pods = json!({ "selector": "app=db", "exactly": [3] });
    says(
        &space.check("pods", pods).await,
        CheckStatus::Critical,
        "exactly 3 must be",
    );
}

#[tokio::test]
async fn a_pod_that_waits_for_too_long_is_stuck() {
    let Some(space) = Space::new() else { return };
    space.deployment("web", 1, "image-missing");
    let report = space.check("stuck", json!({ "longerThan": "1h" })).await;
    says(&report, CheckStatus::Ok, "0 pods wait for longer than 1h");
    let soon = json!({ "longerThan": "1ms" });
    for _ in 0..100 {
        if space.check("stuck", soon.clone()).await.check == Some(CheckStatus::Critical) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let report = space.check("stuck", soon).await;
    says(&report, CheckStatus::Critical, "app: ImagePullBackOff");
}

#[tokio::test]
async fn a_container_that_was_killed_for_want_of_memory_is_told() {
    let Some(space) = Space::new() else { return };
    let web = space.limited("web");
    let report = space.check("oom", json!({})).await;
    says(&report, CheckStatus::Ok, "0 containers were killed");
    let now = space
        .world()
        .clock
        .now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string();
    let ended =
        json!({ "reason": "OOMKilled", "exitCode": 137, "startedAt": now, "finishedAt": now });
    let container = json!({
        "name": "app", "image": "x", "imageID": "", "ready": true, "restartCount": 1,
        "state": { "running": { "startedAt": now } }, "lastState": { "terminated": ended }
    });
    space.status(
        &format!("pod/{web}"),
        &json!({ "containerStatuses": [container] }),
    );
    let report = space.check("oom", json!({})).await;
    says(
        &report,
        CheckStatus::Critical,
        "app: killed for want of memory",
    );
    let report = space.check("restarts", json!({ "warning": 1 })).await;
    says(
        &report,
        CheckStatus::Warning,
        "app: 1 restarts within 1h, last time OOMKilled",
    );
}

#[tokio::test]
async fn objects_of_any_kind_are_asked_by_expression() {
    let Some(space) = Space::new() else { return };
    space.kubectl(&[
        "create",
        "configmap",
        "settings",
        "--from-literal=MODE=full",
    ]);
    space.available("web", 2);
    let settings = |that: Value| json!({ "kind": "cm", "name": "settings", "that": that });
    for (that, status, words) in [
        (
            json!([]),
            CheckStatus::Ok,
            "1 of 1 configmap objects are there",
        ),
        (
            json!("object.data.MODE == \"full\""),
            CheckStatus::Ok,
            "are as asked",
        ),
        (
            json!([{ "that": "object.data.MODE == \"small\"", "severity": "warning", "message": "is not small" }]),
            CheckStatus::Warning,
            "settings: is not small",
        ),
        (
            json!(["object.data.COLOUR == \"red\""]),
            CheckStatus::Critical,
            "there is no `object.data.COLOUR`",
        ),
    ] {
        says(&space.check("object", settings(that)).await, status, words);
    }
    let web = json!({ "kind": "deploy", "selector": "!nothing", "that": [
        "conditions.Available == \"True\"", "object.status.readyReplicas >= 2", "age < 3600"
    ] });
    says(
        &space.check("object", web).await,
        CheckStatus::Ok,
        "1 of 1 deployment objects",
    );
    let gone = json!({ "kind": "secret", "name": "gone" });
    says(
        &space.check("object", gone).await,
        CheckStatus::Critical,
        "secret gone",
    );
    let unknown = json!({ "kind": "taskruns.agents.platform" });
    says(
        &space.check("object", unknown).await,
        CheckStatus::Unknown,
        "may not be installed",
    );
}

/// The API server serves the kind, so its version and plural are asked of it.
#[tokio::test]
async fn a_custom_kind_that_is_stuck_is_found_by_its_age() {
    let Some(space) = Space::new() else { return };
    space.apply(&json!({ "apiVersion": "longhorn.io/v1beta2", "kind": "Backup", "metadata": { "name": "one" } }));
    space.status("backup.longhorn.io/one", &json!({ "state": "Pending" }));
    let backups = json!({ "kind": "backups.longhorn.io", "that": [
        "object.status.state != \"Error\"",
        { "that": "age < 0 or object.status.state != \"Pending\"", "severity": "warning", "message": "has been pending for too long" }
    ] });
    let report = space.check("object", backups).await;
    says(
        &report,
        CheckStatus::Warning,
        "one: has been pending for too long",
    );
    let none = json!({ "kind": "backups.longhorn.io", "selector": "a=b", "that": "age < 0" });
    says(
        &space.check("object", none).await,
        CheckStatus::Critical,
        "at least 1 must be",
    );
    let none = json!({ "kind": "backups.longhorn.io", "selector": "a=b", "minimum": 0, "that": "age < 0" });
    says(
        &space.check("object", none).await,
        CheckStatus::Ok,
        "0 of 0",
    );
}
