//! `kubernetes/set-image`.

use crate::{
    actions::{
        framework::{Action, World, outputs, rights},
        kubernetes::{
            beforehand::changeable,
            default_cluster,
            kinds::{DAEMON_SETS, DEPLOYMENTS, STATEFUL_SETS},
            object::{items, text},
            progress::{Progress, rollout},
            turn::{self, Carried, Made, Patience, Scene, Turn, carry_out},
            workload::Workload,
        },
    },
    commands::deeds::{self, Deed},
    domain::{
        effect::{Class, Effects, Which},
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
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Lists of containers in a pod's template.
const LISTS: [&str; 2] = ["initContainers", "containers"];

/// Gives containers of a workload other images.
#[derive(Debug, Clone, Copy)]
pub struct SetImage;

/// What `kubernetes/set-image` is told. Exactly one of `deployment`, `statefulset` and `daemonset` is given.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetImageInputs {
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
    /// The image of each container that shall change, by the container's name; init containers count as well.
    pub images: BTreeMap<String, String>,
    /// Whether each image must be named by its digest (`…@sha256:…`), so that the tag cannot come to mean something else.
    #[serde(default)]
    pub require_digest: bool,
    /// How long to wait until all pods are new and available; without it, the step does not wait.
    #[serde(default)]
    pub wait: Option<Span>,
    /// Whether the former images are put back when the wait is in vain; `true` where none is named.
    #[serde(default)]
    pub undo_on_failure: Option<bool>,
    /// How long to wait until the former state is there again; as `wait` where none is named.
    #[serde(default)]
    pub undo_wait: Option<Span>,
}

/// What `kubernetes/set-image` leaves for later steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetImageOutputs {
    /// The cluster.
    pub cluster: String,
    /// `deployment`, `statefulset` or `daemonset`.
    pub kind: String,
    /// The namespace.
    pub namespace: String,
    /// The workload.
    pub name: String,
    /// The images before, by container; as `images` of a step that would set them again.
    pub previous: BTreeMap<String, String>,
    /// The images that were set.
    pub images: BTreeMap<String, String>,
    /// Whether any image is another one now.
    pub changed: bool,
    /// How long it took to be ready, in milliseconds; nothing if the step did not wait.
    pub ready_after_ms: Option<u64>,
    /// Whether the former images were put back.
    pub undone: bool,
}

impl SetImageInputs {
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
    fn check_images(&self) -> Result<(), String> {
        if self.images.is_empty() {
            return Err("in `with`, at `images`: no container is named".to_owned());
        }
        for (container, image) in &self.images {
            let fits = |c: char| c.is_ascii_alphanumeric() || "._-/:@+".contains(c);
            if image.is_empty() || image.len() > 1000 || !image.chars().all(fits) {
                return Err(format!(
                    "in `with`, at `images.{container}`: `{image}` is not an image\nhint: write it as in `registry.example.org/web:1.4`"
                ));
            }
            if self.require_digest && !has_digest(image) {
                return Err(format!(
                    "in `with`, at `images.{container}`: `{image}` names no digest, and `requireDigest` asks for one\nhint: write it as in `registry.example.org/web@sha256:…`"
                ));
            }
        }
        Ok(())
    }
    /// As the patch has it when none of them is an init container; whether one is, only the cluster knows.
    fn as_patch(&self) -> Value {
        patch_of(&json!({ "containers": self.images }))
    }
}

/// `@sha256:` and 64 hexadecimal digits (the image specification of the Open Container Initiative).
fn has_digest(image: &str) -> bool {
    image.rsplit_once("@sha256:").is_some_and(|(name, digest)| {
        let hexadecimal = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        !name.is_empty() && digest.len() == 64 && digest.chars().all(hexadecimal)
    })
}

/// The images of some containers: by list, then by container.
struct Images<'a> {
    workload: &'a Workload,
    images: &'a BTreeMap<String, String>,
}

impl Images<'_> {
    /// Each container of the template that is named: its list, its name, its image.
    fn found<'o>(&self, object: &'o Value) -> Vec<(&'static str, &'o str, &'o str)> {
        let all = containers(object);
        let named = all.filter(|(_, name, _)| self.images.contains_key(*name));
        named.collect()
    }
}

/// The images that steps have given this object and that were put back, because they failed or were stopped.
pub(super) fn put_back(object: &Value) -> Vec<Value> {
    turn::put_back(Images::NOTE, object)
}

/// Whether a template has all of these images.
pub(super) fn has_images(object: &Value, lists: &Value) -> bool {
    let there = by_list(containers(object));
    let lists = lists.as_object().into_iter().flatten();
    let mut all = lists.flat_map(|(list, images)| {
        let images = images.as_object().into_iter().flatten();
        images.map(move |(name, image)| (list, name, image))
    });
    all.all(|(list, name, image)| there[list][name] == *image)
}

