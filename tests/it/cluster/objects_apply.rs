//! `kubernetes/apply` on a real API server.

use super::plane::{Space, failure};
use crate::steps::Run;
use orderly::{
    actions::framework::World,
    domain::{
        effect::Confidence,
        name::SecretName,
        run::{StepReport, StepResult},
        secret::{SecretValue, marker},
    },
    ports::{
        BoxFuture,
        materials::{Looked, Materials, RevisionFile},
        secrets::{SecretError, Secrets},
    },
};
use serde_json::{Value, json};
use std::{path::Path, sync::Arc, time::Duration};

const APPLY: &str = "kubernetes/apply";

fn map(name: &str, value: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": { "a": value } })
}

fn deployment(name: &str, behaviour: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name },
        "spec": {
            "replicas": 1,
            "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": { "app": name, "orderly.test/pod": behaviour } },
                "spec": { "containers": [{ "name": "app", "image": "registry.example.org/app:2" }] }
            }
        }
    })
}

impl Space {
    fn inputs(&self, manifest: Value, more: Value) -> Value {
        let mut inputs = json!({ "namespace": self.name, "manifest": manifest });
        let more = more.as_object().unwrap().clone();
        inputs.as_object_mut().unwrap().extend(more);
        inputs
    }

    async fn applied(&self, manifest: Value, more: Value) -> StepReport {
        self.step(APPLY, self.inputs(manifest, more)).await
    }

    fn exists(&self, kind: &str, name: &str) -> bool {
        let found = self.kubectl(&["get", kind, name, "--ignore-not-found", "-o", "name"]);
        !found.trim().is_empty()
    }
}

fn succeeded(report: &StepReport) {
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
}

fn outcomes(report: &StepReport) -> Vec<&str> {
    let objects = report.outputs["objects"].as_array().unwrap().iter();
    objects
        .map(|one| one["outcome"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn an_object_is_created_then_unchanged_then_configured() {
    let Some(space) = Space::new() else { return };
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web" },
        "spec": { "selector": { "app": "web" }, "ports": [{ "port": 80 }] }
    });
    let both = |value: &str| json!([map("web", value), service]);
    let report = space.applied(both("1"), json!({})).await;
    succeeded(&report);
    assert_eq!(outcomes(&report), ["created", "created"]);
    let first = report.outputs["objects"][0]["resourceVersion"].clone();
    assert_eq!(
        space.get("configmap", "web")["metadata"]["resourceVersion"],
        first
    );

    let report = space.applied(both("1"), json!({ "wait": "10s" })).await;
    succeeded(&report);
    assert_eq!(outcomes(&report), ["unchanged", "unchanged"]);
    assert!(
        report.summary.contains("2 unchanged; ready after"),
        "{}",
        report.summary
    );

    let report = space.applied(both("2"), json!({})).await;
    succeeded(&report);
    assert_eq!(outcomes(&report), ["configured", "unchanged"]);
    let words = format!(
        "configured configmap {}/web (data.a); 1 unchanged",
        space.name
    );
    assert_eq!(report.summary, words);
    let managed = space.kubectl(&[
        "get",
        "configmap/web",
        "--show-managed-fields",
        "-o",
        "json",
    ]);
    let managed: Value = serde_json::from_str(&managed).unwrap();
    let manager = &managed["metadata"]["managedFields"][0];
    assert_eq!(
        (&manager["manager"], &manager["operation"]),
        (&json!("orderly"), &json!("Apply"))
    );
}

#[tokio::test]
async fn a_definition_and_its_object_and_a_namespace_go_in_one_step() {
    let Some(space) = Space::new() else { return };
    let group = format!("{}.example.org", space.name);
    let other = format!("{}-other", space.name);
    let thing = json!({
        "apiVersion": format!("{group}/v1"), "kind": "Thing", "metadata": { "name": "one", "namespace": other },
        "spec": { "size": 3 }
    });
    let schema = json!({
        "type": "object", "properties": { "spec": { "type": "object", "properties": { "size": { "type": "integer" } } } }
    });
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("things.{group}") },
        "spec": {
            "group": group, "scope": "Namespaced", "names": { "plural": "things", "singular": "thing", "kind": "Thing" },
            "versions": [{ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": schema } }]
        }
    });
    let namespace =
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": other } });
    let text = [&thing, &definition, &namespace]
        .map(ToString::to_string)
        .join("\n---\n");
    let effects = space.run().effects(APPLY, &json!({ "text": text })).await;
    assert_eq!(effects.confidence, Confidence::Opaque);
    let report = space
        .step(APPLY, json!({ "text": text, "wait": "30s" }))
        .await;
    let found = space.kubectl(&[
        "get",
        &format!("things.{group}/one"),
        "-n",
        &other,
        "-o",
        "json",
    ]);
    for leftover in [
        ["namespace", other.as_str()],
        ["crd", &format!("things.{group}")],
    ] {
        space.kubectl(&["delete", leftover[0], leftover[1], "--wait=false"]);
    }
    succeeded(&report);
    assert_eq!(outcomes(&report), ["created"; 3]);
    assert_eq!(report.outputs["objects"][2]["name"], "one");
    assert_eq!(
        serde_json::from_str::<Value>(&found).unwrap()["spec"]["size"],
        3
    );
}

