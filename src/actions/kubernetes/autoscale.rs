//! `kubernetes/autoscale`.

use crate::{
    actions::{
        framework::{Action, World, outputs, rights},
        kubernetes::{
            beforehand::seen,
            check_name, default_cluster,
            kinds::{AUTOSCALERS, DEPLOYMENTS, STATEFUL_SETS},
            object::{condition, count, cut, text},
            progress::Progress,
            report_error,
            subject::Subject,
            wait::until,
            workload::Workload,
        },
    },
    commands::deeds::{self, Deed, Manifest},
    domain::{
        check::CheckStatus,
        effect::{Class, Effects},
        right::Rights,
        run::{StepReport, StepResult},
        span::Span,
    },
    ports::{
        BoxFuture,
        cluster::{Change, ClusterError, Sort},
        executor::{Intent, Session, StepContext},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// More is a slip of the finger.
const MOST: u32 = 10_000;
/// What must be true of an autoscaler that works.
const CONDITIONS: [&str; 2] = ["AbleToScale", "ScalingActive"];

/// Lets a workload grow and shrink with its load.
#[derive(Debug, Clone, Copy)]
pub struct Autoscale;

/// What `kubernetes/autoscale` is told. Exactly one of `deployment` and `statefulset` is given, and at least one of `cpuPercent`,
/// `memoryPercent` and `metrics`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AutoscaleInputs {
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
    /// The autoscaler's name; that of the workload where none is named.
    #[serde(default)]
    pub name: Option<String>,
    /// The fewest replicas; at least 1, since what is scaled to 0 serves nobody.
    #[schemars(range(min = 1, max = 10_000))]
    pub min: u32,
    /// The most replicas.
    #[schemars(range(min = 1, max = 10_000))]
    pub max: u32,
    /// The share of their requested processor time, in percent, that pods shall use on average.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub cpu_percent: Option<u32>,
    /// The share of their requested memory, in percent, that pods shall use on average.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub memory_percent: Option<u32>,
    /// Further metrics, as `spec.metrics` of a HorizontalPodAutoscaler (autoscaling/v2) has them.
    #[serde(default)]
    #[schemars(with = "Vec<serde_json::Map<String, Value>>")]
    pub metrics: Vec<Value>,
    /// Whether to take fields over that another manager owns; without it, such a field is a conflict that names them.
    #[serde(default)]
    pub force: bool,
    /// How long to wait until the autoscaler is able to scale and has metrics; without it, the step does not wait.
    #[serde(default)]
    pub wait: Option<Span>,
}

/// What `kubernetes/autoscale` leaves for later steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AutoscaleOutputs {
    /// The cluster.
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// The autoscaler.
    pub name: String,
    /// Whether it is new.
    pub created: bool,
    /// The bounds that it had before.
    pub previous: Option<Bounds>,
    /// Whether it was seen to scale; nothing if the step did not wait.
    pub active: Option<bool>,
    /// How long that took, in milliseconds; nothing if the step did not wait, or in vain.
    pub ready_after_ms: Option<u64>,
}

/// The bounds of an autoscaler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Bounds {
    /// The fewest replicas.
    pub min: u64,
    /// The most replicas.
    pub max: u64,
}

impl AutoscaleInputs {
    fn workload(&self) -> Result<Workload, String> {
        let named = [
            ("deployment", DEPLOYMENTS, &self.deployment),
            ("statefulset", STATEFUL_SETS, &self.statefulset),
        ];
        Workload::new(&self.cluster, &self.namespace, &named)
    }

