//! Expressions: `${{ … }}` inside strings, after YAML parsing, so that a value can never become YAML structure.
//!
//! The language is minijinja's expression language without its templates, loops, macros or global functions. Known names are
//! `inputs`, `values`, `steps`, `run` and `secret("name")`.
//!
//! Invariants
//! - Strict: a name that is not there is an error, never an empty text.
//! - A string that is exactly one expression keeps the type of its result; inside a longer string the result must be text, a
//!   number or a boolean.
//! - Bounded: the length, the tokens and the nesting of an expression, its steps, and the size of what it gives.
//! - A secret is only ever its marker ([`crate::domain::secret`]). A text from inputs, values or outputs that contains a marker's
//!   characters is refused, and so is an expression that would forge one.
//! - `$${{` writes a literal `${{`.
//!
//! It deliberately lacks `*` on anything but numbers (write `| times(2)`), ranges and string formatting: each could fill the memory.

pub mod about;
mod engine;
mod gives;
mod partly;
mod scan;
mod text;

use crate::domain::{name::SecretName, pointer::below, secret};
use serde_json::{Map, Value};

pub use gives::{Gives, argument_gives, condition_gives, whole_secret};
pub use partly::{NotYet, Partly, has_unknown, readable_unknown, unknown_mark};
pub use scan::{FILTERS, TESTS};

/// The most bytes that rendering one value may give.
pub const MAX_RENDERED: usize = 1 << 20;

/// The most expressions of one value whose errors are told.
const MAX_ERRORS: usize = 100;

/// What expressions see.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// `inputs`: an object, by the input's name.
    pub inputs: &'a Value,
    /// `values`: an object, as in the environment.
    pub values: &'a Value,
    /// `steps`: an object, by the step's name, each with `outputs`, `outcome` and `check`.
    pub steps: &'a Value,
    /// `run`: an object with the keys of [`RUN_KEYS`].
    pub run: &'a Value,
    /// Whether `secret("name")` may be used.
    pub secrets: Secrets,
}

/// Whether an expression may name secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// It may; it gives a marker.
    Allowed,
    /// It may not.
    Refused,
}

/// What stands under `run`.
pub const RUN_KEYS: [&str; 7] = [
    "id", "nominal", "revision", "trigger", "runbook", "attempt", "agentUrl",
];
/// What stands under `steps.<name>`.
pub const STEP_KEYS: [&str; 3] = ["outputs", "outcome", "check"];

/// A first word that expressions know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// `inputs`
    Inputs,
    /// `values`
    Values,
    /// `steps`
    Steps,
    /// `run`
    Run,
    /// `secret`
    Secret,
}

impl Root {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Inputs,
        Self::Values,
        Self::Steps,
        Self::Run,
        Self::Secret,
    ];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inputs => "inputs",
            Self::Values => "values",
            Self::Steps => "steps",
            Self::Run => "run",
            Self::Secret => "secret",
        }
    }
}

/// A name that an expression uses, as far as it can be read without evaluating.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Its first word.
    pub root: Root,
    /// The words after it; for a secret, its name. Empty where the whole is used, or a computed part of it.
    pub path: Vec<String>,
    /// Where.
    pub place: Place,
}

/// A place inside a value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// JSON Pointer (RFC 6901) to the string.
    pub pointer: String,
    /// Characters from the start of that string.
    pub offset: usize,
}

/// Why a value cannot be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct ExpressionError {
    /// What is wrong.
    pub what: String,
    /// What would help.
    pub hint: Option<String>,
    /// Where.
    pub place: Place,
}

impl ExpressionError {
    fn new(what: impl Into<String>, offset: usize) -> Self {
        Self {
            what: what.into(),
            hint: None,
            place: Place {
                pointer: String::new(),
                offset,
            },
        }
    }
    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
    fn under(mut self, pointer: &str) -> Self {
        pointer.clone_into(&mut self.place.pointer);
        self
    }
}

/// Whether a text has an expression, or the start of one.
pub fn has_expression(text: &str) -> bool {
    text.contains(text::OPEN)
}

/// A value with every expression in its strings replaced by what it gives.
///
/// # Errors
/// The first expression that cannot be read or evaluated, or a result that is too large.
pub fn render(value: &Value, scope: &Scope<'_>) -> Result<Value, ExpressionError> {
    let mut room = MAX_RENDERED;
    render_at(value, scope, "", &mut room)
}

fn render_at(
    value: &Value,
    scope: &Scope<'_>,
    pointer: &str,
    room: &mut usize,
) -> Result<Value, ExpressionError> {
    match value {
        Value::String(text) => {
            let rendered = render_text(text, scope).map_err(|error| error.under(pointer))?;
            take(room, engine::size(&rendered), pointer)?;
            Ok(rendered)
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| render_at(item, scope, &format!("{pointer}/{index}"), room))
            .collect(),
        Value::Object(map) => map
            .iter()
            .map(|(key, item)| {
                let below = below(pointer, key);
                refuse_in_key(key, &below)?;
                Ok((key.clone(), render_at(item, scope, &below, room)?))
            })
            .collect::<Result<Map<_, _>, _>>()
            .map(Value::Object),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(value.clone()),
    }
}

fn take(room: &mut usize, bytes: usize, pointer: &str) -> Result<(), ExpressionError> {
    *room = room.checked_sub(bytes).ok_or_else(|| {
        let what = format!("the rendered value is larger than {MAX_RENDERED} bytes");
        ExpressionError::new(what, 0).under(pointer)
    })?;
    Ok(())
}

