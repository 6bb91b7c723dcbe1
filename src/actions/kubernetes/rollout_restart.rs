//! `kubernetes/rollout-restart`.

use crate::{
    actions::{
        framework::{Action, World, outputs, rights},
        kubernetes::{
            beforehand::changeable,
            default_cluster,
            kinds::{DAEMON_SETS, DEPLOYMENTS, STATEFUL_SETS},
            object::annotation,
            progress::{Progress, rollout},
            turn::{self, Patience, Scene, Turn, carry_out},
            workload::Workload,
        },
    },
    domain::{
        effect::{Class, Effect, Effects, Reversible, Verb},
        right::Rights,
        run::StepReport,
        span::Span,
    },
    ports::{
        BoxFuture,
        executor::{Intent, Session, StepContext},
    },
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What `kubectl rollout restart` writes, too.
const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";
/// Replaces the pods of a workload one after the other.
#[derive(Debug, Clone, Copy)]
pub struct RolloutRestart;

/// What `kubernetes/rollout-restart` is told. Exactly one of `deployment`, `statefulset` and `daemonset` is given.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RestartInputs {
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
    /// A daemon set's name.
    #[serde(default)]
    pub daemonset: Option<String>,
    /// How long to wait until all pods are new and available; without it, the step does not wait.
    #[serde(default)]
    pub wait: Option<Span>,
    /// Whether the former template is put back when the wait is in vain, which stops the rollout and brings the former pods back; `true` where none is named.
    #[serde(default)]
    pub undo_on_failure: Option<bool>,
    /// How long to wait until the former state is there again; as `wait` where none is named.
    #[serde(default)]
    pub undo_wait: Option<Span>,
}

/// What `kubernetes/rollout-restart` leaves for later steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestartOutputs {
    /// The cluster.
    pub cluster: String,
    /// `deployment`, `statefulset` or `daemonset`.
    pub kind: String,
    /// The namespace.
    pub namespace: String,
    /// The workload.
    pub name: String,
    /// When it was restarted (RFC 3339).
    pub restarted_at: String,
    /// How long it took to be ready, in milliseconds; nothing if the step did not wait.
    pub ready_after_ms: Option<u64>,
    /// Whether the former template was put back.
    pub undone: bool,
}

impl RestartInputs {
    fn workload(&self) -> Result<Workload, String> {
        let named = [
            ("deployment", DEPLOYMENTS, &self.deployment),
            ("statefulset", STATEFUL_SETS, &self.statefulset),
            ("daemonset", DAEMON_SETS, &self.daemonset),
        ];
        Workload::new(&self.cluster, &self.namespace, &named)
    }
    fn patience(&self) -> Result<Patience, String> {
        Patience::new(self.wait, self.undo_on_failure, self.undo_wait)
    }
}

/// The moment of the last restart, which stands in the template.
struct Restart<'a> {
    workload: &'a Workload,
    at: Timestamp,
}

impl Turn for Restart<'_> {
    const NOTE: &'static str = "orderly.dev/restarted";
    const PART: &'static str = "/spec/template";
    const DOING: &'static str = "restarting";

    fn workload(&self) -> Option<&Workload> {
        Some(self.workload)
    }
    fn read(&self, object: &Value) -> Value {
        match annotation(object, "/spec/template/metadata/annotations", RESTARTED_AT) {
            "" => Value::Null,
            at => json!(at),
        }
    }
    fn wanted(&self, object: &Value) -> Result<Value, String> {
        self.workload.is_not_paused(object, "a restart")?;
        let at = self.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        // Another restart in the same second is one of its own.
        let taken = self.read(object) == json!(at);
        Ok(json!(if taken { self.at.to_string() } else { at }))
    }
    fn patch(&self, at: &Value) -> Value {
        let annotations = json!({ RESTARTED_AT: at });
        json!({ "spec": { "template": { "metadata": { "annotations": annotations } } } })
    }
    fn progress(&self, _: &Value, object: &Value) -> Progress {
        rollout(&self.workload.kind, object)
    }
    fn done(&self, _: &Value, _: &Value) -> String {
        "was restarted".to_owned()
    }
}

impl Action for RolloutRestart {
    type Inputs = RestartInputs;
    type Outputs = RestartOutputs;
    const NAME: &'static str = "kubernetes/rollout-restart";
    const SUMMARY: &'static str =
        "Replaces the pods of a deployment, stateful set or daemon set one after the other.";

    fn validate(&self, inputs: &RestartInputs) -> Result<(), String> {
        inputs.patience()?;
        inputs.workload().map(drop)
    }

    fn intend(&self, inputs: &RestartInputs, _: &StepContext) -> Result<Intent, String> {
        let restart = Effect {
            verb: Verb::Restart,
            reversible: Reversible::Recreated,
            ..Effect::read(Verb::Read, inputs.workload()?.subject.object())
        };
        Ok(Intent {
            effects: Effects::exact(vec![restart]),
            // The mark of this step says whether it was done.
            idempotent: true,
            wants_approval: None,
            pinned: crate::domain::pinned::Pinned::default(),
        })
    }

    fn foresee<'a>(
        &'a self,
        inputs: RestartInputs,
        context: &'a StepContext,
        world: &'a World,
        intent: Intent,
    ) -> BoxFuture<'a, Result<Intent, String>> {
        Box::pin(async move {
            let workload = &inputs.workload()?;
            let at = world.clock.now();
            let restart = Restart { workload, at };
            changeable(&restart, &workload.subject, context, world).await?;
            Ok(intent)
        })
    }

    fn grace(&self, _: &RestartInputs) -> Span {
        turn::grace()
    }

    fn rights(&self, inputs: &RestartInputs, effects: &Effects) -> Rights {
        let waits = inputs.wait.map(|_| (&*inputs.cluster, &*inputs.namespace));
        rights::of_effects(effects).and_telling_of_pods(waits)
    }

    fn runs_dry(&self, _: Class) -> bool {
        true
    }

    fn execute<'a>(
        &'a self,
        inputs: RestartInputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            match restart(&inputs, session, world).await {
                Ok(report) | Err(report) => report,
            }
        })
    }
}

async fn restart(
    inputs: &RestartInputs,
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
    let at = world.clock.now();
    let carried = carry_out(&Restart { workload, at }, scene, patience).await?;
    let summary = if session.context.dry_run {
        format!("would restart {workload}; the server agrees")
    } else {
        carried.ready(format!("{workload} restarted"))
    };
    let left = RestartOutputs {
        cluster: inputs.cluster.clone(),
        kind: workload.kind.word(),
        namespace: inputs.namespace.clone(),
        name: workload.subject.name.clone(),
        restarted_at: carried.turned.to.as_str().unwrap_or_default().to_owned(),
        ready_after_ms: carried.ready_after.map(Span::millis),
        undone: carried.undone,
    };
    Ok(carried.report(summary, outputs(&left)))
}
