//! What an action says is masked before anybody sees it.

use crate::domain::{
    mask::Masker,
    run::{StepReport, StepResult},
    secret::SecretValue,
};
use serde_json::Value;
use std::sync::{Mutex, PoisonError};

/// The longest summary or error, in characters.
const LONGEST: usize = 4000;
/// The largest outputs, in bytes of JSON.
const LARGEST: usize = 1 << 20;

/// Masks reports. Learning the values is the dear part, so what was learned is kept while they stay the same.
#[derive(Debug, Default)]
pub(super) struct Masking(Mutex<Option<(Vec<SecretValue>, Masker)>>);

impl Masking {
    /// The report without these values in summary, error and outputs.
    pub(super) fn masked(&self, report: StepReport, values: Vec<SecretValue>) -> StepReport {
        let masker = self.masker(values);
        let result = match report.result {
            StepResult::Failed { error, retryable } => StepResult::Failed {
                error: short(masker.mask(&error)),
                retryable,
            },
            other @ (StepResult::Succeeded | StepResult::TimedOut | StepResult::Canceled) => other,
        };
        let (summary, outputs) = fitting(report.summary, report.outputs);
        StepReport {
            result,
            check: report.check,
            summary: short(masker.mask(&summary)),
            outputs: masked_outputs(&masker, outputs),
            trace: report.trace,
        }
    }

    fn masker(&self, values: Vec<SecretValue>) -> Masker {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match known.as_ref() {
            Some((same, masker)) if equal(same, &values) => masker.clone(),
            Some(_) | None => {
                let masker = Masker::new(&values);
                *known = Some((values, masker.clone()));
                masker
            }
        }
    }
}

/// Outputs that say what became of artifacts (`flow::artifacts` enters them in the history).
const OF_ARTIFACTS: [&str; 4] = ["artifact", "verified", "unsound", "removed"];
/// What an artifact is known by. The agent makes these of its configuration and of names in runbooks, never of a secret.
const FACTS: [&str; 5] = ["id", "kind", "name", "path", "sha256"];

/// Outputs without secrets. What an artifact is known by stays as it is, whatever words secrets are made of: a backup whose path is
/// changed cannot be found any more.
fn masked_outputs(masker: &Masker, outputs: Value) -> Value {
    let Value::Object(outputs) = outputs else {
        return masker.mask_json(outputs);
    };
    let masked = |(key, value): (String, Value)| {
        if OF_ARTIFACTS.contains(&key.as_str()) {
            (key, masked_facts(masker, value))
        } else {
            (masker.mask(&key), masker.mask_json(value))
        }
    };
    outputs.into_iter().map(masked).collect()
}

fn masked_facts(masker: &Masker, value: Value) -> Value {
    match value {
        Value::Array(all) => all
            .into_iter()
            .map(|one| masked_facts(masker, one))
            .collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| {
                let is_fact =
                    value.is_number() || FACTS.contains(&key.as_str()) && value.is_string();
                let value = if is_fact {
                    value
                } else {
                    masker.mask_json(value)
                };
                (key, value)
            })
            .collect(),
        other => masker.mask_json(other),
    }
}

/// What a step did has happened, however much it has to say: outputs that are too large are left out, and said so.
fn fitting(summary: String, outputs: Value) -> (String, Value) {
    if outputs.to_string().len() <= LARGEST {
        return (summary, outputs);
    }
    let words = format!("{summary} (outputs of more than {LARGEST} bytes were left out)");
    (words, Value::Null)
}

/// Words for people stay words; what is long belongs to the log.
fn short(text: String) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}… (cut)", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn equal(one: &[SecretValue], two: &[SecretValue]) -> bool {
    one.iter()
        .map(SecretValue::expose)
        .eq(two.iter().map(SecretValue::expose))
}

#[cfg(test)]
mod tests {
    use super::masked_outputs;
    use crate::domain::{mask::Masker, secret::SecretValue};
    use serde_json::json;

    #[test]
    fn what_an_artifact_is_known_by_outlives_secrets_of_the_same_words() {
        let values =
            ["orderly", "1234", "hush", "shop"].map(|value| SecretValue::new(value.to_owned()));
        let masker = Masker::new(&values);
        let made = json!({
            "kind": "files", "name": "shop", "path": "/var/lib/orderly/artifacts/shop/a-1234", "sha256": "ab1234",
            "size": 1234, "doubt": "hush is smaller than 1234 bytes"
        });
        let outputs = json!({
            "artifact": made, "removed": [{ "path": "/var/lib/orderly/a", "reason": "hush" }],
            "verified": { "path": "/var/lib/orderly/a", "tookMs": 1234, "content": { "hush": 1234 } },
            "body": { "path": "/var/lib/orderly", "size": 1234 }, "orderly": true
        });
        let masked = masked_outputs(&masker, outputs);
        let mut kept = made;
        kept["doubt"] = json!("*** is smaller than *** bytes");
        assert_eq!(masked["artifact"], kept);
        let gone = json!([{ "path": "/var/lib/orderly/a", "reason": "***" }]);
        assert_eq!(masked["removed"], gone);
        let tried =
            json!({ "path": "/var/lib/orderly/a", "tookMs": 1234, "content": { "***": "***" } });
        assert_eq!(masked["verified"], tried);
        assert_eq!(
            masked["body"],
            json!({ "path": "/var/lib/***", "size": "***" })
        );
        assert_eq!(masked["***"], true);
    }
}
