//! `kubernetes/run-job`.

mod inputs;
mod pods;
mod run;
mod template;

pub use inputs::{Cleanup, RunJobInputs};
pub use template::{Mount, Template};

use crate::{
    actions::{
        backup::{Artifact, made},
        framework::{Action, World},
        kubernetes::beforehand::seen,
    },
    domain::{
        effect::{Class, Effects},
        right::Rights,
        run::StepReport,
        span::Span,
    },
    ports::{
        BoxFuture,
        executor::{Intent, Session, StepContext},
    },
};
use schemars::JsonSchema;
use serde::Serialize;

/// Runs a Job to its end.
#[derive(Debug, Clone, Copy)]
pub struct RunJob;

/// What `kubernetes/run-job` leaves for later steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunJobOutputs {
    /// The cluster.
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// The Job's name.
    pub job: String,
    /// Its UID.
    pub uid: String,
    /// Whether an earlier attempt of this step had started it.
    pub found: bool,
    /// How many of its pods have succeeded.
    pub succeeded: u64,
    /// How many of its pods have failed.
    pub failed: u64,
    /// When it started (RFC 3339).
    pub started_at: String,
    /// When it was complete (RFC 3339).
    pub completed_at: String,
    /// Whether it was deleted.
    pub deleted: bool,
    /// What its containers have said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Artifact>,
}

impl Action for RunJob {
    type Inputs = RunJobInputs;
    type Outputs = RunJobOutputs;
    const NAME: &'static str = "kubernetes/run-job";
    const SUMMARY: &'static str =
        "Runs a Job to its end, with what its containers say in the step's log.";

    fn validate(&self, inputs: &RunJobInputs) -> Result<(), String> {
        inputs.validate()
    }

    fn intend(&self, inputs: &RunJobInputs, context: &StepContext) -> Result<Intent, String> {
        let mut effects = inputs.effects(context);
        effects.items.extend(inputs.artifact.as_ref().map(made));
        Ok(Intent {
            effects,
            // The mark of this step says whether it was started.
            idempotent: true,
            wants_approval: None,
            pinned: crate::domain::pinned::Pinned::default(),
        })
    }

    fn foresee<'a>(
        &'a self,
        inputs: RunJobInputs,
        context: &'a StepContext,
        world: &'a World,
        intent: Intent,
    ) -> BoxFuture<'a, Result<Intent, String>> {
        Box::pin(async move {
            if let Some(cron_job) = inputs.cron_job() {
                seen(&cron_job, context, world).await?;
            }
            Ok(intent)
        })
    }

    fn rights(&self, inputs: &RunJobInputs, _: &Effects) -> Rights {
        inputs.rights()
    }

    fn runs_dry(&self, _: Class) -> bool {
        true
    }

    /// What is to be deleted is deleted while the step stops.
    fn grace(&self, _: &RunJobInputs) -> Span {
        Span::from_secs(20)
    }

    fn execute<'a>(
        &'a self,
        inputs: RunJobInputs,
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

#[cfg(test)]
mod tests;
