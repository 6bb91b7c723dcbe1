//! `kubernetes/check` against what real controllers write.

use super::plane::Space;
use orderly::domain::{check::CheckStatus, run::StepReport};
use serde_json::{Value, json};

impl Space {
    /// Checks `what` in the test's namespace.
    pub(super) async fn check(&self, what: &str, more: Value) -> StepReport {
        let mut inputs = json!({ "what": what, "namespace": self.name });
        let more = more.as_object().unwrap().clone();
        inputs.as_object_mut().unwrap().extend(more);
        self.run().step("kubernetes/check", inputs).await
    }
}

pub(super) fn says(report: &StepReport, status: CheckStatus, words: &str) {
    assert_eq!(report.check, Some(status), "{}", report.summary);
    assert!(report.summary.contains(words), "{}", report.summary);
}

#[tokio::test]
async fn nodes_are_ready() {
    let Some(space) = Space::new() else { return };
    let report = space
        .run()
        .step("kubernetes/check", json!({ "what": "nodes", "minimum": 2 }))
        .await;
    says(&report, CheckStatus::Ok, "nodes are ready");
}

#[tokio::test]
async fn what_is_well_is_ok() {
    let Some(space) = Space::new() else { return };
    space.available("web", 2);
    space.kubectl(&["expose", "deployment/web", "--port=80"]);
    space.job("good", "");
    space.wait("job/good", "condition=Complete");
    let slice = "endpointslice";
    let of_web = ["-l", "kubernetes.io/service-name=web", "--timeout=60s"];
    space.kubectl(
        &[
            &[
                "wait",
                slice,
                "--for=jsonpath={.endpoints[1].conditions.ready}=true",
            ][..],
            &of_web,
        ]
        .concat(),
    );
    for (what, more, words) in [
        (
            "deployments",
            json!({ "name": "web" }),
            "1 of 1 deployments are available",
        ),
        (
            "pods",
            json!({ "selector": "app=web" }),
            "2 of 2 pods are ready",
        ),
        (
            "endpoints",
            json!({ "name": "web", "minimum": 2 }),
            "1 of 1 services have ready endpoints",
        ),
        (
            "restarts",
            json!({}),
            "at most 0 restarts of a container within 1h",
        ),
        ("events", json!({}), "0 warning events"),
        ("jobs", json!({}), ""),
    ] {
        if what == "events" {
            // Of the control plane's own, which repairs what it finds half done.
            space.kubectl(&["delete", "events", "--all"]);
        }
        let report = space.check(what, more).await;
        says(&report, CheckStatus::Ok, words);
    }
}

#[tokio::test]
async fn what_is_not_well_is_named() {
    let Some(space) = Space::new() else { return };
    space.deployment("web", 1, "crashes");
    space.deployment("next", 1, "image-missing");
    space.job("bad", "fails");
    space.wait("job/bad", "condition=Failed");
    for name in ["web", "next"] {
        let waiting = "jsonpath={.status.containerStatuses[0].ready}=false";
        space.kubectl(&[
            "wait",
            "pod",
            "-l",
            &format!("app={name}"),
            "--for",
            waiting,
            "--timeout=60s",
        ]);
    }
    for (what, more, words) in [
        (
            "deployments",
            json!({ "name": "web" }),
            "0 of 1 replicas are available",
        ),
        ("deployments", json!({ "name": "gone" }), "deployment gone"),
        (
            "pods",
            json!({ "selector": "app=web" }),
            "app: CrashLoopBackOff",
        ),
        (
            "pods",
            json!({ "selector": "app=next" }),
            "app: ImagePullBackOff",
        ),
        ("jobs", json!({}), "bad"),
    ] {
        let report = space.check(what, more).await;
        says(&report, CheckStatus::Critical, words);
    }
    let report = space.check("restarts", json!({ "warning": 3 })).await;
    says(
        &report,
        CheckStatus::Warning,
        "app: 3 restarts within 1h, last time Error",
    );
    let report = space.check("events", json!({ "warning": 1 })).await;
    says(&report, CheckStatus::Warning, "BackOff");
}

#[tokio::test]
async fn a_claim_waits_until_there_is_a_volume() {
    let Some(space) = Space::new() else { return };
    space.apply(&json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "data" },
        "spec": {
            "storageClassName": "", "accessModes": ["ReadWriteOnce"], "volumeName": space.name,
            "resources": { "requests": { "storage": "1Gi" } }
        }
    }));
    let pending = "jsonpath={.status.phase}=Pending";
    space.wait("persistentvolumeclaim/data", pending);
    let report = space.check("claims", json!({})).await;
    says(&report, CheckStatus::Critical, "data: is Pending");
    space.apply(&json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": space.name },
        "spec": {
            "storageClassName": "", "accessModes": ["ReadWriteOnce"], "capacity": { "storage": "1Gi" },
            "hostPath": { "path": "/nowhere" }
        }
    }));
    space.wait(
        "persistentvolumeclaim/data",
        "jsonpath={.status.phase}=Bound",
    );
    let report = space.check("claims", json!({})).await;
    says(&report, CheckStatus::Ok, "1 of 1 claims are bound");
    space.kubectl(&["delete", "persistentvolume", &space.name, "--wait=false"]);
}
