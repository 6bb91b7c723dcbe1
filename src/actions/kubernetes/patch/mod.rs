//! `kubernetes/patch`.

mod inputs;
mod untrue;

use crate::{
    actions::{
        framework::{Action, World, outputs, rights},
        kubernetes::{
            beforehand::seen,
            differences::{self, only_of, wanted},
            located::Located,
            object::count,
            ready::Awaited,
            report_error,
        },
    },
    commands::deeds,
    domain::{
        effect::{Class, Effects, Which},
        pinned::Pinned,
        right::Rights,
        run::StepReport,
    },
    ports::{
        BoxFuture,
        cluster::{Change, ClusterError},
        executor::{Intent, Session, StepContext},
    },
};
pub use inputs::{Part, PatchInputs};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

/// Changes fields of one object.
#[derive(Debug, Clone, Copy)]
pub struct KubernetesPatch;

/// What `kubernetes/patch` leaves for later steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PatchOutputs {
    /// The cluster.
    pub cluster: String,
    /// As in `deployment.apps`.
    pub kind: String,
    /// Nothing for what belongs to none.
    pub namespace: Option<String>,
    /// The object.
    pub name: String,
    /// Whether anything is other than before.
    pub changed: bool,
    /// What was there before, as a merge patch: given to a later step as its `merge`, it puts the former values back. Nothing where
    /// nothing changed, and of a Secret, whose values are never read.
    pub former: Option<Value>,
    /// How often what is wanted of the object has changed; nothing for kinds that do not count it.
    pub generation: Option<u64>,
    /// How long it took to be ready, in milliseconds; nothing if the step did not wait.
    pub ready_after_ms: Option<u64>,
}

/// Controllers write their notes all the time; the patch is for what is wanted of the object.
const ATTEMPTS: u32 = 5;
/// So many fields a summary names.
const NAMED: usize = 8;

impl Action for KubernetesPatch {
    type Inputs = PatchInputs;
    type Outputs = PatchOutputs;
    const NAME: &'static str = "kubernetes/patch";
    const SUMMARY: &'static str = "Changes fields of one object, and tells their former values.";

    fn validate(&self, inputs: &PatchInputs) -> Result<(), String> {
        inputs.check()
    }

    fn intend(&self, inputs: &PatchInputs, _: &StepContext) -> Result<Intent, String> {
        let subject = inputs.subject()?;
        let which = Which::Named(subject.name.clone());
        let deed = inputs.deed(deeds::Subject {
            kind: &subject.kind,
            namespace: subject.namespace.as_deref(),
            which: &which,
        });
        Ok(Intent {
            effects: deeds::of_deeds(&subject.cluster, &[deed]),
            // An operation may add to a list, and would do so twice.
            idempotent: inputs.json.is_none(),
            wants_approval: None,
            pinned: Pinned::default(),
        })
    }

    fn foresee<'a>(
        &'a self,
        inputs: PatchInputs,
        context: &'a StepContext,
        world: &'a World,
        intent: Intent,
    ) -> BoxFuture<'a, Result<Intent, String>> {
        Box::pin(async move {
            seen(&inputs.subject()?, context, world).await?;
            Ok(intent)
        })
    }

    fn rights(&self, inputs: &PatchInputs, _: &Effects) -> Rights {
        let Ok(subject) = inputs.subject() else {
            return Rights::default();
        };
        let object = subject.object();
        let part = inputs.subresource.map(Part::as_str);
        let needed = rights::on_object(&object, None, &["get"]).and_also(rights::on_object(
            &object,
            part,
            &["patch"],
        ));
        if inputs.wait.is_none() {
            return needed;
        }
        let namespace = subject.namespace.as_deref();
        needed
            .and_telling_of_pods(namespace.map(|namespace| (&*inputs.cluster, namespace)))
            .and_telling_of_warnings(&inputs.cluster, namespace)
    }

    fn runs_dry(&self, _: Class) -> bool {
        true
    }

    fn execute<'a>(
        &'a self,
        inputs: PatchInputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            match patch(&inputs, session, world).await {
                Ok(report) | Err(report) => report,
            }
        })
    }
}

/// A patch that the server has taken.
struct Patched {
    /// The object as it is now; of a part, that part.
    after: Value,
    changed: Changed,
    former: Option<Value>,
}

