//! What is tried: every action, each with what it needs to be there before.

use crate::cluster::{
    issuing::{CERTIFICATE, SECRET},
    plane::Space,
};
use serde_json::{Value, json};
use std::path::Path;

/// A step, and how far it may come.
pub(super) struct Trial {
    pub(super) uses: &'static str,
    pub(super) inputs: Value,
    /// The rights without which it says less instead of failing, as `verb resource`; and always that to leave a note.
    pub(super) tells: &'static [&'static str],
    /// The rights that are needed where it comes otherwise, which another trial shows.
    pub(super) elsewhere: &'static [&'static str],
    /// What is made before each attempt.
    pub(super) before: fn(&Space),
    /// Whether it fails in any case, so that what it has done is undone.
    pub(super) in_vain: bool,
}

pub(super) fn trial(uses: &'static str, inputs: Value) -> Trial {
    Trial {
        uses,
        inputs,
        tells: &[],
        elsewhere: &[],
        before: |_| (),
        in_vain: false,
    }
}

/// What is told of a rollout that is waited for.
const OF_PODS: &[&str] = &["list pods", "list events"];
const OLD: &str = "app=registry.example.org/app:1";
const OF_WARNINGS: &[&str] = &["list events"];

/// Every kind of check, on what [`super::furnish`] has made.
pub(super) fn checks(namespace: &str) -> Vec<Trial> {
    let of = |inputs: Value| trial("kubernetes/check", inputs);
    let named =
        |what: &str, name: &str| json!({ "what": what, "namespace": namespace, "name": name });
    let listed = |what: &str| json!({ "what": what, "namespace": namespace });
    let backup = json!({ "what": "object", "kind": "backups.longhorn.io", "namespace": namespace });
    vec![
        of(json!({ "what": "nodes" })),
        of(listed("pods")),
        of(listed("stuck")),
        of(named("deployments", "web")),
        of(listed("deployments")),
        of(named("statefulsets", "db")),
        of(named("daemonsets", "logs")),
        of(named("endpoints", "web")),
        of(listed("claims")),
        of(json!({ "what": "volumes" })),
        of(listed("restarts")),
        of(listed("oom")),
        of(listed("events")),
        of(listed("jobs")),
        of(listed("cronjobs")),
        of(json!({ "what": "podUsage", "namespace": namespace, "selector": "app=web" })),
        of(json!({ "what": "nodeUsage" })),
        of(json!({ "what": "capacity" })),
        of(listed("certificates")),
        of(json!({ "what": "crds", "name": "backups.longhorn.io" })),
        of(backup),
        of(json!({ "what": "object", "kind": "secret", "name": "key", "namespace": namespace })),
    ]
}

/// Questions about rights.
pub(super) fn reviews(namespace: &str) -> Vec<Trial> {
    let review = json!({
        "as": { "user": "ann" },
        "expect": [{ "verb": "get", "resource": "pods", "expected": "denied" }]
    });
    let own = json!({ "expect": [{ "verb": "get", "resource": "pods", "expected": "denied" }], "rulesIn": namespace });
    vec![
        trial("kubernetes/access-review", review),
        trial("kubernetes/access-review", own),
        trial("kubernetes/rbac-report", json!({ "namespace": namespace })),
    ]
}

/// These inputs, in this namespace.
fn here(namespace: &str, mut inputs: Value) -> Value {
    inputs["namespace"] = json!(namespace);
    inputs
}

