//! What is recorded and told of a step beside its start and its end.

use super::{Attempt, definition};
use crate::{
    domain::{
        audit::Entry,
        gate::Decision,
        name::{ActionName, SecretName},
        plan::PlannedStep,
        run::{RunEvent, StepKey},
        secret::names_in,
    },
    flow::{FlowError, run::Journey, start},
    gate::Judgement,
    history::Write,
    telemetry::StepOf,
};
use serde_json::Value;
use std::collections::BTreeSet;

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
pub(crate) fn audit(journey: &Journey, step: &PlannedStep, action: &str) -> Entry {
    let user = journey.header.cause.user();
    Entry::of_step(journey.world.now(), user, action, step)
}

/// The same, with what was planned and what the gate said of it.
pub(crate) fn audit_gated(
    journey: &Journey,
    step: &PlannedStep,
    action: &str,
    judgement: &Judgement,
) -> Entry {
    audit(journey, step, action)
        .planned(step, readable(&step.arguments))
        .and("decision", &judgement.decision)
        .and("gate", &judgement.contributions)
        .and("secrets", secrets_in(&step.arguments))
}

/// The names of the secrets that arguments speak of.
fn secrets_in(arguments: &Value) -> BTreeSet<SecretName> {
    match arguments {
        Value::String(text) => names_in(text).into_iter().collect(),
        Value::Array(items) => items.iter().flat_map(secrets_in).collect(),
        Value::Object(map) => map.values().flat_map(secrets_in).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => BTreeSet::new(),
    }
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

/// A consent that the attempt does not use after all is taken back.
fn moot(journey: &Journey, attempt: &Attempt, reason: &str) -> Vec<Write> {
    let Some(approval) = attempt.granted else {
        return Vec::new();
    };
    let (now, header) = (journey.world.now(), &journey.header);
    let entry = start::audit(now, header, "approval.void", reason)
        .and("approval", approval)
        .and("step", &attempt.key.step)
        .failed(reason);
    let withdrawn = Write::Withdraw {
        approval,
        reason: reason.to_owned(),
    };
    vec![withdrawn, Write::Audit(entry)]
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
    let moot = moot(journey, attempt, reason);
    journey
        .record("a step that is skipped", vec![event], moot)
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
    let moot = moot(journey, attempt, &error);
    let event = RunEvent::StepInvalid {
        key: attempt.key.clone(),
        error: error.clone(),
    };
    journey
        .record("a step that cannot be planned", vec![event], moot)
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

/// How the end of a step begins that a dry run has not carried out.
pub(super) const DRY_RUN: &str = "dry run: ";

/// A dry run shows what would be done and what the gate says.
pub(super) async fn describe(
    journey: &mut Journey,
    attempt: &Attempt,
    step: &PlannedStep,
    judgement: &Judgement,
) -> Result<(), FlowError> {
    let reason = format!(
        "{DRY_RUN}would {}; the gate says {}",
        step.effects.lines().join(", "),
        judgement.decision.as_str()
    );
    let entry = audit_gated(journey, step, "step.described", judgement);
    let skipped = RunEvent::StepSkipped {
        key: attempt.key.clone(),
        reason,
    };
    journey
        .record(
            "a step of a dry run",
            vec![gated(step, judgement), skipped],
            vec![Write::Audit(entry)],
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
    let entry = audit_gated(journey, step, "step.denied", judgement).failed(&reason);
    let denied = RunEvent::StepDenied {
        cancelled: false,
        key: attempt.key.clone(),
        reason: reason.clone(),
    };
    let events = vec![gated(step, judgement), denied];
    let mut writes = moot(journey, attempt, &reason);
    writes.push(Write::Audit(entry));
    journey
        .record("a step that is denied", events, writes)
        .await
}