/// Whether it is other than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Changed {
    Yes,
    No,
}

async fn patch(
    inputs: &PatchInputs,
    session: &Session,
    world: &World,
) -> Result<StepReport, StepReport> {
    let subject = inputs
        .subject()
        .map_err(|error| StepReport::failed(error, false))?;
    let dry_run = session.context.dry_run;
    let failed = |error| report_error(&format!("patching {subject}"), &error);
    let located = subject.located(world).await.map_err(failed)?;
    let patched = attempts(inputs, &located, world, dry_run)
        .await
        .map_err(failed)?;
    let mut left = left(&located, &patched);
    let mut summary = summary(&located, &patched, dry_run);
    if let Some(limit) = inputs.wait.filter(|_| !dry_run) {
        let object = located.get(world).await.map_err(failed)?;
        let awaited = Awaited::new([(&located, &object)].into_iter());
        match awaited.all(limit, session, world).await {
            Ok(took) => {
                left.ready_after_ms = Some(took.millis());
                summary = format!("{summary}; ready after {took}");
            }
            Err(in_vain) => {
                let words = format!("{summary}; {}", in_vain.words);
                // Another attempt would not know the former values any more.
                let retryable = in_vain.retryable && patched.changed == Changed::No;
                let report = if in_vain.stopped {
                    StepReport::canceled(words)
                } else {
                    StepReport::failed(words, retryable)
                };
                return Err(StepReport {
                    outputs: outputs(&left),
                    ..report
                });
            }
        }
    }
    Ok(StepReport::succeeded(summary, outputs(&left)))
}

/// Patches what was looked at and nothing else. Where only the cluster's own notes have changed meanwhile, it looks again.
async fn attempts(
    inputs: &PatchInputs,
    located: &Located,
    world: &World,
    dry_run: bool,
) -> Result<Patched, ClusterError> {
    let first = located.get(world).await?;
    let mut before = first.clone();
    for _ in 1..ATTEMPTS {
        match once(inputs, located, &before, world, dry_run).await {
            Err(ClusterError::Conflict { .. }) => {}
            other => return other,
        }
        let now = located.get(world).await?;
        let same = |pointer: &str| first.pointer(pointer) == now.pointer(pointer);
        if !same("/metadata/uid") || wanted(&first) != wanted(&now) {
            break;
        }
        before = now;
    }
    once(inputs, located, &before, world, dry_run).await
}

async fn once(
    inputs: &PatchInputs,
    located: &Located,
    object: &Value,
    world: &World,
    dry_run: bool,
) -> Result<Patched, ClusterError> {
    let part = inputs.subresource.map(Part::as_str);
    let before = match inputs.subresource {
        // What changes nothing answers the part as it is.
        Some(Part::Scale) => {
            let nothing = json!({});
            let look = located.change(world, part, Change::Replace(&nothing), true);
            look.await?
        }
        Some(Part::Status) | None => object.clone(),
    };
    let body = body(inputs, object);
    let change = match (&inputs.strategic, &inputs.json) {
        (Some(_), _) => Change::Merge(&body),
        (None, Some(_)) => Change::Json(&body),
        (None, None) => Change::Replace(&body),
    };
    let after = located.change(world, part, change, dry_run).await;
    let after = after.map_err(|error| untrue::explained(error, inputs, object))?;
    Ok(compared(inputs, located, &before, after, dry_run))
}

/// The patch, for this very object in this very state.
fn body(inputs: &PatchInputs, object: &Value) -> Value {
    if let Some(operations) = &inputs.json {
        let only = ["uid", "resourceVersion"].map(|name| {
            let value = object.pointer(&format!("/metadata/{name}"));
            json!({ "op": "add", "path": format!("/metadata/{name}"), "value": value })
        });
        return Value::Array(only.into_iter().chain(operations.iter().cloned()).collect());
    }
    let patch = inputs.merge.as_ref().or(inputs.strategic.as_ref());
    only_of(patch.cloned().unwrap_or_default(), object)
}

