//! `kubernetes/rollout-undo`.

use crate::{
    actions::{
        framework::{
            Action, World, outputs,
            rights::{self, On},
        },
        kubernetes::{
            beforehand::{possible, seen},
            default_cluster,
            kinds::{DAEMON_SETS, DEPLOYMENTS, STATEFUL_SETS},
            progress::{Progress, rollout},
            report_error,
            revisions::{Revisions, current, kept, revisions},
            set_image::{has_images, images, put_back},
            subject::Subject,
            turn::{self, Carried, Made, Patience, Scene, Turn, carry_out},
            workload::Workload,
        },
    },
    domain::{
        effect::{Class, Effect, Effects, Verb},
        right::Rights,
        run::{StepReport, StepResult},
        span::Span,
    },
    ports::{
        BoxFuture,
        cluster::ClusterError,
        executor::{Intent, Session, StepContext},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Takes a workload back to an earlier revision.
#[derive(Debug, Clone, Copy)]
pub struct RolloutUndo;

/// What `kubernetes/rollout-undo` is told. Exactly one of `deployment`, `statefulset` and `daemonset` is given.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RolloutUndoInputs {
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
    /// The revision to go back to, as `kubectl rollout history` numbers them; the one before the current one where none is named.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub to_revision: Option<u64>,
    /// How long to wait until all pods are of that revision and available; without it, the step does not wait.
    #[serde(default)]
    pub wait: Option<Span>,
}

/// What `kubernetes/rollout-undo` leaves for later steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolloutUndoOutputs {
    /// The cluster.
    pub cluster: String,
    /// `deployment`, `statefulset` or `daemonset`.
    pub kind: String,
    /// The namespace.
    pub namespace: String,
    /// The workload.
    pub name: String,
    /// The revision that ran before.
    pub from_revision: u64,
    /// The revision that it was taken back to. The cluster counts it as a new one afterwards.
    pub to_revision: u64,
    /// How long it took to be ready, in milliseconds; nothing if the step did not wait.
    pub ready_after_ms: Option<u64>,
}

impl RolloutUndoInputs {
    fn workload(&self) -> Result<Workload, String> {
        let named = [
            ("deployment", DEPLOYMENTS, &self.deployment),
            ("statefulset", STATEFUL_SETS, &self.statefulset),
            ("daemonset", DAEMON_SETS, &self.daemonset),
        ];
        Workload::new(&self.cluster, &self.namespace, &named)
    }
}

/// The number of the revision whose template the workload has.
struct GoBack<'a> {
    workload: &'a Workload,
    revisions: Revisions,
    to: Option<u64>,
    /// What failed steps have left behind: revisions with images that were put back.
    broken: BTreeSet<u64>,
}

impl<'a> GoBack<'a> {
    async fn new(
        workload: &'a Workload,
        object: &Value,
        to: Option<u64>,
        world: &World,
    ) -> Result<Self, ClusterError> {
        let revisions = revisions(workload, object, world).await?;
        let broken = broken(object, &revisions);
        Ok(Self {
            workload,
            revisions,
            to,
            broken,
        })
    }

    /// The one before the current one that no step has put back.
    fn former(&self, current: u64) -> Result<u64, String> {
        let earlier = self.revisions.keys().filter(|number| **number < current);
        let earlier = earlier.filter(|number| !self.broken.contains(number));
        earlier.max().copied().ok_or_else(|| {
            format!(
                "{} has no former revision to go back to{}\nhint: {}",
                self.workload,
                self.passed_over(0),
                self.known()
            )
        })
    }

    /// What lies behind the revision that it goes to and was not chosen, for people.
    fn passed_over(&self, to: u64) -> String {
        let passed = self.broken.iter().filter(|number| **number > to);
        let passed: Vec<String> = passed
            .filter(|_| self.to.is_none())
            .map(u64::to_string)
            .collect();
        match passed.as_slice() {
            [] => String::new(),
            passed => format!(
                "; passed over, because a step has put it back: revision {}",
                passed.join(", ")
            ),
        }
    }

    /// `revision 2 (app=web:1)`
    fn told(&self, number: u64) -> String {
        let images = self.revisions.get(&number).map(images).unwrap_or_default();
        format!("revision {number} ({images}){}", self.passed_over(number))
    }

    /// A report of a wait in vain, and what may be done about it.
    fn hinted(&self, report: StepReport) -> StepReport {
        let StepResult::Failed { error, retryable } = &report.result else {
            return report;
        };
        let hint = format!(
            "{error}; hint: name another revision with `toRevision`: {}",
            self.known()
        );
        StepReport {
            outputs: report.outputs,
            ..StepReport::failed(hint, *retryable)
        }
    }

    fn known(&self) -> String {
        let numbers: Vec<String> = self.revisions.keys().map(u64::to_string).collect();
        match numbers.as_slice() {
            [] => "the cluster keeps none; see `revisionHistoryLimit`".to_owned(),
            numbers => format!("the cluster keeps {}", numbers.join(", ")),
        }
    }
}

