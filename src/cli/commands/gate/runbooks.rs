//! What the gate says of a runbook's steps, for machines and for people; with the runbooks that it runs, each in its place.

use super::told::{Told, grounds, headline};
use crate::{
    cli::{context::Context, exit::CliError},
    domain::{expression::NotYet, name::RunbookName, policy::Policy, runbook::Runbook},
    flow::{
        explain::{Called, Callee, ExplainedStep, Unplanned, only_in_a_run},
        world::Settings,
    },
    http::visible,
    runbooks::{InStep, Problem, ReportFormat, problem_in_step, render},
};
use serde::Serialize;
use std::{collections::BTreeSet, path::Path, sync::Arc};

/// What the answer leaves out.
const NOT_CONSIDERED: [&str; 6] = [
    "windows and calendars",
    "limits that are used up",
    "halts, suspensions and what the history holds",
    "the AI reviewer",
    "which programs the agent's host has",
    "whether a `when` is true",
];

/// The file as it was read.
pub(super) struct Source<'a> {
    pub(super) path: &'a Path,
    pub(super) bytes: Vec<u8>,
}

/// A runbook and what is said of its steps.
pub(super) struct OneRunbook {
    pub(super) runbook: Arc<Runbook>,
    pub(super) policy: Policy,
    pub(super) missing: BTreeSet<String>,
    pub(super) steps: Vec<ExplainedStep>,
}

/// A runbook whose steps are told. One that another one runs lies in a file that was not asked about: places in it are not told.
#[derive(Clone, Copy)]
struct Of<'a> {
    runbook: &'a Runbook,
    policy: &'a Policy,
    source: Option<&'a Source<'a>>,
}

pub(super) fn tell(
    all: &[OneRunbook],
    settings: &Settings,
    source: &Source<'_>,
    context: &Context,
) -> Result<(), CliError> {
    if context.terminal.wants_json() {
        let runbooks = all
            .iter()
            .map(|one| ToldRunbook::new(one, settings, source));
        return context.terminal.json(&Answered {
            runbooks: runbooks.collect(),
            not_considered: NOT_CONSIDERED,
        });
    }
    let mut text = String::new();
    for one in all {
        text.push_str(&shown(one, settings, source));
    }
    let left_out = NOT_CONSIDERED.join(", ");
    text.push_str(&format!("not considered: {left_out}\n"));
    context.terminal.data(&text)
}

/// An answer for machines.
#[derive(Serialize)]
struct Answered<'a> {
    runbooks: Vec<ToldRunbook<'a>>,
    not_considered: [&'static str; 6],
}

#[derive(Serialize)]
struct ToldRunbook<'a> {
    runbook: &'a str,
    environment: &'a str,
    applies: bool,
    autonomy: u8,
    missing_inputs: &'a BTreeSet<String>,
    steps: Vec<ToldStep<'a>>,
}

impl<'a> ToldRunbook<'a> {
    fn new(one: &'a OneRunbook, settings: &'a Settings, source: &'a Source<'_>) -> Self {
        let runbook = &one.runbook;
        let of = Of {
            runbook,
            policy: &one.policy,
            source: Some(source),
        };
        Self {
            runbook: runbook.name.as_str(),
            environment: settings.environment.as_str(),
            applies: runbook.applies_in(&settings.environment),
            autonomy: one.policy.autonomy.level(),
            missing_inputs: &one.missing,
            steps: one
                .steps
                .iter()
                .map(|step| ToldStep::new(of, step))
                .collect(),
        }
    }
}

#[derive(Serialize)]
struct ToldStep<'a> {
    phase: &'static str,
    step: &'a str,
    uses: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    when: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown: Vec<Unknown<'a>>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    told: Option<Told<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<ToldProblem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    runs: Option<ToldCalled<'a>>,
}

/// What is wrong with a step: at its place, where that is known.
#[derive(Serialize)]
#[serde(untagged)]
enum ToldProblem {
    Placed(Problem),
    Said { what: String, hint: Option<String> },
}

