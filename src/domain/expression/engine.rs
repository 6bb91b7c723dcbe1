//! The one door to minijinja: compiles and evaluates one expression.

use crate::domain::{
    expression::{ExpressionError, MAX_RENDERED, Reference, Root, Scope, Secrets, scan},
    name::SecretName,
    secret,
};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, filters, tests, value};
use serde_json::Value;
use std::{collections::BTreeMap, sync::LazyLock};

/// Said of a text with a secret marker's characters in it.
pub(super) const RESERVED: &str =
    "the text contains characters that are reserved for secrets (U+F0000, U+F0001)";

const FUEL: u64 = 10_000;

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    add_filters(&mut environment);
    add_tests(&mut environment);
    environment
});

fn add_filters(environment: &mut Environment<'static>) {
    environment.add_filter("abs", filters::abs);
    environment.add_filter("bool", filters::bool);
    environment.add_filter("default", filters::default);
    environment.add_filter("first", filters::first);
    environment.add_filter("float", filters::float);
    environment.add_filter("int", filters::int);
    environment.add_filter("join", join);
    environment.add_filter("last", filters::last);
    environment.add_filter("length", filters::length);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("max", filters::max);
    environment.add_filter("min", filters::min);
    environment.add_filter("replace", replace);
    environment.add_filter("round", filters::round);
    environment.add_filter("string", filters::string);
    environment.add_filter("times", times);
    environment.add_filter("tojson", to_json);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("upper", filters::upper);
}

fn add_tests(environment: &mut Environment<'static>) {
    environment.add_test("boolean", tests::is_boolean);
    environment.add_test("defined", tests::is_defined);
    environment.add_test("divisibleby", tests::is_divisibleby);
    environment.add_test("endingwith", tests::is_endingwith);
    environment.add_test("even", tests::is_even);
    environment.add_test("float", tests::is_float);
    environment.add_test("integer", tests::is_integer);
    environment.add_test("mapping", tests::is_mapping);
    environment.add_test("none", tests::is_none);
    environment.add_test("number", tests::is_number);
    environment.add_test("odd", tests::is_odd);
    environment.add_test("sequence", tests::is_sequence);
    environment.add_test("startingwith", tests::is_startingwith);
    environment.add_test("string", tests::is_string);
    environment.add_test("undefined", tests::is_undefined);
}

fn too_large() -> Error {
    Error::new(
        ErrorKind::InvalidOperation,
        format!("the result is larger than {MAX_RENDERED} bytes"),
    )
}

fn join(items: &value::Value, separator: Option<String>) -> Result<String, Error> {
    let separator = separator.unwrap_or_default();
    let mut whole = String::new();
    for (index, item) in items.try_iter()?.enumerate() {
        if index > 0 {
            whole.push_str(&separator);
        }
        whole.push_str(&item.to_string());
        if whole.len() > MAX_RENDERED {
            return Err(too_large());
        }
    }
    Ok(whole)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "minijinja's filter arguments are owned"
)]
fn replace(text: String, from: String, to: String) -> Result<String, Error> {
    let found = if from.is_empty() {
        0
    } else {
        text.matches(&from).count()
    };
    let size = found.saturating_mul(to.len()).saturating_add(text.len());
    if size > MAX_RENDERED {
        return Err(too_large());
    }
    if from.is_empty() {
        return Ok(text);
    }
    Ok(text.replace(&from, &to))
}

fn times(left: value::Value, right: value::Value) -> Result<value::Value, Error> {
    let refused = || {
        Error::new(
            ErrorKind::InvalidOperation,
            "`times` multiplies numbers only",
        )
    };
    if let (Some(left), Some(right)) = (left.as_i64(), right.as_i64()) {
        return left
            .checked_mul(right)
            .map(value::Value::from)
            .ok_or_else(refused);
    }
    let number = |value: value::Value| f64::try_from(value).map_err(|_| refused());
    Ok(value::Value::from(number(left)? * number(right)?))
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "minijinja's filter arguments are owned"
)]
fn to_json(value: value::Value) -> Result<String, Error> {
    serde_json::to_string(&value)
        .map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))
}

/// Checks that the engine can read the expression.
pub(super) fn compile(
    source: &str,
    offset: usize,
) -> Result<minijinja::Expression<'static, 'static>, ExpressionError> {
    ENVIRONMENT
        .compile_expression_owned(source.trim().to_owned())
        .map_err(|error| ExpressionError::new(reason(&error), offset))
}

fn reason(error: &Error) -> String {
    error
        .detail()
        .map_or_else(|| error.kind().to_string(), str::to_owned)
}

/// What an expression gives, as JSON.
pub(super) fn evaluate(
    source: &str,
    offset: usize,
    scope: &Scope<'_>,
) -> Result<Value, ExpressionError> {
    let references = scan::references(source, offset)?;
    admit(&references, scope)?;
    let expression = compile(source, offset)?;
    let result = expression
        .eval(context(&references, scope))
        .map_err(|error| explain(&error, &references, scope, offset))?;
    if result.is_undefined() {
        return Err(missing(&references, scope)
            .unwrap_or_else(|| ExpressionError::new("the expression gives nothing", offset)));
    }
    let result = serde_json::to_value(&result)
        .map_err(|error| ExpressionError::new(error.to_string(), offset))?;
    inspect(&result, &references, offset)?;
    Ok(result)
}

