//! Credentials that rotations keep: one name is one credential, of one kind, at the same places.

use super::{Entry, Spot, Teller, all_steps};
use crate::domain::{expression, runbook::Step};
use serde_json::Value;
use std::collections::BTreeMap;

/// Actions that keep a credential, by the beginning of their names.
const ROTATIONS: &str = "rotate/";
/// Arguments that say what a credential is and where.
const WHERE: [&str; 4] = ["distribute", "certManager", "server", "serviceAccount"];

/// The steps that keep a credential, by its name: the first that names it, in the order of the entries.
pub(super) struct Credentials<'a>(BTreeMap<String, Kept<'a>>);

struct Kept<'a> {
    by: &'a Step,
    runbook: &'a str,
    place: Vec<Option<Value>>,
}

impl<'a> Credentials<'a> {
    pub(super) fn of(entries: &[Entry<'a>]) -> Self {
        let mut all = BTreeMap::new();
        for entry in entries {
            let Some((runbook, _)) = entry.runbook() else {
                continue;
            };
            for step in all_steps(runbook) {
                if let Some((name, place)) = kept(step) {
                    all.entry(name).or_insert_with(|| Kept {
                        by: step,
                        runbook: runbook.name.as_str(),
                        place,
                    });
                }
            }
        }
        Self(all)
    }

    /// What else keeps the step's credential, at other places or in another way.
    pub(super) fn check(&self, step: &Step, tell: &mut Teller<'_>) {
        let Some((name, place)) = kept(step) else {
            return;
        };
        let Some(first) = self.0.get(&name) else {
            return;
        };
        if std::ptr::eq(first.by, step) || first.by.uses == step.uses && first.place == place {
            return;
        }
        let what = format!(
            "the credential `{name}` is kept by the step `{}` of `{}` already, as another one",
            first.by.name, first.runbook
        );
        let hint = "a name stands for one credential: give this one another name, or both steps the same places";
        tell.error(Spot::argument(step, "name"), what, Some(hint.to_owned()));
    }
}

/// The credential that a step keeps, and what says where; nothing where that is known only when it runs.
fn kept(step: &Step) -> Option<(String, Vec<Option<Value>>)> {
    if !step.uses.as_str().starts_with(ROTATIONS) {
        return None;
    }
    let arguments = step.with.value();
    let name = arguments.get("name")?.as_str()?;
    if expression::has_expression(name) {
        return None;
    }
    let place = WHERE.map(|key| arguments.get(key).cloned()).to_vec();
    Some((name.to_owned(), place))
}
