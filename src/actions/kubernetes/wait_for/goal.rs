//! What a wait is for.

use super::WaitInputs;
use crate::actions::kubernetes::{
    condition::ObjectCondition,
    object::{condition, cut, text},
    progress::Progress,
    readiness::readiness,
};
use jiff::Timestamp;
use serde_json::Value;
use std::fmt;

/// How an object shall be.
#[derive(Debug, Clone)]
pub(super) enum Goal {
    Condition {
        name: String,
        status: String,
    },
    Exists,
    Gone,
    Ready,
    /// A field; with values, one of them.
    Field {
        path: String,
        values: Vec<Value>,
    },
    When {
        text: String,
        condition: ObjectCondition,
    },
}

/// What was seen of the object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'a> {
    /// As effects name it.
    pub(super) kind: &'a str,
    /// That of the one that was seen first.
    pub(super) uid: Option<&'a str>,
    /// Nothing where it is not there.
    pub(super) object: Option<&'a Value>,
    pub(super) now: Timestamp,
}

impl Goal {
    pub(super) fn new(inputs: &WaitInputs) -> Result<Self, String> {
        let mut goals = Vec::new();
        if let Some(name) = &inputs.condition {
            let status = inputs.status.clone().unwrap_or_else(|| "True".to_owned());
            let name = name.clone();
            goals.push(Self::Condition { name, status });
        } else if inputs.status.is_some() {
            return Err("in `with`: `status` belongs to `condition`".to_owned());
        }
        let flags = [
            (inputs.exists, Self::Exists),
            (inputs.gone, Self::Gone),
            (inputs.ready, Self::Ready),
        ];
        goals.extend(
            flags
                .into_iter()
                .filter(|(on, _)| *on)
                .map(|(_, goal)| goal),
        );
        match &inputs.path {
            Some(path) => goals.push(field(path, inputs)?),
            None if inputs.value.is_some() || !inputs.values.is_empty() => {
                return Err("in `with`: `value` and `values` belong to `path`".to_owned());
            }
            None => {}
        }
        if let Some(text) = &inputs.when {
            let condition = ObjectCondition::new("when", text)?;
            let text = text.clone();
            goals.push(Self::When { text, condition });
        }
        match (goals.pop(), goals.as_slice()) {
            (Some(goal), []) => Ok(goal),
            _ => Err("in `with`: give exactly one of `condition`, `exists`, `gone`, `ready`, `path`, `when`".to_owned()),
        }
    }

    /// Where the server does not know the kind.
    pub(super) fn without_kind(&self, what: &str) -> Progress {
        match self {
            Self::Gone => Progress::Ready,
            Self::Condition { .. }
            | Self::Exists
            | Self::Ready
            | Self::Field { .. }
            | Self::When { .. } => Progress::Waiting(format!("{what} was not found")),
        }
    }

    /// How far it is.
    pub(super) fn progress(&self, seen: Seen<'_>) -> Progress {
        let Some(object) = seen.object else {
            return match self {
                Self::Gone => Progress::Ready,
                Self::Condition { .. }
                | Self::Exists
                | Self::Ready
                | Self::Field { .. }
                | Self::When { .. } => Progress::Waiting("it is not there".to_owned()),
            };
        };
        match self {
            Self::Exists => Progress::Ready,
            Self::Gone
                if seen
                    .uid
                    .is_some_and(|uid| uid != text(object, "/metadata/uid")) =>
            {
                Progress::Ready
            }
            Self::Gone => Progress::Waiting("it is still there".to_owned()),
            Self::Ready => readiness(seen.kind, object),
            Self::Condition { name, status } => by_condition(object, name, status),
            Self::Field { path, values } => by_field(object, path, values),
            Self::When { condition, .. } => match condition.holds(object, seen.now) {
                Ok(true) => Progress::Ready,
                Ok(false) => Progress::Waiting("it does not hold".to_owned()),
                Err(why) => Progress::Waiting(why),
            },
        }
    }
}