/// Revisions with images that steps have set in vain, where the images before them were put back.
fn broken(object: &Value, revisions: &Revisions) -> BTreeSet<u64> {
    let vain = put_back(object);
    let is_broken = |template: &Value| vain.iter().any(|images| has_images(template, images));
    let broken = revisions.iter().filter(|(_, revision)| is_broken(revision));
    broken.map(|(number, _)| *number).collect()
}

impl Turn for GoBack<'_> {
    const NOTE: &'static str = "orderly.dev/rolled-back";
    const PART: &'static str = "/spec/template";
    const DOING: &'static str = "taking back";

    fn workload(&self) -> Option<&Workload> {
        Some(self.workload)
    }
    fn read(&self, object: &Value) -> Value {
        json!(current(object, &self.revisions))
    }
    fn wanted(&self, object: &Value) -> Result<Value, String> {
        let workload = self.workload;
        workload.is_not_paused(object, "a rollout")?;
        let to = match self.to {
            Some(to) => to,
            None => self.former(current(object, &self.revisions))?,
        };
        if !self.revisions.contains_key(&to) {
            let known = self.known();
            return Err(format!("{workload} has no revision {to}\nhint: {known}"));
        }
        Ok(json!(to))
    }
    fn patch(&self, revision: &Value) -> Value {
        let number = revision.as_u64().unwrap_or_default();
        self.revisions.get(&number).cloned().unwrap_or_default()
    }
    fn progress(&self, _: &Value, object: &Value) -> Progress {
        rollout(&self.workload.kind, object)
    }
    fn done(&self, from: &Value, to: &Value) -> String {
        format!("was taken back from revision {from} to {to}")
    }
}

impl Action for RolloutUndo {
    type Inputs = RolloutUndoInputs;
    type Outputs = RolloutUndoOutputs;
    const NAME: &'static str = "kubernetes/rollout-undo";
    const SUMMARY: &'static str =
        "Takes a deployment, stateful set or daemon set back to an earlier revision.";

    fn validate(&self, inputs: &RolloutUndoInputs) -> Result<(), String> {
        if inputs.to_revision == Some(0) {
            return Err(
                "in `with`, at `toRevision`: revisions count from 1\nhint: leave it out for the former one"
                    .to_owned(),
            );
        }
        inputs.workload().map(drop)
    }

    fn intend(&self, inputs: &RolloutUndoInputs, _: &StepContext) -> Result<Intent, String> {
        let subject = inputs.workload()?.subject;
        let undo = "go back to the revision that runs now";
        let effect = Effect::change(Verb::Update, subject.object(), undo);
        Ok(Intent {
            effects: Effects::exact(vec![effect]),
            // The note of this step says whether it was done; going back twice would lead forth again.
            idempotent: true,
            wants_approval: None,
            pinned: crate::domain::pinned::Pinned::default(),
        })
    }

    fn foresee<'a>(
        &'a self,
        inputs: RolloutUndoInputs,
        context: &'a StepContext,
        world: &'a World,
        intent: Intent,
    ) -> BoxFuture<'a, Result<Intent, String>> {
        Box::pin(async move {
            let workload = &inputs.workload()?;
            let subject = &workload.subject;
            let Some(object) = seen(subject, context, world).await? else {
                return Ok(intent);
            };
            let Ok(turn) = GoBack::new(workload, &object, inputs.to_revision, world).await else {
                return Ok(intent);
            };
            possible(&turn, &object, context)?;
            // What an earlier attempt of this step has begun is told by its note.
            let to = turn.wanted(&object).ok().and_then(|to| to.as_u64());
            let effects = to.map_or(intent.effects.clone(), |to| {
                leading(subject, &turn.told(to))
            });
            Ok(Intent { effects, ..intent })
        })
    }

    fn grace(&self, _: &RolloutUndoInputs) -> Span {
        turn::grace()
    }

    fn rights(&self, inputs: &RolloutUndoInputs, _: &Effects) -> Rights {
        let Ok(workload) = inputs.workload() else {
            return Rights::default();
        };
        let object = workload.subject.object();
        let (cluster, namespace) = (&*inputs.cluster, &*inputs.namespace);
        let kept = On::all(cluster, Some(namespace), &kept(&workload));
        rights::on_object(&object, None, &["get", "patch"])
            .and(kept, &["list"])
            .and_telling_of_pods(inputs.wait.map(|_| (cluster, namespace)))
    }

    fn runs_dry(&self, _: Class) -> bool {
        true
    }

    fn execute<'a>(
        &'a self,
        inputs: RolloutUndoInputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            match go_back(&inputs, session, world).await {
                Ok(report) | Err(report) => report,
            }
        })
    }
}