/// The repository at the run's revision.
#[derive(Debug)]
struct Repository(Vec<RevisionFile>);

impl Materials for Repository {
    fn file(&self, _: &Path) -> Option<Vec<u8>> {
        None
    }
    fn program(&self, _: &str) -> Looked {
        Looked::NotLooked
    }
    fn repository<'a>(
        &'a self,
        _: &'a str,
        paths: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<RevisionFile>, String>> {
        let wanted = |file: &&RevisionFile| paths.iter().any(|path| file.path.starts_with(path));
        let found = self.0.iter().filter(wanted).cloned().collect();
        Box::pin(std::future::ready(Ok(found)))
    }
}

#[tokio::test]
async fn files_of_the_repository_are_applied_as_they_were_judged() {
    let Some(space) = Space::new() else { return };
    let file = |path: &str, text: String| RevisionFile {
        path: path.to_owned(),
        bytes: text.into_bytes(),
        executable: false,
    };
    let two = format!("{}\n---\n# and\n{}\n", map("a", "1"), map("b", "2"));
    let files = vec![
        file("shop/README.md", "# no object".to_owned()),
        file("shop/maps.yaml", two),
        file("other/map.yaml", map("c", "3").to_string()),
    ];
    let world = World {
        materials: Arc::new(Repository(files)),
        ..space.world()
    };
    let run = Run::new(world);
    let inputs = json!({ "namespace": space.name, "files": ["shop"] });
    let planned = run.planned(APPLY, inputs.clone()).await;
    let pinned: Vec<&str> = planned
        .pinned
        .files
        .iter()
        .map(|file| file.path.as_str())
        .collect();
    assert_eq!(pinned, ["shop/maps.yaml"]);
    let report = run.step(APPLY, inputs).await;
    succeeded(&report);
    assert_eq!(outcomes(&report), ["created", "created"]);
    assert!(space.exists("configmap", "b") && !space.exists("configmap", "c"));
}

#[tokio::test]
async fn a_field_of_another_manager_is_a_conflict_until_it_is_taken_over() {
    let Some(space) = Space::new() else { return };
    let mut theirs = map("web", "theirs");
    theirs["data"]["b"] = json!("theirs");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("web.json");
    std::fs::write(&file, theirs.to_string()).unwrap();
    let apply = ["apply", "--server-side", "--field-manager=other", "-f"];
    space.kubectl(&[&apply[..], &[file.to_str().unwrap()]].concat());

    let mut ours = map("web", "ours");
    ours["data"]["b"] = json!("ours");
    let report = space
        .applied(json!([map("first", "1"), ours]), json!({}))
        .await;
    let (error, retryable) = failure(&report);
    for words in [
        "`.data.a` is managed by `other`",
        "`.data.b` is managed by `other`",
        "hint: leave these fields out, or take them over with `force: true`",
        "not all was applied, 1 of 2 objects",
        &format!("before that: created configmap {}/first", space.name),
    ] {
        assert!(error.contains(words), "{words}: {error}");
    }
    assert!(!retryable);
    assert_eq!(outcomes(&report), ["created"]);
    assert_eq!(space.get("configmap", "web")["data"]["a"], "theirs");

    let report = space.applied(ours, json!({ "force": true })).await;
    succeeded(&report);
    assert_eq!(space.get("configmap", "web")["data"]["a"], "ours");
}

