//! The keys of etcd under which Kubernetes keeps its objects: `/registry/secrets/shop/db`.

use super::kinds::{Kind, Nature};
use crate::{
    commands::word::Word,
    domain::effect::{Object, Place, Scope, Which},
};

/// The object, or the objects, behind a key; with `below`, behind every key that begins so.
pub(super) fn object(key: &Word, below: bool) -> Object {
    let Some(key) = key.known() else {
        return unknown();
    };
    let mut parts: Vec<&str> = key.split('/').filter(|part| !part.is_empty()).collect();
    if below && !key.ends_with('/') {
        // The last name may go on.
        parts.pop();
    }
    let parts = parts.get(1..).unwrap_or_default();
    match kind(parts) {
        Some((kind, rest)) => of_kind(kind, rest),
        None => unknown(),
    }
}

/// An object of which nothing is known.
pub(super) fn unknown() -> Object {
    Object {
        place: cluster(),
        kind: Object::UNKNOWN_KIND.to_owned(),
        scope: Scope::Unknown,
        which: Which::Unknown,
    }
}

/// The kind that a key's first parts name, and what follows them. Kinds that somebody else defined stand below their group.
fn kind<'k, 'p>(parts: &'p [&'k str]) -> Option<(Kind, &'p [&'k str])> {
    let (word, rest) = match parts {
        ["minions", rest @ ..] => ("nodes".to_owned(), rest),
        ["services", "specs", rest @ ..] => ("services".to_owned(), rest),
        ["services", "endpoints", rest @ ..] => ("endpoints".to_owned(), rest),
        ["controllers", rest @ ..] => ("replicationcontrollers".to_owned(), rest),
        [group, plural, rest @ ..] if group.contains('.') => (format!("{plural}.{group}"), rest),
        [plural, rest @ ..] => ((*plural).to_owned(), rest),
        [] => return None,
    };
    let kind = Kind::of(&word);
    (kind.nature != Nature::Unknown).then_some((kind, rest))
}

fn of_kind(kind: Kind, rest: &[&str]) -> Object {
    let named = |name: &str| Which::Named(name.to_owned());
    let (scope, which) = match (kind.namespaced, rest) {
        (true, [namespace, name, ..]) => (Scope::Namespace((*namespace).to_owned()), named(name)),
        (true, [namespace]) => (Scope::Namespace((*namespace).to_owned()), Which::All),
        (true, []) => (Scope::AllNamespaces, Which::All),
        (false, [name, ..]) if kind.name == "namespace" => {
            (Scope::Namespace((*name).to_owned()), named(name))
        }
        (false, [name, ..]) => (Scope::ClusterScoped, named(name)),
        (false, []) => (Scope::ClusterScoped, Which::All),
    };
    Object {
        place: cluster(),
        kind: kind.name,
        scope,
        which,
    }
}

fn cluster() -> Place {
    Place::Cluster("default".to_owned())
}

#[cfg(test)]
mod tests {
    use super::object;
    use crate::commands::word::Word;

    #[test]
    fn a_key_names_its_object() {
        let named = |key: &str, below| object(&Word::Known(key.to_owned()), below).to_string();
        for (key, below, shown) in [
            (
                "/registry/secrets/shop/db",
                false,
                "secret db in namespace shop on cluster default",
            ),
            (
                "/registry/deployments/shop/",
                true,
                "deployments.apps (all) in namespace shop on cluster default",
            ),
            (
                "/registry/deployments/shop",
                true,
                "deployments.apps (all) in all namespaces on cluster default",
            ),
            (
                "/registry/sec",
                true,
                "object (unknown) in an unknown namespace on cluster default",
            ),
            (
                "/registry/minions/one",
                false,
                "node one on cluster default",
            ),
            (
                "/registry/namespaces/shop",
                false,
                "namespace shop in namespace shop on cluster default",
            ),
            (
                "/kubernetes.io/services/specs/shop/web",
                false,
                "service web in namespace shop on cluster default",
            ),
            (
                "/registry/cert-manager.io/certificates/shop/web",
                false,
                "certificate.cert-manager.io web in namespace shop on cluster default",
            ),
        ] {
            assert_eq!(named(key, below), shown, "{key}");
        }
    }
}
