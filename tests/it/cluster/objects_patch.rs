//! `kubernetes/patch` on a real API server.

use super::plane::{Space, failure};
use crate::steps::Run;
use orderly::domain::run::{StepReport, StepResult};
use serde_json::{Value, json};

const PATCH: &str = "kubernetes/patch";

impl Space {
    fn patching(&self, object: &str, more: Value) -> Value {
        let mut inputs = json!({ "namespace": self.name, "object": object });
        let more = more.as_object().unwrap().clone();
        inputs.as_object_mut().unwrap().extend(more);
        inputs
    }

    async fn patched(&self, object: &str, more: Value) -> StepReport {
        self.step(PATCH, self.patching(object, more)).await
    }

    fn map(&self, data: Value) {
        self.apply(&json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "web" }, "data": data }));
    }
}

fn succeeded(report: &StepReport) {
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
}

#[tokio::test]
async fn every_sort_of_patch_tells_what_was_there_and_can_be_put_back() {
    let Some(space) = Space::new() else { return };
    for patch in [
        json!({ "merge": { "data": { "a": "2", "b": null, "c": "new" } } }),
        json!({ "strategic": { "data": { "a": "2", "b": null, "c": "new" } } }),
        json!({ "json": [
            { "op": "test", "path": "/data/a", "value": "1" },
            { "op": "replace", "path": "/data/a", "value": "2" },
            { "op": "remove", "path": "/data/b" },
            { "op": "add", "path": "/data/c", "value": "new" }
        ] }),
    ] {
        space.map(json!({ "a": "1", "b": "1" }));
        let report = space.patched("cm/web", patch.clone()).await;
        succeeded(&report);
        assert_eq!(
            space.get("configmap", "web")["data"],
            json!({ "a": "2", "c": "new" })
        );
        assert_eq!(report.outputs["changed"], true);
        let former = &report.outputs["former"];
        assert_eq!(
            *former,
            json!({ "data": { "a": "1", "b": "1", "c": null } }),
            "{patch}"
        );
        let words = format!(
            "configmap {}/web changed (data.a, data.b, data.c)",
            space.name
        );
        assert_eq!(report.summary.split(" (").next(), words.split(" (").next());
        let back = space.patched("cm/web", json!({ "merge": former })).await;
        succeeded(&back);
        assert_eq!(
            space.get("configmap", "web")["data"],
            json!({ "a": "1", "b": "1" })
        );
        space.kubectl(&["delete", "configmap/web"]);
    }
}

#[tokio::test]
async fn a_patch_that_changes_nothing_says_so() {
    let Some(space) = Space::new() else { return };
    space.map(json!({ "a": "1" }));
    let report = space
        .patched("cm/web", json!({ "merge": { "data": { "a": "1" } } }))
        .await;
    succeeded(&report);
    assert_eq!(report.outputs["changed"], false);
    assert_eq!(report.outputs["former"], Value::Null);
    let words = format!(
        "nothing changed: configmap {}/web was so already",
        space.name
    );
    assert_eq!(report.summary, words);
}

#[tokio::test]
async fn a_workload_is_patched_and_waited_for() {
    let Some(space) = Space::new() else { return };
    space.available("web", 1);
    let image = json!({ "strategic": { "spec": { "template": { "spec": { "containers": [{ "name": "app", "image": "registry.example.org/app:2" }] } } } }, "wait": "60s" });
    let report = space.patched("deploy/web", image).await;
    succeeded(&report);
    assert_eq!(report.outputs["generation"], 2);
    assert!(
        report.outputs["readyAfterMs"].is_u64(),
        "{}",
        report.outputs
    );
    let bad = json!({ "merge": { "spec": { "template": { "metadata": { "labels": { "orderly.test/pod": "never-ready" } } } } }, "wait": "3s" });
    let report = space.patched("deploy/web", bad).await;
    let (error, retryable) = failure(&report);
    assert!(error.contains("; not ready: deployment"), "{error}");
    // Another attempt would not know what was there before.
    assert!(!retryable);
    let former = report.outputs["former"].clone();
    let report = space
        .patched("deploy/web", json!({ "merge": former, "wait": "60s" }))
        .await;
    succeeded(&report);
}

