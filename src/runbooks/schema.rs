//! JSON Schema (draft 2020-12) of the format, made from the types that read it.

use crate::{
    ports::executor::ActionCatalogue,
    runbooks::raw::{CalendarFile, EnvironmentFile, PolicyFile, RunbookFile},
};
use jsonschema::{Draft, PatternOptions, Validator};
use schemars::{JsonSchema, Schema, generate::SchemaSettings, transform::RecursiveTransform};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Runbook,
    Environment,
    Calendar,
    Policy,
}

/// A schema and what checks by it.
pub(super) struct Shape {
    pub(super) schema: Value,
    validator: Option<Validator>,
}

impl Shape {
    /// Compiles a schema. One that cannot be compiled finds nothing wrong: the types that it was made from still do.
    pub(super) fn new(schema: Value) -> Self {
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_pattern_options(PatternOptions::regex())
            .build(&schema)
            .ok();
        Self { schema, validator }
    }

    /// Whether a value fits.
    pub(super) fn fits(&self, value: &Value) -> bool {
        self.validator
            .as_ref()
            .is_none_or(|validator| validator.is_valid(value))
    }

    /// What does not fit.
    pub(super) fn errors<'v>(
        &'v self,
        value: &'v Value,
    ) -> impl Iterator<Item = jsonschema::ValidationError<'v>> {
        self.validator
            .iter()
            .flat_map(|validator| validator.iter_errors(value))
    }
}

static SHAPES: LazyLock<[Shape; 4]> =
    LazyLock::new(|| Kind::ALL.map(|kind| Shape::new(kind.schema())));

impl Kind {
    /// All of them.
    pub(super) const ALL: [Self; 4] = [
        Self::Runbook,
        Self::Environment,
        Self::Calendar,
        Self::Policy,
    ];

    /// As it is written.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Runbook => "Runbook",
            Self::Environment => "Environment",
            Self::Calendar => "Calendar",
            Self::Policy => "Policy",
        }
    }

    /// Its schema, compiled once.
    pub(super) fn shape(self) -> &'static Shape {
        let [runbook, environment, calendar, policy] = &*SHAPES;
        match self {
            Self::Runbook => runbook,
            Self::Environment => environment,
            Self::Calendar => calendar,
            Self::Policy => policy,
        }
    }

    fn schema(self) -> Value {
        match self {
            Self::Runbook => schema_of::<RunbookFile>("An Orderly runbook"),
            Self::Environment => schema_of::<EnvironmentFile>("An Orderly environment"),
            Self::Calendar => schema_of::<CalendarFile>("An Orderly calendar"),
            Self::Policy => schema_of::<PolicyFile>("An Orderly policy"),
        }
    }
}

/// Without references, so that a place in the schema is a place in the file.
fn schema_of<T: JsonSchema>(title: &str) -> Value {
    let settings = SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .with_transform(RecursiveTransform(limit_integers));
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.insert("title".to_owned(), title.into());
    schema.to_value()
}

/// `format` does not limit a number, `maximum` does.
fn limit_integers(schema: &mut Schema) {
    if schema.get("format") == Some(&json!("uint32")) {
        schema.insert("maximum".to_owned(), u32::MAX.into());
    }
}

/// Every schema: the name of its file and its text. `orderly.schema.json` holds all kinds and the inputs of all actions; it is the
/// one for editors.
pub fn schemas(actions: &dyn ActionCatalogue) -> Vec<(&'static str, String)> {
    let text = |schema: &Value| format!("{schema:#}\n");
    vec![
        ("runbook.schema.json", text(&Kind::Runbook.shape().schema)),
        (
            "environment.schema.json",
            text(&Kind::Environment.shape().schema),
        ),
        ("calendar.schema.json", text(&Kind::Calendar.shape().schema)),
        ("policy.schema.json", text(&Kind::Policy.shape().schema)),
        ("orderly.schema.json", text(&combined(actions))),
    ]
}

fn combined(actions: &dyn ActionCatalogue) -> Value {
    let mut definitions = Map::new();
    for kind in Kind::ALL {
        let mut schema = kind.shape().schema.clone();
        remove(&mut schema, "$schema");
        definitions.insert(kind.as_str().to_owned(), schema);
    }
    let step = extract_step(&mut definitions, actions);
    definitions.insert("Step".to_owned(), step);
    for spec in actions.specs() {
        let name = definition_name(spec.name);
        let schema = nested(loosened(&spec.inputs), &name);
        definitions.insert(name, schema);
    }
    let kinds = Kind::ALL.map(Kind::as_str);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An Orderly document",
        "type": "object",
        "required": ["apiVersion", "kind"],
        "properties": {
            "apiVersion": {"const": "orderly.dev/v1"},
            "kind": {"enum": kinds, "description": "What the document is."},
        },
        "allOf": kinds.map(|kind| json!({
            "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
            "then": {"$ref": format!("#/$defs/{kind}")},
        })),
        "$defs": definitions,
    })
}

