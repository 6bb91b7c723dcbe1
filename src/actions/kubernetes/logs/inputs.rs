//! What `kubernetes/logs` is told.

use super::patterns::Patterns;
use crate::{
    actions::{
        framework::size::Size,
        kubernetes::{check_name, default_cluster, pods::Pods},
    },
    domain::{name::ArtifactName, span::Span},
};
use schemars::JsonSchema;
use serde::Deserialize;

/// What `kubernetes/logs` is told. Exactly one of `pod`, `object` and `selector` is given.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogsInputs {
    /// The cluster's name in the agent's configuration.
    #[serde(default = "default_cluster")]
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// A pod's name.
    #[serde(default)]
    pub pod: Option<String>,
    /// A workload or service, as in `deployment/web`: all of its pods.
    #[serde(default)]
    pub object: Option<String>,
    /// All pods with these labels, as in `app=web,tier!=test`.
    #[serde(default)]
    pub selector: Option<String>,
    /// The container; needed where a pod has several and does not name its default one.
    #[serde(default)]
    pub container: Option<String>,
    /// All containers of each pod, also those that prepare it.
    #[serde(default)]
    pub all_containers: bool,
    /// What was said before the last restart.
    #[serde(default)]
    pub previous: bool,
    /// Only what was said within this time.
    #[serde(default)]
    pub since: Option<Span>,
    /// Only so many last lines of each container.
    #[serde(default)]
    pub tail: Option<u32>,
    /// Keeps it as an artifact of this name, streamed and compressed, instead of in the step's log. An artifact holds it as it is:
    /// secrets are masked in the step's log alone.
    #[serde(default)]
    #[schemars(
        with = "Option<String>",
        regex(pattern = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
    )]
    pub artifact: Option<ArtifactName>,
    /// How many bytes the artifact may hold before compression, as in `2GiB`; 100 GiB where it is not said.
    #[serde(default)]
    pub at_most: Option<Size>,
    /// Regular expressions of which each must match a line; otherwise it is critical.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub expect: Vec<String>,
    /// Regular expressions of which none may match a line; otherwise it is critical.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub forbid: Vec<String>,
}

impl LogsInputs {
    pub(super) fn pods(&self) -> Result<Pods, String> {
        Pods::new(
            &self.cluster,
            &self.namespace,
            self.pod.as_deref(),
            self.object.as_deref(),
            self.selector.as_deref(),
        )
    }

    pub(super) fn patterns(&self) -> Result<Patterns, String> {
        Patterns::new(&self.expect, &self.forbid)
    }

    pub(super) fn validate(&self) -> Result<(), String> {
        self.pods()?;
        self.patterns()?;
        match &self.container {
            Some(_) if self.all_containers => {
                Err("in `with`: `container` and `allContainers` exclude each other".to_owned())
            }
            Some(container) => check_name("container", container),
            None => Ok(()),
        }
    }

    pub(super) fn since_seconds(&self) -> Option<u32> {
        let seconds = self.since?.millis().div_ceil(1000).max(1);
        Some(u32::try_from(seconds).unwrap_or(u32::MAX))
    }
}