/// The images of a template, for people.
pub(super) fn images(object: &Value) -> String {
    said(&by_list(containers(object)))
}

fn containers(object: &Value) -> impl Iterator<Item = (&'static str, &str, &str)> {
    LISTS.into_iter().flat_map(move |list| {
        let of = items(object, &format!("/spec/template/spec/{list}")).iter();
        of.map(move |container| (list, text(container, "/name"), text(container, "/image")))
    })
}

impl Turn for Images<'_> {
    const NOTE: &'static str = "orderly.dev/images";
    const PART: &'static str = "/spec/template";
    const DOING: &'static str = "setting images of";
    const REMEMBERS: bool = true;

    fn workload(&self) -> Option<&Workload> {
        Some(self.workload)
    }
    fn read(&self, object: &Value) -> Value {
        by_list(self.found(object).into_iter())
    }
    fn wanted(&self, object: &Value) -> Result<Value, String> {
        let workload = self.workload;
        let found = self.found(object);
        let is_there = |name: &str| found.iter().any(|(_, there, _)| *there == name);
        if let Some(unknown) = self.images.keys().find(|name| !is_there(name)) {
            let there: Vec<&str> = containers(object).map(|(_, name, _)| name).collect();
            return Err(format!(
                "{workload} has no container `{unknown}`\nhint: it has {}",
                there.join(", ")
            ));
        }
        let wanted = |(list, name, image)| {
            let image = self.images.get(name).map_or(image, String::as_str);
            (list, name, image)
        };
        let wanted = by_list(found.iter().copied().map(wanted));
        if wanted != self.read(object) {
            workload.is_not_paused(object, "a rollout")?;
        }
        Ok(wanted)
    }
    fn patch(&self, images: &Value) -> Value {
        patch_of(images)
    }
    fn progress(&self, images: &Value, object: &Value) -> Progress {
        if self.read(object) != *images {
            return Progress::Stuck("something else has set other images meanwhile".to_owned());
        }
        rollout(&self.workload.kind, object)
    }
    fn done(&self, from: &Value, to: &Value) -> String {
        if from == to {
            return format!("has {} already", said(to));
        }
        format!("was given {} instead of {}", said(to), said(from))
    }
}

fn by_list<'o>(containers: impl Iterator<Item = (&'static str, &'o str, &'o str)>) -> Value {
    let mut lists = json!({});
    for (list, name, image) in containers {
        lists[list][name] = json!(image);
    }
    lists
}

/// Containers are told apart by their names (strategic merge), so all else of them stays.
fn patch_of(lists: &Value) -> Value {
    let list = |images: &Value| -> Vec<Value> {
        let each = images.as_object().into_iter().flatten();
        each.map(|(name, image)| json!({ "name": name, "image": image }))
            .collect()
    };
    let lists = lists.as_object().into_iter().flatten();
    let lists: Map<String, Value> = lists
        .map(|(name, images)| (name.clone(), Value::Array(list(images))))
        .collect();
    json!({ "spec": { "template": { "spec": lists } } })
}

fn flat(lists: &Value) -> BTreeMap<String, String> {
    let images = lists.as_object().into_iter().flatten();
    images
        .flat_map(|(_, images)| images.as_object().into_iter().flatten())
        .map(|(name, image)| (name.clone(), image.as_str().unwrap_or_default().to_owned()))
        .collect()
}

fn said(lists: &Value) -> String {
    let each = flat(lists).into_iter();
    let each: Vec<String> = each
        .map(|(name, image)| format!("{name}={image}"))
        .collect();
    each.join(", ")
}

impl Action for SetImage {
    type Inputs = SetImageInputs;
    type Outputs = SetImageOutputs;
    const NAME: &'static str = "kubernetes/set-image";
    const SUMMARY: &'static str = "Gives containers of a deployment, stateful set or daemon set other images, and puts the former ones back if that fails.";

    fn validate(&self, inputs: &SetImageInputs) -> Result<(), String> {
        inputs.check_images()?;
        inputs.patience()?;
        inputs.workload().map(drop)
    }

    fn intend(&self, inputs: &SetImageInputs, _: &StepContext) -> Result<Intent, String> {
        let subject = inputs.workload()?.subject;
        let which = Which::Named(subject.name.clone());
        let object = deeds::Subject {
            kind: &subject.kind,
            namespace: subject.namespace.as_deref(),
            which: &which,
        };
        let patch = inputs.as_patch();
        Ok(Intent {
            effects: deeds::of_deeds(&subject.cluster, &[Deed::Merge(object, &patch)]),
            // The note of this step says whether it was done.
            idempotent: true,
            wants_approval: None,
            pinned: crate::domain::pinned::Pinned::default(),
        })
    }

