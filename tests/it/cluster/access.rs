//! `kubernetes/access-review` and `kubernetes/rbac-report` on real roles and bindings.

use super::{
    checks::says,
    plane::{Space, failure},
};
use crate::steps::Run;
use orderly::domain::{check::CheckStatus, run::StepResult};
use serde_json::{Value, json};

const REVIEW: &str = "kubernetes/access-review";

fn pods(verbs: &[&str]) -> Value {
    json!([{ "apiGroups": [""], "resources": ["pods"], "verbs": verbs }])
}

#[tokio::test]
async fn a_runbook_may_do_what_it_must_and_no_more() {
    let Some(space) = Space::new() else { return };
    let run = Run::new(space.world_of(space.somebody("viewer", &pods(&["get", "list"]))));
    let tier = json!({ "expect": [
        { "verb": "list", "resource": "po", "namespace": space.name },
        { "verb": "get", "resource": "pods", "namespace": space.name, "name": "web" },
        { "verb": "create", "resource": "pods", "subresource": "exec", "namespace": space.name, "expected": "denied" },
        { "verb": "patch", "resource": "deployments", "namespace": space.name, "expected": "denied" },
        { "verb": "*", "resource": "*", "expected": "denied" }
    ] });
    let report = run.step(REVIEW, tier).await;
    says(&report, CheckStatus::Ok, "5 of 5 rights are as expected");
    let more = json!({ "expect": [
        { "verb": "list", "resource": "pods" },
        { "verb": "list", "resource": "pods", "namespace": space.name, "expected": "denied" }
    ] });
    let report = run.step(REVIEW, more).await;
    let words = format!(
        "this runbook may not list pods everywhere; this runbook may list pods in namespace {}",
        space.name
    );
    says(&report, CheckStatus::Critical, &words);
    assert_eq!(report.outputs["held"], 0);
    assert_eq!(report.outputs["answers"][1]["is"], "allowed");
}

#[tokio::test]
async fn a_runbook_lists_what_it_may_do() {
    let Some(space) = Space::new() else { return };
    let run = Run::new(space.world_of(space.somebody("viewer", &pods(&["get"]))));
    let report = run
        .step(REVIEW, json!({ "expect": [], "rulesIn": space.name }))
        .await;
    says(&report, CheckStatus::Ok, "0 of 0");
    let rules = report.outputs["rules"].as_array().unwrap();
    let own =
        |rule: &&Value| rule["resources"] == json!(["pods"]) && rule["verbs"] == json!(["get"]);
    assert_eq!(rules.iter().filter(own).count(), 1, "{rules:?}");
}

/// To ask about others is a right of its own.
#[tokio::test]
async fn others_are_asked_about_by_who_may() {
    let Some(space) = Space::new() else { return };
    let nobody = space.somebody("debugger", &pods(&["get", "delete"]));
    let asked = json!({
        "as": { "serviceAccount": format!("{}/debugger", space.name) },
        "expect": [
            { "verb": "get", "resource": "pods", "namespace": space.name },
            { "verb": "delete", "resource": "pods", "namespace": space.name, "expected": "denied" },
            { "verb": "get", "resource": "secrets", "namespace": space.name, "expected": "denied" }
        ]
    });
    let report = space.step(REVIEW, asked.clone()).await;
    let words = format!(
        "2 of 3 rights are as expected; system:serviceaccount:{0}:debugger may delete pods in namespace {0}",
        space.name
    );
    says(&report, CheckStatus::Critical, &words);
    let report = Run::new(space.world_of(nobody)).step(REVIEW, asked).await;
    says(&report, CheckStatus::Unknown, "cannot create");
    let master = json!({
        "as": { "user": "ann", "groups": ["system:masters"] },
        "expect": [{ "verb": "delete", "resource": "secrets" }]
    });
    says(&space.step(REVIEW, master).await, CheckStatus::Ok, "1 of 1");
}

#[tokio::test]
async fn a_review_that_is_only_tried_asks_all_the_same() {
    let Some(space) = Space::new() else { return };
    let asked = json!({ "expect": [{ "verb": "get", "resource": "pods" }] });
    let report = Run::dry(space.world()).step(REVIEW, asked).await;
    says(&report, CheckStatus::Ok, "1 of 1");
}

#[tokio::test]
async fn the_report_names_who_holds_which_power() {
    let Some(space) = Space::new() else { return };
    let rules = json!([
        { "apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["delete"] },
        { "apiGroups": [""], "resources": ["secrets"], "verbs": ["list"] },
        { "apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["impersonate"] }
    ]);
    space.somebody("keeper", &rules);
    space.kubectl(&["create", "rolebinding", "lost", "--role=gone", "--user=ann"]);
    let inputs = json!({ "namespace": space.name });
    let report = space.step("kubernetes/rbac-report", inputs.clone()).await;
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
    let keeper = format!("serviceaccount {}/keeper", space.name);
    let holders = report.outputs["holders"].as_array().unwrap();
    let powers: Vec<&str> = holders
        .iter()
        .filter(|holder| holder["subject"] == json!(keeper))
        .map(|holder| holder["power"].as_str().unwrap())
        .collect();
    assert_eq!(powers, ["impersonate", "readSecrets", "delete"]);
    let dangling = format!("rolebinding {}/lost", space.name);
    assert_eq!(report.outputs["dangling"], json!([dangling]));
    assert!(report.outputs["counts"]["delete"].as_u64() >= Some(1));

    let with_system = json!({ "namespace": space.name, "system": true });
    let report = space.step("kubernetes/rbac-report", with_system).await;
    let masters = report.outputs["holders"].as_array().unwrap().iter();
    let mut masters = masters.filter(|holder| holder["subject"] == "group system:masters");
    assert!(masters.any(|holder| holder["power"] == "clusterAdmin"));

    let viewer = Run::new(space.world_of(space.somebody("viewer", &pods(&["get"]))));
    let report = viewer.step("kubernetes/rbac-report", inputs).await;
    let (error, _) = failure(&report);
    assert!(
        error.contains("cannot list") && error.contains("hint: grant"),
        "{error}"
    );
}
