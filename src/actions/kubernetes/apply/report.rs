//! What an apply did, for later steps and for people.

use crate::actions::{
    framework::outputs,
    kubernetes::{differences, located::Located, object::text},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// So many objects a summary names of each sort.
const NAMED: usize = 10;
/// So many fields of an object.
const FIELDS: usize = 5;

/// What `kubernetes/apply` leaves for later steps, also where it failed on the way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApplyOutputs {
    /// What was applied, in that order.
    pub objects: Vec<AppliedObject>,
    /// How many are new.
    pub created: usize,
    /// How many were changed.
    pub configured: usize,
    /// How many were so already.
    pub unchanged: usize,
    /// How long it took until all were ready, in milliseconds; nothing if the step did not wait.
    pub ready_after_ms: Option<u64>,
    /// What became of each where the step failed and undid what it had done.
    pub undone: Vec<UndoneObject>,
}

/// An object that was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppliedObject {
    /// As in `deployment.apps`.
    pub kind: String,
    /// Nothing for what belongs to none.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Its state after that; nothing in a dry run.
    pub resource_version: Option<String>,
}

/// What became of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It is new.
    Created,
    /// It was changed.
    Configured,
    /// It was so already.
    Unchanged,
}

/// An object that a failed step had applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UndoneObject {
    /// As in `deployment shop/web`.
    pub object: String,
    /// What became of it.
    pub done: Undone,
    /// Why it was left as it is; empty otherwise.
    pub reason: String,
}

/// What became of an object when a failed step undid what it had done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Undone {
    /// It has its former fields.
    Restored,
    /// It was new, and is deleted.
    Deleted,
    /// It is as the step made it, or as somebody has made it since.
    Left,
}

/// An object that was applied, with what it was and what it is.
#[derive(Debug)]
pub(super) struct Applied {
    pub(super) located: Located,
    /// As it was written; it holds values of secrets.
    pub(super) written: Value,
    pub(super) before: Option<Value>,
    pub(super) after: Value,
    pub(super) outcome: Outcome,
}

impl Applied {
    pub(super) fn new(
        located: Located,
        written: Value,
        before: Option<Value>,
        after: Value,
        dry_run: bool,
    ) -> Self {
        let outcome = match &before {
            None => Outcome::Created,
            Some(before) if is_same(before, &after, located.is_secret(), dry_run) => {
                Outcome::Unchanged
            }
            Some(_) => Outcome::Configured,
        };
        Self {
            located,
            written,
            before,
            after,
            outcome,
        }
    }

    fn output(&self, dry_run: bool) -> AppliedObject {
        let state = text(&self.after, "/metadata/resourceVersion");
        AppliedObject {
            kind: self.located.kind.clone(),
            namespace: self.located.namespace.clone(),
            name: self.located.name.clone(),
            outcome: self.outcome,
            resource_version: (!dry_run && !state.is_empty()).then(|| state.to_owned()),
        }
    }

    /// Its name, and the fields that differ.
    fn named(&self) -> String {
        let before = self.before.as_ref().map(differences::wanted);
        let places = before
            .and_then(|before| differences::patch(&before, &differences::wanted(&self.after)))
            .map(|patch| differences::places(&patch, FIELDS))
            .unwrap_or_default();
        if places.is_empty() {
            return self.located.to_string();
        }
        format!("{} ({})", self.located, places.join(", "))
    }
}

/// A dry run leaves the number of the state as it is, and of a Secret only metadata is shown, in which the server notes when its manager
/// last changed it.
fn is_same(before: &Value, after: &Value, is_secret: bool, dry_run: bool) -> bool {
    let same = |pointer: &str| before.pointer(pointer) == after.pointer(pointer);
    if !dry_run && same("/metadata/resourceVersion") {
        return true;
    }
    if is_secret {
        return dry_run && same("/metadata/managedFields");
    }
    differences::wanted(before) == differences::wanted(after)
}

pub(super) fn outputs_of(
    applied: &[Applied],
    undone: Vec<UndoneObject>,
    ready_after_ms: Option<u64>,
    dry_run: bool,
) -> Value {
    let count = |outcome| applied.iter().filter(|one| one.outcome == outcome).count();
    outputs(&ApplyOutputs {
        objects: applied.iter().map(|one| one.output(dry_run)).collect(),
        created: count(Outcome::Created),
        configured: count(Outcome::Configured),
        unchanged: count(Outcome::Unchanged),
        ready_after_ms,
        undone,
    })
}

/// `created configmap shop/a; configured deployment shop/web (spec.replicas); 2 unchanged`
pub(super) fn words(applied: &[Applied], dry_run: bool) -> String {
    let (create, configure) = if dry_run {
        ("would create", "would configure")
    } else {
        ("created", "configured")
    };
    let of = |outcome| applied.iter().filter(move |one| one.outcome == outcome);
    let mut parts = Vec::new();
    let created = of(Outcome::Created).map(|one| one.located.to_string());
    parts.extend(listed(create, created.collect()));
    parts.extend(listed(
        configure,
        of(Outcome::Configured).map(Applied::named).collect(),
    ));
    match of(Outcome::Unchanged).count() {
        0 => {}
        unchanged => parts.push(format!("{unchanged} unchanged")),
    }
    parts.join("; ")
}

fn listed(what: &str, names: Vec<String>) -> Option<String> {
    let more = names.len().saturating_sub(NAMED);
    let mut shown: Vec<String> = names.into_iter().take(NAMED).collect();
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    (!shown.is_empty()).then(|| format!("{what} {}", shown.join(", ")))
}
