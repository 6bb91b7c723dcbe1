//! What somebody must be allowed in a cluster, and the roles that allow exactly that.

use std::collections::{BTreeMap, BTreeSet};

/// One right, as RBAC grants it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// On the cluster of this name.
    pub cluster: String,
    /// In this namespace; everywhere, or on what belongs to none, where none is named.
    pub namespace: Option<String>,
    /// Empty for the core group.
    pub group: String,
    /// The plural, with its part where it is about one: `pods/exec`.
    pub resource: String,
    /// Only the object of this name.
    pub name: Option<String>,
    /// `get`, `list`, `create`, …
    pub verb: String,
    /// What becomes of a step without it.
    pub need: Need,
}

/// What becomes of a step without a right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// It fails.
    Acts,
    /// It says less: what keeps a pod from being ready.
    Tells,
    /// It leaves no note on what it has changed.
    Notes,
}

/// What a step needs, and what of that is not known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rights {
    /// Each right.
    pub rights: Vec<Right>,
    /// What could not be told or narrowed, for people.
    pub untold: Vec<String>,
}

/// A role of one namespace, or a cluster role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// The namespace; none for a cluster role.
    pub namespace: Option<String>,
    /// Sorted, and each right in one of them alone.
    pub rules: Vec<Rule>,
}

/// A rule of a role; every list is sorted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// API groups.
    pub groups: Vec<String>,
    /// Plurals and parts.
    pub resources: Vec<String>,
    /// Only objects of these names; all where none is named.
    pub names: Vec<String>,
    /// Verbs.
    pub verbs: Vec<String>,
}

/// What a right is on: group, resource, name.
type On = (String, String, Option<String>);
/// Verbs on it.
type Granted = BTreeMap<On, BTreeSet<String>>;

/// The least roles that grant these rights of one cluster: the cluster role first, then by namespace. What is granted everywhere, or on
/// every object, is not granted once more for one.
pub fn roles<'a>(rights: impl IntoIterator<Item = &'a Right>) -> Vec<Role> {
    let mut granted: BTreeMap<Option<String>, Granted> = BTreeMap::new();
    for right in rights {
        let on = (
            right.group.clone(),
            right.resource.clone(),
            right.name.clone(),
        );
        let of_place = granted.entry(right.namespace.clone()).or_default();
        of_place.entry(on).or_default().insert(right.verb.clone());
    }
    let everywhere = granted.get(&None).cloned().unwrap_or_default();
    let least = |(namespace, own): (Option<String>, Granted)| {
        let wider = namespace.as_ref().map(|_| &everywhere);
        let rest = own.iter().map(|(on, verbs)| {
            let left = verbs
                .iter()
                .filter(|verb| !is_covered(on, verb, &own, wider));
            (on.clone(), left.cloned().collect())
        });
        let rules = rules(rest.collect());
        Role { namespace, rules }
    };
    let roles = granted.into_iter().map(least);
    roles.filter(|role| !role.rules.is_empty()).collect()
}

/// Whether another right grants it: on every object, or everywhere.
fn is_covered(on: &On, verb: &str, own: &Granted, everywhere: Option<&Granted>) -> bool {
    let (group, resource, name) = on;
    let grants = |by: &Granted, name: &Option<String>| {
        let wider = (group.clone(), resource.clone(), name.clone());
        by.get(&wider).is_some_and(|verbs| verbs.contains(verb))
    };
    let on_all = |by: &Granted| name.is_some() && grants(by, &None);
    on_all(own) || everywhere.is_some_and(|by| on_all(by) || grants(by, name))
}

/// Names of the same verbs go together, then resources of the same names and verbs.
fn rules(rights: Granted) -> Vec<Rule> {
    let mut by_verbs: BTreeMap<(String, String, bool, Vec<String>), BTreeSet<String>> =
        BTreeMap::new();
    for ((group, resource, name), verbs) in rights {
        // What is granted on all objects stays apart from what is granted on some.
        let key = (group, resource, name.is_some(), verbs.into_iter().collect());
        by_verbs.entry(key).or_default().extend(name);
    }
    let mut by_names: BTreeMap<(String, Vec<String>, Vec<String>), BTreeSet<String>> =
        BTreeMap::new();
    for ((group, resource, _, verbs), names) in by_verbs {
        let key = (group, names.into_iter().collect(), verbs);
        by_names.entry(key).or_default().insert(resource);
    }
    let rule = |((group, names, verbs), resources): (_, BTreeSet<String>)| Rule {
        groups: vec![group],
        resources: resources.into_iter().collect(),
        names,
        verbs,
    };
    let mut rules: Vec<Rule> = by_names.into_iter().map(rule).collect();
    rules.retain(|rule| !rule.verbs.is_empty());
    rules.sort();
    rules
}

#[cfg(test)]
mod tests {
    use super::{Need, Right, Role, Rule, roles};

    fn right(place: &str, resource: &str, name: &str, verb: &str) -> Right {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
        Right {
            cluster: "default".to_owned(),
            namespace: some(place),
            group: group.to_owned(),
            resource: resource.to_owned(),
            name: some(name),
            verb: verb.to_owned(),
            need: Need::Acts,
        }
    }

    fn shown(rights: &[Right]) -> Vec<String> {
        let line = |Role { namespace, rules }: Role| {
            let place = namespace.unwrap_or("everywhere".to_owned());
            let rules = rules.into_iter().map(|rule: Rule| {
                let on = rule.resources.join(",");
                let (group, names) = (rule.groups.join(","), rule.names.join(","));
                format!("{} {on}.{group} [{names}]", rule.verbs.join(","))
            });
            format!("{place}: {}", rules.collect::<Vec<_>>().join("; "))
        };
        roles(rights).into_iter().map(line).collect()
    }

    #[test]
    fn rights_of_the_same_kind_share_a_rule_and_nothing_is_added() {
        let rights = [
            right("shop", "deployments.apps", "web", "patch"),
            right("shop", "deployments.apps", "web", "get"),
            right("shop", "deployments.apps", "api", "get"),
            right("shop", "statefulsets.apps", "db", "get"),
            right("shop", "pods", "", "list"),
            right("shop", "services", "", "list"),
            right("shop", "pods", "", "list"),
        ];
        assert_eq!(
            shown(&rights),
            [
                "shop: list pods,services. []; get deployments.apps [api]; get,patch deployments.apps [web]; get statefulsets.apps [db]"
            ]
        );
    }

    #[test]
    fn what_is_granted_more_widely_is_not_granted_again() {
        let rights = [
            right("", "pods", "", "list"),
            right("shop", "pods", "", "list"),
            right("shop", "pods", "", "get"),
            right("shop", "pods", "web", "get"),
            right("shop", "pods", "web", "delete"),
            right("todo", "pods", "web", "list"),
        ];
        assert_eq!(
            shown(&rights),
            [
                "everywhere: list pods. []",
                "shop: get pods. []; delete pods. [web]"
            ]
        );
        assert!(shown(&[]).is_empty());
    }
}