fn compared(
    inputs: &PatchInputs,
    located: &Located,
    before: &Value,
    after: Value,
    dry_run: bool,
) -> Patched {
    let seen = |object: &Value| match inputs.subresource {
        Some(Part::Status) => json!({ "status": object.get("status") }),
        Some(Part::Scale) => json!({ "spec": object.get("spec") }),
        None => wanted(object),
    };
    let former = differences::patch(&seen(&after), &seen(before));
    let same = |pointer: &str| before.pointer(pointer) == after.pointer(pointer);
    let is_same = match (located.is_secret(), dry_run) {
        // Of a Secret, only that its manager has changed something is shown.
        (true, true) => same("/metadata/managedFields"),
        (true, false) => same("/metadata/resourceVersion"),
        (false, _) => former.is_none(),
    };
    Patched {
        changed: if is_same { Changed::No } else { Changed::Yes },
        former: former.filter(|_| !located.is_secret()),
        after,
    }
}

fn left(located: &Located, patched: &Patched) -> PatchOutputs {
    let generation = patched.after.pointer("/metadata/generation");
    PatchOutputs {
        cluster: located.cluster.clone(),
        kind: located.kind.clone(),
        namespace: located.namespace.clone(),
        name: located.name.clone(),
        changed: patched.changed == Changed::Yes,
        former: patched.former.clone(),
        generation: generation.map(|_| count(&patched.after, "/metadata/generation")),
        ready_after_ms: None,
    }
}

fn summary(located: &Located, patched: &Patched, dry_run: bool) -> String {
    let places = patched
        .former
        .as_ref()
        .map(|former| differences::places(former, NAMED));
    let fields = places.map_or_else(String::new, |places| format!(" ({})", places.join(", ")));
    match (patched.changed, dry_run) {
        (Changed::Yes, true) => format!("would change {located}{fields}; the server agrees"),
        (Changed::Yes, false) => format!("{located} changed{fields}"),
        (Changed::No, true) => format!("would change nothing: {located} is so already"),
        (Changed::No, false) => format!("nothing changed: {located} was so already"),
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
    async fn a_patch_is_judged_by_what_it_says() {
        let of = |patch: serde_json::Value| {
            let mut inputs = json!({ "namespace": "shop", "object": "deploy/web" });
            let more = patch.as_object().unwrap().clone();
            inputs.as_object_mut().unwrap().extend(more);
            inputs
        };
        let labels = of(json!({ "merge": { "metadata": { "labels": { "a": "b" } } } }));
        let intent = intend("kubernetes/patch", labels).await.unwrap();
        assert_eq!(intent.effects.class(), Class::Change);
        assert_eq!(intent.effects.confidence, Confidence::Exact);
        assert!(intent.idempotent);
        assert_eq!(
            intent.effects.items[0].to_string(),
            "patch deployment.apps web in namespace shop on cluster default"
        );
        for stop in [
            json!({ "strategic": { "spec": { "replicas": 0 } } }),
            json!({ "merge": { "spec": { "replicas": 0 } }, "subresource": "scale" }),
            json!({ "json": [{ "op": "replace", "path": "/spec/replicas", "value": 0 }] }),
        ] {
            let intent = intend("kubernetes/patch", of(stop)).await.unwrap();
            assert_eq!(intent.effects.class(), Class::Destructive);
        }
    }

    #[tokio::test]
    async fn exactly_one_sound_patch_is_given() {
        for (patch, words) in [
            (json!({}), "exactly one of `merge`"),
            (json!({ "merge": {}, "json": [] }), "exactly one of `merge`"),
            (json!({ "merge": [1] }), "write the fields as a mapping"),
            (
                json!({ "json": [{ "op": "set", "path": "/a" }] }),
                "at `json[0].op`",
            ),
            (
                json!({ "json": [{ "op": "add", "path": "/a" }] }),
                "needs `value`",
            ),
            (json!({ "merge": {}, "subresource": "log" }), "subresource"),
            (
                json!({ "strategic": {}, "subresource": "status" }),
                "does not know it",
            ),
            (
                json!({ "strategic": {}, "object": "certificate/a" }),
                "does not know it",
            ),
        ] {
            let mut inputs = json!({ "namespace": "shop", "object": "deploy/web" });
            let more = patch.as_object().unwrap().clone();
            inputs.as_object_mut().unwrap().extend(more);
            let error = intend("kubernetes/patch", inputs).await.unwrap_err();
            assert!(error.contains(words), "{patch}: {error}");
        }
    }
}
