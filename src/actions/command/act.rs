//! `command`.

use crate::{
    actions::{
        command::{
            harmless,
            inputs::{Inputs, check_written},
            report::{self, Outputs},
        },
        framework::{Action, World},
    },
    domain::{
        effect::{Effect, Effects, Object, Verb},
        run::StepReport,
        secret::SecretValue,
        span::Span,
    },
    ports::{
        BoxFuture,
        executor::{Intent, Session, StepContext},
        processes::{PATH, Program},
    },
};
use serde_json::Value;
use std::collections::BTreeMap;

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

    fn intend(&self, inputs: &Inputs, _: &StepContext) -> Result<Intent, String> {
        let harmless = harmless::name(inputs);
        Ok(Intent {
            idempotent: inputs.idempotent || harmless.is_some(),
            effects: effects(inputs, harmless),
            wants_approval: None,
        })
    }

    fn execute<'a>(
        &'a self,
        inputs: Inputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            let again = inputs.idempotent || harmless::name(&inputs).is_some();
            let name = name(&inputs);
            let running = world.processes.run(
                program(&inputs, &session.context),
                session.log.clone(),
                session.stop.clone(),
            );
            match running.await {
                Ok(ended) => report::ended(&inputs, &name, &ended, again),
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

fn effects(inputs: &Inputs, harmless: Option<String>) -> Effects {
    if let Some(name) = harmless {
        let program = Object::host("program", &name);
        return Effects::exact(vec![Effect::read(Verb::Read, program)]);
    }
    let name = name(inputs);
    let program = Object::host("program", &name);
    if inputs.script.is_some() {
        return Effects::opaque(program, "what a script does is not known before it runs");
    }
    let reason =
        format!("`{name}` with these arguments is not on the list of programs that only look");
    Effects::opaque(program, &reason)
}

fn program(inputs: &Inputs, context: &StepContext) -> Program {
    Program {
        argv: inputs.command_line(),
        environment: environment(inputs, context),
        directory: inputs.working_directory.clone(),
        input: inputs.stdin.clone().map(SecretValue::new),
        user: inputs.user.clone(),
        grace: inputs.grace,
        capture: report::capture(inputs.outputs),
        limits: inputs.limits.limits(),
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
