//! What a schema's refusal is in words.

use crate::{domain::expression::has_expression, runbooks::problems::nearest};
use jsonschema::{
    JsonType, ValidationError,
    error::{TypeKind, ValidationErrorKind},
    paths::LocationSegment,
};
use serde_json::Value;

/// What is wrong, and a hint.
type Words = (String, Option<String>);

/// Says one error about a single value. `schema` is what the failed keyword stands in.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other kinds are said in the validator's own words"
)]
pub(super) fn describe(error: &ValidationError<'_>, schema: &Value) -> Words {
    let instance = error.instance();
    let plain = |end: String| (format!("{} {end}", subject(error)), None);
    match error.kind() {
        ValidationErrorKind::Type { kind } => wrong_type(error, kind, schema),
        ValidationErrorKind::Enum { options } => {
            let options: Vec<_> = options.as_array().into_iter().flatten().cloned().collect();
            not_among(instance, &options)
        }
        ValidationErrorKind::Constant { expected_value } => {
            not_among(instance, std::slice::from_ref(expected_value))
        }
        ValidationErrorKind::Pattern { .. } => {
            broken_rule(instance.as_str().unwrap_or_default(), schema)
        }
        ValidationErrorKind::MaxLength { limit } => {
            plain(format!("is longer than {limit} characters"))
        }
        ValidationErrorKind::MinLength { limit } => {
            plain(format!("is shorter than {limit} characters"))
        }
        ValidationErrorKind::Minimum { limit } => plain(format!("must be at least {limit}")),
        ValidationErrorKind::Maximum { limit } => plain(format!("must be at most {limit}")),
        ValidationErrorKind::ExclusiveMinimum { limit } => {
            plain(format!("must be more than {limit}"))
        }
        ValidationErrorKind::ExclusiveMaximum { limit } => {
            plain(format!("must be less than {limit}"))
        }
        ValidationErrorKind::UniqueItems => plain("holds the same thing twice".to_owned()),
        ValidationErrorKind::MinItems { limit } => plain(format!("needs at least {limit} items")),
        ValidationErrorKind::MaxItems { limit } => plain(format!("takes at most {limit} items")),
        ValidationErrorKind::MinProperties { limit } => {
            plain(format!("needs at least {limit} keys"))
        }
        _ => plain(format!("does not fit: {error}")),
    }
}

fn wrong_type(error: &ValidationError<'_>, kind: &TypeKind, schema: &Value) -> Words {
    let instance = error.instance();
    let wanted = wanted_type(kind);
    let what = format!(
        "{} must be {wanted}, not {}",
        subject(error),
        type_word(instance)
    );
    let scalar = instance.is_number() || instance.is_boolean();
    let hint = (wanted.contains("text") && scalar).then(|| {
        rule_in_words(schema).map_or_else(
            || "put it in quotes".to_owned(),
            |(_, hint)| hint.to_owned(),
        )
    });
    let bare = (wanted == "true or false").then(|| bare_expression(instance));
    (
        what,
        hint.or(bare.flatten()).or_else(|| shape(error, schema)),
    )
}

/// To somebody who wrote an expression as they would in `when`.
fn bare_expression(value: &Value) -> Option<String> {
    let text = value.as_str()?.trim();
    let compares = ["<", ">", "==", "!=", "&&", "||", " in ", " and ", " or "];
    let is_one = !has_expression(text) && compares.iter().any(|sign| text.contains(sign));
    let is_short = is_one && text.len() <= 80 && !text.contains('\n');
    is_short.then(|| format!("an expression stands in `${{{{ }}}}` here: `${{{{ {text} }}}}`"))
}

/// How a mapping is written, to somebody who wrote a single value: with its one required key, where that takes the value.
fn shape(error: &ValidationError<'_>, schema: &Value) -> Option<String> {
    let properties = schema.get("properties")?.as_object()?;
    let required = schema.get("required").and_then(Value::as_array);
    let written = error.instance().as_str().filter(|text| is_word(text));
    let one = required
        .and_then(|keys| keys.as_slice().first().filter(|_| keys.len() == 1))
        .and_then(Value::as_str)
        .filter(|key| properties.get(*key).is_some_and(takes_text));
    if let (Some(key), Some(text)) = (one, written) {
        let name = subject(error).replace('`', "");
        return Some(format!("write `{name}: {{ {key}: {text} }}`"));
    }
    let keys: Vec<&str> = properties.keys().map(String::as_str).collect();
    Some(format!("its keys are {}", keys.join(", ")))
}

fn takes_text(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("string")
}

/// Whether YAML reads it as a text without quotes, and a person reads it as a name.
fn is_word(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    text.len() <= 63
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(is_plain)
}

/// The words that a schema has for its pattern: what the text is not, and what to do.
fn rule_in_words(schema: &Value) -> Option<(&str, &str)> {
    let words = schema.get("patternErrorMessage")?.as_str()?;
    words.split_once(": ")
}

fn broken_rule(text: &str, schema: &Value) -> Words {
    let shown: String = text.chars().take(80).collect();
    let what = rule_in_words(schema).filter(|_| has_expression(text));
    if let Some((what, _)) = what {
        let hint = "expressions stand only in `with` and `when`";
        return (format!("`{shown}` is {what}"), Some(hint.to_owned()));
    }
    if let Some((what, hint)) = rule_in_words(schema) {
        return (format!("`{shown}` is {what}"), Some(hint.to_owned()));
    }
    let pattern = schema.get("pattern").and_then(Value::as_str);
    let pattern = pattern.unwrap_or("the pattern");
    (format!("`{shown}` does not match `{pattern}`"), None)
}

/// Says that a value is none of these.
pub(super) fn not_among(value: &Value, options: &[Value]) -> Words {
    let plain = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            value.to_string()
        }
    };
    let options = options.iter().filter(|option| !option.is_null());
    let options: Vec<String> = options.map(plain).collect();
    let shown: String = plain(value).chars().take(80).collect();
    let what = format!("`{shown}` is not one of {}", options.join(", "));
    let hint = nearest(&shown, options.iter().map(String::as_str));
    (what, hint.map(|name| format!("did you mean `{name}`?")))
}

/// The name of what is wrong: its key, or its number in a list.
fn subject(error: &ValidationError<'_>) -> String {
    let mut index = None;
    let segments: Vec<_> = error.instance_path().segments().collect();
    for segment in segments.iter().rev() {
        match segment {
            LocationSegment::Property(key) => {
                return index.map_or_else(
                    || format!("`{key}`"),
                    |index| format!("item {index} of `{key}`"),
                );
            }
            LocationSegment::Index(number) => index = index.or(Some(number + 1)),
        }
    }
    "this".to_owned()
}

fn wanted_type(kind: &TypeKind) -> String {
    let types: Vec<JsonType> = match kind {
        TypeKind::Single(one) => vec![*one],
        TypeKind::Multiple(set) => set.iter().collect(),
    };
    let words: Vec<_> = types.into_iter().filter_map(wanted_word).collect();
    if words.is_empty() {
        "empty".to_owned()
    } else {
        words.join(" or ")
    }
}

fn wanted_word(kind: JsonType) -> Option<&'static str> {
    match kind {
        JsonType::Null => None,
        JsonType::Array => Some("a list"),
        JsonType::Boolean => Some("true or false"),
        JsonType::Integer => Some("a whole number"),
        JsonType::Number => Some("a number"),
        JsonType::Object => Some("a mapping"),
        JsonType::String => Some("text"),
    }
}

fn type_word(value: &Value) -> &'static str {
    match value {
        Value::Null => "empty",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}
