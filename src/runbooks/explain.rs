//! Why a tree does not fit a schema, in words and with places; and what could be mended so that the rest can be checked too.

use crate::runbooks::{
    problems::{Fault, MAX_PROBLEMS, hint_among, nearest},
    schema::Shape,
    tree::Node,
};
use jsonschema::{
    JsonType, ValidationError,
    error::{TypeKind, ValidationErrorKind},
    paths::LocationSegment,
};
use serde_json::{Map, Value};

/// A fault, and how to go on as if it were not there.
pub(super) struct Explained {
    pub(super) fault: Fault,
    mend: Option<Mend>,
}

enum Mend {
    Rename {
        pointer: String,
        from: String,
        to: String,
    },
    Remove {
        pointer: String,
        key: String,
    },
}

/// Everything that does not fit.
pub(super) fn explain(shape: &Shape, value: &Value, node: &Node<'_>) -> Vec<Explained> {
    let explainer = Explainer {
        schema: &shape.schema,
        node,
        value,
    };
    let mut found = Vec::new();
    for error in shape.errors(value).take(MAX_PROBLEMS) {
        explainer.error(&error, &mut found);
    }
    found
}

/// The value with its faults mended or cut out, as far as that can be done.
pub(super) fn mended(mut value: Value, found: &[Explained]) -> Value {
    for explained in found {
        let (pointer, key, to) = match &explained.mend {
            None => continue,
            Some(Mend::Rename { pointer, from, to }) => (pointer, from, Some(to)),
            Some(Mend::Remove { pointer, key }) => (pointer, key, None),
        };
        let Some(Value::Object(map)) = value.pointer_mut(pointer) else {
            continue;
        };
        let old = map.shift_remove(key);
        if let (Some(old), Some(to)) = (old, to) {
            map.entry(to.clone()).or_insert(old);
        }
    }
    value
}

struct Explainer<'a> {
    schema: &'a Value,
    node: &'a Node<'a>,
    value: &'a Value,
}

