//! Rendering where not everything is known yet: before a run, the outputs of its steps are not.

use super::{ExpressionError, Place, Reference, Scope, below, engine, scalar, scan, text};
use serde_json::{Map, Value};

/// Opens the mark of a value that is not known before a run.
const UNKNOWN_OPEN: char = '\u{F0002}';
/// Closes it.
const UNKNOWN_CLOSE: char = '\u{F0003}';

/// The text that stands for what this expression will give.
pub fn unknown_mark(source: &str) -> String {
    format!("{UNKNOWN_OPEN}{}{UNKNOWN_CLOSE}", source.trim())
}

/// Whether a text holds such a mark.
pub fn has_unknown(text: &str) -> bool {
    text.contains([UNKNOWN_OPEN, UNKNOWN_CLOSE])
}

/// A text for people: each mark as the expression that it stands for.
pub fn readable_unknown(text: &str) -> String {
    text.replace(UNKNOWN_OPEN, "${{ ")
        .replace(UNKNOWN_CLOSE, " }}")
}

/// An expression that cannot be evaluated yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotYet {
    /// Without `${{` and `}}`.
    pub source: String,
    /// Where it stands.
    pub place: Place,
}

/// How a value is rendered before all is known.
#[derive(Clone, Copy)]
pub struct Partly<'a> {
    /// What is known.
    pub scope: &'a Scope<'a>,
    /// Whether what a name stands for is known.
    pub is_known: &'a dyn Fn(&Reference) -> bool,
    /// What is put in for an expression that uses what is not known.
    pub stand_in: &'a dyn Fn(&str) -> Value,
}

impl std::fmt::Debug for Partly<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Partly").finish_non_exhaustive()
    }
}

impl Partly<'_> {
    /// The value, and every expression that something else was put in for.
    ///
    /// # Errors
    /// The first expression that cannot be read, or that uses only what is known and cannot be evaluated.
    pub fn render(&self, value: &Value) -> Result<(Value, Vec<NotYet>), ExpressionError> {
        let mut not_yet = Vec::new();
        let value = self.at(value, "", &mut not_yet)?;
        Ok((value, not_yet))
    }

    fn at(
        &self,
        value: &Value,
        pointer: &str,
        not_yet: &mut Vec<NotYet>,
    ) -> Result<Value, ExpressionError> {
        match value {
            Value::String(text) if super::has_expression(text) => {
                let first = not_yet.len();
                let rendered = self.text(text, not_yet);
                for part in not_yet.iter_mut().skip(first) {
                    pointer.clone_into(&mut part.place.pointer);
                }
                rendered.map_err(|error| error.under(pointer))
            }
            Value::Array(items) => items
                .iter()
                .enumerate()
                .map(|(index, item)| self.at(item, &format!("{pointer}/{index}"), not_yet))
                .collect(),
            Value::Object(map) => map
                .iter()
                .map(|(key, item)| Ok((key.clone(), self.at(item, &below(pointer, key), not_yet)?)))
                .collect::<Result<Map<_, _>, _>>()
                .map(Value::Object),
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {
                super::render(value, self.scope).map_err(|error| error.under(pointer))
            }
        }
    }

    fn text(&self, whole: &str, not_yet: &mut Vec<NotYet>) -> Result<Value, ExpressionError> {
        let parts = text::split(whole)?;
        if let [text::Part::Expression { source, offset }] = parts.as_slice() {
            return self.one(source, *offset, not_yet);
        }
        let mut rendered = String::new();
        for part in parts {
            match part {
                text::Part::Literal(literal) => rendered.push_str(&literal),
                text::Part::Expression { source, offset } => {
                    let value = self.one(source, offset, not_yet)?;
                    rendered.push_str(&scalar(value, offset)?);
                }
            }
        }
        Ok(Value::String(rendered))
    }

    fn one(
        &self,
        source: &str,
        offset: usize,
        not_yet: &mut Vec<NotYet>,
    ) -> Result<Value, ExpressionError> {
        let references = scan::references(source, offset)?;
        engine::compile(source, offset)?;
        if references.iter().all(self.is_known) {
            return engine::evaluate(source, offset, self.scope);
        }
        not_yet.push(NotYet {
            source: source.trim().to_owned(),
            place: Place {
                pointer: String::new(),
                offset,
            },
        });
        Ok((self.stand_in)(source))
    }
}

#[cfg(test)]
mod tests {
    use super::{Partly, has_unknown, readable_unknown, unknown_mark};
    use crate::domain::expression::{Reference, Root, Scope, Secrets};
    use serde_json::{Value, json};

    fn rendered(value: &Value) -> (Value, Vec<String>) {
        let (inputs, nothing) = (json!({"namespace": "shop"}), json!({}));
        let scope = Scope {
            inputs: &inputs,
            values: &nothing,
            steps: &nothing,
            run: &nothing,
            secrets: Secrets::Allowed,
        };
        let partly = Partly {
            scope: &scope,
            is_known: &|reference: &Reference| reference.root != Root::Steps,
            stand_in: &|source| Value::String(unknown_mark(source)),
        };
        let (value, not_yet) = partly.render(value).unwrap();
        let told = not_yet
            .into_iter()
            .map(|part| format!("{} {}", part.place.pointer, part.source));
        (value, told.collect())
    }

    #[test]
    fn what_is_known_is_put_in_and_what_is_not_is_marked() {
        let (value, not_yet) = rendered(&json!({
            "namespace": "${{ inputs.namespace }}",
            "words": ["plain", "--name=${{ steps.find.outputs.name }}"],
        }));
        assert_eq!(value["namespace"], "shop");
        let word = value["words"][1].as_str().unwrap();
        assert!(has_unknown(word));
        assert_eq!(
            readable_unknown(word),
            "--name=${{ steps.find.outputs.name }}"
        );
        assert_eq!(not_yet, ["/words/1 steps.find.outputs.name"]);
    }

    #[test]
    fn an_expression_that_uses_a_name_that_is_not_there_is_an_error_all_the_same() {
        let scope_fails = json!("${{ inputs.other }}");
        let (inputs, nothing) = (json!({}), json!({}));
        let scope = Scope {
            inputs: &inputs,
            values: &nothing,
            steps: &nothing,
            run: &nothing,
            secrets: Secrets::Allowed,
        };
        let partly = Partly {
            scope: &scope,
            is_known: &|_| true,
            stand_in: &|_| Value::Null,
        };
        assert!(partly.render(&scope_fails).is_err());
    }
}
