//! `kubernetes/rollout-restart`.

use crate::{
    actions::{
        framework::{Action, World, outputs, rights},
        kubernetes::{
            default_cluster,
            kinds::{DAEMON_SETS, DEPLOYMENTS, STATEFUL_SETS},
            object::annotation,
            progress::rollout,
            report_error,
            wait::until_ready,
            workload::{Workload, mark},
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
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What `kubectl rollout restart` writes, too.
const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";
/// Which step restarted it, so that the same step does not do it twice.
const RESTARTED_BY: &str = "orderly.dev/restarted-by";

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
}

impl Action for RolloutRestart {
    type Inputs = RestartInputs;
    type Outputs = RestartOutputs;
    const NAME: &'static str = "kubernetes/rollout-restart";
    const SUMMARY: &'static str =
        "Replaces the pods of a deployment, stateful set or daemon set one after the other.";

    fn validate(&self, inputs: &RestartInputs) -> Result<(), String> {
        inputs.workload().map(drop)
    }

    fn intend(&self, inputs: &RestartInputs, _: &StepContext) -> Result<Intent, String> {
        let restart = Effect {
            verb: Verb::Restart,
            reversible: Reversible::Recreated,
            ..Effect::read(Verb::Read, inputs.workload()?.object())
        };
        Ok(Intent {
            effects: Effects::exact(vec![restart]),
            // The mark of this step says whether it was done.
            idempotent: true,
            wants_approval: None,
            pinned: crate::domain::pinned::Pinned::default(),
        })
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
            let workload = match inputs.workload() {
                Ok(workload) => workload,
                Err(error) => return StepReport::failed(error, false),
            };
            match restart(&workload, inputs.wait, session, world).await {
                Ok(report) | Err(report) => report,
            }
        })
    }
}

async fn restart(
    workload: &Workload,
    wait: Option<Span>,
    session: &Session,
    world: &World,
) -> Result<StepReport, StepReport> {
    let dry_run = session.context.dry_run;
    let restarted_at = begin(workload, session, world).await?;
    let mut summary = if dry_run {
        format!("would restart {workload}; the server agrees")
    } else {
        format!("{workload} restarted")
    };
    let mut ready_after_ms = None;
    if let Some(limit) = wait.filter(|_| !dry_run) {
        let ready = |object: &Value| rollout(&workload.kind, object);
        let took = until_ready(workload, "was restarted", limit, session, world, ready).await?;
        ready_after_ms = Some(took.millis());
        summary = format!("{summary}, ready after {took}");
    }
    let left = RestartOutputs {
        cluster: workload.cluster.clone(),
        kind: workload.kind.word(),
        namespace: workload.namespace.clone(),
        name: workload.name.clone(),
        restarted_at,
        ready_after_ms,
    };
    Ok(StepReport::succeeded(summary, outputs(&left)))
}

/// Sets the annotation, unless this very step has done so before; gives the time that stands in it.
async fn begin(
    workload: &Workload,
    session: &Session,
    world: &World,
) -> Result<String, StepReport> {
    let failed = |error| report_error(&format!("restarting {workload}"), &error);
    let now = workload.get(world).await.map_err(failed)?;
    if now.pointer("/spec/paused") == Some(&Value::Bool(true)) {
        return Err(StepReport::failed(
            format!("{workload} is paused, so a restart would not begin\nhint: resume it first"),
            false,
        ));
    }
    let by = mark(&session.context);
    let annotations = "/spec/template/metadata/annotations";
    if annotation(&now, annotations, RESTARTED_BY) == by {
        return Ok(annotation(&now, annotations, RESTARTED_AT).to_owned());
    }
    let at = world.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let annotations = json!({ RESTARTED_AT: at, RESTARTED_BY: by });
    let patch = json!({ "spec": { "template": { "metadata": { "annotations": annotations } } } });
    workload
        .patch(world, &now, patch, session.context.dry_run)
        .await
        .map_err(failed)?;
    Ok(at)
}
