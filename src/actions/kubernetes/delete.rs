//! `kubernetes/delete`.

use crate::{
    actions::{
        framework::{Action, World, outputs},
        kubernetes::{
            beforehand::seen,
            default_cluster,
            located::Located,
            object::{items, text},
            poll::{Look, Vain, until},
            progress::Progress,
            report_error,
            subject::Subject,
        },
    },
    commands::deeds::{self, Deed},
    domain::{
        effect::{Class, Effects, Tri, Which},
        pinned::Pinned,
        run::StepReport,
        span::Span,
    },
    ports::{
        BoxFuture,
        cluster::{Change, ClusterError, Deletion, Dependents},
        executor::{Intent, Session, StepContext},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Removes objects by their names.
#[derive(Debug, Clone, Copy)]
pub struct KubernetesDelete;

/// What `kubernetes/delete` is told. Exactly one of `object` and `objects` is given.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteInputs {
    /// The cluster's name in the agent's configuration.
    #[serde(default = "default_cluster")]
    pub cluster: String,
    /// The namespace of all of them; none for what belongs to none.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The object, as in `job/import`.
    #[serde(default)]
    pub object: Option<String>,
    /// Several objects. All are looked for before the first one is removed.
    #[serde(default)]
    #[schemars(length(max = 256))]
    pub objects: Vec<String>,
    /// What it means that one is not there. With `retry`, say `ok`: what an earlier attempt has removed is not there any more.
    #[serde(default)]
    pub missing: Missing,
    /// How long containers get to end; what the object itself says where nothing is said here. With `0s` they get no time at all.
    #[serde(default)]
    pub grace: Option<Span>,
    /// What becomes of the objects that it owns.
    #[serde(default)]
    pub dependents: Owned,
    /// How long to wait until all are gone; without it, the step does not wait.
    #[serde(default)]
    pub wait: Option<Span>,
}

/// What it means that an object is not there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Missing {
    /// The step fails, and removes nothing.
    #[default]
    Error,
    /// It is as it should be.
    Ok,
}

/// What becomes of the objects that a removed one owns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Owned {
    /// They are removed after it.
    #[default]
    Background,
    /// They are removed before it.
    Foreground,
    /// They stay.
    Orphan,
}

/// What `kubernetes/delete` leaves for later steps, also where it failed on the way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeleteOutputs {
    /// What was removed, each as `kind/name`.
    pub deleted: Vec<String>,
    /// What was not there.
    pub missing: Vec<String>,
    /// How long it took until all were gone, in milliseconds; nothing if the step did not wait.
    pub gone_after_ms: Option<u64>,
}

const MOST: usize = 256;

impl Owned {
    fn dependents(self) -> Dependents {
        match self {
            Self::Background => Dependents::Background,
            Self::Foreground => Dependents::Foreground,
            Self::Orphan => Dependents::Orphan,
        }
    }
}

impl DeleteInputs {
    fn subjects(&self) -> Result<Vec<Subject>, String> {
        let namespace = self.namespace.as_deref();
        let subject =
            |field: &str, written: &String| Subject::new(&self.cluster, namespace, field, written);
        match (&self.object, self.objects.as_slice()) {
            (Some(object), []) => Ok(vec![subject("object", object)?]),
            (None, objects @ [_, ..]) if objects.len() <= MOST => objects
                .iter()
                .map(|object| subject("objects", object))
                .collect(),
            (None, [_, ..]) => Err(format!("in `with`, at `objects`: more than {MOST}")),
            _ => Err("in `with`: give exactly one of `object`, `objects`".to_owned()),
        }
    }

    fn grace_seconds(&self) -> Option<u32> {
        let seconds = self.grace?.millis().div_ceil(1000);
        Some(u32::try_from(seconds).unwrap_or(u32::MAX))
    }

    fn effects(&self) -> Result<Effects, String> {
        let subjects = self.subjects()?;
        let named = |subject: &Subject| Which::Named(subject.name.clone());
        let each: Vec<(Which, Subject)> = subjects
            .into_iter()
            .map(|subject| (named(&subject), subject))
            .collect();
        let deeds: Vec<Deed<'_>> = each
            .iter()
            .map(|(which, subject)| {
                Deed::Delete(deeds::Subject {
                    kind: &subject.kind,
                    namespace: subject.namespace.as_deref(),
                    which,
                })
            })
            .collect();
        let mut effects = deeds::of_deeds(&self.cluster, &deeds);
        if self.grace.is_some_and(|grace| grace.is_zero()) {
            // As `kubectl delete --force`: what a container has not written yet is lost.
            let items = effects.items.iter_mut();
            items.for_each(|effect| effect.data_loss = Tri::Yes);
        }
        Ok(effects)
    }
}

