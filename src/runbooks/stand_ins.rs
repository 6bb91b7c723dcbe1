//! What arguments may become once their expressions are known: values that stand in for what an expression gives, so that what is wrong
//! whatever it gives is told before a run.
//!
//! An expression may give anything that its place takes, and nothing where that is optional. So several sets of arguments are made, for
//! each combination of optional ones two with other values. A secret alone is known already: the mark that stands for it until a step is
//! carried out.

use crate::domain::{
    expression::{has_expression, whole_secret},
    secret::marker,
};
use serde_json::{Map, Value, json};

/// Of more optional arguments that hold expressions, not every combination is tried.
const MOST_OPTIONAL: usize = 5;
/// Texts that stand in, those of one set in a line. The first one that a schema takes is used.
const TEXTS: [&[&str]; 2] = [
    &["stand-in-one", "71s", "71KiB", "https://one.example.org/"],
    &["stand-in-two", "3h", "3MiB", "https://two.example.org/"],
];

/// Sets of arguments without expressions, each made when it is asked for; nothing in the place of one that cannot be made. Two follow each
/// other that differ in values alone.
pub(super) fn filled<'a>(
    arguments: &'a Value,
    schema: &'a Value,
) -> impl Iterator<Item = Option<Value>> + 'a {
    let given = arguments.as_object();
    let given = move || given.into_iter().flatten();
    let optional: Vec<&str> = given()
        .filter(|(key, value)| is_whole(value) && takes_nothing(property(schema, key)))
        .map(|(key, _)| key.as_str())
        .collect();
    let is_known = arguments.is_object() && optional.len() <= MOST_OPTIONAL;
    let combinations = if is_known {
        1_usize << optional.len()
    } else {
        0
    };
    (0..combinations).flat_map(move |left_out| {
        let is_left_out = |key: &str| {
            let place = optional.iter().position(|name| *name == key);
            place.is_some_and(|place| left_out & (1 << place) != 0)
        };
        let kept: Vec<(&String, &Value)> = given().filter(|(key, _)| !is_left_out(key)).collect();
        (0..TEXTS.len()).map(move |which| {
            let fields = kept.iter().map(|(key, value)| {
                let filled = fill(value, property(schema, key), which)?;
                Some(((*key).clone(), filled))
            });
            fields
                .collect::<Option<Map<String, Value>>>()
                .map(Value::Object)
        })
    })
}

/// Whether all of it is one expression, so that it may give anything.
fn is_whole(value: &Value) -> bool {
    let text = value.as_str().map(str::trim).unwrap_or_default();
    text.starts_with("${{")
        && text.ends_with("}}")
        && text.matches("${{").count() == 1
        && whole_secret(text).is_none()
}

fn property<'s>(schema: &'s Value, key: &str) -> &'s Value {
    let named = schema
        .get("properties")
        .and_then(|properties| properties.get(key));
    named
        .or_else(|| schema.get("additionalProperties"))
        .unwrap_or(&Value::Null)
}

/// The schemas that a value may follow.
fn alternatives(schema: &Value) -> Vec<&Value> {
    let listed = ["anyOf", "oneOf"]
        .iter()
        .find_map(|key| schema.get(*key)?.as_array());
    match listed {
        Some(all) => all.iter().flat_map(alternatives).collect(),
        None => vec![schema],
    }
}

fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        Some(one) => one.as_str().into_iter().collect(),
        None => Vec::new(),
    }
}

fn takes_nothing(schema: &Value) -> bool {
    let mut all = alternatives(schema).into_iter();
    all.any(|one| {
        types(one).contains(&"null") || types(one).is_empty() && one.get("const").is_none()
    })
}

