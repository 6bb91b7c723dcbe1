//! Names of objects, from lists of nothing but metadata.

use crate::ports::cluster::{More, Names};
use serde_json::Value;

/// A list that was read to its end.
pub(super) fn all(names: Vec<String>) -> Names {
    Names {
        names,
        more: More::None,
    }
}

/// A list that was not read to its end.
pub(super) fn cut(names: Vec<String>, left: Option<u64>) -> Names {
    let more = left.map_or(More::Unknown, |left| {
        More::Some(u32::try_from(left).unwrap_or(u32::MAX))
    });
    Names { names, more }
}

/// Of an object of a list; with its namespace, where the list is of all.
pub(super) fn name(item: &Value, namespace: Option<&str>) -> String {
    let text = |pointer| {
        item.pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    match (namespace, text("/metadata/namespace")) {
        (None, place) if !place.is_empty() => format!("{place}/{}", text("/metadata/name")),
        (Some(_) | None, _) => text("/metadata/name").to_owned(),
    }
}
