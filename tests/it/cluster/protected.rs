//! The chart's admission policy on a real API server: it holds where roles allow and no gate asks.

use super::plane::{Space, failure};
use crate::steps::Run;
use serde_json::json;
use std::time::Duration;

/// The agent's account, with the right to do everything everywhere, and the policy that protects the second namespace.
struct Stage {
    own: Space,
    protected: Space,
}

impl Stage {
    async fn new() -> Option<Self> {
        let stage = Self {
            own: Space::new()?,
            protected: Space::new()?,
        };
        let (own, protected) = (&stage.own, &stage.protected);
        own.kubectl(&["create", "serviceaccount", "agent"]);
        let account = format!("--serviceaccount={}:agent", own.name);
        own.kubectl(&[
            "create",
            "clusterrolebinding",
            &own.name,
            "--clusterrole=cluster-admin",
            &account,
        ]);
        for space in [own, protected] {
            space.available("web", 1);
        }
        let namespaces = format!("admissionPolicy.protectedNamespaces={{{}}}", protected.name);
        let name = format!("fullnameOverride={}", own.name);
        let chart = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/orderly");
        let words = ["template", "orderly", chart, "--namespace", &own.name];
        let set = [
            "--set",
            "admissionPolicy.enabled=true",
            "--set",
            &namespaces,
            "--set",
            &name,
        ];
        let more = [
            "--set",
            "serviceAccount.name=agent",
            "--show-only",
            "templates/admissionpolicy.yaml",
        ];
        let policy = own.helm(&[&words[..], &set, &more].concat());
        own.apply_text(&policy);
        stage.until_it_holds().await;
        Some(stage)
    }

    /// The API server takes a moment to know a new policy.
    async fn until_it_holds(&self) {
        let tries = ["create", "configmap", "tried", "--dry-run=server"];
        for _ in 0..300 {
            if self.as_agent(&self.protected, &tries).is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the policy never holds");
    }

    fn as_agent(&self, space: &Space, words: &[&str]) -> Result<String, String> {
        let agent = format!("--as=system:serviceaccount:{}:agent", self.own.name);
        space.tried(&[&[agent.as_str()], words].concat())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let name = format!("{0}-protected-{0}", self.own.name);
        let kinds = "validatingadmissionpolicies,validatingadmissionpolicybindings";
        let _best_effort = self.own.tried(&["delete", kinds, &name]);
        let _too = self
            .own
            .tried(&["delete", "clusterrolebinding", &self.own.name]);
    }
}

#[tokio::test]
async fn the_agent_writes_nothing_in_a_protected_namespace_whatever_its_roles_say() {
    let Some(stage) = Stage::new().await else {
        return;
    };
    let scale = r#"{"spec":{"replicas":0}}"#;
    let name = stage.protected.name.as_str();
    let writes: [&[&str]; 7] = [
        &["create", "configmap", "made"],
        &["patch", "deployment/web", "-p", scale],
        &["scale", "deployment/web", "--replicas=0"],
        &["delete", "deployment/web"],
        &["exec", "deployment/web", "--", "true"],
        &["label", "namespace", name, "a=b"],
        &["delete", "namespace", name],
    ];
    for write in writes {
        let refused = stage.as_agent(&stage.protected, write).unwrap_err();
        let words = format!("Orderly writes nothing in the protected namespace {name}");
        assert!(refused.contains(&words), "{write:?}: {refused}");
    }
    assert_eq!(
        stage.protected.get("deployment", "web")["spec"]["replicas"],
        1
    );
    let reads: [&[&str]; 3] = [
        &["get", "deployment/web"],
        &["get", "pods"],
        &["logs", "deployment/web"],
    ];
    for read in reads {
        stage.as_agent(&stage.protected, read).unwrap();
    }
}

#[tokio::test]
async fn elsewhere_and_for_others_everything_stays_as_it_was() {
    let Some(stage) = Stage::new().await else {
        return;
    };
    stage
        .as_agent(&stage.own, &["create", "configmap", "made"])
        .unwrap();
    stage
        .as_agent(&stage.own, &["delete", "configmap", "made"])
        .unwrap();
    stage.protected.kubectl(&["create", "configmap", "made"]);
    stage.protected.kubectl(&["delete", "configmap", "made"]);
}

#[tokio::test]
async fn a_step_in_a_protected_namespace_fails_and_says_why() {
    let Some(stage) = Stage::new().await else {
        return;
    };
    let token = stage.own.kubectl(&["create", "token", "agent"]);
    let kubeconfig = stage.own.kubeconfig_with("agent", token.trim());
    let run = Run::new(stage.own.world_of(kubeconfig));
    let restart = |space: &Space| json!({ "namespace": space.name, "deployment": "web" });
    let report = run
        .step("kubernetes/rollout-restart", restart(&stage.protected))
        .await;
    let (error, retryable) = failure(&report);
    assert!(
        error.contains("writes nothing in the protected namespace"),
        "{error}"
    );
    assert!(!retryable);
    let report = run
        .step("kubernetes/rollout-restart", restart(&stage.own))
        .await;
    assert_eq!(report.result, orderly::domain::run::StepResult::Succeeded);
}
