//! `kubernetes/access-review`.

mod inputs;

pub use inputs::{Access, Expectation, ReviewInputs, Somebody};

use crate::{
    actions::framework::{Action, World, outputs, rights::On},
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
use inputs::{GROUP, rules_review};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

/// So many rules are listed.
const LISTED: usize = 200;
/// So many expectations that do not hold are named in the summary.
const NAMED: usize = 5;

/// Asks the API server who may do what.
#[derive(Debug, Clone, Copy)]
pub struct AccessReview;

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
