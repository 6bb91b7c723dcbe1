//! What is written on a Secret beside its values, and where things are in it.

use crate::{
    actions::rotate::scene::Scene,
    domain::{id::RotationId, pointer::below},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What the annotations of rotations begin with; behind it stands the credential's name.
const NOTE: &str = "rotation.orderly.dev";

/// What stands in the annotation.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Note {
    /// Which rotation has changed it.
    pub(super) rotation: RotationId,
    /// The keys that it has written, in their order.
    pub(super) keys: Vec<String>,
    /// Keys that were there before.
    pub(super) had: Vec<String>,
    /// Whether the object itself was not.
    #[serde(default)]
    pub(super) made: bool,
}

pub(super) fn previous(key: &str) -> String {
    format!("{key}-previous")
}

pub(super) fn data(key: &str) -> String {
    below("/data", key)
}

pub(super) fn annotation(scene: &Scene<'_>) -> String {
    format!("{NOTE}/{}", scene.name)
}

pub(super) fn noting(scene: &Scene<'_>) -> String {
    below("/metadata/annotations", &annotation(scene))
}

pub(super) fn text(note: &Note) -> String {
    serde_json::to_string(note).unwrap_or_default()
}

/// Only this very object in this very state.
pub(super) fn only_of(found: &Value) -> Vec<Value> {
    let only = ["uid", "resourceVersion"].map(|field| {
        let value = found.pointer(&format!("/metadata/{field}"));
        json!({ "op": "add", "path": format!("/metadata/{field}"), "value": value })
    });
    only.to_vec()
}
