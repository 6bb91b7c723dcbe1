//! `orderly gate explain --runbook`: the steps of a runbook in a file, before anything runs.

use super::{
    Explain, beside,
    files::{HereNow, of_tree},
    runbooks::{OneRunbook, Source, tell},
};
use crate::{
    cli::{
        context::Context,
        exit::{Answer, CliError, Exit},
    },
    config::Config,
    daemon::wiring,
    domain::{inputs::complete, likeness::nearest, runbook::Document, runbook::Runbook},
    flow::{
        explain::{Called, ExplainedStep, Question, policy_for, runbook},
        world::Settings,
    },
    http::visible,
    runbooks::{Loaded, MAX_FILE_BYTES, ReportFormat, input_from_text, load_file, render},
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::Read as _,
    path::Path,
    sync::Arc,
};

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
    let is_whole = told.iter().flat_map(|one| &one.steps).all(is_planned);
    Ok(if is_whole { Exit::Done } else { Exit::Failed })
}

/// Whether a run would not end at the step, nor in what it runs, because it cannot be planned.
fn is_planned(step: &ExplainedStep) -> bool {
    let below = match &step.called {
        Some(Called::Explained(callee)) => callee.steps.iter().all(is_planned),
        Some(Called::Refused(..) | Called::Circle(_)) => false,
        Some(Called::Unknown | Called::Missing(_) | Called::TooDeep(_)) | None => true,
    };
    step.answer.is_ok() && below
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
