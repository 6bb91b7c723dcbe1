//! Which lines trip which operations, with what a file says at hand.

use super::{super::explain::Asked, at, now};
use crate::{
    commands::Files,
    domain::{
        effect::Confidence,
        gate::Stage,
        policy::{Autonomy, Operation, Policy},
    },
    gate::explain::{Explained, command},
};
use serde_json::Value;
use std::collections::BTreeSet;

/// Files that are written as JSON.
struct Written;

impl Files for Written {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        let text = match path {
            "secret.json" => {
                r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"db","namespace":"shop"}}"#
            }
            "map.json" => {
                r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"web","namespace":"shop"}}"#
            }
            "open.json" => {
                r#"{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":"all","namespace":"shop"},"spec":{"podSelector":{},"ingress":[{}]}}"#
            }
            "shut.json" => {
                r#"{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":"none","namespace":"shop"},"spec":{"podSelector":{},"policyTypes":["Ingress"]}}"#
            }
            "some.json" => {
                r#"{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":"one","namespace":"shop"},"spec":{"podSelector":{},"ingress":[{"from":[{"podSelector":{"matchLabels":{"app":"web"}}}]}]}}"#
            }
            "token.json" => {
                r#"{"apiVersion":"v1","kind":"Secret","type":"kubernetes.io/service-account-token","metadata":{"name":"t","namespace":"shop"}}"#
            }
            _ => return None,
        };
        Some(text.as_bytes().to_vec())
    }
    fn documents(&self, text: &str) -> Option<Vec<Value>> {
        let mut read = serde_json::Deserializer::from_str(text).into_iter();
        read.by_ref().collect::<Result<_, _>>().ok()
    }
}

fn explained(line: &str, policy: &Policy) -> Explained {
    command(&Asked::Text(line.to_owned()), policy, &Written, now())
}

/// The operations that policy would name if it forbade all of them.
fn tripped(line: &str) -> BTreeSet<Operation> {
    let forbids = |operation: &Operation| {
        let policy = Policy {
            forbidden_operations: [*operation].into(),
            ..at(Autonomy::FullAuto)
        };
        let said = explained(line, &policy).judgement.contributions;
        said.iter().any(|said| said.stage == Stage::Forbidden)
    };
    Operation::ALL.into_iter().filter(forbids).collect()
}

const DELETES: [Operation; 6] = [
    Operation::DeletePod,
    Operation::DeleteSecret,
    Operation::DeleteNamespace,
    Operation::DeletePersistentVolumeClaim,
    Operation::DeletePersistentVolume,
    Operation::DeleteStatefulSet,
];

#[test]
fn what_is_replaced_by_force_is_deleted_and_known_where_its_file_is() {
    for line in [
        "kubectl replace --force -f secret.json",
        "kubectl apply --force -f secret.json",
    ] {
        assert_eq!(tripped(line), [Operation::DeleteSecret].into(), "{line}");
        let effects = explained(line, &Policy::default()).effects;
        assert_eq!(effects.confidence, Confidence::Exact, "{line}");
        let lines = effects.lines();
        assert!(
            lines.contains(&"delete secret db in namespace shop on cluster default".to_owned())
        );
    }
    assert!(tripped("kubectl apply -f secret.json").is_empty());
    assert!(tripped("kubectl replace --force -f map.json").is_empty());
    assert!(tripped("kubectl replace --force -f secret.json --dry-run=server").is_empty());
}

#[test]
fn an_object_of_an_unknown_kind_is_of_every_kind() {
    for line in [
        "kubectl replace --force -f elsewhere.yaml",
        "kubectl apply --prune -l app=web -f map.json",
        "kubectl delete -f elsewhere.yaml",
        "kubectl delete \"$KIND\" web",
        "etcdctl del --prefix /registry",
        "etcdctl del --from-key ''",
    ] {
        let tripped = tripped(line);
        assert!(tripped.is_superset(&DELETES.into()), "{line}: {tripped:?}");
        let confidence = explained(line, &Policy::default()).effects.confidence;
        let is_looser = line.starts_with("etcdctl") || confidence > Confidence::Exact;
        assert!(is_looser, "{line}");
    }
    let applied = tripped("kubectl apply -f elsewhere.yaml");
    assert!(applied.contains(&Operation::ModifyRbacBinding));
    assert!(applied.contains(&Operation::DisableNetworkPolicy));
    assert!(applied.is_disjoint(&DELETES.into()));
}

