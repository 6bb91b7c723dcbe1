//! What `kubernetes/access-review` is told, and how the API server is asked for it.

use crate::{
    actions::kubernetes::{check_name, default_cluster},
    commands::{deeds, plural},
    ports::cluster::Resource,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt;

/// The API's group.
pub(super) const GROUP: &str = "authorization.k8s.io";
/// So many rights are asked for in one step.
const MOST: usize = 200;

/// What `kubernetes/access-review` is told.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReviewInputs {
    /// The cluster's name in the agent's configuration.
    #[serde(default = "default_cluster")]
    pub cluster: String,
    /// Whose rights; those that this runbook reaches the cluster with where nobody is named.
    #[serde(default, rename = "as")]
    pub subject: Option<Somebody>,
    /// What is asked, and what the answer must be.
    pub expect: Vec<Expectation>,
    /// Lists also all that this runbook may do in this namespace. Not with `as`.
    #[serde(default)]
    pub rules_in: Option<String>,
}

/// Somebody of the cluster: a service account or a user.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Somebody {
    /// `namespace/name`.
    #[serde(default)]
    pub service_account: Option<String>,
    /// A user's name.
    #[serde(default)]
    pub user: Option<String>,
    /// Further groups; those that every service account belongs to are counted without being named.
    #[serde(default)]
    pub groups: Vec<String>,
}

/// One right, and whether it must be there.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Expectation {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`, `impersonate`, `bind`, `escalate`, `use`, `approve`, `sign`, `attest`, or `*`.
    pub verb: String,
    /// The kind, as kubectl reads it: `pods`, `deploy`, `taskruns.agents.platform`, or `*`.
    pub resource: String,
    /// In this namespace; in all of them where none is named.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Only this object.
    #[serde(default)]
    pub name: Option<String>,
    /// A part of it: `log`, `exec`, `scale`, `token`.
    #[serde(default)]
    pub subresource: Option<String>,
    /// What must be the case.
    #[serde(default)]
    pub expected: Access,
}

/// Whether somebody may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Access {
    /// They may.
    #[default]
    Allowed,
    /// They may not.
    Denied,
}

impl ReviewInputs {
    pub(super) fn validate(&self) -> Result<(), String> {
        check_name("cluster", &self.cluster)?;
        if self.expect.is_empty() && self.rules_in.is_none() {
            return Err("in `with`, at `expect`: nothing is asked".to_owned());
        }
        if self.expect.len() > MOST {
            return Err(format!("in `with`, at `expect`: more than {MOST} rights"));
        }
        if let Some(subject) = &self.subject {
            subject.validate()?;
        }
        if let Some(namespace) = &self.rules_in {
            check_name("namespace", namespace)?;
            if self.subject.is_some() {
                return Err(
                    "in `with`, at `rulesIn`: the API server lists rules to their holder alone\nhint: leave `as` out, or use `kubernetes/rbac-report`"
                        .to_owned(),
                );
            }
        }
        self.expect.iter().try_for_each(Expectation::validate)
    }

    pub(super) fn review(&self) -> Resource {
        match self.subject {
            Some(_) => review("subjectaccessreviews", "SubjectAccessReview"),
            None => review("selfsubjectaccessreviews", "SelfSubjectAccessReview"),
        }
    }

    pub(super) fn whose(&self) -> String {
        match &self.subject {
            Some(subject) => subject.user_name(),
            None => "of-this-runbook".to_owned(),
        }
    }

    pub(super) fn body(&self, asked: &Expectation) -> Value {
        let mut spec = json!({ "resourceAttributes": asked.attributes() });
        if let Some(subject) = &self.subject {
            spec["user"] = json!(subject.user_name());
            spec["groups"] = json!(subject.all_groups());
        }
        json!({ "apiVersion": format!("{GROUP}/v1"), "kind": self.review().kind, "spec": spec })
    }
}

impl Somebody {
    fn validate(&self) -> Result<(), String> {
        match (&self.service_account, &self.user) {
            (Some(account), None) => {
                let Some((namespace, name)) = account.split_once('/') else {
                    return Err(format!(
                        "in `with`, at `as.serviceAccount`: `{account}` names no service account\nhint: write it as `namespace/name`"
                    ));
                };
                check_name("namespace", namespace)?;
                check_name("serviceAccount", name)
            }
            (None, Some(user)) if !user.is_empty() => Ok(()),
            _ => Err("in `with`, at `as`: name a `serviceAccount` or a `user`".to_owned()),
        }
    }

