//! The settings as a list, read from the schema of [`Config`]: names, variables, defaults, descriptions.

use crate::config::model::Config;
use serde_json::Value;

/// One setting that holds a single value.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// As in the file, dots between levels: `source.url`.
    pub path: String,
    /// The environment variable: `ORDERLY_SOURCE_URL`.
    pub variable: String,
    /// Its default; null where there is none.
    pub default: Value,
    /// What it is for.
    pub description: String,
    /// Whether it is a single value that a variable or a flag can set; maps and lists are set in the file.
    pub scalar: bool,
}

/// Every setting, in the order of the types.
pub fn settings() -> Vec<Setting> {
    let mut generator = schemars::generate::SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator();
    let schema = generator.root_schema_for::<Config>();
    let defaults = serde_json::to_value(Config::default()).unwrap_or_default();
    let mut found = Vec::new();
    walk(schema.as_value(), &defaults, "", &mut found);
    found
}

fn walk(schema: &Value, default: &Value, path: &str, found: &mut Vec<Setting>) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return;
    };
    for (name, property) in properties {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        let default = default.get(name).cloned().unwrap_or_default();
        if property.get("properties").is_some() {
            walk(property, &default, &path, found);
            continue;
        }
        let scalar = !matches!(default, Value::Array(_) | Value::Object(_));
        let description = property
            .get("description")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let variable = variable(&path);
        found.push(Setting {
            path,
            variable,
            default,
            description: description.replace('\n', " "),
            scalar,
        });
    }
}

/// `source.knownHosts` → `ORDERLY_SOURCE_KNOWN_HOSTS`.
fn variable(path: &str) -> String {
    let mut name = String::from("ORDERLY_");
    for c in path.chars() {
        match c {
            '.' => name.push('_'),
            c if c.is_ascii_uppercase() => {
                name.push('_');
                name.push(c);
            }
            c => name.push(c.to_ascii_uppercase()),
        }
    }
    name
}

/// The README's table.
pub fn markdown_table() -> String {
    let mut table =
        String::from("| setting | variable | default | what it is for |\n|---|---|---|---|\n");
    for setting in settings() {
        let variable = if setting.scalar {
            format!("`{}`", setting.variable)
        } else {
            String::new()
        };
        let default = match &setting.default {
            Value::Null => String::new(),
            Value::Array(items) if items.is_empty() => String::new(),
            Value::Object(map) if map.is_empty() => String::new(),
            Value::String(text) => format!("`{text}`"),
            other => format!("`{other}`"),
        };
        let line = [
            format!("`{}`", setting.path),
            variable,
            default.replace('|', "\\|"),
            setting.description,
        ];
        table.push_str(&format!("| {} |\n", line.join(" | ")));
    }
    table
}