#[tokio::test]
async fn parts_of_an_object_are_patched_by_themselves() {
    let Some(space) = Space::new() else { return };
    space.available("web", 1);
    let scale = json!({ "merge": { "spec": { "replicas": 2 } }, "subresource": "scale" });
    let report = space.patched("deploy/web", scale).await;
    succeeded(&report);
    assert_eq!(
        report.outputs["former"],
        json!({ "spec": { "replicas": 1 } })
    );
    assert_eq!(space.get("deployment", "web")["spec"]["replicas"], 2);
    space.job("done", "");
    space.wait("job/done", "condition=Complete");
    space.apply(&json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": { "name": "none" },
        "spec": { "minAvailable": 1, "selector": { "matchLabels": { "app": "nobody" } } }
    }));
    let status = json!({
        "merge": { "status": { "conditions": [{
            "type": "Told", "status": "True", "reason": "Test", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"
        }] } },
        "subresource": "status"
    });
    let report = space.patched("pdb/none", status).await;
    succeeded(&report);
    assert_eq!(report.outputs["changed"], true, "{}", report.outputs);
}

#[tokio::test]
async fn a_dry_patch_is_checked_and_changes_nothing() {
    let Some(space) = Space::new() else { return };
    space.map(json!({ "a": "1" }));
    let run = Run::dry(space.world());
    let patch = space.patching("cm/web", json!({ "merge": { "data": { "a": "2" } } }));
    let report = run.step(PATCH, patch).await;
    succeeded(&report);
    let words = format!(
        "would change configmap {}/web (data.a); the server agrees",
        space.name
    );
    assert_eq!(report.summary, words);
    assert_eq!(space.get("configmap", "web")["data"]["a"], "1");
    let wrong = space.patching("cm/web", json!({ "merge": { "data": { "a": 5 } } }));
    let (error, _) = failure_of(run.step(PATCH, wrong).await);
    assert!(error.contains("patching configmap"), "{error}");
}

fn failure_of(report: StepReport) -> (String, bool) {
    let (error, retryable) = failure(&report);
    (error.to_owned(), retryable)
}

#[tokio::test]
async fn what_is_not_there_or_may_not_be_patched_is_not() {
    let Some(space) = Space::new() else { return };
    let patch = json!({ "merge": { "data": { "a": "2" } } });
    let (error, retryable) = failure_of(space.patched("cm/gone", patch.clone()).await);
    assert!(error.contains("was not found"), "{error}");
    assert!(!retryable);
    space.map(json!({ "a": "1" }));
    let rules = json!([{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"] }]);
    let run = Run::new(space.world_of(space.somebody("reader", &rules)));
    let (error, _) = failure_of(run.step(PATCH, space.patching("cm/web", patch)).await);
    assert!(
        error.contains("cannot patch") && error.contains("hint: grant"),
        "{error}"
    );
    let test = json!({ "json": [{ "op": "test", "path": "/data/a", "value": "9" }, { "op": "remove", "path": "/data/a" }] });
    let (error, _) = failure_of(space.patched("cm/web", test).await);
    assert!(error.contains("refused"), "{error}");
    assert_eq!(space.get("configmap", "web")["data"]["a"], "1");
}

#[tokio::test]
async fn of_a_secret_nothing_former_is_told() {
    let Some(space) = Space::new() else { return };
    space.kubectl(&[
        "create",
        "secret",
        "generic",
        "db",
        "--from-literal=password=former-value",
    ]);
    let patch = json!({ "merge": { "stringData": { "password": "other" } } });
    let report = space.patched("secret/db", patch).await;
    succeeded(&report);
    assert_eq!(report.outputs["changed"], true);
    assert_eq!(report.outputs["former"], Value::Null);
    let said = format!("{} {}", report.summary, report.outputs);
    assert!(!said.contains("former-value"), "{said}");
}