fn field(path: &str, inputs: &WaitInputs) -> Result<Goal, String> {
    if !path.starts_with('/') {
        return Err(
            "in `with`, at `path`: a place begins with `/`, as in `/status/phase`".to_owned(),
        );
    }
    if inputs.value.is_some() && !inputs.values.is_empty() {
        return Err("in `with`: give one of `value` and `values`".to_owned());
    }
    Ok(Goal::Field {
        path: path.to_owned(),
        values: inputs.value.iter().chain(&inputs.values).cloned().collect(),
    })
}

fn by_condition(object: &Value, name: &str, status: &str) -> Progress {
    let Some(found) = condition(object, name) else {
        return Progress::Waiting(format!("it has no condition {name}"));
    };
    let is = text(found, "/status");
    if is == status && is_fresh(object, found) {
        return Progress::Ready;
    }
    let why = match text(found, "/message") {
        "" => text(found, "/reason").to_owned(),
        message => cut(message),
    };
    Progress::Waiting(format!("{name} is {is}: {why}"))
}

/// A condition of an older generation says nothing of what is wanted now.
fn is_fresh(object: &Value, condition: &Value) -> bool {
    let number = |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_u64);
    let observed = number(condition, "/observedGeneration")
        .or_else(|| number(object, "/status/observedGeneration"));
    match (observed, number(object, "/metadata/generation")) {
        (Some(observed), Some(generation)) => observed >= generation,
        _ => true,
    }
}

fn by_field(object: &Value, path: &str, values: &[Value]) -> Progress {
    match object.pointer(path) {
        None => Progress::Waiting(format!("there is no {path}")),
        Some(found) if values.is_empty() || values.iter().any(|value| is_same(value, found)) => {
            Progress::Ready
        }
        Some(found) => Progress::Waiting(format!("{path} is {}", cut(&found.to_string()))),
    }
}

/// A text stands for the number or the truth that it writes, too.
fn is_same(wanted: &Value, found: &Value) -> bool {
    let written = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    wanted == found
        || (!found.is_object() && !found.is_array() && written(wanted) == written(found))
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Condition { name, status } => write!(f, "has {name} {status}"),
            Self::Exists => f.write_str("is there"),
            Self::Gone => f.write_str("is gone"),
            Self::Ready => f.write_str("is ready"),
            Self::Field { path, values } if values.is_empty() => write!(f, "has {path}"),
            Self::Field { path, values } => {
                let values: Vec<String> = values.iter().map(ToString::to_string).collect();
                write!(f, "has {} at {path}", values.join(" or "))
            }
            Self::When { text, .. } => write!(f, "fulfils `{text}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{by_condition, by_field};
    use crate::actions::kubernetes::progress::Progress;
    use serde_json::json;

    #[test]
    fn a_field_is_compared_with_each_value() {
        let object = json!({ "status": { "phase": "Done", "count": 3 } });
        for (path, values, ready) in [
            ("/status/phase", vec![json!("Failed"), json!("Done")], true),
            ("/status/count", vec![json!("3")], true),
            ("/status/count", vec![json!(4)], false),
            ("/status/count", vec![], true),
            ("/status/none", vec![], false),
        ] {
            assert_eq!(
                by_field(&object, path, &values) == Progress::Ready,
                ready,
                "{path}"
            );
        }
    }

    #[test]
    fn a_condition_of_an_older_generation_does_not_count() {
        let object = |observed: u64| {
            json!({
                "metadata": { "generation": 2 },
                "status": { "observedGeneration": observed, "conditions": [{ "type": "Ready", "status": "True" }] }
            })
        };
        assert_eq!(by_condition(&object(2), "Ready", "True"), Progress::Ready);
        assert_ne!(by_condition(&object(1), "Ready", "True"), Progress::Ready);
    }
}
