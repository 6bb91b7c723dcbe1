//! `kubernetes/drain` and `kubernetes/uncordon` on fake nodes of their own.

use super::plane::{Space, failure};
use crate::steps::Run;
use orderly::domain::{
    effect::Reach,
    run::{StepReport, StepResult},
};
use serde_json::{Value, json};
use std::{path::PathBuf, time::Duration};

/// A node that only pods of this test come to.
struct Node<'a> {
    space: &'a Space,
    name: String,
}

impl Drop for Node<'_> {
    fn drop(&mut self) {
        self.space
            .kubectl(&["delete", "node", &self.name, "--wait=false"]);
    }
}

impl<'a> Node<'a> {
    fn new(space: &'a Space) -> Self {
        let name = format!("node-{}", space.name);
        let taint =
            json!({ "key": "orderly.test/own", "value": space.name, "effect": "NoSchedule" });
        space.apply(&json!({
            "apiVersion": "v1", "kind": "Node", "metadata": { "name": name, "labels": { "own": space.name } },
            "spec": { "taints": [taint] }
        }));
        space.wait(&format!("node/{name}"), "condition=Ready");
        Self { space, name }
    }

    /// The spec of a pod that runs only here.
    fn pod(&self) -> Value {
        json!({
            "nodeSelector": { "own": self.space.name },
            "tolerations": [{ "key": "orderly.test/own", "operator": "Exists" }],
            "containers": [{ "name": "app", "image": "registry.example.org/app:1" }]
        })
    }

    fn workload(&self, kind: &str, name: &str, replicas: u32, pod: &Value) {
        let mut spec = json!({
            "selector": { "matchLabels": { "app": name } },
            "template": { "metadata": { "labels": { "app": name } }, "spec": pod }
        });
        if kind == "Deployment" {
            spec["replicas"] = json!(replicas);
        }
        self.space.apply(&json!({ "apiVersion": "apps/v1", "kind": kind, "metadata": { "name": name }, "spec": spec }));
        let object = format!("{kind}/{name}");
        self.space
            .kubectl(&["rollout", "status", &object, "--timeout=60s"]);
    }

    fn lone_pod(&self, name: &str, pod: &Value) {
        self.space.apply(&json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name }, "spec": pod }));
        self.space.wait(&format!("pod/{name}"), "condition=Ready");
    }

    fn budget(&self, name: &str, app: &str, least: u32) {
        let spec = json!({ "minAvailable": least, "selector": { "matchLabels": { "app": app } } });
        self.space.apply(&json!({ "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": { "name": name }, "spec": spec }));
        let seen = "jsonpath={.status.observedGeneration}=1";
        self.space
            .wait(&format!("poddisruptionbudget/{name}"), seen);
    }

    fn is_cordoned(&self) -> bool {
        self.space.get("node", &self.name)["spec"]["unschedulable"] == true
    }

    fn drain(&self, more: &Value) -> Value {
        let mut inputs = json!({ "node": self.name, "wait": "30s" });
        for (name, value) in more.as_object().unwrap() {
            inputs[name] = value.clone();
        }
        inputs
    }
}

fn succeeded(report: &StepReport) {
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
}
fn count(value: &Value) -> usize {
    value.as_array().unwrap().len()
}

#[tokio::test]
async fn a_node_is_emptied_but_for_daemon_sets_and_let_in_again() {
    let Some(space) = Space::new() else { return };
    let node = Node::new(&space);
    node.workload("Deployment", "web", 3, &node.pod());
    node.workload("DaemonSet", "agent", 0, &node.pod());
    let run = space.run();
    let effects = run
        .effects("kubernetes/drain", &node.drain(&json!({})))
        .await;
    assert_eq!(effects.listed[0].reach, Reach::Exactly(4), "{effects:?}");
    let report = space.step("kubernetes/drain", node.drain(&json!({}))).await;
    succeeded(&report);
    assert!(
        report.summary.contains("drained: 3 pods evicted, 1 stay"),
        "{}",
        report.summary
    );
    assert_eq!(report.outputs["cordoned"], true);
    assert_eq!(count(&report.outputs["evicted"]), 3);
    assert!(node.is_cordoned());
    let uncordon = json!({ "node": node.name, "wait": "20s" });
    let report = space.step("kubernetes/uncordon", uncordon.clone()).await;
    succeeded(&report);
    assert_eq!(report.outputs["changed"], true);
    assert!(!node.is_cordoned());
    let report = space.step("kubernetes/uncordon", uncordon).await;
    assert!(
        report.summary.contains("takes pods already"),
        "{}",
        report.summary
    );
}

#[tokio::test]
async fn a_pod_that_a_budget_holds_is_asked_again_until_it_may_go() {
    let Some(space) = Space::new() else { return };
    let node = Node::new(&space);
    node.workload("Deployment", "web", 2, &node.pod());
    node.budget("web", "web", 2);
    let inputs = node.drain(&json!({}));
    let relax = async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        space.kubectl(&["delete", "poddisruptionbudget/web"]);
    };
    let run = space.run();
    let ((report, log), ()) = tokio::join!(run.logged_step("kubernetes/drain", inputs), relax);
    succeeded(&report);
    assert_eq!(count(&report.outputs["evicted"]), 2);
    assert!(log.contains("waiting to evict pod "), "{log}");
    assert!(
        log.contains("The disruption budget web needs 2 healthy pods and has 2 currently"),
        "{log}"
    );
    assert_eq!(log.matches("evicted pod ").count(), 2, "{log}");
}

