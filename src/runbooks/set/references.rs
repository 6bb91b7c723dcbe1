//! What runbooks name: calendars, environments and their values, and other runbooks with their inputs.

use crate::{
    domain::{
        expression::{self, Reference, Root},
        policy::Tightening,
        runbook::{Document, Runbook, Step, Trigger},
    },
    runbooks::{
        document::Lost,
        schema::Kind,
        set::{CALL, Set, Spot, Teller, all_steps, files::check_files, inputs::Call},
    },
};
use serde_json::Value;
use std::collections::BTreeMap;

/// Environments that need no document.
const WELL_KNOWN: [&str; 4] = ["local", "development", "staging", "production"];

impl<'a> Set<'a> {
    /// The runbook whose backups a policy's rule asks for.
    pub(super) fn check_policy(&self, policy: &Tightening, tell: &mut Teller<'_>) {
        for (index, rule) in policy.fresh_backup.iter().enumerate() {
            if let Some(runbook) = &rule.runbook {
                let spot = Spot::Content(format!("/freshBackup/{index}/runbook"));
                self.find_target(runbook.as_str(), "`freshBackup`", spot, tell);
            }
        }
    }

    pub(super) fn check_runbook(
        &self,
        file: &str,
        runbook: &Runbook,
        lost: &Lost,
        tell: &mut Teller<'_>,
    ) {
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
            if let Some(lacks) = self.beside.lacks {
                check_files(file, step, lacks, tell);
            }
        }
        if let Some(declared) = self.beside.declared {
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
                    let call = Call {
                        caller: (!lost.inputs).then_some(runbook),
                        step,
                        arguments: &arguments,
                        is_whole: !lost.steps.contains(&step.name),
                    };
                    call.check(target, tell);
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
