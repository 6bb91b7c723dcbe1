//! Inputs as given → inputs complete and checked.

use crate::domain::{
    runbook::{Input, InputKind},
    secret,
    span::Span,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// Every declared input with its given or default value. Text is read as the declared type, because people type text.
///
/// # Errors
/// All problems at once, in words for people.
pub fn complete(
    declared: &[Input],
    given: &BTreeMap<String, Value>,
) -> Result<BTreeMap<String, Value>, String> {
    let (mut problems, mut unknown) = (Vec::new(), false);
    let mut complete = BTreeMap::new();
    for name in given.keys() {
        if !declared.iter().any(|input| input.name.as_str() == name) {
            unknown = true;
            problems.push(format!("there is no input `{name}`"));
        }
    }
    for input in declared {
        match value(input, given.get(input.name.as_str())) {
            Ok(Some(value)) => {
                complete.insert(input.name.to_string(), value);
            }
            Ok(None) => {}
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        return Ok(complete);
    }
    let hint = if unknown {
        format!("\nhint: {}", taken(declared))
    } else {
        String::new()
    };
    Err(format!("{}{hint}", problems.join("\n")))
}

fn taken(declared: &[Input]) -> String {
    let known: Vec<&str> = declared.iter().map(|input| input.name.as_str()).collect();
    match known.as_slice() {
        [] => "it takes no inputs".to_owned(),
        known => format!("it takes {}", known.join(", ")),
    }
}

fn value(input: &Input, given: Option<&Value>) -> Result<Option<Value>, String> {
    let Some(given) = given.or(input.default.as_ref()) else {
        let missing = format!("the input `{}` is required", input.name);
        return if input.required {
            Err(missing)
        } else {
            Ok(None)
        };
    };
    let value = typed(input.kind, given).ok_or_else(|| {
        format!(
            "the input `{}` must be {}, not {given}",
            input.name,
            kind_words(input.kind)
        )
    })?;
    check(input, &value)?;
    Ok(Some(value))
}

/// The value as the declared type, if it can be read as such.
pub fn typed(kind: InputKind, value: &Value) -> Option<Value> {
    let text = value.as_str();
    match kind {
        InputKind::String => text.map(Into::into),
        InputKind::Boolean => value
            .as_bool()
            .or_else(|| text?.parse().ok())
            .map(Into::into),
        InputKind::Integer => value
            .as_i64()
            .or_else(|| text?.parse().ok())
            .map(Into::into),
        InputKind::Number => value
            .as_f64()
            .or_else(|| text?.parse().ok())
            .filter(|number: &f64| number.is_finite())
            .map(Into::into),
        InputKind::Duration => text?
            .parse::<Span>()
            .ok()
            .map(|span| span.to_string().into()),
    }
}

fn kind_words(kind: InputKind) -> &'static str {
    match kind {
        InputKind::String => "text",
        InputKind::Boolean => "true or false",
        InputKind::Integer => "a whole number",
        InputKind::Number => "a number",
        InputKind::Duration => "a length of time such as `90s`",
    }
}

fn check(input: &Input, value: &Value) -> Result<(), String> {
    let name = &input.name;
    if value.as_str().is_some_and(secret::is_marked) {
        return Err(format!(
            "the input `{name}` contains characters that are reserved"
        ));
    }
    if !input.choices.is_empty() && !input.choices.contains(value) {
        let choices: Vec<String> = input.choices.iter().map(ToString::to_string).collect();
        return Err(format!(
            "the input `{name}` must be one of {}, not {value}",
            choices.join(", ")
        ));
    }
    let (Some(pattern), Some(text)) = (&input.pattern, value.as_str()) else {
        return Ok(());
    };
    let whole = regex::Regex::new(&format!("^(?:{pattern})$"));
    let whole = whole
        .map_err(|error| format!("the pattern of the input `{name}` cannot be read: {error}"))?;
    if whole.is_match(text) {
        Ok(())
    } else {
        Err(format!(
            "the input `{name}` must match `{pattern}`, not {value}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::complete;
    use crate::domain::{
        name::InputName,
        runbook::{Input, InputKind},
    };
    use serde_json::{Value, json};
    use std::collections::BTreeMap;

    fn input(name: &str, kind: InputKind) -> Input {
        Input {
            name: InputName::new(name).unwrap(),
            kind,
            description: "".into(),
            required: false,
            default: None,
            pattern: None,
            choices: Box::default(),
        }
    }

    fn given(pairs: &[(&str, Value)]) -> BTreeMap<String, Value> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect()
    }

    #[test]
    fn text_is_read_as_the_declared_type() {
        let declared = [
            input("n", InputKind::Integer),
            input("b", InputKind::Boolean),
            input("d", InputKind::Duration),
        ];
        let complete = complete(
            &declared,
            &given(&[("n", json!("5")), ("b", json!("true")), ("d", json!("90s"))]),
        )
        .unwrap();
        assert_eq!(
            complete,
            given(&[("n", json!(5)), ("b", json!(true)), ("d", json!("1m30s"))])
        );
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let mut key = input("key", InputKind::String);
        key.pattern = Some("[A-Z_]+".into());
        let mut needed = input("needed", InputKind::String);
        needed.required = true;
        let problems = complete(
            &[key, needed],
            &given(&[("key", json!("x")), ("kye", json!("X"))]),
        )
        .unwrap_err();
        assert!(problems.contains("no input `kye`"), "{problems}");
        assert!(problems.contains("must match `[A-Z_]+`"), "{problems}");
        assert!(problems.contains("`needed` is required"), "{problems}");
        assert!(
            problems.ends_with("\nhint: it takes key, needed"),
            "{problems}"
        );
    }

    #[test]
    fn a_pattern_is_for_the_whole_text() {
        let mut key = input("key", InputKind::String);
        key.pattern = Some("[A-Z]+|b".into());
        assert!(
            complete(
                std::slice::from_ref(&key),
                &given(&[("key", json!("AB\nc"))])
            )
            .is_err()
        );
        assert!(complete(&[key], &given(&[("key", json!("AB"))])).is_ok());
    }
}
