//! What can only fail is told when it is planned, so that nobody is asked about it; and what is told of what is missing.

use super::{
    meddling::Meddling,
    plane::{Space, failure},
};
use crate::steps::Run;
use orderly::{
    actions::framework::World,
    adapters::kubernetes::{Account, Cluster, Credentials},
    domain::{
        effect::Verb,
        name::RunbookName,
        run::{StepReport, StepResult},
    },
};
use serde_json::{Value, json};

impl Space {
    fn here(&self, mut inputs: Value) -> Value {
        inputs["namespace"] = json!(self.name);
        inputs
    }

    /// Why a step cannot be planned.
    async fn doomed(&self, uses: &str, inputs: Value) -> String {
        match self.run().plan(uses, inputs.clone()).await {
            Err(why) => why,
            Ok(step) => panic!("{uses} {inputs} is planned: {:?}", step.effects.lines()),
        }
    }
}

#[tokio::test]
async fn what_is_not_there_fails_before_anybody_is_asked() {
    let Some(space) = Space::new() else { return };
    let image = json!({ "deployment": "gone", "images": { "app": "registry.example.org/app:2" } });
    let sized = json!({ "deployment": "gone", "min": 1, "max": 2, "cpuPercent": 70 });
    for (uses, inputs, what) in [
        (
            "kubernetes/delete",
            json!({ "object": "cm/gone" }),
            "configmap gone",
        ),
        (
            "kubernetes/patch",
            json!({ "object": "cm/gone", "merge": { "data": { "a": "1" } } }),
            "configmap gone",
        ),
        (
            "kubernetes/scale",
            json!({ "deployment": "gone", "replicas": 1 }),
            "deployment gone",
        ),
        (
            "kubernetes/rollout-restart",
            json!({ "statefulset": "gone" }),
            "statefulset gone",
        ),
        ("kubernetes/set-image", image, "deployment gone"),
        (
            "kubernetes/rollout-undo",
            json!({ "daemonset": "gone" }),
            "daemonset gone",
        ),
        ("kubernetes/autoscale", sized, "deployment gone"),
        (
            "kubernetes/run-job",
            json!({ "fromCronJob": "gone" }),
            "cronjob gone",
        ),
        (
            "kubernetes/exec",
            json!({ "object": "statefulset/gone", "command": ["true"] }),
            "statefulset gone",
        ),
        (
            "kubernetes/snapshot-volume",
            json!({ "claim": "gone" }),
            "persistentvolumeclaim gone",
        ),
        (
            "backup/volume",
            json!({ "name": "data", "snapshot": { "claim": "gone" } }),
            "persistentvolumeclaim gone",
        ),
        (
            "backup/volume",
            json!({ "name": "data", "mount": { "claim": "gone", "image": "tools:1" } }),
            "persistentvolumeclaim gone",
        ),
        (
            "backup/volume",
            json!({ "name": "data", "pod": { "object": "deploy/gone", "path": "/data" } }),
            "deployment gone",
        ),
    ] {
        let why = space.doomed(uses, space.here(inputs)).await;
        let words = format!("{what} in namespace {} was not found, so", space.name);
        assert!(why.contains(&words), "{uses}: {why}");
    }
    let inside = json!({ "inside": { "namespace": space.name, "object": "statefulset/gone" } });
    let dump = json!({ "name": "shop", "database": "shop", "server": inside });
    let why = space.doomed("backup/postgres", dump).await;
    assert!(why.contains("statefulset gone in namespace"), "{why}");
    for uses in ["kubernetes/drain", "kubernetes/uncordon"] {
        let why = space.doomed(uses, json!({ "node": "gone" })).await;
        assert!(why.contains("node gone was not found"), "{uses}: {why}");
    }
}

#[tokio::test]
async fn what_cannot_be_done_to_what_is_there_fails_before_anybody_is_asked() {
    let Some(space) = Space::new() else { return };
    space.available("web", 1);
    let image =
        json!({ "deployment": "web", "images": { "nobody": "registry.example.org/app:2" } });
    let why = space
        .doomed("kubernetes/set-image", space.here(image))
        .await;
    assert!(why.contains("has no container `nobody`"), "{why}");
    let back = space.here(json!({ "deployment": "web", "toRevision": 99 }));
    let why = space.doomed("kubernetes/rollout-undo", back).await;
    assert!(why.contains("has no revision 99"), "{why}");
    space.kubectl(&["rollout", "pause", "deployment/web"]);
    let restart = space.here(json!({ "deployment": "web" }));
    let why = space.doomed("kubernetes/rollout-restart", restart).await;
    assert!(why.contains("is paused"), "{why}");
}

