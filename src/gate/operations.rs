//! Operations that policy can name, as predicates over effects.

use crate::domain::{
    effect::{Effect, Place, Secrets, Verb},
    policy::Operation,
};

/// Whether this effect is such an operation. An effect that is not understood could be any of them, but needs a person anyway.
pub(super) fn is(operation: Operation, effect: &Effect) -> bool {
    let kind = effect.object.kind.as_str();
    match operation {
        Operation::DeletePod => deletes(effect) && kind == "pod" || effect.verb == Verb::Evict,
        Operation::DeleteSecret => deletes(effect) && matches!(kind, "secret" | "namespace"),
        Operation::DeleteNamespace => deletes(effect) && kind == "namespace",
        Operation::DeletePersistentVolumeClaim => {
            deletes(effect) && matches!(kind, "persistentvolumeclaim" | "namespace")
        }
        Operation::DeletePersistentVolume => deletes(effect) && kind == "persistentvolume",
        Operation::DeleteStatefulSet => {
            deletes(effect) && matches!(kind, "statefulset.apps" | "namespace")
        }
        Operation::ModifyRbac => {
            writes(effect) && (kind.ends_with(".rbac.authorization.k8s.io"))
                || matches!(
                    effect.verb,
                    Verb::Bind | Verb::TokenIssue | Verb::Impersonate
                )
        }
        Operation::ModifyRbacBinding => {
            writes(effect) && kind.contains("binding.rbac.authorization.k8s.io")
                || effect.verb == Verb::Bind
        }
        Operation::ModifyNetworkPolicy => {
            writes(effect) && kind == "networkpolicy.networking.k8s.io"
        }
        Operation::DisableNetworkPolicy => {
            deletes(effect) && matches!(kind, "networkpolicy.networking.k8s.io" | "namespace")
        }
        Operation::ScaleToZero => effect.verb == Verb::ScaleTo(0),
        Operation::Exec => effect.verb == Verb::Exec,
        Operation::SecretValues => effect.secrets == Secrets::Values && effect.verb != Verb::Opaque,
    }
}

fn deletes(effect: &Effect) -> bool {
    matches!(effect.verb, Verb::Delete | Verb::DeleteCollection)
        && matches!(effect.object.place, Place::Cluster(_))
}

fn writes(effect: &Effect) -> bool {
    matches!(
        effect.verb,
        Verb::Create | Verb::Update | Verb::Patch | Verb::Delete | Verb::DeleteCollection
    )
}
