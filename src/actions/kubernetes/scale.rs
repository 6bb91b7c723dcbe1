//! `kubernetes/scale`.

use crate::{
    actions::{
        framework::{Action, World, outputs, rights},
        kubernetes::{
            default_cluster,
            kinds::{DEPLOYMENTS, STATEFUL_SETS},
            object::{annotation, count_or},
            progress::scaled,
            report_error,
            wait::until_ready,
            workload::{Workload, mark},
        },
    },
    domain::{
        effect::{Class, Effect, Effects, Tri, Verb},
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
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Sets how many pods a workload has.
#[derive(Debug, Clone, Copy)]
pub struct KubernetesScale;

/// What `kubernetes/scale` is told. Exactly one of `deployment` and `statefulset` is given.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScaleInputs {
    /// The cluster's name in the agent's configuration.
    #[serde(default = "default_cluster")]
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// A deployment's name.
    #[serde(default)]
    pub deployment: Option<String>,
    /// A stateful set's name.
    #[serde(default)]
    pub statefulset: Option<String>,
    /// How many replicas it shall have; 0 stops it.
    #[schemars(range(max = 10_000))]
    pub replicas: u32,
    /// How long to wait until exactly these are there and available; without it, the step does not wait.
    #[serde(default)]
    pub wait: Option<Span>,
}

/// What `kubernetes/scale` leaves for later steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScaleOutputs {
    /// The cluster.
    pub cluster: String,
    /// `deployment` or `statefulset`.
    pub kind: String,
    /// The namespace.
    pub namespace: String,
    /// The workload.
    pub name: String,
    /// How many replicas it had; what to scale back to.
    pub previous: u64,
    /// How many replicas it shall have now.
    pub replicas: u32,
    /// How long it took until they were available, in milliseconds; nothing if the step did not wait.
    pub ready_after_ms: Option<u64>,
}

/// How many replicas there were, and which step has changed that.
const SCALED_FROM: &str = "orderly.dev/scaled-from";
/// More is a slip of the finger.
const MOST: u32 = 10_000;

impl ScaleInputs {
    fn workload(&self) -> Result<Workload, String> {
        let named = [
            ("deployment", DEPLOYMENTS, &self.deployment),
            ("statefulset", STATEFUL_SETS, &self.statefulset),
        ];
        Workload::new(&self.cluster, &self.namespace, &named)
    }
}

impl Action for KubernetesScale {
    type Inputs = ScaleInputs;
    type Outputs = ScaleOutputs;
    const NAME: &'static str = "kubernetes/scale";
    const SUMMARY: &'static str = "Sets how many pods a deployment or stateful set has.";

    fn validate(&self, inputs: &ScaleInputs) -> Result<(), String> {
        if inputs.replicas > MOST {
            return Err(format!("in `with`, at `replicas`: more than {MOST}"));
        }
        inputs.workload().map(drop)
    }

    fn intend(&self, inputs: &ScaleInputs, _: &StepContext) -> Result<Intent, String> {
        let object = inputs.workload()?.object();
        let undo = "scale back to the previous number";
        let mut effect = Effect::change(Verb::ScaleTo(inputs.replicas), object, undo);
        if inputs.replicas == 0 {
            effect.service_cut = Tri::Yes;
        }
        Ok(Intent {
            effects: Effects::exact(vec![effect]),
            idempotent: true,
            wants_approval: None,
            pinned: crate::domain::pinned::Pinned::default(),
        })
    }

    fn rights(&self, inputs: &ScaleInputs, effects: &Effects) -> Rights {
        let waits = inputs.wait.map(|_| (&*inputs.cluster, &*inputs.namespace));
        rights::of_effects(effects).and_telling_of_pods(waits)
    }

    fn runs_dry(&self, _: Class) -> bool {
        true
    }

    fn execute<'a>(
        &'a self,
        inputs: ScaleInputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            match scale(&inputs, session, world).await {
                Ok(report) | Err(report) => report,
            }
        })
    }
}

