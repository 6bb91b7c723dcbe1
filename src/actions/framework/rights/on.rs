//! Single rights, put together.

use crate::{
    actions::kubernetes::kinds::{EVENTS, Kind, PODS, TABLE, is_question},
    domain::right::{Need, Right, Rights},
};
use std::collections::BTreeSet;

/// Where notes lie about what belongs to no namespace.
const HOME: &str = "default";
/// Verbs after which a note is left on what was changed.
pub(super) const CHANGES: [&str; 4] = ["create", "delete", "patch", "update"];
/// What a right is on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct On<'a> {
    /// The cluster's name.
    pub(crate) cluster: &'a str,
    /// None for everywhere, and for what belongs to none.
    pub(crate) namespace: Option<&'a str>,
    /// Empty for the core group.
    pub(crate) group: &'a str,
    /// The plural, with its part.
    pub(crate) resource: &'a str,
    /// None for every object.
    pub(crate) name: Option<&'a str>,
}

impl<'a> On<'a> {
    /// Every object of this kind.
    pub(crate) fn all(cluster: &'a str, namespace: Option<&'a str>, kind: &Kind) -> Self {
        Self {
            cluster,
            namespace,
            group: kind.group,
            resource: kind.plural,
            name: None,
        }
    }

    /// These verbs on it.
    pub(crate) fn to(self, verbs: &'static [&'static str]) -> impl Iterator<Item = Right> {
        let right = Right {
            cluster: self.cluster.to_owned(),
            namespace: self.namespace.map(str::to_owned),
            group: self.group.to_owned(),
            resource: self.resource.to_owned(),
            name: self.name.map(str::to_owned),
            verb: String::new(),
            need: Need::Acts,
        };
        verbs.iter().map(move |verb| Right {
            verb: (*verb).to_owned(),
            ..right.clone()
        })
    }
}

impl Rights {
    /// And these verbs on this.
    pub(crate) fn and(mut self, on: On<'_>, verbs: &'static [&'static str]) -> Self {
        self.rights.extend(on.to(verbs));
        self
    }

    /// And these, without which the step says less.
    pub(crate) fn and_told_by(mut self, on: On<'_>, verbs: &'static [&'static str]) -> Self {
        let told = on.to(verbs).map(|right| Right {
            need: Need::Tells,
            ..right
        });
        self.rights.extend(told);
        self
    }

    /// And more on what is among them already; what of it is not known was told before.
    pub(crate) fn and_also(mut self, others: Self) -> Self {
        self.rights.extend(others.rights);
        self
    }

    /// And all of these.
    pub(crate) fn with(mut self, others: Self) -> Self {
        self.rights.extend(others.rights);
        self.untold.extend(others.untold);
        self
    }

    /// And, where this is waited for, the rights to name the pods that are not ready and the last warnings: cluster and namespace.
    pub(crate) fn and_telling_of_pods(self, waits: Option<(&str, &str)>) -> Self {
        let Some((cluster, namespace)) = waits else {
            return self;
        };
        self.and_told_by(On::all(cluster, Some(namespace), &PODS), &["list"])
            .and_telling_of_warnings(cluster, Some(namespace))
    }

    /// And the right to tell the last warnings about an object of this namespace, or of none.
    pub(crate) fn and_telling_of_warnings(self, cluster: &str, namespace: Option<&str>) -> Self {
        let home = namespace.unwrap_or(HOME);
        self.and_told_by(On::all(cluster, Some(home), &EVENTS), &["list"])
    }

    /// And the right to leave a note on each object that is changed.
    pub(crate) fn and_notes(mut self) -> Self {
        let changed = self.rights.iter().filter(|right| is_noted(right));
        let places: BTreeSet<_> = changed
            .map(|right| (right.cluster.clone(), home(right)))
            .collect();
        for (cluster, namespace) in places {
            let on = On {
                cluster: &cluster,
                namespace: namespace.as_deref(),
                group: "events.k8s.io",
                resource: EVENTS.plural,
                name: None,
            };
            let noted = on.to(&["create"]).map(|right| Right {
                need: Need::Notes,
                ..right
            });
            self.rights.extend(noted);
        }
        self
    }
}

/// Whether a note follows: on objects, their size and their status, and on nothing else of theirs.
fn is_noted(right: &Right) -> bool {
    let part = right.resource.split_once('/').map(|(_, part)| part);
    CHANGES.contains(&right.verb.as_str())
        && !is_question(&right.group)
        && matches!(part, None | Some("scale" | "status"))
}

/// Where it lies.
fn home(right: &Right) -> Option<String> {
    let is_anywhere = TABLE
        .iter()
        .any(|kind| kind.namespaced && kind.group == right.group && kind.plural == right.resource);
    match &right.namespace {
        None if is_anywhere => None,
        namespace => Some(namespace.clone().unwrap_or(HOME.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::On;
    use crate::{
        actions::kubernetes::kinds::{DEPLOYMENTS, NODES, PODS},
        domain::right::{Need, Rights},
    };

    #[test]
    fn a_note_lies_where_its_object_does() {
        let shop = Some("shop");
        let evict = On {
            resource: "pods/eviction",
            ..On::all("east", None, &PODS)
        };
        let rights = Rights::default()
            .and(On::all("east", shop, &DEPLOYMENTS), &["get", "patch"])
            .and(On::all("east", Some("todo"), &PODS), &["get", "list"])
            .and(On::all("east", None, &NODES), &["patch"])
            .and(evict, &["create"])
            .and_notes();
        let notes = rights.rights.iter();
        let notes = notes.filter(|right| right.need == Need::Notes);
        let places: Vec<_> = notes.map(|right| right.namespace.as_deref()).collect();
        assert_eq!(places, [Some("default"), shop]);
        let everywhere = Rights::default().and(On::all("east", None, &PODS), &["delete"]);
        let note = everywhere.and_notes().rights.pop().unwrap();
        assert_eq!((note.resource.as_str(), note.namespace), ("events", None));
    }
}