async fn go_back(
    inputs: &RolloutUndoInputs,
    session: &Session,
    world: &World,
) -> Result<StepReport, StepReport> {
    let refused = |error| StepReport::failed(error, false);
    let workload = &inputs.workload().map_err(refused)?;
    let failed = |error| report_error(&format!("looking for revisions of {workload}"), &error);
    let scene = Scene {
        subject: &workload.subject,
        session,
        world,
    };
    let object = workload.subject.get(world).await.map_err(failed)?;
    let turn = GoBack::new(workload, &object, inputs.to_revision, world).await;
    let turn = turn.map_err(failed)?;
    let mut carried = carry_out(&turn, scene, Patience::without_undo(inputs.wait)).await?;
    carried.failure = carried.failure.map(|report| turn.hinted(report));
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let left = RolloutUndoOutputs {
        cluster: inputs.cluster.clone(),
        kind: workload.kind.word(),
        namespace: inputs.namespace.clone(),
        name: workload.subject.name.clone(),
        from_revision: number(&carried.turned.from),
        to_revision: number(&carried.turned.to),
        ready_after_ms: carried.ready_after.map(Span::millis),
    };
    let summary = summary(&turn, &carried, session.context.dry_run);
    Ok(carried.report(summary, outputs(&left)))
}

/// The effect that names where it goes, so that people know what they consent to.
fn leading(subject: &Subject, to: &str) -> Effects {
    let undo = format!("it goes to {to}; go back to the revision that runs now to undo it");
    Effects::exact(vec![Effect::change(Verb::Update, subject.object(), &undo)])
}

fn summary(turn: &GoBack<'_>, carried: &Carried, dry_run: bool) -> String {
    let workload = turn.workload;
    let (from, to) = (&carried.turned.from, &carried.turned.to);
    let passed = turn.passed_over(to.as_u64().unwrap_or_default());
    let done = match (carried.turned.state, dry_run) {
        (Made::Already, _) => {
            format!("{workload} is of revision {to} already, nothing was changed")
        }
        (Made::Here | Made::PutBack, true) => {
            format!(
                "would take {workload} back from revision {from} to {to}{passed}; the server agrees"
            )
        }
        (Made::Here | Made::PutBack, false) => {
            format!("{workload} taken back from revision {from} to {to}{passed}")
        }
    };
    carried.ready(done)
}

#[cfg(test)]
mod tests {
    use super::{GoBack, RolloutUndoInputs, broken};
    use crate::{actions::framework::scripted::intend, domain::effect::Class};
    use serde_json::{Value, json};

    fn template(image: &str) -> Value {
        let containers = json!([{ "name": "app", "image": image }]);
        json!({ "spec": { "template": { "spec": { "containers": containers } } } })
    }

    #[test]
    fn a_revision_that_a_failed_step_has_left_is_passed_over() {
        let note = |undone: Value| {
            let images = |image: &str| json!({ "containers": { "app": image } });
            let note = json!({ "by": "x", "from": images("web:2"), "to": images("web:3"), "undone": undone });
            json!({ "metadata": { "annotations": { "orderly.dev/images": note.to_string() } } })
        };
        let images = [(1, "web:1"), (2, "web:3"), (3, "web:2")];
        let revisions = images.map(|(number, image)| (number, template(image)));
        let revisions = super::Revisions::from(revisions);
        let inputs = json!({ "namespace": "shop", "deployment": "web" });
        let inputs: RolloutUndoInputs = serde_json::from_value(inputs).unwrap();
        let workload = inputs.workload().unwrap();
        for (undone, former) in [
            (json!("failed"), 1),
            (json!("stopped"), 1),
            (Value::Null, 2),
        ] {
            let turn = GoBack {
                workload: &workload,
                broken: broken(&note(undone), &revisions),
                revisions: revisions.clone(),
                to: None,
            };
            assert_eq!(turn.former(3), Ok(former));
            let told = turn.told(former);
            assert_eq!(told.contains("passed over"), former == 1, "{told}");
            assert!(
                told.starts_with(&format!("revision {former} (app=web:")),
                "{told}"
            );
        }
    }

    #[test]
    fn all_that_failed_steps_have_left_is_passed_over() {
        let images = |image: &str| json!({ "containers": { "app": image } });
        let note = json!({
            "by": "x", "from": images("web:2"), "to": images("web:4"), "undone": "failed", "vain": [images("web:3")]
        });
        let object =
            json!({ "metadata": { "annotations": { "orderly.dev/images": note.to_string() } } });
        let revisions = [(1, "web:1"), (2, "web:3"), (3, "web:4"), (4, "web:2")];
        let revisions = revisions.map(|(number, image)| (number, template(image)));
        let broken = broken(&object, &super::Revisions::from(revisions));
        assert_eq!(broken.into_iter().collect::<Vec<_>>(), [2, 3]);
    }

    #[tokio::test]
    async fn going_back_names_its_workload_and_counts_from_one() {
        let back = json!({ "namespace": "shop", "daemonset": "agent" });
        let intent = intend("kubernetes/rollout-undo", back).await.unwrap();
        assert_eq!(intent.effects.class(), Class::Change);
        assert_eq!(
            intent.effects.items[0].to_string(),
            "update daemonset.apps agent in namespace shop on cluster default"
        );
        let zero = json!({ "namespace": "shop", "daemonset": "agent", "toRevision": 0 });
        let error = intend("kubernetes/rollout-undo", zero).await.unwrap_err();
        assert!(error.contains("count from 1"), "{error}");
    }
}
