//! Marks of secrets become values, in the last moment.

use crate::{
    domain::{
        name::SecretName,
        secret::{self, SecretValue},
    },
    ports::secrets::Secrets,
};
use serde_json::Value;
use std::collections::{BTreeMap, btree_map::Entry};

/// The values that arguments refer to.
#[derive(Debug, Default)]
pub(super) struct Revealed(BTreeMap<SecretName, SecretValue>);

impl Revealed {
    /// Asks for each of them. The error names the secret and never holds its value, nor its mark.
    pub(super) fn of(arguments: &Value, secrets: &dyn Secrets) -> Result<Self, String> {
        let mut revealed = Self::default();
        revealed.ask(arguments, secrets)?;
        Ok(revealed)
    }

    fn ask(&mut self, arguments: &Value, secrets: &dyn Secrets) -> Result<(), String> {
        match arguments {
            Value::String(text) => secret::names_in(text)
                .into_iter()
                .try_for_each(|name| self.ask_for(name, secrets)),
            Value::Array(items) => items.iter().try_for_each(|item| self.ask(item, secrets)),
            Value::Object(map) => map.values().try_for_each(|item| self.ask(item, secrets)),
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
        }
    }

    fn ask_for(&mut self, name: SecretName, secrets: &dyn Secrets) -> Result<(), String> {
        if let Entry::Vacant(place) = self.0.entry(name) {
            let value = secrets.get(place.key());
            place.insert(value.map_err(|error| error.to_string())?);
        }
        Ok(())
    }

    /// The arguments with each mark replaced.
    pub(super) fn apply(&self, arguments: &Value) -> Result<Value, String> {
        match arguments {
            Value::String(text) => self.apply_to_text(text).map(Value::String),
            Value::Array(items) => items
                .iter()
                .map(|item| self.apply(item))
                .collect::<Result<_, _>>()
                .map(Value::Array),
            Value::Object(map) => map
                .iter()
                .map(|(key, item)| Ok((key.clone(), self.apply(item)?)))
                .collect::<Result<_, String>>()
                .map(Value::Object),
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(arguments.clone()),
        }
    }

    fn apply_to_text(&self, text: &str) -> Result<String, String> {
        let value = |name: &SecretName| self.0.get(name).map(|value| value.expose().to_owned());
        secret::reveal(text, value)
            .ok_or_else(|| "an argument holds a broken mark of a secret".to_owned())
    }

    /// Every value that must not be seen: those of the agent now, and those used here, should they have changed meanwhile.
    pub(super) fn with_all(self, secrets: &dyn Secrets) -> Vec<SecretValue> {
        let mut all = secrets.all_values();
        for value in self.0.into_values() {
            if !all.iter().any(|known| known.expose() == value.expose()) {
                all.push(value);
            }
        }
        all
    }
}
