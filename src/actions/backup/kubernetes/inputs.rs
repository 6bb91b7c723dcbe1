//! What `backup/kubernetes` is told.

use super::selected::{self, Pick, Selected};
use crate::{
    actions::{
        backup::{Keep, made},
        framework::size::Size,
        kubernetes::{check_name, default_cluster},
    },
    domain::{
        effect::{Effect, Effects, Object, Reach, Secrets, Verb},
        name::ArtifactName,
    },
};
use schemars::JsonSchema;
use serde::Deserialize;

/// Why it is never kept in the clear.
const HOLDS_SECRETS: &str = "Secrets are among `resources`";
/// An artifact that holds values of Secrets, as effects name it.
const SEALED: &str = "encrypted artifact, with values of Secrets,";

/// What `backup/kubernetes` is told.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KubernetesInputs {
    /// The name of the backup: the first part of the artifact's file name.
    #[schemars(
        with = "String",
        regex(pattern = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
    )]
    pub name: ArtifactName,
    /// The cluster's name in the agent's configuration.
    #[serde(default = "default_cluster")]
    pub cluster: String,
    /// The namespace that it is about. What belongs to no namespace may be named beside.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Every namespace.
    #[serde(default)]
    pub all_namespaces: bool,
    /// What is kept: one object as in `configmap/todo-config`, all of a kind as in `deployments` or `secret/*`, or `all`: what people
    /// make in a namespace, of the kinds that are built in (config maps, Secrets, service accounts, services, claims, workloads, cron jobs,
    /// ingresses, network policies, autoscalers, disruption budgets, quotas, limits, roles and bindings). Where Secrets are among it, the
    /// backup is always encrypted.
    #[schemars(length(min = 1, max = 200))]
    pub resources: Vec<String>,
    /// Labels that objects of a kind must have to be kept, as in `app=web,tier!=test`; not for those that are named.
    #[serde(default)]
    pub selector: Option<String>,
    /// How many bytes it may hold before compression, as in `2GiB`; 10 GiB where it is not said.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub at_most: Option<Size>,
    /// How it is kept.
    #[serde(default)]
    pub keep: Keep,
}

impl KubernetesInputs {
    pub(super) fn validate(&self) -> Result<(), String> {
        check_name("cluster", &self.cluster)?;
        if self.all_namespaces && self.namespace.is_some() {
            return Err("in `with`: `namespace` and `allNamespaces` exclude each other".to_owned());
        }
        let selected = self.selected()?;
        self.keep
            .check(holds_secrets(&selected).then_some(HOLDS_SECRETS))?;
        let Some(selector) = &self.selector else {
            return Ok(());
        };
        if !(1..=1000).contains(&selector.len()) {
            return Err("in `with`, at `selector`: want 1 to 1000 characters".to_owned());
        }
        if selected
            .iter()
            .any(|one| matches!(one.pick, Pick::Named(_)))
        {
            return Err("in `with`, at `selector`: it is not for objects that are named\nhint: make two backups, or name kinds only".to_owned());
        }
        Ok(())
    }

    /// In the order in which they are wanted again.
    pub(super) fn selected(&self) -> Result<Vec<Selected>, String> {
        selected::of(
            &self.resources,
            self.namespace.as_deref(),
            self.all_namespaces,
        )
    }

    /// Whether it may hold values of Secrets.
    pub(super) fn holds_secrets(&self) -> Result<bool, String> {
        Ok(holds_secrets(&self.selected()?))
    }

    pub(super) fn effects(&self) -> Result<Effects, String> {
        let selected = self.selected()?;
        let made = if holds_secrets(&selected) {
            let artifact = Object::agent(SEALED, self.name.as_str());
            Effect::change(Verb::Create, artifact, "delete the artifact")
        } else {
            made(&self.name)
        };
        let reads = selected.iter().map(|one| {
            let (verb, reach) = match one.pick {
                Pick::Named(_) => (Verb::Read, Reach::Exactly(1)),
                Pick::All => (Verb::List, Reach::Unknown),
            };
            let object = one.object(&self.cluster, self.selector.as_deref());
            // Values go where only holders of a key can read them, so nobody learns more than names.
            let secrets = if one.is_secret() {
                Secrets::Names
            } else {
                Secrets::None
            };
            Effect {
                reach,
                secrets,
                ..Effect::read(verb, object)
            }
        });
        Ok(Effects::exact(std::iter::once(made).chain(reads).collect()))
    }
}

fn holds_secrets(selected: &[Selected]) -> bool {
    selected.iter().any(Selected::is_secret)
}
