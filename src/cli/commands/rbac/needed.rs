//! What each runbook needs: every step explained, with every value that its inputs may have.

use crate::{
    cli::commands::gate::{
        beside::around,
        files::{HereNow, of_tree},
    },
    daemon::wiring,
    domain::{
        active::ActiveSet,
        inputs::complete,
        name::RunbookName,
        right::Right,
        runbook::{Input, Runbook},
    },
    flow::{
        explain::{Called, ExplainedStep, Question, Unplanned, runbook},
        world::Settings,
    },
    runbooks::input_from_text,
};
use jiff::Timestamp;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

/// So many combinations of values are tried.
const MOST: usize = 256;

/// What is asked.
pub(super) struct Asked<'a> {
    pub(super) set: &'a ActiveSet,
    pub(super) settings: &'a Settings,
    /// By the input's name.
    pub(super) inputs: BTreeMap<String, Vec<String>>,
    /// Where the runbooks lie.
    pub(super) top: &'a [PathBuf],
    pub(super) now: Timestamp,
}

/// What a runbook needs.
pub(super) struct Needed {
    pub(super) rights: BTreeSet<Right>,
    /// What could not be told or narrowed, each with the cluster that it is about where that is known.
    pub(super) untold: BTreeSet<(Option<String>, String)>,
    /// Whether each of its steps could be planned.
    pub(super) is_whole: bool,
}

impl Default for Needed {
    fn default() -> Self {
        Self {
            rights: BTreeSet::new(),
            untold: BTreeSet::new(),
            is_whole: true,
        }
    }
}

impl Needed {
    fn tell(&mut self, line: impl Into<String>) {
        self.untold.insert((None, line.into()));
    }
    fn lacks(&mut self, line: impl Into<String>) {
        self.is_whole = false;
        self.tell(line);
    }
}

/// By runbook; those of other environments are left out.
pub(super) fn needed(asked: &Asked<'_>) -> BTreeMap<RunbookName, Needed> {
    let mut all = BTreeMap::new();
    for active in asked.set.runbooks() {
        let found = &active.runbook;
        if found.applies_in(&asked.settings.environment) {
            asked.one(found, &mut all);
        }
    }
    all
}

impl Asked<'_> {
    fn one(&self, of: &Runbook, all: &mut BTreeMap<RunbookName, Needed>) {
        let values = match self.values(of) {
            Ok(values) => values,
            Err(problem) => return all.entry(of.name.clone()).or_default().lacks(problem),
        };
        let combined = values
            .iter()
            .map(|(_, values)| values.len())
            .product::<usize>();
        let values = if combined <= MOST {
            combinations(&values)
        } else {
            let why =
                format!("{combined} combinations of its inputs are too many; its defaults count");
            all.entry(of.name.clone()).or_default().tell(why);
            vec![BTreeMap::new()]
        };
        for given in values {
            self.with(of, &given, all);
        }
    }

    /// The values that each input is tried with; the default alone where none is named.
    fn values(&self, of: &Runbook) -> Result<Vec<(String, Vec<Value>)>, String> {
        let values = |input: &Input| {
            let given = self.inputs.get(input.name.as_str());
            let values = match given {
                Some(texts) => {
                    let values = texts.iter().map(|text| input_from_text(input, text));
                    values.collect::<Result<Vec<Value>, String>>()?
                }
                None => input.choices.to_vec(),
            };
            Ok((input.name.to_string(), values))
        };
        let values = of
            .inputs
            .iter()
            .map(values)
            .collect::<Result<Vec<_>, String>>()?;
        Ok(values
            .into_iter()
            .filter(|(_, values)| !values.is_empty())
            .collect())
    }

    fn with(
        &self,
        of: &Runbook,
        given: &BTreeMap<String, Value>,
        all: &mut BTreeMap<RunbookName, Needed>,
    ) {
        let lacks = |input: &&Input| {
            input.required && input.default.is_none() && !given.contains_key(input.name.as_str())
        };
        let missing: BTreeSet<String> = of
            .inputs
            .iter()
            .filter(lacks)
            .map(|input| input.name.to_string())
            .collect();
        let known: Vec<Input> = of
            .inputs
            .iter()
            .filter(|input| !missing.contains(input.name.as_str()))
            .cloned()
            .collect();
        let inputs = match complete(&known, given) {
            Ok(inputs) => inputs,
            Err(problem) => return all.entry(of.name.clone()).or_default().lacks(problem),
        };
        let question = Question {
            runbook: of,
            inputs: &inputs,
            missing: &missing,
            settings: self.settings,
            set: self.set,
            only: None,
            materials: &HereNow,
            repository: &|paths| of_tree(&self.repository(), paths),
            now: self.now,
        };
        let steps = runbook(&question, &wiring::catalogue());
        collect(&of.name, &steps, all);
    }

    /// The top of the repository around the runbooks.
    fn repository(&self) -> PathBuf {
        let first = self.top.first().cloned().unwrap_or_default();
        let inside = if first.is_dir() {
            first.join("x")
        } else {
            first
        };
        around(&inside, "").top
    }
}

