//! Roles and bindings to who holds which powers: pure.

use crate::actions::kubernetes::object::{full_name, items, text};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// A power that is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Power {
    /// Everything.
    ClusterAdmin,
    /// Every verb on something, or something on every kind.
    Wildcard,
    /// Gives rights that one does not have: `escalate` on roles.
    Escalate,
    /// Binds roles that one does not have: `bind` on roles.
    Bind,
    /// Acts as others: `impersonate`.
    Impersonate,
    /// Makes or changes roles and bindings.
    ChangeRbac,
    /// Gets tokens of service accounts.
    IssueTokens,
    /// Reads Secrets.
    ReadSecrets,
    /// Runs programs in containers.
    Exec,
    /// Removes objects.
    Delete,
}

const RBAC: &str = "rbac.authorization.k8s.io";

/// Verbs, group and resources that make up each power; any one of them is enough.
const POWERS: [(Power, &[&str], &str, &[&str]); 8] = [
    (
        Power::Escalate,
        &["escalate"],
        RBAC,
        &["roles", "clusterroles"],
    ),
    (Power::Bind, &["bind"], RBAC, &["roles", "clusterroles"]),
    (
        Power::Impersonate,
        &["impersonate"],
        "",
        &["users", "groups", "serviceaccounts"],
    ),
    (
        Power::ChangeRbac,
        &["create", "update", "patch"],
        RBAC,
        &[
            "roles",
            "clusterroles",
            "rolebindings",
            "clusterrolebindings",
        ],
    ),
    (
        Power::IssueTokens,
        &["create"],
        "",
        &["serviceaccounts/token"],
    ),
    (
        Power::ReadSecrets,
        &["get", "list", "watch"],
        "",
        &["secrets"],
    ),
    (
        Power::Exec,
        &["create", "get"],
        "",
        &["pods/exec", "pods/attach"],
    ),
    (Power::Delete, &["delete", "deletecollection"], "*", &["*"]),
];

/// Somebody who holds a power.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Holder {
    /// Which.
    pub power: Power,
    /// `user ann`, `group ops`, `serviceaccount shop/web`.
    pub subject: String,
    /// `everywhere`, or `namespace shop`.
    pub place: String,
    /// The binding and the role: `rolebinding shop/web of clusterrole edit`.
    pub by: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let power = word(self.power);
        let (subject, place, by) = (&self.subject, &self.place, &self.by);
        write!(f, "{power}: {subject}, {place}, by {by}")
    }
}

fn word(power: Power) -> String {
    let written = serde_json::to_value(power).unwrap_or_default();
    written.as_str().unwrap_or_default().to_owned()
}

/// What the API server lists.
pub(super) struct Roles {
    pub(super) everywhere: Vec<Value>,
    pub(super) bound_everywhere: Vec<Value>,
    pub(super) in_namespaces: Vec<Value>,
    pub(super) bound_in_namespaces: Vec<Value>,
}

/// What was found, sorted.
pub(super) struct Found {
    pub(super) holders: Vec<Holder>,
    pub(super) subjects: u64,
    pub(super) bindings: u64,
    pub(super) dangling: Vec<String>,
}

impl Found {
    /// How many different subjects hold each power.
    pub(super) fn counts(&self) -> BTreeMap<String, u64> {
        let all = [Power::ClusterAdmin, Power::Wildcard];
        let all = all
            .into_iter()
            .chain(POWERS.iter().map(|(power, ..)| *power));
        all.map(|power| {
            let held = self.holders.iter().filter(|holder| holder.power == power);
            let subjects: BTreeSet<&str> = held.map(|holder| holder.subject.as_str()).collect();
            (word(power), subjects.len() as u64)
        })
        .collect()
    }
}