    pub(super) fn user_name(&self) -> String {
        match (&self.service_account, &self.user) {
            (Some(account), _) => format!("system:serviceaccount:{}", account.replace('/', ":")),
            (None, user) => user.clone().unwrap_or_default(),
        }
    }

    /// The API server adds none by itself.
    fn all_groups(&self) -> Vec<String> {
        let mut groups = self.groups.clone();
        if let Some((namespace, _)) = self
            .service_account
            .as_ref()
            .and_then(|account| account.split_once('/'))
        {
            groups.push("system:serviceaccounts".to_owned());
            groups.push(format!("system:serviceaccounts:{namespace}"));
        }
        groups.push("system:authenticated".to_owned());
        groups
    }
}

/// Every verb that rules of Kubernetes may have.
const VERBS: [&str; 16] = [
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "impersonate",
    "bind",
    "escalate",
    "use",
    "approve",
    "sign",
    "attest",
    "*",
];
/// What rights are for although there are no such objects: all kinds, and those that one may act as.
const NO_OBJECTS: [&str; 5] = ["*", "users", "groups", "uids", "userextras"];

impl Expectation {
    fn validate(&self) -> Result<(), String> {
        if !VERBS.contains(&self.verb.as_str()) {
            return Err(format!(
                "in `with`, at `expect`: `{}` is not a verb\nhint: write one of {}",
                self.verb,
                VERBS.join(", ")
            ));
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || "-.*".contains(c);
        if self.resource.is_empty() || !self.resource.chars().all(fits) {
            return Err(format!(
                "in `with`, at `expect`: `{}` is not a kind of objects\nhint: write it as in `kubectl get`; a part of it goes into `subresource`",
                self.resource
            ));
        }
        if !self.is_known() {
            return Err(format!(
                "in `with`, at `expect`: there is no `{}` among the kinds of Kubernetes, and what does not exist is denied to everybody\nhint: write other kinds with their group, as in `certificates.cert-manager.io`",
                self.resource
            ));
        }
        if let Some(namespace) = &self.namespace {
            check_name("namespace", namespace)?;
        }
        Ok(())
    }

    /// Of a kind with a group only its server knows.
    fn is_known(&self) -> bool {
        self.resource.contains('.')
            || NO_OBJECTS.contains(&self.resource.as_str())
            || plural(&deeds::kind(&self.resource)).is_some()
    }

    /// Group and plural. A kind that no table knows is taken as it is written.
    fn resource(&self) -> (String, String) {
        if let Some(known) = plural(&deeds::kind(&self.resource)) {
            return (known.group.to_owned(), known.plural.to_owned());
        }
        match self.resource.split_once('.') {
            Some((plural, group)) => (group.to_owned(), plural.to_owned()),
            None if self.resource == "*" => ("*".to_owned(), "*".to_owned()),
            None => (String::new(), self.resource.clone()),
        }
    }

    fn attributes(&self) -> Value {
        let (group, resource) = self.resource();
        let mut attributes = json!({ "verb": self.verb, "group": group, "resource": resource });
        let more = [
            ("namespace", &self.namespace),
            ("name", &self.name),
            ("subresource", &self.subresource),
        ];
        for (key, value) in more {
            if let Some(value) = value {
                attributes[key] = json!(value);
            }
        }
        attributes
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (group, plural) = self.resource();
        write!(f, "{} {plural}", self.verb)?;
        if !group.is_empty() && group != "*" {
            write!(f, ".{group}")?;
        }
        if let Some(part) = &self.subresource {
            write!(f, "/{part}")?;
        }
        if let Some(name) = &self.name {
            write!(f, " {name}")?;
        }
        match &self.namespace {
            Some(namespace) => write!(f, " in namespace {namespace}"),
            None => f.write_str(" everywhere"),
        }
    }
}

fn review(plural: &str, kind: &str) -> Resource {
    Resource {
        group: GROUP.to_owned(),
        version: "v1".to_owned(),
        plural: plural.to_owned(),
        kind: kind.to_owned(),
        namespaced: false,
    }
}

pub(super) fn rules_review() -> Resource {
    review("selfsubjectrulesreviews", "SelfSubjectRulesReview")
}
