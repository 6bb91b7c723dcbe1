//! `backup/helm`: releases with all that it takes to make them again: values, manifest, hooks, notes, chart and revision. Always
//! encrypted, because releases hold secrets.
//!
//! An artifact holds a release as a JSON object a line. The chart itself is not among it: it lies in the repository or in a registry.

mod make;
mod restore;
mod trial;

pub(super) use restore::{HelmRestore, restore_release};
pub(super) use trial::{said, trial};

use crate::{
    actions::{
        backup::{BackupOutputs, Keep},
        framework::{Action, Given, World},
        helm::Releases,
        kubernetes::default_cluster,
    },
    domain::{
        effect::{Effect, Effects, Object, Reach, Secrets, Verb},
        name::ArtifactName,
        pinned::Pinned,
        right::Rights,
        run::StepReport,
    },
    ports::{
        BoxFuture,
        executor::{Intent, Session, StepContext},
    },
};
use schemars::JsonSchema;
use serde::Deserialize;

/// What stands in a file name before `.zst`.
pub(super) const EXTENSION: &str = "releases.jsonl";
/// Why it is never kept in the clear.
const HOLDS_SECRETS: &str = "releases hold values and Secrets";
/// An artifact that holds releases, as effects name it.
const SEALED: &str = "encrypted artifact, with values of releases,";

/// Keeps releases of Helm.
#[derive(Debug, Clone, Copy)]
pub struct BackupHelm;

/// What `backup/helm` is told.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HelmInputs {
    /// The name of the backup: the first part of the artifact's file name.
    #[schemars(
        with = "String",
        regex(pattern = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
    )]
    pub name: ArtifactName,
    /// The cluster's name in the agent's configuration.
    #[serde(default = "default_cluster")]
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// Only this release; all of the namespace where none is named.
    #[serde(default)]
    pub release: Option<String>,
    /// How it is kept; always encrypted.
    #[serde(default)]
    pub keep: Keep,
}

impl HelmInputs {
    fn releases(&self) -> Releases<'_> {
        Releases {
            cluster: &self.cluster,
            namespace: &self.namespace,
            name: self.release.as_deref(),
        }
    }
}

impl Action for BackupHelm {
    type Inputs = HelmInputs;
    type Outputs = BackupOutputs;
    const NAME: &'static str = "backup/helm";
    const SUMMARY: &'static str =
        "Keeps Helm releases with their values, manifests and notes, always encrypted.";

    fn validate(&self, inputs: &HelmInputs) -> Result<(), String> {
        inputs.releases().validate()?;
        inputs.keep.check(Some(HOLDS_SECRETS))
    }

    fn intend(&self, inputs: &HelmInputs, context: &StepContext) -> Result<Intent, String> {
        self.intend_with(inputs, context, &Given::NOTHING)
    }

    fn intend_with(
        &self,
        inputs: &HelmInputs,
        context: &StepContext,
        given: &Given<'_>,
    ) -> Result<Intent, String> {
        let artifact = Object::agent(SEALED, inputs.name.as_str());
        let made = Effect::change(Verb::Create, artifact, "delete the artifact");
        let (verb, reach) = match inputs.release {
            Some(_) => (Verb::Read, Reach::Exactly(1)),
            None => (Verb::List, Reach::Unknown),
        };
        // Values go where only holders of a key can read them, so nobody learns more than names.
        let read = Effect {
            reach,
            secrets: Secrets::Names,
            ..Effect::read(verb, inputs.releases().object())
        };
        Ok(Intent {
            effects: Effects::exact(vec![made, read]),
            idempotent: true,
            wants_approval: None,
            pinned: Pinned {
                programs: Releases::pinned(given, context.dry_run)?,
                ..Pinned::default()
            },
        })
    }

    fn rights(&self, inputs: &HelmInputs, _: &Effects) -> Rights {
        inputs.releases().rights()
    }

    fn seals(&self, inputs: &HelmInputs) -> bool {
        inputs.keep.seals(true)
    }

    fn execute<'a>(
        &'a self,
        inputs: HelmInputs,
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
    use super::{BackupHelm, HelmInputs};
    use crate::{
        actions::framework::{Action as _, scripted::context},
        domain::effect::{Class, Secrets},
    };
    use serde_json::{Value, json};

    fn inputs(more: Value) -> HelmInputs {
        let mut inputs = json!({ "name": "web", "namespace": "shop" });
        let more = more.as_object().unwrap().clone();
        inputs.as_object_mut().unwrap().extend(more);
        serde_json::from_value(inputs).unwrap()
    }

    #[test]
    fn releases_are_never_kept_in_the_clear() {
        let clear = inputs(json!({ "keep": { "encrypt": false } }));
        let error = BackupHelm.validate(&clear).unwrap_err();
        assert!(error.contains("releases hold values"), "{error}");
        let bad = inputs(json!({ "release": "A b" }));
        assert!(BackupHelm.validate(&bad).is_err());
        let mut dry = context();
        dry.dry_run = true;
        let intent = BackupHelm.intend(&inputs(json!({})), &dry).unwrap();
        assert_eq!(intent.effects.class(), Class::Change);
        assert_eq!(intent.effects.items[1].secrets, Secrets::Names);
        assert!(
            intent.effects.items[1]
                .to_string()
                .starts_with("list releases.helm"),
            "{}",
            intent.effects.items[1]
        );
    }
}
