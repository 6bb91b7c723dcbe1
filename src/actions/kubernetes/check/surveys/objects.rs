//! Objects of any kind.

use super::{Expected, Survey, problem};
use crate::actions::kubernetes::check::demands::Demands;
use jiff::Timestamp;
use serde_json::Value;

/// `word` is their kind, as people write it.
pub(in crate::actions::kubernetes::check) fn objects(
    word: &str,
    objects: &[Value],
    demands: &Demands,
    expected: Expected<'_>,
    now: Timestamp,
) -> Survey {
    let bad = |object: &Value| {
        let unfulfilled = demands.unfulfilled(object, now).into_iter();
        let problems = unfulfilled.map(|one| (one.status, problem(object, one.why)));
        problems.collect::<Vec<_>>()
    };
    let each: Vec<Vec<_>> = objects.iter().map(bad).collect();
    let well = each.iter().filter(|problems| problems.is_empty()).count();
    let what = if demands.is_empty() {
        format!("{word} objects are there")
    } else {
        format!("{word} objects are as asked")
    };
    let found = Survey::weighed(&what, objects.len(), each.into_iter().flatten().collect());
    Survey {
        ready: well as u64,
        headline: format!("{well} of {} {what}", objects.len()),
        // Those that are not as asked are told already, each as grave as it is.
        too_few: expected.lacking(objects.len() as u64),
        ..found
    }
}
