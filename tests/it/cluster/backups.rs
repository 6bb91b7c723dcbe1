//! `backup/kubernetes` and `backup/volume`, their trials and restores. The fake nodes run programs right here, so a claim is a folder of the
//! test.

use super::{
    plane::{Space, failure},
    snapshots::{self, SNAPSHOTS},
};
use crate::steps::{Run, world_with};
use age::secrecy::ExposeSecret as _;
use orderly::{
    actions::framework::World,
    adapters::{
        archive::Stores,
        secrets::{ConfiguredSecrets, Origin},
    },
    domain::{
        effect::{Class, Confidence},
        name::{ActionName, SecretName},
        run::{StepReport, StepResult},
        secret::SecretValue,
    },
};
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::Duration,
};

const PASSWORD: &str = "hunter2-very-secret";

/// The space's world, in which artifacts can be encrypted and opened again.
pub(super) fn sealing(space: &Space, world: World) -> World {
    let key = age::x25519::Identity::generate();
    let known = Origin::Variable {
        name: "X".into(),
        value: Some(SecretValue::new(key.to_string().expose_secret().to_owned())),
    };
    let name = SecretName::new("age").unwrap();
    let kept = world_with(
        &space.path("state"),
        ConfiguredSecrets::new([(name.clone(), known)].into()),
        &[key.to_public().to_string()],
        Some(name),
        Stores::default(),
    );
    World {
        archive: kept.archive,
        ..world
    }
}

pub(super) fn succeeded(report: StepReport) -> StepReport {
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
    report
}

/// A namespace with what people make in it.
fn furnished() -> Option<Space> {
    let space = Space::new()?;
    let literal = format!("--from-literal=password={PASSWORD}");
    space.kubectl(&["create", "secret", "generic", "db", &literal]);
    space.kubectl(&["create", "configmap", "todo-config", "--from-literal=a=1"]);
    space.available("web", 1);
    space.kubectl(&["expose", "deployment/web", "--port=80"]);
    Some(space)
}

fn objects(space: &Space, resources: &[&str]) -> Value {
    json!({ "name": "shop", "namespace": space.name, "resources": resources })
}

/// What people are asked of a restore.
async fn asked(run: &Run, restore: &Value) -> String {
    let uses = ActionName::new("backup/restore").unwrap();
    let intent = run.intent(&uses, restore).await.unwrap();
    intent.wants_approval.unwrap().message
}

async fn restored(run: &Run, artifact: &Value, to: Value) -> StepReport {
    let restore = json!({ "artifact": artifact, "objects": to });
    run.step("backup/restore", restore).await
}