/// What changes workloads.
pub(super) fn workloads(namespace: &str) -> Vec<Trial> {
    let of = |uses, inputs| Trial {
        tells: OF_PODS,
        ..trial(uses, here(namespace, inputs))
    };
    let image = json!({ "deployment": "web", "images": { "app": "registry.example.org/app:2" }, "wait": "60s" });
    let sized = json!({ "deployment": "web", "min": 1, "max": 2, "cpuPercent": 70 });
    vec![
        of(
            "kubernetes/rollout-restart",
            json!({ "deployment": "web", "wait": "60s" }),
        ),
        Trial {
            tells: &["list pods", "list events", "list horizontalpodautoscalers"],
            before: |space| drop(space.kubectl(&["scale", "deployment/web", "--replicas=1"])),
            ..of(
                "kubernetes/scale",
                json!({ "deployment": "web", "replicas": 2, "wait": "60s" }),
            )
        },
        Trial {
            before: |space| drop(space.kubectl(&["set", "image", "deployment/web", OLD])),
            ..of("kubernetes/set-image", image)
        },
        of(
            "kubernetes/rollout-undo",
            json!({ "deployment": "web", "wait": "60s" }),
        ),
        Trial {
            tells: &[],
            before: revised,
            ..of("kubernetes/rollout-undo", json!({ "statefulset": "db" }))
        },
        Trial {
            tells: &[],
            before: |space| gone(space, "horizontalpodautoscaler/web"),
            ..of("kubernetes/autoscale", sized)
        },
    ]
}

/// The stateful set has another revision.
fn revised(space: &Space) {
    let generation = space.get("statefulset", "db")["metadata"]["generation"].to_string();
    let note = json!({ "metadata": { "annotations": { "revised": generation } } });
    let patch = json!({ "spec": { "template": note } }).to_string();
    space.kubectl(&["patch", "statefulset/db", "--patch", &patch]);
}

fn gone(space: &Space, object: &str) {
    space.kubectl(&["delete", object, "--ignore-not-found"]);
}

fn settings(space: &Space, name: &str) {
    space.apply(&json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "labels": { "app": "old" } }, "data": { "size": "1" }
    }));
}

/// What changes objects of any kind.
pub(super) fn objects(namespace: &str) -> Vec<Trial> {
    let of = |uses, inputs| trial(uses, here(namespace, inputs));
    let made = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "made" } });
    let backup = json!({
        "apiVersion": "longhorn.io/v1beta2", "kind": "Backup", "metadata": { "name": "made" }, "spec": { "snapshotName": "one" }
    });
    let never = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "never" },
        "spec": {
            "selector": { "matchLabels": { "app": "never" } },
            "template": {
                "metadata": { "labels": { "app": "never", "orderly.test/pod": "never-ready" } },
                "spec": { "containers": [{ "name": "app", "image": "registry.example.org/app:1" }] }
            }
        }
    });
    vec![
        Trial {
            before: |space| gone(space, "configmap/made"),
            ..of("kubernetes/apply", json!({ "manifest": made }))
        },
        Trial {
            before: |space| gone(space, "backups.longhorn.io/made"),
            ..of("kubernetes/apply", json!({ "manifest": backup }))
        },
        Trial {
            tells: OF_PODS,
            before: |space| gone(space, "deployment/never"),
            in_vain: true,
            ..of(
                "kubernetes/apply",
                json!({ "manifest": never, "wait": "1s", "undoOnFailure": true }),
            )
        },
        Trial {
            tells: OF_PODS,
            before: |space| {
                gone(space, "configmap/patched");
                settings(space, "patched");
            },
            ..of(
                "kubernetes/patch",
                json!({ "object": "cm/patched", "merge": { "data": { "size": "2" } }, "wait": "30s" }),
            )
        },
        of(
            "kubernetes/patch",
            json!({ "object": "deploy/web", "merge": { "spec": { "replicas": 2 } }, "subresource": "scale" }),
        ),
        Trial {
            before: |space| settings(space, "deleted"),
            ..of(
                "kubernetes/delete",
                json!({ "object": "cm/deleted", "wait": "30s" }),
            )
        },
        Trial {
            before: |space| {
                settings(space, "old-1");
                settings(space, "old-2");
            },
            ..of(
                "kubernetes/prune",
                json!({ "kind": "configmap", "selector": "app=old", "keep": 1, "limit": 5 }),
            )
        },
        Trial {
            tells: OF_WARNINGS,
            ..of(
                "kubernetes/wait",
                json!({ "object": "deploy/web", "condition": "Available", "for": "30s" }),
            )
        },
    ]
}

