//! What only all files together can show: names taken twice, names that lead nowhere, and runbooks that start themselves.

mod circles;

use crate::{
    domain::{
        calendar::Calendar,
        expression::{self, Root},
        name::RunbookName,
        runbook::{Document, Environment, Runbook, Step, Trigger},
    },
    runbooks::{
        problems::{Problem, Severity, hint_among},
        schema::Kind,
    },
};
use serde_json::Value;
use std::collections::BTreeMap;

/// Environments that need no document.
const WELL_KNOWN: [&str; 4] = ["local", "development", "staging", "production"];
/// The action that starts another runbook, and the argument that names it.
const CALL: (&str, &str) = ("runbook", "runbook");

/// A document of the set.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// Its file.
    pub file: &'a str,
    /// Its first line there.
    pub line: usize,
    /// What it says.
    pub document: &'a Document,
}

/// Something wrong between documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetProblem {
    /// What and where: the file and line of the document; the column is 1 and the line's text is not shown.
    pub problem: Problem,
    /// The runbook that cannot be used because of it.
    pub runbook: Option<RunbookName>,
}

/// Everything wrong between these documents, in their order.
pub fn check_set(members: &[Member<'_>]) -> Vec<SetProblem> {
    let set = Set::new(members);
    let mut found: Vec<(usize, SetProblem)> = Vec::new();
    for (index, member) in members.iter().enumerate() {
        let mut tell = Teller {
            member: *member,
            index,
            found: &mut found,
        };
        set.check_name(index, &mut tell);
        if let Document::Runbook(runbook) = member.document {
            set.check_runbook(runbook, &mut tell);
        }
    }
    for (index, circle) in circles::circles(members) {
        let mut tell = Teller {
            member: members[index],
            index,
            found: &mut found,
        };
        tell.error(format!("the runbook starts itself: {circle}"), None);
    }
    found.sort_by_key(|(index, _)| *index);
    found.into_iter().map(|(_, problem)| problem).collect()
}

/// Says what is wrong with one member.
struct Teller<'a, 'f> {
    member: Member<'a>,
    index: usize,
    found: &'f mut Vec<(usize, SetProblem)>,
}

impl Teller<'_, '_> {
    fn error(&mut self, what: String, hint: Option<String>) {
        let runbook = match self.member.document {
            Document::Runbook(runbook) => Some(runbook.name.clone()),
            Document::Environment(_) | Document::Calendar(_) | Document::Policy(_) => None,
        };
        let problem = Problem {
            file: self.member.file.to_owned(),
            line: self.member.line,
            column: 1,
            what,
            hint,
            source_line: String::new(),
            severity: Severity::Error,
        };
        self.found
            .push((self.index, SetProblem { problem, runbook }));
    }
}

struct Set<'a> {
    /// The first document of each kind and name.
    first: BTreeMap<(&'static str, &'a str), usize>,
    members: &'a [Member<'a>],
    runbooks: BTreeMap<&'a str, &'a Runbook>,
    environments: Vec<&'a Environment>,
    calendars: Vec<&'a Calendar>,
}

fn identity(document: &Document) -> (Kind, &str) {
    match document {
        Document::Runbook(runbook) => (Kind::Runbook, runbook.name.as_str()),
        Document::Environment(environment) => (Kind::Environment, environment.name.as_str()),
        Document::Calendar(calendar) => (Kind::Calendar, calendar.name.as_str()),
        Document::Policy(policy) => (Kind::Policy, policy.name.as_str()),
    }
}