#[tokio::test]
async fn objects_are_kept_encrypted_and_come_back_after_they_are_deleted() {
    let Some(space) = furnished() else { return };
    let run = Run::new(sealing(&space, space.world()));
    let keep = objects(
        &space,
        &["deployments", "secret/*", "configmaps", "svc", "rs", "pods"],
    );
    let kept = succeeded(run.step("backup/kubernetes", keep).await);
    let artifact = &kept.outputs["artifact"];
    // Neither what a controller makes again, nor what the cluster puts into every namespace.
    assert_eq!(artifact["entries"], 4, "{}", kept.outputs);
    let skipped = kept.outputs["skipped"].to_string();
    for words in ["kube-root-ca.crt", "deployment web makes it again"] {
        assert!(skipped.contains(words), "{skipped}");
    }
    let path = artifact["path"].as_str().unwrap();
    assert!(path.ends_with(".objects.jsonl.zst.age"), "{path}");
    assert_eq!(artifact["encrypted"], true);
    let bytes = fs::read(path).unwrap();
    let clear = bytes
        .windows(PASSWORD.len())
        .any(|part| part == PASSWORD.as_bytes());
    assert!(!clear);
    assert!(!run.heard().contains(PASSWORD));

    let verify = json!({ "artifact": artifact, "cluster": "default" });
    let verified = succeeded(run.step("backup/verify", verify.clone()).await);
    let content = &verified.outputs["verified"]["content"];
    for (kind, count) in [
        ("secret", 1),
        ("configmap", 1),
        ("deployment.apps", 1),
        ("service", 1),
        ("would be taken", 4),
    ] {
        assert_eq!(content[kind], count, "{content}");
    }

    let address = space.get("service", "web")["spec"]["clusterIP"].clone();
    let named = ["deploy/web", "secret/db", "cm/todo-config", "svc/web"];
    for object in named {
        space.kubectl(&["delete", object, "--wait"]);
    }
    let to = json!({ "cluster": "default" });
    let restore = json!({ "artifact": artifact, "objects": to });
    let effects = run.effects("backup/restore", &restore).await;
    assert_eq!(effects.confidence, Confidence::Exact, "{effects:?}");
    let lines = effects.lines().join("; ");
    // What is new is told from what would be written over.
    assert!(lines.contains("create secret db in namespace"), "{lines}");
    let question = asked(&run, &restore).await;
    let words = "to cluster default, making 4 objects that are not there yet?";
    assert!(question.ends_with(words), "{question}");
    let report = succeeded(restored(&run, artifact, to.clone()).await);
    assert_eq!(
        report.outputs["details"]["created"], 4,
        "{}",
        report.summary
    );
    let secret = space.get("secret", "db");
    assert_eq!(secret["data"]["password"], "aHVudGVyMi12ZXJ5LXNlY3JldA==");
    assert_eq!(space.get("cm", "todo-config")["data"], json!({ "a": "1" }));
    space.wait("deployment/web", "condition=Available");
    let again = space.get("service", "web")["spec"]["clusterIP"].clone();
    assert!(again.as_str().is_some() && address.as_str().is_some());
    space.kubectl(&["delete", "secret/db", "--wait"]);
    let question = asked(&run, &restore).await;
    let words = "making 1 that are not there yet, and 3 in place of what is there?";
    assert!(question.ends_with(words), "{question}");
    succeeded(restored(&run, artifact, to.clone()).await);
    let question = asked(&run, &restore).await;
    assert!(
        question.ends_with(", in place of what is there?"),
        "{question}"
    );
    let report = succeeded(restored(&run, artifact, to).await);
    assert_eq!(
        report.outputs["details"]["unchanged"], 4,
        "{}",
        report.summary
    );
    assert!(!run.heard().contains(PASSWORD));
}

