//! What is recorded and told of a step beside its start and its end.

use super::{Attempt, definition};
use crate::{
    domain::{
        audit::Entry,
        effect::Scope,
        gate::Decision,
        name::ActionName,
        plan::PlannedStep,
        run::{RunEvent, StepKey},
    },
    flow::{FlowError, run::Journey},
    gate::Judgement,
    history::Write,
    telemetry::StepOf,
};
use serde_json::{Value, json};

pub(super) fn step_of<'a>(journey: &'a Journey, step: &'a PlannedStep) -> StepOf<'a> {
    StepOf {
        runbook: &journey.header.runbook,
        run: journey.header.id,
        phase: step.phase,
        step: &step.step,
        action: &step.uses,
        attempt: step.attempt,
    }
}

pub(super) fn tell_gate(journey: &Journey, step: &PlannedStep, judgement: &Judgement) {
    let class = step.effects.class();
    let (decision, reasons) = (&judgement.decision, &judgement.contributions);
    journey
        .world
        .events
        .gate_decided(step_of(journey, step), decision, reasons, class);
}

/// The event that keeps what the gate said.
pub(crate) fn gated(step: &PlannedStep, judgement: &Judgement) -> RunEvent {
    RunEvent::StepGated {
        key: StepKey {
            phase: step.phase,
            step: step.step.clone(),
        },
        attempt: step.attempt,
        digest: step.digest(),
        class: step.effects.class(),
        decision: judgement.decision.clone(),
        contributions: judgement.contributions.clone(),
    }
}

/// A line of the audit log about a step, with all that was known and decided.
pub(crate) fn audit(journey: &Journey, step: &PlannedStep, action: &str, details: Value) -> Entry {
    let namespace = step
        .effects
        .items
        .iter()
        .find_map(|effect| match &effect.object.scope {
            Scope::Namespace(name) => Some(name.clone()),
            Scope::NotApplicable | Scope::AllNamespaces | Scope::ClusterScoped | Scope::Unknown => {
                None
            }
        });
    let resource = format!("{} {}", step.uses, objects(step));
    let details = json!({
        "run": step.run, "runbook": step.runbook, "step": step.step, "attempt": step.attempt, "digest": step.digest(),
        "more": details,
    });
    let user = journey.header.cause.user();
    Entry::new(journey.world.now(), user, action, resource)
        .in_namespace(namespace.unwrap_or_default())
        .with(details)
}

fn objects(step: &PlannedStep) -> String {
    let objects: Vec<String> = step
        .effects
        .items
        .iter()
        .map(|effect| effect.object.to_string())
        .collect();
    objects.join(", ")
}

/// Why the gate decided so: the reasons of those that are as strict as the decision.
pub(crate) fn reasons(judgement: &Judgement, decision: &Decision) -> String {
    let strictest = judgement
        .contributions
        .iter()
        .filter(|said| said.decision.as_str() == decision.as_str());
    let reasons: Vec<&str> = strictest.map(|said| said.reason.as_str()).collect();
    reasons.join("; ")
}

/// Arguments for people: secrets shown by name.
pub(crate) fn readable(arguments: &Value) -> Value {
    match arguments {
        Value::String(text) => Value::String(crate::domain::secret::readable(text)),
        Value::Array(items) => Value::Array(items.iter().map(readable).collect()),
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, value)| (key.clone(), readable(value)))
                .collect(),
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) => arguments.clone(),
    }
}

pub(super) async fn skip(
    journey: &mut Journey,
    attempt: &Attempt,
    reason: &str,
) -> Result<(), FlowError> {
    let event = RunEvent::StepSkipped {
        key: attempt.key.clone(),
        reason: reason.to_owned(),
    };
    journey
        .record("a step that is skipped", vec![event], Vec::new())
        .await?;
    if let Some(step) = definition(journey, &attempt.key) {
        let told = unplanned(journey, attempt, &step.uses);
        journey.world.events.step_skipped(told, reason);
    }
    Ok(())
}

pub(super) async fn invalid(
    journey: &mut Journey,
    attempt: &Attempt,
    error: String,
) -> Result<(), FlowError> {
    let event = RunEvent::StepInvalid {
        key: attempt.key.clone(),
        error: error.clone(),
    };
    journey
        .record("a step that cannot be planned", vec![event], Vec::new())
        .await?;
    if let Some(step) = definition(journey, &attempt.key) {
        let told = unplanned(journey, attempt, &step.uses);
        journey.world.events.step_invalid(told, &error);
    }
    Ok(())
}

/// A step that did not come to be planned.
fn unplanned<'a>(journey: &'a Journey, attempt: &'a Attempt, action: &'a ActionName) -> StepOf<'a> {
    StepOf {
        runbook: &journey.header.runbook,
        run: journey.header.id,
        phase: attempt.key.phase,
        step: &attempt.key.step,
        action,
        attempt: attempt.attempt,
    }
}

/// A dry run shows what would be done and what the gate says.
pub(super) async fn describe(
    journey: &mut Journey,
    attempt: &Attempt,
    step: &PlannedStep,
    judgement: &Judgement,
) -> Result<(), FlowError> {
    let effects: Vec<String> = step.effects.items.iter().map(ToString::to_string).collect();
    let reason = format!(
        "dry run: would {}; the gate says {}",
        effects.join(", "),
        judgement.decision.as_str()
    );
    let skipped = RunEvent::StepSkipped {
        key: attempt.key.clone(),
        reason,
    };
    journey
        .record(
            "a step of a dry run",
            vec![gated(step, judgement), skipped],
            Vec::new(),
        )
        .await
}

pub(super) async fn deny(
    journey: &mut Journey,
    attempt: &Attempt,
    step: &PlannedStep,
    judgement: &Judgement,
) -> Result<(), FlowError> {
    let reason = reasons(judgement, &Decision::Deny);
    let details = json!(judgement.contributions);
    let entry = audit(journey, step, "step.denied", details).failed(&reason);
    let denied = RunEvent::StepDenied {
        key: attempt.key.clone(),
        reason,
    };
    let events = vec![gated(step, judgement), denied];
    journey
        .record("a step that is denied", events, vec![Write::Audit(entry)])
        .await
}
