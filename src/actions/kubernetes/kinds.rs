//! The kinds of objects that actions know, so that no API server must be asked what it serves.

use crate::ports::cluster::{ClusterError, Clusters, Resource, Sort};

/// A kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// Empty for the core group.
    pub group: &'static str,
    /// As in `apiVersion`.
    pub version: &'static str,
    /// As in paths.
    pub plural: &'static str,
    /// As in `kind`.
    pub kind: &'static str,
    /// Whether its objects live in a namespace.
    pub namespaced: bool,
}

const fn kind(
    group: &'static str,
    plural: &'static str,
    kind: &'static str,
    namespaced: bool,
) -> Kind {
    Kind {
        group,
        version: "v1",
        plural,
        kind,
        namespaced,
    }
}

/// Pods.
pub const PODS: Kind = kind("", "pods", "Pod", true);
/// Nodes.
pub const NODES: Kind = kind("", "nodes", "Node", false);
/// Services.
pub const SERVICES: Kind = kind("", "services", "Service", true);
/// Slices of a service's endpoints.
pub const ENDPOINT_SLICES: Kind = kind("discovery.k8s.io", "endpointslices", "EndpointSlice", true);
/// Deployments.
pub const DEPLOYMENTS: Kind = kind("apps", "deployments", "Deployment", true);
/// Stateful sets.
pub const STATEFUL_SETS: Kind = kind("apps", "statefulsets", "StatefulSet", true);
/// Daemon sets.
pub const DAEMON_SETS: Kind = kind("apps", "daemonsets", "DaemonSet", true);
/// Replica sets.
pub const REPLICA_SETS: Kind = kind("apps", "replicasets", "ReplicaSet", true);
/// Templates that stateful sets and daemon sets have had.
pub const CONTROLLER_REVISIONS: Kind =
    kind("apps", "controllerrevisions", "ControllerRevision", true);
/// Autoscalers of workloads.
pub const AUTOSCALERS: Kind = Kind {
    version: "v2",
    ..kind(
        "autoscaling",
        "horizontalpodautoscalers",
        "HorizontalPodAutoscaler",
        true,
    )
};
/// Jobs.
pub const JOBS: Kind = kind("batch", "jobs", "Job", true);
/// Claims of volumes.
pub const CLAIMS: Kind = kind("", "persistentvolumeclaims", "PersistentVolumeClaim", true);
/// Events, as the core group has them.
pub const EVENTS: Kind = kind("", "events", "Event", true);

/// Cron jobs.
pub const CRON_JOBS: Kind = kind("batch", "cronjobs", "CronJob", true);
/// Persistent volumes.
pub const VOLUMES: Kind = kind("", "persistentvolumes", "PersistentVolume", false);
/// Certificates of cert-manager.
pub const CERTIFICATES: Kind = kind("cert-manager.io", "certificates", "Certificate", true);
/// Definitions of custom resources.
pub const DEFINITIONS: Kind = kind(
    "apiextensions.k8s.io",
    "customresourcedefinitions",
    "CustomResourceDefinition",
    false,
);
/// Volumes of Longhorn.
pub const LONGHORN_VOLUMES: Kind = Kind {
    version: "v1beta2",
    ..kind("longhorn.io", "volumes", "Volume", true)
};
/// What pods use, by a metrics server.
pub const POD_METRICS: Kind = Kind {
    version: "v1beta1",
    ..kind("metrics.k8s.io", "pods", "PodMetrics", true)
};
/// What nodes use, by a metrics server.
pub const NODE_METRICS: Kind = Kind {
    version: "v1beta1",
    ..kind("metrics.k8s.io", "nodes", "NodeMetrics", false)
};
const RBAC: &str = "rbac.authorization.k8s.io";
/// Rights everywhere.
pub const CLUSTER_ROLES: Kind = kind(RBAC, "clusterroles", "ClusterRole", false);
/// Who has them everywhere.
pub const CLUSTER_ROLE_BINDINGS: Kind =
    kind(RBAC, "clusterrolebindings", "ClusterRoleBinding", false);
/// Rights in a namespace.
pub const ROLES: Kind = kind(RBAC, "roles", "Role", true);
/// Who has rights in a namespace.
pub const ROLE_BINDINGS: Kind = kind(RBAC, "rolebindings", "RoleBinding", true);

