//! Whether a text scales something to nothing, whatever the field is called that says how many there are.

use serde_json::Value;

/// Whether a field of this name says how many of something run.
fn counts(name: &str) -> bool {
    let last = name.rsplit(['.', '/']).next().unwrap_or(name);
    let last = last.to_ascii_lowercase();
    last.contains("replica") || matches!(last.as_str(), "instances" | "parallelism")
}

/// Whether a value means none.
fn is_none(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.trim().parse() == Ok(0_u64),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

/// Whether a text says of anything below it that none of it shall run. What a status reports is no wish.
pub(super) fn to_nothing(text: &Value) -> bool {
    match text {
        Value::Object(fields) => {
            let parameter = fields.get("name").and_then(Value::as_str);
            parameter.is_some_and(counts) && fields.get("value").is_some_and(is_none)
                || fields
                    .iter()
                    .filter(|(name, _)| *name != "status")
                    .any(|(name, value)| counts(name) && is_none(value) || to_nothing(value))
        }
        Value::Array(items) => items.iter().any(to_nothing),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Whether `name=value` says so.
pub(super) fn pair_to_nothing(pair: &str) -> bool {
    let Some((name, value)) = pair.split_once('=') else {
        return false;
    };
    let value = value.trim_matches(['"', '\'']);
    counts(name) && is_none(&Value::String(value.to_owned()))
        || serde_json::from_str(value).is_ok_and(|value| to_nothing(&value))
}

#[cfg(test)]
mod tests {
    use super::{pair_to_nothing, to_nothing};
    use serde_json::json;

    #[test]
    fn a_count_of_nothing_is_found_wherever_it_stands() {
        assert!(to_nothing(&json!({"spec": {"kafka": {"replicas": 0}}})));
        assert!(to_nothing(&json!({"spec": {"minReplicas": "0"}})));
        assert!(to_nothing(&json!([{"name": "replicaCount", "value": "0"}])));
        assert!(!to_nothing(
            &json!({"spec": {"replicas": 3}, "status": {"readyReplicas": 0}})
        ));
        assert!(pair_to_nothing("web={\"replicas\": 0}"));
        assert!(!pair_to_nothing("web.replicas=10"));
    }
}
