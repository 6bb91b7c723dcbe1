//! `kubernetes/check`.

mod demands;
mod inputs;
mod look;
mod quantity;
mod surveys;
mod what;

pub use demands::{Demand, Demands, Severity, Weighed};
pub use inputs::{CheckInputs, Size};
pub use what::What;

use crate::{
    actions::{
        framework::{Action, World, outputs},
        kubernetes::{kinds::Kind, object::cut},
    },
    commands::plural,
    domain::{
        check::CheckStatus,
        effect::{Effect, Effects, Object, Place, Scope, Secrets, Verb, Which},
        run::StepReport,
    },
    ports::{
        BoxFuture,
        executor::{Intent, Session, StepContext},
    },
};
use look::Blind;
use schemars::JsonSchema;
use serde::Serialize;
use surveys::Survey;

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
    /// How many are as they should be: nodes, pods, workloads, claims, objects; for capacity how many more pods of the size `each` fit.
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
    const SUMMARY: &'static str = "Checks what runs in a cluster: nodes, pods, workloads, storage, usage, certificates, or any objects by expression.";

    fn validate(&self, inputs: &CheckInputs) -> Result<(), String> {
        inputs.validate()
    }

    fn intend(&self, inputs: &CheckInputs, _: &StepContext) -> Result<Intent, String> {
        Ok(Intent {
            effects: Effects::exact(reads(inputs)),
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
            let (status, words) = match looked {
                Ok(survey) => return judge(&inputs, survey),
                Err(Blind::Gone(what)) => {
                    let words = format!("{what} was not found on cluster {}", inputs.cluster);
                    (CheckStatus::Critical, words)
                }
                Err(Blind::NotServed(why)) => (CheckStatus::Unknown, why),
                Err(Blind::Failed(error)) => (CheckStatus::Unknown, error.to_string()),
            };
            StepReport::checked(status, words, serde_json::Value::Null)
        })
    }
}

/// What is read: of the first kind what is named, of the others what belongs to it.
fn reads(inputs: &CheckInputs) -> Vec<Effect> {
    if let Some(kind) = inputs.object_kind() {
        let namespaced = plural(&kind).map(|plural| plural.namespaced);
        return vec![read(inputs, kind, namespaced, &inputs.own())];
    }
    let kinds = inputs.what.kinds().iter();
    let read = |(place, kind): (usize, &Kind)| {
        let which = match (inputs.what, place) {
            (_, 0) => inputs.own(),
            (What::Endpoints, _) => inputs.slices_of().map_or(Which::All, Which::Selector),
            (_, _) => Which::All,
        };
        read(inputs, kind.effect_kind(), Some(kind.namespaced), &which)
    };
    kinds.enumerate().map(read).collect()
}

impl CheckInputs {
    fn own(&self) -> Which {
        match (&self.name, &self.selector) {
            (Some(name), _) => Which::Named(name.clone()),
            (None, Some(selector)) => Which::Selector(selector.clone()),
            (None, None) => Which::All,
        }
    }
}

/// Of a kind that no table knows, the step's word on its namespace counts.
fn read(inputs: &CheckInputs, kind: String, namespaced: Option<bool>, which: &Which) -> Effect {
    let scope = match (&inputs.namespace, namespaced) {
        (_, Some(false)) => Scope::ClusterScoped,
        (Some(namespace), _) => Scope::Namespace(namespace.clone()),
        (None, _) => Scope::AllNamespaces,
    };
    let verb = match which {
        Which::Named(_) => Verb::Read,
        Which::Selector(_) | Which::All | Which::Unknown => Verb::List,
    };
    let secrets = if kind == "secret" {
        Secrets::Names
    } else {
        Secrets::None
    };
    let object = Object {
        place: Place::Cluster(inputs.cluster.clone()),
        kind,
        scope,
        which: which.clone(),
    };
    Effect {
        secrets,
        ..Effect::read(verb, object)
    }
}

fn judge(inputs: &CheckInputs, survey: Survey) -> StepReport {
    let status = status(inputs, &survey);
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

/// The gravest of what the thresholds, the expected number and the survey itself say.
fn status(inputs: &CheckInputs, survey: &Survey) -> CheckStatus {
    let (warning, critical) = inputs.thresholds();
    let reached = |threshold: Option<u64>| threshold.is_some_and(|at| survey.measured >= at);
    let said = [
        (reached(warning), CheckStatus::Warning),
        (reached(critical), CheckStatus::Critical),
        (survey.too_few.is_some(), CheckStatus::Critical),
        (survey.untold.is_some(), CheckStatus::Unknown),
    ];
    let said = said.into_iter().filter(|(so, _)| *so);
    let own = survey.worst.unwrap_or(CheckStatus::Ok);
    said.map(|(_, status)| status).fold(own, CheckStatus::max)
}

/// The headline, and the first problems.
fn summary(survey: &Survey) -> String {
    let mut parts = vec![survey.headline.clone()];
    parts.extend(survey.untold.clone());
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