/// Takes the schema of a step out of the runbook's three lists, and lets it say which inputs which action wants.
fn extract_step(definitions: &mut Map<String, Value>, actions: &dyn ActionCatalogue) -> Value {
    let mut step = Value::Null;
    for list in ["steps", "rollback", "finally"] {
        let pointer = format!("/properties/spec/properties/{list}/items");
        let items = definitions
            .get_mut("Runbook")
            .and_then(|runbook| runbook.pointer_mut(&pointer));
        if let Some(items) = items {
            step = std::mem::replace(items, json!({"$ref": "#/$defs/Step"}));
        }
    }
    let names: Vec<_> = actions.specs().iter().map(|spec| spec.name).collect();
    if let Some(uses) = step.pointer_mut("/properties/uses")
        && !names.is_empty()
    {
        *uses = json!({"enum": names, "description": "The action."});
    }
    let conditions = actions.specs().iter().map(|spec| {
        let mut then = json!({
            "properties": {
                "uses": {"description": spec.summary},
                "with": {"$ref": format!("#/$defs/{}", definition_name(spec.name))},
            },
        });
        let required = spec.inputs.get("required").and_then(Value::as_array);
        if required.is_some_and(|required| !required.is_empty()) {
            then["required"] = json!(["with"]);
        }
        json!({"if": {"properties": {"uses": {"const": spec.name}}}, "then": then})
    });
    let conditions: Vec<_> = conditions.collect();
    if let Value::Object(step) = &mut step
        && !conditions.is_empty()
    {
        step.insert("allOf".to_owned(), conditions.into());
    }
    step
}

fn definition_name(action: &str) -> String {
    format!("action.{}", action.replace('/', "."))
}

fn remove(schema: &mut Value, key: &str) {
    if let Value::Object(map) = schema {
        map.shift_remove(key);
    }
}

/// A whole schema as a definition inside another: its own references lead to where it now stands.
fn nested(mut schema: Value, name: &str) -> Value {
    remove(&mut schema, "$schema");
    redirect(&mut schema, &format!("#/$defs/{name}/"));
    schema
}

fn redirect(schema: &mut Value, to: &str) {
    match schema {
        Value::Object(map) => {
            for (key, value) in map {
                let target = value.as_str().filter(|_| key == "$ref");
                match target.and_then(|target| target.strip_prefix("#/")) {
                    Some(rest) => *value = format!("{to}{rest}").into(),
                    None => redirect(value, to),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redirect(item, to)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// An action's schema for arguments that may hold expressions: wherever a value is wanted, a text with `${{` will do. What keys
/// there are is still said.
pub(super) fn loosened(schema: &Value) -> Value {
    let Value::Object(map) = schema else {
        return schema.clone();
    };
    let each = |value: &Value, change: fn(&Value) -> Value| match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), change(value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items.iter().map(change).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    };
    map.iter()
        .map(|(key, value)| {
            let value = match key.as_str() {
                "properties" | "patternProperties" | "prefixItems" => each(value, loosened_value),
                "items" | "additionalProperties" | "unevaluatedProperties" => loosened_value(value),
                "anyOf" | "oneOf" | "allOf" | "$defs" => each(value, loosened),
                _ => value.clone(),
            };
            (key.clone(), value)
        })
        .collect::<Map<_, _>>()
        .into()
}

fn loosened_value(schema: &Value) -> Value {
    let Value::Object(map) = schema else {
        return schema.clone();
    };
    let restrains = [
        "pattern",
        "enum",
        "const",
        "format",
        "minLength",
        "maxLength",
    ];
    let is_text = map.get("type") == Some(&json!("string"));
    if map.is_empty() || is_text && !restrains.iter().any(|key| map.contains_key(*key)) {
        return schema.clone();
    }
    let mut wrapped = Map::new();
    for key in ["title", "description", "default"] {
        if let Some(value) = map.get(key) {
            wrapped.insert(key.to_owned(), value.clone());
        }
    }
    let expression = json!({"type": "string", "pattern": "\\$\\{\\{"});
    wrapped.insert("if".to_owned(), expression);
    wrapped.insert("else".to_owned(), loosened(schema));
    wrapped.into()
}