fn refuse_in_key(key: &str, pointer: &str) -> Result<(), ExpressionError> {
    if has_expression(key) {
        let what = "an expression cannot stand in a key";
        return Err(ExpressionError::new(what, 0).under(pointer));
    }
    Ok(())
}

fn render_text(text: &str, scope: &Scope<'_>) -> Result<Value, ExpressionError> {
    if secret::is_marked(text) {
        return Err(ExpressionError::new(engine::RESERVED, 0));
    }
    if !has_expression(text) {
        return Ok(Value::String(text.to_owned()));
    }
    let parts = text::split(text)?;
    if let [text::Part::Expression { source, offset }] = parts.as_slice() {
        return engine::evaluate(source, *offset, scope);
    }
    let mut whole = String::new();
    for part in parts {
        match part {
            text::Part::Literal(literal) => whole.push_str(&literal),
            text::Part::Expression { source, offset } => {
                whole.push_str(&scalar(engine::evaluate(source, offset, scope)?, offset)?);
            }
        }
        if whole.len() > MAX_RENDERED {
            let what = format!("the rendered text is larger than {MAX_RENDERED} bytes");
            return Err(ExpressionError::new(what, 0));
        }
    }
    Ok(Value::String(whole))
}

fn scalar(value: Value, offset: usize) -> Result<String, ExpressionError> {
    let kind = match value {
        Value::String(text) => return Ok(text),
        Value::Number(number) => return Ok(number.to_string()),
        Value::Bool(yes) => return Ok(yes.to_string()),
        Value::Null => "nothing",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    };
    let what = format!("the expression gives {kind}, which cannot stand inside a longer text");
    Err(ExpressionError::new(what, offset)
        .hint("let the expression be the whole string, or turn it into text with `| tojson`"))
}

/// What a condition gives. It may be written with or without `${{ }}`.
///
/// # Errors
/// It cannot be read or evaluated, or gives neither true nor false.
pub fn truth(expression: &str, scope: &Scope<'_>) -> Result<bool, ExpressionError> {
    let (source, offset) = text::condition(expression)?;
    let result = engine::evaluate(source, offset, scope)?;
    result.as_bool().ok_or_else(|| {
        let given = describe(&result);
        let what = format!("the condition gives {given}, not true or false");
        ExpressionError::new(what, offset).hint("compare it, as in `inputs.mode == \"full\"`")
    })
}

fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

/// Every name that a value's expressions use. Also checks all that can be checked without evaluating.
///
/// # Errors
/// Every expression that cannot be read.
pub fn references(value: &Value) -> Result<Vec<Reference>, Vec<ExpressionError>> {
    let mut found = Found::default();
    found.walk(value, "");
    found.finish()
}

/// Every name that a text's expressions use, and everything wrong with those that cannot be read.
pub fn survey(text: &str) -> (Vec<Reference>, Vec<ExpressionError>) {
    let mut found = Found::default();
    found.text(text, "");
    (found.references, found.errors)
}

/// Every name that a condition uses.
///
/// # Errors
/// The expression cannot be read.
pub fn condition_references(expression: &str) -> Result<Vec<Reference>, Vec<ExpressionError>> {
    let mut found = Found::default();
    match text::condition(expression) {
        Ok((source, offset)) => found.expression(source, offset, ""),
        Err(error) => found.errors.push(error),
    }
    found.finish()
}

#[derive(Default)]
struct Found {
    references: Vec<Reference>,
    errors: Vec<ExpressionError>,
}

impl Found {
    fn walk(&mut self, value: &Value, pointer: &str) {
        match value {
            Value::String(text) if has_expression(text) => self.text(text, pointer),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.walk(item, &format!("{pointer}/{index}"));
                }
            }
            Value::Object(map) => {
                for (key, item) in map {
                    let below = below(pointer, key);
                    self.errors.extend(refuse_in_key(key, &below).err());
                    self.walk(item, &below);
                }
            }
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn text(&mut self, text: &str, pointer: &str) {
        match text::split(text) {
            Ok(parts) => {
                for part in parts {
                    if let text::Part::Expression { source, offset } = part {
                        self.expression(source, offset, pointer);
                    }
                }
            }
            Err(error) => self.errors.push(error.under(pointer)),
        }
    }

    fn expression(&mut self, source: &str, offset: usize, pointer: &str) {
        if self.errors.len() >= MAX_ERRORS {
            return;
        }
        let read = scan::references(source, offset).and_then(|found| {
            engine::compile(source, offset)?;
            Ok(found)
        });
        match read {
            Ok(found) => self
                .references
                .extend(found.into_iter().map(|mut reference| {
                    pointer.clone_into(&mut reference.place.pointer);
                    reference
                })),
            Err(error) => self.errors.push(error.under(pointer)),
        }
    }

    fn finish(self) -> Result<Vec<Reference>, Vec<ExpressionError>> {
        if self.errors.is_empty() {
            Ok(self.references)
        } else {
            Err(self.errors)
        }
    }
}

impl Reference {
    /// The secret it names.
    pub fn secret(&self) -> Option<SecretName> {
        match self.root {
            Root::Secret => SecretName::new(self.path.first()?).ok(),
            Root::Inputs | Root::Values | Root::Steps | Root::Run => None,
        }
    }
}

#[cfg(test)]
mod tests;