impl<'a> ToldStep<'a> {
    fn new(of: Of<'a>, step: &'a ExplainedStep) -> Self {
        let not_yet = step.not_yet.iter();
        let (told, problem) = match &step.answer {
            Ok(explained) => (Some(Told::of(explained)), None),
            Err(why) => (None, Some(of.problem(step, why))),
        };
        Self {
            phase: step.phase.as_str(),
            step: step.step.name.as_str(),
            uses: step.step.uses.as_str(),
            when: step.step.when.as_deref(),
            unknown: not_yet.map(|part| Unknown::new(of, step, part)).collect(),
            told,
            problem,
            runs: step.called.as_ref().map(ToldCalled::new),
        }
    }
}

/// The runbook that a step runs, or why its steps are not shown.
#[derive(Serialize)]
struct ToldCalled<'a> {
    runbook: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing_inputs: Option<&'a BTreeSet<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<Vec<ToldStep<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_shown: Option<String>,
}

impl<'a> ToldCalled<'a> {
    fn new(called: &'a Called) -> Self {
        let (runbook, callee) = match called {
            Called::Explained(callee) => (Some(&callee.runbook.name), Some(&**callee)),
            Called::Unknown => (None, None),
            Called::Circle(circle) => (circle.first(), None),
            Called::Missing(name) | Called::TooDeep(name) | Called::Refused(name, _) => {
                (Some(name), None)
            }
        };
        let steps = |callee: &'a Callee| {
            let of = Of::callee(callee);
            callee
                .steps
                .iter()
                .map(|step| ToldStep::new(of, step))
                .collect()
        };
        Self {
            runbook: runbook.map(RunbookName::as_str),
            missing_inputs: callee.map(|callee| &callee.missing),
            steps: callee.map(steps),
            not_shown: not_shown(called),
        }
    }
}

/// Why the steps of what is run are not shown; nothing where they are.
fn not_shown(called: &Called) -> Option<String> {
    match called {
        Called::Explained(_) => None,
        Called::Unknown => Some(
            "which runbook it runs is only known in a run; each of its steps is judged then"
                .to_owned(),
        ),
        Called::Missing(name) => Some(format!(
            "it runs {name}, which is not among the runbooks around it"
        )),
        Called::Circle(circle) => {
            let names: Vec<&str> = circle.iter().map(RunbookName::as_str).collect();
            Some(format!(
                "it runs {} once more: they run each other in a circle",
                names.join(", which runs ")
            ))
        }
        Called::TooDeep(name) => Some(format!(
            "it runs {name}, which is too many runbooks away to be followed; ask about it by itself"
        )),
        Called::Refused(name, reason) => Some(format!(
            "it runs {name}, which does not take these inputs: {reason}"
        )),
    }
}

/// An expression that only a run can evaluate.
#[derive(Serialize)]
struct Unknown<'a> {
    expression: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
}

impl<'a> Unknown<'a> {
    fn new(of: Of<'_>, step: &ExplainedStep, part: &'a NotYet) -> Self {
        let place = of.unknown(step, part);
        Self {
            expression: &part.source,
            line: place.as_ref().map(|place| place.line),
            column: place.as_ref().map(|place| place.column),
        }
    }
}

impl<'a> Of<'a> {
    fn callee(callee: &'a Callee) -> Self {
        Self {
            runbook: &callee.runbook,
            policy: &callee.policy,
            source: None,
        }
    }

    fn problem(self, step: &ExplainedStep, why: &Unplanned) -> ToldProblem {
        let (what, hint, pointer, offset) = match why {
            Unplanned::Rendering(error) => {
                let (place, hint) = (&error.place, error.hint.as_deref());
                (error.what.as_str(), hint, &*place.pointer, place.offset)
            }
            Unplanned::Action(said) => match said.split_once("\nhint: ") {
                Some((what, hint)) => (what, Some(hint), "", 0),
                None => (said.as_str(), None, "", 0),
            },
        };
        let what = format!("the step cannot be planned: {what}");
        match self.source {
            Some(source) => {
                let at = self.place(step, pointer, offset);
                ToldProblem::Placed(source.at(&at, &what, hint))
            }
            None => ToldProblem::Said {
                what,
                hint: hint.map(str::to_owned),
            },
        }
    }

