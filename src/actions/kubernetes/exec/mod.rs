//! `kubernetes/exec`.

mod inputs;
mod run;

pub use inputs::ExecInputs;

use crate::{
    actions::{
        backup::{Artifact, made},
        framework::{Action, World},
    },
    domain::{
        effect::{Class, Confidence, Effects},
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
use serde_json::Value;

/// Runs a program in a container.
#[derive(Debug, Clone, Copy)]
pub struct KubernetesExec;

/// What `kubernetes/exec` leaves for later steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExecOutputs {
    /// The cluster.
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// The pod that it ran in.
    pub pod: String,
    /// The container that it ran in.
    pub container: String,
    /// Its exit code; nothing where that is not known.
    pub exit_code: Option<i32>,
    /// How many bytes it printed on standard output.
    pub bytes: u64,
    /// Its standard output without the last line's end, with `capture`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdout: Option<String>,
    /// Whether the output was longer than 64 KiB; then only whole lines of its beginning are in `stdout`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// The artifact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Artifact>,
}

impl Action for KubernetesExec {
    type Inputs = ExecInputs;
    type Outputs = ExecOutputs;
    const NAME: &'static str = "kubernetes/exec";
    const SUMMARY: &'static str =
        "Runs a program in a container of a pod; what it prints can be kept as an artifact.";

    fn validate(&self, inputs: &ExecInputs) -> Result<(), String> {
        inputs.validate()
    }

    fn check_template(&self, arguments: &Value) -> Result<(), String> {
        inputs::check_written(arguments)
    }

    fn intend(&self, inputs: &ExecInputs, _: &StepContext) -> Result<Intent, String> {
        let mut effects = inputs.effects()?;
        let idempotent = inputs.idempotent || only_looks(&effects);
        effects.items.extend(inputs.artifact.as_ref().map(made));
        Ok(Intent {
            effects,
            idempotent,
            wants_approval: None,
            pinned: crate::domain::pinned::Pinned::default(),
        })
    }

    fn foresee<'a>(
        &'a self,
        inputs: ExecInputs,
        context: &'a StepContext,
        world: &'a World,
        intent: Intent,
    ) -> BoxFuture<'a, Result<Intent, String>> {
        Box::pin(async move {
            inputs.pods()?.foresee(context, world).await?;
            Ok(intent)
        })
    }

    fn rights(&self, inputs: &ExecInputs, _: &Effects) -> Rights {
        // A connection is opened by a GET, and what it is for needs `create` since Kubernetes 1.35.
        let pods = inputs.pods();
        pods.map_or_else(
            |_| Rights::default(),
            |pods| pods.rights("exec", &["create", "get"]),
        )
    }

    fn execute<'a>(
        &'a self,
        inputs: ExecInputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            match run::run(&inputs, session, world).await {
                Ok(report) | Err(report) => report,
            }
        })
    }
}

fn only_looks(effects: &Effects) -> bool {
    effects.class() == Class::Read
        && effects.confidence != Confidence::Opaque
        && effects.refusals.is_empty()
}

#[cfg(test)]
mod tests;
