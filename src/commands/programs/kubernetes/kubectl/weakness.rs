//! What in an object's text lets somebody do more, loses data, or cuts a service, whatever the object is.

use serde_json::Value;

/// Labels and annotations that decide who may do what.
const ACCESS_KEYS: [&str; 15] = [
    "pod-security.kubernetes.io/",
    "security.openshift.io/",
    "openshift.io/scc",
    "eks.amazonaws.com/role-arn",
    "iam.gke.io/gcp-service-account",
    "azure.workload.identity/",
    "rbac.authorization.k8s.io/aggregate-to-",
    "iam.amazonaws.com/role",
    "whitelist-source-range",
    "denylist-source-range",
    "allowlist-source-range",
    "container.apparmor.security.beta.kubernetes.io/",
    "seccomp.security.alpha.kubernetes.io/",
    "rbac.authorization.kubernetes.io/autoupdate",
    // Text that a proxy takes into its own settings: it answers, and reads its own account's token, as the text says.
    "-snippet",
];
/// Capabilities that are nearly root on the node.
const STRONG_CAPABILITIES: [&str; 8] = [
    "ALL",
    "SYS_ADMIN",
    "SYS_PTRACE",
    "SYS_MODULE",
    "SYS_RAWIO",
    "DAC_READ_SEARCH",
    "BPF",
    "NET_ADMIN",
];

/// What was found in an object's text.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four findings that exclude none of each other"
)]
pub(super) struct Weakness {
    /// It changes who may do what.
    pub(super) access: bool,
    /// It names the account that something runs as.
    pub(super) account: bool,
    /// It removes what keeps data.
    pub(super) data: bool,
    /// It stops something.
    pub(super) cut: bool,
}

/// Whether a label or an annotation decides who may do what.
pub(super) fn is_access_key(key: &str) -> bool {
    ACCESS_KEYS.iter().any(|access| key.contains(access))
}

/// Looks at a whole text.
pub(super) fn of(value: &Value) -> Weakness {
    let mut weakness = Weakness::default();
    walk(value, &mut weakness);
    weakness
}

fn walk(value: &Value, weakness: &mut Weakness) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                field(key, value, weakness);
                walk(value, weakness);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, weakness)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn field(key: &str, value: &Value, weakness: &mut Weakness) {
    match key {
        "privileged" | "hostPID" | "hostIPC" | "hostNetwork" => {
            weakness.access |= !matches!(value, Value::Bool(false) | Value::Null);
        }
        "hostPath" => weakness.access |= value.is_object(),
        "serviceAccountName" | "serviceAccount" => {
            weakness.account = true;
            weakness.access |= value.as_str().is_some_and(|name| name.contains("admin"));
        }
        "securityContext" => weakness.access |= value.is_null(),
        "runAsNonRoot" => weakness.access |= value == &Value::Bool(false),
        "allowPrivilegeEscalation" => weakness.access |= value == &Value::Bool(true),
        // Whoever names an address gets what was meant for it.
        "externalIPs" => weakness.access |= !is_empty(value),
        "automountServiceAccountToken" => weakness.access |= value != &Value::Bool(false),
        "procMount" => weakness.access |= value.as_str() == Some("Unmasked"),
        "seccompProfile" | "appArmorProfile" => {
            weakness.access |= value.get("type").and_then(Value::as_str) == Some("Unconfined");
        }
        "add" => {
            let capabilities = value
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str);
            weakness.access |= capabilities
                .map(|name| name.trim_start_matches("CAP_"))
                .any(|name| STRONG_CAPABILITIES.contains(&name));
        }
        "finalizers" => {
            weakness.data |= is_empty(value);
        }
        // What belongs to an owner goes with it, at once where there is no such owner.
        "ownerReferences" => weakness.data |= !is_empty(value),
        "deletionTimestamp" => weakness.data |= !value.is_null(),
        "persistentVolumeClaimRetentionPolicy" => {
            let fields = value.as_object().into_iter().flatten();
            weakness.data |= fields
                .into_iter()
                .any(|(_, policy)| policy.as_str() == Some("Delete"));
        }
        "$deleteFromPrimitiveList/finalizers" | "$patch" => weakness.data = true,
        "effect" => weakness.cut |= value.as_str() == Some("NoExecute"),
        key if is_access_key(key) => weakness.access = true,
        _ => {}
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}
