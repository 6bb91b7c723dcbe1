//! `kubernetes/access-review`.

use crate::{
    actions::{
        framework::{Action, World, outputs, rights::On},
        kubernetes::{check_name, default_cluster},
    },
    commands::{deeds, plural},
    domain::{
        check::CheckStatus,
        effect::{Effect, Effects, Object, Place, Scope, Verb, Which},
        right::Rights,
        run::StepReport,
    },
    ports::{
        BoxFuture,
        cluster::{Change, ClusterError, ObjectPath, Resource},
        executor::{Intent, Session, StepContext},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt;

const GROUP: &str = "authorization.k8s.io";
/// So many rights are asked for in one step.
const MOST: usize = 200;
/// So many rules are listed.
const LISTED: usize = 200;
/// So many expectations that do not hold are named in the summary.
const NAMED: usize = 5;

/// Asks the API server who may do what.
#[derive(Debug, Clone, Copy)]
pub struct AccessReview;

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
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`, `impersonate`, `bind`, `escalate`, or `*`.
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

/// What `kubernetes/access-review` leaves for later steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReviewOutputs {
    /// `ok` where all is as expected, else `critical`.
    pub status: CheckStatus,
    /// How many answers are as expected.
    pub held: u64,
    /// Of how many.
    pub total: u64,
    /// Each answer, in the order of the questions.
    pub answers: Vec<Answered>,
    /// What may be done in the namespace `rulesIn`; the first 200 rules.
    pub rules: Vec<Value>,
    /// Whether the server says that there may be more rules than these.
    pub rules_incomplete: bool,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Answered {
    /// What was asked: `delete secrets in namespace shop`.
    pub right: String,
    /// What must be the case.
    pub expected: Access,
    /// What is the case.
    pub is: Access,
    /// Why, in the server's words; often nothing.
    pub reason: String,
}

impl Action for AccessReview {
    type Inputs = ReviewInputs;
    type Outputs = ReviewOutputs;
    const NAME: &'static str = "kubernetes/access-review";
    const SUMMARY: &'static str =
        "Checks that an account of a cluster may do what it must, and nothing that it must not.";

    fn validate(&self, inputs: &ReviewInputs) -> Result<(), String> {
        inputs.validate()
    }

    fn intend(&self, inputs: &ReviewInputs, _: &StepContext) -> Result<Intent, String> {
        let ask = |resource: &Resource, about: String| {
            let object = Object {
                place: Place::Cluster(inputs.cluster.clone()),
                kind: format!("{}.{GROUP}", resource.kind.to_lowercase()),
                scope: Scope::ClusterScoped,
                which: Which::Named(about),
            };
            Effect::read(Verb::Read, object)
        };
        let mut effects = Vec::new();
        if !inputs.expect.is_empty() {
            effects.push(ask(&inputs.review(), inputs.whose()));
        }
        if inputs.rules_in.is_some() {
            effects.push(ask(&rules_review(), inputs.whose()));
        }
        Ok(Intent {
            effects: Effects::exact(effects),
            idempotent: true,
            wants_approval: None,
            pinned: crate::domain::pinned::Pinned::default(),
        })
    }

    /// About oneself everybody may ask, by a role of Kubernetes' own (`system:basic-user`).
    fn rights(&self, inputs: &ReviewInputs, _: &Effects) -> Rights {
        let others = inputs.subject.is_some() && !inputs.expect.is_empty();
        let resource = inputs.review();
        let create = On {
            cluster: &inputs.cluster,
            namespace: None,
            group: &resource.group,
            resource: &resource.plural,
            name: None,
        };
        Rights {
            rights: create.to(&["create"]).filter(|_| others).collect(),
            untold: Vec::new(),
        }
    }

    fn execute<'a>(
        &'a self,
        inputs: ReviewInputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            let asked = tokio::select! {
                biased;
                () = session.stop.cancelled() => return StepReport::canceled("stopped"),
                asked = ask(&inputs, world) => asked,
            };
            match asked {
                Ok(found) => report(&inputs, &found),
                Err(error) => {
                    StepReport::checked(CheckStatus::Unknown, error.to_string(), Value::Null)
                }
            }
        })
    }
}

impl ReviewInputs {
    fn validate(&self) -> Result<(), String> {
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

    fn review(&self) -> Resource {
        match self.subject {
            Some(_) => review("subjectaccessreviews", "SubjectAccessReview"),
            None => review("selfsubjectaccessreviews", "SelfSubjectAccessReview"),
        }
    }

    fn whose(&self) -> String {
        match &self.subject {
            Some(subject) => subject.user_name(),
            None => "of-this-runbook".to_owned(),
        }
    }

    fn body(&self, asked: &Expectation) -> Value {
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

    fn user_name(&self) -> String {
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

impl Expectation {
    fn validate(&self) -> Result<(), String> {
        let is_word = |c: char| c.is_ascii_lowercase() || c == '*';
        if self.verb.is_empty() || !self.verb.chars().all(is_word) {
            return Err(format!(
                "in `with`, at `expect`: `{}` is not a verb\nhint: write one such as `get`, `delete` or `*`",
                self.verb
            ));
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || "-.*".contains(c);
        if self.resource.is_empty() || !self.resource.chars().all(fits) {
            return Err(format!(
                "in `with`, at `expect`: `{}` is not a kind of objects\nhint: write it as in `kubectl get`; a part of it goes into `subresource`",
                self.resource
            ));
        }
        if let Some(namespace) = &self.namespace {
            check_name("namespace", namespace)?;
        }
        Ok(())
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

fn rules_review() -> Resource {
    review("selfsubjectrulesreviews", "SelfSubjectRulesReview")
}

#[derive(Default)]
struct Found {
    answers: Vec<Answered>,
    rules: Vec<Value>,
    rules_incomplete: bool,
}

async fn ask(inputs: &ReviewInputs, world: &World) -> Result<Found, ClusterError> {
    let mut found = Found::default();
    for asked in &inputs.expect {
        let status = answer(inputs, &inputs.review(), &inputs.body(asked), world).await?;
        let may = status.get("allowed").and_then(Value::as_bool) == Some(true);
        let word = |key: &str| status.get(key).and_then(Value::as_str).unwrap_or_default();
        let reason = [word("reason"), word("evaluationError")].join(" ");
        found.answers.push(Answered {
            right: asked.to_string(),
            expected: asked.expected,
            is: if may { Access::Allowed } else { Access::Denied },
            reason: reason.trim().to_owned(),
        });
    }
    if let Some(namespace) = &inputs.rules_in {
        let body = json!({
            "apiVersion": format!("{GROUP}/v1"), "kind": rules_review().kind, "spec": { "namespace": namespace }
        });
        let status = answer(inputs, &rules_review(), &body, world).await?;
        let listed = status.get("resourceRules").and_then(Value::as_array);
        let listed = listed.map(Vec::as_slice).unwrap_or_default();
        found.rules = listed.iter().take(LISTED).cloned().collect();
        found.rules_incomplete =
            status.get("incomplete") == Some(&Value::Bool(true)) || listed.len() > LISTED;
    }
    Ok(found)
}

/// Nothing is kept of a review: the server answers it, and that is all.
async fn answer(
    inputs: &ReviewInputs,
    resource: &Resource,
    body: &Value,
    world: &World,
) -> Result<Value, ClusterError> {
    let nothing = ObjectPath {
        namespace: None,
        name: "",
        subresource: None,
    };
    let created = world
        .clusters
        .change(
            &inputs.cluster,
            resource,
            nothing,
            Change::Create(body),
            false,
        )
        .await?;
    Ok(created.get("status").cloned().unwrap_or_default())
}

fn report(inputs: &ReviewInputs, found: &Found) -> StepReport {
    let wrong: Vec<&Answered> = found
        .answers
        .iter()
        .filter(|answer| answer.is != answer.expected)
        .collect();
    let status = if wrong.is_empty() {
        CheckStatus::Ok
    } else {
        CheckStatus::Critical
    };
    let (held, total) = (found.answers.len() - wrong.len(), found.answers.len());
    let left = ReviewOutputs {
        status,
        held: held as u64,
        total: total as u64,
        answers: found.answers.clone(),
        rules: found.rules.clone(),
        rules_incomplete: found.rules_incomplete,
    };
    StepReport::checked(status, summary(inputs, &wrong, held, total), outputs(&left))
}

fn summary(inputs: &ReviewInputs, wrong: &[&Answered], held: usize, total: usize) -> String {
    let who = match &inputs.subject {
        Some(subject) => subject.user_name(),
        None => "this runbook".to_owned(),
    };
    let mut parts = vec![format!("{held} of {total} rights are as expected")];
    parts.extend(wrong.iter().take(NAMED).map(|answer| {
        let may = match answer.is {
            Access::Allowed => "may",
            Access::Denied => "may not",
        };
        format!("{who} {may} {}", answer.right)
    }));
    if wrong.len() > NAMED {
        parts.push(format!("and {} more", wrong.len() - NAMED));
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use crate::{actions::framework::scripted::intend, domain::effect::Class};
    use serde_json::json;

    #[tokio::test]
    async fn asking_changes_nothing() {
        let asked = json!({
            "as": { "serviceAccount": "shop/web" },
            "expect": [{ "verb": "delete", "resource": "secrets", "namespace": "shop", "expected": "denied" }]
        });
        let intent = intend("kubernetes/access-review", asked).await.unwrap();
        assert_eq!(intent.effects.class(), Class::Read);
        assert_eq!(
            intent.effects.items[0].to_string(),
            "read subjectaccessreview.authorization.k8s.io system:serviceaccount:shop:web on cluster default"
        );
    }

    #[tokio::test]
    async fn questions_that_make_no_sense_are_refused() {
        let one = json!([{ "verb": "get", "resource": "pods" }]);
        for (inputs, words) in [
            (json!({ "expect": [] }), "nothing is asked"),
            (
                json!({ "expect": [{ "verb": "GET", "resource": "pods" }] }),
                "is not a verb",
            ),
            (
                json!({ "expect": [{ "verb": "get", "resource": "pods/log" }] }),
                "goes into `subresource`",
            ),
            (
                json!({ "expect": one, "as": {} }),
                "name a `serviceAccount` or a `user`",
            ),
            (
                json!({ "expect": one, "as": { "serviceAccount": "web" } }),
                "`namespace/name`",
            ),
            (
                json!({ "expect": one, "as": { "user": "ann" }, "rulesIn": "shop" }),
                "to their holder alone",
            ),
            (
                json!({ "expect": [{ "verb": "get", "resource": "pods", "expected": "maybe" }] }),
                "unknown variant",
            ),
        ] {
            let error = intend("kubernetes/access-review", inputs.clone())
                .await
                .unwrap_err();
            assert!(error.contains(words), "{inputs}: {error}");
        }
    }
}
