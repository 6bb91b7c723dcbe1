//! What controllers do because of an annotation, or of a field of a kind that they brought along.
//!
//! What is built into Kubernetes is described; what a field or an annotation of a custom resource does, only its controller knows. So a
//! patch of one is never exact, but for fields that every controller means alike, and what plainly stops or deletes something is told.

use crate::domain::effect::{Effect, Tri};
use serde_json::Value;

/// Groups that the API server itself brings along.
const BUILT_IN: [&str; 21] = [
    "",
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
    "flowcontrol.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];

/// Annotations of which it is known what they do: a controller looks again, or holds a number of replicas.
const KNOWN: [&str; 6] = [
    "argocd.argoproj.io/refresh",
    "autoscaling.keda.sh/paused-replicas",
    "force-sync",
    "kubernetes.io/change-cause",
    "reconcile.fluxcd.io/requestedAt",
    "vault.security.banzaicloud.io/last-reload",
];

/// Words of a key that stop or remove something, unless its value says no.
const STOPS: [&str; 15] = [
    "delete",
    "destroy",
    "downtime",
    "fence",
    "fenced",
    "fencing",
    "hibernate",
    "hibernation",
    "purge",
    "restore",
    "shutdown",
    "stop",
    "stopped",
    "terminate",
    "wipe",
];

/// Words of a key that only name those: `skip-delete`, `prevent-deletion`.
const GUARDS: [&str; 7] = [
    "allow", "dont", "no", "policy", "prevent", "protect", "skip",
];

/// Fields of custom resources that every controller means alike, and that can be put back: a pause, a number, a time, a version.
const ALIKE: [&str; 12] = [
    "image",
    "instances",
    "interval",
    "maxReplicas",
    "minReplicas",
    "paused",
    "prune",
    "renewBefore",
    "replicas",
    "suspend",
    "tag",
    "version",
];

/// What a controller makes of something.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four findings that exclude none of each other"
)]
pub(super) struct Orders {
    /// It stops something, or sends what comes elsewhere.
    pub(super) cut: bool,
    /// It removes data.
    pub(super) data: bool,
    /// It lets others in, or nobody.
    pub(super) access: bool,
    /// Nobody but the controller knows.
    pub(super) unknown: bool,
}

impl Orders {
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            cut: self.cut || other.cut,
            data: self.data || other.data,
            access: self.access || other.access,
            unknown: self.unknown || other.unknown,
        }
    }

    /// Puts into an effect what is known of it.
    pub(super) fn weigh(self, effect: &mut Effect) {
        for (given, field) in [
            (self.cut, &mut effect.service_cut),
            (self.data, &mut effect.data_loss),
            (self.access, &mut effect.access_change),
        ] {
            if given {
                *field = Tri::Yes;
            }
        }
    }
}

/// Whether a kind is none of the API server's own.
fn is_custom(kind: &str) -> bool {
    let group = kind.split_once('.').map_or("", |(_, group)| group);
    BUILT_IN.binary_search(&group).is_err()
}

/// What a controller makes of an annotation that is set; none: that is taken away.
pub(super) fn annotation(kind: &str, key: &str, value: Option<&str>) -> Orders {
    let lower = key.to_ascii_lowercase();
    let (domain, name) = lower.split_once('/').unwrap_or(("", &lower));
    let words: Vec<&str> = name.split(['-', '_', '.']).collect();
    let has = |list: &[&str]| words.iter().any(|word| list.contains(word));
    let off = matches!(
        value
            .map(|value| value.trim_matches(['"', '\'']).to_ascii_lowercase())
            .as_deref(),
        None | Some("" | "0" | "false" | "no" | "off" | "disabled" | "keep" | "none")
    );
    let stops = !off && has(&STOPS) && !has(&GUARDS);
    let ingress = domain.contains("ingress") || domain.contains("traefik");
    let moves = ingress && has(&["permanent", "temporal"]) && has(&["redirect"])
        || domain.starts_with("service.beta.kubernetes.io") && has(&["internal", "scheme", "type"])
        || name == "node-selector";
    let plain = domain.is_empty() || KNOWN.contains(&key);
    Orders {
        cut: stops || moves,
        data: stops && has(&["delete", "destroy", "purge", "wipe", "restore"]),
        access: ingress && has(&["auth"]) || name == "network-policy",
        unknown: is_custom(kind) && !plain,
    }
}

