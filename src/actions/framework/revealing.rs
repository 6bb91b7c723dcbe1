//! Marks of secrets become values, in the last moment.

use crate::{
    domain::secret::{self, SecretValue},
    ports::secrets::Secrets,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// The arguments with each mark replaced. The error names the secret and never holds its value, nor the mark.
pub(super) fn reveal(arguments: &Value, secrets: &dyn Secrets) -> Result<Value, String> {
    match arguments {
        Value::String(text) => reveal_text(text, secrets).map(Value::String),
        Value::Array(items) => items
            .iter()
            .map(|item| reveal(item, secrets))
            .collect::<Result<_, _>>()
            .map(Value::Array),
        Value::Object(map) => map
            .iter()
            .map(|(key, item)| Ok((key.clone(), reveal(item, secrets)?)))
            .collect::<Result<_, String>>()
            .map(Value::Object),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(arguments.clone()),
    }
}

fn reveal_text(text: &str, secrets: &dyn Secrets) -> Result<String, String> {
    if !secret::is_marked(text) {
        return Ok(text.to_owned());
    }
    let mut values: BTreeMap<_, SecretValue> = BTreeMap::new();
    for name in secret::names_in(text) {
        let value = secrets.get(&name).map_err(|error| error.to_string())?;
        values.insert(name, value);
    }
    let value = |name: &_| values.get(name).map(|value| value.expose().to_owned());
    secret::reveal(text, value)
        .ok_or_else(|| "an argument holds a broken mark of a secret".to_owned())
}
