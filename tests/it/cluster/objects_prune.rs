//! `kubernetes/prune` on a real API server.

use super::plane::{Space, failure};
use crate::steps::Run;
use orderly::domain::{
    effect::Reach,
    run::{StepReport, StepResult},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const PRUNE: &str = "kubernetes/prune";

impl Space {
    fn pruning(&self, more: Value) -> Value {
        let mut inputs =
            json!({ "namespace": self.name, "kind": "cm", "selector": "app=import", "limit": 10 });
        let more = more.as_object().unwrap().clone();
        inputs.as_object_mut().unwrap().extend(more);
        inputs
    }

    async fn pruned(&self, more: Value) -> StepReport {
        self.step(PRUNE, self.pruning(more)).await
    }

    fn labelled(&self, name: &str, labels: Value) {
        let metadata = json!({ "name": name, "labels": labels });
        self.apply(&json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": { "name": name } }));
    }

    fn imports(&self, names: &[&str]) {
        for name in names {
            self.labelled(name, json!({ "app": "import" }));
        }
    }

    fn left(&self, kind: &str) -> BTreeSet<String> {
        let names = self.kubectl(&["get", kind, "-l", "app", "-o", "name"]);
        let names = names.lines().filter_map(|line| line.split_once('/'));
        names.map(|(_, name)| name.to_owned()).collect()
    }
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn what_matches_goes_one_by_one_and_what_is_protected_stays() {
    let Some(space) = Space::new() else { return };
    space.imports(&["a", "b"]);
    space.labelled("kept", json!({ "app": "import", "keep": "true" }));
    space.labelled("other", json!({ "app": "web" }));
    let inputs = json!({ "when": "object.data.name != \"b\"", "unless": ["keep"] });
    let effects = space
        .run()
        .effects(PRUNE, &space.pruning(inputs.clone()))
        .await;
    assert_eq!(effects.items[0].reach, Reach::Exactly(3));
    assert_eq!(effects.listed[0].names.len(), 3);
    let report = space.pruned(inputs).await;
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
    assert_eq!(report.summary, "deleted 1 of 3 configmaps: a; 2 kept");
    assert_eq!(report.outputs["deleted"], json!(["a"]));
    let reasons = report.outputs["kept"].to_string();
    assert!(
        reasons.contains("labelled keep") && reasons.contains("`when` does not hold"),
        "{reasons}"
    );
    assert_eq!(space.left("configmaps"), set(&["b", "kept", "other"]));
}

#[tokio::test]
async fn jobs_age_from_their_end_on_and_running_ones_stay() {
    let Some(space) = Space::new() else { return };
    for (name, behaviour) in [("good", ""), ("bad", "fails"), ("busy", "never-ready")] {
        space.job(name, behaviour);
        space.kubectl(&["label", "job", name, "app=import", "--overwrite"]);
    }
    space.wait("job/good", "condition=Complete");
    space.wait("job/bad", "condition=Failed");
    let young = json!({ "kind": "job", "olderThan": "1h" });
    let report = space.pruned(young).await;
    assert_eq!(report.outputs["deleted"], json!([]), "{}", report.outputs);
    let succeeded =
        json!({ "kind": "job", "olderThan": "0s", "when": "conditions.Complete == \"True\"" });
    let report = space.pruned(succeeded).await;
    assert_eq!(
        report.outputs["deleted"],
        json!(["good"]),
        "{}",
        report.outputs
    );
    let report = space
        .pruned(json!({ "kind": "job", "olderThan": "0s" }))
        .await;
    assert_eq!(
        report.outputs["deleted"],
        json!(["bad"]),
        "{}",
        report.outputs
    );
    let kept = report.outputs["kept"].to_string();
    assert!(kept.contains("it has not finished"), "{kept}");
    assert_eq!(space.left("jobs"), set(&["busy"]));
}

#[tokio::test]
async fn more_than_the_limit_is_a_failure_that_removes_nothing_unless_the_oldest_may_go() {
    let Some(space) = Space::new() else { return };
    space.imports(&["a", "b", "c"]);
    let limited = json!({ "olderThan": "0s", "limit": 2 });
    let run = space.run();
    let planned = run.plan(PRUNE, space.pruning(limited.clone())).await;
    assert!(planned.unwrap_err().contains("more than the limit of 2"));
    let report = space.pruned(limited.clone()).await;
    let (error, retryable) = failure(&report);
    assert!(
        error.contains("3 configmaps would go, more than the limit of 2: nothing was deleted"),
        "{error}"
    );
    assert!(!retryable);
    assert_eq!(space.left("configmaps").len(), 3);
    let mut oldest = limited;
    oldest["onLimit"] = json!("delete-oldest");
    let report = space.pruned(oldest).await;
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
    assert_eq!(space.left("configmaps").len(), 1);
}

#[tokio::test]
async fn the_newest_stay_and_fields_select() {
    let Some(space) = Space::new() else { return };
    space.imports(&["a", "b", "c"]);
    let one = json!({ "fieldSelector": "metadata.name=b", "olderThan": "0s" });
    let report = space.pruned(one).await;
    assert_eq!(
        report.outputs["deleted"],
        json!(["b"]),
        "{}",
        report.summary
    );
    let report = space.pruned(json!({ "keep": 1 })).await;
    assert_eq!(
        report.outputs["deleted"],
        json!(["a"]),
        "{}",
        report.outputs
    );
    assert_eq!(space.left("configmaps"), set(&["c"]));
}

#[tokio::test]
async fn a_dry_prune_lists_and_removes_nothing() {
    let Some(space) = Space::new() else { return };
    space.imports(&["a", "b"]);
    let run = Run::dry(space.world());
    let report = run
        .step(PRUNE, space.pruning(json!({ "olderThan": "0s" })))
        .await;
    assert_eq!(
        report.summary,
        "would delete 2 of 2 configmaps: a, b; 0 kept"
    );
    assert_eq!(space.left("configmaps").len(), 2);
}

#[tokio::test]
async fn who_may_not_delete_is_told_what_was_done() {
    let Some(space) = Space::new() else { return };
    space.imports(&["a"]);
    let rules = json!([{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"] }]);
    let run = Run::new(space.world_of(space.somebody("reader", &rules)));
    let report = run
        .step(PRUNE, space.pruning(json!({ "olderThan": "0s" })))
        .await;
    let (error, _) = failure(&report);
    assert!(
        error.contains("deleted 0 of 1 configmaps") && error.contains("hint: grant"),
        "{error}"
    );
}

/// As the agents' platform prunes its runs: succeeded ones sooner than failed ones.
#[tokio::test]
async fn objects_of_a_kind_that_only_the_server_knows_are_pruned_by_their_conditions() {
    let Some(space) = Space::new() else { return };
    let group = format!("{}.example.org", space.name);
    let open = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    space.apply(&json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("taskruns.{group}") },
        "spec": {
            "group": group, "scope": "Namespaced", "names": { "plural": "taskruns", "singular": "taskrun", "kind": "TaskRun" },
            "versions": [{ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": open } }]
        }
    }));
    let definition = format!("crd/taskruns.{group}");
    space.wait(&definition, "condition=Established");
    for (name, status) in [("good", "True"), ("bad", "False"), ("busy", "Unknown")] {
        let ended = json!({ "type": "Succeeded", "status": status, "lastTransitionTime": "2026-01-01T00:00:00Z" });
        space.apply(&json!({
            "apiVersion": format!("{group}/v1"), "kind": "TaskRun",
            "metadata": { "name": name, "labels": { "app": "import" } }, "status": { "conditions": [ended] }
        }));
    }
    let kind = format!("taskruns.{group}");
    let succeeded =
        json!({ "kind": kind, "olderThan": "7d", "when": "conditions.Succeeded == \"True\"" });
    let effects = space
        .run()
        .effects(PRUNE, &space.pruning(succeeded.clone()))
        .await;
    let first = space.pruned(succeeded).await;
    let second = space
        .pruned(json!({ "kind": kind, "olderThan": "3d" }))
        .await;
    let left = space.left(&kind);
    space.kubectl(&["delete", &definition, "--wait=false"]);
    assert_eq!(effects.items[0].reach, Reach::Exactly(3), "{effects:?}");
    assert_eq!(
        first.outputs["deleted"],
        json!(["good"]),
        "{}",
        first.summary
    );
    assert_eq!(
        second.outputs["deleted"],
        json!(["bad"]),
        "{}",
        second.summary
    );
    assert_eq!(left, set(&["busy"]));
}
