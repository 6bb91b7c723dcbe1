//! Operations that policy can name, as predicates over effects.

use crate::domain::{
    effect::{Effect, Listed, Secrets, Verb},
    policy::Operation,
};

/// Whether this effect is such an operation. An effect that is not understood could be any of them, but needs a person anyway. What
/// goes with a namespace counts as being there, unless it was looked for and was not.
pub(super) fn is(operation: Operation, effect: &Effect, listed: &[Listed]) -> bool {
    let kind = effect.object.kind.as_str();
    let deletes_a =
        |wanted: &str| deletes(effect) && (kind == wanted || takes(effect, wanted, listed));
    match operation {
        Operation::DeletePod => deletes_a("pod") || effect.verb == Verb::Evict,
        Operation::DeleteSecret => deletes_a("secret"),
        Operation::DeleteNamespace => deletes(effect) && kind == "namespace",
        Operation::DeletePersistentVolumeClaim => deletes_a("persistentvolumeclaim"),
        Operation::DeletePersistentVolume => deletes(effect) && kind == "persistentvolume",
        Operation::DeleteStatefulSet => deletes_a("statefulset.apps"),
        Operation::ModifyRbac => {
            writes(effect) && (kind.ends_with(".rbac.authorization.k8s.io"))
                || deletes_a(ROLE)
                || deletes_a(ROLE_BINDING)
                || matches!(
                    effect.verb,
                    Verb::Bind | Verb::TokenIssue | Verb::Impersonate
                )
        }
        Operation::ModifyRbacBinding => {
            writes(effect) && kind.contains("binding.rbac.authorization.k8s.io")
                || deletes_a(ROLE_BINDING)
                || effect.verb == Verb::Bind
        }
        Operation::ModifyNetworkPolicy => {
            writes(effect) && kind == NETWORK_POLICY || deletes_a(NETWORK_POLICY)
        }
        Operation::DisableNetworkPolicy => deletes_a(NETWORK_POLICY),
        Operation::ScaleToZero => effect.verb == Verb::ScaleTo(0),
        Operation::Exec => effect.verb == Verb::Exec,
        Operation::SecretValues => effect.secrets == Secrets::Values && effect.verb != Verb::Opaque,
    }
}

const ROLE: &str = "role.rbac.authorization.k8s.io";
const ROLE_BINDING: &str = "rolebinding.rbac.authorization.k8s.io";
const NETWORK_POLICY: &str = "networkpolicy.networking.k8s.io";

fn deletes(effect: &Effect) -> bool {
    effect.deletes()
}

/// Whether objects of this kind go with a namespace that is deleted.
fn takes(effect: &Effect, kind: &str, listed: &[Listed]) -> bool {
    let found = listed.iter().find(|listed| listed.object == effect.object);
    let held = found.and_then(|listed| listed.held.get(kind));
    effect.object.kind == "namespace" && held != Some(&0)
}

fn writes(effect: &Effect) -> bool {
    matches!(
        effect.verb,
        Verb::Create | Verb::Update | Verb::Patch | Verb::Delete | Verb::DeleteCollection
    )
}
