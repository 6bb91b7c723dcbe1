//! What a selector would touch is asked of the API server before anything is decided, over the wire.

use crate::{
    api_server::{Answer, ApiServer, ok, status},
    steps::{Run, world},
};
use orderly::{
    actions::framework::World,
    adapters::kubernetes::{ConfiguredClusters, Credentials},
    domain::{
        effect::{Effects, Reach, Scope},
        gate::{Decision, Stage},
        policy::{Autonomy, Operation, Policy},
        span::Span,
    },
    gate::explain,
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, path::PathBuf, sync::Arc};
use tempfile::TempDir;

struct Place {
    _folder: TempDir,
    server: ApiServer,
    kubeconfig: PathBuf,
    run: Run,
}

impl Place {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = ApiServer::start().await;
        let kubeconfig = server.kubeconfig(folder.path(), "t0ken");
        let credentials = Credentials::Kubeconfig {
            path: kubeconfig.clone(),
            context: None,
        };
        let clusters = ConfiguredClusters::new([("default".to_owned(), credentials.into())].into())
            .with_deadline(Span::from_secs(2));
        let run = Run::new(World {
            clusters: Arc::new(clusters),
            ..world(&folder.path().join("state"))
        });
        Self {
            _folder: folder,
            server,
            kubeconfig,
            run,
        }
    }

    /// The effects of a line of kubectl that finds this server by its `KUBECONFIG`.
    async fn kubectl(&self, line: &str) -> Effects {
        let argv: Vec<&str> = line.split(' ').collect();
        let with = json!({ "argv": argv, "env": { "KUBECONFIG": self.kubeconfig } });
        self.run.effects("command", &with).await
    }

    /// An empty list for every kind that policy has a word for, but for these.
    fn namespace_holds(&self, namespace: &str, kinds: &[(&str, Answer)]) {
        for path in [
            "api/v1 pods",
            "api/v1 secrets",
            "api/v1 persistentvolumeclaims",
            "apis/apps/v1 statefulsets",
            "apis/networking.k8s.io/v1 networkpolicies",
            "apis/rbac.authorization.k8s.io/v1 roles",
            "apis/rbac.authorization.k8s.io/v1 rolebindings",
        ] {
            let (group, plural) = path.split_once(' ').unwrap();
            let given = kinds.iter().find(|(kind, _)| *kind == plural);
            let answer = given.map_or_else(|| list(&[], None), |(_, answer)| answer.clone());
            let request = format!("GET /{group}/namespaces/{namespace}/{plural}");
            self.server.script(&request, [answer]);
        }
    }
}

fn list(names: &[&str], more: Option<(&str, u32)>) -> Answer {
    let items: Vec<Value> = names
        .iter()
        .map(|name| json!({ "metadata": { "name": name, "namespace": "shop" } }))
        .collect();
    let metadata = match more {
        Some((token, left)) => json!({ "continue": token, "remainingItemCount": left }),
        None => json!({}),
    };
    ok(&json!({ "metadata": metadata, "items": items }))
}

fn forbidding(operation: Operation) -> Policy {
    Policy {
        autonomy: Autonomy::FullAuto,
        forbidden_operations: BTreeSet::from([operation]),
        ..Policy::default()
    }
}

fn forbidden(effects: &Effects, operation: Operation) -> bool {
    let now = "2026-11-21T08:00:00Z".parse().unwrap();
    let explained = explain::effects(effects.clone(), &forbidding(operation), now);
    let said = explained.judgement.contributions.into_iter();
    said.filter(|said| said.stage == Stage::Forbidden)
        .any(|said| said.decision == Decision::Deny)
}

const PODS: &str = "GET /api/v1/namespaces/shop/pods";

#[tokio::test]
async fn what_a_selector_matches_is_counted_and_named() {
    let place = Place::new().await;
    place.server.script(
        PODS,
        [
            list(&["web-1", "web-2"], Some(("next", 1))),
            list(&["web-3"], None),
        ],
    );
    let effects = place
        .kubectl("kubectl delete pods -l app=web -n shop")
        .await;
    assert_eq!(effects.items[0].reach, Reach::Exactly(3));
    assert_eq!(effects.listed[0].names, ["web-1", "web-2", "web-3"]);
    assert_eq!(
        effects.lines().last().unwrap(),
        "pods matching app=web in namespace shop on cluster default: 3 when it was planned (web-1, web-2, web-3)"
    );
    let seen = place.server.seen();
    assert_eq!(
        seen[0].line,
        "GET /api/v1/namespaces/shop/pods?&labelSelector=app%3Dweb&limit=500"
    );
    assert!(seen[1].line.ends_with("&continue=next"), "{}", seen[1].line);
    let accept = seen[0].headers["accept"].to_str().unwrap();
    assert!(accept.contains("PartialObjectMetadata"), "{accept}");
    assert!(place.server.changes().is_empty());
}

#[tokio::test]
async fn a_field_selector_is_not_taken_for_labels() {
    let place = Place::new().await;
    place.server.script(PODS, [list(&["old"], None)]);
    let line = "kubectl delete pods --field-selector status.phase=Failed -n shop";
    let effects = place.kubectl(line).await;
    assert_eq!(effects.items[0].reach, Reach::Exactly(1));
    let seen = &place.server.seen()[0].line;
    assert!(
        seen.contains("fieldSelector=status.phase%3DFailed"),
        "{seen}"
    );
}

