//! What a runbook is told: whether values fit the inputs that it declares.

use crate::{
    domain::{
        runbook::{Input, InputKind, Runbook},
        secret,
        span::Span,
    },
    runbooks::{
        compose::{compose, decode, forbidden},
        problems::{Fault, hint_among},
        schema::Shape,
        tree::Content,
    },
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A run's inputs, complete: what was given, checked, and defaults for the rest. An input that is neither given nor has a default
/// is null.
///
/// # Errors
/// Everything that does not fit, in words for people.
pub fn complete_inputs(
    runbook: &Runbook,
    mut given: BTreeMap<String, Value>,
) -> Result<BTreeMap<String, Value>, Vec<String>> {
    let mut wrong = Vec::new();
    let mut complete = BTreeMap::new();
    let names: Vec<&str> = runbook
        .inputs
        .iter()
        .map(|input| input.name.as_str())
        .collect();
    for name in given.keys().filter(|name| !names.contains(&name.as_str())) {
        let hint = hint_among(name, names.iter().copied());
        let hint = hint.unwrap_or_else(|| "it takes none".to_owned());
        wrong.push(format!("{} has no input `{name}`; {hint}", runbook.name));
    }
    for input in &runbook.inputs {
        let value = given
            .remove(input.name.as_str())
            .or_else(|| input.default.clone());
        match value {
            Some(value) => {
                wrong.extend(
                    misfit(input, &value).map(|why| format!("input `{}` {why}", input.name)),
                );
                complete.insert(input.name.to_string(), value);
            }
            None if input.required => wrong.push(format!("input `{}` is required", input.name)),
            None => {
                complete.insert(input.name.to_string(), Value::Null);
            }
        }
    }
    if wrong.is_empty() {
        Ok(complete)
    } else {
        Err(wrong)
    }
}

/// Reads a file of inputs: one YAML document (JSON is one too) that is a mapping.
///
/// # Errors
/// It is not such a document.
pub fn inputs_from_file(bytes: &[u8]) -> Result<BTreeMap<String, Value>, String> {
    let told = |fault: &Fault| {
        format!(
            "{}:{}: {}",
            fault.place.line, fault.place.column, fault.what
        )
    };
    let text = decode(bytes).map_err(|(fault, _)| told(&fault))?;
    if let Some(fault) = forbidden(text).first() {
        return Err(told(fault));
    }
    let documents = compose(text);
    let document = match documents.as_slice() {
        [] => return Ok(BTreeMap::new()),
        [one] => one,
        [_, second, ..] => {
            let line = second.root.place.line;
            return Err(format!("{line}:1: only one document is wanted"));
        }
    };
    if let Some(fault) = document.faults.first() {
        return Err(told(fault));
    }
    if !matches!(document.root.content, Content::Mapping(_) | Content::Null) {
        return Err("1:1: a mapping of inputs is wanted, as in `key: value`".to_owned());
    }
    let entries = document.root.entries().iter();
    Ok(entries
        .map(|entry| (entry.key.to_string(), entry.value.json()))
        .collect())
}

/// Reads an input from text, as it comes from a command line.
///
/// # Errors
/// The text is not of the input's type.
pub fn input_from_text(input: &Input, text: &str) -> Result<Value, String> {
    let value = match input.kind {
        InputKind::String | InputKind::Duration => json!(text),
        InputKind::Integer | InputKind::Number | InputKind::Boolean => serde_json::from_str(text)
            .ok()
            .filter(|value: &Value| !value.is_string())
            .ok_or_else(|| {
                format!(
                    "input `{}` must be {}, not `{text}`",
                    input.name,
                    word(input.kind)
                )
            })?,
    };
    match misfit(input, &value) {
        None => Ok(value),
        Some(why) => Err(format!("input `{}` {why}", input.name)),
    }
}

/// Why a value is not one for this input, as the end of a sentence that begins with the input.
pub(super) fn misfit(input: &Input, value: &Value) -> Option<String> {
    if !is_of_kind(input.kind, value) {
        return Some(format!("must be {}, not `{value}`", word(input.kind)));
    }
    if value.as_str().is_some_and(secret::is_marked) {
        return Some("contains characters that are reserved for secrets".to_owned());
    }
    if !input.choices.is_empty() && !input.choices.contains(value) {
        let choices: Vec<_> = input.choices.iter().map(Value::to_string).collect();
        return Some(format!(
            "must be one of {}, not `{value}`",
            choices.join(", ")
        ));
    }
    let pattern = input.pattern.as_deref()?;
    let fits = pattern_shape(pattern).is_some_and(|shape| shape.fits(value));
    (!fits).then(|| format!("must match `{pattern}`, not be `{value}`"))
}

/// Checks whole texts by a regular expression; nothing where it is none. Matching takes time linear in the text.
pub(super) fn pattern_shape(pattern: &str) -> Option<Shape> {
    let shape = Shape::new(json!({"type": "string", "pattern": format!("^(?:{pattern})$")}));
    shape.is_compiled().then_some(shape)
}

fn is_of_kind(kind: InputKind, value: &Value) -> bool {
    match kind {
        InputKind::String => value.is_string(),
        InputKind::Integer => value.is_i64() || value.is_u64(),
        InputKind::Number => value.is_number(),
        InputKind::Boolean => value.is_boolean(),
        InputKind::Duration => value
            .as_str()
            .is_some_and(|text| text.parse::<Span>().is_ok()),
    }
}

/// The kind, as a person would say it.
fn word(kind: InputKind) -> &'static str {
    match kind {
        InputKind::String => "text",
        InputKind::Integer => "a whole number",
        InputKind::Number => "a number",
        InputKind::Boolean => "true or false",
        InputKind::Duration => "a length of time, as in `90s` or `1h30m`",
    }
}

