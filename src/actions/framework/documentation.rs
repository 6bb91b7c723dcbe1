//! Documentation of actions, made from their types.

use crate::{domain::span::Span, ports::executor::ActionSpec};
use serde_json::Value;
use std::fmt::Write as _;

/// Every action with its inputs and outputs, as Markdown.
pub fn markdown(specs: &[ActionSpec]) -> String {
    let mut page = String::from("# Actions\n\nMade from the types by `orderly schema actions`.\n");
    for spec in specs {
        let _infallible = write!(page, "\n## `{}`\n\n{}\n", spec.name, spec.summary);
        table(&mut page, "Input", &spec.inputs, true);
        table(&mut page, "Output", &spec.outputs, false);
    }
    page
}

fn table(page: &mut String, title: &str, schema: &Value, with_need: bool) {
    if schema.get("properties").is_none() {
        return;
    }
    let (head, line) = if with_need {
        (" Default |", "---|")
    } else {
        ("", "")
    };
    let _infallible = write!(page, "\n| {title} | Type |{head} |\n|---|---|{line}---|\n");
    rows(page, schema, "", with_need);
}

/// A row for each property, those of objects within under `outer.inner`.
fn rows(page: &mut String, schema: &Value, prefix: &str, with_need: bool) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return;
    };
    for (name, property) in properties {
        let need = if with_need {
            format!(" {} |", default_of(schema, name, property))
        } else {
            String::new()
        };
        let _infallible = writeln!(
            page,
            "| `{prefix}{name}` | {} |{need} {} |",
            type_of(property),
            cell(description(property))
        );
        rows(page, property, &format!("{prefix}{name}."), with_need);
        if let Some(items) = property.get("items") {
            rows(page, items, &format!("{prefix}{name}[]."), with_need);
        }
    }
}

fn default_of(schema: &Value, name: &str, property: &Value) -> String {
    let required = schema
        .get("required")
        .and_then(Value::as_array)
        .is_some_and(|names| names.iter().any(|required| required == name));
    match property.get("default") {
        _ if required => "required".to_owned(),
        None | Some(Value::Null) => String::new(),
        Some(default) => format!("`{}`", cell(&default.to_string())),
    }
}

fn description(property: &Value) -> &str {
    property
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// A type in a few words; what has parts is named by its form only, and its schema says the rest.
fn type_of(property: &Value) -> String {
    if let Some(value) = property.get("const") {
        return format!("`{}`", cell(&value.to_string()));
    }
    if let Some(choices) = property.get("enum").and_then(Value::as_array) {
        return alternatives(
            choices
                .iter()
                .filter(|choice| !choice.is_null())
                .map(|choice| format!("`{}`", cell(&choice.to_string()))),
        );
    }
    for key in ["oneOf", "anyOf"] {
        if let Some(choices) = property.get(key).and_then(Value::as_array) {
            return alternatives(choices.iter().map(type_of).filter(|name| name != "null"));
        }
    }
    match property.get("type") {
        Some(Value::String(name)) => named(name, property),
        Some(Value::Array(names)) => alternatives(
            names
                .iter()
                .filter_map(Value::as_str)
                .filter(|name| *name != "null")
                .map(|name| named(name, property)),
        ),
        _ => "any".to_owned(),
    }
}

fn named(name: &str, property: &Value) -> String {
    match (
        name,
        property.get("items"),
        property.get("additionalProperties"),
    ) {
        ("string", _, _) if property.get("pattern") == Some(&span_pattern()) => {
            "length of time".to_owned()
        }
        ("array", Some(items), _) => format!("list of {}", type_of(items)),
        ("object", _, Some(values @ Value::Object(_))) => format!("map of {}", type_of(values)),
        ("object", _, _) => "object".to_owned(),
        (name, _, _) => name.to_owned(),
    }
}

fn span_pattern() -> Value {
    let schema = schemars::SchemaGenerator::default().subschema_for::<Span>();
    schema.get("pattern").cloned().unwrap_or_default()
}

fn alternatives(names: impl Iterator<Item = String>) -> String {
    names.collect::<Vec<_>>().join(" or ")
}

fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::markdown;
    use crate::ports::executor::ActionSpec;
    use serde_json::json;

    #[test]
    fn a_page_shows_types_defaults_and_descriptions() {
        let spec = ActionSpec {
            name: "demo/act",
            summary: "Acts.",
            inputs: json!({
                "properties": {
                    "host": { "type": "string", "description": "Who\nis asked." },
                    "port": { "type": ["integer", "null"], "default": 443 },
                    "mode": { "oneOf": [{ "const": "a", "type": "string" }, { "const": "b|c" }] },
                    "names": { "type": "array", "items": { "type": "string" } },
                    "limits": { "type": "object", "properties": { "warning": {
                        "type": "string", "pattern": "^([0-9]+(ms|s|m|h|d|w))+$", "default": "5s"
                    } } },
                    "labels": { "type": "object", "additionalProperties": { "type": "string" } }
                },
                "required": ["host"]
            }),
            outputs: json!({ "properties": { "status": { "enum": ["ok", "bad"] } } }),
        };
        insta::assert_snapshot!(markdown(&[spec]), @r#"
        # Actions

        Made from the types by `orderly schema actions`.

        ## `demo/act`

        Acts.

        | Input | Type | Default | |
        |---|---|---|---|
        | `host` | string | required | Who is asked. |
        | `port` | integer | `443` |  |
        | `mode` | `"a"` or `"b\|c"` |  |  |
        | `names` | list of string |  |  |
        | `limits` | object |  |  |
        | `limits.warning` | length of time | `"5s"` |  |
        | `labels` | map of string |  |  |

        | Output | Type | |
        |---|---|---|
        | `status` | `"ok"` or `"bad"` |  |
        "#);
    }
}