/// Namespaces.
pub const NAMESPACES: Kind = kind("", "namespaces", "Namespace", false);

/// Every kind that is known.
pub const TABLE: [Kind; 29] = [
    PODS,
    NODES,
    SERVICES,
    kind("", "endpoints", "Endpoints", true),
    ENDPOINT_SLICES,
    DEPLOYMENTS,
    STATEFUL_SETS,
    DAEMON_SETS,
    REPLICA_SETS,
    CONTROLLER_REVISIONS,
    AUTOSCALERS,
    JOBS,
    CRON_JOBS,
    CLAIMS,
    VOLUMES,
    kind("", "configmaps", "ConfigMap", true),
    kind("", "secrets", "Secret", true),
    NAMESPACES,
    EVENTS,
    kind("networking.k8s.io", "ingresses", "Ingress", true),
    CERTIFICATES,
    DEFINITIONS,
    LONGHORN_VOLUMES,
    POD_METRICS,
    NODE_METRICS,
    CLUSTER_ROLES,
    CLUSTER_ROLE_BINDINGS,
    ROLES,
    ROLE_BINDINGS,
];

impl Kind {
    /// As the port takes it.
    pub fn resource(&self) -> Resource {
        Resource {
            group: self.group.to_owned(),
            version: self.version.to_owned(),
            plural: self.plural.to_owned(),
            kind: self.kind.to_owned(),
            namespaced: self.namespaced,
        }
    }
    /// As effects name it: `deployment.apps`, `pod`.
    pub fn effect_kind(&self) -> String {
        let kind = self.kind.to_lowercase();
        if self.group.is_empty() {
            return kind;
        }
        format!("{kind}.{}", self.group)
    }
    /// As people say it: `deployment`.
    pub fn word(&self) -> String {
        self.kind.to_lowercase()
    }
}

/// Whether what is made of this group's kinds is a question, which leaves nothing behind.
pub fn is_question(group: &str) -> bool {
    ["authentication.k8s.io", "authorization.k8s.io"].contains(&group)
}

/// What the cluster calls the kind that effects name so. Of a kind that is not built in, its API server is asked.
pub async fn resource(
    clusters: &dyn Clusters,
    cluster: &str,
    effect_kind: &str,
) -> Result<Resource, ClusterError> {
    let known = TABLE
        .iter()
        .find(|kind| kind.effect_kind() == effect_kind)
        .map(Kind::resource);
    match known {
        Some(resource) => Ok(resource),
        None => clusters.find(cluster, Sort::Effect(effect_kind)).await,
    }
}

/// The kind that a manifest names so, if it is a known one in its known version.
pub(super) fn written(api_version: &str, kind: &str) -> Option<Resource> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    TABLE
        .iter()
        .find(|known| known.group == group && known.version == version && known.kind == kind)
        .map(Kind::resource)
}

/// The groups beside the core one that API servers serve by themselves.
const BUILT_IN: [&str; 22] = [
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "extensions",
    "flowcontrol.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
    "storagemigration.k8s.io",
];

/// Whether kinds of this version are what somebody has defined in the cluster, and may define anew.
pub(super) fn is_defined(api_version: &str) -> bool {
    let group = api_version.split_once('/').map(|(group, _)| group);
    group.is_some_and(|group| !BUILT_IN.contains(&group))
}

#[cfg(test)]
mod tests {
    use super::{DEPLOYMENTS, PODS, TABLE, is_defined};
    use std::collections::BTreeSet;

    #[test]
    fn effects_name_a_kind_with_its_group() {
        assert_eq!(DEPLOYMENTS.effect_kind(), "deployment.apps");
        assert_eq!(PODS.effect_kind(), "pod");
    }

    #[test]
    fn what_is_defined_in_a_cluster_is_told_from_what_is_built_in() {
        for built_in in ["v1", "apps/v1", "rbac.authorization.k8s.io/v1"] {
            assert!(!is_defined(built_in), "{built_in}");
        }
        for defined in ["example.org/v1", "snapshot.storage.k8s.io/v1"] {
            assert!(is_defined(defined), "{defined}");
        }
    }

    #[test]
    fn each_kind_stands_once() {
        let names: BTreeSet<String> = TABLE.iter().map(super::Kind::effect_kind).collect();
        assert_eq!(names.len(), TABLE.len());
    }
}
