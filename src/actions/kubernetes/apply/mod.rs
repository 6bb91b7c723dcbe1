//! `kubernetes/apply`.

mod act;
pub(super) mod conflict;
mod needed;
pub(super) mod new;
mod report;
mod undo;

use crate::{
    actions::{
        framework::{Action, Given, World, rights},
        kubernetes::{
            check_name, default_cluster,
            manifests::{Destination, Manifest, holds_objects, of_files, of_text, of_value},
        },
    },
    commands::deeds::{self, Deed},
    domain::{
        effect::{Class, Effects, Object, Place, Scope, Which},
        expression,
        pinned::{FileOf, Pinned, PinnedFile},
        right::Rights,
        run::StepReport,
        secret,
        span::Span,
    },
    ports::{
        BoxFuture,
        executor::{Intent, Session, StepContext},
        materials::RevisionFile,
    },
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

pub(super) use act::apply;
pub use report::{AppliedObject, ApplyOutputs, Outcome, Undone, UndoneObject};

/// Makes objects be as they are written.
#[derive(Debug, Clone, Copy)]
pub struct KubernetesApply;

/// What `kubernetes/apply` is told. Exactly one of `manifest`, `files` and `text` is given.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApplyInputs {
    /// The cluster's name in the agent's configuration.
    #[serde(default = "default_cluster")]
    pub cluster: String,
    /// Where objects go that name no namespace.
    #[serde(default)]
    pub namespace: Option<String>,
    /// One object, or a list of them. Values may be secrets, as in `stringData: { password: '${{ secret("db") }}' }`.
    #[serde(default)]
    pub manifest: Option<Value>,
    /// Paths from the repository's top on: files that hold objects, and folders of which every `.yaml`, `.yml` and `.json` counts. They are
    /// those of the run's revision.
    #[serde(default)]
    pub files: Vec<String>,
    /// Objects as text (YAML documents or JSON), such as what an earlier step has left. It cannot hold secrets.
    #[serde(default)]
    pub text: Option<String>,
    /// Whether fields that others manage are taken over. Without it such a field is a conflict, and the failure names it and its manager.
    #[serde(default)]
    pub force: bool,
    /// How long to wait until every object is ready: workloads rolled out, Jobs complete, definitions established, claims bound, and
    /// otherwise what its conditions say; without it, the step does not wait.
    #[serde(default)]
    pub wait: Option<Span>,
    /// Whether what this step did is undone when it fails: objects that are new are deleted, those that it changed get their former fields
    /// back. Not with Secrets: their values are never read, so nobody could put them back. New namespaces and definitions stay.
    #[serde(default)]
    pub undo_on_failure: bool,
}

/// A step that puts things back needs time for it when it is stopped, in seconds.
const TIME_TO_UNDO: u64 = 30;

impl ApplyInputs {
    fn destination(&self) -> Destination<'_> {
        Destination {
            cluster: &self.cluster,
            namespace: self.namespace.as_deref(),
        }
    }

    /// Every object, in the order in which they are written.
    fn manifests(&self, repository: &[RevisionFile]) -> Result<Vec<Manifest>, String> {
        let to = self.destination();
        let manifests = match (&self.manifest, &self.text) {
            (Some(value), _) => of_value(value, to)?,
            (None, Some(text)) => of_text(text, to)?,
            (None, None) => of_files(repository, &self.files, to)?,
        };
        let secret = manifests.iter().find(|manifest| manifest.is_secret());
        match secret.filter(|_| self.undo_on_failure) {
            Some(secret) => Err(format!(
                "in `with`, at `undoOnFailure`: {} could not be put back, because the values of Secrets are never read\nhint: apply it in a step of its own, without `undoOnFailure`",
                secret.subject
            )),
            None => Ok(manifests),
        }
    }

    /// Whether what is applied is only known when earlier steps have run.
    fn is_unknown(&self) -> bool {
        let texts = [self.text.as_deref(), self.namespace.as_deref()];
        texts.into_iter().flatten().any(expression::has_unknown)
            || self.manifest.as_ref().is_some_and(any_unknown)
    }

    fn pinned(&self, repository: &[RevisionFile]) -> Vec<PinnedFile> {
        let counts = |file: &&RevisionFile| holds_objects(file, &self.files);
        let files = repository.iter().filter(counts);
        files
            .map(|file| PinnedFile {
                of: FileOf::Repository,
                path: file.path.clone(),
                sha256: file.sha256(),
            })
            .collect()
    }
}

