//! Operations that policy can name, as predicates over effects.

use crate::domain::{
    effect::{Effect, Listed, Place, Secrets, Tri, Verb},
    policy::Operation,
};

/// Whether this effect is such an operation. An effect that is not understood could be any of them, but needs a person anyway. What
/// is not known counts as yes: an object of an unknown kind is of every kind, what goes with a namespace or a release is there unless
/// it was looked for and was not.
pub(super) fn is(operation: Operation, effect: &Effect, listed: &[Listed]) -> bool {
    let deletes_a =
        |wanted: &str| effect.deletes() && (is_a(effect, wanted) || takes(effect, wanted, listed));
    match operation {
        Operation::DeletePod => deletes_a("pod") || effect.verb == Verb::Evict,
        Operation::DeleteSecret => deletes_a("secret"),
        Operation::DeleteNamespace => {
            effect.deletes()
                && (is_namespace(effect) || is_a(effect, "namespace") || is_installed(effect))
        }
        Operation::DeletePersistentVolumeClaim => deletes_a("persistentvolumeclaim"),
        Operation::DeletePersistentVolume => {
            effect.deletes() && (is_a(effect, "persistentvolume") || is_installed(effect))
        }
        Operation::DeleteStatefulSet => deletes_a("statefulset.apps"),
        Operation::ModifyRbac => {
            modifies_rbac(effect)
                || deletes_a(ROLE)
                || deletes_a(ROLE_BINDING)
                || matches!(
                    effect.verb,
                    Verb::Bind | Verb::TokenIssue | Verb::Impersonate
                )
        }
        Operation::ModifyRbacBinding => {
            let names = is_kind(effect, |kind| kind.contains(BINDING)) || says_who_may(effect);
            writes(effect) && names || deletes_a(ROLE_BINDING) || effect.verb == Verb::Bind
        }
        Operation::ModifyNetworkPolicy => {
            writes(effect) && is_network_policy(effect) || deletes_a(NETWORK_POLICY)
        }
        Operation::DisableNetworkPolicy => {
            let opens = changes_what_is_there(effect) || effect.deletes();
            opens && is_network_policy(effect) || deletes_a(NETWORK_POLICY)
        }
        Operation::ScaleToZero => {
            let may_stop = effect.service_cut == Tri::Unknown && in_cluster(effect);
            effect.verb == Verb::ScaleTo(0) || may_stop && changes_what_is_there(effect)
        }
        Operation::Exec => effect.verb == Verb::Exec,
        Operation::SecretValues => effect.secrets == Secrets::Values && effect.verb != Verb::Opaque,
    }
}

const ROLE: &str = "role.rbac.authorization.k8s.io";
const ROLE_BINDING: &str = "rolebinding.rbac.authorization.k8s.io";
const RBAC: &str = ".rbac.authorization.k8s.io";
const BINDING: &str = "binding.rbac.authorization.k8s.io";
const REQUEST_TO_SIGN: &str = "certificatesigningrequest.certificates.k8s.io";
const NETWORK_POLICY: &str = "networkpolicy.networking.k8s.io";
/// What others are installed with, and go with.
const INSTALLED: [&str; 6] = [
    "release.helm",
    "helmrelease.helm.toolkit.fluxcd.io",
    "helmchart.helm.cattle.io",
    "kustomization.kustomize.toolkit.fluxcd.io",
    "application.argoproj.io",
    "applicationset.argoproj.io",
];

fn is_kind(effect: &Effect, wanted: impl Fn(&str) -> bool) -> bool {
    effect.object.may_be_of_any_kind() || wanted(&effect.object.kind)
}

fn is_a(effect: &Effect, wanted: &str) -> bool {
    is_kind(effect, |kind| kind == wanted)
}

/// A project of OpenShift is a namespace.
fn is_namespace(effect: &Effect) -> bool {
    matches!(
        effect.object.kind.as_str(),
        "namespace" | "project.project.openshift.io"
    )
}

fn is_installed(effect: &Effect) -> bool {
    INSTALLED.contains(&effect.object.kind.as_str())
}

fn is_network_policy(effect: &Effect) -> bool {
    in_cluster(effect) && (effect.object.may_be_of_any_kind() || effect.object.is_network_policy())
}

fn in_cluster(effect: &Effect) -> bool {
    matches!(effect.object.place, Place::Cluster(_))
}

/// Whether objects of this kind go with a namespace or a release that is deleted.
fn takes(effect: &Effect, kind: &str, listed: &[Listed]) -> bool {
    let found = listed.iter().find(|listed| listed.object == effect.object);
    let held = found.and_then(|listed| listed.held.get(kind));
    (is_namespace(effect) || is_installed(effect)) && held != Some(&0)
}

fn modifies_rbac(effect: &Effect) -> bool {
    let approves = changes_what_is_there(effect)
        && effect.object.kind == REQUEST_TO_SIGN
        && effect.access_change.possible();
    let is_token = effect.object.kind == "secret" && effect.access_change.possible();
    let gives = is_kind(effect, |kind| kind.ends_with(RBAC)) || says_who_may(effect) || is_token;
    writes(effect) && gives || approves
}

/// Whether it is a ConfigMap, or an account, in which it is written who may do what.
fn says_who_may(effect: &Effect) -> bool {
    let kind = effect.object.kind.as_str();
    matches!(kind, "configmap" | "serviceaccount") && effect.access_change.possible()
}

fn writes(effect: &Effect) -> bool {
    changes_what_is_there(effect)
        || matches!(
            effect.verb,
            Verb::Create | Verb::Delete | Verb::DeleteCollection
        )
}

fn changes_what_is_there(effect: &Effect) -> bool {
    matches!(effect.verb, Verb::Update | Verb::Patch)
}
