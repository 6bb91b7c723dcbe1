//! What `helm/*` and `backup/helm` must be allowed, as the actions say it: with exactly that they do their work, without any of it they do not.

use super::Desk;
use crate::{
    cluster::{
        backups::sealing,
        rbac::{asked, lessened},
    },
    steps::Run,
};
use orderly::domain::run::{StepReport, StepResult};
use serde_json::{Value, json};

async fn tried(
    desk: &Desk,
    objects: &[Value],
    account: &str,
    (uses, inputs): (&str, &Value),
) -> StepReport {
    // What was broken off for want of a right would be in the way of the next.
    let broken_off = "owner=helm,status in (pending-install,pending-rollback,pending-upgrade)";
    for of in [broken_off, "owner=helm,name=never"] {
        desk.space.kubectl(&["delete", "secrets", "--selector", of]);
    }
    let never = ["delete", "deployment/never", "--ignore-not-found"];
    desk.space.kubectl(&never);
    let kubeconfig = desk.space.granted(objects, account);
    // Only a backup has something to encrypt.
    Run::new(sealing(&desk.space, desk.world_as(kubeconfig)))
        .step(uses, inputs.clone())
        .await
}

fn is_forbidden(report: &StepReport) -> bool {
    report.summary.contains("forbidden")
}

/// What only a first installation and the way back from it need, an eleventh revision, or a server that streams no lists.
const NOT_EACH_TIME: [&str; 4] = [
    "create deployments",
    "delete deployments",
    "delete secrets",
    "list deployments",
];

/// No Secret, so that secrets are those of the releases alone.
const PLAIN: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: { name: {{ .Release.Name }} }
spec:
  replicas: {{ .Values.replicas }}
  selector: { matchLabels: { app: {{ .Release.Name }} } }
  template:
    metadata: { labels: { app: {{ .Release.Name }}, orderly.test/pod: "{{ .Values.pod }}" } }
    spec: { containers: [{ name: app, image: registry.example.org/app:1 }] }
"#;

#[tokio::test]
async fn a_release_needs_the_secrets_that_it_is_kept_in_and_the_rights_of_its_objects() {
    let Some(desk) = Desk::new() else { return };
    desk.write("charts/web/templates/web.yaml", PLAIN);
    let here = json!({ "namespace": desk.space.name, "release": "web" });
    desk.upgraded(json!({})).await;
    desk.upgraded(json!({ "values": { "replicas": 2 } })).await;
    let list = json!({ "namespace": desk.space.name });
    let kept = json!({ "namespace": desk.space.name, "name": "all" });
    let kept_one = json!({ "namespace": desk.space.name, "name": "one", "release": "web" });
    let rollback = json!({ "namespace": desk.space.name, "release": "web", "wait": "30s" });
    for (number, (uses, inputs)) in [
        ("helm/list", list),
        ("backup/helm", kept),
        ("backup/helm", kept_one),
        ("helm/values", here),
        ("helm/rollback", rollback),
        (
            "helm/upgrade",
            desk.inputs(json!({ "values": { "replicas": 1 }, "wait": "10s" })),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let objects = asked(&desk.space, &desk.run(), (uses, &inputs)).await;
        let whole = format!("whole-{number}");
        let report = tried(&desk, &objects, &whole, (uses, &inputs)).await;
        assert_eq!(
            report.result,
            StepResult::Succeeded,
            "{uses}: {}",
            report.summary
        );
        assert!(!is_forbidden(&report), "{uses}: {}", report.summary);
        for (less, (what, objects)) in lessened(&objects).into_iter().enumerate() {
            let account = format!("less-{number}-{less}");
            // Helm waits for the replica sets until its time is up, and does not say why.
            if NOT_EACH_TIME.contains(&what.as_str()) || what == "list replicasets" {
                continue;
            }
            let report = tried(&desk, &objects, &account, (uses, &inputs)).await;
            assert!(
                is_forbidden(&report),
                "{uses} without {what}: {}",
                report.summary
            );
        }
    }
}

#[tokio::test]
async fn a_first_installation_that_fails_needs_the_rights_to_take_it_back() {
    let Some(desk) = Desk::new() else { return };
    desk.write("charts/web/templates/web.yaml", PLAIN);
    let inputs = desk
        .inputs(json!({ "release": "never", "values": { "pod": "never-ready" }, "wait": "3s" }));
    let objects = asked(&desk.space, &desk.run(), ("helm/upgrade", &inputs)).await;
    let step = ("helm/upgrade", &inputs);
    let report = tried(&desk, &objects, "whole", step).await;
    let summary = &report.summary;
    assert!(summary.ends_with("it was removed again"), "{summary}");
    for (number, (what, objects)) in lessened(&objects).into_iter().enumerate() {
        if ["create deployments", "delete deployments", "delete secrets"].contains(&what.as_str()) {
            let report = tried(&desk, &objects, &format!("less-{number}"), step).await;
            let summary = &report.summary;
            // Of an object that it may not delete, helm does not say why.
            let is_told = is_forbidden(&report) || summary.contains("could not be brought back");
            assert!(is_told, "without {what}: {summary}");
        }
    }
}