#[tokio::test]
async fn what_others_have_changed_since_is_told_and_taken_over_by_force_only() {
    let Some(space) = furnished() else { return };
    let run = Run::new(sealing(&space, space.world()));
    let keep = objects(&space, &["cm/todo-config", "deploy/web"]);
    let kept = succeeded(run.step("backup/kubernetes", keep).await);
    let artifact = &kept.outputs["artifact"];
    let patch = ["patch", "cm/todo-config", "-p", r#"{"data":{"a":"2"}}"#];
    space.kubectl(&patch);
    let verify = json!({ "artifact": artifact, "cluster": "default" });
    let verified = succeeded(run.step("backup/verify", verify).await);
    let content = &verified.outputs["verified"]["content"];
    assert_eq!(content["in conflict"], 1, "{content}");
    assert!(run.heard().contains("`.data.a` is managed by"));

    let only = json!({ "resources": ["configmaps"] });
    let report = restored(&run, artifact, only).await;
    let (error, _) = failure(&report);
    assert!(
        error.contains("conflict: `.data.a` is managed by"),
        "{error}"
    );
    assert_eq!(space.get("cm", "todo-config")["data"]["a"], "2");
    let force = json!({ "resources": ["cm/todo-config"], "force": true });
    let report = succeeded(restored(&run, artifact, force).await);
    assert_eq!(report.outputs["details"]["configured"], 1);
    assert_eq!(space.get("cm", "todo-config")["data"]["a"], "1");
    // What can only fail is told before anybody is asked.
    let missing = json!({ "artifact": artifact, "objects": { "resources": ["cm/other"] } });
    let why = run.plan("backup/restore", missing).await.unwrap_err();
    assert!(why.contains("no configmap other in the backup"), "{why}");
    let path = artifact["path"].as_str().unwrap();
    let mut bytes = fs::read(path).unwrap();
    bytes.pop();
    fs::write(path, bytes).unwrap();
    let damaged = json!({ "artifact": artifact, "objects": {} });
    let why = run.plan("backup/restore", damaged).await.unwrap_err();
    assert!(why.contains("is damaged"), "{why}");
}

#[tokio::test]
async fn a_namespace_that_is_not_there_is_told_and_made_only_where_that_is_wanted() {
    let Some(space) = Space::new() else { return };
    let run = Run::new(sealing(&space, space.world()));
    let other = format!("{}-b", space.name);
    space.kubectl(&["create", "namespace", &other]);
    let map = [
        "create",
        "configmap",
        "a",
        "--from-literal=a=1",
        "-n",
        &other,
    ];
    space.kubectl(&map);
    let keep = json!({ "name": "shop", "namespace": other, "resources": ["cm/a"] });
    let kept = succeeded(run.step("backup/kubernetes", keep).await);
    let artifact = &kept.outputs["artifact"];
    space.kubectl(&["delete", "namespace", &other, "--wait"]);

    let verify = json!({ "artifact": artifact, "cluster": "default" });
    let verified = succeeded(run.step("backup/verify", verify).await);
    // Nothing of it could be tried: that it is good was not shown.
    assert_eq!(verified.outputs["verified"], Value::Null);
    let content = &verified.outputs["checked"]["content"];
    assert_eq!(content["without their namespace"], 1, "{content}");
    assert!(
        verified.summary.contains("could try none of them"),
        "{}",
        verified.summary
    );
    let restore = json!({ "artifact": artifact, "objects": { "createNamespaces": true } });
    let question = asked(&run, &restore).await;
    let words = "making 2 objects that are not there yet?";
    assert!(question.ends_with(words), "{question}");
    let report = restored(&run, artifact, json!({})).await;
    let (error, _) = failure(&report);
    assert!(
        error.contains("nothing is restored: there is no namespace"),
        "{error}"
    );
    let make = json!({ "createNamespaces": true });
    let report = succeeded(restored(&run, artifact, make).await);
    assert_eq!(
        report.outputs["details"]["created"], 2,
        "{}",
        report.summary
    );
    space.kubectl(&["get", "configmap", "a", "-n", &other]);
    space.kubectl(&["delete", "namespace", &other, "--wait=false"]);
}

#[tokio::test]
async fn what_may_not_be_read_or_breaks_off_half_way_leaves_nothing() {
    let Some(space) = furnished() else { return };
    let rules = json!([{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"] }]);
    let account = space.somebody("reader", &rules);
    let run = Run::new(sealing(&space, space.world_of(account)));
    for resources in [&["configmaps", "secrets"][..], &["configmaps", "secret/db"]] {
        let report = run
            .step("backup/kubernetes", objects(&space, resources))
            .await;
        let (error, retryable) = failure(&report);
        assert!(error.contains("forbids it") && !retryable, "{error}");
    }
    let run = Run::new(sealing(&space, space.world()));
    for (resources, words) in [
        (
            &["configmaps", "things.example.org"][..],
            "things.example.org",
        ),
        (&["configmaps", "cm/none"], "kept"),
        (&["secret/none"], "was not found"),
        (&["cronjobs"], "there is nothing of what"),
    ] {
        let report = run
            .step("backup/kubernetes", objects(&space, resources))
            .await;
        if words == "kept" {
            // All of a kind holds each that is there.
            succeeded(report);
            for left in space.artifacts() {
                fs::remove_file(left).unwrap();
            }
            continue;
        }
        let (error, _) = failure(&report);
        assert!(error.contains(words), "{error}");
    }
    let mut nowhere = objects(&space, &["configmaps"]);
    nowhere["namespace"] = json!("nowhere");
    let report = run.step("backup/kubernetes", nowhere).await;
    let (error, _) = failure(&report);
    assert!(error.contains("namespace nowhere was not found"), "{error}");
    assert_eq!(space.artifacts(), Vec::<PathBuf>::new());
    // Without anybody to encrypt for, nothing is read at all.
    let report = space.step("backup/kubernetes", objects(&space, &["secrets"]));
    let report = report.await;
    assert!(failure(&report).0.contains("nobody to encrypt it for"));
    assert_eq!(space.artifacts(), Vec::<PathBuf>::new());
}

/// A folder that stands for a volume.
fn data(space: &Space) -> PathBuf {
    let data = space.path("volume");
    fs::create_dir_all(data.join("deep")).unwrap();
    fs::write(data.join("one"), "hello").unwrap();
    fs::write(data.join("deep/two"), "x".repeat(300_000)).unwrap();
    fs::hard_link(data.join("one"), data.join("again")).unwrap();
    symlink("one", data.join("link")).unwrap();
    data
}

fn mount(path: &Path, image: &str) -> Value {
    json!({ "claim": "data", "image": image, "path": path, "wait": "60s" })
}

/// The pods that were made for volumes and are there.
fn helpers(space: &Space) -> Vec<String> {
    let listed = space.kubectl(&["get", "pods", "-l", "orderly.dev/helper", "-o", "name"]);
    listed.lines().map(str::to_owned).collect()
}

async fn gone(space: &Space) {
    while !helpers(space).is_empty() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn untarred(space: &Space, run: &Run, artifact: &Value, mut place: Value) -> StepReport {
    place["namespace"] = json!(space.name);
    let restore = json!({ "artifact": artifact, "volume": place });
    let effects = run.effects("backup/restore", &restore).await;
    assert_eq!(effects.class(), Class::Destructive);
    run.step("backup/restore", restore).await
}

#[tokio::test]
async fn a_claim_is_kept_by_a_pod_that_is_made_for_it_and_comes_back() {
    let Some(space) = Space::new() else { return };
    snapshots::claim(&space, "data");
    let data = data(&space);
    let run = space.run();
    let place = mount(&data, "registry.example.org/tools:1");
    let keep = json!({ "name": "data", "namespace": space.name, "mount": place });
    let kept = succeeded(run.step("backup/volume", keep).await);
    gone(&space).await;
    let artifact = &kept.outputs["artifact"];
    assert_eq!(artifact["kind"], "volume");
    assert!(artifact["path"].as_str().unwrap().ends_with(".tar.zst"));
    let verify =
        json!({ "artifact": artifact, "expect": { "minEntries": 5, "minBytes": 300_005 } });
    let verified = succeeded(run.step("backup/verify", verify).await);
    assert_eq!(
        verified.outputs["verified"]["content"],
        json!({ "bytes": 300_005, "files": 2, "folders": 1, "links": 2 })
    );

    fs::remove_dir_all(data.join("deep")).unwrap();
    fs::write(data.join("one"), "spoilt").unwrap();
    let place = json!({ "mount": place });
    let report = succeeded(untarred(&space, &run, artifact, place).await);
    assert!(
        report.summary.contains("unpacked into"),
        "{}",
        report.summary
    );
    gone(&space).await;
    assert_eq!(fs::read_to_string(data.join("one")).unwrap(), "hello");
    assert_eq!(fs::read(data.join("deep/two")).unwrap().len(), 300_000);
}

#[tokio::test]
async fn a_pod_that_was_made_goes_whatever_becomes_of_the_step() {
    let Some(space) = Space::new() else { return };
    snapshots::claim(&space, "data");
    let data = data(&space);
    let keep = |path: &Path, image: &str, wait: &str| {
        let mut place = mount(path, image);
        place["wait"] = json!(wait);
        json!({ "name": "data", "namespace": space.name, "mount": place })
    };
    let tools = "registry.example.org/tools:1";
    // The folder is not there: tar ends with 2, which a fake node says in words.
    let report = space
        .step("backup/volume", keep(&space.path("none"), tools, "60s"))
        .await;
    assert!(failure(&report).0.contains("Cannot open"), "{report:?}");
    gone(&space).await;
    let never = "registry.example.org/tools:never-ready";
    let report = space.step("backup/volume", keep(&data, never, "1s")).await;
    assert!(failure(&report).0.contains("is not ready"), "{report:?}");
    gone(&space).await;
    // Who may not run programs in it.
    let rules = json!([
        { "apiGroups": [""], "resources": ["pods"], "verbs": ["create", "delete", "get", "list"] },
        { "apiGroups": [""], "resources": ["persistentvolumeclaims"], "verbs": ["get"] },
    ]);
    let account = space.somebody("maker", &rules);
    let run = Run::new(space.world_of(account));
    let report = run.step("backup/volume", keep(&data, tools, "60s")).await;
    assert!(failure(&report).0.contains("forbids it"), "{report:?}");
    gone(&space).await;
    // An agent that is killed leaves one; the next attempt deletes it.
    let mut run = space.run();
    let killed = run.step("backup/volume", keep(&data, never, "60s"));
    let killed = tokio::time::timeout(Duration::from_secs(3), killed).await;
    assert!(killed.is_err());
    assert_eq!(helpers(&space).len(), 1);
    run.again();
    succeeded(run.step("backup/volume", keep(&data, tools, "60s")).await);
    assert!(run.heard().contains("which an earlier attempt had left"));
    gone(&space).await;
    // Nothing waits for a claim that is not there.
    let mut nowhere = keep(&data, tools, "1h");
    nowhere["mount"]["claim"] = json!("gone");
    let report = run.step("backup/volume", nowhere).await;
    assert!(
        failure(&report).0.contains("persistentvolumeclaim gone"),
        "{report:?}"
    );
    assert_eq!(helpers(&space), [""; 0]);
    assert_eq!(space.artifacts().len(), 1);
}

#[tokio::test]
async fn files_are_kept_and_restored_through_a_pod_that_is_there() {
    let Some(space) = Space::new() else { return };
    let data = data(&space);
    space.available("db", 1);
    let run = space.run();
    let place = json!({ "object": "deployment/db", "path": data });
    let keep = json!({ "name": "data", "namespace": space.name, "pod": place });
    let kept = succeeded(run.step("backup/volume", keep).await);
    let artifact = &kept.outputs["artifact"];
    fs::remove_file(data.join("deep/two")).unwrap();
    let place = json!({ "pod": place });
    succeeded(untarred(&space, &run, artifact, place).await);
    assert_eq!(fs::read(data.join("deep/two")).unwrap().len(), 300_000);
    assert_eq!(helpers(&space), Vec::<String>::new());
}

#[tokio::test]
async fn of_a_snapshot_only_what_the_cluster_says_is_recorded() {
    let Some(space) = Space::new() else { return };
    snapshots::claim(&space, "data");
    let run = space.run();
    let take = json!({ "name": "nightly", "namespace": space.name, "snapshot": { "claim": "data", "class": "fast" } });
    let ready = json!({ "readyToUse": true, "restoreSize": "1Gi", "boundVolumeSnapshotContentName": "content-1" });
    let (report, name) = tokio::join!(
        run.step("backup/volume", take),
        snapshots::play(&space, SNAPSHOTS, ready)
    );
    let report = succeeded(report);
    assert_eq!(report.outputs["snapshot"]["name"], name.as_str());
    assert!(report.outputs.get("artifact").is_none());
    assert!(
        report.summary.ends_with("nobody has looked into it"),
        "{}",
        report.summary
    );
}