#[test]
fn what_is_installed_takes_with_it_whatever_it_may_hold() {
    for line in [
        "helm uninstall web -n shop",
        "helmfile destroy",
        "kubectl delete helmrelease web",
        "flux delete helmrelease web",
        "argocd app delete web",
    ] {
        let tripped = tripped(line);
        assert!(tripped.is_superset(&DELETES.into()), "{line}: {tripped:?}");
    }
    assert!(tripped("helm uninstall web -n shop --dry-run").is_empty());
    assert!(tripped("helm list -n shop").is_empty());
}

#[test]
fn a_network_policy_is_disabled_by_whatever_may_admit_more() {
    let disables = |line: &str| tripped(line).contains(&Operation::DisableNetworkPolicy);
    for line in [
        "kubectl delete networkpolicy web -n shop",
        "kubectl apply -f some.json",
        "kubectl patch netpol web -n shop -p '{\"spec\":{\"ingress\":[{}]}}'",
        "kubectl create -f open.json",
        "kubectl delete cnp web -n shop",
        "kubectl edit netpol web -n shop",
    ] {
        assert!(disables(line), "{line}");
    }
    for line in [
        "kubectl create -f shut.json",
        "kubectl create -f some.json",
        "kubectl get netpol -n shop -o yaml",
        "kubectl apply --dry-run=client -f open.json",
        "kubectl apply -f map.json",
    ] {
        assert!(!disables(line), "{line}");
    }
}

#[test]
fn rights_are_changed_by_more_than_roles() {
    let modifies = |line: &str| tripped(line).contains(&Operation::ModifyRbac);
    for line in [
        "kubectl edit configmap aws-auth -n kube-system",
        "kubectl patch cm argocd-rbac-cm -n argocd -p '{\"data\":{\"policy.default\":\"role:admin\"}}'",
        "kubectl delete cm aws-auth -n kube-system",
        "kubectl delete cm --all -n argocd",
        "kubectl create token deployer -n shop",
        "kubectl apply -f token.json",
        "kubectl certificate approve one",
        "kubectl replace --raw /apis/certificates.k8s.io/v1/certificatesigningrequests/one/approval -f x",
    ] {
        assert!(modifies(line), "{line}");
    }
    for line in [
        "kubectl get cm aws-auth -n kube-system -o yaml",
        "kubectl patch cm web -n shop -p '{\"data\":{\"a\":\"b\"}}'",
        "kubectl delete cm web -n shop",
        "kubectl apply -f secret.json",
        "kubectl get csr",
        "kubectl delete csr one",
        "kubectl annotate serviceaccount web note=x -n shop",
    ] {
        assert!(!modifies(line), "{line}");
    }
    let binding = |line: &str| tripped(line).contains(&Operation::ModifyRbacBinding);
    assert!(binding("kubectl edit cm aws-auth -n kube-system"));
    assert!(!binding("kubectl create token deployer -n shop"));
}

#[test]
fn a_project_is_a_namespace_and_a_key_is_the_object_behind_it() {
    let project = tripped("oc delete project shop");
    assert!(project.contains(&Operation::DeleteNamespace));
    assert!(project.contains(&Operation::DeleteSecret));
    let secret = [Operation::DeleteSecret].into();
    for line in [
        "etcdctl del /registry/secrets/shop/db",
        "etcdctl del --prefix /registry/secrets/shop/",
        "kubectl delete --raw /api/v1/namespaces/shop/secrets/db",
        "curl -X DELETE https://kubernetes.default/api/v1/namespaces/shop/secrets/db",
    ] {
        assert_eq!(tripped(line), secret, "{line}");
    }
    let claims = tripped("etcdctl del --prefix /registry/persistentvolumeclaims/");
    assert_eq!(claims, [Operation::DeletePersistentVolumeClaim].into());
    let binding = tripped("etcdctl put /registry/clusterrolebindings/root x");
    assert!(binding.contains(&Operation::ModifyRbacBinding));
    assert!(tripped("etcdctl del /shop/settings").is_empty());
    assert!(tripped("etcdctl get --keys-only --prefix /registry/secrets/").is_empty());
}

#[test]
fn a_namespace_is_protected_by_a_pattern_too() {
    let policy = Policy {
        protected_namespaces: ["kube-*".to_owned(), "team-?".to_owned()].into(),
        ..at(Autonomy::FullAuto)
    };
    let said = |namespace: &str| {
        let line = format!("kubectl rollout restart deployment/web -n {namespace}");
        let said = explained(&line, &policy).judgement.contributions;
        let mut said = said.into_iter();
        said.find(|said| said.stage == Stage::ProtectedNamespace)
            .map(|said| said.reason)
    };
    let reason = said("kube-system").unwrap();
    assert!(reason.ends_with("namespace kube-system is protected, as every `kube-*` is"));
    assert!(said("team-a").is_some());
    assert_eq!(said("team-ab"), None);
    assert_eq!(said("shop"), None);
}
