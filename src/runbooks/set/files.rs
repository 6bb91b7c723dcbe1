//! Files of the repository that steps are carried out with.

use crate::{
    domain::{
        expression,
        runbook::{Runbook, Step},
    },
    runbooks::set::{Lacks, Spot, Teller, all_steps},
};
use serde_json::Value;

/// The actions that are carried out with files of the repository, and the argument that names them.
const ACTIONS: [&str; 2] = ["command", "kubernetes/apply"];
const FILES: &str = "files";

/// The paths that a runbook's steps name, as far as they are written out, from the repository's top on.
pub fn wanted_files(runbook: &Runbook) -> impl Iterator<Item = String> {
    all_steps(runbook).flat_map(named).map(|(_, path)| path)
}

/// Paths that a step names, each with its place in the list.
fn named(step: &Step) -> Vec<(usize, String)> {
    // Reading the arguments of every step of ten thousand runbooks would cost more than all else.
    if !ACTIONS.contains(&step.uses.as_str()) || !step.with.as_str().contains(FILES) {
        return Vec::new();
    }
    let arguments = step.with.value();
    let paths = arguments.get(FILES).and_then(Value::as_array);
    let paths = paths.into_iter().flatten().enumerate();
    let written = paths.filter_map(|(index, path)| Some((index, path.as_str()?.to_owned())));
    written
        .filter(|(_, path)| !expression::has_expression(path))
        .collect()
}

pub(super) fn check_files(file: &str, step: &Step, lacks: &Lacks<'_>, tell: &mut Teller<'_>) {
    for (index, path) in named(step) {
        if let Some(why) = lacks(file, &path) {
            let what = format!(
                "`{path}`, which the step `{}` needs, cannot be had: {why}",
                step.name
            );
            let hint = "paths begin at the repository's top, as in `manifests/web.yaml`";
            tell.error(Spot::file(step, index), what, Some(hint.to_owned()));
        }
    }
}
