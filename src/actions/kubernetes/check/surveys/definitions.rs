//! Definitions of custom resources.

use super::{Survey, problem};
use crate::actions::kubernetes::{
    check::Problem,
    object::{condition, cut, is, text},
};
use serde_json::Value;

pub(in crate::actions::kubernetes::check) fn definitions(definitions: &[Value]) -> Survey {
    let bad = |definition: &Value| {
        if is(definition, "Established") {
            return None;
        }
        let names = condition(definition, "NamesAccepted");
        let refused = names.filter(|names| text(names, "/status") == "False");
        let why = match refused.or_else(|| condition(definition, "Established")) {
            Some(why) => cut(text(why, "/message")),
            None => "is not established yet".to_owned(),
        };
        Some(problem(definition, why))
    };
    let problems: Vec<Problem> = definitions.iter().filter_map(bad).collect();
    let well = definitions.len() - problems.len();
    Survey::ready_of(
        "definitions are established",
        well,
        definitions.len(),
        problems,
    )
}
