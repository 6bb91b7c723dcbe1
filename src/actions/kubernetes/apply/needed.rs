//! What an apply must be allowed.

use super::ApplyInputs;
use crate::{
    actions::framework::rights,
    domain::{
        effect::{Effects, Object, Scope, Verb},
        right::Rights,
    },
};

/// Kinds whose pods are asked why they are not ready.
const WITH_PODS: [&str; 3] = ["daemonset.apps", "deployment.apps", "statefulset.apps"];
/// What an undo leaves where it is.
const STAYS: [&str; 2] = ["customresourcedefinition.apiextensions.k8s.io", "namespace"];

/// Of objects that are known. What their containers would do, they do by accounts of their own.
pub(super) fn of_written(inputs: &ApplyInputs, effects: &Effects) -> Rights {
    let written = effects
        .items
        .iter()
        .filter(|effect| effect.verb == Verb::Update)
        .cloned();
    let written = Effects::exact(written.collect());
    let mut needed = rights::of_effects(&written);
    for object in written.items.iter().map(|effect| &effect.object) {
        if inputs.undo_on_failure && !STAYS.contains(&object.kind.as_str()) {
            needed = needed.and_also(rights::on_object(object, None, &["delete"]));
        }
        if inputs.wait.is_some() {
            needed = told(inputs, object, needed);
        }
    }
    needed
}

/// With what tells why it is not ready.
fn told(inputs: &ApplyInputs, object: &Object, needed: Rights) -> Rights {
    let namespace = match &object.scope {
        Scope::Namespace(namespace) => Some(namespace.as_str()),
        _ => None,
    };
    let pods = namespace.filter(|_| WITH_PODS.contains(&object.kind.as_str()));
    needed
        .and_telling_of_pods(pods.map(|namespace| (inputs.cluster.as_str(), namespace)))
        .and_telling_of_warnings(&inputs.cluster, namespace)
}
