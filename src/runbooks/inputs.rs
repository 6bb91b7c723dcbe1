//! The values of inputs, as they are written: in a runbook, in a file of inputs, on a command line.
//!
//! What a run is given is completed and checked by [`crate::domain::inputs`].

use crate::{
    domain::{
        runbook::{Input, InputKind},
        secret,
        span::Span,
    },
    runbooks::{
        compose::{compose, decode},
        problems::Fault,
        tree::Content,
    },
};
use regex::{Regex, RegexBuilder};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The largest compiled pattern, in bytes.
const LARGEST_PATTERN: usize = 1 << 18;

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
    let decoded = decode(bytes);
    if let Some(fault) = decoded.faults.first() {
        return Err(told(fault));
    }
    let documents = compose(&decoded.text);
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
    let text = value.as_str()?;
    let fits = whole(pattern).is_some_and(|whole| whole.is_match(text));
    (!fits).then(|| format!("must match `{pattern}`, not be `{value}`"))
}

/// Checks whole texts by a regular expression; nothing where it is none, or too large. Matching takes time linear in the text.
pub(super) fn whole(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(&format!("^(?:{pattern})$"))
        .size_limit(LARGEST_PATTERN)
        .build()
        .ok()
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
pub(super) fn word(kind: InputKind) -> &'static str {
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
    use super::{input_from_text, inputs_from_file, misfit};
    use crate::domain::{
        name::InputName,
        runbook::{Input, InputKind},
    };
    use serde_json::json;

    fn input(kind: InputKind) -> Input {
        Input {
            name: InputName::new("a").unwrap(),
            kind,
            description: "".into(),
            required: false,
            default: None,
            pattern: None,
            choices: [].into(),
        }
    }

    #[test]
    fn a_value_is_of_the_declared_kind() {
        for (kind, good, bad) in [
            (InputKind::String, json!("5"), json!(5)),
            (InputKind::Integer, json!(5), json!("5")),
            (InputKind::Integer, json!(-5), json!(1.5)),
            (InputKind::Number, json!(1.5), json!("1.5")),
            (InputKind::Boolean, json!(true), json!("true")),
            (InputKind::Duration, json!("5m"), json!("5")),
        ] {
            assert_eq!(misfit(&input(kind), &good), None);
            assert!(misfit(&input(kind), &bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn a_pattern_matches_the_whole_text() {
        let key = Input {
            pattern: Some("[A-Z]+|x".into()),
            ..input(InputKind::String)
        };
        for (text, fits) in [
            ("AB", true),
            ("x", true),
            ("ABc", false),
            ("A\n", false),
            ("", false),
        ] {
            assert_eq!(misfit(&key, &json!(text)).is_none(), fits, "{text:?}");
        }
    }

    #[test]
    fn a_choice_is_one_of_those_listed() {
        let count = Input {
            choices: [json!(1), json!(2)].into(),
            ..input(InputKind::Integer)
        };
        assert_eq!(misfit(&count, &json!(2)), None);
        assert_eq!(
            misfit(&count, &json!(3)).as_deref(),
            Some("must be one of 1, 2, not `3`")
        );
    }

    #[test]
    fn a_reserved_character_is_no_value() {
        let text = json!("\u{F0000}secret:db\u{F0001}");
        assert!(misfit(&input(InputKind::String), &text).is_some());
    }

    #[test]
    fn text_from_a_command_line_becomes_the_wanted_type() {
        let read = |kind, text| input_from_text(&input(kind), text);
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

    #[test]
    fn a_file_of_inputs_is_one_mapping() {
        let read = inputs_from_file(b"key: A\ncount: 2\n").unwrap();
        assert_eq!(json!(read), json!({"key": "A", "count": 2}));
        assert!(inputs_from_file(b"").unwrap().is_empty());
        for bad in ["- a\n", "a: no\n", "a: 1\n---\nb: 2\n", "a: [\n", "a: \0\n"] {
            assert!(inputs_from_file(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
