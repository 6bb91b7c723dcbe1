//! `orderly gate explain --runbook`: the steps of a runbook in a file, before anything runs.

use super::{
    Explain, beside,
    files::{HereNow, of_tree},
    told::{Told, grounds, headline},
};
use crate::{
    cli::{
        context::Context,
        exit::{Answer, CliError, Exit},
    },
    config::Config,
    daemon::wiring,
    domain::{
        expression::NotYet, inputs::complete, likeness::nearest, runbook::Document,
        runbook::Runbook,
    },
    flow::{
        explain::{ExplainedStep, Question, Unplanned, only_in_a_run, policy_for, runbook},
        world::Settings,
    },
    http::visible,
    runbooks::{
        InStep, Loaded, MAX_FILE_BYTES, Problem, ReportFormat, input_from_text, load_file,
        problem_in_step, render,
    },
};
use serde::Serialize;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::Read as _,
    path::Path,
    sync::Arc,
};

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
struct Source<'a> {
    path: &'a Path,
    bytes: Vec<u8>,
}

pub(super) fn explain(path: &Path, asked: &Explain, config: &Config, context: &Context) -> Answer {
    let source = Source {
        path,
        bytes: read(path)?,
    };
    let catalogue = wiring::catalogue();
    let loaded = load_file(&path.to_string_lossy(), &source.bytes, &catalogue);
    if loaded.problems.iter().any(beside::is_error) {
        return tell_problems(&loaded, context);
    }
    let runbooks = runbooks(loaded, asked, path)?;
    let around = beside::around(path, &config.source.path);
    let set = beside::set(&around.followed, context)?;
    let settings = settings(config, asked);
    if let Some(named) = &asked.environment
        && set.environment(named).is_none()
    {
        let text = format!("warning: there is no environment {named} in the repository around it");
        context.terminal.say(&text);
    }
    let mut told = Vec::new();
    for runbook_asked in &runbooks {
        let (inputs, missing) = inputs(runbook_asked, &asked.inputs)?;
        let question = Question {
            runbook: runbook_asked,
            inputs: &inputs,
            missing: &missing,
            settings: &settings,
            set: &set,
            only: asked.step.as_ref(),
            materials: &HereNow,
            repository: &|paths| of_tree(&around.top, paths),
            now: context.now(),
        };
        told.push(OneRunbook {
            steps: runbook(&question, &catalogue),
            policy: policy_for(runbook_asked, &settings, &set),
            runbook: Arc::clone(runbook_asked),
            missing,
        });
    }
    tell(&told, &settings, &source, context)?;
    let is_whole = told
        .iter()
        .flat_map(|one| &one.steps)
        .all(|step| step.answer.is_ok());
    Ok(if is_whole { Exit::Done } else { Exit::Failed })
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    let most = MAX_FILE_BYTES as u64 + 1;
    File::open(path)
        .and_then(|file| file.take(most).read_to_end(&mut bytes))
        .map_err(|source| CliError::Unreadable {
            doing: "reading the runbook in",
            path: path.to_owned(),
            source,
        })?;
    Ok(bytes)
}

fn tell_problems(loaded: &Loaded, context: &Context) -> Answer {
    let format = if context.terminal.wants_json() {
        ReportFormat::Json
    } else {
        ReportFormat::Text
    };
    context.terminal.data(&render(&loaded.problems, format))?;
    Ok(Exit::Failed)
}

fn settings(config: &Config, asked: &Explain) -> Settings {
    let mut settings = wiring::settings(config);
    settings.policy.autonomy = asked.autonomy.unwrap_or(settings.policy.autonomy);
    if let Some(environment) = &asked.environment {
        settings.environment = environment.clone();
    }
    settings
}

/// The runbooks of the file; where a step is named, those that have it.
fn runbooks(loaded: Loaded, asked: &Explain, path: &Path) -> Result<Vec<Arc<Runbook>>, CliError> {
    let documents = loaded.documents.into_iter();
    let mut runbooks: Vec<Arc<Runbook>> = documents
        .filter_map(|document| match document.value {
            Document::Runbook(runbook) => Some(runbook),
            Document::Environment(_) | Document::Calendar(_) | Document::Policy(_) => None,
        })
        .collect();
    if runbooks.is_empty() {
        let text = format!("there is no runbook in {}", path.display());
        return Err(CliError::Usage(visible::line(&text)));
    }
    let Some(wanted) = &asked.step else {
        return Ok(runbooks);
    };
    let known: Vec<String> = runbooks.iter().flat_map(|runbook| names(runbook)).collect();
    runbooks.retain(|runbook| names(runbook).contains(&wanted.to_string()));
    if runbooks.is_empty() {
        let hint = match nearest(wanted.as_str(), known.iter().map(String::as_str)) {
            Some(meant) => format!("did you mean {meant}?"),
            None => format!("its steps are {}", known.join(", ")),
        };
        let text = format!("{} has no step {wanted}\nhint: {hint}", path.display());
        return Err(CliError::Usage(visible::lines(&text)));
    }
    Ok(runbooks)
}

fn names(runbook: &Runbook) -> Vec<String> {
    let lists = [&runbook.steps, &runbook.rollback, &runbook.finally];
    let steps = lists.into_iter().flatten();
    steps.map(|step| step.name.to_string()).collect()
}