impl Roles {
    pub(super) fn report(&self, with_system: bool) -> Found {
        let (mut holders, mut subjects) = (BTreeSet::new(), BTreeSet::new());
        let (mut dangling, mut bindings) = (BTreeSet::new(), 0);
        for binding in self
            .bound_everywhere
            .iter()
            .chain(&self.bound_in_namespaces)
        {
            let told: Vec<String> = items(binding, "/subjects")
                .iter()
                .filter(|subject| with_system || !is_of_kubernetes(binding, subject))
                .map(|subject| subject_name(subject, text(binding, "/metadata/namespace")))
                .collect();
            if told.is_empty() {
                continue;
            }
            bindings += 1;
            let Some(role) = self.role(binding) else {
                dangling.insert(name_of(binding, "binding"));
                continue;
            };
            for (power, subject) in powers(role)
                .into_iter()
                .flat_map(|power| told.iter().map(move |subject| (power, subject)))
            {
                holders.insert(holder(power, subject, binding, role));
            }
            subjects.extend(told);
        }
        Found {
            holders: holders.into_iter().collect(),
            subjects: subjects.len() as u64,
            bindings,
            dangling: dangling.into_iter().collect(),
        }
    }

    fn role(&self, binding: &Value) -> Option<&Value> {
        let name = text(binding, "/roleRef/name");
        if text(binding, "/roleRef/kind") == "ClusterRole" {
            let mut roles = self.everywhere.iter();
            return roles.find(|role| text(role, "/metadata/name") == name);
        }
        let namespace = text(binding, "/metadata/namespace");
        self.in_namespaces.iter().find(|role| {
            text(role, "/metadata/name") == name && text(role, "/metadata/namespace") == namespace
        })
    }
}

fn holder(power: Power, subject: &str, binding: &Value, role: &Value) -> Holder {
    let place = match text(binding, "/metadata/namespace") {
        "" => "everywhere".to_owned(),
        namespace => format!("namespace {namespace}"),
    };
    // What is everything in one namespace is not the whole cluster.
    let power = if power == Power::ClusterAdmin && place != "everywhere" {
        Power::Wildcard
    } else {
        power
    };
    let role_kind = text(binding, "/roleRef/kind").to_lowercase();
    Holder {
        power,
        subject: subject.to_owned(),
        place,
        by: format!(
            "{} of {role_kind} {}",
            name_of(binding, "binding"),
            text(role, "/metadata/name")
        ),
    }
}

fn name_of(binding: &Value, what: &str) -> String {
    let level = match text(binding, "/metadata/namespace") {
        "" => "clusterrole",
        _ => "role",
    };
    format!("{level}{what} {}", full_name(binding))
}

/// The server's own components, as long as nobody has put somebody else into their bindings.
fn is_of_kubernetes(binding: &Value, subject: &Value) -> bool {
    let label = binding.pointer("/metadata/labels/kubernetes.io~1bootstrapping");
    let of_kubernetes = text(subject, "/namespace") == "kube-system"
        || text(subject, "/name").starts_with("system:");
    label.and_then(Value::as_str) == Some("rbac-defaults") && of_kubernetes
}

fn subject_name(subject: &Value, namespace: &str) -> String {
    let name = text(subject, "/name");
    match text(subject, "/kind") {
        "ServiceAccount" => {
            let own = text(subject, "/namespace");
            let namespace = if own.is_empty() { namespace } else { own };
            format!("serviceaccount {namespace}/{name}")
        }
        kind => format!("{} {name}", kind.to_lowercase()),
    }
}

fn powers(role: &Value) -> BTreeSet<Power> {
    let rules = items(role, "/rules").iter();
    rules.flat_map(of_rule).collect()
}

fn of_rule(rule: &Value) -> BTreeSet<Power> {
    let has = |field: &str, wanted: &str| {
        let mut found = items(rule, field).iter().filter_map(Value::as_str);
        found.any(|one| one == wanted || one == "*")
    };
    let star = |field: &str| {
        items(rule, field)
            .iter()
            .any(|one| one.as_str() == Some("*"))
    };
    let all = ["/apiGroups", "/resources", "/verbs"].map(star);
    let everything = (all == [true; 3]).then_some(Power::ClusterAdmin);
    let held = POWERS.iter().filter(|(_, verbs, group, resources)| {
        let group = *group == "*" || has("/apiGroups", group);
        let resource = |name: &str| name == "*" || has("/resources", name) || matched(rule, name);
        let is_served = !items(rule, "/resources").is_empty();
        let verb = |verb: &&str| has("/verbs", verb);
        is_served && group && resources.iter().any(|name| resource(name)) && verbs.iter().any(verb)
    });
    let mut powers: BTreeSet<Power> = held.map(|(power, ..)| *power).collect();
    if star("/resources") || star("/verbs") && !items(rule, "/resources").is_empty() {
        powers.insert(Power::Wildcard);
    }
    powers.extend(everything);
    powers
}