    fn check(&self) -> Result<(), String> {
        if let Some(name) = &self.name {
            check_name("name", name)?;
        }
        if self.min == 0 {
            return Err("in `with`, at `min`: at least one replica must stay\nhint: stop a workload with `kubernetes/scale` and `replicas: 0`".to_owned());
        }
        if self.max < self.min || self.max > MOST {
            let min = self.min;
            return Err(format!(
                "in `with`, at `max`: it must be between {min} (`min`) and {MOST}"
            ));
        }
        for (field, percent) in [
            ("cpuPercent", self.cpu_percent),
            ("memoryPercent", self.memory_percent),
        ] {
            if percent == Some(0) {
                return Err(format!("in `with`, at `{field}`: it must be at least 1"));
            }
        }
        if !self.metrics.iter().all(Value::is_object) {
            return Err("in `with`, at `metrics`: each must be an object".to_owned());
        }
        if self.metrics().is_empty() {
            return Err(
                "in `with`: nothing says when to scale\nhint: set `cpuPercent`, `memoryPercent` or `metrics`"
                    .to_owned(),
            );
        }
        Ok(())
    }

    fn metrics(&self) -> Vec<Value> {
        let usage = [("cpu", self.cpu_percent), ("memory", self.memory_percent)];
        let of = |(name, percent): (&str, Option<u32>)| {
            let target = json!({ "type": "Utilization", "averageUtilization": percent? });
            Some(json!({ "type": "Resource", "resource": { "name": name, "target": target } }))
        };
        let usage = usage.into_iter().filter_map(of);
        usage.chain(self.metrics.iter().cloned()).collect()
    }

    fn autoscaler(&self, workload: &Workload) -> Subject {
        let name = self.name.as_ref().unwrap_or(&workload.subject.name);
        Subject {
            kind: AUTOSCALERS.effect_kind(),
            name: name.clone(),
            ..workload.subject.clone()
        }
    }

    /// The object as it is applied: every field that is named here is the agent's.
    fn manifest(&self, workload: &Workload) -> Value {
        let autoscaler = self.autoscaler(workload);
        let target = json!({ "apiVersion": "apps/v1", "kind": workload.kind.kind, "name": workload.subject.name });
        json!({
            "apiVersion": "autoscaling/v2", "kind": AUTOSCALERS.kind,
            "metadata": { "name": autoscaler.name, "namespace": autoscaler.namespace },
            "spec": {
                "scaleTargetRef": target, "minReplicas": self.min, "maxReplicas": self.max,
                "metrics": self.metrics()
            }
        })
    }
}

impl Action for Autoscale {
    type Inputs = AutoscaleInputs;
    type Outputs = AutoscaleOutputs;
    const NAME: &'static str = "kubernetes/autoscale";
    const SUMMARY: &'static str = "Lets a deployment or stateful set grow and shrink with its load, by a HorizontalPodAutoscaler.";

    fn validate(&self, inputs: &AutoscaleInputs) -> Result<(), String> {
        inputs.check()?;
        inputs.workload().map(drop)
    }

    fn intend(&self, inputs: &AutoscaleInputs, _: &StepContext) -> Result<Intent, String> {
        let workload = inputs.workload()?;
        let object = inputs.manifest(&workload);
        let manifest = Manifest {
            object: &object,
            namespace: Some(workload.namespace()),
        };
        Ok(Intent {
            effects: deeds::of_deeds(&inputs.cluster, &[Deed::Apply(manifest)]),
            idempotent: true,
            wants_approval: None,
            pinned: crate::domain::pinned::Pinned::default(),
        })
    }

    fn foresee<'a>(
        &'a self,
        inputs: AutoscaleInputs,
        context: &'a StepContext,
        world: &'a World,
        intent: Intent,
    ) -> BoxFuture<'a, Result<Intent, String>> {
        Box::pin(async move {
            seen(&inputs.workload()?.subject, context, world).await?;
            Ok(intent)
        })
    }

    fn rights(&self, inputs: &AutoscaleInputs, effects: &Effects) -> Rights {
        let workload = inputs.workload();
        let looked = workload.map(|of| rights::on_object(&of.subject.object(), None, &["get"]));
        rights::of_effects(effects).with(looked.unwrap_or_default())
    }

    fn runs_dry(&self, _: Class) -> bool {
        true
    }

    fn execute<'a>(
        &'a self,
        inputs: AutoscaleInputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            match autoscale(&inputs, session, world).await {
                Ok(report) | Err(report) => report,
            }
        })
    }
}

