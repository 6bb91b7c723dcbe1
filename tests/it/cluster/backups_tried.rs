//! What a cluster says of objects of a backup that it is asked about, and what that says of the backup: nothing, where what stands in the
//! cluster is the reason.

use super::{
    backups::{sealing, succeeded},
    plane::{Space, failure},
};
use crate::steps::Run;
use serde_json::{Value, json};
use std::{fs, path::PathBuf, thread, time::Duration};

/// A claim that can grow, bound as a provisioner would leave it.
fn growing(space: &Space) {
    let class = space.name.as_str();
    space.apply(&json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": { "name": class },
        "provisioner": "example.org/none", "allowVolumeExpansion": true
    }));
    let spec = |storage: &str| json!({ "accessModes": ["ReadWriteOnce"], "storageClassName": class, "resources": { "requests": { "storage": storage } } });
    let (mut claim, mut volume) = (spec("1Gi"), json!({}));
    let name = format!("{class}-grown");
    claim["volumeName"] = json!(name);
    space.apply(&json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "data" }, "spec": claim }));
    volume["accessModes"] = json!(["ReadWriteOnce"]);
    volume["storageClassName"] = json!(class);
    volume["capacity"] = json!({ "storage": "1Gi" });
    volume["claimRef"] = json!({ "namespace": space.name, "name": "data" });
    volume["hostPath"] = json!({ "path": "/nothing" });
    volume["persistentVolumeReclaimPolicy"] = json!("Retain");
    space.apply(&json!({ "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": name }, "spec": volume }));
    space.wait("pvc/data", "jsonpath={.status.phase}=Bound");
}

fn grown(space: &Space) {
    let wanted = r#"{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}"#;
    space.kubectl(&["patch", "pvc/data", "-p", wanted]);
    let has = r#"{"status":{"capacity":{"storage":"2Gi"}}}"#;
    let status = ["patch", "pvc/data", "--subresource=status", "-p", has];
    space.kubectl(&status);
}

fn deployment(space: &Space, label: &str) {
    let labels = json!({ "app": label });
    space.apply(&json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web" },
        "spec": {
            "replicas": 0, "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": { "containers": [{ "name": "app", "image": "registry.example.org/app:1" }] }
            }
        }
    }));
}

fn immutable(space: &Space, value: &str) {
    for (kind, data) in [
        ("ConfigMap", json!({ "data": { "a": value } })),
        ("Secret", json!({ "stringData": { "a": value } })),
    ] {
        let mut object = data;
        object["apiVersion"] = json!("v1");
        object["kind"] = json!(kind);
        object["metadata"] = json!({ "name": "fixed" });
        object["immutable"] = json!(true);
        space.apply(&object);
    }
}

fn definition(space: &Space) -> String {
    let (group, kind) = (format!("{}.example.org", space.name), "Thing");
    let name = format!("things.{group}");
    let schema = json!({ "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } });
    space.apply(&json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": { "name": name },
        "spec": {
            "group": group, "scope": "Namespaced", "names": { "kind": kind, "plural": "things", "singular": "thing" },
            "versions": [{ "name": "v1", "served": true, "storage": true, "schema": schema }]
        }
    }));
    space.wait(&format!("crd/{name}"), "condition=Established");
    name
}

fn delete(space: &Space, objects: &[&str]) {
    space.kubectl(&[&["delete", "--wait"], objects].concat());
}

#[tokio::test]
async fn what_stands_in_the_cluster_never_makes_an_intact_backup_unsound() {
    let Some(space) = Space::new() else { return };
    growing(&space);
    deployment(&space, "one");
    immutable(&space, "1");
    space.kubectl(&["create", "service", "nodeport", "np", "--tcp=80"]);
    let port = space.get("svc", "np")["spec"]["ports"][0]["nodePort"].to_string();
    let crd = definition(&space);
    let version = format!("{}.example.org/v1", space.name);
    let thing =
        json!({ "apiVersion": version, "kind": "Thing", "metadata": { "name": "a" }, "size": 1 });
    space.apply(&thing);

    let run = Run::new(sealing(&space, space.world()));
    let (definition, thing) = (
        format!("customresourcedefinition/{crd}"),
        format!("thing.{}.example.org/a", space.name),
    );
    let resources = [
        "pvc/data",
        "deploy/web",
        "cm/fixed",
        "secret/fixed",
        "svc/np",
        &definition,
        &thing,
    ];
    let keep = json!({ "name": "shop", "namespace": space.name, "resources": resources });
    let kept = succeeded(run.step("backup/kubernetes", keep).await);
    let verify = json!({ "artifact": kept.outputs["artifact"], "cluster": "default" });
    let verified = succeeded(run.step("backup/verify", verify.clone()).await);
    assert!(
        verified.summary.contains("7 objects"),
        "{}",
        verified.summary
    );

    grown(&space);
    delete(
        &space,
        &["deploy/web", "cm/fixed", "secret/fixed", "svc/np"],
    );
    deployment(&space, "another");
    immutable(&space, "2");
    let node_port = format!("--node-port={port}");
    let other = [
        "create", "service", "nodeport", "other", "--tcp=80", &node_port,
    ];
    space.kubectl(&other);
    delete(&space, &["crd", &crd]);
    let verified = run.step("backup/verify", verify).await;
    assert_eq!(verified.outputs["unsound"], Value::Null, "{verified:?}");
    let verified = succeeded(verified);
    let content = &verified.outputs["verified"]["content"];
    let heard = run.heard();
    for (word, count) in [
        ("would be taken", 1),
        ("unlike what is there", 5),
        ("of a kind that is not served", 1),
    ] {
        assert_eq!(content[word], count, "{content}: {heard}");
    }
    for words in [
        "status.capacity",
        "field is immutable",
        "the one that is there cannot become it",
        "already allocated",
        &format!("its definition {crd} is in this backup"),
    ] {
        assert!(heard.contains(words), "{words}: {heard}");
    }
    let words = "5 unlike what is there, 1 of a kind that is not served, which says nothing against the backup";
    assert!(verified.summary.ends_with(words), "{}", verified.summary);
    space.kubectl(&["delete", "storageclass", &space.name]);
}