async fn scale(
    inputs: &ScaleInputs,
    session: &Session,
    world: &World,
) -> Result<StepReport, StepReport> {
    let workload = inputs
        .workload()
        .map_err(|error| StepReport::failed(error, false))?;
    let (dry_run, wanted) = (session.context.dry_run, inputs.replicas);
    let failed = |error| report_error(&format!("scaling {workload}"), &error);
    let now = workload.get(world).await.map_err(failed)?;
    let previous = previous(&now, &mark(&session.context));
    let patch = json!({
        "metadata": { "annotations": { SCALED_FROM: format!("{previous} by {}", mark(&session.context)) } },
        "spec": { "replicas": wanted }
    });
    workload
        .patch(world, &now, patch, dry_run)
        .await
        .map_err(failed)?;
    let mut summary = if dry_run {
        format!("would scale {workload} from {previous} to {wanted}; the server agrees")
    } else {
        format!("{workload} scaled from {previous} to {wanted}")
    };
    let mut ready_after_ms = None;
    if let Some(limit) = inputs.wait.filter(|_| !dry_run) {
        let ready = |object: &Value| scaled(&workload.kind, object, u64::from(wanted));
        let done = format!("was scaled from {previous} to {wanted}");
        let took = until_ready(&workload, &done, limit, session, world, ready).await;
        let took = took.map_err(|report| with_outputs(report, inputs, &workload, previous))?;
        ready_after_ms = Some(took.millis());
        summary = format!("{summary}, ready after {took}");
    }
    let report = StepReport::succeeded(summary, Value::Null);
    let left = left(inputs, &workload, previous, ready_after_ms);
    Ok(StepReport {
        outputs: outputs(&left),
        ..report
    })
}

/// How many replicas there were before this step; a second attempt finds what the first one has left.
fn previous(object: &Value, mark: &str) -> u64 {
    let noted = annotation(object, "/metadata/annotations", SCALED_FROM);
    noted
        .split_once(" by ")
        .filter(|(_, by)| *by == mark)
        .and_then(|(count, _)| count.parse().ok())
        .unwrap_or_else(|| count_or(object, "/spec/replicas", 1))
}

/// What it was scaled from is needed most when the wait was in vain.
fn with_outputs(
    report: StepReport,
    inputs: &ScaleInputs,
    workload: &Workload,
    previous: u64,
) -> StepReport {
    StepReport {
        outputs: outputs(&left(inputs, workload, previous, None)),
        ..report
    }
}

fn left(
    inputs: &ScaleInputs,
    workload: &Workload,
    previous: u64,
    ready_after_ms: Option<u64>,
) -> ScaleOutputs {
    ScaleOutputs {
        cluster: workload.cluster.clone(),
        kind: workload.kind.word(),
        namespace: workload.namespace.clone(),
        name: workload.name.clone(),
        previous,
        replicas: inputs.replicas,
        ready_after_ms,
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
    async fn what_is_scaled_is_named_exactly() {
        let scale = |replicas: u32| json!({ "namespace": "shop", "statefulset": "db", "replicas": replicas });
        let intent = intend("kubernetes/scale", scale(2)).await.unwrap();
        assert_eq!(intent.effects.confidence, Confidence::Exact);
        assert_eq!(intent.effects.class(), Class::Change);
        assert_eq!(
            intent.effects.items[0].to_string(),
            "scale to 2 statefulset.apps db in namespace shop on cluster default"
        );
        let stop = intend("kubernetes/scale", scale(0)).await.unwrap();
        assert_eq!(stop.effects.class(), Class::Destructive);
    }

    #[tokio::test]
    async fn exactly_one_workload_is_named() {
        for (value, words) in [
            (
                json!({ "namespace": "a", "replicas": 1 }),
                "exactly one of `deployment`, `statefulset`",
            ),
            (
                json!({ "namespace": "a", "replicas": 1, "deployment": "x", "statefulset": "y" }),
                "exactly one of",
            ),
            (
                json!({ "namespace": "a/b", "replicas": 1, "deployment": "x" }),
                "at `namespace`",
            ),
            (
                json!({ "namespace": "a", "replicas": 10_001, "deployment": "x" }),
                "more than 10000",
            ),
            (
                json!({ "namespace": "a", "replicas": -1, "deployment": "x" }),
                "replicas",
            ),
        ] {
            let error = intend("kubernetes/scale", value.clone()).await.unwrap_err();
            assert!(error.contains(words), "{value}: {error}");
        }
    }
}