/// What looks into pods and runs them.
pub(super) fn inside(namespace: &str) -> Vec<Trial> {
    let of = |uses, inputs| trial(uses, here(namespace, inputs));
    let command = |mut inputs: Value| {
        inputs["command"] = json!(["true"]);
        of("kubernetes/exec", inputs)
    };
    let spec = json!({
        "backoffLimit": 0,
        "template": {
            "spec": { "restartPolicy": "Never", "containers": [{ "name": "talks", "image": "registry.example.org/tools:1" }] }
        }
    });
    let snapshot = |inputs| Trial {
        in_vain: true,
        ..of("kubernetes/snapshot-volume", inputs)
    };
    vec![
        command(json!({ "pod": "tools" })),
        command(json!({ "object": "deploy/web" })),
        command(json!({ "selector": "app=tools" })),
        of("kubernetes/logs", json!({ "pod": "tools" })),
        of("kubernetes/logs", json!({ "object": "deploy/web" })),
        of("kubernetes/logs", json!({ "selector": "app=tools" })),
        Trial {
            tells: &["list pods", "get pods/log"],
            ..of("kubernetes/run-job", json!({ "job": spec }))
        },
        of(
            "kubernetes/run-job",
            json!({ "fromCronJob": "nightly", "artifact": "said", "cleanup": "never" }),
        ),
        snapshot(json!({ "claim": "data", "wait": "1s" })),
        snapshot(json!({ "longhorn": { "volume": "data", "snapshot": "one" }, "wait": "1s" })),
    ]
}

/// What keeps things. The fake nodes run `tar` right here.
pub(super) fn backups(namespace: &str) -> Vec<Trial> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/samples");
    let of = |uses, mut inputs: Value| {
        inputs["name"] = json!("kept");
        trial(uses, here(namespace, inputs))
    };
    let mount = json!({ "claim": "data", "image": "registry.example.org/tools:1", "path": folder });
    vec![
        of("backup/volume", json!({ "mount": mount })),
        of(
            "backup/volume",
            json!({ "pod": { "pod": "tools", "path": folder } }),
        ),
        of(
            "backup/kubernetes",
            json!({ "resources": ["pods", "deploy/web", "ns/default"] }),
        ),
    ]
}

/// The node of a test's own.
pub(super) fn node(namespace: &str) -> String {
    format!("node-{namespace}")
}

/// What empties nodes.
pub(super) fn nodes(namespace: &str) -> Vec<Trial> {
    let node = node(namespace);
    let drain = json!({ "node": node, "force": true, "wait": "30s" });
    vec![
        Trial {
            before: occupied,
            ..trial("kubernetes/drain", drain)
        },
        Trial {
            before: |space| drop(space.kubectl(&["cordon", &self::node(&space.name)])),
            ..trial("kubernetes/uncordon", json!({ "node": node }))
        },
    ]
}

/// The node takes pods, and has one.
fn occupied(space: &Space) {
    let node = node(&space.name);
    space.kubectl(&["uncordon", &node]);
    space.apply(&json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "guest" },
        "spec": {
            "nodeName": node, "tolerations": [{ "operator": "Exists" }],
            "containers": [{ "name": "app", "image": "registry.example.org/app:1" }]
        }
    }));
    space.wait("pod/guest", "condition=Ready");
}

/// What replaces credentials. The server at this port shows what cert-manager's Secret holds.
pub(super) fn rotations(namespace: &str, port: u16) -> Vec<Trial> {
    let shown_by =
        json!({ "host": "127.0.0.1", "port": port, "serverName": "localhost", "within": "20s" });
    let issued = json!({
        "name": "web-tls", "force": true, "shownBy": shown_by,
        "certManager": { "namespace": namespace, "certificate": CERTIFICATE, "secret": SECRET, "wait": "20s" },
    });
    let secret = |name: &str, part: &str, create: bool| json!([{ "secret": { "namespace": namespace, "name": name, "keys": { "a": part }, "create": create } }]);
    let random = |test: &str, consumers: Value| {
        json!({
            "name": "key", "force": true, "distribute": secret("key", "value", true), "consumers": consumers,
            "test": { "command": { "argv": [test] } },
        })
    };
    let restarted = json!([{ "namespace": namespace, "deployment": "web", "wait": "60s" }]);
    let token = |of: Value| {
        json!({
            "name": "robot", "namespace": namespace, "serviceAccount": "robot", "force": true,
            "expiration": "2h", "renewBefore": "1h", "distribute": of,
        })
    };
    vec![
        trial("rotate/certificate", issued),
        Trial {
            tells: OF_PODS,
            elsewhere: &["create secrets", "delete secrets"],
            ..trial("rotate/secret", random("true", restarted))
        },
        Trial {
            elsewhere: &["patch secrets"],
            before: |space| gone(space, "secret/key"),
            in_vain: true,
            ..trial("rotate/secret", random("false", json!([])))
        },
        Trial {
            elsewhere: &["delete secrets"],
            ..trial(
                "rotate/service-account-token",
                token(secret("token", "token", false)),
            )
        },
        Trial {
            elsewhere: &["patch secrets", "create tokenreviews"],
            in_vain: true,
            ..trial(
                "rotate/service-account-token",
                token(secret("nowhere", "token", false)),
            )
        },
    ]
}

