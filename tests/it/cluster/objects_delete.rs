//! `kubernetes/delete` on a real API server.

use super::plane::{Space, failure};
use crate::steps::Run;
use orderly::domain::run::{StepReport, StepResult};
use serde_json::{Value, json};

const DELETE: &str = "kubernetes/delete";

impl Space {
    fn deleting(&self, more: Value) -> Value {
        let mut inputs = json!({ "namespace": self.name });
        let more = more.as_object().unwrap().clone();
        inputs.as_object_mut().unwrap().extend(more);
        inputs
    }

    async fn deleted(&self, more: Value) -> StepReport {
        self.step(DELETE, self.deleting(more)).await
    }

    fn maps(&self, names: &[&str]) {
        for name in names {
            self.kubectl(&["create", "configmap", name, "--from-literal=a=1"]);
        }
    }

    fn has_map(&self, name: &str) -> bool {
        let found = self.kubectl(&["get", "configmap", name, "--ignore-not-found", "-o", "name"]);
        !found.trim().is_empty()
    }
}

#[tokio::test]
async fn what_is_named_goes_and_what_it_owns_with_it() {
    let Some(space) = Space::new() else { return };
    space.available("web", 2);
    space.maps(&["a"]);
    let both =
        json!({ "objects": ["deploy/web", "cm/a"], "dependents": "foreground", "wait": "60s" });
    let report = space.deleted(both).await;
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
    assert_eq!(
        report.outputs["deleted"],
        json!(["deployment.apps/web", "configmap/a"])
    );
    assert!(report.outputs["goneAfterMs"].is_u64());
    let left = space.kubectl(&["get", "deployments,replicasets", "-o", "name"]);
    assert_eq!(left.trim(), "");
    assert!(!space.has_map("a"));
}

#[tokio::test]
async fn nothing_goes_where_one_is_missing_unless_that_is_well() {
    let Some(space) = Space::new() else { return };
    space.maps(&["a"]);
    let both = json!({ "objects": ["cm/a", "cm/gone"] });
    let report = space.deleted(both).await;
    let (error, retryable) = failure(&report);
    assert!(error.contains("configmap gone in namespace"), "{error}");
    assert!(!retryable && space.has_map("a"));
    let report = space
        .deleted(json!({ "objects": ["cm/a", "cm/gone"], "missing": "ok" }))
        .await;
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
    assert_eq!(
        report.summary,
        "deleted configmap/a; not there: configmap/gone"
    );
    let nothing = space
        .deleted(json!({ "object": "nosuchkind.example.org/x", "missing": "ok" }))
        .await;
    assert_eq!(
        nothing.summary,
        "nothing deleted; not there: nosuchkind.example.org/x"
    );
}

#[tokio::test]
async fn a_finalizer_that_holds_an_object_is_named() {
    let Some(space) = Space::new() else { return };
    space.apply(&json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "held", "finalizers": ["example.org/backup"] }
    }));
    let report = space
        .deleted(json!({ "object": "cm/held", "wait": "1s" }))
        .await;
    space.kubectl(&[
        "patch",
        "configmap/held",
        "-p",
        r#"{"metadata":{"finalizers":null}}"#,
    ]);
    let (error, retryable) = failure(&report);
    assert!(
        error.contains("is still there: held by example.org/backup, after 1s"),
        "{error}"
    );
    assert!(retryable);
}

#[tokio::test]
async fn a_dry_deletion_is_checked_and_removes_nothing() {
    let Some(space) = Space::new() else { return };
    space.maps(&["a"]);
    let run = Run::dry(space.world());
    let report = run
        .step(
            DELETE,
            space.deleting(json!({ "object": "cm/a", "wait": "5s" })),
        )
        .await;
    assert_eq!(
        report.summary,
        "would delete configmap/a; the server agrees"
    );
    assert!(space.has_map("a"));
}

#[tokio::test]
async fn who_may_not_delete_is_told_what_to_grant() {
    let Some(space) = Space::new() else { return };
    space.maps(&["a"]);
    let rules = json!([{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"] }]);
    let run = Run::new(space.world_of(space.somebody("reader", &rules)));
    let report = run
        .step(DELETE, space.deleting(json!({ "object": "cm/a" })))
        .await;
    let (error, _) = failure(&report);
    assert!(
        error.contains("cannot delete") && error.contains("hint: grant"),
        "{error}"
    );
    assert!(space.has_map("a"));
}