/// What an expression gives that knows these names alone.
pub(super) fn about(
    source: &str,
    facts: &BTreeMap<&'static str, Value>,
) -> Result<Value, ExpressionError> {
    let failed = |error: &Error| ExpressionError::new(reason(error), 0);
    let names = facts
        .iter()
        .map(|(name, fact)| (*name, value::Value::from(value::Serde(fact))));
    let result = compile(source, 0)?
        .eval(value::Value::from_pairs(names))
        .map_err(|error| failed(&error))?;
    serde_json::to_value(&result).map_err(|error| ExpressionError::new(error.to_string(), 0))
}

/// Refuses secrets where they may not be, and values that hold a secret's marker.
fn admit(references: &[Reference], scope: &Scope<'_>) -> Result<(), ExpressionError> {
    for reference in references {
        let offset = reference.place.offset;
        if reference.root == Root::Secret && scope.secrets == Secrets::Refused {
            return Err(ExpressionError::new("a secret cannot be used here", offset));
        }
        if follow(reference, scope).is_ok_and(any_marked) {
            return Err(ExpressionError::new(RESERVED, offset));
        }
    }
    Ok(())
}

fn any_marked(value: &Value) -> bool {
    match value {
        Value::String(text) => secret::is_marked(text),
        Value::Array(items) => items.iter().any(any_marked),
        Value::Object(map) => map
            .iter()
            .any(|(key, item)| secret::is_marked(key) || any_marked(item)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The value that a reference leads to, as far as its path is known; or how many of its words lead somewhere.
fn follow<'a>(reference: &Reference, scope: &Scope<'a>) -> Result<&'a Value, usize> {
    let mut value = match reference.root {
        Root::Inputs => scope.inputs,
        Root::Values => scope.values,
        Root::Steps => scope.steps,
        Root::Run => scope.run,
        Root::Secret => return Ok(&Value::Null),
    };
    for (index, word) in reference.path.iter().enumerate() {
        value = value.get(word.as_str()).ok_or(index)?;
    }
    Ok(value)
}

fn context(references: &[Reference], scope: &Scope<'_>) -> value::Value {
    let mut names: BTreeMap<&'static str, value::Value> = BTreeMap::new();
    for reference in references {
        names
            .entry(reference.root.as_str())
            .or_insert_with(|| match reference.root {
                Root::Inputs => value::Value::from(value::Serde(scope.inputs)),
                Root::Values => value::Value::from(value::Serde(scope.values)),
                Root::Steps => value::Value::from(value::Serde(scope.steps)),
                Root::Run => value::Value::from(value::Serde(scope.run)),
                Root::Secret => value::Value::from_function(secret_marker),
            });
    }
    value::Value::from_pairs(names)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "minijinja's function arguments are owned"
)]
fn secret_marker(name: String) -> Result<String, Error> {
    let name = SecretName::new(&name)
        .map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))?;
    Ok(secret::marker(&name))
}

fn explain(
    error: &Error,
    references: &[Reference],
    scope: &Scope<'_>,
    offset: usize,
) -> ExpressionError {
    let undefined = error.kind() == ErrorKind::UndefinedError;
    undefined
        .then(|| missing(references, scope))
        .flatten()
        .unwrap_or_else(|| ExpressionError::new(reason(error), offset))
}

/// The first name that leads nowhere.
fn missing(references: &[Reference], scope: &Scope<'_>) -> Option<ExpressionError> {
    references.iter().find_map(|reference| {
        let reached = follow(reference, scope).err()?;
        let words: Vec<_> = reference
            .path
            .iter()
            .take(reached + 1)
            .map(String::as_str)
            .collect();
        let name = format!("{}.{}", reference.root.as_str(), words.join("."));
        let above = Reference {
            path: reference.path.iter().take(reached).cloned().collect(),
            ..reference.clone()
        };
        let known: Vec<_> = follow(&above, scope)
            .ok()
            .and_then(Value::as_object)
            .map(|map| map.keys().take(20).map(String::as_str).collect())
            .unwrap_or_default();
        let error = ExpressionError::new(format!("there is no `{name}`"), reference.place.offset);
        Some(if known.is_empty() {
            error
        } else {
            error.hint(format!("known are {}", known.join(", ")))
        })
    })
}

/// Refuses a result that holds a marker which no `secret("…")` of the expression gave, and one that is too large.
fn inspect(value: &Value, references: &[Reference], offset: usize) -> Result<(), ExpressionError> {
    let allowed: Vec<SecretName> = references.iter().filter_map(Reference::secret).collect();
    if forged(value, &allowed) {
        return Err(ExpressionError::new(RESERVED, offset));
    }
    if size(value) > MAX_RENDERED {
        return Err(ExpressionError::new(reason(&too_large()), offset));
    }
    Ok(())
}

fn forged(value: &Value, allowed: &[SecretName]) -> bool {
    let bad = |text: &str| {
        let rest = secret::reveal(text, |name| allowed.contains(name).then(String::new));
        rest.is_none_or(|rest| secret::is_marked(&rest))
    };
    match value {
        Value::String(text) => bad(text),
        Value::Array(items) => items.iter().any(|item| forged(item, allowed)),
        Value::Object(map) => map
            .iter()
            .any(|(key, item)| secret::is_marked(key) || forged(item, allowed)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// About how many bytes a value takes as text.
pub(super) fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(|item| size(item) + 1).sum(),
        Value::Object(map) => map
            .iter()
            .map(|(key, item)| key.len() + size(item) + 2)
            .sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
    }
}
