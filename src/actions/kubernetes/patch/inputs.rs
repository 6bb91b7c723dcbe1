//! What a patch is told, and what of that fits.

use crate::{
    actions::kubernetes::{default_cluster, object::text, subject::Subject},
    commands::deeds::{self, Deed},
    domain::span::Span,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// What `kubernetes/patch` is told. Exactly one of `merge`, `strategic` and `json` is given.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PatchInputs {
    /// The cluster's name in the agent's configuration.
    #[serde(default = "default_cluster")]
    pub cluster: String,
    /// The namespace; none for what belongs to none.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The object, as in `configmap/web`.
    pub object: String,
    /// A merge patch (RFC 7386): fields as they shall be, null for those that shall go; a list replaces a list.
    #[serde(default)]
    pub merge: Option<Value>,
    /// A strategic merge patch: as a merge patch, but lists of built-in kinds are merged by their keys. Other kinds do not know it.
    #[serde(default)]
    pub strategic: Option<Value>,
    /// A JSON patch (RFC 6902): a list of operations.
    #[serde(default)]
    pub json: Option<Vec<Value>>,
    /// The part of the object that is patched.
    #[serde(default)]
    pub subresource: Option<Part>,
    /// How long to wait until the object is ready, in the sense of its kind; without it, the step does not wait.
    #[serde(default)]
    pub wait: Option<Span>,
}

/// A part of an object that is patched by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Part {
    /// What its controller says of it.
    Status,
    /// Its number of replicas.
    Scale,
}

impl Part {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Scale => "scale",
        }
    }
}

impl PatchInputs {
    pub(super) fn subject(&self) -> Result<Subject, String> {
        let namespace = self.namespace.as_deref();
        Subject::new(&self.cluster, namespace, "object", &self.object)
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let subject = self.subject()?;
        let given = [
            self.merge.is_some(),
            self.strategic.is_some(),
            self.json.is_some(),
        ];
        if given.iter().filter(|given| **given).count() != 1 {
            return Err("in `with`: give exactly one of `merge`, `strategic`, `json`".to_owned());
        }
        for (field, patch) in [("merge", &self.merge), ("strategic", &self.strategic)] {
            if patch.as_ref().is_some_and(|patch| !patch.is_object()) {
                return Err(format!(
                    "in `with`, at `{field}`: write the fields as a mapping, as in `{{ spec: {{ replicas: 2 }} }}`"
                ));
            }
        }
        if self.strategic.is_some() && (self.subresource.is_some() || is_custom(&subject.kind)) {
            return Err(format!(
                "in `with`, at `strategic`: a {}{} does not know it\nhint: use `merge` or `json`",
                subject.kind,
                if self.subresource.is_some() {
                    "'s part"
                } else {
                    ""
                }
            ));
        }
        let operations = self.json.iter().flatten();
        operations
            .enumerate()
            .try_for_each(|(index, operation)| check_operation(index, operation))
    }

    pub(super) fn deed<'a>(&'a self, subject: deeds::Subject<'a>) -> Deed<'a> {
        match (&self.merge, &self.strategic, &self.json) {
            (Some(patch), _, _) | (None, Some(patch), _) => Deed::Merge(subject, patch),
            (None, None, operations) => {
                Deed::Operations(subject, operations.as_deref().unwrap_or_default())
            }
        }
    }
}

/// Whether only its definition knows the kind: strategic patches need what is built in.
fn is_custom(kind: &str) -> bool {
    let group = kind.split_once('.').map_or("", |(_, group)| group);
    let built_in = [
        "networking.k8s.io",
        "storage.k8s.io",
        "rbac.authorization.k8s.io",
    ];
    group.contains('.') && !built_in.contains(&group)
}

fn check_operation(index: usize, operation: &Value) -> Result<(), String> {
    let needs: &[&str] = match text(operation, "/op") {
        "add" | "replace" | "test" => &["path", "value"],
        "remove" => &["path"],
        "move" | "copy" => &["path", "from"],
        _ => {
            return Err(format!(
                "in `with`, at `json[{index}].op`: none of add, remove, replace, move, copy, test"
            ));
        }
    };
    match needs.iter().find(|name| operation.get(**name).is_none()) {
        Some(name) => Err(format!(
            "in `with`, at `json[{index}]`: `{}` needs `{name}`",
            text(operation, "/op")
        )),
        None => Ok(()),
    }
}