/// An artifact with this object in it.
fn artifact(space: &Space, object: &Value) -> PathBuf {
    let path = space.path("x.objects.jsonl.zst");
    let line = format!("{object}\n");
    fs::write(&path, zstd::encode_all(line.as_bytes(), 1).unwrap()).unwrap();
    path
}

#[tokio::test]
async fn only_what_no_server_would_make_is_unsound() {
    let Some(space) = Space::new() else { return };
    let run = space.run();
    let map = |data: Value| json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a", "namespace": space.name }, "data": data });
    for (data, words) in [
        (json!({ "a b": "1" }), "(422)"),
        (json!("text"), "typed patch object"),
    ] {
        let verify = json!({ "artifact": artifact(&space, &map(data)), "cluster": "default" });
        let report = run.step("backup/verify", verify.clone()).await;
        let (error, _) = failure(&report);
        assert!(error.contains("would not make it"), "{error}");
        assert!(error.contains(words), "{error}");
        assert!(report.outputs["unsound"].is_object(), "{error}");
        // Where one is there, it may be the reason.
        space.kubectl(&["create", "configmap", "a", "--from-literal=a=1"]);
        let report = succeeded(run.step("backup/verify", verify).await);
        let checked = &report.outputs["checked"]["content"];
        assert_eq!(checked["unlike what is there"], 1, "{report:?}");
        space.kubectl(&["delete", "configmap", "a"]);
    }
}

/// A webhook that nobody answers for, asked about what is made in this namespace.
fn unanswered(space: &Space) {
    let name = space.name.as_str();
    space.apply(&json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", "metadata": { "name": name },
        "webhooks": [{
            "name": "guard.example.org", "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": "Fail",
            "timeoutSeconds": 2, "clientConfig": { "url": "https://127.0.0.1:1/guard" },
            "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": name } },
            "rules": [{ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps", "secrets"] }]
        }]
    }));
    let made = [
        "create",
        "configmap",
        "probe",
        "--dry-run=server",
        "-o",
        "name",
    ];
    while space.tried(&made).is_ok() {
        thread::sleep(Duration::from_millis(50));
    }
}

#[tokio::test]
async fn a_quota_that_is_reached_and_a_webhook_that_is_away_are_named_and_say_nothing_of_the_backup()
 {
    let Some(space) = Space::new() else { return };
    space.kubectl(&["create", "configmap", "a", "--from-literal=a=1"]);
    space.kubectl(&["create", "secret", "generic", "a", "--from-literal=a=1"]);
    let run = Run::new(sealing(&space, space.world()));
    let mut verify = Vec::new();
    for object in ["cm/a", "secret/a"] {
        let keep = json!({ "name": "shop", "namespace": space.name, "resources": [object] });
        let kept = succeeded(run.step("backup/kubernetes", keep).await);
        verify.push(json!({ "artifact": kept.outputs["artifact"], "cluster": "default" }));
    }
    delete(&space, &["cm/a", "secret/a"]);
    let told = async |words: &str, again: bool| {
        for verify in &verify {
            let report = run.step("backup/verify", verify.clone()).await;
            let (error, retryable) = failure(&report);
            assert!(error.contains(words), "{error}");
            assert!(
                error.contains("nothing is said about the backup"),
                "{error}"
            );
            for untrue in ["grant this right", "could not be asked"] {
                assert!(!error.contains(untrue), "{error}");
            }
            assert_eq!(retryable, again, "{error}");
            assert_eq!(report.outputs["unsound"], Value::Null, "{error}");
        }
    };
    unanswered(&space);
    told(
        "an admission webhook of the cluster could not be reached",
        true,
    )
    .await;
    let webhooks = ["delete", "validatingwebhookconfiguration", &space.name];
    space.kubectl(&webhooks);
    let none = "--hard=count/configmaps=0,count/secrets=0";
    space.kubectl(&["create", "quota", "none", none]);
    let made = [
        "create",
        "configmap",
        "probe",
        "--dry-run=server",
        "-o",
        "name",
    ];
    while !matches!(space.tried(&made), Err(why) if why.contains("exceeded quota")) {
        thread::sleep(Duration::from_millis(50));
    }
    told("a quota of its namespace refuses it", false).await;
}
