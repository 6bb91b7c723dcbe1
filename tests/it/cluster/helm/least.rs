//! What `helm/*` must be allowed, as the actions say it: with exactly that they do their work, without any of it they do not.

use super::Desk;
use crate::{cluster::rbac::lessened, steps::Run};
use orderly::{
    actions::framework::Catalogue,
    domain::{
        name::ActionName,
        right::{Role, roles},
        run::{StepReport, StepResult},
    },
};
use serde_json::{Value, json};

/// The roles that the step asks for, once its chart is rendered, and what binds them.
async fn asked(desk: &Desk, uses: &str, inputs: &Value) -> Vec<Value> {
    let effects = desk.run().effects(uses, inputs).await;
    let action = ActionName::new(uses).unwrap();
    let rights = Catalogue::new().rights(&action, inputs, &effects).unwrap();
    let manifest = |role: Role| {
        let namespace = role.namespace.expect("all of it lies in the namespace");
        let rules: Vec<Value> = role
            .rules
            .into_iter()
            .map(|rule| {
                json!({ "apiGroups": rule.groups, "resources": rule.resources, "resourceNames": rule.names, "verbs": rule.verbs })
            })
            .collect();
        let metadata = json!({ "name": "helm", "namespace": namespace });
        let bound = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata,
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "helm" },
            "subjects": [{ "kind": "ServiceAccount", "namespace": namespace, "name": "helm" }]
        });
        let role = json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata, "rules": rules });
        [role, bound]
    };
    roles(&rights.rights)
        .into_iter()
        .flat_map(manifest)
        .collect()
}

async fn tried(
    desk: &Desk,
    objects: &[Value],
    account: &str,
    (uses, inputs): (&str, &Value),
) -> StepReport {
    let kubeconfig = desk.space.granted(objects, account);
    Run::new(desk.world_as(kubeconfig))
        .step(uses, inputs.clone())
        .await
}

fn went_well(report: &StepReport) -> bool {
    !report.summary.contains("forbidden") && report.result == StepResult::Succeeded
}

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
    let rollback = json!({ "namespace": desk.space.name, "release": "web", "wait": "30s" });
    for (number, (uses, inputs)) in [
        ("helm/list", list),
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
        let objects = asked(&desk, uses, &inputs).await;
        let whole = format!("whole-{number}");
        let report = tried(&desk, &objects, &whole, (uses, &inputs)).await;
        assert!(went_well(&report), "{uses}: {}", report.summary);
        for (less, (what, objects)) in lessened(&objects).into_iter().enumerate() {
            if uses != "helm/upgrade" && !what.ends_with(" secrets") {
                continue;
            }
            let account = format!("less-{number}-{less}");
            let report = tried(&desk, &objects, &account, (uses, &inputs)).await;
            eprintln!(
                "{uses} without {what}: {} {}",
                went_well(&report),
                report.summary
            );
        }
    }
    let vain = desk
        .inputs(json!({ "release": "never", "values": { "pod": "never-ready" }, "wait": "3s" }));
    let objects = asked(&desk, "helm/upgrade", &vain).await;
    let report = tried(&desk, &objects, "vain", ("helm/upgrade", &vain)).await;
    eprintln!("VAIN {}", report.summary);
    let less = lessened(&objects)
        .into_iter()
        .filter(|(what, _)| what.starts_with("delete "));
    for (number, (what, objects)) in less.enumerate() {
        let account = format!("vain-{number}");
        let report = tried(&desk, &objects, &account, ("helm/upgrade", &vain)).await;
        eprintln!("VAIN without {what} {}", report.summary);
    }
}