async fn autoscale(
    inputs: &AutoscaleInputs,
    session: &Session,
    world: &World,
) -> Result<StepReport, StepReport> {
    let workload = inputs
        .workload()
        .map_err(|error| StepReport::failed(error, false))?;
    let autoscaler = inputs.autoscaler(&workload);
    let failed = |error| report_error(&format!("autoscaling {workload}"), &error);
    // An autoscaler of nothing would be there, and do nothing.
    workload.subject.get(world).await.map_err(failed)?;
    let before = match autoscaler.get(world).await {
        Ok(before) => Some(before),
        Err(ClusterError::NotFound(_)) => None,
        Err(error) => return Err(failed(error)),
    };
    let manifest = on_top_of(before.as_ref(), inputs.manifest(&workload));
    let change = Change::Apply {
        object: &manifest,
        force: inputs.force,
    };
    let dry_run = session.context.dry_run;
    let applied = autoscaler.change(world, change, dry_run);
    applied.await.map_err(failed)?;
    let mut left = left(inputs, &autoscaler, before.as_ref());
    let done = said(inputs, &workload, before.is_some(), dry_run);
    let Some(limit) = inputs.wait.filter(|_| !dry_run) else {
        let report = noted(done, inputs, world).await;
        return Ok(with(report, &left));
    };
    match until(&autoscaler, limit, session, world, active).await {
        Ok(took) => {
            left.active = Some(true);
            left.ready_after_ms = Some(took.millis());
            let summary = format!("{done}, and scales since {took}");
            Ok(StepReport::succeeded(summary, outputs(&left)))
        }
        Err(vain) => {
            left.active = Some(false);
            let report = vain.report(vain.words(&done));
            Ok(with(hinted(report, inputs, world).await, &left))
        }
    }
}

/// Only the very object that was looked at is changed.
fn on_top_of(before: Option<&Value>, mut manifest: Value) -> Value {
    if let Some(uid) = before.and_then(|before| before.pointer("/metadata/uid")) {
        manifest["metadata"]["uid"] = uid.clone();
    }
    manifest
}

fn with(report: StepReport, left: &AutoscaleOutputs) -> StepReport {
    StepReport {
        outputs: outputs(left),
        ..report
    }
}

fn left(
    inputs: &AutoscaleInputs,
    autoscaler: &Subject,
    before: Option<&Value>,
) -> AutoscaleOutputs {
    let bounds = |before: &Value| Bounds {
        min: count(before, "/spec/minReplicas"),
        max: count(before, "/spec/maxReplicas"),
    };
    AutoscaleOutputs {
        cluster: inputs.cluster.clone(),
        namespace: inputs.namespace.clone(),
        name: autoscaler.name.clone(),
        created: before.is_none(),
        previous: before.map(bounds),
        active: None,
        ready_after_ms: None,
    }
}

fn said(inputs: &AutoscaleInputs, workload: &Workload, was_there: bool, dry_run: bool) -> String {
    let autoscaler = inputs.autoscaler(workload);
    let (min, max) = (inputs.min, inputs.max);
    let done = match (dry_run, was_there) {
        (true, _) => {
            return format!(
                "would let {workload} have {min} to {max} replicas, by {autoscaler}; the server agrees"
            );
        }
        (false, true) => "changed",
        (false, false) => "created",
    };
    format!("{autoscaler} was {done} and lets {workload} have {min} to {max} replicas")
}

/// Nobody has waited; what is known to be missing all the same is said.
async fn noted(done: String, inputs: &AutoscaleInputs, world: &World) -> StepReport {
    match without_metrics(inputs, world).await {
        None => StepReport::succeeded(done, Value::Null),
        Some(missing) => StepReport::checked(
            CheckStatus::Warning,
            format!("{done}, but {missing}"),
            Value::Null,
        ),
    }
}