#[tokio::test]
async fn a_list_that_does_not_end_is_cut_and_bounded_by_the_servers_word() {
    let place = Place::new().await;
    let names: Vec<String> = (0..600).map(|number| format!("web-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    place
        .server
        .script(PODS, [list(&names, Some(("on", 4000)))]);
    let effects = place.kubectl("kubectl delete pods --all -n shop").await;
    assert_eq!(effects.items[0].reach, Reach::AtMost(5200));
    assert_eq!(effects.listed[0].names.len(), 50);
    assert_eq!(place.server.seen().len(), 2);
}

#[tokio::test]
async fn a_namespace_is_asked_what_goes_with_it() {
    let place = Place::new().await;
    place.namespace_holds("shop", &[("secrets", list(&["password"], None))]);
    let effects = place.kubectl("kubectl delete namespace shop").await;
    assert!(forbidden(&effects, Operation::DeleteSecret));
    assert!(forbidden(&effects, Operation::DeleteNamespace));
    for operation in [
        Operation::DeletePersistentVolumeClaim,
        Operation::DeleteStatefulSet,
        Operation::DisableNetworkPolicy,
        Operation::DeletePod,
        Operation::ModifyRbac,
    ] {
        assert!(!forbidden(&effects, operation), "{operation:?}");
    }
    let told = effects.lines().join("\n");
    assert!(
        told.contains("holds 1 of secret when it was planned (secret password)"),
        "{told}"
    );
}

#[tokio::test]
async fn what_may_not_be_listed_counts_as_being_there() {
    let place = Place::new().await;
    let refused = status(403, "secrets is forbidden");
    place.namespace_holds("shop", &[("secrets", refused)]);
    let effects = place.kubectl("kubectl delete ns shop").await;
    assert!(forbidden(&effects, Operation::DeleteSecret));
    assert!(!forbidden(&effects, Operation::DeleteStatefulSet));
    let reasons = effects.reasons.join("\n");
    assert!(reasons.contains("the API server forbids it"), "{reasons}");
}

#[tokio::test]
async fn where_no_server_answers_nothing_is_known() {
    let place = Place::new().await;
    let away = kubeconfig_of_nobody(&place);
    std::fs::write(&place.kubeconfig, away).unwrap();
    let selected = place
        .kubectl("kubectl delete pods -l app=web -n shop")
        .await;
    assert_eq!(selected.items[0].reach, Reach::Unknown);
    let reasons = selected.reasons.join("\n");
    assert!(reasons.contains("was not listed"), "{reasons}");
    let namespace = place.kubectl("kubectl delete ns shop").await;
    assert!(forbidden(&namespace, Operation::DeleteSecret));
}

fn kubeconfig_of_nobody(place: &Place) -> String {
    let text = std::fs::read_to_string(&place.kubeconfig).unwrap();
    text.replace(&place.server.address, "http://127.0.0.1:1")
}

#[tokio::test]
async fn reads_and_exact_changes_are_not_looked_up() {
    let place = Place::new().await;
    for line in [
        "kubectl get pods -l app=web -n shop",
        "kubectl delete pods -l app=web -n shop --dry-run=server",
        "kubectl delete pod web-1 -n shop",
        "kubectl scale deployment/web --replicas=2 -n shop",
    ] {
        place.kubectl(line).await;
        assert_eq!(place.server.seen().len(), 0, "{line}");
    }
}

#[tokio::test]
async fn a_program_that_may_reach_another_cluster_is_not_answered_for() {
    let place = Place::new().await;
    place.server.script(PODS, [list(&[], None)]);
    let line = ["kubectl", "delete", "pods", "--all", "-n", "shop"];
    let other = json!({ "KUBECONFIG": "/etc/other" });
    for environment in [json!({}), other, json!({ "HOME": "/root" })] {
        let with = json!({ "argv": line, "env": environment });
        let effects = place.run.effects("command", &with).await;
        assert_eq!(effects.items[0].reach, Reach::Unknown, "{with}");
    }
    assert_eq!(place.server.seen().len(), 0);
}

#[tokio::test]
async fn a_program_that_is_told_no_namespace_takes_that_of_its_context() {
    let place = Place::new().await;
    let line = "kubectl scale deployment web --replicas=2";
    let scope = |effects: &Effects| effects.items[0].object.scope.clone();
    let plain = place.kubectl(line).await;
    assert_eq!(scope(&plain), Scope::Namespace("default".to_owned()));
    let place = Place::new().await;
    let config = std::fs::read_to_string(&place.kubeconfig).unwrap();
    let named = config.replace(r#""user":"me""#, r#""user":"me","namespace":"kube-system""#);
    std::fs::write(&place.kubeconfig, named).unwrap();
    let effects = place.kubectl(line).await;
    assert_eq!(scope(&effects), Scope::Namespace("kube-system".to_owned()));
    let said = place
        .kubectl("kubectl scale deployment web --replicas=2 -n default")
        .await;
    assert_eq!(scope(&said), Scope::Namespace("default".to_owned()));
    let elsewhere = json!({ "argv": line.split(' ').collect::<Vec<_>>(), "env": {} });
    let unknown = place.run.effects("command", &elsewhere).await;
    assert_eq!(scope(&unknown), Scope::Unknown);
}
