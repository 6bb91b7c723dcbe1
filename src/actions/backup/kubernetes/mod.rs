//! `backup/kubernetes`: objects of a cluster, so that they can be applied again.
//!
//! An artifact holds a JSON object a line, in the order in which they are wanted again: namespaces and definitions first. So
//! `zstd -d < … | kubectl apply --server-side -f -` takes it as it is.
//!
//! Values of Secrets come in here by [`crate::ports::cluster::Clusters::kept_whole`] and go into the artifact alone. What may hold some is
//! encrypted, or not made.

mod cleaned;
mod inputs;
mod lines;
mod make;
mod restore;
mod selected;
mod trial;

pub use restore::KubernetesRestore;
pub(super) use restore::restore_objects;
pub(super) use trial::{said, trial, tried_none};

use crate::{
    actions::{
        backup::BackupOutputs,
        framework::{Action, World},
    },
    domain::run::StepReport,
    ports::{
        BoxFuture,
        executor::{Intent, Session, StepContext},
    },
};
use inputs::KubernetesInputs;

/// What stands in a file name before `.zst`.
pub(super) const EXTENSION: &str = "objects.jsonl";

/// Keeps objects of a cluster.
#[derive(Debug, Clone, Copy)]
pub struct BackupKubernetes;

impl Action for BackupKubernetes {
    type Inputs = KubernetesInputs;
    type Outputs = BackupOutputs;
    const NAME: &'static str = "backup/kubernetes";
    const SUMMARY: &'static str = "Keeps objects of a cluster without what its server manages, so that they can be applied again; always encrypted where Secrets are among them.";

    fn validate(&self, inputs: &KubernetesInputs) -> Result<(), String> {
        inputs.validate()
    }

    fn intend(&self, inputs: &KubernetesInputs, _: &StepContext) -> Result<Intent, String> {
        Ok(Intent {
            effects: inputs.effects()?,
            // One that was cut off leaves nothing, so it is simply made again.
            idempotent: true,
            wants_approval: None,
            pinned: crate::domain::pinned::Pinned::default(),
        })
    }

    fn seals(&self, inputs: &KubernetesInputs) -> bool {
        inputs.keep.seals(inputs.holds_secrets().unwrap_or(false))
    }

    fn execute<'a>(
        &'a self,
        inputs: KubernetesInputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            match make::make(&inputs, session, world).await {
                Ok(report) | Err(report) => report,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        actions::framework::scripted::intend,
        domain::effect::{Class, Secrets},
    };
    use serde_json::{Value, json};

    async fn shown(inputs: Value) -> (Vec<String>, Class) {
        let intent = intend("backup/kubernetes", inputs).await.unwrap();
        let shown = intent.effects.items.iter().map(ToString::to_string);
        (shown.collect(), intent.effects.class())
    }

    #[tokio::test]
    async fn each_selection_is_a_read_and_what_is_kept_is_told() {
        let resources = ["deployments", "cm/todo-config", "namespace/shop"];
        let inputs = json!({ "name": "shop", "namespace": "shop", "resources": resources });
        let (lines, class) = shown(inputs).await;
        assert_eq!(class, Class::Change);
        assert_eq!(
            lines,
            [
                "create artifact shop of the agent",
                "read namespace shop on cluster default",
                "read configmap todo-config in namespace shop on cluster default",
                "list deployments.apps (all) in namespace shop on cluster default",
            ]
        );
    }

    #[tokio::test]
    async fn values_of_secrets_go_into_an_encrypted_artifact_and_nobody_reads_them() {
        for resources in [
            json!(["secret/db"]),
            json!(["secrets"]),
            json!(["Secret/*"]),
            json!(["all"]),
        ] {
            let mut inputs = json!({ "name": "shop", "namespace": "shop", "resources": resources });
            let intent = intend("backup/kubernetes", inputs.clone()).await.unwrap();
            assert_eq!(intent.effects.class(), Class::Change);
            let first = intent.effects.items[0].to_string();
            assert!(first.contains("values of Secrets"), "{first}");
            let secret = |item: &&crate::domain::effect::Effect| item.object.kind == "secret";
            let read = intent.effects.items.iter().find(secret).unwrap();
            assert_eq!(read.secrets, Secrets::Names);
            inputs["keep"] = json!({ "encrypt": false });
            let error = intend("backup/kubernetes", inputs).await.unwrap_err();
            assert!(error.contains("at `keep.encrypt`"), "{error}");
        }
    }

    #[tokio::test]
    async fn inputs_that_make_no_sense_are_refused() {
        for (inputs, words) in [
            (
                json!({ "resources": [], "namespace": "a" }),
                "at `resources`",
            ),
            (
                json!({ "resources": ["configmaps"] }),
                "lies in a namespace",
            ),
            (
                json!({ "resources": ["cm/a"], "allNamespaces": true }),
                "lies in a namespace",
            ),
            (
                json!({ "resources": ["cm/A b"], "namespace": "a" }),
                "at `resources[0]`",
            ),
            (
                json!({ "resources": ["cm"], "namespace": "a", "allNamespaces": true }),
                "exclude each other",
            ),
            (
                json!({ "resources": ["cm/a"], "namespace": "a", "selector": "a=b" }),
                "at `selector`",
            ),
        ] {
            let mut inputs = inputs;
            inputs["name"] = json!("x");
            let error = intend("backup/kubernetes", inputs.clone())
                .await
                .unwrap_err();
            assert!(error.contains(words), "{inputs}: {error}");
        }
    }
}