#[cfg(test)]
mod tests {
    use super::{complete_inputs, input_from_text};
    use crate::domain::{
        name::{InputName, RunbookName},
        runbook::{Input, InputKind, Overlap, Runbook},
        span::Span,
    };
    use serde_json::{Value, json};

    fn input(name: &str, kind: InputKind) -> Input {
        Input {
            name: InputName::new(name).unwrap(),
            kind,
            description: "".into(),
            required: false,
            default: None,
            pattern: None,
            choices: [].into(),
        }
    }

    fn runbook() -> Runbook {
        let key = Input {
            required: true,
            pattern: Some("[A-Z]+|x".into()),
            ..input("key", InputKind::String)
        };
        let count = Input {
            default: Some(json!(2)),
            choices: [json!(1), json!(2)].into(),
            ..input("count", InputKind::Integer)
        };
        Runbook {
            name: RunbookName::new("r").unwrap(),
            labels: [].into(),
            description: "".into(),
            owner: "".into(),
            environments: [].into(),
            triggers: [].into(),
            inputs: [key, count, input("wait", InputKind::Duration)].into(),
            overlap: Overlap::Forbid,
            locks: [].into(),
            windows: [].into(),
            deadline: Span::from_secs(1),
            autonomy: None,
            steps: [].into(),
            rollback: [].into(),
            finally: [].into(),
        }
    }

    fn completed(given: Value) -> Result<Value, String> {
        let given = serde_json::from_value(given).unwrap();
        complete_inputs(&runbook(), given)
            .map(|complete| json!(complete))
            .map_err(|wrong| wrong.join("; "))
    }

    #[test]
    fn inputs_are_completed_with_defaults() {
        let complete = completed(json!({"key": "AB"})).unwrap();
        assert_eq!(complete, json!({"key": "AB", "count": 2, "wait": null}));
    }

    #[test]
    fn everything_that_does_not_fit_is_told() {
        for (given, wanted) in [
            (json!({}), "input `key` is required"),
            (
                json!({"key": "ABc"}),
                "input `key` must match `[A-Z]+|x`, not be `\"ABc\"`",
            ),
            (
                json!({"key": "A\n"}),
                "input `key` must match `[A-Z]+|x`, not be `\"A\\n\"`",
            ),
            (
                json!({"key": 1, "kount": 1}),
                "r has no input `kount`; did you mean `count`?; input `key` must be text, not `1`",
            ),
            (
                json!({"key": "A", "count": 3}),
                "input `count` must be one of 1, 2, not `3`",
            ),
            (
                json!({"key": "A", "wait": "soon"}),
                "input `wait` must be a length of time, as in `90s` or `1h30m`, not `\"soon\"`",
            ),
        ] {
            assert_eq!(completed(given).unwrap_err(), wanted);
        }
    }

    #[test]
    fn a_reserved_character_is_no_input() {
        let evil = Input {
            pattern: None,
            ..input("free", InputKind::String)
        };
        assert!(input_from_text(&evil, "\u{F0000}secret:db\u{F0001}").is_err());
    }

    #[test]
    fn text_from_a_command_line_becomes_the_wanted_type() {
        let read = |kind, text| input_from_text(&input("a", kind), text);
        assert_eq!(read(InputKind::Integer, "5"), Ok(json!(5)));
        assert_eq!(read(InputKind::String, "5"), Ok(json!("5")));
        assert_eq!(read(InputKind::Boolean, "true"), Ok(json!(true)));
        assert_eq!(read(InputKind::Number, "1.5"), Ok(json!(1.5)));
        assert_eq!(read(InputKind::Duration, "5m"), Ok(json!("5m")));
        for (kind, text) in [
            (InputKind::Integer, "1.5"),
            (InputKind::Integer, "x"),
            (InputKind::Boolean, "yes"),
            (InputKind::Number, "\"1\""),
            (InputKind::Duration, "5"),
        ] {
            assert!(read(kind, text).is_err(), "{text}");
        }
    }
}