/// A key of a provider that gives out the same one each time, and does not mind which one is tried.
pub(super) fn api_keys(namespace: &str) -> Vec<Trial> {
    let answer = r#"{"id":"1","key":"a-key-that-a-program-made"}"#;
    vec![trial(
        "rotate/api-key",
        json!({
            "name": "mail", "force": true,
            "provider": {
                "create": { "command": { "argv": ["echo", answer] } },
                "revoke": { "command": { "argv": ["true"] } },
            },
            "test": { "command": { "argv": ["true"] } },
            "distribute": [{ "secret": { "namespace": namespace, "name": "token", "keys": { "a": "value" } } }],
        }),
    )]
}

/// The password of `web_a` before anything was tried.
pub(super) const PASSWORD: &str = "the-old-password-of-web";

/// A role of the server at this socket, and a dump of it through the pod `tools`.
pub(super) fn databases(namespace: &str, socket: &Path) -> Vec<Trial> {
    let keys = json!({ "user": "username", "password": "password" });
    let password = json!({
        "name": "web-db", "force": true, "server": { "host": socket, "tls": "none" }, "admin": { "role": "admin" },
        "roles": ["web_a", "web_b"],
        "distribute": [{ "secret": { "namespace": namespace, "name": "db", "keys": keys } }],
    });
    let inside = |pod: Value| {
        json!({
            "name": "shop", "database": "postgres",
            "server": { "host": socket, "user": "admin", "inside": pod },
        })
    };
    vec![
        trial("rotate/postgres-password", password),
        trial(
            "backup/postgres",
            inside(json!({ "namespace": namespace, "pod": "tools" })),
        ),
        trial(
            "backup/postgres",
            inside(json!({ "namespace": namespace, "selector": "app=tools" })),
        ),
    ]
}

/// A certificate that the agent makes; the server at this port shows what the Secret holds.
pub(super) fn certificates(namespace: &str, port: u16) -> Vec<Trial> {
    let step = |within: &str| {
        json!({
            "name": "own-tls", "force": true, "names": ["localhost"],
            "shownBy": { "host": "127.0.0.1", "port": port, "serverName": "localhost", "within": within },
            "distribute": [{ "secret": {
                "namespace": namespace, "name": SECRET, "create": true, "type": "kubernetes.io/tls",
                "keys": { "tls.crt": "tls.crt", "tls.key": "tls.key" },
            } }],
        })
    };
    vec![
        Trial {
            elsewhere: &["delete secrets", "patch secrets"],
            before: |space| gone(space, "secret/web-tls"),
            ..trial("rotate/certificate", step("20s"))
        },
        Trial {
            elsewhere: &["delete secrets", "create secrets"],
            ..trial("rotate/certificate", step("20s"))
        },
    ]
}

/// All that is tried.
pub(super) fn all(namespace: &str) -> impl Iterator<Item = Trial> {
    let groups = [
        checks, reviews, workloads, objects, inside, backups, nodes, api_keys,
    ];
    let served = [rotations(namespace, 0), certificates(namespace, 0)];
    let served = served.into_iter().flatten();
    groups
        .map(|group| group(namespace))
        .into_iter()
        .flatten()
        .chain(served)
        .chain(databases(namespace, Path::new("/")))
}