type Errors = [Vec<ValidationError<'static>>];

impl Explainer<'_> {
    fn error(&self, error: &ValidationError<'_>, found: &mut Vec<Explained>) {
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                let known = self.beside(error, "properties");
                let names = self.beside(error, "patternProperties");
                for key in unexpected {
                    found.push(self.unexpected(error, key, known, names));
                }
            }
            ValidationErrorKind::AnyOf { context }
            | ValidationErrorKind::OneOfNotValid { context } => {
                self.alternatives(error, context, found);
            }
            ValidationErrorKind::Required { property } => {
                let property = property.as_str().unwrap_or_default();
                let what = format!("`{property}` is missing");
                found.push(self.whole(error, Fault::new(self.key_place(error), what)));
            }
            _ => {
                let place = self.node.find(error.instance_path().as_str()).node.place;
                let (what, hint) = self.words(error);
                found.push(self.whole(error, Fault::new(place, what).maybe_hint(hint)));
            }
        }
    }

    fn key_place(&self, error: &ValidationError<'_>) -> crate::runbooks::problems::Place {
        self.node.find(error.instance_path().as_str()).key_or_node()
    }

    /// A fault of the whole value at the error's place: to go on, the value is left out.
    fn whole(&self, error: &ValidationError<'_>, fault: Fault) -> Explained {
        let pointer = error.instance_path().as_str();
        let mend = pointer.rsplit_once('/').and_then(|(parent, key)| {
            let is_object = self.value.pointer(parent).is_some_and(Value::is_object);
            is_object.then(|| Mend::Remove {
                pointer: parent.to_owned(),
                key: key.replace("~1", "/").replace("~0", "~"),
            })
        });
        Explained { fault, mend }
    }

    /// What the schema says beside the keyword that failed.
    fn beside(&self, error: &ValidationError<'_>, keyword: &str) -> Option<&Map<String, Value>> {
        self.sibling(error, keyword)?.as_object()
    }

    fn sibling(&self, error: &ValidationError<'_>, keyword: &str) -> Option<&Value> {
        let (parent, _) = error.schema_path().as_str().rsplit_once('/')?;
        self.schema.pointer(parent)?.get(keyword)
    }

    fn unexpected(
        &self,
        error: &ValidationError<'_>,
        key: &str,
        known: Option<&Map<String, Value>>,
        names: Option<&Map<String, Value>>,
    ) -> Explained {
        let pointer = error.instance_path().as_str().to_owned();
        let found = self.node.find(&pointer);
        let place = found
            .node
            .entry(key)
            .map_or(found.node.place, |entry| entry.place);
        if let Some((_, rule)) = names.and_then(|names| names.iter().next()) {
            let (what, hint) = broken_rule(key, rule);
            let mend = Some(Mend::Remove {
                pointer,
                key: key.to_owned(),
            });
            return Explained {
                fault: Fault::new(place, what).maybe_hint(hint),
                mend,
            };
        }
        let known: Vec<&str> = known
            .into_iter()
            .flat_map(Map::keys)
            .map(String::as_str)
            .collect();
        let hint = hint_among(key, known.iter().copied());
        let free =
            nearest(key, known.iter().copied()).filter(|name| found.node.get(name).is_none());
        let key = key.to_owned();
        Explained {
            fault: Fault::new(place, format!("unknown key `{key}`")).maybe_hint(hint),
            mend: Some(match free {
                Some(to) => Mend::Rename {
                    pointer,
                    from: key,
                    to: to.to_owned(),
                },
                None => Mend::Remove { pointer, key },
            }),
        }
    }

    /// Explains by the alternative that was most likely meant.
    fn alternatives(
        &self,
        error: &ValidationError<'_>,
        context: &Errors,
        found: &mut Vec<Explained>,
    ) {
        let here = error.instance_path().as_str();
        let words = constants(context, here);
        if !words.is_empty() {
            let place = self.node.find(here).node.place;
            let (what, hint) = not_among(error.instance(), &words);
            found.push(self.whole(error, Fault::new(place, what).maybe_hint(hint)));
            return;
        }
        let wanted: Vec<&str> = context
            .iter()
            .filter_map(|branch| missing(branch, here))
            .collect();
        let not_null = context.iter().filter(|branch| !wants_null(branch, here));
        let best = not_null
            .filter(|branch| missing(branch, here).is_none())
            .min_by_key(|branch| (mistyped(branch, here), branch.len()));
        match best {
            Some(branch) => {
                for inner in branch {
                    self.error(inner, found);
                }
            }
            None => self.no_alternative(error, &wanted, found),
        }
    }

    /// None of the keys that tell the alternatives apart is there.
    fn no_alternative(
        &self,
        error: &ValidationError<'_>,
        wanted: &[&str],
        found: &mut Vec<Explained>,
    ) {
        let node = self.node.find(error.instance_path().as_str()).node;
        let like_wanted = node.entries().iter().find_map(|entry| {
            let meant = nearest(&entry.key, wanted.iter().copied())?;
            Some(
                Fault::new(entry.place, format!("unknown key `{}`", entry.key))
                    .hint(format!("did you mean `{meant}`?")),
            )
        });
        let fault = like_wanted.unwrap_or_else(|| {
            let wanted: Vec<_> = wanted.iter().map(|key| format!("`{key}`")).collect();
            Fault::new(
                node.place,
                format!("one of {} is needed", wanted.join(", ")),
            )
        });
        found.push(self.whole(error, fault));
    }

    fn words(&self, error: &ValidationError<'_>) -> (String, Option<String>) {
        let instance = error.instance();
        match error.kind() {
            ValidationErrorKind::Type { kind } => {
                let wanted = wanted_type(kind);
                let what = format!(
                    "{} must be {wanted}, not {}",
                    subject(error),
                    type_word(instance)
                );
                let scalar = instance.is_number() || instance.is_boolean();
                let hint =
                    (wanted.contains("text") && scalar).then(|| "put it in quotes".to_owned());
                (what, hint)
            }
            ValidationErrorKind::Enum { options } => {
                let options: Vec<_> = options.as_array().into_iter().flatten().cloned().collect();
                not_among(instance, &options)
            }
            ValidationErrorKind::Constant { expected_value } => {
                not_among(instance, std::slice::from_ref(expected_value))
            }
            ValidationErrorKind::Pattern { .. } => {
                let rule = error.schema_path().as_str().rsplit_once('/');
                let rule = rule.and_then(|(parent, _)| self.schema.pointer(parent));
                broken_rule(
                    instance.as_str().unwrap_or_default(),
                    rule.unwrap_or(&Value::Null),
                )
            }
            ValidationErrorKind::MaxLength { limit } => (
                format!("{} is longer than {limit} characters", subject(error)),
                None,
            ),
            ValidationErrorKind::Minimum { limit } => {
                (format!("{} must be at least {limit}", subject(error)), None)
            }
            ValidationErrorKind::Maximum { limit } => {
                (format!("{} must be at most {limit}", subject(error)), None)
            }
            ValidationErrorKind::UniqueItems => (
                format!("{} holds the same thing twice", subject(error)),
                None,
            ),
            ValidationErrorKind::MinItems { limit } => (
                format!("{} needs at least {limit} of them", subject(error)),
                None,
            ),
            _ => (format!("{} does not fit: {error}", subject(error)), None),
        }
    }
}

