//! Network policies that plainly let everything through.
//!
//! What policies admit adds up: one that lets everything in takes from the others of its namespace what they keep out.

use super::targets::Target;
use crate::domain::effect::{Effect, Object, Reach, Reversible, Tri, Verb, Which};
use serde_json::Value;

/// What such a policy makes of those that are there; none where it is no such policy.
pub(super) fn opened(target: &Target, document: &Value) -> Option<Effect> {
    let spec = document.get("spec")?;
    let is_open =
        target.object.is_network_policy() && directions(spec).any(|rules| admits_all(&rules));
    is_open.then(|| Effect {
        reach: Reach::Unknown,
        reversible: Reversible::Unknown,
        access_change: Tri::Yes,
        ..Effect::read(
            Verb::Patch,
            Object {
                which: Which::All,
                ..target.object.clone()
            },
        )
    })
}

/// The rules of each direction that the policy speaks of.
fn directions(spec: &Value) -> impl Iterator<Item = Vec<&Value>> {
    let named = ["ingress", "egress"].into_iter();
    named.filter_map(|direction| Some(spec.get(direction)?.as_array()?.iter().collect()))
}

/// A rule that names nobody and no port admits everybody at every port; so does one that names every address.
fn admits_all(rules: &[&Value]) -> bool {
    rules.iter().any(|rule| {
        let is_empty = |name: &str| match rule.get(name) {
            None | Some(Value::Null) => true,
            Some(Value::Array(items)) => items.is_empty() || items.iter().any(is_everybody),
            Some(_) => false,
        };
        rule.is_object() && ["from", "to", "ports"].into_iter().all(is_empty)
    })
}

fn is_everybody(peer: &Value) -> bool {
    let cidr = peer.pointer("/ipBlock/cidr").and_then(Value::as_str);
    let any =
        matches!(cidr, Some("0.0.0.0/0" | "::/0")) && peer.pointer("/ipBlock/except").is_none();
    let of_all_namespaces = peer.get("namespaceSelector").is_some_and(is_hollow)
        && peer.get("podSelector").is_none_or(is_hollow);
    any || of_all_namespaces
}

fn is_hollow(selector: &Value) -> bool {
    selector.as_object().is_some_and(serde_json::Map::is_empty)
}