impl Action for KubernetesDelete {
    type Inputs = DeleteInputs;
    type Outputs = DeleteOutputs;
    const NAME: &'static str = "kubernetes/delete";
    const SUMMARY: &'static str = "Removes objects by their names.";

    fn validate(&self, inputs: &DeleteInputs) -> Result<(), String> {
        inputs.subjects().map(drop)
    }

    fn intend(&self, inputs: &DeleteInputs, _: &StepContext) -> Result<Intent, String> {
        Ok(Intent {
            effects: inputs.effects()?,
            // A second attempt cannot tell what the first has removed from what was never there.
            idempotent: inputs.missing == Missing::Ok,
            wants_approval: None,
            pinned: Pinned::default(),
        })
    }

    fn foresee<'a>(
        &'a self,
        inputs: DeleteInputs,
        context: &'a StepContext,
        world: &'a World,
        intent: Intent,
    ) -> BoxFuture<'a, Result<Intent, String>> {
        Box::pin(async move {
            if inputs.missing == Missing::Error {
                for subject in inputs.subjects()? {
                    seen(&subject, context, world).await?;
                }
            }
            Ok(intent)
        })
    }

    fn runs_dry(&self, _: Class) -> bool {
        true
    }

    fn execute<'a>(
        &'a self,
        inputs: DeleteInputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            let mut left = DeleteOutputs::default();
            let report = match delete(&inputs, session, world, &mut left).await {
                Ok(report) | Err(report) => report,
            };
            StepReport {
                outputs: outputs(&left),
                ..report
            }
        })
    }
}

/// An object that is there, and which it is.
struct Found {
    located: Located,
    uid: String,
}

impl Found {
    /// As steps name it.
    fn name(&self) -> String {
        format!("{}/{}", self.located.kind, self.located.name)
    }
}

async fn delete(
    inputs: &DeleteInputs,
    session: &Session,
    world: &World,
    left: &mut DeleteOutputs,
) -> Result<StepReport, StepReport> {
    let dry_run = session.context.dry_run;
    let found = look(inputs, world, left).await?;
    for one in &found {
        if session.stop.is_cancelled() {
            let words = format!("stopped; {}", words(left, dry_run));
            return Err(StepReport::canceled(words));
        }
        match remove(inputs, one, world, dry_run).await {
            Ok(_) => left.deleted.push(one.name()),
            // Somebody was faster.
            Err(ClusterError::NotFound(_)) => left.missing.push(one.name()),
            Err(error) => {
                let doing = format!("deleting {} ({})", one.located, words(left, dry_run));
                return Err(report_error(&doing, &error));
            }
        }
    }
    let summary = words(left, dry_run);
    let Some(limit) = inputs.wait.filter(|_| !dry_run && !found.is_empty()) else {
        return Ok(StepReport::succeeded(summary, Value::Null));
    };
    let took = gone(found, limit, session, world).await;
    let took = took.map_err(|in_vain| in_vain.after(&summary))?;
    left.gone_after_ms = Some(took.millis());
    let summary = format!("{summary}; gone after {took}");
    Ok(StepReport::succeeded(summary, Value::Null))
}

/// All of them, before the first one is removed.
async fn look(
    inputs: &DeleteInputs,
    world: &World,
    left: &mut DeleteOutputs,
) -> Result<Vec<Found>, StepReport> {
    let subjects = inputs
        .subjects()
        .map_err(|error| StepReport::failed(error, false))?;
    let mut found = Vec::new();
    for subject in &subjects {
        let looked = async {
            let located = subject.located(world).await?;
            let object = located.get(world).await?;
            let uid = text(&object, "/metadata/uid").to_owned();
            Ok(Found { located, uid })
        };
        match looked.await {
            Ok(one) => found.push(one),
            Err(ClusterError::NotFound(_)) if inputs.missing == Missing::Ok => {
                left.missing
                    .push(format!("{}/{}", subject.kind, subject.name));
            }
            Err(error) => {
                let doing = format!("looking for {subject}, before anything was deleted");
                return Err(report_error(&doing, &error));
            }
        }
    }
    Ok(found)
}