/// What a controller makes of a patch of an object of this kind.
pub(super) fn patch(kind: &str, patch: &Value) -> Orders {
    let mut orders = Orders::default();
    let notes = patch.pointer("/metadata/annotations");
    for (key, value) in notes.and_then(Value::as_object).into_iter().flatten() {
        let text = match value {
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            other => Some(other.to_string()),
        };
        orders = orders.and(annotation(kind, key, text.as_deref()));
    }
    if is_custom(kind) && !kind.is_empty() {
        let fields = patch.as_object().into_iter().flatten();
        for (name, value) in fields.filter(|(name, _)| *name != "metadata") {
            orders = orders.and(wish(kind, name, value));
        }
    }
    orders
}

/// What a controller makes of a field of a custom resource, and of those below it.
fn wish(kind: &str, name: &str, value: &Value) -> Orders {
    let says = |word: &str| value.as_str() == Some(word);
    let halted = [
        "Halted",
        "Stopped",
        "Off",
        "Shutdown",
        "Hibernated",
        "stopped",
    ];
    let stops = match value {
        Value::Bool(on) => match name {
            "running" | "online" | "enabled" => !on,
            "shutdown" | "stop" | "stopped" | "hibernate" | "hibernated" => *on,
            _ => false,
        },
        Value::String(_) => halted.into_iter().any(says),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => name == "abort" && !fields.is_empty(),
        Value::Null => name != "suspend" && name != "paused",
        Value::Number(_) => false,
    };
    let ends = kind.starts_with("backup") && matches!(name, "ttl" | "expiration")
        || name == "confirmation" && !says("");
    let here = Orders {
        cut: stops,
        data: ends,
        access: false,
        unknown: false,
    };
    let below: Vec<Orders> = match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| wish(kind, name, value))
            .collect(),
        Value::Array(items) => items.iter().map(|item| wish(kind, name, item)).collect(),
        _ => vec![Orders {
            unknown: !ALIKE.contains(&name),
            ..Orders::default()
        }],
    };
    below.into_iter().fold(here, Orders::and)
}

#[cfg(test)]
mod tests {
    use super::{BUILT_IN, Orders, annotation, patch};
    use serde_json::json;

    #[test]
    fn the_groups_are_in_order() {
        assert!(BUILT_IN.is_sorted());
    }

    #[test]
    fn an_annotation_that_stops_or_removes_is_told() {
        let pod = |key: &str, value: Option<&str>| annotation("pod", key, value);
        let told = pod("strimzi.io/delete-pod-and-pvc", Some("true"));
        assert!(told.cut && told.data);
        assert!(pod("downscaler/force-downtime", Some("true")).cut);
        for (key, value) in [
            ("strimzi.io/delete-pod-and-pvc", Some("false")),
            ("acme.io/skip-delete", Some("true")),
            ("controller.kubernetes.io/pod-deletion-cost", Some("100")),
            ("owner", Some("sre")),
        ] {
            assert_eq!(pod(key, value), Orders::default(), "{key}");
        }
    }

    #[test]
    fn what_a_field_of_a_custom_resource_does_is_not_known() {
        let kind = "virtualmachine.kubevirt.io";
        assert!(patch(kind, &json!({"spec": {"running": false}})).cut);
        assert!(patch(kind, &json!({"spec": {"template": {"x": 1}}})).unknown);
        let alike =
            json!({"metadata": {"labels": {"a": "b"}}, "spec": {"replicas": 3, "suspend": true}});
        assert_eq!(patch(kind, &alike), Orders::default());
        let own = json!({"spec": {"template": {"x": 1}}});
        assert_eq!(patch("deployment.apps", &own), Orders::default());
    }
}
