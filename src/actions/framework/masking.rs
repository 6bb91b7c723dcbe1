//! What an action says is masked before anybody sees it.

use crate::domain::{
    mask::Masker,
    run::{StepReport, StepResult},
    secret::SecretValue,
};
use std::sync::{Mutex, PoisonError};

/// The longest summary or error, in characters.
const LONGEST: usize = 4000;

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
        StepReport {
            result,
            check: report.check,
            summary: short(masker.mask(&report.summary)),
            outputs: masker.mask_json(report.outputs),
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
