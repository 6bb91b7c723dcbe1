//! Secrets are carried as references until the last moment.
//!
//! `${{ secret("name") }}` renders to a [`marker`], never to the value. Rendered steps, digests, approvals and
//! history hold only markers; an executor replaces them when it touches the world.

use crate::domain::{name::SecretName, pointer::below};
use serde_json::Value;
use std::fmt;

/// Opens a marker. A private-use character that no input may contain.
pub const OPEN: char = '\u{F0000}';
/// Closes a marker.
pub const CLOSE: char = '\u{F0001}';

/// The text that stands for a secret in rendered arguments.
pub fn marker(name: &SecretName) -> String {
    format!("{OPEN}secret:{name}{CLOSE}")
}

/// Whether a text could be mistaken for (part of) a marker.
pub fn is_marked(text: &str) -> bool {
    text.contains(OPEN) || text.contains(CLOSE)
}

/// The secrets that a text refers to, in order, without repeats.
pub fn names_in(text: &str) -> Vec<SecretName> {
    let mut found: Vec<SecretName> = Vec::new();
    for part in text.split(OPEN).skip(1) {
        let inside = part.split(CLOSE).next().unwrap_or_default();
        let name = inside
            .strip_prefix("secret:")
            .and_then(|name| SecretName::new(name).ok());
        if let Some(name) = name.filter(|name| !found.contains(name)) {
            found.push(name);
        }
    }
    found
}

/// A text with each marker replaced by what `value` says, or nothing if `value` does not know one.
pub fn reveal(text: &str, value: impl Fn(&SecretName) -> Option<String>) -> Option<String> {
    let mut parts = text.split(OPEN);
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (inside, after) = part.split_once(CLOSE)?;
        let name = SecretName::new(inside.strip_prefix("secret:")?).ok()?;
        whole.push_str(&value(&name)?);
        whole.push_str(after);
    }
    Some(whole)
}

/// Why a text must not stand where a secret of the agent is wanted, and what may; for people.
pub const IN_THE_CLEAR: [&str; 2] = [
    "what stands here must stay secret, and this would be kept in the clear in the history, in questions and on the web page",
    "write it as `${{ secret(\"…\") }}`",
];

/// Whether a text is nothing but secrets. Space around them may come from how YAML is written.
pub fn is_secret(text: &str) -> bool {
    is_marked(text)
        && reveal(text, |_| Some(String::new())).is_some_and(|rest| rest.trim().is_empty())
}

/// The places (JSON pointers) of texts where a schema takes nothing but a secret of the agent: it calls them `writeOnly`.
pub fn places(schema: &Value, arguments: &Value) -> Vec<String> {
    let mut found = Vec::new();
    find_places(schema, arguments, String::new(), &mut found);
    found
}

fn find_places(schema: &Value, value: &Value, pointer: String, found: &mut Vec<String>) {
    for key in ["allOf", "anyOf", "oneOf"] {
        let alternatives = schema.get(key).and_then(Value::as_array);
        for one in alternatives.into_iter().flatten() {
            find_places(one, value, pointer.clone(), found);
        }
    }
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let property = schema.get("properties").and_then(|all| all.get(key));
                let property = property.or_else(|| schema.get("additionalProperties"));
                find_places(
                    property.unwrap_or(&Value::Null),
                    value,
                    below(&pointer, key),
                    found,
                );
            }
        }
        Value::Array(items) => {
            let of = schema.get("items").unwrap_or(&Value::Null);
            for (index, item) in items.iter().enumerate() {
                find_places(of, item, below(&pointer, &index.to_string()), found);
            }
        }
        Value::String(_) if schema.get("writeOnly") == Some(&Value::Bool(true)) => {
            if !found.contains(&pointer) {
                found.push(pointer);
            }
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A text for people: each marker shown as `secret("name")`.
pub fn readable(text: &str) -> String {
    reveal(text, |name| Some(format!("secret(\"{name}\")"))).unwrap_or_else(|| text.to_owned())
}

/// A secret's value. It does not print, compare or serialise.
#[derive(Clone)]
pub struct SecretValue(String);

impl SecretValue {
    /// Takes the value.
    pub fn new(value: String) -> Self {
        Self(value)
    }
    /// Gives the value to the one who uses it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}
impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::{is_marked, is_secret, marker, names_in, places, readable, reveal};
    use crate::domain::name::SecretName;
    use serde_json::json;

    #[test]
    fn a_secret_has_nothing_beside_it_but_space() {
        let marker = marker(&SecretName::new("db").unwrap());
        assert!(is_secret(&marker) && is_secret(&format!("{marker}\n")));
        let cut: String = marker.chars().skip(1).collect();
        for text in ["", " ", "hunter2", &format!("x{marker}"), &cut] {
            assert!(!is_secret(text), "{text}");
        }
    }

    #[test]
    fn places_of_secrets_are_found_at_any_depth() {
        let secret = json!({ "type": ["string", "null"], "writeOnly": true });
        let server = json!({ "properties": { "password": secret, "host": { "type": "string" } } });
        let schema = json!({ "properties": {
            "a": { "anyOf": [server, { "type": "null" }] },
            "list": { "items": server },
            "map": { "additionalProperties": secret },
        } });
        let one = json!({ "password": "x", "host": "h" });
        let arguments = json!({ "a": one, "list": [{ "password": null }, one], "map": { "k/l": "x" }, "b": "x" });
        assert_eq!(
            places(&schema, &arguments),
            ["/a/password", "/list/1/password", "/map/k~1l"]
        );
    }

    #[test]
    fn a_marker_is_replaced_only_by_the_one_who_knows_the_value() {
        let name = SecretName::new("db").unwrap();
        let text = format!("pg://{}@host", marker(&name));
        assert!(is_marked(&text));
        assert_eq!(names_in(&text), [name]);
        assert_eq!(readable(&text), "pg://secret(\"db\")@host");
        assert_eq!(
            reveal(&text, |_| Some("s3".into())).as_deref(),
            Some("pg://s3@host")
        );
        assert_eq!(reveal(&text, |_| None), None);
    }
}
