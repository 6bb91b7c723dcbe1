//! What a step sees of its run and of the world around it.

use super::Attempt;
use crate::{
    domain::{
        expression::{self, Root},
        run::{Cause, StepEnd},
        runbook::Phase,
    },
    flow::run::Journey,
    ports::executor::{RunSoFar, StepContext},
};
use jiff::Timestamp;
use serde_json::{Value, json};

/// The outcome of a step that was not reached.
const NOT_RUN: &str = "not_run";

/// What expressions see.
pub(super) struct Seen {
    inputs: Value,
    values: Value,
    steps: Value,
    run: Value,
}

impl Seen {
    pub(super) fn scope(&self) -> expression::Scope<'_> {
        expression::Scope {
            inputs: &self.inputs,
            values: &self.values,
            steps: &self.steps,
            run: &self.run,
            secrets: expression::Secrets::Allowed,
        }
    }
}

pub(super) fn seen(journey: &Journey, attempt: u32) -> Seen {
    let in_use = journey.world.in_use();
    let values = in_use
        .set
        .environment(&journey.world.settings().environment)
        .map(|found| found.values.clone());
    // Every step is there, so that a clean-up may ask how one ended that was never reached.
    let mut steps: serde_json::Map<String, Value> = [Phase::Main, Phase::Rollback, Phase::Finally]
        .into_iter()
        .flat_map(|phase| journey.runbook.steps_of(phase))
        .map(|step| {
            (
                step.name.to_string(),
                json!({"outcome": NOT_RUN, "check": null, "outputs": null}),
            )
        })
        .collect();
    steps.extend(
        journey
            .state
            .ends()
            .map(|(key, end)| (key.step.to_string(), step_view(end))),
    );
    let header = &journey.header;
    Seen {
        inputs: json!(header.inputs),
        values: json!(values.unwrap_or_default()),
        steps: Value::Object(steps),
        run: json!({
            "id": header.id,
            "runbook": header.runbook,
            "revision": header.revision,
            "trigger": header.cause.as_str(),
            "nominal": nominal(journey),
            "attempt": attempt,
            "agentUrl": journey.world.address.get(),
        }),
    }
}

/// What came out of earlier steps, or from outside, and goes into this step: outputs that its arguments name, and inputs that a webhook,
/// an alert or a step of another run has given.
pub(super) fn foreign(journey: &Journey, attempt: &Attempt) -> Vec<String> {
    let named = (attempt.key.phase, &attempt.key.step);
    let Some(step) = (journey.runbook.steps_of(named.0).iter()).find(|step| step.name == *named.1)
    else {
        return Vec::new();
    };
    let references = expression::references(&step.with.value()).unwrap_or_default();
    let seen = seen(journey, attempt.attempt);
    let mut found = Vec::new();
    for reference in references {
        let root = match reference.root {
            Root::Steps => &seen.steps,
            Root::Inputs if are_foreign(&journey.header.cause) => &seen.inputs,
            Root::Inputs | Root::Values | Root::Run | Root::Secret => continue,
        };
        texts(part(root, &reference.path), &mut found);
    }
    found
}

fn are_foreign(cause: &Cause) -> bool {
    match cause {
        Cause::Webhook { .. } | Cause::Alert { .. } | Cause::Step { .. } => true,
        Cause::Schedule { .. } | Cause::After { .. } | Cause::Person { .. } => false,
    }
}

/// What stands under these names; where a name leads nowhere, all that stands before it.
fn part<'a>(root: &'a Value, path: &[String]) -> &'a Value {
    let mut at = root;
    for name in path {
        match at.get(name) {
            Some(below) => at = below,
            None => break,
        }
    }
    at
}

fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Number(number) => found.push(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(map) => {
            for (key, item) in map {
                found.push(key.clone());
                texts(item, found);
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

fn step_view(end: &StepEnd) -> Value {
    let outputs = match end {
        StepEnd::Reported(report) => report.outputs.clone(),
        StepEnd::Skipped(_)
        | StepEnd::Denied(_)
        | StepEnd::Invalid(_)
        | StepEnd::Interrupted(_) => Value::Null,
    };
    json!({"outcome": end.as_str(), "check": end.check(), "outputs": outputs})
}

fn nominal(journey: &Journey) -> Timestamp {
    journey
        .header
        .cause
        .occurrence()
        .map_or(journey.header.created_at, |occurrence| occurrence.nominal)
}

pub(super) fn context(journey: &Journey, attempt: &Attempt) -> StepContext {
    StepContext {
        runbook: journey.header.runbook.clone(),
        run: journey.header.id,
        revision: journey.header.revision.clone(),
        step: attempt.key.step.clone(),
        phase: attempt.key.phase,
        attempt: attempt.attempt,
        nominal: nominal(journey),
        dry_run: journey.header.dry_run,
        so_far: so_far(journey),
    }
}

fn so_far(journey: &Journey) -> RunSoFar {
    let failure = journey.state.ends().find(|(_, end)| !end.is_fine());
    let mut reason = failure
        .map(|(key, end)| format!("step {}: {}", key.step, end.reason()))
        .unwrap_or_default();
    if let Some((by, why)) = &journey.state.cancel {
        reason = format!("canceled by {by} {why}").trim_end().to_owned();
    }
    RunSoFar {
        failed: failure.is_some() || journey.state.halted(),
        worst_check: journey.state.worst_check(),
        reason,
    }
}
