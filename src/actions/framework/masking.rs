//! What an action says is masked before anybody sees it.

use crate::{
    domain::{
        run::{StepReport, StepResult},
        secret::SecretValue,
    },
    ports::secrets::Secrets,
};
use serde_json::Value;

/// The report without secret values in summary, error and outputs.
pub(super) fn masked(report: StepReport, secrets: &dyn Secrets) -> StepReport {
    let values = secrets.all_values();
    let result = match report.result {
        StepResult::Failed { error, retryable } => StepResult::Failed {
            error: mask(&error, &values),
            retryable,
        },
        other @ (StepResult::Succeeded | StepResult::TimedOut | StepResult::Canceled) => other,
    };
    StepReport {
        result,
        check: report.check,
        summary: mask(&report.summary, &values),
        outputs: mask_value(report.outputs, &values),
    }
}

fn mask_value(value: Value, secrets: &[SecretValue]) -> Value {
    match value {
        Value::String(text) => Value::String(mask(&text, secrets)),
        Value::Array(items) => items
            .into_iter()
            .map(|item| mask_value(item, secrets))
            .collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(key, item)| (mask(&key, secrets), mask_value(item, secrets)))
            .collect(),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_)) => plain,
    }
}

fn mask(text: &str, secrets: &[SecretValue]) -> String {
    secrets
        .iter()
        .map(SecretValue::expose)
        .filter(|secret| !secret.is_empty())
        .fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
}