fn any_unknown(value: &Value) -> bool {
    match value {
        Value::String(text) => expression::has_unknown(text),
        Value::Array(items) => items.iter().any(any_unknown),
        Value::Object(fields) => fields.values().any(any_unknown),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

impl Action for KubernetesApply {
    type Inputs = ApplyInputs;
    type Outputs = ApplyOutputs;
    const NAME: &'static str = "kubernetes/apply";
    const SUMMARY: &'static str =
        "Makes objects of a cluster be as they are written, by server-side apply.";

    fn validate(&self, inputs: &ApplyInputs) -> Result<(), String> {
        let given = [
            inputs.manifest.is_some(),
            !inputs.files.is_empty(),
            inputs.text.is_some(),
        ];
        if given.iter().filter(|given| **given).count() != 1 {
            return Err("in `with`: give exactly one of `manifest`, `files`, `text`".to_owned());
        }
        check_name("cluster", &inputs.cluster)?;
        if inputs.is_unknown() {
            return Ok(());
        }
        if let Some(namespace) = &inputs.namespace {
            check_name("namespace", namespace)?;
        }
        if inputs.text.as_deref().is_some_and(secret::is_marked) {
            return Err("in `with`, at `text`: a secret in a text could become a part of its structure\nhint: write the object as `manifest` and let the secret be a value in it".to_owned());
        }
        if inputs.files.is_empty() {
            inputs.manifests(&[])?;
        }
        Ok(())
    }

    fn intend(&self, inputs: &ApplyInputs, context: &StepContext) -> Result<Intent, String> {
        self.intend_with(inputs, context, &Given::NOTHING)
    }

    fn intend_with(
        &self,
        inputs: &ApplyInputs,
        _: &StepContext,
        given: &Given<'_>,
    ) -> Result<Intent, String> {
        let effects = if inputs.is_unknown() {
            unknown(&inputs.cluster)
        } else {
            let manifests = inputs.manifests(given.repository)?;
            effects(&inputs.cluster, &manifests)
        };
        Ok(Intent {
            effects,
            // A second attempt would not know what was there before the first one.
            idempotent: !inputs.undo_on_failure,
            wants_approval: None,
            pinned: Pinned {
                files: inputs.pinned(given.repository),
                ..Pinned::default()
            },
        })
    }

    fn wants(&self, inputs: &ApplyInputs) -> Vec<String> {
        inputs.files.clone()
    }

    fn execute<'a>(
        &'a self,
        inputs: ApplyInputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            let repository = match inputs.files.as_slice() {
                [] => Ok(Vec::new()),
                wanted => {
                    let revision = &session.context.revision;
                    world.materials.repository(revision, wanted).await
                }
            };
            let manifests = match repository {
                Ok(files) => inputs.manifests(&files),
                Err(error) => return StepReport::failed(error, true),
            };
            match manifests {
                Ok(manifests) => apply(&inputs, manifests, session, world).await,
                Err(error) => StepReport::failed(error, false),
            }
        })
    }

    fn foresee<'a>(
        &'a self,
        inputs: ApplyInputs,
        context: &'a StepContext,
        world: &'a World,
        intent: Intent,
    ) -> BoxFuture<'a, Result<Intent, String>> {
        Box::pin(async move {
            if inputs.is_unknown() {
                return Ok(intent);
            }
            let repository = match inputs.files.as_slice() {
                [] => Vec::new(),
                wanted => {
                    let materials = &world.materials;
                    materials.repository(&context.revision, wanted).await?
                }
            };
            let manifests = inputs.manifests(&repository)?;
            Ok(new::told(intent, &manifests, world).await)
        })
    }

    fn grace(&self, inputs: &ApplyInputs) -> Span {
        Span::from_secs(if inputs.undo_on_failure {
            TIME_TO_UNDO
        } else {
            5
        })
    }

    fn rights(&self, inputs: &ApplyInputs, effects: &Effects) -> Rights {
        if inputs.is_unknown() {
            return rights::of_effects(effects);
        }
        needed::of_written(inputs, effects)
    }

    fn runs_dry(&self, _: Class) -> bool {
        true
    }
}

