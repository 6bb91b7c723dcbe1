//! What `kubernetes/check` is told.

use crate::{
    actions::kubernetes::{
        check_name, default_cluster,
        kinds::{CLAIMS, DEPLOYMENTS, ENDPOINT_SLICES, EVENTS, JOBS, Kind, NODES, PODS, SERVICES},
    },
    domain::span::Span,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is looked at, and which number the thresholds are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum What {
    /// Nodes that are not ready.
    Nodes,
    /// Pods that are not ready; those that have run to their end or are being deleted do not count.
    Pods,
    /// Deployments with fewer available replicas than they want.
    Deployments,
    /// Services with fewer ready endpoints than `minimum`; those without a selector do not count.
    Endpoints,
    /// Claims of volumes that are not bound.
    Claims,
    /// The highest number of restarts of a container that has restarted within `since`.
    Restarts,
    /// Warning events within `since`.
    Events,
    /// Jobs that have failed within `since`.
    Jobs,
}

/// What `kubernetes/check` is told.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckInputs {
    /// The cluster's name in the agent's configuration.
    #[serde(default = "default_cluster")]
    pub cluster: String,
    /// What is looked at.
    pub what: What,
    /// In which namespace; all of them where none is named. Not for nodes.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Only this deployment, or the endpoints of this service; it needs `namespace`.
    #[serde(default)]
    pub name: Option<String>,
    /// Only objects whose labels match, as in `app=web,tier!=test`. Not for events.
    #[serde(default)]
    pub selector: Option<String>,
    /// At least this many nodes, pods or deployments must be ready, or endpoints of each service; otherwise it is critical.
    #[serde(default = "one")]
    pub minimum: u64,
    /// How far to look back for restarts, events and failed jobs.
    #[serde(default = "one_hour")]
    pub since: Span,
    /// A warning from this number on.
    #[serde(default)]
    pub warning: Option<u64>,
    /// Critical from this number on. Where neither threshold is given: from 1 on, a warning for events and critical for all else; for
    /// restarts a warning from 5 and critical from 20.
    #[serde(default)]
    pub critical: Option<u64>,
}

fn one() -> u64 {
    1
}
fn one_hour() -> Span {
    Span::from_secs(3600)
}

impl What {
    /// The kinds that are read, for effects.
    pub(super) fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Nodes => &[NODES],
            Self::Pods | Self::Restarts => &[PODS],
            Self::Deployments => &[DEPLOYMENTS],
            Self::Endpoints => &[SERVICES, ENDPOINT_SLICES],
            Self::Claims => &[CLAIMS],
            Self::Events => &[EVENTS],
            Self::Jobs => &[JOBS],
        }
    }
}

impl CheckInputs {
    pub(super) fn validate(&self) -> Result<(), String> {
        check_name("cluster", &self.cluster)?;
        if let Some(namespace) = &self.namespace {
            check_name("namespace", namespace)?;
        }
        if let Some(name) = &self.name {
            check_name("name", name)?;
            self.check_named()?;
        }
        self.check_selector()?;
        if self.namespace.is_some() && self.what == What::Nodes {
            return Err("in `with`, at `namespace`: nodes belong to none".to_owned());
        }
        match self.thresholds() {
            (Some(warning), Some(critical)) if warning > critical => Err(format!(
                "in `with`, at `warning`: {warning} is more than what is critical already ({critical})"
            )),
            (Some(0), _) | (_, Some(0)) => {
                Err("in `with`: a threshold of 0 is always reached".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn check_named(&self) -> Result<(), String> {
        if !matches!(self.what, What::Deployments | What::Endpoints) {
            return Err(
                "in `with`, at `name`: only deployments and endpoints are checked by name\nhint: use `selector`"
                    .to_owned(),
            );
        }
        if self.namespace.is_none() {
            return Err("in `with`, at `name`: name its `namespace`, too".to_owned());
        }
        Ok(())
    }

    fn check_selector(&self) -> Result<(), String> {
        match &self.selector {
            Some(_) if self.name.is_some() => {
                Err("in `with`: give `name` or `selector`, not both".to_owned())
            }
            Some(_) if self.what == What::Events => {
                Err("in `with`, at `selector`: events have no labels".to_owned())
            }
            Some(selector) if selector.is_empty() || selector.len() > 1000 => {
                Err("in `with`, at `selector`: want 1 to 1000 characters".to_owned())
            }
            Some(_) | None => Ok(()),
        }
    }

    /// From which numbers on it is a warning, and critical. Where one is given, the other is not made up.
    pub(super) fn thresholds(&self) -> (Option<u64>, Option<u64>) {
        match (self.warning, self.critical, self.what) {
            (None, None, What::Restarts) => (Some(5), Some(20)),
            (None, None, What::Events) => (Some(1), None),
            (None, None, _) => (None, Some(1)),
            (warning, critical, _) => (warning, critical),
        }
    }
}