impl<'a> Set<'a> {
    fn new(members: &'a [Member<'a>]) -> Self {
        let mut set = Self {
            first: BTreeMap::new(),
            members,
            runbooks: BTreeMap::new(),
            environments: Vec::new(),
            calendars: Vec::new(),
        };
        for (index, member) in members.iter().enumerate() {
            let (kind, name) = identity(member.document);
            set.first.entry((kind.as_str(), name)).or_insert(index);
            match member.document {
                Document::Runbook(runbook) => {
                    set.runbooks.entry(name).or_insert(runbook);
                }
                Document::Environment(environment) => set.environments.push(environment),
                Document::Calendar(calendar) => set.calendars.push(calendar),
                Document::Policy(_) => {}
            }
        }
        set
    }

    fn check_name(&self, index: usize, tell: &mut Teller<'_, '_>) {
        let (kind, name) = identity(tell.member.document);
        let first = self.first.get(&(kind.as_str(), name)).copied();
        let Some(first) = first.filter(|first| *first != index) else {
            return;
        };
        let Member { file, line, .. } = self.members[first];
        let what = format!(
            "the {} `{name}` stands already in {file}:{line}",
            kind.as_str()
        );
        tell.error(what, Some("names are unique in the repository".to_owned()));
    }

    fn check_runbook(&self, runbook: &Runbook, tell: &mut Teller<'_, '_>) {
        for calendar in &runbook.windows {
            let mut names = self.calendars.iter().map(|calendar| calendar.name.as_str());
            if !names.any(|name| name == calendar.as_str()) {
                let names: Vec<_> = self
                    .calendars
                    .iter()
                    .map(|known| known.name.as_str())
                    .collect();
                let hint = hint_among(calendar.as_str(), names);
                let hint = hint.unwrap_or_else(|| "there are none in the repository".to_owned());
                tell.error(format!("there is no calendar `{calendar}`"), Some(hint));
            }
        }
        for environment in &runbook.environments {
            let documents = self.environments.iter().map(|known| known.name.as_str());
            let known: Vec<&str> = documents.chain(WELL_KNOWN).collect();
            if !known.contains(&environment.as_str()) {
                let hint = hint_among(environment.as_str(), known);
                tell.error(format!("there is no environment `{environment}`"), hint);
            }
        }
        for trigger in &runbook.triggers {
            if let Trigger::After { runbook, .. } = trigger {
                self.check_target(runbook.as_str(), "its trigger `after`", tell);
            }
        }
        for step in all_steps(runbook) {
            self.check_step(runbook, step, tell);
        }
    }

    fn check_target(&self, name: &str, by: &str, tell: &mut Teller<'_, '_>) -> Option<&'a Runbook> {
        let target = self.runbooks.get(name).copied();
        if target.is_none() {
            let hint = hint_among(name, self.runbooks.keys().copied());
            tell.error(
                format!("there is no runbook `{name}`, which {by} names"),
                hint,
            );
        }
        target
    }

    fn check_step(&self, runbook: &Runbook, step: &Step, tell: &mut Teller<'_, '_>) {
        if step.uses.as_str() == CALL.0 {
            let arguments = step.with.value();
            let name = arguments.get(CALL.1).and_then(Value::as_str);
            if let Some(name) = name.filter(|name| !expression::has_expression(name))
                && let Some(target) =
                    self.check_target(name, &format!("its step `{}`", step.name), tell)
            {
                check_inputs(step, target, &arguments, tell);
            }
        }
        if step.with.as_str().contains("values") || mentions_values(step.when.as_deref()) {
            self.check_values(runbook, step, tell);
        }
    }

    /// The environment's values that a step names, in every environment that it applies in and that is known.
    fn check_values(&self, runbook: &Runbook, step: &Step, tell: &mut Teller<'_, '_>) {
        let in_arguments = expression::references(&step.with.value()).unwrap_or_default();
        let in_condition = step.when.as_deref().map(expression::condition_references);
        let in_condition = in_condition.and_then(Result::ok).unwrap_or_default();
        let mut names: Vec<String> = in_arguments
            .into_iter()
            .chain(in_condition)
            .filter(|reference| reference.root == Root::Values)
            .filter_map(|reference| reference.path.into_iter().next())
            .collect();
        names.sort();
        names.dedup();
        let applies = |environment: &&&Environment| runbook.applies_in(&environment.name);
        for environment in self.environments.iter().filter(applies) {
            for name in &names {
                if !environment.values.contains_key(name) {
                    let what = format!(
                        "the environment `{}` has no value `{name}`, which the step `{}` names",
                        environment.name, step.name
                    );
                    tell.error(
                        what,
                        hint_among(name, environment.values.keys().map(String::as_str)),
                    );
                }
            }
        }
    }
}

fn mentions_values(condition: Option<&str>) -> bool {
    condition.is_some_and(|condition| condition.contains("values"))
}

fn all_steps(runbook: &Runbook) -> impl Iterator<Item = &Step> {
    let lists = [&runbook.steps, &runbook.rollback, &runbook.finally];
    lists.into_iter().flat_map(|steps| steps.iter())
}

/// The inputs that a step gives to the runbook it starts.
fn check_inputs(step: &Step, target: &Runbook, arguments: &Value, tell: &mut Teller<'_, '_>) {
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
    for name in given.keys().filter(|name| !names.contains(&name.as_str())) {
        let what = format!(
            "{} has no input `{name}`, which the step `{}` gives",
            target.name, step.name
        );
        tell.error(what, hint_among(name, names.iter().copied()));
    }
    let missing = target.inputs.iter().filter(|input| input.required);
    for input in missing.filter(|input| !given.contains_key(input.name.as_str())) {
        let what = format!(
            "{} requires the input `{}`, which the step `{}` does not give",
            target.name, input.name, step.name
        );
        tell.error(what, None);
    }
}

#[cfg(test)]
mod tests;
