//! `kubernetes/drain`.

use crate::{
    actions::{
        framework::{Action, World, outputs},
        kubernetes::{
            back::{in_vain, put_back_before},
            beforehand::seen,
            cordon::{Cordon, node},
            default_cluster,
            eviction::{Evictions, Manner, On},
            poll::Vain,
            report_error,
            subject::Subject,
            turn::{self, Made, Patience, Scene, Turned, begin},
        },
    },
    domain::{
        effect::{
            Class, Confidence, Effect, Effects, Object, Reach, Reversible, Scope, Tri, Verb, Which,
        },
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

/// Empties a node.
#[derive(Debug, Clone, Copy)]
pub struct Drain;

/// What `kubernetes/drain` is told. Pods of daemon sets, and those that the node itself runs (mirror pods), stay.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DrainInputs {
    /// The cluster's name in the agent's configuration.
    #[serde(default = "default_cluster")]
    pub cluster: String,
    /// The node.
    pub node: String,
    /// Whether pods may go whose data goes with them: those with `emptyDir` volumes. Without it, such a pod is an error before anything is done.
    #[serde(default)]
    pub delete_empty_dir_data: bool,
    /// Whether pods may go that nothing brings back. Without it, such a pod is an error before anything is done.
    #[serde(default)]
    pub force: bool,
    /// How long containers get to end; what each pod says itself where none is named.
    #[serde(default)]
    pub grace: Option<Span>,
    /// How long to wait until all pods have gone, disruption budgets included.
    #[serde(default = "default_wait")]
    pub wait: Span,
    /// Whether the node is uncordoned when that is in vain, if this step has cordoned it; `true` where none is named. Pods that have gone do not come back to it.
    #[serde(default)]
    pub undo_on_failure: Option<bool>,
}

fn default_wait() -> Span {
    Span::from_secs(300)
}

/// What `kubernetes/drain` leaves for later steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DrainOutputs {
    /// The cluster.
    pub cluster: String,
    /// The node.
    pub node: String,
    /// Whether this step has cordoned it; it was cordoned before otherwise.
    pub cordoned: bool,
    /// The pods that were evicted, as `namespace/name`.
    pub evicted: Vec<String>,
    /// The pods that stay: those of daemon sets and of the node itself.
    pub stayed: Vec<String>,
    /// Whether it was uncordoned again.
    pub undone: bool,
}

impl DrainInputs {
    fn manner(&self) -> Manner {
        Manner {
            empty_dirs: self.delete_empty_dir_data,
            unmanaged: self.force,
            grace: self.grace,
        }
    }

    fn effects(&self) -> Result<Effects, String> {
        let node = node(&self.cluster, &self.node)?.object();
        let pods = Object {
            kind: "pod".to_owned(),
            scope: Scope::AllNamespaces,
            which: Which::Selector(format!("fields spec.nodeName={}", self.node)),
            ..node.clone()
        };
        let loses = self.delete_empty_dir_data || self.force;
        let evict = Effect {
            reach: Reach::Unknown,
            reversible: if loses {
                Reversible::No
            } else {
                Reversible::Recreated
            },
            data_loss: if loses { Tri::Yes } else { Tri::No },
            service_cut: Tri::Yes,
            ..Effect::destructive(Verb::Evict, pods)
        };
        let cordon = Effect::change(Verb::Patch, node, "uncordon it");
        Ok(Effects {
            confidence: Confidence::Bounded,
            reasons: vec!["which pods a node holds is found when it runs".to_owned()],
            ..Effects::exact(vec![cordon, evict])
        })
    }
}

impl Action for Drain {
    type Inputs = DrainInputs;
    type Outputs = DrainOutputs;
    const NAME: &'static str = "kubernetes/drain";
    const SUMMARY: &'static str = "Empties a node: no new pods come to it, and those that are there are evicted as disruption budgets allow.";

    fn validate(&self, inputs: &DrainInputs) -> Result<(), String> {
        node(&inputs.cluster, &inputs.node).map(drop)
    }

    fn intend(&self, inputs: &DrainInputs, _: &StepContext) -> Result<Intent, String> {
        Ok(Intent {
            effects: inputs.effects()?,
            // The note of this step says whether it has cordoned the node; a pod that has gone is not evicted twice.
            idempotent: true,
            wants_approval: None,
            pinned: crate::domain::pinned::Pinned::default(),
        })
    }

    fn foresee<'a>(
        &'a self,
        inputs: DrainInputs,
        context: &'a StepContext,
        world: &'a World,
        intent: Intent,
    ) -> BoxFuture<'a, Result<Intent, String>> {
        Box::pin(async move {
            seen(&node(&inputs.cluster, &inputs.node)?, context, world).await?;
            Ok(intent)
        })
    }

    fn grace(&self, _: &DrainInputs) -> Span {
        turn::grace()
    }

    fn runs_dry(&self, _: Class) -> bool {
        true
    }

    fn execute<'a>(
        &'a self,
        inputs: DrainInputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            match drain(&inputs, session, world).await {
                Ok(report) | Err(report) => report,
            }
        })
    }
}

