//! Somebody who may not: RBAC of a real API server, with tokens of service accounts.

use super::plane::Space;
use crate::steps::Run;
use orderly::domain::{check::CheckStatus, run::StepResult};
use serde_json::{Value, json};

fn rules(verbs: &[&str]) -> Value {
    json!([{ "apiGroups": ["apps"], "resources": ["deployments"], "verbs": verbs }])
}

#[tokio::test]
async fn who_may_only_look_changes_nothing_and_is_told_what_to_grant() {
    let Some(space) = Space::new() else { return };
    space.available("web", 1);
    let run = Run::new(space.world_of(space.somebody("reader", &rules(&["get"]))));
    let restart = json!({ "namespace": space.name, "deployment": "web" });
    let scale = json!({ "namespace": space.name, "deployment": "web", "replicas": 2 });
    for (uses, inputs) in [
        ("kubernetes/rollout-restart", restart),
        ("kubernetes/scale", scale),
    ] {
        let report = run.step(uses, inputs).await;
        let StepResult::Failed { error, retryable } = &report.result else {
            panic!("{uses}: {}", report.summary)
        };
        let account = format!("system:serviceaccount:{}:reader", space.name);
        for words in [
            account.as_str(),
            "cannot patch",
            "deployments",
            "hint: grant",
        ] {
            assert!(error.contains(words), "{uses}: {error}");
        }
        assert!(!retryable, "{uses}");
    }
    assert_eq!(space.get("deployment", "web")["metadata"]["generation"], 1);
    let check = json!({ "what": "deployments", "namespace": space.name, "name": "web" });
    let report = run.step("kubernetes/check", check).await;
    assert_eq!(report.check, Some(CheckStatus::Ok), "{}", report.summary);
}

#[tokio::test]
async fn who_may_not_look_knows_nothing() {
    let Some(space) = Space::new() else { return };
    let run = Run::new(space.world_of(space.somebody("nobody", &json!([]))));
    let check = json!({ "what": "pods", "namespace": space.name });
    let report = run.step("kubernetes/check", check).await;
    assert_eq!(report.check, Some(CheckStatus::Unknown));
    assert!(report.summary.contains("cannot list"), "{}", report.summary);
}

#[tokio::test]
async fn get_and_patch_of_that_one_deployment_are_enough_to_restart_it() {
    let Some(space) = Space::new() else { return };
    space.available("web", 1);
    let mut only_web = rules(&["get", "patch"]);
    only_web[0]["resourceNames"] = json!(["web"]);
    let run = Run::new(space.world_of(space.somebody("restarter", &only_web)));
    let restart = json!({ "namespace": space.name, "deployment": "web", "wait": "60s" });
    let report = run.step("kubernetes/rollout-restart", restart).await;
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
}