    fn unknown(self, step: &ExplainedStep, part: &NotYet) -> Option<Problem> {
        let at = self.place(step, &part.place.pointer, part.place.offset);
        Some(self.source?.at(&at, &only_in_a_run(part), None))
    }

    fn place<'p>(self, step: &'p ExplainedStep, pointer: &'p str, offset: usize) -> InStep<'p>
    where
        'a: 'p,
    {
        InStep {
            runbook: &self.runbook.name,
            phase: step.phase,
            step: &step.step.name,
            pointer,
            offset,
        }
    }
}

impl Source<'_> {
    fn at(&self, at: &InStep<'_>, what: &str, hint: Option<&str>) -> Problem {
        let file = self.path.to_string_lossy();
        problem_in_step(&file, &self.bytes, at, what, hint)
    }
}

/// A runbook for people.
fn shown(one: &OneRunbook, settings: &Settings, source: &Source<'_>) -> String {
    let runbook = &one.runbook;
    let mut text = format!("{} in {}\n", runbook.name, settings.environment);
    if !runbook.applies_in(&settings.environment) {
        text.push_str("it does not apply in this environment; the agent would not run it there\n");
    }
    for name in &one.missing {
        let line = format!(
            "the input `{name}` is not given and is judged as unknown; give it with --input {name}=…\n"
        );
        text.push_str(&line);
    }
    let of = Of {
        runbook,
        policy: &one.policy,
        source: Some(source),
    };
    text.push_str(&of_steps(of, &one.steps));
    text.push('\n');
    text
}

fn of_steps(of: Of<'_>, steps: &[ExplainedStep]) -> String {
    let mut text = String::new();
    for step in steps {
        let (phase, name, uses) = (step.phase.as_str(), &step.step.name, &step.step.uses);
        text.push_str(&format!("\n{phase}: {name} ({uses})\n"));
        text.push_str(&indented(&of_step(of, step)));
    }
    text
}

fn of_step(of: Of<'_>, step: &ExplainedStep) -> String {
    let mut text = String::new();
    if let Some(condition) = &step.step.when {
        text.push_str(&format!("only when {}\n", visible::line(condition)));
    }
    for part in &step.not_yet {
        let said = match of.unknown(step, part) {
            Some(placed) => {
                let (
                    file,
                    Problem {
                        line, column, what, ..
                    },
                ) = (&placed.file, &placed);
                format!("{file}:{line}:{column}: {what}")
            }
            None => only_in_a_run(part),
        };
        text.push_str(&visible::line(&said));
        text.push('\n');
    }
    match &step.answer {
        Ok(explained) => {
            text.push_str(&headline(explained, of.policy));
            text.push('\n');
            text.push_str(&grounds(explained));
        }
        Err(why) => text.push_str(&problem_shown(of.problem(step, why))),
    }
    if let Some(called) = &step.called {
        text.push('\n');
        text.push_str(&called_shown(called));
    }
    text
}

fn problem_shown(problem: ToldProblem) -> String {
    match problem {
        ToldProblem::Placed(problem) => render(&[problem], ReportFormat::Text),
        ToldProblem::Said { what, hint } => {
            let hint = hint.map(|hint| format!("\nhint: {hint}"));
            let text = format!("{what}{}\n", hint.unwrap_or_default());
            visible::lines(&text)
        }
    }
}

fn called_shown(called: &Called) -> String {
    let Called::Explained(callee) = called else {
        let why = not_shown(called).unwrap_or_default();
        return format!("{}\n", visible::lines(&why));
    };
    let name = &callee.runbook.name;
    let mut text = format!("it runs {name}, whose steps are judged each by itself\n");
    for input in &callee.missing {
        let line = format!("its input `{input}` is only known in a run and is judged as unknown\n");
        text.push_str(&line);
    }
    text.push_str(&indented(&of_steps(Of::callee(callee), &callee.steps)));
    text
}

fn indented(text: &str) -> String {
    let lines = text.lines().map(|line| {
        if line.is_empty() {
            "\n".to_owned()
        } else {
            format!("  {line}\n")
        }
    });
    lines.collect()
}