/// Says a pattern's rule in the words that the schema has for it.
fn broken_rule(text: &str, rule: &Value) -> (String, Option<String>) {
    let words = rule.get("patternErrorMessage").and_then(Value::as_str);
    let shown: String = text.chars().take(80).collect();
    match words.and_then(|words| words.split_once(": ")) {
        Some((what, hint)) => (format!("`{shown}` is {what}"), Some(hint.to_owned())),
        None => {
            let pattern = rule
                .get("pattern")
                .and_then(Value::as_str)
                .unwrap_or("the pattern");
            (format!("`{shown}` does not match `{pattern}`"), None)
        }
    }
}

fn not_among(value: &Value, options: &[Value]) -> (String, Option<String>) {
    let plain = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let options: Vec<String> = options.iter().map(plain).collect();
    let shown: String = plain(value).chars().take(80).collect();
    let what = format!("`{shown}` is not one of {}", options.join(", "));
    let hint = nearest(&shown, options.iter().map(String::as_str));
    (what, hint.map(|name| format!("did you mean `{name}`?")))
}

/// The words that are allowed, if every alternative is one word.
fn constants(context: &Errors, here: &str) -> Vec<Value> {
    let mut words = Vec::new();
    for branch in context.iter().filter(|branch| !wants_null(branch, here)) {
        let before = words.len();
        for error in branch {
            match error.kind() {
                ValidationErrorKind::Constant { expected_value } if at(error, here) => {
                    words.push(expected_value.as_ref().clone());
                }
                ValidationErrorKind::Enum { options } if at(error, here) => {
                    words.extend(options.as_array().into_iter().flatten().cloned());
                }
                ValidationErrorKind::OneOfNotValid { context } if at(error, here) => {
                    words.extend(constants(context, here));
                }
                _ => {}
            }
        }
        if words.len() == before {
            return Vec::new();
        }
    }
    words
}

fn at(error: &ValidationError<'_>, here: &str) -> bool {
    error.instance_path().as_str() == here
}

fn missing<'e>(branch: &'e [ValidationError<'static>], here: &str) -> Option<&'e str> {
    branch.iter().find_map(|error| match error.kind() {
        ValidationErrorKind::Required { property } if at(error, here) => property.as_str(),
        _ => None,
    })
}

fn mistyped(branch: &[ValidationError<'static>], here: &str) -> bool {
    branch
        .iter()
        .any(|error| at(error, here) && matches!(error.kind(), ValidationErrorKind::Type { .. }))
}

fn wants_null(branch: &[ValidationError<'static>], here: &str) -> bool {
    let null = |kind: &TypeKind| matches!(kind, TypeKind::Single(JsonType::Null));
    branch.iter().any(|error| {
        at(error, here) && matches!(error.kind(), ValidationErrorKind::Type { kind } if null(kind))
    })
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