#[tokio::test]
async fn a_drain_that_a_budget_forbids_names_it_and_uncordons() {
    let Some(space) = Space::new() else { return };
    let node = Node::new(&space);
    node.workload("Deployment", "web", 2, &node.pod());
    node.budget("two-of-web", "web", 2);
    let report = space
        .step("kubernetes/drain", node.drain(&json!({ "wait": "2s" })))
        .await;
    let (error, retryable) = failure(&report);
    assert!(
        error.contains("was cordoned and 0 pods were evicted, but it is not empty: pod "),
        "{error}"
    );
    assert!(
        error.contains("The disruption budget two-of-web needs 2 healthy pods"),
        "{error}"
    );
    assert!(error.contains(", after 2s; uncordoned again"), "{error}");
    assert!(!retryable);
    assert_eq!(report.outputs["undone"], true);
    assert!(!node.is_cordoned());
    let stay = node.drain(&json!({ "wait": "1s", "undoOnFailure": false }));
    let report = space.step("kubernetes/drain", stay).await;
    assert!(failure(&report).1, "it may be tried again");
    assert!(node.is_cordoned());
    // Somebody else's cordon stays.
    let report = space
        .step("kubernetes/drain", node.drain(&json!({ "wait": "1s" })))
        .await;
    assert!(
        failure(&report).0.contains("was cordoned already"),
        "{}",
        report.summary
    );
    assert!(node.is_cordoned());
}

#[tokio::test]
async fn pods_that_nothing_brings_back_or_whose_data_goes_are_left_alone_unless_that_is_said() {
    let Some(space) = Space::new() else { return };
    let node = Node::new(&space);
    node.lone_pod("alone", &node.pod());
    let mut cached = node.pod();
    cached["volumes"] = json!([{ "name": "cache", "emptyDir": {} }]);
    node.workload("Deployment", "cached", 1, &cached);
    let report = space.step("kubernetes/drain", node.drain(&json!({}))).await;
    let (error, _) = failure(&report);
    assert!(error.contains("was left alone: "), "{error}");
    assert!(
        error.contains("/alone has nothing that would bring it back"),
        "{error}"
    );
    assert!(error.contains("keeps data in an emptyDir"), "{error}");
    assert!(!node.is_cordoned());
    let all = json!({ "force": true, "deleteEmptyDirData": true, "grace": "1s" });
    let report = space.step("kubernetes/drain", node.drain(&all)).await;
    succeeded(&report);
    assert_eq!(count(&report.outputs["evicted"]), 2);
}

#[tokio::test]
async fn a_drain_that_is_stopped_uncordons() {
    let Some(space) = Space::new() else { return };
    let node = Node::new(&space);
    node.workload("Deployment", "web", 1, &node.pod());
    node.budget("web", "web", 1);
    let run = space.run();
    let stop = async {
        while !node.is_cordoned() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        run.stop.cancel();
    };
    let (report, ()) = tokio::join!(run.step("kubernetes/drain", node.drain(&json!({}))), stop);
    assert_eq!(report.result, StepResult::Canceled);
    assert!(
        report
            .summary
            .contains("draining it was stopped; uncordoned again"),
        "{}",
        report.summary
    );
    assert!(!node.is_cordoned());
}

#[tokio::test]
async fn a_dry_drain_tells_what_would_go_and_what_is_held() {
    let Some(space) = Space::new() else { return };
    let node = Node::new(&space);
    node.workload("Deployment", "web", 1, &node.pod());
    node.workload("Deployment", "held", 1, &node.pod());
    node.budget("held", "held", 1);
    let dry = Run::dry(space.world());
    let report = dry.step("kubernetes/drain", node.drain(&json!({}))).await;
    succeeded(&report);
    assert!(
        report.summary.contains("and evict 1 pods ("),
        "{}",
        report.summary
    );
    assert!(
        report.summary.contains("now it would not let go: pod "),
        "{}",
        report.summary
    );
    assert!(!node.is_cordoned());
    let pods = space.kubectl(&["get", "pods", "-o", "name"]);
    assert_eq!(pods.lines().count(), 2);
}

/// A role for nodes and pods of the whole cluster.
fn somebody(space: &Space, name: &str, rules: &Value) -> PathBuf {
    let kubeconfig = space.somebody(name, &json!([]));
    let role = format!("{name}-{}", space.name);
    space.apply(&json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": { "name": role }, "rules": rules }));
    let account = format!("--serviceaccount={}:{name}", space.name);
    space.kubectl(&[
        "create",
        "clusterrolebinding",
        &role,
        "--clusterrole",
        &role,
        &account,
    ]);
    kubeconfig
}

#[tokio::test]
async fn who_may_cordon_but_not_evict_is_told_so_and_the_node_is_let_in_again() {
    let Some(space) = Space::new() else { return };
    let node = Node::new(&space);
    node.workload("Deployment", "web", 1, &node.pod());
    let rules = json!([
        { "apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "patch"] },
        { "apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"] }
    ]);
    let run = Run::new(space.world_of(somebody(&space, "cordoner", &rules)));
    let report = run.step("kubernetes/drain", node.drain(&json!({}))).await;
    let (error, retryable) = failure(&report);
    assert!(error.contains("draining it failed"), "{error}");
    assert!(error.contains("pods/eviction"), "{error}");
    assert!(error.contains("uncordoned again"), "{error}");
    assert!(!retryable);
    assert!(!node.is_cordoned());
}
