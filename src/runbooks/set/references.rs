//! What runbooks name: calendars, environments and their values, and other runbooks with their inputs.

use crate::{
    domain::{
        expression::{self, Reference, Root},
        runbook::{Document, Runbook, Step, Trigger},
    },
    runbooks::{
        document::Lost,
        schema::Kind,
        set::{CALL, Set, Spot, Teller, all_steps},
    },
};
use serde_json::Value;
use std::collections::BTreeMap;

/// Environments that need no document.
const WELL_KNOWN: [&str; 4] = ["local", "development", "staging", "production"];

impl<'a> Set<'a> {
    pub(super) fn check_runbook(&self, runbook: &Runbook, lost: &Lost, tell: &mut Teller<'_>) {
        for calendar in &runbook.windows {
            let name = calendar.as_str();
            if !self.knows(Kind::Calendar, name) {
                let hint = self.hint(name, self.names(Kind::Calendar));
                let hint = hint.unwrap_or_else(|| "there are none in the repository".to_owned());
                let what = format!("there is no calendar `{calendar}`");
                tell.error(Spot::listed("windows", name), what, Some(hint));
            }
        }
        for environment in &runbook.environments {
            let name = environment.as_str();
            if !WELL_KNOWN.contains(&name) && !self.knows(Kind::Environment, name) {
                let hint = self.hint(name, self.names(Kind::Environment).chain(WELL_KNOWN));
                let what = format!("there is no environment `{environment}`");
                tell.error(Spot::listed("environments", name), what, hint);
            }
        }
        for trigger in &runbook.triggers {
            if let Trigger::After { runbook, .. } = trigger {
                let spot = Spot::After(runbook.as_str().to_owned());
                self.find_target(runbook.as_str(), "its trigger `after`", spot, tell);
            }
        }
        for step in all_steps(runbook) {
            self.check_step(runbook, step, lost, tell);
        }
        if let Some(declared) = self.declared {
            declared.check(self, runbook, tell);
        }
    }

    /// The runbook of a name; nothing where there is none, or it cannot be looked into.
    fn find_target(
        &self,
        name: &str,
        by: &str,
        spot: Spot,
        tell: &mut Teller<'_>,
    ) -> Option<(&'a Runbook, &'a Lost)> {
        if !self.knows(Kind::Runbook, name) {
            let hint = self.hint(name, self.names(Kind::Runbook));
            let what = format!("there is no runbook `{name}`, which {by} names");
            tell.error(spot, what, hint);
        }
        let index = self.first.get(&(Kind::Runbook.as_str(), name))?;
        match self.entries.get(*index)?.rest? {
            (Document::Runbook(runbook), lost) => Some((runbook, lost)),
            (Document::Environment(_) | Document::Calendar(_) | Document::Policy(_), _) => None,
        }
    }

    fn check_step(&self, runbook: &Runbook, step: &Step, lost: &Lost, tell: &mut Teller<'_>) {
        if step.uses.as_str() == CALL.0 {
            let arguments = step.with.value();
            let name = arguments.get(CALL.1).and_then(Value::as_str);
            if let Some(name) = name.filter(|name| !expression::has_expression(name)) {
                let by = format!("its step `{}`", step.name);
                let spot = Spot::argument(step, CALL.1);
                if let Some(target) = self.find_target(name, &by, spot, tell) {
                    let is_whole = !lost.steps.contains(&step.name);
                    check_inputs(step, target, &arguments, is_whole, tell);
                }
            }
        }
        let in_condition = step.when.as_deref().is_some_and(mentions_values);
        if mentions_values(step.with.as_str()) || in_condition {
            self.check_values(runbook, step, tell);
        }
    }

    /// The environment's values that a step names, in every environment that it applies in and that is known.
    fn check_values(&self, runbook: &Runbook, step: &Step, tell: &mut Teller<'_>) {
        let names = values(step);
        let environments = self.environments.iter();
        let known = environments
            .filter(|(environment, lost)| runbook.applies_in(&environment.name) && !lost.values);
        for (environment, _) in known {
            for (name, spot) in &names {
                if !environment.values.contains_key(name) {
                    let what = format!(
                        "the environment `{}` has no value `{name}`, which the step `{}` names",
                        environment.name, step.name
                    );
                    let hint = self.hint(name, environment.values.keys().map(String::as_str));
                    tell.error(spot.clone(), what, hint);
                }
            }
        }
    }
}

fn mentions_values(text: &str) -> bool {
    text.contains("values")
}

/// The values that a step names, each with the first place where it does.
fn values(step: &Step) -> BTreeMap<String, Spot> {
    let mut names = BTreeMap::new();
    let mut note = |key: &str, references: Vec<Reference>| {
        let values = references
            .into_iter()
            .filter(|reference| reference.root == Root::Values);
        for reference in values {
            let spot = Spot::reference(step, key, &reference);
            if let Some(name) = reference.path.into_iter().next() {
                names.entry(name).or_insert(spot);
            }
        }
    };
    let in_condition = step.when.as_deref().map(expression::condition_references);
    note(
        "when",
        in_condition.and_then(Result::ok).unwrap_or_default(),
    );
    note(
        "with",
        expression::references(&step.with.value()).unwrap_or_default(),
    );
    names
}

/// The inputs that a step gives to the runbook it starts.
fn check_inputs(
    step: &Step,
    (target, lost): (&Runbook, &Lost),
    arguments: &Value,
    is_whole: bool,
    tell: &mut Teller<'_>,
) {
    let empty = serde_json::Map::new();
    let given = match arguments.get("inputs") {
        None => &empty,
        Some(Value::Object(given)) => given,
        Some(_) => return,
    };
    let names: Vec<&str> = target
        .inputs
        .iter()
        .map(|input| input.name.as_str())
        .collect();
    let unknown = given.keys().filter(|name| !names.contains(&name.as_str()));
    for name in unknown.filter(|_| !lost.inputs) {
        let what = format!(
            "{} has no input `{name}`, which the step `{}` gives",
            target.name, step.name
        );
        let hint = crate::runbooks::problems::hint_among(name, names.iter().copied());
        tell.error(Spot::input(step, name), what, hint);
    }
    let missing = target
        .inputs
        .iter()
        .filter(|input| input.required && !given.contains_key(input.name.as_str()));
    for input in missing.filter(|_| is_whole) {
        let what = format!(
            "{} requires the input `{}`, which the step `{}` does not give",
            target.name, input.name, step.name
        );
        tell.error(Spot::argument(step, CALL.1), what, None);
    }
}
