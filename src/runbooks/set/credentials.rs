//! Credentials that rotations keep: one name is one credential, of one kind, at the same places.

use super::{Entry, Spot, Teller, all_steps};
use crate::domain::{
    expression,
    runbook::{Runbook, Step},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// Actions that keep a credential, by the beginning of their names.
const ROTATIONS: &str = "rotate/";
/// Arguments that say what a credential is and where.
const WHERE: [&str; 4] = ["distribute", "certManager", "server", "serviceAccount"];

/// The steps that keep a credential, by its name, in the order of the entries.
pub(super) struct Credentials<'a>(BTreeMap<String, Vec<Keeper<'a>>>);

struct Keeper<'a> {
    runbook: &'a Runbook,
    step: &'a Step,
    place: Vec<Option<Value>>,
}

impl<'a> Credentials<'a> {
    pub(super) fn of(entries: &[Entry<'a>]) -> Self {
        let mut all: BTreeMap<String, Vec<Keeper<'a>>> = BTreeMap::new();
        for (runbook, _) in entries.iter().filter_map(Entry::runbook) {
            for step in all_steps(runbook) {
                if let Some(name) = kept(step) {
                    let arguments = step.with.value();
                    let place = WHERE.map(|key| arguments.get(key).cloned()).to_vec();
                    all.entry(name).or_default().push(Keeper {
                        runbook,
                        step,
                        place,
                    });
                }
            }
        }
        Self(all)
    }

    /// What keeps the step's credential before it, at other places or in another way.
    pub(super) fn check(&self, step: &Step, tell: &mut Teller<'_>) {
        let Some(name) = kept(step) else {
            return;
        };
        let keepers = self.0.get(&name).map_or(&[][..], Vec::as_slice);
        let Some(place) = keepers.iter().position(|one| std::ptr::eq(one.step, step)) else {
            return;
        };
        let (before, rest) = keepers.split_at(place);
        let Some((one, other)) = rest
            .first()
            .and_then(|one| Some((one, before.iter().find(|other| one.denies(other))?)))
        else {
            return;
        };
        let what = format!(
            "the credential `{name}` is kept by the step `{}` of `{}` already, as another one",
            other.step.name, other.runbook.name
        );
        let hint = if std::ptr::eq(one.runbook, other.runbook) {
            "a name stands for one credential: give this one another name, or both steps the same places"
        } else {
            "a name stands for one credential: give this one another name, or both runbooks environments of their own"
        };
        tell.error(Spot::argument(step, "name"), what, Some(hint.to_owned()));
    }
}

impl Keeper<'_> {
    /// Whether one agent may meet both, and they are not the same credential.
    fn denies(&self, other: &Self) -> bool {
        let (ours, theirs) = (&self.runbook.environments, &other.runbook.environments);
        let apart = !ours.is_empty() && !theirs.is_empty();
        let apart = apart && !ours.iter().any(|one| theirs.contains(one));
        let same = self.step.uses == other.step.uses && self.place == other.place;
        !apart && !same
    }
}

/// The credential that a step keeps; nothing where that is known only when it runs.
fn kept(step: &Step) -> Option<String> {
    if !step.uses.as_str().starts_with(ROTATIONS) {
        return None;
    }
    let arguments = step.with.value();
    let name = arguments.get("name")?.as_str()?;
    (!expression::has_expression(name)).then(|| name.to_owned())
}
