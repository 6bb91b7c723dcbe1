//! What servers say of an apply that they refuse, for people: conflicts by field and manager, and no values of Secrets.

use crate::{
    actions::kubernetes::{located::SECRET, subject::Subject},
    ports::cluster::ClusterError,
};
use serde_json::Value;

/// So many fields are named.
const NAMED: usize = 20;
/// What the agent's own changes are noted under.
const OWN: &str = "orderly";

/// Why it was not applied, and whether trying again may help.
pub(in crate::actions::kubernetes) fn told(
    subject: &Subject,
    written: &Value,
    error: &ClusterError,
) -> (String, bool) {
    if is_another(error) {
        let words = format!("{subject}: another one of this name has taken its place meanwhile");
        return (words, true);
    }
    let fields = match error {
        ClusterError::Conflict { message, .. } => fields(message),
        _ => Vec::new(),
    };
    if fields.is_empty() {
        let words = format!("{subject}: {error}");
        return (withheld(words, subject, written), error.retryable());
    }
    let own = fields.iter().all(|(_, manager)| manager == OWN);
    let more = fields.len().saturating_sub(NAMED);
    let each = fields.iter().take(NAMED);
    let mut named: Vec<String> = each
        .map(|(field, manager)| format!("`{field}` is managed by `{manager}`"))
        .collect();
    if more > 0 {
        named.push(format!("{more} more fields"));
    }
    let hint = if own {
        "an earlier step of the agent changed them by another action; `force: true` takes them over"
    } else {
        "leave these fields out, or take them over with `force: true`"
    };
    let words = format!("{subject}: conflict: {}\nhint: {hint}", named.join(", "));
    (words, false)
}

/// The object that was looked at is not there any more: where one has its name, the server takes it for a change of its `uid`.
fn is_another(error: &ClusterError) -> bool {
    let message = match error {
        ClusterError::Refused { code: 422, message } => message,
        ClusterError::Conflict { message, .. } => message,
        _ => return false,
    };
    message.contains("metadata.uid") && message.contains("immutable")
        || message.contains("uid mismatch")
}

/// The fields of a server's conflict message, each with its manager. `conflict with "a" using v1: .data.x`, or
/// `conflicts with "a":` and lines that begin with `- `.
fn fields(message: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut manager = String::new();
    for line in message.lines() {
        if let Some(field) = line.strip_prefix("- ") {
            found.push((field.trim().to_owned(), manager.clone()));
            continue;
        }
        let Some((_, named)) = line
            .split_once("conflict with \"")
            .or_else(|| line.split_once("conflicts with \""))
        else {
            continue;
        };
        let Some((name, rest)) = named.split_once('"') else {
            continue;
        };
        name.clone_into(&mut manager);
        if let Some((_, field)) = rest.split_once(": ") {
            found.push((field.trim().to_owned(), manager.clone()));
        }
    }
    found
}

/// The server may repeat what it could not read; of a Secret nobody shall.
fn withheld(mut words: String, subject: &Subject, written: &Value) -> String {
    if subject.kind != SECRET {
        return words;
    }
    for held in ["/data", "/stringData"] {
        let values = written.pointer(held).and_then(Value::as_object);
        for value in values.into_iter().flat_map(|values| values.values()) {
            let text = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            if !text.is_empty() {
                words = words.replace(&text, "***");
            }
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::fields;

    #[test]
    fn a_conflict_names_each_field_and_its_manager() {
        let one = "Apply failed with 1 conflict: conflict with \"other\" using v1: .data.a";
        assert_eq!(fields(one), [(".data.a".to_owned(), "other".to_owned())]);
        let many = "Apply failed with 3 conflicts: conflicts with \"hpa\" with subresource \"scale\" using apps/v1 at 2026-01-01T00:00:00Z:\n- .spec.replicas\nconflicts with \"kubectl\":\n- .data.a\n- .spec.containers[name=\"app\"].image";
        let found = fields(many);
        assert_eq!(found.len(), 3);
        assert_eq!(found[0], (".spec.replicas".to_owned(), "hpa".to_owned()));
        assert_eq!(found[2].1, "kubectl");
        assert_eq!(
            fields("uid mismatch: the provided object specified uid a"),
            []
        );
    }
}
