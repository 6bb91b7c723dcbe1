//! `kubernetes/uncordon`.

use crate::{
    actions::{
        framework::{Action, World, outputs},
        kubernetes::{
            beforehand::seen,
            cordon::{Uncordon, node},
            default_cluster,
            turn::{Made, Patience, Scene, carry_out},
        },
    },
    domain::{
        effect::{Class, Effect, Effects, Verb},
        run::StepReport,
        span::Span,
    },
    ports::{
        BoxFuture,
        executor::{Intent, Session, StepContext},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Lets new pods come to a node again.
#[derive(Debug, Clone, Copy)]
pub struct KubernetesUncordon;

/// What `kubernetes/uncordon` is told.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UncordonInputs {
    /// The cluster's name in the agent's configuration.
    #[serde(default = "default_cluster")]
    pub cluster: String,
    /// The node.
    pub node: String,
    /// How long to wait until the node is ready; without it, the step does not wait.
    #[serde(default)]
    pub wait: Option<Span>,
}

/// What `kubernetes/uncordon` leaves for later steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UncordonOutputs {
    /// The cluster.
    pub cluster: String,
    /// The node.
    pub node: String,
    /// Whether it was cordoned before.
    pub changed: bool,
    /// How long it took to be ready, in milliseconds; nothing if the step did not wait.
    pub ready_after_ms: Option<u64>,
}

impl Action for KubernetesUncordon {
    type Inputs = UncordonInputs;
    type Outputs = UncordonOutputs;
    const NAME: &'static str = "kubernetes/uncordon";
    const SUMMARY: &'static str = "Lets new pods come to a node again.";

    fn validate(&self, inputs: &UncordonInputs) -> Result<(), String> {
        node(&inputs.cluster, &inputs.node).map(drop)
    }

    fn intend(&self, inputs: &UncordonInputs, _: &StepContext) -> Result<Intent, String> {
        let node = node(&inputs.cluster, &inputs.node)?.object();
        let effect = Effect::change(Verb::Patch, node, "cordon it again");
        Ok(Intent {
            effects: Effects::exact(vec![effect]),
            idempotent: true,
            wants_approval: None,
            pinned: crate::domain::pinned::Pinned::default(),
        })
    }

    fn foresee<'a>(
        &'a self,
        inputs: UncordonInputs,
        context: &'a StepContext,
        world: &'a World,
        intent: Intent,
    ) -> BoxFuture<'a, Result<Intent, String>> {
        Box::pin(async move {
            seen(&node(&inputs.cluster, &inputs.node)?, context, world).await?;
            Ok(intent)
        })
    }

    fn runs_dry(&self, _: Class) -> bool {
        true
    }

    fn execute<'a>(
        &'a self,
        inputs: UncordonInputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            match uncordon(&inputs, session, world).await {
                Ok(report) | Err(report) => report,
            }
        })
    }
}

async fn uncordon(
    inputs: &UncordonInputs,
    session: &Session,
    world: &World,
) -> Result<StepReport, StepReport> {
    let refused = |error| StepReport::failed(error, false);
    let node = &node(&inputs.cluster, &inputs.node).map_err(refused)?;
    let scene = Scene {
        subject: node,
        session,
        world,
    };
    let carried = carry_out(&Uncordon, scene, Patience::without_undo(inputs.wait)).await?;
    let changed = carried.turned.state == Made::Here;
    let done = match (changed, session.context.dry_run) {
        (false, _) => format!("{node} takes pods already"),
        (true, true) => format!("would uncordon {node}; the server agrees"),
        (true, false) => format!("{node} uncordoned"),
    };
    let summary = match carried.ready_after {
        Some(took) => format!("{done}, ready after {took}"),
        None => done,
    };
    let left = UncordonOutputs {
        cluster: inputs.cluster.clone(),
        node: inputs.node.clone(),
        changed,
        ready_after_ms: carried.ready_after.map(Span::millis),
    };
    Ok(carried.report(summary, outputs(&left)))
}
