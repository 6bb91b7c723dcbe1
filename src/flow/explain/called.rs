//! The runbook that a `runbook` step runs, explained in its place: the step by itself has no effect, what it runs has.

use super::{ExplainedStep, Question, policy_for, stand_in::is_stand_in, steps_of};
use crate::{
    actions::framework::Catalogue,
    domain::{
        expression,
        inputs::complete,
        name::RunbookName,
        policy::Policy,
        runbook::{Runbook, Step},
    },
    flow::step::RUNBOOK,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// So many runbooks are followed from one to the next.
const DEEPEST: usize = 8;

/// What a `runbook` step runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Called {
    /// This.
    Explained(Box<Callee>),
    /// Which one is only known in a run.
    Unknown,
    /// It is not among the runbooks around.
    Missing(RunbookName),
    /// It runs itself, by way of these.
    Circle(Vec<RunbookName>),
    /// It is too far from where the question began to be followed.
    TooDeep(RunbookName),
    /// It does not take these inputs; a run would end there.
    Refused(RunbookName, String),
}

/// A runbook that another one runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Callee {
    /// The runbook.
    pub runbook: Arc<Runbook>,
    /// What its steps are judged by.
    pub policy: Policy,
    /// Inputs that are only known in a run.
    pub missing: BTreeSet<String>,
    /// Its steps.
    pub steps: Vec<ExplainedStep>,
}

/// What the step runs, with the arguments that it has as far as they are known.
pub(super) fn of(
    question: &Question<'_>,
    catalogue: &Catalogue,
    step: &Step,
    arguments: &Value,
    callers: &mut Vec<RunbookName>,
) -> Option<Called> {
    if step.uses.as_str() != RUNBOOK {
        return None;
    }
    let name = arguments.get("runbook").and_then(Value::as_str);
    let name = name.filter(|name| !is_stand_in(name));
    let Some(name) = name.and_then(|name| name.parse::<RunbookName>().ok()) else {
        return Some(Called::Unknown);
    };
    if callers.contains(&name) {
        let circle = callers.iter().skip_while(|caller| **caller != name);
        return Some(Called::Circle(circle.cloned().collect()));
    }
    if callers.len() >= DEEPEST {
        return Some(Called::TooDeep(name));
    }
    let Some(found) = question.set.runbook(&name) else {
        return Some(Called::Missing(name));
    };
    let runbook = Arc::clone(&found.runbook);
    let (inputs, missing) = match inputs(&runbook, arguments) {
        Ok(inputs) => inputs,
        Err(reason) => return Some(Called::Refused(name, reason)),
    };
    let below = Question {
        runbook: &runbook,
        inputs: &inputs,
        missing: &missing,
        only: None,
        ..*question
    };
    let policy = policy_for(&runbook, question.settings, question.set);
    callers.push(name);
    let steps = steps_of(&below, &policy, catalogue, callers);
    callers.pop();
    Some(Called::Explained(Box::new(Callee {
        runbook,
        policy,
        missing,
        steps,
    })))
}

type Inputs = (BTreeMap<String, Value>, BTreeSet<String>);

/// The inputs as they are given, complete but for those that are only known in a run.
fn inputs(runbook: &Runbook, arguments: &Value) -> Result<Inputs, String> {
    let nothing = serde_json::Map::new();
    let given = arguments.get("inputs").and_then(Value::as_object);
    let (unknown, known): (Vec<_>, Vec<_>) = given
        .unwrap_or(&nothing)
        .iter()
        .partition(|(_, value)| is_unknown(value));
    let missing: BTreeSet<String> = unknown.into_iter().map(|(name, _)| name.clone()).collect();
    let declared = |name: &String| {
        let mut inputs = runbook.inputs.iter();
        inputs.any(|input| input.name.as_str() == name)
    };
    if let Some(name) = missing.iter().find(|name| !declared(name)) {
        return Err(format!("there is no input `{name}`"));
    }
    let known = known
        .into_iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let rest: Vec<_> = runbook
        .inputs
        .iter()
        .filter(|input| !missing.contains(input.name.as_str()))
        .cloned()
        .collect();
    Ok((complete(&rest, &known)?, missing))
}

fn is_unknown(value: &Value) -> bool {
    match value {
        Value::String(text) => expression::has_unknown(text),
        Value::Array(items) => items.iter().any(is_unknown),
        Value::Object(map) => map.values().any(is_unknown),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
