//! What changed or was replaced between a step's look and its change stays as it is.

use super::{
    meddling::Meddling,
    plane::{Space, failure},
};
use crate::steps::Run;
use orderly::{actions::framework::World, domain::run::StepResult};
use serde_json::{Value, json};
use std::sync::Arc;

/// A space with a ConfigMap, and what is done right before a step's first change.
struct Race {
    space: Arc<Space>,
}

impl Race {
    fn new() -> Option<Self> {
        let space = Space::new()?;
        let race = Self {
            space: Arc::new(space),
        };
        race.space.apply(&Self::map("1"));
        Some(race)
    }

    fn map(value: &str) -> Value {
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "web", "labels": { "app": "x" } }, "data": { "a": value } })
    }

    /// A run that meets somebody who is faster.
    fn run(&self, deed: impl FnOnce(&Space) + Send + 'static) -> Run {
        let (space, world) = (Arc::clone(&self.space), self.space.world());
        let clusters = Meddling::with(world.clusters.clone(), move || deed(&space));
        Run::new(World {
            clusters: Arc::new(clusters),
            ..world
        })
    }

    fn inputs(&self, more: Value) -> Value {
        let mut inputs = json!({ "namespace": self.space.name });
        let more = more.as_object().unwrap().clone();
        inputs.as_object_mut().unwrap().extend(more);
        inputs
    }

    fn value(&self) -> Value {
        self.space.get("configmap", "web")["data"]["a"].clone()
    }
}

fn changed(space: &Space) {
    space.apply(&Race::map("theirs"));
}

fn replaced(space: &Space) {
    space.kubectl(&["delete", "configmap/web"]);
    space.apply(&Race::map("theirs"));
}

#[tokio::test]
async fn an_object_that_changed_since_it_was_looked_at_is_not_patched() {
    let Some(race) = Race::new() else { return };
    let patches = [
        json!({ "merge": { "data": { "a": "ours" } } }),
        json!({ "strategic": { "data": { "a": "ours" } } }),
        json!({ "json": [{ "op": "replace", "path": "/data/a", "value": "ours" }] }),
    ];
    for patch in patches {
        race.space.apply(&Race::map("1"));
        let mut inputs = race.inputs(patch);
        inputs["object"] = json!("cm/web");
        let report = race.run(changed).step("kubernetes/patch", inputs).await;
        let (error, retryable) = failure(&report);
        assert!(error.contains("configmap web in namespace"), "{error}");
        assert!(retryable, "{error}");
        assert_eq!(race.value(), "theirs");
    }
}

/// What controllers note down is no reason to give up.
#[tokio::test]
async fn an_object_whose_status_alone_changed_is_patched() {
    let Some(race) = Race::new() else { return };
    race.space.available("web", 1);
    let noted = |space: &Space| {
        let status = r#"{"status":{"conditions":[{"type":"Noted","status":"True"}]}}"#;
        space.kubectl(&[
            "patch",
            "deployment/web",
            "--subresource=status",
            "-p",
            status,
        ]);
    };
    let inputs =
        race.inputs(json!({ "object": "deploy/web", "merge": { "spec": { "replicas": 2 } } }));
    let report = race.run(noted).step("kubernetes/patch", inputs).await;
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
    assert_eq!(
        report.outputs["former"],
        json!({ "spec": { "replicas": 1 } })
    );
}

#[tokio::test]
async fn another_object_of_the_same_name_is_neither_applied_nor_deleted() {
    let Some(race) = Race::new() else { return };
    let mut ours = Race::map("ours");
    ours["metadata"]["namespace"] = json!(race.space.name);
    for (uses, inputs) in [
        (
            "kubernetes/apply",
            json!({ "manifest": ours, "force": true }),
        ),
        ("kubernetes/delete", json!({ "object": "cm/web" })),
    ] {
        let report = race.run(replaced).step(uses, race.inputs(inputs)).await;
        let (error, retryable) = failure(&report);
        assert!(error.contains("web"), "{error}");
        assert!(retryable, "{error}");
        assert_eq!(race.value(), "theirs", "{uses}");
    }
}

#[tokio::test]
async fn what_changed_since_it_was_listed_is_not_pruned() {
    let Some(race) = Race::new() else { return };
    for meanwhile in [changed, replaced] {
        race.space.apply(&Race::map("1"));
        let inputs = race
            .inputs(json!({ "kind": "cm", "selector": "app=x", "olderThan": "0s", "limit": 5 }));
        let report = race.run(meanwhile).step("kubernetes/prune", inputs).await;
        assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
        assert_eq!(report.outputs["deleted"], json!([]));
        assert_eq!(
            report.outputs["kept"][0]["reason"],
            "it has changed meanwhile"
        );
        assert_eq!(race.value(), "theirs");
    }
}

#[tokio::test]
async fn the_agents_own_earlier_patch_is_told_as_such() {
    let Some(race) = Race::new() else { return };
    let run = race.space.run();
    let patch = race.inputs(json!({ "object": "cm/web", "merge": { "data": { "a": "patched" } } }));
    let report = run.step("kubernetes/patch", patch).await;
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
    let apply = race.inputs(json!({ "manifest": Race::map("ours") }));
    let report = run.step("kubernetes/apply", apply).await;
    let (error, _) = failure(&report);
    assert!(
        error.contains("an earlier step of the agent changed them"),
        "{error}"
    );
}