async fn hinted(report: StepReport, inputs: &AutoscaleInputs, world: &World) -> StepReport {
    let StepResult::Failed { error, retryable } = &report.result else {
        return report;
    };
    match without_metrics(inputs, world).await {
        None => report,
        Some(missing) => StepReport::failed(format!("{error}; {missing}"), *retryable),
    }
}

/// Usage of pods is told by a metrics server, which a cluster need not have.
async fn without_metrics(inputs: &AutoscaleInputs, world: &World) -> Option<String> {
    inputs.cpu_percent.or(inputs.memory_percent)?;
    let usage = Sort::Effect("pods.metrics.k8s.io");
    let found = world.clusters.find(&inputs.cluster, usage).await;
    if !matches!(found, Err(ClusterError::NotFound(_))) {
        return None;
    }
    Some("nothing in this cluster tells the usage of pods (metrics.k8s.io), so it cannot scale; hint: install a metrics server".to_owned())
}

/// Whether it is able to scale, and knows whether it should.
fn active(autoscaler: &Value) -> Progress {
    let missing = |kind: &str| match condition(autoscaler, kind) {
        None => Some(format!("{kind} is not known yet")),
        Some(known) if text(known, "/status") == "True" => None,
        Some(known) => Some(format!(
            "{kind} is {}: {}: {}",
            text(known, "/status"),
            text(known, "/reason"),
            cut(text(known, "/message"))
        )),
    };
    let missing: Vec<String> = CONDITIONS.into_iter().filter_map(missing).collect();
    if missing.is_empty() {
        return Progress::Ready;
    }
    Progress::Waiting(missing.join("; "))
}

#[cfg(test)]
mod tests {
    use super::active;
    use crate::{
        actions::{framework::scripted::intend, kubernetes::progress::Progress},
        domain::effect::{Class, Confidence},
    };
    use serde_json::{Value, json};

    fn with(more: &Value) -> Value {
        let mut inputs = json!({ "namespace": "shop", "deployment": "web", "min": 2, "max": 5, "cpuPercent": 70 });
        for (name, value) in more.as_object().unwrap() {
            inputs[name] = value.clone();
        }
        inputs
    }

    #[tokio::test]
    async fn an_autoscaler_is_named_exactly() {
        let intent = intend("kubernetes/autoscale", with(&json!({})))
            .await
            .unwrap();
        assert_eq!(intent.effects.confidence, Confidence::Exact);
        assert_eq!(intent.effects.class(), Class::Change);
        assert_eq!(
            intent.effects.items[0].to_string(),
            "update horizontalpodautoscaler.autoscaling web in namespace shop on cluster default"
        );
    }

    #[tokio::test]
    async fn what_cannot_scale_is_refused() {
        for (more, words) in [
            (json!({ "min": 0 }), "at least one replica must stay"),
            (json!({ "max": 1 }), "between 2 (`min`) and 10000"),
            (json!({ "max": 10_001 }), "between 2"),
            (json!({ "cpuPercent": null }), "nothing says when to scale"),
            (json!({ "cpuPercent": 0 }), "at `cpuPercent`"),
            (json!({ "metrics": ["cpu"] }), "at `metrics`"),
            (json!({ "name": "a/b" }), "at `name`"),
        ] {
            let error = intend("kubernetes/autoscale", with(&more))
                .await
                .unwrap_err();
            assert!(error.contains(words), "{more}: {error}");
        }
    }

    #[test]
    fn an_autoscaler_works_when_it_is_able_and_has_metrics() {
        let status = |active: &str| {
            json!({ "status": { "conditions": [
            { "type": "AbleToScale", "status": "True" },
            { "type": "ScalingActive", "status": active, "reason": "FailedGetResourceMetric", "message": "no metrics" }
        ] } })
        };
        assert_eq!(active(&status("True")), Progress::Ready);
        let missing = "ScalingActive is False: FailedGetResourceMetric: no metrics";
        assert_eq!(
            active(&status("False")),
            Progress::Waiting(missing.to_owned())
        );
        assert!(matches!(active(&json!({})), Progress::Waiting(_)));
    }
}
