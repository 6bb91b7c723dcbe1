//! Roles and bindings as Kubernetes reads them.

use crate::{
    cli::exit::CliError,
    domain::right::{Right, Role, Rule, roles},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const API: &str = "rbac.authorization.k8s.io";

/// A service account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::cli) struct Account {
    pub(super) namespace: String,
    pub(super) name: String,
}

/// Rights and who gets them.
pub(super) struct Bound {
    /// Of every role and binding.
    pub(super) name: String,
    pub(super) rights: BTreeSet<Right>,
    pub(super) account: Option<Account>,
}

/// All of them as one object.
pub(super) fn list(all: &[Bound]) -> Value {
    json!({ "apiVersion": "v1", "kind": "List", "items": objects(all) })
}

/// All of them as documents; what is not known stands at their head.
pub(super) fn yaml(all: &[Bound], told: &[String]) -> Result<String, CliError> {
    let heads = told.iter().map(|line| format!("# {line}\n"));
    let mut text: String = heads.collect();
    for (place, object) in objects(all).iter().enumerate() {
        let document = serde_yaml::to_string(object)
            .map_err(|error| CliError::Internal(format!("writing a role: {error}")))?;
        let between = if place > 0 { "---\n" } else { "" };
        text.push_str(between);
        text.push_str(&document);
    }
    Ok(text)
}

fn objects(all: &[Bound]) -> Vec<Value> {
    let mut objects = Vec::new();
    for bound in all {
        for role in roles(&bound.rights) {
            objects.push(granted(&bound.name, &role));
            let account = bound.account.as_ref();
            objects.extend(account.map(|account| binding(&bound.name, &role, account)));
        }
    }
    objects
}

fn granted(name: &str, role: &Role) -> Value {
    let kind = if role.namespace.is_some() {
        "Role"
    } else {
        "ClusterRole"
    };
    let rules: Vec<Value> = role.rules.iter().map(rule).collect();
    json!({
        "apiVersion": format!("{API}/v1"), "kind": kind, "metadata": metadata(name, role), "rules": rules
    })
}

fn rule(rule: &Rule) -> Value {
    let mut written = json!({
        "apiGroups": rule.groups, "resources": rule.resources, "verbs": rule.verbs
    });
    if !rule.names.is_empty() {
        written["resourceNames"] = json!(rule.names);
    }
    written
}

fn binding(name: &str, role: &Role, account: &Account) -> Value {
    let kind = if role.namespace.is_some() {
        "Role"
    } else {
        "ClusterRole"
    };
    json!({
        "apiVersion": format!("{API}/v1"), "kind": format!("{kind}Binding"), "metadata": metadata(name, role),
        "roleRef": { "apiGroup": API, "kind": kind, "name": name },
        "subjects": [{ "kind": "ServiceAccount", "name": account.name, "namespace": account.namespace }]
    })
}

fn metadata(name: &str, role: &Role) -> Value {
    match &role.namespace {
        Some(namespace) => json!({ "name": name, "namespace": namespace }),
        None => json!({ "name": name }),
    }
}