/// One value for each input, in every way.
fn combinations(values: &[(String, Vec<Value>)]) -> Vec<BTreeMap<String, Value>> {
    let mut all = vec![BTreeMap::new()];
    for (name, values) in values {
        let with_each = |before: &BTreeMap<String, Value>| {
            let with = |value: &Value| {
                let mut one = before.clone();
                one.insert(name.clone(), value.clone());
                one
            };
            values.iter().map(with).collect::<Vec<_>>()
        };
        all = all.iter().flat_map(with_each).collect();
    }
    all
}

fn collect(name: &RunbookName, steps: &[ExplainedStep], all: &mut BTreeMap<RunbookName, Needed>) {
    all.entry(name.clone()).or_default();
    for step in steps {
        let called = step.called.as_ref();
        if let Some(needed) = all.get_mut(name) {
            needed.add(step);
            needed.untold.extend(
                called
                    .and_then(not_followed)
                    .map(|why| (None, format!("step {}: {why}", step.step.name))),
            );
        }
        // What it runs has rights of its own.
        if let Some(Called::Explained(callee)) = called {
            collect(&callee.runbook.name, &callee.steps, all);
        }
    }
}

impl Needed {
    fn add(&mut self, step: &ExplainedStep) {
        let name = &step.step.name;
        self.rights.extend(step.rights.rights.iter().cloned());
        let cluster = step
            .rights
            .rights
            .first()
            .map(|right| right.cluster.clone());
        let untold = step.rights.untold.iter();
        self.untold
            .extend(untold.map(|why| (cluster.clone(), format!("step {name}: {why}"))));
        match &step.answer {
            Ok(_) => {}
            Err(Unplanned::Rendering(error)) => {
                self.lacks(format!("step {name} cannot be planned: {error}"));
            }
            Err(Unplanned::Action(why)) => {
                self.lacks(format!("step {name} cannot be planned: {why}"));
            }
        }
        if step.step.uses.as_str() == "command" && !step.rights.rights.is_empty() {
            self.tell(format!(
                "step {name}: a program finds its own way to a cluster; its rights are those of the words that it is started with, as far as they tell"
            ));
        }
    }
}

fn not_followed(called: &Called) -> Option<String> {
    match called {
        Called::Explained(_) | Called::Circle(_) => None,
        Called::Unknown => Some("which runbook it runs is only known in a run".to_owned()),
        Called::Missing(name) => Some(format!("it runs {name}, which is not among these runbooks")),
        Called::TooDeep(name) => Some(format!(
            "it runs {name}, which is too far away to be followed"
        )),
        Called::Refused(name, why) => Some(format!(
            "it runs {name}, which does not take its inputs: {why}"
        )),
    }
}