/// The same value without expressions.
fn fill(value: &Value, schema: &Value, which: usize) -> Option<Value> {
    match value {
        Value::String(text) if !has_expression(text) => Some(value.clone()),
        Value::String(_) if is_whole(value) => example(schema, which),
        Value::String(text) => replaced(text, which).map(Value::String),
        Value::Array(items) => {
            let of = alternatives(schema)
                .into_iter()
                .find_map(|one| one.get("items"));
            let items = items.iter();
            let items: Option<Vec<Value>> = items
                .map(|item| fill(item, of.unwrap_or(&Value::Null), which))
                .collect();
            items.map(Value::Array)
        }
        Value::Object(fields) => {
            let all = alternatives(schema);
            let of = |key: &str| {
                let mut found = all.iter().map(|one| property(one, key));
                found.find(|one| !one.is_null()).unwrap_or(&Value::Null)
            };
            let fields = fields.iter().map(|(key, value)| {
                let is_plain = !has_expression(key);
                let filled = fill(value, of(key), which).filter(|_| is_plain)?;
                Some((key.clone(), filled))
            });
            fields
                .collect::<Option<Map<String, Value>>>()
                .map(Value::Object)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Some(value.clone()),
    }
}

/// A text with a word in the place of each expression.
fn replaced(text: &str, which: usize) -> Option<String> {
    let word = TEXTS.get(which)?.first()?;
    let mut whole = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${{") {
        let (source, behind) = after.split_once("}}")?;
        let secret = whole_secret(&format!("${{{{{source}}}}}"));
        whole.push_str(before);
        match secret {
            Some(name) => whole.push_str(&marker(&name)),
            None => whole.push_str(word),
        }
        rest = behind;
    }
    whole.push_str(rest);
    Some(whole)
}

/// A value that the schema takes.
fn example(schema: &Value, which: usize) -> Option<Value> {
    let all = alternatives(schema);
    let all: Vec<&&Value> = all.iter().filter(|one| types(one) != ["null"]).collect();
    let one = if which == 0 { all.first() } else { all.last() };
    let one = **one?;
    if let Some(value) = one.get("const") {
        return Some(value.clone());
    }
    if let Some(options) = one.get("enum").and_then(Value::as_array) {
        let mut options = options.iter().filter(|option| !option.is_null());
        let option = if which == 0 {
            options.next()
        } else {
            options.next_back()
        };
        return option.cloned();
    }
    match types(one).into_iter().find(|kind| *kind != "null") {
        Some("boolean") => Some(json!(which == 0)),
        Some("integer" | "number") => {
            let (bound, usual) = if which == 0 {
                ("minimum", 1)
            } else {
                ("maximum", 7919)
            };
            Some(one.get(bound).cloned().unwrap_or(json!(usual)))
        }
        Some("array") if which == 0 => {
            let item = example(one.get("items").unwrap_or(&Value::Null), which)?;
            Some(json!([item]))
        }
        Some("array") => Some(json!([])),
        Some("object") => object(one, which),
        Some("string") => text(one, which),
        _ => text(&Value::Null, which),
    }
}

fn object(schema: &Value, which: usize) -> Option<Value> {
    let required = schema.get("required").and_then(Value::as_array);
    let required = required.into_iter().flatten().filter_map(Value::as_str);
    let fields = required.map(|key| Some((key.to_owned(), example(property(schema, key), which)?)));
    fields
        .collect::<Option<Map<String, Value>>>()
        .map(Value::Object)
}

fn text(schema: &Value, which: usize) -> Option<Value> {
    let texts = TEXTS.get(which)?.iter().map(|text| json!(text));
    match schema.get("pattern").and_then(Value::as_str) {
        None => texts.into_iter().next(),
        Some(pattern) => {
            let pattern = regex::Regex::new(pattern).ok()?;
            texts
                .into_iter()
                .find(|text| pattern.is_match(text.as_str().unwrap_or_default()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{filled, marker};
    use crate::domain::name::SecretName;
    use serde_json::{Value, json};

    fn schema() -> Value {
        json!({ "properties": {
            "name": { "type": "string" },
            "wait": { "anyOf": [{ "type": "string", "pattern": "^[0-9]+[smh]$" }, { "type": "null" }] },
            "count": { "type": "integer", "maximum": 9 },
            "all": { "type": "array", "items": { "type": "string" } }
        } })
    }

    fn sets(arguments: &Value) -> Vec<Option<Value>> {
        filled(arguments, &schema()).collect()
    }

    #[test]
    fn expressions_become_values_that_their_places_take() {
        let arguments = json!({ "name": "web-${{ inputs.a }}", "count": "${{ inputs.b }}", "all": "${{ inputs.c }}" });
        assert_eq!(
            sets(&arguments),
            [
                Some(json!({ "name": "web-stand-in-one", "count": 1, "all": ["stand-in-one"] })),
                Some(json!({ "name": "web-stand-in-two", "count": 9, "all": [] }))
            ]
        );
    }

    #[test]
    fn a_secret_is_what_it_is_when_a_step_is_planned() {
        let db = marker(&SecretName::new("db").unwrap());
        let arguments =
            json!({ "wait": r#"${{ secret("db") }}"#, "name": r#"x-${{ secret("db") }}"# });
        let set = Some(json!({ "wait": db, "name": format!("x-{db}") }));
        assert_eq!(sets(&arguments), [set.clone(), set]);
    }

    #[test]
    fn what_is_optional_may_be_left_out() {
        let some = |value| Some(value);
        assert_eq!(
            sets(&json!({ "wait": "${{ inputs.wait }}" })),
            [
                json!({ "wait": "71s" }),
                json!({ "wait": "3h" }),
                json!({}),
                json!({})
            ]
            .map(some)
        );
    }

    #[test]
    fn what_cannot_be_told_is_not_guessed() {
        let keys = json!({ "name": { "${{ inputs.a }}": 1 } });
        assert_eq!(sets(&keys), [None, None]);
    }
}