#[tokio::test]
async fn a_dry_run_says_what_it_would_do_and_does_nothing() {
    let Some(space) = Space::new() else { return };
    space.apply(&map("there", "1"));
    let other = format!("{}-dry", space.name);
    let namespace =
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": other } });
    let mut inside = map("inside", "1");
    inside["metadata"]["namespace"] = json!(other);
    let all = json!([map("there", "2"), map("new", "1"), namespace, inside]);
    let dry = Run::dry(space.world());
    let inputs = space.inputs(all, json!({ "force": true, "wait": "10s" }));
    let report = dry.step(APPLY, inputs).await;
    succeeded(&report);
    let name = &space.name;
    assert_eq!(
        report.summary,
        format!(
            "would create namespace {other}, configmap {name}/new, configmap {other}/inside; would configure configmap {name}/there (data.a); the server agrees"
        )
    );
    assert_eq!(report.outputs["objects"][1]["resourceVersion"], Value::Null);
    assert!(!space.exists("configmap", "new") && !space.exists("namespace", &other));
    assert_eq!(space.get("configmap", "there")["data"]["a"], "1");
    let same = dry
        .step(
            APPLY,
            space.inputs(map("there", "1"), json!({ "force": true })),
        )
        .await;
    assert!(same.summary.contains("1 unchanged"), "{}", same.summary);
    let wrong =
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "x" }, "date": {} });
    let report = dry.step(APPLY, space.inputs(wrong, json!({}))).await;
    assert!(failure(&report).0.contains("date"), "{}", report.summary);
}

#[tokio::test]
async fn what_does_not_get_ready_fails_in_time_and_says_why() {
    let Some(space) = Space::new() else { return };
    let report = space
        .applied(
            json!([map("a", "1"), deployment("web", "never-ready")]),
            json!({ "wait": "3s" }),
        )
        .await;
    let (error, retryable) = failure(&report);
    for words in [
        &format!(
            "not ready: deployment {}/web: 1 of 1 replicas are updated, 0 are available",
            space.name
        ),
        ", after 3s",
        &format!("; pod {}/web-", space.name),
    ] {
        assert!(error.contains(words), "{words}: {error}");
    }
    assert!(retryable);
    let mut job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "bad" },
        "spec": { "backoffLimit": 0, "template": deployment("bad", "fails")["spec"]["template"].clone() }
    });
    job["spec"]["template"]["spec"]["restartPolicy"] = json!("Never");
    let report = space.applied(job, json!({ "wait": "60s" })).await;
    let (error, retryable) = failure(&report);
    assert!(
        error.contains("it has failed: BackoffLimitExceeded"),
        "{error}"
    );
    assert!(!retryable);
}

