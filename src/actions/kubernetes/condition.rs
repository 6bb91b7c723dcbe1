//! Conditions on objects, in the language of expressions: they see `object`, `conditions` (its own conditions by their types) and `age`
//! (in seconds).

use crate::{
    actions::kubernetes::object::{items, text, time},
    domain::expression::about::{Condition, Facts},
};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// What a condition on objects may name.
pub(super) const KNOWN: [&str; 3] = ["object", "conditions", "age"];

/// A condition on an object, such as `object.status.phase == "Succeeded"` or `conditions.Ready == "True"`.
#[derive(Debug, Clone)]
pub(super) struct ObjectCondition(Condition);

impl ObjectCondition {
    /// Reads it; `field` is where it is written, for errors.
    pub(super) fn new(field: &str, written: &str) -> Result<Self, String> {
        Condition::read(written, &KNOWN).map(Self).map_err(|error| {
            let hint = error
                .hint
                .unwrap_or_else(|| "as in `object.status.phase == \"Succeeded\"`".to_owned());
            format!("in `with`, at `{field}`: {}\nhint: {hint}", error.what)
        })
    }

    /// Whether it holds; an error says why that cannot be told, such as a field that is not there.
    pub(super) fn holds(&self, object: &Value, now: Timestamp) -> Result<bool, String> {
        self.0
            .holds(&facts(object, now))
            .map_err(|error| error.what)
    }
}

/// What is known of an object.
pub(super) fn facts(object: &Value, now: Timestamp) -> Facts {
    let conditions: Map<String, Value> = items(object, "/status/conditions")
        .iter()
        .map(|condition| (text(condition, "/type"), text(condition, "/status")))
        .map(|(kind, status)| (kind.to_owned(), json!(status)))
        .collect();
    let born = time(object, "/metadata/creationTimestamp").unwrap_or(now);
    let age = now.duration_since(born).as_secs().max(0);
    [
        ("object", object.clone()),
        ("conditions", Value::Object(conditions)),
        ("age", json!(age)),
    ]
    .into()
}

/// Refuses an expression of the run where a condition on objects stands: its value would be read as a part of the condition.
pub(super) fn check_written(field: &str, arguments: &Value) -> Result<(), String> {
    let written = text(arguments, &format!("/{field}"));
    if !written.contains("${{") {
        return Ok(());
    }
    Err(format!(
        "in `with`, at `{field}`: a value in a condition would be read as a part of it\nhint: write the condition without `${{{{ }}}}`"
    ))
}

#[cfg(test)]
mod tests {
    use super::{ObjectCondition, check_written};
    use serde_json::json;

    #[test]
    fn a_condition_sees_the_object_and_its_conditions() {
        let object = json!({ "metadata": { "creationTimestamp": "2026-01-01T00:00:00Z" }, "status": { "phase": "Done", "conditions": [{ "type": "Ready", "status": "False" }] } });
        let holds = |text: &str| {
            ObjectCondition::new("when", text)
                .unwrap()
                .holds(&object, "2026-01-01T00:01:00Z".parse().unwrap())
        };
        assert_eq!(holds("object.status.phase == \"Done\""), Ok(true));
        assert_eq!(holds("conditions.Ready == \"True\""), Ok(false));
        assert_eq!(holds("age == 60"), Ok(true));
        assert_eq!(
            holds("conditions.Succeeded == \"True\""),
            Err("there is no `conditions.Succeeded`".to_owned())
        );
        assert!(
            ObjectCondition::new("when", "inputs.a")
                .unwrap_err()
                .contains("at `when`")
        );
    }

    #[test]
    fn a_value_cannot_become_a_part_of_a_condition() {
        assert!(
            check_written("when", &json!({ "when": "object.a == '${{ inputs.b }}'" })).is_err()
        );
        assert!(check_written("when", &json!({ "when": "object.a == 1" })).is_ok());
    }
}