fn effects(cluster: &str, manifests: &[Manifest]) -> Effects {
    let deeds: Vec<Deed<'_>> = manifests
        .iter()
        .map(|manifest| {
            Deed::Apply(deeds::Manifest {
                object: &manifest.object,
                namespace: manifest.subject.namespace.as_deref(),
            })
        })
        .collect();
    deeds::of_deeds(cluster, &deeds)
}

fn unknown(cluster: &str) -> Effects {
    let object = Object {
        place: Place::Cluster(cluster.to_owned()),
        kind: Object::UNKNOWN_KIND.to_owned(),
        scope: Scope::Unknown,
        which: Which::Unknown,
    };
    Effects::opaque(
        object,
        "what is applied is not known before earlier steps have run",
    )
}

#[cfg(test)]
mod tests {
    use crate::{
        actions::framework::scripted::intend,
        domain::{
            effect::{Class, Confidence, Tri},
            name::SecretName,
            secret::marker,
        },
    };
    use serde_json::{Value, json};

    fn map(name: &str) -> Value {
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": { "a": "1" } })
    }

    #[tokio::test]
    async fn every_object_is_named() {
        let manifest = json!([
            map("web"),
            { "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": { "name": "all" } }
        ]);
        let apply = json!({ "namespace": "shop", "manifest": manifest });
        let intent = intend("kubernetes/apply", apply).await.unwrap();
        assert!(intent.idempotent);
        assert_eq!(intent.effects.confidence, Confidence::Exact);
        let lines: Vec<String> = intent
            .effects
            .items
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            lines[0],
            "update configmap web in namespace shop on cluster default"
        );
        assert_eq!(intent.effects.items[1].access_change, Tri::Yes);
    }

    #[tokio::test]
    async fn a_text_is_judged_as_what_it_holds() {
        let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web, namespace: shop }\nspec: { replicas: 0 }\n";
        let intent = intend("kubernetes/apply", json!({ "text": text }))
            .await
            .unwrap();
        assert_eq!(intent.effects.class(), Class::Destructive);
        let task = "{apiVersion: x.org/v1, kind: Task, metadata: {name: t, namespace: shop}}";
        let intent = intend("kubernetes/apply", json!({ "text": task }))
            .await
            .unwrap();
        assert_eq!(intent.effects.confidence, Confidence::Opaque);
    }

    #[tokio::test]
    async fn secrets_stand_in_values_only_and_are_never_put_back() {
        let password = marker(&SecretName::new("db").unwrap());
        let text = format!(
            "{{apiVersion: v1, kind: Secret, metadata: {{name: a, namespace: b}}, stringData: {{a: {password}}}}}"
        );
        let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "a", "namespace": "b" }, "stringData": { "a": password } });
        for (inputs, words) in [
            (json!({ "text": text }), "write the object as `manifest`"),
            (
                json!({ "manifest": secret, "undoOnFailure": true }),
                "secret b/a could not be put back",
            ),
            (json!({}), "exactly one of"),
            (
                json!({ "manifest": secret, "files": ["a"] }),
                "exactly one of",
            ),
            (json!({ "manifest": map("a") }), "lies in a namespace"),
        ] {
            let error = intend("kubernetes/apply", inputs.clone())
                .await
                .unwrap_err();
            assert!(error.contains(words), "{inputs}: {error}");
        }
        assert!(
            intend("kubernetes/apply", json!({ "manifest": secret }))
                .await
                .is_ok()
        );
    }
}
