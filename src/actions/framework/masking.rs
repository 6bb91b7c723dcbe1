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
            outputs: masker.mask_json(outputs),
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
