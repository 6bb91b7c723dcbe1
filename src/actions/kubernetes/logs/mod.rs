//! `kubernetes/logs`.

mod collect;
mod inputs;
pub(super) mod lines;
pub(super) mod patterns;
pub(super) mod read;

pub use inputs::LogsInputs;
pub use patterns::Seen;

use crate::{
    actions::{
        backup::{Artifact, made},
        framework::{Action, World},
        kubernetes::pods::{Of, Pods},
    },
    domain::{
        effect::{Effect, Effects, Reach, Verb, Which},
        right::Rights,
        run::StepReport,
    },
    ports::{
        BoxFuture,
        executor::{Intent, Session, StepContext},
    },
};
use schemars::JsonSchema;
use serde::Serialize;

/// What is read, as effects name it: RBAC has a right of its own for it.
pub(super) const POD_LOG: &str = "pod/log";

/// Reads what containers have said.
#[derive(Debug, Clone, Copy)]
pub struct KubernetesLogs;

/// What `kubernetes/logs` leaves for later steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogsOutputs {
    /// The pods whose logs were read.
    pub pods: Vec<String>,
    /// Of how many containers.
    pub containers: u64,
    /// How many lines they have said.
    pub lines: u64,
    /// How many bytes these are.
    pub bytes: u64,
    /// What was found of each pattern of `expect`.
    pub expected: Vec<Seen>,
    /// What was found of each pattern of `forbid`.
    pub forbidden: Vec<Seen>,
    /// Containers that have no log, each with the reason: one that waits for its start, or one without a previous instance.
    pub unread: Vec<String>,
    /// The artifact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Artifact>,
}

impl Action for KubernetesLogs {
    type Inputs = LogsInputs;
    type Outputs = LogsOutputs;
    const NAME: &'static str = "kubernetes/logs";
    const SUMMARY: &'static str = "Reads what containers have said, looks for lines that must or must not be there, and keeps it where wanted.";

    fn validate(&self, inputs: &LogsInputs) -> Result<(), String> {
        inputs.validate()
    }

    fn intend(&self, inputs: &LogsInputs, _: &StepContext) -> Result<Intent, String> {
        let mut items = reads(&inputs.pods()?);
        items.extend(inputs.artifact.as_ref().map(made));
        Ok(Intent {
            effects: Effects::exact(items),
            idempotent: true,
            wants_approval: None,
            pinned: crate::domain::pinned::Pinned::default(),
        })
    }

    fn rights(&self, inputs: &LogsInputs, _: &Effects) -> Rights {
        let pods = inputs.pods();
        pods.map_or_else(|_| Rights::default(), |pods| pods.rights("log", &["get"]))
    }

    fn execute<'a>(
        &'a self,
        inputs: LogsInputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            match collect::collect(&inputs, session, world).await {
                Ok(report) | Err(report) => report,
            }
        })
    }
}

/// What is looked at to read the logs of these pods.
fn reads(pods: &Pods) -> Vec<Effect> {
    let (kind, named) = pods.named();
    match &pods.of {
        Of::Named(_) => vec![Effect::read(Verb::Read, pods.object(POD_LOG, named))],
        Of::Object(subject) => {
            let of = Which::Selector(format!("the labels of {subject}"));
            vec![
                Effect::read(Verb::Read, pods.object(&kind, named)),
                many(Effect::read(Verb::List, pods.object(POD_LOG, of))),
            ]
        }
        Of::Selector(_) => vec![many(Effect::read(Verb::List, pods.object(POD_LOG, named)))],
    }
}

fn many(effect: Effect) -> Effect {
    Effect {
        reach: Reach::Unknown,
        ..effect
    }
}

#[cfg(test)]
mod tests {
    use crate::{actions::framework::scripted::intend, domain::effect::Class};
    use serde_json::json;

    #[tokio::test]
    async fn logs_are_read_and_an_artifact_of_them_is_made() {
        let inputs = json!({ "namespace": "shop", "object": "deploy/web", "artifact": "web" });
        let intent = intend("kubernetes/logs", inputs).await.unwrap();
        let shown: Vec<String> = intent
            .effects
            .items
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            shown,
            [
                "read deployment.apps web in namespace shop on cluster default",
                "list pods/log matching the labels of deployment shop/web in namespace shop on cluster default",
                "create artifact web of the agent"
            ]
        );
        let inputs = json!({ "namespace": "shop", "pod": "web-0" });
        let intent = intend("kubernetes/logs", inputs).await.unwrap();
        assert_eq!(intent.effects.class(), Class::Read);
        assert_eq!(
            intent.effects.items[0].to_string(),
            "read pod/log web-0 in namespace shop on cluster default"
        );
    }

    #[tokio::test]
    async fn inputs_that_make_no_sense_are_refused() {
        let all = json!({ "namespace": "a", "pod": "x", "container": "c", "allContainers": true });
        let pattern = json!({ "namespace": "a", "pod": "x", "expect": ["["] });
        for (inputs, words) in [(all, "exclude each other"), (pattern, "at `expect[0]`")] {
            let error = intend("kubernetes/logs", inputs).await.unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }
}
