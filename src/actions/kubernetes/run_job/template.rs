//! A short way to write a Job with one container.

use crate::actions::command::Word;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A Job with one container.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Template {
    /// The image.
    pub image: String,
    /// The program, each word an item of its own; the image's own where there is none.
    #[serde(default)]
    #[expect(private_interfaces, reason = "nobody outside builds inputs")]
    pub command: Vec<Word>,
    /// Its arguments.
    #[serde(default)]
    #[expect(private_interfaces, reason = "nobody outside builds inputs")]
    pub args: Vec<Word>,
    /// The environment. A value of a Secret or ConfigMap is named, never written: `{ secret: db, key: password }`.
    #[serde(default)]
    #[expect(private_interfaces, reason = "nobody outside builds inputs")]
    pub env: BTreeMap<String, Variable>,
    /// `requests` and `limits`, as a container has them.
    #[serde(default)]
    pub resources: Option<Map<String, Value>>,
    /// What is mounted where.
    #[serde(default)]
    pub volumes: Vec<Mount>,
    /// As which service account its API calls are made; without one it gets no token at all.
    #[serde(default)]
    pub service_account: Option<String>,
    /// Secrets that the image is pulled with.
    #[serde(default)]
    pub image_pull_secrets: Vec<String>,
    /// Labels that its node must have.
    #[serde(default)]
    pub node_selector: BTreeMap<String, String>,
    /// The container's security context, as a manifest has it.
    #[serde(default)]
    pub security_context: Option<Map<String, Value>>,
    /// Labels of its pods.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Annotations of its pods.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// How often a failed pod is replaced by another one. The step's own `retry` makes a new Job.
    #[serde(default)]
    pub backoff_limit: u32,
    /// After how many seconds Kubernetes ends the Job by itself.
    #[serde(default)]
    pub active_deadline_seconds: Option<u32>,
}

/// The value of a variable.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(
    untagged,
    rename_all_fields = "camelCase",
    expecting = "want a text, a number, true or false, or `secret` or `configMap` with a `key`"
)]
#[schemars(inline)]
pub(super) enum Variable {
    /// As it is.
    Plain(Word),
    /// A key of a Secret.
    Secret {
        /// The Secret.
        secret: String,
        /// The key.
        key: String,
    },
    /// A key of a ConfigMap.
    ConfigMap {
        /// The ConfigMap.
        config_map: String,
        /// The key.
        key: String,
    },
}

/// Something that is mounted. Exactly one of `claim`, `secret`, `configMap` and `scratch` is given.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mount {
    /// Where.
    pub path: String,
    /// A claim of a volume.
    #[serde(default)]
    pub claim: Option<String>,
    /// A Secret; each key is a file.
    #[serde(default)]
    pub secret: Option<String>,
    /// A ConfigMap; each key is a file.
    #[serde(default)]
    pub config_map: Option<String>,
    /// An empty folder that goes with the pod.
    #[serde(default)]
    pub scratch: bool,
    /// Only this path in it.
    #[serde(default)]
    pub sub_path: Option<String>,
    /// Whether it cannot be written.
    #[serde(default)]
    pub read_only: bool,
}

impl Template {
    pub(super) fn validate(&self) -> Result<(), String> {
        if self.image.is_empty() {
            return Err("in `with`, at `template.image`: is empty".to_owned());
        }
        for (index, mount) in self.volumes.iter().enumerate() {
            mount
                .source()
                .map_err(|error| format!("in `with`, at `template.volumes[{index}]`: {error}"))?;
        }
        Ok(())
    }

    /// As a Job's `spec`.
    pub(super) fn spec(&self) -> Value {
        let mut spec = json!({
            "backoffLimit": self.backoff_limit,
            "template": {
                "metadata": { "labels": self.labels, "annotations": self.annotations },
                "spec": self.pod()
            }
        });
        if let Some(seconds) = self.active_deadline_seconds {
            spec["activeDeadlineSeconds"] = json!(seconds);
        }
        spec
    }

    fn pod(&self) -> Value {
        let volumes: Vec<Value> = self.volumes.iter().enumerate().map(volume).collect();
        let secrets = self.image_pull_secrets.iter();
        let secrets: Vec<Value> = secrets.map(|name| json!({ "name": name })).collect();
        let mut pod = json!({
            "restartPolicy": "Never",
            "containers": [self.container()],
            "volumes": volumes,
            "imagePullSecrets": secrets,
            "nodeSelector": self.node_selector,
        });
        match &self.service_account {
            Some(account) => pod["serviceAccountName"] = json!(account),
            None => pod["automountServiceAccountToken"] = json!(false),
        }
        pod
    }

    fn container(&self) -> Value {
        let words = |words: &[Word]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        let mounts: Vec<Value> = self.volumes.iter().enumerate().map(mounted).collect();
        let variables: Vec<Value> = self.env.iter().map(variable).collect();
        let mut container = json!({
            "name": "job",
            "image": self.image,
            "env": variables,
            "volumeMounts": mounts,
        });
        if !self.command.is_empty() {
            container["command"] = json!(words(&self.command));
        }
        if !self.args.is_empty() {
            container["args"] = json!(words(&self.args));
        }
        if let Some(resources) = &self.resources {
            container["resources"] = json!(resources);
        }
        if let Some(context) = &self.security_context {
            container["securityContext"] = json!(context);
        }
        container
    }
}

impl Mount {
    fn source(&self) -> Result<Value, String> {
        let sources = [
            self.claim.as_ref().map(|claim| {
                json!({ "persistentVolumeClaim": { "claimName": claim, "readOnly": self.read_only } })
            }),
            self.secret
                .as_ref()
                .map(|secret| json!({ "secret": { "secretName": secret } })),
            self.config_map
                .as_ref()
                .map(|name| json!({ "configMap": { "name": name } })),
            self.scratch.then(|| json!({ "emptyDir": {} })),
        ];
        let mut given = sources.into_iter().flatten();
        match (given.next(), given.next()) {
            (Some(source), None) => Ok(source),
            _ => Err(
                "give exactly one of `claim`, `secret`, `configMap`, `scratch: true`".to_owned(),
            ),
        }
    }
}

fn volume((index, mount): (usize, &Mount)) -> Value {
    let mut volume = mount.source().unwrap_or_default();
    volume["name"] = json!(format!("volume-{index}"));
    volume
}

fn mounted((index, mount): (usize, &Mount)) -> Value {
    let mut mounted = json!({
        "name": format!("volume-{index}"),
        "mountPath": mount.path,
        "readOnly": mount.read_only,
    });
    if let Some(path) = &mount.sub_path {
        mounted["subPath"] = json!(path);
    }
    mounted
}

fn variable((name, value): (&String, &Variable)) -> Value {
    match value {
        Variable::Plain(text) => json!({ "name": name, "value": text.to_string() }),
        Variable::Secret { secret, key } => json!({
            "name": name, "valueFrom": { "secretKeyRef": { "name": secret, "key": key } }
        }),
        Variable::ConfigMap { config_map, key } => json!({
            "name": name, "valueFrom": { "configMapKeyRef": { "name": config_map, "key": key } }
        }),
    }
}