/// The inputs, and the names of those that must be given and are not.
fn inputs(
    runbook: &Runbook,
    given: &[(String, String)],
) -> Result<(BTreeMap<String, Value>, BTreeSet<String>), CliError> {
    let mut read = BTreeMap::new();
    for (name, text) in given {
        let declared = runbook
            .inputs
            .iter()
            .find(|input| input.name.as_str() == name);
        let value = match declared {
            Some(input) => input_from_text(input, text).map_err(CliError::Usage)?,
            None => Value::String(text.clone()),
        };
        read.insert(name.clone(), value);
    }
    let (lacking, rest): (Vec<_>, Vec<_>) = runbook.inputs.iter().cloned().partition(|input| {
        input.required && input.default.is_none() && !read.contains_key(input.name.as_str())
    });
    let missing: BTreeSet<String> = lacking.iter().map(|input| input.name.to_string()).collect();
    if let Some(unknown) = read.keys().find(|name| !is_declared(runbook, name)) {
        return Err(CliError::Usage(no_such_input(runbook, unknown)));
    }
    let complete = complete(&rest, &read).map_err(CliError::Usage)?;
    Ok((complete, missing))
}

fn is_declared(runbook: &Runbook, name: &str) -> bool {
    runbook
        .inputs
        .iter()
        .any(|input| input.name.as_str() == name)
}

fn no_such_input(runbook: &Runbook, name: &str) -> String {
    let inputs = runbook.inputs.iter();
    let known: Vec<&str> = inputs.map(|input| input.name.as_str()).collect();
    let hint = match nearest(name, known.iter().copied()) {
        Some(meant) => format!("did you mean {meant}?"),
        None if known.is_empty() => "it takes none".to_owned(),
        None => format!("it takes {}", known.join(", ")),
    };
    visible::lines(&format!(
        "{} has no input {name}\nhint: {hint}",
        runbook.name
    ))
}

/// A runbook and what is said of its steps.
struct OneRunbook {
    runbook: Arc<Runbook>,
    policy: crate::domain::policy::Policy,
    missing: BTreeSet<String>,
    steps: Vec<ExplainedStep>,
}

fn tell(
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
    fn new(one: &'a OneRunbook, settings: &'a Settings, source: &Source<'_>) -> Self {
        let runbook = &one.runbook;
        let steps = one
            .steps
            .iter()
            .map(|step| ToldStep::new(runbook, step, source));
        Self {
            runbook: runbook.name.as_str(),
            environment: settings.environment.as_str(),
            applies: runbook.applies_in(&settings.environment),
            autonomy: one.policy.autonomy.level(),
            missing_inputs: &one.missing,
            steps: steps.collect(),
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
    problem: Option<Problem>,
}

impl<'a> ToldStep<'a> {
    fn new(runbook: &Runbook, step: &'a ExplainedStep, source: &Source<'_>) -> Self {
        let not_yet = step.not_yet.iter();
        let (told, problem) = match &step.answer {
            Ok(explained) => (Some(Told::of(explained)), None),
            Err(why) => (None, Some(source.problem(runbook, step, why))),
        };
        Self {
            phase: step.phase.as_str(),
            step: step.step.name.as_str(),
            uses: step.step.uses.as_str(),
            when: step.step.when.as_deref(),
            unknown: not_yet
                .map(|part| Unknown::new(runbook, step, part, source))
                .collect(),
            told,
            problem,
        }
    }
}

/// An expression that only a run can evaluate.
#[derive(Serialize)]
struct Unknown<'a> {
    expression: &'a str,
    line: usize,
    column: usize,
}

impl<'a> Unknown<'a> {
    fn new(runbook: &Runbook, step: &ExplainedStep, part: &'a NotYet, source: &Source<'_>) -> Self {
        let Problem { line, column, .. } = source.unknown(runbook, step, part);
        Self {
            expression: &part.source,
            line,
            column,
        }
    }
}

impl Source<'_> {
    fn at(&self, at: &InStep<'_>, what: &str, hint: Option<&str>) -> Problem {
        let file = self.path.to_string_lossy();
        problem_in_step(&file, &self.bytes, at, what, hint)
    }

    fn problem(&self, runbook: &Runbook, step: &ExplainedStep, why: &Unplanned) -> Problem {
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
        let at = place(runbook, step, pointer, offset);
        self.at(&at, &format!("the step cannot be planned: {what}"), hint)
    }

    fn unknown(&self, runbook: &Runbook, step: &ExplainedStep, part: &NotYet) -> Problem {
        let at = place(runbook, step, &part.place.pointer, part.place.offset);
        self.at(&at, &only_in_a_run(part), None)
    }
}

fn place<'a>(
    runbook: &'a Runbook,
    step: &'a ExplainedStep,
    pointer: &'a str,
    offset: usize,
) -> InStep<'a> {
    InStep {
        runbook: &runbook.name,
        phase: step.phase,
        step: &step.step.name,
        pointer,
        offset,
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
    for step in &one.steps {
        let (phase, name, uses) = (step.phase.as_str(), &step.step.name, &step.step.uses);
        text.push_str(&format!("\n{phase}: {name} ({uses})\n"));
        text.push_str(&indented(&of_step(one, step, source)));
    }
    text.push('\n');
    text
}

fn of_step(one: &OneRunbook, step: &ExplainedStep, source: &Source<'_>) -> String {
    let mut text = String::new();
    if let Some(condition) = &step.step.when {
        text.push_str(&format!("only when {}\n", visible::line(condition)));
    }
    for part in &step.not_yet {
        let Problem {
            line, column, what, ..
        } = source.unknown(&one.runbook, step, part);
        let file = source.path.display();
        text.push_str(&visible::line(&format!("{file}:{line}:{column}: {what}")));
        text.push('\n');
    }
    match &step.answer {
        Ok(explained) => {
            text.push_str(&headline(explained, &one.policy));
            text.push('\n');
            text.push_str(&grounds(explained));
        }
        Err(why) => {
            let problem = source.problem(&one.runbook, step, why);
            text.push_str(&render(&[problem], ReportFormat::Text));
        }
    }
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