async fn remove(
    inputs: &DeleteInputs,
    one: &Found,
    world: &World,
    dry_run: bool,
) -> Result<Value, ClusterError> {
    let deletion = Deletion {
        uid: Some(&one.uid),
        resource_version: None,
        grace_seconds: inputs.grace_seconds(),
        dependents: inputs.dependents.dependents(),
    };
    let change = Change::Delete(deletion);
    one.located.change(world, None, change, dry_run).await
}

fn words(left: &DeleteOutputs, dry_run: bool) -> String {
    let deleted = match (left.deleted.as_slice(), dry_run) {
        ([], true) => "would delete nothing".to_owned(),
        ([], false) => "nothing deleted".to_owned(),
        (names, true) => format!("would delete {}; the server agrees", names.join(", ")),
        (names, false) => format!("deleted {}", names.join(", ")),
    };
    match left.missing.as_slice() {
        [] => deleted,
        names => format!("{deleted}; not there: {}", names.join(", ")),
    }
}

/// Why something is still there.
enum StillThere {
    Stopped,
    Because(String, bool),
}

impl StillThere {
    fn after(self, summary: &str) -> StepReport {
        match self {
            Self::Stopped => {
                StepReport::canceled(format!("{summary}; waiting until it is gone was stopped"))
            }
            Self::Because(words, retryable) => {
                StepReport::failed(format!("{summary}, but {words}"), retryable)
            }
        }
    }
}

async fn gone(
    found: Vec<Found>,
    limit: Span,
    session: &Session,
    world: &World,
) -> Result<Span, StillThere> {
    let mut leaving = Leaving { left: found };
    let waited = until(limit, session, world, &mut leaving).await;
    waited.map_err(|in_vain| match in_vain {
        Vain::Stopped => StillThere::Stopped,
        Vain::NotReady(words, may_help) => StillThere::Because(words, may_help),
        Vain::Refused(error) => {
            StillThere::Because(format!("looking for it failed: {error}"), error.retryable())
        }
    })
}

struct Leaving {
    left: Vec<Found>,
}

impl Look for Leaving {
    fn look<'a>(&'a mut self, world: &'a World) -> BoxFuture<'a, Result<Progress, ClusterError>> {
        Box::pin(async move {
            let mut there = Vec::new();
            for index in (0..self.left.len()).rev() {
                let Some(one) = self.left.get(index) else {
                    continue;
                };
                match one.located.find(world).await? {
                    Some(now) if text(&now, "/metadata/uid") == one.uid => {
                        there.push(held(&one.located, &now));
                    }
                    Some(_) | None => drop(self.left.remove(index)),
                }
            }
            Ok(if there.is_empty() {
                Progress::Ready
            } else {
                Progress::Waiting(there.join("; "))
            })
        })
    }
}

/// What holds an object that is to go.
fn held(located: &Located, now: &Value) -> String {
    let finalizers = items(now, "/metadata/finalizers").iter();
    let names: Vec<&str> = finalizers.filter_map(Value::as_str).collect();
    match names.as_slice() {
        [] => format!("{located} is still there: its containers are ending"),
        names => format!("{located} is still there: held by {}", names.join(", ")),
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
    async fn what_is_removed_is_named_exactly() {
        let delete = json!({ "namespace": "shop", "objects": ["job/import", "cm/web"] });
        let intent = intend("kubernetes/delete", delete).await.unwrap();
        assert_eq!(intent.effects.confidence, Confidence::Exact);
        assert_eq!(intent.effects.class(), Class::Destructive);
        assert!(!intent.idempotent);
        let lines: Vec<String> = intent
            .effects
            .items
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            lines,
            [
                "delete job.batch import in namespace shop on cluster default",
                "delete configmap web in namespace shop on cluster default"
            ]
        );
    }

    #[tokio::test]
    async fn one_or_several_objects_are_named() {
        for (value, words) in [
            (json!({ "namespace": "a" }), "exactly one of"),
            (
                json!({ "namespace": "a", "object": "cm/a", "objects": ["cm/b"] }),
                "exactly one of",
            ),
            (
                json!({ "namespace": "a", "object": "web" }),
                "names no object",
            ),
            (json!({ "object": "cm/a" }), "lies in a namespace"),
            (
                json!({ "namespace": "a", "object": "cm/a", "selector": "a=b" }),
                "selector",
            ),
        ] {
            let error = intend("kubernetes/delete", value.clone())
                .await
                .unwrap_err();
            assert!(error.contains(words), "{value}: {error}");
        }
    }
}
