//! Files of the repository that steps are carried out with.

use crate::{
    domain::{
        expression,
        runbook::{Runbook, Step},
    },
    runbooks::set::{Lacks, Spot, Teller, all_steps},
};
use serde_json::Value;

/// The actions that are carried out with files of the repository, each with the arguments that name them: one path, or a list.
const ACTIONS: [(&str, &[&str]); 3] = [
    ("command", &["files"]),
    ("kubernetes/apply", &["files"]),
    ("helm/upgrade", &["chart", "valuesFiles"]),
];

/// A path that a step names, and where in its arguments.
struct Named {
    place: String,
    path: String,
}

/// The paths that a runbook's steps name, as far as they are written out, from the repository's top on.
pub fn wanted_files(runbook: &Runbook) -> impl Iterator<Item = String> {
    all_steps(runbook).flat_map(named).map(|named| named.path)
}

/// Paths that a step names, as far as they are written out.
fn named(step: &Step) -> Vec<Named> {
    let mut actions = ACTIONS.iter();
    let found = actions.find(|(name, _)| *name == step.uses.as_str());
    // Reading the arguments of every step of ten thousand runbooks would cost more than all else.
    let Some((_, keys)) =
        found.filter(|(_, keys)| keys.iter().any(|key| step.with.as_str().contains(key)))
    else {
        return Vec::new();
    };
    let arguments = step.with.value();
    let all = keys.iter().flat_map(|key| paths(key, arguments.get(key)));
    all.filter(|named| !expression::has_expression(&named.path) && !is_address(&named.path))
        .collect()
}

fn paths(key: &str, value: Option<&Value>) -> Vec<Named> {
    let named = |place: String, path: &Value| {
        let path = path.as_str()?.to_owned();
        Some(Named { place, path })
    };
    match value {
        Some(Value::Array(paths)) => {
            let each = paths.iter().enumerate();
            each.filter_map(|(index, path)| named(format!("{key}/{index}"), path))
                .collect()
        }
        Some(path) => named(key.to_owned(), path).into_iter().collect(),
        None => Vec::new(),
    }
}

/// A chart may lie elsewhere.
fn is_address(path: &str) -> bool {
    path.contains("://")
}

pub(super) fn check_files(file: &str, step: &Step, lacks: &Lacks<'_>, tell: &mut Teller<'_>) {
    for Named { place, path } in named(step) {
        if let Some(why) = lacks(file, &path) {
            let what = format!(
                "`{path}`, which the step `{}` needs, cannot be had: {why}",
                step.name
            );
            let hint = "paths begin at the repository's top, as in `manifests/web.yaml`";
            tell.error(Spot::argument(step, &place), what, Some(hint.to_owned()));
        }
    }
}