async fn drain(
    inputs: &DrainInputs,
    session: &Session,
    world: &World,
) -> Result<StepReport, StepReport> {
    let refused = |error| StepReport::failed(error, false);
    let node = &node(&inputs.cluster, &inputs.node).map_err(refused)?;
    let failed = |error| report_error(&format!("draining {node}"), &error);
    let on = On {
        node,
        manner: inputs.manner(),
        session,
        world,
    };
    let mut evictions = Evictions::default();
    node.get(world).await.map_err(failed)?;
    evictions.look(on).await.map_err(failed)?;
    if let Some(kept) = evictions.kept() {
        let hint = "hint: `force` and `deleteEmptyDirData` let such pods go";
        return Err(refused(format!("{node} was left alone: {kept}\n{hint}")));
    }
    let scene = Scene {
        subject: node,
        session,
        world,
    };
    let turned = begin(&Cordon, scene).await?;
    if session.context.dry_run {
        let (would, held) = evictions.tried(on).await.map_err(failed)?;
        let summary = tried(node, &would, &held);
        return Ok(StepReport::succeeded(
            summary,
            outputs(&left(inputs, &turned, &evictions, false)),
        ));
    }
    let patience = Patience::undoing(inputs.undo_on_failure);
    if turned.state == Made::PutBack {
        let report = put_back_before(&Cordon, scene, &turned, patience).await;
        let left = left(inputs, &turned, &evictions, true);
        return Ok(with(report, &left));
    }
    let Err(vain) = evictions.carry_out(on, inputs.wait).await else {
        let left = left(inputs, &turned, &evictions, false);
        let (gone, stay) = (left.evicted.len(), left.stayed.len());
        let summary = format!("{node} drained: {gone} pods evicted, {stay} stay");
        return Ok(StepReport::succeeded(summary, outputs(&left)));
    };
    let words = in_words(node, &turned, &evictions, &vain);
    let (report, undone) = in_vain(&Cordon, scene, &turned, patience, (&vain, words)).await;
    Ok(with(report, &left(inputs, &turned, &evictions, undone)))
}

fn with(report: StepReport, left: &DrainOutputs) -> StepReport {
    StepReport {
        outputs: outputs(left),
        ..report
    }
}

fn left(
    inputs: &DrainInputs,
    turned: &Turned,
    evictions: &Evictions,
    undone: bool,
) -> DrainOutputs {
    DrainOutputs {
        cluster: inputs.cluster.clone(),
        node: inputs.node.clone(),
        cordoned: turned.state == Made::Here,
        evicted: evictions.evicted(),
        stayed: evictions.stayed(),
        undone,
    }
}

fn in_words(node: &Subject, turned: &Turned, evictions: &Evictions, vain: &Vain) -> String {
    let cordoned = match turned.state {
        Made::Here | Made::PutBack => "was cordoned",
        Made::Already => "was cordoned already",
    };
    let gone = evictions.evicted().len();
    let done = format!("{node} {cordoned} and {gone} pods were evicted");
    match vain {
        Vain::Stopped => format!("{done}; draining it was stopped"),
        Vain::NotReady(missing, _) => format!("{done}, but it is not empty: {missing}"),
        Vain::Refused(error) => format!("{done}, but draining it failed: {error}"),
    }
}

fn tried(node: &Subject, would: &[String], held: &[String]) -> String {
    let pods = match would {
        [] => "no pod".to_owned(),
        pods => format!("{} pods ({})", pods.len(), pods.join(", ")),
    };
    let would = format!("would cordon {node} and evict {pods}; the server agrees");
    match held {
        [] => would,
        held => format!("{would}; now it would not let go: {}", held.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        actions::framework::scripted::intend,
        domain::effect::{Class, Confidence},
    };
    use serde_json::json;

    #[tokio::test]
    async fn a_drain_names_its_node_and_the_pods_on_it() {
        let intent = intend("kubernetes/drain", json!({ "node": "one" }))
            .await
            .unwrap();
        let lines: Vec<String> = intent
            .effects
            .items
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            lines,
            [
                "patch node one on cluster default",
                "evict pods matching fields spec.nodeName=one in all namespaces on cluster default"
            ]
        );
        assert_eq!(intent.effects.class(), Class::Destructive);
        assert_eq!(intent.effects.confidence, Confidence::Bounded);
        let error = intend("kubernetes/drain", json!({ "node": "a/b" }))
            .await
            .unwrap_err();
        assert!(error.contains("at `node`"), "{error}");
    }
}