    fn foresee<'a>(
        &'a self,
        inputs: SetImageInputs,
        context: &'a StepContext,
        world: &'a World,
        intent: Intent,
    ) -> BoxFuture<'a, Result<Intent, String>> {
        Box::pin(async move {
            let workload = &inputs.workload()?;
            let images = Images {
                workload,
                images: &inputs.images,
            };
            changeable(&images, &workload.subject, context, world).await?;
            Ok(intent)
        })
    }

    fn grace(&self, _: &SetImageInputs) -> Span {
        turn::grace()
    }

    fn rights(&self, inputs: &SetImageInputs, effects: &Effects) -> Rights {
        let waits = inputs.wait.map(|_| (&*inputs.cluster, &*inputs.namespace));
        rights::of_effects(effects).and_telling_of_pods(waits)
    }

    fn runs_dry(&self, _: Class) -> bool {
        true
    }

    fn execute<'a>(
        &'a self,
        inputs: SetImageInputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            match set(&inputs, session, world).await {
                Ok(report) | Err(report) => report,
            }
        })
    }
}

async fn set(
    inputs: &SetImageInputs,
    session: &Session,
    world: &World,
) -> Result<StepReport, StepReport> {
    let refused = |error| StepReport::failed(error, false);
    // What came from a secret was a marker when it was checked.
    inputs.check_images().map_err(refused)?;
    let workload = &inputs.workload().map_err(refused)?;
    let patience = inputs.patience().map_err(refused)?;
    let scene = Scene {
        subject: &workload.subject,
        session,
        world,
    };
    let images = Images {
        workload,
        images: &inputs.images,
    };
    let carried = carry_out(&images, scene, patience).await?;
    let left = SetImageOutputs {
        cluster: inputs.cluster.clone(),
        kind: workload.kind.word(),
        namespace: inputs.namespace.clone(),
        name: workload.subject.name.clone(),
        previous: flat(&carried.turned.from),
        images: inputs.images.clone(),
        changed: carried.turned.state == Made::Here && !carried.undone,
        ready_after_ms: carried.ready_after.map(Span::millis),
        undone: carried.undone,
    };
    let summary = summary(workload, &carried, session.context.dry_run);
    Ok(carried.report(summary, outputs(&left)))
}

fn summary(workload: &Workload, carried: &Carried, dry_run: bool) -> String {
    let (from, to) = (said(&carried.turned.from), said(&carried.turned.to));
    let done = match (carried.turned.state, dry_run) {
        (Made::Already, _) => format!("{workload} has {to} already, nothing was changed"),
        (Made::Here | Made::PutBack, true) => {
            format!("would give {workload} {to} instead of {from}; the server agrees")
        }
        (Made::Here | Made::PutBack, false) => format!("{workload} has {to} instead of {from}"),
    };
    carried.ready(done)
}

#[cfg(test)]
mod tests {
    use crate::{
        actions::framework::scripted::intend,
        domain::effect::{Class, Confidence},
    };
    use serde_json::{Value, json};

    fn with(images: &Value) -> Value {
        json!({ "namespace": "shop", "deployment": "web", "images": images })
    }

    #[tokio::test]
    async fn what_gets_other_images_is_named_exactly() {
        let intent = intend("kubernetes/set-image", with(&json!({ "app": "web:2" })));
        let intent = intent.await.unwrap();
        assert_eq!(intent.effects.confidence, Confidence::Exact);
        assert_eq!(intent.effects.class(), Class::Change);
        assert_eq!(
            intent.effects.items[0].to_string(),
            "patch deployment.apps web in namespace shop on cluster default"
        );
        assert!(intent.idempotent);
    }

    #[tokio::test]
    async fn what_is_no_image_is_told() {
        let mut loose = with(&json!({ "app": "web:2" }));
        loose["requireDigest"] = json!(true);
        let mut impatient = with(&json!({ "app": "web:2" }));
        impatient["undoOnFailure"] = json!(true);
        for (value, words) in [
            (with(&json!({})), "no container is named"),
            (with(&json!({ "app": "a b" })), "is not an image"),
            (with(&json!({ "app": "" })), "is not an image"),
            (loose, "names no digest"),
            (impatient, "does not wait"),
        ] {
            let error = intend("kubernetes/set-image", value.clone())
                .await
                .unwrap_err();
            assert!(error.contains(words), "{value}: {error}");
        }
        let digest = format!("registry.example.org/web@sha256:{}", "0a".repeat(32));
        let mut exact = with(&json!({ "app": digest }));
        exact["requireDigest"] = json!(true);
        assert!(intend("kubernetes/set-image", exact).await.is_ok());
    }
}