/// `*/exec` stands for that part of every kind.
fn matched(rule: &Value, name: &str) -> bool {
    let Some((_, part)) = name.split_once('/') else {
        return false;
    };
    let any = format!("*/{part}");
    let mut found = items(rule, "/resources").iter();
    found.any(|one| one.as_str() == Some(any.as_str()))
}

#[cfg(test)]
mod tests {
    use super::Roles;
    use serde_json::{Value, json};

    fn role(name: &str, rules: &Value) -> Value {
        json!({ "metadata": { "name": name }, "rules": rules })
    }
    fn bound(name: &str, role: &str, subjects: &Value) -> Value {
        json!({
            "metadata": { "name": name }, "roleRef": { "kind": "ClusterRole", "name": role }, "subjects": subjects
        })
    }

    #[test]
    fn powers_are_told_by_their_holders() {
        let every = json!([{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }]);
        let edit = json!([
            { "apiGroups": ["", "apps"], "resources": ["pods", "deployments"], "verbs": ["get", "delete"] },
            { "apiGroups": [""], "resources": ["secrets"], "verbs": ["list"] },
            { "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"], "verbs": ["bind", "escalate"] }
        ]);
        let view = json!([
            { "apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"] },
            { "nonResourceURLs": ["*"], "verbs": ["*"] }
        ]);
        let mut in_shop = bound(
            "edit",
            "edit",
            &json!([{ "kind": "ServiceAccount", "name": "web" }]),
        );
        in_shop["metadata"]["namespace"] = json!("shop");
        let mut own = bound(
            "admin",
            "cluster-admin",
            &json!([
                { "kind": "Group", "name": "system:masters" }, { "kind": "User", "name": "ann" }
            ]),
        );
        own["metadata"]["labels"] = json!({ "kubernetes.io/bootstrapping": "rbac-defaults" });
        let found = Roles {
            everywhere: vec![
                role("cluster-admin", &every),
                role("edit", &edit),
                role("view", &view),
            ],
            bound_everywhere: vec![
                own,
                bound("view", "view", &json!([{ "kind": "Group", "name": "dev" }])),
                bound("lost", "gone", &json!([{ "kind": "Group", "name": "dev" }])),
            ],
            in_namespaces: vec![],
            bound_in_namespaces: vec![in_shop],
        }
        .report(false);
        let told: Vec<String> = found.holders.iter().map(ToString::to_string).collect();
        let (of_ann, told): (Vec<String>, Vec<String>) =
            told.into_iter().partition(|line| line.contains("user ann"));
        assert_eq!(of_ann.len(), 10, "who may do everything holds every power");
        assert_eq!(
            of_ann[0],
            "clusterAdmin: user ann, everywhere, by clusterrolebinding admin of clusterrole cluster-admin"
        );
        assert_eq!(
            told,
            [
                "escalate: serviceaccount shop/web, namespace shop, by rolebinding shop/edit of clusterrole edit",
                "bind: serviceaccount shop/web, namespace shop, by rolebinding shop/edit of clusterrole edit",
                "readSecrets: serviceaccount shop/web, namespace shop, by rolebinding shop/edit of clusterrole edit",
                "delete: serviceaccount shop/web, namespace shop, by rolebinding shop/edit of clusterrole edit",
            ]
        );
        assert_eq!(found.dangling, ["clusterrolebinding lost"]);
        assert_eq!((found.subjects, found.bindings), (3, 4));
        assert_eq!(found.counts()["readSecrets"], 2);
        assert_eq!(found.counts()["wildcard"], 1);
    }
}
