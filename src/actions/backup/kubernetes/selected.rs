//! Which objects a step names.

use crate::{
    actions::kubernetes::{SECRET, check_kind, check_object_name, placed},
    commands::{deeds, plural},
    domain::effect::{Object, Place, Scope, Which},
};

/// What `all` stands for, in the order in which objects are wanted again: what others need comes first.
const ALL: [&str; 17] = [
    "serviceaccount",
    "role.rbac.authorization.k8s.io",
    "rolebinding.rbac.authorization.k8s.io",
    "resourcequota",
    "limitrange",
    "secret",
    "configmap",
    "persistentvolumeclaim",
    "service",
    "networkpolicy.networking.k8s.io",
    "ingress.networking.k8s.io",
    "deployment.apps",
    "statefulset.apps",
    "daemonset.apps",
    "cronjob.batch",
    "horizontalpodautoscaler.autoscaling",
    "poddisruptionbudget.policy",
];
/// What comes before these.
const FIRST: [&str; 6] = [
    "namespace",
    "customresourcedefinition.apiextensions.k8s.io",
    "storageclass.storage.k8s.io",
    "clusterrole.rbac.authorization.k8s.io",
    "clusterrolebinding.rbac.authorization.k8s.io",
    "persistentvolume",
];

/// Objects of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selected {
    /// As effects name it.
    pub(super) kind: String,
    /// Where, as far as that is known without the server.
    pub(super) scope: Scope,
    pub(super) pick: Pick,
}

/// Which of a kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pick {
    /// All, or those with the step's labels.
    All,
    /// This one.
    Named(String),
}

/// What these words name; each once, in the order in which it is wanted again.
pub(super) fn of(
    resources: &[String],
    namespace: Option<&str>,
    all_namespaces: bool,
) -> Result<Vec<Selected>, String> {
    if resources.is_empty() {
        return Err("in `with`, at `resources`: name at least one object or kind".to_owned());
    }
    let mut found: Vec<Selected> = Vec::new();
    for (index, written) in resources.iter().enumerate() {
        let field = format!("resources[{index}]");
        for (kind, pick) in words(&field, written)? {
            let scope = scope(&kind, &pick, namespace, all_namespaces)?;
            found.push(Selected { kind, scope, pick });
        }
    }
    found.sort_by(|one, other| {
        let key = |one: &Selected| (rank(&one.kind), one.kind.clone(), one.pick.clone());
        key(one).cmp(&key(other))
    });
    found.dedup();
    let all: Vec<String> = found
        .iter()
        .filter(|one| one.pick == Pick::All)
        .map(|one| one.kind.clone())
        .collect();
    found.retain(|one| one.pick == Pick::All || !all.contains(&one.kind));
    Ok(found)
}

/// The place of a kind when objects are made again.
pub(super) fn rank(kind: &str) -> usize {
    let order = FIRST.iter().chain(&ALL);
    let mut ranked = order.enumerate();
    let found = ranked.find(|(_, known)| **known == kind);
    found.map_or(FIRST.len() + ALL.len(), |(rank, _)| rank)
}

/// Kinds, and which of each: `configmap/web`, `secret/*`, `deployments`, `all`.
pub(super) fn words(field: &str, written: &str) -> Result<Vec<(String, Pick)>, String> {
    if written == "all" {
        let all = ALL.iter().map(|kind| ((*kind).to_owned(), Pick::All));
        return Ok(all.collect());
    }
    let (kind, name) = match written.split_once('/') {
        None | Some((_, "*")) => (written.trim_end_matches("/*"), None),
        Some((kind, name)) => (kind, Some(name)),
    };
    check_kind(field, kind)?;
    let pick = match name {
        None => Pick::All,
        Some(name) => {
            check_object_name(field, name)?;
            Pick::Named(name.to_owned())
        }
    };
    Ok(vec![(deeds::kind(kind), pick)])
}

fn scope(
    kind: &str,
    pick: &Pick,
    namespace: Option<&str>,
    all_namespaces: bool,
) -> Result<Scope, String> {
    let in_none = plural(kind).is_some_and(|plural| !plural.namespaced);
    if all_namespaces && *pick == Pick::All && !in_none {
        return Ok(Scope::AllNamespaces);
    }
    let namespace = namespace.filter(|_| !in_none);
    Ok(match placed(kind, namespace)? {
        Some(namespace) => Scope::Namespace(namespace),
        None => Scope::ClusterScoped,
    })
}

impl Selected {
    pub(super) fn is_secret(&self) -> bool {
        self.kind == SECRET
    }

    /// As effects name it.
    pub(super) fn object(&self, cluster: &str, selector: Option<&str>) -> Object {
        let which = match (&self.pick, selector) {
            (Pick::Named(name), _) => Which::Named(name.clone()),
            (Pick::All, Some(selector)) => Which::Selector(selector.to_owned()),
            (Pick::All, None) => Which::All,
        };
        Object {
            place: Place::Cluster(cluster.to_owned()),
            kind: self.kind.clone(),
            scope: self.scope.clone(),
            which,
        }
    }

    /// The namespace that is asked; none for all of them, and for what belongs to none.
    pub(super) fn namespace(&self) -> Option<&str> {
        match &self.scope {
            Scope::Namespace(namespace) => Some(namespace),
            Scope::AllNamespaces | Scope::ClusterScoped | Scope::NotApplicable | Scope::Unknown => {
                None
            }
        }
    }

    /// Of a kind that only the server knows, only the server knows whether it lies in a namespace; what was judged must be what is done.
    pub(super) fn check(&self, namespaced: bool) -> Result<(), String> {
        match (&self.scope, namespaced) {
            (Scope::ClusterScoped, true) => Err(format!(
                "a {} lies in a namespace\nhint: name it with `namespace`, or set `allNamespaces: true`",
                self.kind
            )),
            (Scope::Namespace(_), false) => Err(format!(
                "a {} belongs to no namespace\nhint: keep it in a step of its own, without `namespace`",
                self.kind
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Pick, of};

    #[test]
    fn what_is_named_twice_is_kept_once_and_in_the_order_it_is_wanted_again() {
        let words = [
            "deploy",
            "cm/b",
            "cm/a",
            "configmaps",
            "ns/shop",
            "deploy/web",
        ];
        let words = words.map(str::to_owned);
        let found = of(&words, Some("shop"), false).unwrap();
        let kinds: Vec<&str> = found.iter().map(|one| one.kind.as_str()).collect();
        assert_eq!(kinds, ["namespace", "configmap", "deployment.apps"]);
        assert_eq!(found[0].pick, Pick::Named("shop".to_owned()));
        assert_eq!(found[1].pick, Pick::All);
        let all = of(&["all".to_owned()], None, true).unwrap();
        assert!(all.iter().any(super::Selected::is_secret));
    }
}