#[tokio::test]
async fn a_later_attempt_sees_for_itself_what_an_earlier_one_has_done() {
    let Some(space) = Space::new() else { return };
    let mut run = space.run();
    run.again();
    let delete = space.here(json!({ "object": "cm/gone" }));
    let report = run.step("kubernetes/delete", delete).await;
    let (error, _) = failure(&report);
    assert!(error.contains("before anything was deleted"), "{error}");
}

#[tokio::test]
async fn a_namespace_and_a_group_that_are_not_there_are_named() {
    let Some(space) = Space::new() else { return };
    let nowhere = format!("{}-nowhere", space.name);
    let words = format!("namespace {nowhere} was not found");
    let why = space
        .doomed(
            "kubernetes/delete",
            json!({ "namespace": nowhere, "object": "cm/a" }),
        )
        .await;
    assert!(why.contains(&words), "{why}");
    // A pod may be on its way, but not to where there is nothing.
    let exec = json!({ "namespace": nowhere, "pod": "a-0", "command": ["true"] });
    let why = space.doomed("kubernetes/exec", exec).await;
    assert!(why.contains(&words), "{why}");
    let exec = space.here(json!({ "pod": "a-0", "command": ["true"] }));
    assert!(space.run().plan("kubernetes/exec", exec).await.is_ok());
    let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" } });
    let report = space
        .step(
            "kubernetes/apply",
            json!({ "namespace": nowhere, "manifest": map }),
        )
        .await;
    let (error, _) = failure(&report);
    assert!(error.contains(&words), "{error}");
    let prune = json!({ "namespace": nowhere, "kind": "job", "all": true, "keep": 1, "limit": 5 });
    let report = space.step("kubernetes/prune", prune).await;
    let (error, _) = failure(&report);
    assert!(error.contains(&words), "{error}");
    let foos = space.here(json!({ "object": "foos.example.org/a" }));
    let why = space.doomed("kubernetes/delete", foos).await;
    assert!(
        why.contains("a kind of object called foos.example.org"),
        "{why}"
    );
}

#[tokio::test]
async fn what_an_apply_makes_is_told_as_new() {
    let Some(space) = Space::new() else { return };
    let map = |name: &str| json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": { "a": "1" } });
    space.apply(&map("old"));
    let both = space.here(json!({ "manifest": [map("old"), map("new")] }));
    let planned = space.run().planned("kubernetes/apply", both).await;
    let verbs: Vec<&Verb> = planned.effects.items.iter().map(|one| &one.verb).collect();
    assert_eq!(verbs, [&Verb::Update, &Verb::Create]);
    let absent: Vec<bool> = planned
        .pinned
        .objects
        .iter()
        .map(|one| one.absent)
        .collect();
    assert_eq!(absent, [false, true]);
}

#[tokio::test]
async fn a_dry_run_has_changes_checked_and_a_real_one_never_rehearses() {
    let Some(space) = Space::new() else { return };
    for name in ["a", "b"] {
        space.kubectl(&["create", "configmap", name, "--from-literal=a=1"]);
    }
    let prune = space.here(
        json!({ "kind": "cm", "all": true, "olderThan": "0s", "unless": ["keep"], "limit": 9 }),
    );
    let dry = Run::dry(space.world());
    let planned = dry.planned("kubernetes/prune", prune.clone()).await;
    let report = dry.rehearse(&planned).await.unwrap();
    let deleted = report.outputs["deleted"].as_array().unwrap();
    assert!(deleted.contains(&json!("a")), "{}", report.summary);
    space.get("configmap", "a");
    let real = space.run();
    let planned = real.planned("kubernetes/prune", prune).await;
    assert!(real.rehearse(&planned).await.is_none());
    space.get("configmap", "a");
    // What nobody can check is only described.
    let script = json!({ "script": "rm -rf /tmp/x" });
    let planned = dry.plan("command", script).await;
    if let Ok(planned) = planned {
        assert!(dry.rehearse(&planned).await.is_none());
    }
}

