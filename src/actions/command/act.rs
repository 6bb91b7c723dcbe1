//! `command`.

use crate::{
    actions::{
        command::{
            inputs::{Inputs, Shell, check_written},
            pinning,
            report::{self, Outputs},
            words::{Word, judged_stdin},
        },
        framework::{Action, Given, World},
    },
    commands::{self, Analysis, Files, What},
    domain::{
        effect::{Class, Confidence},
        expression,
        pinned::Pinned,
        run::StepReport,
        secret::SecretValue,
        span::Span,
    },
    ports::{
        BoxFuture,
        executor::{Intent, Session, StepContext},
        materials::RevisionFile,
        processes::{PATH, Pipelines, Program, Work},
    },
};
use serde_json::Value;
use std::{collections::BTreeMap, path::Path};

pub(crate) struct Command;

impl Action for Command {
    type Inputs = Inputs;
    type Outputs = Outputs;
    const NAME: &'static str = "command";
    const SUMMARY: &'static str = "Runs a program or a script on the agent's host.";

    fn validate(&self, inputs: &Inputs) -> Result<(), String> {
        inputs.check()
    }

    fn check_template(&self, arguments: &Value) -> Result<(), String> {
        check_written(arguments)
    }

    fn intend(&self, inputs: &Inputs, context: &StepContext) -> Result<Intent, String> {
        self.intend_with(inputs, context, &Given::NOTHING)
    }

    fn intend_with(
        &self,
        inputs: &Inputs,
        context: &StepContext,
        given: &Given<'_>,
    ) -> Result<Intent, String> {
        let (analysis, files) = pinning::judged(inputs, given);
        let programs = pinning::programs(inputs, &analysis, context.dry_run, given)?;
        Ok(Intent {
            idempotent: idempotent(inputs, &analysis),
            effects: analysis.effects,
            wants_approval: None,
            pinned: Pinned {
                files,
                programs,
                objects: Vec::new(),
            },
        })
    }

    fn wants(&self, inputs: &Inputs) -> Vec<String> {
        inputs.files.clone()
    }

    fn execute<'a>(
        &'a self,
        inputs: Inputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            let name = name(&inputs);
            let files = match inputs.files.as_slice() {
                [] => Vec::new(),
                wanted => {
                    let revision = &session.context.revision;
                    match world.materials.repository(revision, wanted).await {
                        Ok(files) => files,
                        Err(error) => return StepReport::failed(error, true),
                    }
                }
            };
            let running = world.processes.run(
                program(&inputs, &session.context, files),
                session.log.clone(),
                session.stop.clone(),
            );
            match running.await {
                Ok(ended) => report::ended(&inputs, &name, &ended),
                Err(error) => report::not_started(&error),
            }
        })
    }

    fn grace(&self, inputs: &Inputs) -> Span {
        inputs.grace
    }
}

/// The program's name for people; of a script, its shell's.
fn name(inputs: &Inputs) -> String {
    inputs.command_line().into_iter().next().unwrap_or_default()
}

/// What it would do, as far as these files are known. Secrets are markers here.
pub(super) fn analysis(inputs: &Inputs, files: &dyn Files) -> Analysis {
    let argv: Vec<_> = inputs.argv.iter().flatten().map(Word::judged).collect();
    let environment = inputs.env.iter();
    let environment = environment.map(|(name, value)| (name.clone(), value.to_string()));
    let command = commands::Command {
        what: match &inputs.script {
            Some(script) => What::Text(script),
            None => What::Words(&argv),
        },
        stdin: judged_stdin(inputs.stdin.as_deref()),
        environment: &environment.collect(),
        folder: inputs.working_directory.as_deref().map(folder),
    };
    commands::of(&command, files)
}

/// The folder as far as it is known.
fn folder(path: &Path) -> commands::Word {
    match path.to_str() {
        Some(text) if expression::has_unknown(text) => {
            commands::Word::Unknown(expression::readable_unknown(text))
        }
        Some(text) => commands::Word::Known(text.to_owned()),
        None => commands::Word::Unknown(path.to_string_lossy().into_owned()),
    }
}

/// What only looks may be done twice.
fn idempotent(inputs: &Inputs, analysis: &Analysis) -> bool {
    let effects = &analysis.effects;
    let looks = effects.class() == Class::Read
        && effects.confidence != Confidence::Opaque
        && effects.refusals.is_empty()
        && !effects.needs_shell;
    inputs.idempotent || looks
}

/// A text that needs no shell gets none: what was judged is what runs. Its plan depends on the text and the names of
/// variables alone, which hold no secret.
pub(super) fn work(inputs: &Inputs) -> Work {
    let script = inputs.script.as_deref().filter(|_| inputs.stdin.is_none());
    let names: Vec<&str> = inputs.env.keys().map(String::as_str).collect();
    match script.and_then(|script| commands::plan(script, &names)) {
        Some(plan) => Work::Pipelines(Pipelines {
            plan,
            pipefail: inputs.shell == Shell::Bash,
        }),
        None => Work::Words(inputs.command_line()),
    }
}

fn program(inputs: &Inputs, context: &StepContext, files: Vec<RevisionFile>) -> Program {
    Program {
        work: work(inputs),
        environment: environment(inputs, context),
        directory: inputs.working_directory.clone(),
        files,
        secret_files: Vec::new(),
        input: inputs.stdin.clone().map(SecretValue::new),
        user: inputs.user.clone(),
        grace: inputs.grace,
        capture: report::capture(inputs.outputs),
        limits: inputs.limits.limits(),
        behalf: Some(context.behalf()),
    }
}

/// What every program is told; the runbook's own variables win.
fn environment(inputs: &Inputs, context: &StepContext) -> BTreeMap<String, SecretValue> {
    let given = [
        ("PATH", PATH.to_owned()),
        ("LANG", "C.UTF-8".to_owned()),
        ("ORDERLY_RUN", context.run.to_string()),
        ("ORDERLY_RUNBOOK", context.runbook.to_string()),
        ("ORDERLY_STEP", context.step.to_string()),
        ("ORDERLY_ATTEMPT", context.attempt.to_string()),
    ];
    let given = given.map(|(name, value)| (name.to_owned(), value));
    let own = inputs
        .env
        .iter()
        .map(|(name, value)| (name.clone(), value.to_string()));
    given
        .into_iter()
        .chain(own)
        .map(|(name, value)| (name, SecretValue::new(value)))
        .collect()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
