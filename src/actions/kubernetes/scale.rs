//! `kubernetes/scale`.

use crate::{
    actions::{
        framework::{
            Action, World, outputs,
            rights::{self, On},
        },
        kubernetes::{
            beforehand::seen,
            default_cluster, driven,
            kinds::{AUTOSCALERS, DEPLOYMENTS, STATEFUL_SETS},
            object::count_or,
            progress::{Progress, scaled},
            turn::{self, Carried, Made, Patience, Scene, Turn, carry_out},
            workload::Workload,
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
    /// Whether to scale a workload that a HorizontalPodAutoscaler drives, which will set its own number soon after. Without it, such a
    /// step fails; to stop a workload (`replicas: 0`), and to start it again, it is not needed, because autoscalers leave 0 alone.
    #[serde(default)]
    pub override_autoscaler: bool,
    /// How long to wait until exactly these are there and available; without it, the step does not wait.
    #[serde(default)]
    pub wait: Option<Span>,
    /// Whether it is scaled back when the wait is in vain; `true` where none is named.
    #[serde(default)]
    pub undo_on_failure: Option<bool>,
    /// How long to wait until the former replicas are there again; as `wait` where none is named.
    #[serde(default)]
    pub undo_wait: Option<Span>,
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
    /// Whether it was scaled back.
    pub undone: bool,
}

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
    fn patience(&self) -> Result<Patience, String> {
        Patience::new(self.wait, self.undo_on_failure, self.undo_wait)
    }
}

/// The number of replicas.
struct Scaling<'a> {
    workload: &'a Workload,
    replicas: u32,
}

impl Turn for Scaling<'_> {
    const NOTE: &'static str = "orderly.dev/scaled";
    const PART: &'static str = "/spec/replicas";
    const DOING: &'static str = "scaling";

    fn workload(&self) -> Option<&Workload> {
        Some(self.workload)
    }
    fn read(&self, object: &Value) -> Value {
        json!(count_or(object, "/spec/replicas", 1))
    }
    fn wanted(&self, _: &Value) -> Result<Value, String> {
        Ok(json!(self.replicas))
    }
    fn patch(&self, replicas: &Value) -> Value {
        json!({ "spec": { "replicas": replicas } })
    }
    fn progress(&self, replicas: &Value, object: &Value) -> Progress {
        let wanted = replicas.as_u64().unwrap_or_default();
        scaled(&self.workload.kind, object, wanted)
    }
    fn done(&self, from: &Value, to: &Value) -> String {
        if from == to {
            return format!("has {to} replicas already");
        }
        format!("was scaled from {from} to {to}")
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
        inputs.patience()?;
        inputs.workload().map(drop)
    }

    fn intend(&self, inputs: &ScaleInputs, _: &StepContext) -> Result<Intent, String> {
        let object = inputs.workload()?.subject.object();
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

    fn foresee<'a>(
        &'a self,
        inputs: ScaleInputs,
        context: &'a StepContext,
        world: &'a World,
        intent: Intent,
    ) -> BoxFuture<'a, Result<Intent, String>> {
        Box::pin(async move {
            let workload = &inputs.workload()?;
            let Some(object) = seen(&workload.subject, context, world).await? else {
                return Ok(intent);
            };
            if !inputs.override_autoscaler {
                driven::is_free(workload, &object, inputs.replicas, world).await?;
            }
            Ok(intent)
        })
    }

    fn grace(&self, _: &ScaleInputs) -> Span {
        turn::grace()
    }

    fn rights(&self, inputs: &ScaleInputs, effects: &Effects) -> Rights {
        let place = (&*inputs.cluster, &*inputs.namespace);
        let needed = rights::of_effects(effects).and_telling_of_pods(inputs.wait.map(|_| place));
        if inputs.override_autoscaler {
            return needed;
        }
        let autoscalers = On::all(place.0, Some(place.1), &AUTOSCALERS);
        needed.and_told_by(autoscalers, &["list"])
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
    let refused = |error| StepReport::failed(error, false);
    let workload = &inputs.workload().map_err(refused)?;
    let patience = inputs.patience().map_err(refused)?;
    let scene = Scene {
        subject: &workload.subject,
        session,
        world,
    };
    let replicas = inputs.replicas;
    let carried = carry_out(&Scaling { workload, replicas }, scene, patience).await?;
    let previous = carried.turned.from.as_u64().unwrap_or_default();
    let left = ScaleOutputs {
        cluster: inputs.cluster.clone(),
        kind: workload.kind.word(),
        namespace: inputs.namespace.clone(),
        name: workload.subject.name.clone(),
        previous,
        replicas,
        ready_after_ms: carried.ready_after.map(Span::millis),
        undone: carried.undone,
    };
    let summary = summary(workload, &carried, session.context.dry_run);
    Ok(carried.report(summary, outputs(&left)))
}

fn summary(workload: &Workload, carried: &Carried, dry_run: bool) -> String {
    let (from, to) = (&carried.turned.from, &carried.turned.to);
    let done = match (carried.turned.state, dry_run) {
        (Made::Already, _) => format!("{workload} has {to} replicas already"),
        (Made::Here | Made::PutBack, true) => {
            format!("would scale {workload} from {from} to {to}; the server agrees")
        }
        (Made::Here | Made::PutBack, false) => format!("{workload} scaled from {from} to {to}"),
    };
    carried.ready(done)
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