/// An autoscaler of the deployment `web`.
fn autoscaled(space: &Space) {
    space.apply(&json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": { "name": "web" },
        "spec": {
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "web" },
            "minReplicas": 2, "maxReplicas": 4,
            "metrics": [{ "type": "Resource", "resource": { "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 70 } } }]
        }
    }));
}

#[tokio::test]
async fn what_an_autoscaler_drives_is_not_scaled_unless_the_step_insists() {
    let Some(space) = Space::new() else { return };
    space.available("web", 2);
    space.available("other", 1);
    autoscaled(&space);
    let scale = |name: &str, replicas: u32, more: Value| {
        let mut inputs = json!({ "deployment": name, "replicas": replicas });
        let more = more.as_object().unwrap().clone();
        inputs.as_object_mut().unwrap().extend(more);
        space.here(inputs)
    };
    let uses = "kubernetes/scale";
    let why = space.doomed(uses, scale("web", 3, json!({}))).await;
    for words in [
        "driven by the horizontalpodautoscaler web (from 2 to 4 replicas)",
        "`kubernetes/autoscale`",
    ] {
        assert!(why.contains(words), "{why}");
    }
    let run = space.run();
    for inputs in [
        scale("web", 3, json!({ "overrideAutoscaler": true })),
        scale("web", 0, json!({})),
        scale("other", 2, json!({})),
    ] {
        assert!(run.plan(uses, inputs.clone()).await.is_ok(), "{inputs}");
    }
}

#[tokio::test]
async fn a_test_that_does_not_hold_is_named() {
    let Some(space) = Space::new() else { return };
    space.available("web", 2);
    let test = json!([{ "op": "test", "path": "/spec/replicas", "value": 7 }]);
    let patch = space.here(json!({ "object": "deploy/web", "json": test }));
    let report = space.step("kubernetes/patch", patch).await;
    let (error, _) = failure(&report);
    assert!(
        error.contains("the operation `test` of `/spec/replicas` does not hold: it is 2, not 7"),
        "{error}"
    );
}

#[tokio::test]
async fn a_missing_right_names_the_account_of_the_runbook() {
    let Some(space) = Space::new() else { return };
    space.kubectl(&["create", "serviceaccount", "weak"]);
    let credentials = Credentials::Kubeconfig {
        path: space.plane().kubeconfig(),
        context: None,
    };
    let account = Account::ServiceAccount {
        namespace: space.name.clone(),
        name: "weak".to_owned(),
    };
    let accounts = [(RunbookName::new("nightly").unwrap(), account.clone())];
    let of_runbook = Cluster {
        accounts: accounts.into(),
        ..credentials.clone().into()
    };
    let of_all = Cluster {
        account: Some(account),
        ..credentials.into()
    };
    for (cluster, place) in [
        (of_runbook, "`clusters.default.accounts.nightly`"),
        (of_all, "`clusters.default.account`"),
    ] {
        let run = Run::new(space.world_with(cluster));
        let check = space.here(json!({ "object": "cm/a", "merge": { "data": { "a": "1" } } }));
        let report: StepReport = run.step("kubernetes/patch", check).await;
        let (error, _) = failure(&report);
        let who = format!("the service account {}/weak (by {place})", space.name);
        assert!(error.contains(&who), "{error}");
        assert!(error.contains("`orderly rbac --runbooks`"), "{error}");
    }
}

#[tokio::test]
async fn a_log_that_breaks_off_is_followed_to_its_end() {
    let Some(space) = Space::new() else { return };
    let world = space.world();
    let cutting = Meddling::cutting_logs(world.clusters.clone());
    let run = Run::new(World {
        clusters: std::sync::Arc::new(cutting),
        ..world
    });
    let job = space.here(json!({
        "name": "work",
        "job": {
            "backoffLimit": 0,
            "template": {
                "metadata": {
                    "labels": { "orderly.test/pod": "ends" },
                    "annotations": { "orderly.test/stop-after": "3s" }
                },
                "spec": {
                    "restartPolicy": "Never",
                    "containers": [{ "name": "talks", "image": "registry.example.org/tools:1" }]
                }
            }
        }
    }));
    let report = run.step("kubernetes/run-job", job).await;
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
    let heard = run.heard();
    assert!(
        heard.contains("breaks off, and is followed again"),
        "{heard}"
    );
    assert_eq!(heard.matches("served 3 requests").count(), 1, "{heard}");
    assert!(heard.contains("ERROR: disk is full\n"), "{heard}");
}
