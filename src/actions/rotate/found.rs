//! What an answer of a provider says of a key.

use serde_json::Value;

/// A text or a number at that place.
pub(super) fn at(body: &Value, pointer: &str) -> Option<String> {
    match body.pointer(pointer)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What an answer says of the key that was looked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Its number.
    Key(String),
    /// There is none: null or something empty stands where it would be.
    None,
    /// Nothing can be concluded, for this reason.
    Unclear(&'static str),
}

/// Goes down to that place (RFC 6901). A list of several could hold another's key, so that none of it is taken.
pub(super) fn found(body: &Value, pointer: &str) -> Found {
    let mut here = body;
    for name in pointer.split('/').skip(1) {
        if is_nothing(here) {
            return Found::None;
        }
        if here.as_array().is_some_and(|all| all.len() > 1) {
            return Found::Unclear("names several keys");
        }
        match here.pointer(&format!("/{name}")) {
            Some(below) => here = below,
            None => return Found::Unclear("is not empty, and has nothing"),
        }
    }
    match at(here, "") {
        Some(id) => Found::Key(id),
        None if is_nothing(here) => Found::None,
        None => Found::Unclear("has no number"),
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(all) => all.is_empty(),
        Value::Object(all) => all.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Found, found};
    use serde_json::{Value, json};

    #[test]
    fn only_an_answer_that_is_empty_there_says_that_there_is_no_key() {
        let cases = [
            (json!({ "id": "k1" }), "/id", Found::Key("k1".to_owned())),
            (json!([{ "id": 7 }]), "/0/id", Found::Key("7".to_owned())),
            (Value::Null, "/id", Found::None),
            (json!({}), "/id", Found::None),
            (json!([]), "/0/id", Found::None),
            (json!({ "keys": [], "total": 0 }), "/keys/0/id", Found::None),
            (json!({ "data": { "id": null } }), "/data/id", Found::None),
        ];
        for (body, pointer, wanted) in cases {
            assert_eq!(found(&body, pointer), wanted, "{body}");
        }
        let unclear = [
            (json!([{ "id": "k1" }]), "/id"),
            (json!({ "id": "k1" }), "/noid"),
            (json!({ "id": true }), "/id"),
            (json!("<html>"), "/id"),
            (json!([{ "id": "k1" }, { "id": "k2" }]), "/0/id"),
        ];
        for (body, pointer) in unclear {
            let found = found(&body, pointer);
            assert!(matches!(found, Found::Unclear(_)), "{body}: {found:?}");
        }
    }
}
