//! What can be looked at, and which inputs that takes.

use crate::actions::kubernetes::kinds::{
    CERTIFICATES, CLAIMS, CRON_JOBS, DAEMON_SETS, DEFINITIONS, DEPLOYMENTS, ENDPOINT_SLICES,
    EVENTS, JOBS, Kind, LONGHORN_VOLUMES, NODE_METRICS, NODES, POD_METRICS, PODS, SERVICES,
    STATEFUL_SETS, VOLUMES,
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
    /// Pods that have been waiting for longer than `longerThan`: for a node, for an image, in a crash loop, or for being ready. A crash loop
    /// counts from the pod's start, because each attempt begins the wait anew.
    Stuck,
    /// Deployments with fewer available replicas than they want.
    Deployments,
    /// Stateful sets with fewer available replicas than they want.
    Statefulsets,
    /// Daemon sets with fewer available pods than nodes that want one.
    Daemonsets,
    /// Services with fewer ready endpoints than `minimum`; those without a selector do not count.
    Endpoints,
    /// Claims of volumes that are not bound.
    Claims,
    /// Persistent volumes: released ones are a warning, failed ones critical.
    Volumes,
    /// The highest number of restarts of a container within `since`. It is exact for pods that began within that time and for containers
    /// that have restarted once in it; of others the API keeps the last two starts only, and the number is judged by these.
    Restarts,
    /// Containers that were killed within `since` because they wanted more memory than they may have.
    Oom,
    /// Warning events within `since`.
    Events,
    /// Jobs that have failed within `since`.
    Jobs,
    /// Cron jobs: suspended ones are a warning, those that were not scheduled at their last due time are critical.
    Cronjobs,
    /// The highest share of a limit, in percent, that a container uses of its CPU or memory, as the metrics server tells it.
    PodUsage,
    /// The highest share of what a node can give, in percent, that is used of its CPU or memory, as the metrics server tells it.
    NodeUsage,
    /// The share of what all nodes can give, in percent, that pods have requested of CPU or memory, whichever is higher. With `each`,
    /// `ready` is how many more pods of that size fit.
    Capacity,
    /// Certificates of cert-manager that are not ready or that end soon: see `warningBefore` and `criticalBefore`. TLS Secrets are never
    /// read; what a server presents is for `tls/check`.
    Certificates,
    /// Definitions of custom resources that are not established.
    Crds,
    /// Volumes of Longhorn: degraded ones are a warning, faulted ones critical.
    LonghornVolumes,
    /// Objects of any `kind` that do not fulfil what `that` asks of them.
    Object,
}

/// Who says how grave what was found is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judge {
    /// The thresholds, by a number; these where none is given.
    Thresholds(Option<u64>, Option<u64>),
    /// What is looked at.
    Survey,
}

impl What {
    /// The kinds that are read; none for objects of any kind, which are named by the step.
    pub(super) fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Nodes => &[NODES],
            Self::Pods | Self::Stuck | Self::Restarts | Self::Oom => &[PODS],
            Self::Deployments => &[DEPLOYMENTS],
            Self::Statefulsets => &[STATEFUL_SETS],
            Self::Daemonsets => &[DAEMON_SETS],
            Self::Endpoints => &[SERVICES, ENDPOINT_SLICES],
            Self::Claims => &[CLAIMS],
            Self::Volumes => &[VOLUMES],
            Self::Events => &[EVENTS],
            Self::Jobs => &[JOBS],
            Self::Cronjobs => &[CRON_JOBS],
            Self::PodUsage => &[PODS, POD_METRICS],
            Self::NodeUsage => &[NODES, NODE_METRICS],
            Self::Capacity => &[NODES, PODS],
            Self::Certificates => &[CERTIFICATES],
            Self::Crds => &[DEFINITIONS],
            Self::LonghornVolumes => &[LONGHORN_VOLUMES],
            Self::Object => &[],
        }
    }

    pub(super) fn judge(self) -> Judge {
        match self {
            Self::Restarts => Judge::Thresholds(Some(4), Some(6)),
            Self::Events => Judge::Thresholds(Some(1), None),
            Self::PodUsage | Self::NodeUsage | Self::Capacity => {
                Judge::Thresholds(Some(80), Some(95))
            }
            Self::Nodes
            | Self::Pods
            | Self::Stuck
            | Self::Deployments
            | Self::Statefulsets
            | Self::Daemonsets
            | Self::Endpoints
            | Self::Claims
            | Self::Oom
            | Self::Jobs
            | Self::Crds => Judge::Thresholds(None, Some(1)),
            Self::Volumes
            | Self::Cronjobs
            | Self::Certificates
            | Self::LonghornVolumes
            | Self::Object => Judge::Survey,
        }
    }

    /// Whether single objects can be named. The first kind is the one that is named.
    pub(super) fn takes_name(self) -> bool {
        match self {
            Self::Deployments
            | Self::Statefulsets
            | Self::Daemonsets
            | Self::Endpoints
            | Self::Claims
            | Self::Cronjobs
            | Self::Certificates
            | Self::Crds
            | Self::LonghornVolumes
            | Self::Object => true,
            Self::Nodes
            | Self::Pods
            | Self::Stuck
            | Self::Volumes
            | Self::Restarts
            | Self::Oom
            | Self::Events
            | Self::Jobs
            | Self::PodUsage
            | Self::NodeUsage
            | Self::Capacity => false,
        }
    }

    /// Whether a number of things that are as they should be is expected, so that `minimum` and `exactly` mean something.
    pub(super) fn counts(self) -> bool {
        match self {
            Self::Nodes
            | Self::Pods
            | Self::Deployments
            | Self::Statefulsets
            | Self::Daemonsets
            | Self::Endpoints
            | Self::Object => true,
            Self::Stuck
            | Self::Claims
            | Self::Volumes
            | Self::Restarts
            | Self::Oom
            | Self::Events
            | Self::Jobs
            | Self::Cronjobs
            | Self::PodUsage
            | Self::NodeUsage
            | Self::Capacity
            | Self::Certificates
            | Self::Crds
            | Self::LonghornVolumes => false,
        }
    }

    /// Whether everything it looks at belongs to no namespace, or to every one.
    pub(super) fn is_of_the_cluster(self) -> bool {
        self == Self::Capacity
            || !self.kinds().is_empty() && self.kinds().iter().all(|kind| !kind.namespaced)
    }
}
