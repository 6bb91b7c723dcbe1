//! `kubernetes/check`.

mod inputs;
mod look;
mod survey;

pub use inputs::{CheckInputs, What};

use crate::{
    actions::{
        framework::{Action, World, outputs},
        kubernetes::{kinds::Kind, object::cut},
    },
    domain::{
        check::CheckStatus,
        effect::{Effect, Effects, Object, Place, Scope, Verb, Which},
        run::StepReport,
    },
    ports::{
        BoxFuture,
        cluster::ClusterError,
        executor::{Intent, Session, StepContext},
    },
};
use schemars::JsonSchema;
use serde::Serialize;
use survey::Survey;

/// How many problems outputs list.
const LISTED: usize = 50;
/// How many problems the summary names.
const NAMED: usize = 3;

/// Checks what runs in a cluster.
#[derive(Debug, Clone, Copy)]
pub struct KubernetesCheck;

/// What `kubernetes/check` leaves for later steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckOutputs {
    /// What was found.
    pub status: CheckStatus,
    /// The number that the thresholds are for; see the input `what`.
    pub measured: u64,
    /// How many are as they should be: nodes, pods, replicas, endpoints, claims, jobs.
    pub ready: u64,
    /// Of how many.
    pub total: u64,
    /// What is not as it should be; the first 50.
    pub problems: Vec<Problem>,
    /// How many more there are.
    pub more_problems: u64,
}

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Problem {
    /// `namespace/name`, or the name alone.
    pub object: String,
    /// What is wrong.
    pub problem: String,
}

impl Action for KubernetesCheck {
    type Inputs = CheckInputs;
    type Outputs = CheckOutputs;
    const NAME: &'static str = "kubernetes/check";
    const SUMMARY: &'static str = "Checks nodes, pods, deployments, endpoints, claims, restarts, events or jobs of a cluster.";

    fn validate(&self, inputs: &CheckInputs) -> Result<(), String> {
        inputs.validate()
    }

    fn intend(&self, inputs: &CheckInputs, _: &StepContext) -> Result<Intent, String> {
        let looked_at = inputs.what.kinds().iter();
        Ok(Intent {
            effects: Effects::exact(looked_at.map(|kind| read(inputs, *kind)).collect()),
            idempotent: true,
            wants_approval: None,
            pinned: crate::domain::pinned::Pinned::default(),
        })
    }

    fn execute<'a>(
        &'a self,
        inputs: CheckInputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            let looked = tokio::select! {
                biased;
                () = session.stop.cancelled() => return StepReport::canceled("stopped"),
                looked = look::look(&inputs, world) => looked,
            };
            match looked {
                Ok(survey) => judge(&inputs, survey),
                Err(ClusterError::NotFound(what)) => StepReport::checked(
                    CheckStatus::Critical,
                    format!("{what} was not found on cluster {}", inputs.cluster),
                    serde_json::Value::Null,
                ),
                Err(error) => StepReport::checked(
                    CheckStatus::Unknown,
                    error.to_string(),
                    serde_json::Value::Null,
                ),
            }
        })
    }
}

fn read(inputs: &CheckInputs, kind: Kind) -> Effect {
    let scope = match (&inputs.namespace, kind.namespaced) {
        (_, false) => Scope::ClusterScoped,
        (Some(namespace), true) => Scope::Namespace(namespace.clone()),
        (None, true) => Scope::AllNamespaces,
    };
    let (verb, which) = match (&inputs.name, &inputs.selector) {
        (Some(name), _) => (Verb::Read, Which::Named(name.clone())),
        (None, Some(selector)) => (Verb::List, Which::Selector(selector.clone())),
        (None, None) => (Verb::List, Which::All),
    };
    let object = Object {
        place: Place::Cluster(inputs.cluster.clone()),
        kind: kind.effect_kind(),
        scope,
        which,
    };
    Effect::read(verb, object)
}

fn judge(inputs: &CheckInputs, survey: Survey) -> StepReport {
    let (warning, critical) = inputs.thresholds();
    let reached = |threshold: Option<u64>| threshold.is_some_and(|at| survey.measured >= at);
    let status = if reached(critical) || survey.too_few.is_some() {
        CheckStatus::Critical
    } else if reached(warning) {
        CheckStatus::Warning
    } else {
        CheckStatus::Ok
    };
    let (summary, all) = (summary(&survey), survey.problems.len());
    let found = CheckOutputs {
        status,
        measured: survey.measured,
        ready: survey.ready,
        total: survey.total,
        problems: survey.problems.into_iter().take(LISTED).collect(),
        more_problems: all.saturating_sub(LISTED) as u64,
    };
    StepReport::checked(status, summary, outputs(&found))
}

/// The headline, and the first problems.
fn summary(survey: &Survey) -> String {
    let mut parts = vec![survey.headline.clone()];
    parts.extend(survey.too_few.clone());
    let named = survey.problems.iter().take(NAMED);
    parts.extend(named.map(|found| format!("{}: {}", found.object, cut(&found.problem))));
    let more = survey.problems.len().saturating_sub(NAMED);
    if more > 0 {
        parts.push(format!("and {more} more"));
    }
    parts.join("; ")
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