/// All that `kubectl apply` of the former owner would look at.
fn state(space: &Space, name: &str) -> (Value, Value) {
    let object = space.kubectl(&[
        "get",
        "deployment",
        name,
        "--show-managed-fields",
        "-o",
        "json",
    ]);
    let object: Value = serde_json::from_str(&object).unwrap();
    let managers = object["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter();
    let managers: Vec<Value> = managers
        .filter(|entry| entry["subresource"].is_null())
        .map(|entry| json!([entry["manager"], entry["operation"], entry["fieldsV1"]]))
        .collect();
    (object["spec"].clone(), json!(managers))
}

#[tokio::test]
async fn a_wait_in_vain_is_undone_to_the_last_field_and_its_manager() {
    let Some(space) = Space::new() else { return };
    space.available("web", 2);
    let mut bad = deployment("web", "never-ready");
    bad["spec"]["template"]["spec"]["containers"][0]["env"] =
        json!([{ "name": "A", "value": "1" }]);
    let (before, managers) = state(&space, "web");
    let more = json!({ "wait": "3s", "force": true, "undoOnFailure": true });
    let report = space.applied(json!([map("new", "1"), bad]), more).await;
    let (error, _) = failure(&report);
    for words in [
        &format!(
            "undone: deployment {}/web has its former fields",
            space.name
        ),
        &format!("undone: configmap {}/new is deleted again", space.name),
        "ready again after",
    ] {
        assert!(error.contains(words), "{words}: {error}");
    }
    let (after, managed) = state(&space, "web");
    assert_eq!(after, before);
    assert_eq!(managed, managers);
    assert!(!space.exists("configmap", "new"));
    assert_eq!(report.outputs["undone"][0]["done"], "restored");
    // Whoever applied it before meets no conflict.
    space.deployment("web", 3, "");
}

#[tokio::test]
async fn what_an_attempt_has_done_that_broke_off_is_said_to_stay() {
    let Some(space) = Space::new() else { return };
    let objects = json!([deployment("web", "never-ready")]);
    let mut run = space.run();
    let first = space.inputs(objects.clone(), json!({}));
    succeeded(&run.step("kubernetes/apply", first).await);
    run.again();
    let more = json!({ "wait": "1s", "undoOnFailure": true });
    let report = run
        .step("kubernetes/apply", space.inputs(objects, more))
        .await;
    let (error, _) = failure(&report);
    let words = "; there was nothing to undo; what an earlier attempt of this step has changed before it broke off is NOT undone";
    assert!(error.contains(words), "{error}");
}

async fn until(what: impl Fn() -> bool) {
    while !what() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn what_somebody_has_changed_since_is_left_and_named() {
    let Some(space) = Space::new() else { return };
    let more = json!({ "wait": "4s", "undoOnFailure": true });
    let inputs = space.inputs(
        json!([map("new", "1"), deployment("web", "never-ready")]),
        more,
    );
    let meanwhile = async {
        until(|| space.exists("deployment", "web")).await;
        space.kubectl(&["patch", "configmap/new", "-p", r#"{"data":{"a":"mine"}}"#]);
    };
    let (report, ()) = tokio::join!(space.step(APPLY, inputs), meanwhile);
    let (error, _) = failure(&report);
    let left = format!(
        "NOT undone: configmap {}/new: somebody else has changed it since",
        space.name
    );
    assert!(error.contains(&left), "{error}");
    assert_eq!(space.get("configmap", "new")["data"]["a"], "mine");
    assert!(!space.exists("deployment", "web"), "{error}");
}

#[tokio::test]
async fn a_step_that_is_stopped_undoes_what_it_has_done() {
    let Some(space) = Space::new() else { return };
    let run = space.run();
    let more = json!({ "wait": "60s", "undoOnFailure": true });
    let inputs = space.inputs(deployment("web", "never-ready"), more);
    let stop = async {
        until(|| space.exists("deployment", "web")).await;
        run.stop.cancel();
    };
    let (report, ()) = tokio::join!(run.step(APPLY, inputs), stop);
    assert_eq!(report.result, StepResult::Canceled, "{}", report.summary);
    let undone = format!("undone: deployment {}/web is deleted again", space.name);
    assert!(report.summary.contains(&undone), "{}", report.summary);
}

#[tokio::test]
async fn who_may_not_is_told_what_to_grant_and_what_was_applied() {
    let Some(space) = Space::new() else { return };
    let rules = json!([
        { "apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "patch", "create"] },
        { "apiGroups": [""], "resources": ["services"], "verbs": ["get"] }
    ]);
    let run = Run::new(space.world_of(space.somebody("writer", &rules)));
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web" }, "spec": { "ports": [{ "port": 80 }] }
    });
    let inputs = space.inputs(
        json!([map("a", "1"), service]),
        json!({ "undoOnFailure": false }),
    );
    let report = run.step(APPLY, inputs).await;
    let (error, retryable) = failure(&report);
    for words in ["services", "hint: grant", "before that: created configmap"] {
        assert!(error.contains(words), "{words}: {error}");
    }
    assert!(!retryable);
    assert_eq!(outcomes(&report), ["created"]);
}

#[derive(Debug)]
struct OneSecret;

impl Secrets for OneSecret {
    fn get(&self, _: &SecretName) -> Result<SecretValue, SecretError> {
        Ok(SecretValue::new("hunter2-hunter2".to_owned()))
    }
    fn all_values(&self) -> Vec<SecretValue> {
        vec![SecretValue::new("hunter2-hunter2".to_owned())]
    }
}

#[tokio::test]
async fn a_secret_reaches_the_cluster_and_nobody_else() {
    let Some(space) = Space::new() else { return };
    let world = World {
        secrets: Arc::new(OneSecret),
        ..space.world()
    };
    let run = Run::new(world);
    let password = marker(&SecretName::new("db").unwrap());
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "db" }, "stringData": { "password": password }
    });
    let inputs = space.inputs(secret, json!({ "wait": "5s" }));
    for outcome in ["created", "unchanged"] {
        let report = run.step(APPLY, inputs.clone()).await;
        succeeded(&report);
        assert_eq!(outcomes(&report), [outcome]);
        let said = format!("{} {}", report.summary, report.outputs);
        assert!(
            !said.contains("hunter2") && !said.contains("password"),
            "{said}"
        );
    }
    let encoded = "aHVudGVyMi1odW50ZXIy";
    assert_eq!(space.get("secret", "db")["data"]["password"], encoded);
    let odd = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "odd" }, "data": { "pin": 493_817 }
    });
    let report = run.step(APPLY, space.inputs(odd, json!({}))).await;
    let (error, _) = failure(&report);
    assert!(!error.contains("493817"), "{error}");
}

#[tokio::test]
async fn a_consent_is_for_the_very_object_that_was_there() {
    let Some(space) = Space::new() else { return };
    space.apply(&map("web", "1"));
    let run = space.run();
    let planned = run
        .planned(APPLY, space.inputs(map("web", "2"), json!({})))
        .await;
    assert_eq!(run.still(&planned).await, Ok(()));
    space.kubectl(&["delete", "configmap/web"]);
    space.apply(&map("web", "1"));
    let why = run.still(&planned).await.unwrap_err();
    assert!(why.contains("was replaced"), "{why}");
}
