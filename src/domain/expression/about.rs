//! The same language about other facts than those of a run: conditions of an object that a step has found.
//!
//! The same words, filters and bounds; only the names are others, and no secret can be named.

use super::{ExpressionError, describe, engine, scan};
use serde_json::Value;
use std::collections::BTreeMap;

/// What a condition is about, by name.
pub type Facts = BTreeMap<&'static str, Value>;

/// A condition that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    source: String,
    names: Vec<Named>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    word: String,
    path: Vec<String>,
    at: usize,
}

impl Condition {
    /// Reads a condition that may use these names alone.
    ///
    /// # Errors
    /// It cannot be read, or uses other names.
    pub fn read(source: &str, known: &[&str]) -> Result<Self, ExpressionError> {
        let mut names = Vec::new();
        scan::each_name(source, 0, |name| {
            if !known.contains(&name.word) {
                return Err(scan::unknown(name.word, known, "name", name.at));
            }
            names.push(Named {
                word: name.word.to_owned(),
                path: name.path,
                at: name.at,
            });
            Ok(())
        })?;
        engine::compile(source, 0)?;
        Ok(Self {
            source: source.to_owned(),
            names,
        })
    }

    /// Whether it holds.
    ///
    /// # Errors
    /// It uses what is not there, cannot be evaluated, or gives neither true nor false.
    pub fn holds(&self, facts: &Facts) -> Result<bool, ExpressionError> {
        let result = engine::about(&self.source, facts)
            .map_err(|error| self.missing(facts).unwrap_or(error))?;
        result.as_bool().ok_or_else(|| {
            let what = format!(
                "the condition gives {}, not true or false",
                describe(&result)
            );
            ExpressionError::new(what, 0).hint("compare it, as in `object.kind == \"Pod\"`")
        })
    }

    /// The first name that leads nowhere.
    fn missing(&self, facts: &Facts) -> Option<ExpressionError> {
        self.names.iter().find_map(|name| {
            let mut value = facts.get(name.word.as_str());
            let mut reached = name.word.clone();
            for word in &name.path {
                reached = format!("{reached}.{word}");
                value = value?.get(word.as_str());
                if value.is_none() {
                    let what = format!("there is no `{reached}`");
                    return Some(ExpressionError::new(what, name.at));
                }
            }
            None
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Condition, Facts};
    use serde_json::json;

    fn facts() -> Facts {
        [("object", json!({ "spec": { "a": 1 }, "list": [1, 2] }))].into()
    }
    fn holds(source: &str) -> Result<bool, String> {
        Condition::read(source, &["object"])
            .and_then(|condition| condition.holds(&facts()))
            .map_err(|error| error.what)
    }

    #[test]
    fn a_condition_knows_its_facts_and_nothing_else() {
        assert_eq!(
            holds("object.spec.a == 1 and object.list | length == 2"),
            Ok(true)
        );
        assert_eq!(holds("object.spec.a > 1"), Ok(false));
        assert_eq!(holds("object.spec.b is defined"), Ok(false));
        for (source, error) in [
            ("object.spec.b == 1", "there is no `object.spec.b`"),
            ("secret(\"x\") == \"\"", "there is no name `secret`"),
            ("inputs.a", "there is no name `inputs`"),
            (
                "object.spec.a",
                "the condition gives a number, not true or false",
            ),
        ] {
            assert_eq!(holds(source), Err(error.to_owned()), "{source}");
        }
    }
}
