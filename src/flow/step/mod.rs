//! One attempt of a step: rendered → judged → recorded → carried out → recorded.
//!
//! This file is the story; `sight` says what the step sees, `plan` renders it, `carry` carries it out, `record` is what is told.

mod carry;
mod plan;
mod record;
mod sight;

use crate::{
    domain::{
        effect::Class,
        expression,
        gate::{Settled, settle},
        id::ApprovalId,
        policy::Policy,
        run::StepKey,
        runbook::Step,
    },
    flow::{FlowError, approve, locks, run::Journey},
    gate,
};
use carry::{Carried, carry_out};
pub use plan::window;
use plan::{circumstances, prepare};
pub(crate) use record::{audit, gated, readable, reasons};
use record::{deny, describe, invalid, skip, tell_gate};
use sight::seen;

/// The action that starts another run.
const RUNBOOK: &str = "runbook";

/// Which attempt.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Which step.
    pub key: StepKey,
    /// Counts from 1.
    pub attempt: u32,
    /// The consent that people gave, to be used now.
    pub granted: Option<ApprovalId>,
    /// It may have happened already, and is not safe to do twice.
    pub uncertain: bool,
}

/// Judges one attempt, and carries it out if the gate opens.
///
/// # Errors
/// The history cannot be written; then nothing was touched.
pub async fn consider(journey: &mut Journey, attempt: Attempt) -> Result<(), FlowError> {
    let world = journey.world.clone();
    let slot = tokio::select! {
        slot = world.slots.acquire() => slot.map_err(|_| FlowError::Stopping)?,
        () = world.draining.cancelled() => return Err(FlowError::Stopping),
    };
    let Some(step) = definition(journey, &attempt.key) else {
        let error = "the runbook's definition has no such step".to_owned();
        return invalid(journey, &attempt, error).await;
    };
    match wanted(journey, &step, attempt.attempt) {
        Ok(true) => {}
        Ok(false) => return skip(journey, &attempt, "its `when` is false").await,
        Err(error) => return invalid(journey, &attempt, error).await,
    }
    let policy = policy_for(journey);
    let prepared = match prepare(journey, &step, &attempt, &policy).await? {
        Ok(prepared) => prepared,
        Err(error) => return invalid(journey, &attempt, error).await,
    };
    let facts = circumstances(journey, &attempt, &prepared).await?;
    let judging = gate::judge(&prepared.step, &policy, &facts, world.reviewer.as_ref());
    let judgement = tokio::select! {
        judgement = judging => judgement,
        // A reviewer that takes its time must not keep the agent from stopping.
        () = world.stopping.cancelled() => return Err(FlowError::Stopping),
    };
    tell_gate(journey, &prepared.step, &judgement);
    if journey.header.dry_run && prepared.step.effects.class() > Class::Read {
        return describe(journey, &attempt, &prepared.step, &judgement).await;
    }
    let opened = settle(
        prepared.step.clone(),
        judgement.decision.clone(),
        prepared.consent.as_ref(),
    );
    match opened {
        Settled::Closed => deny(journey, &attempt, &prepared.step, &judgement).await,
        Settled::Ask(quorum) => {
            drop(slot);
            approve::ask(journey, &attempt, prepared.step, quorum, judgement).await
        }
        Settled::Open(permit) => {
            // A child needs a turn of its own.
            let slot = (prepared.step.uses.as_str() != RUNBOOK).then_some(slot);
            let consent = prepared.consent.map(|consent| consent.id);
            if let Some(id) = consent
                && let Err(reason) = world.executor.still(&prepared.step).await
            {
                return approve::void(journey, &prepared.step, id, reason).await;
            }
            match carry_out(journey, &attempt, permit, consent, judgement).await? {
                Carried::Out => Ok(()),
                Carried::LockedBy(owner, name) => {
                    drop(slot);
                    locks::wait(journey, &name, owner).await;
                    // The world went on meanwhile: judge again.
                    Ok(())
                }
            }
        }
    }
}

fn definition(journey: &Journey, key: &StepKey) -> Option<Step> {
    journey
        .runbook
        .steps_of(key.phase)
        .iter()
        .find(|step| step.name == key.step)
        .cloned()
}

fn wanted(journey: &Journey, step: &Step, attempt: u32) -> Result<bool, String> {
    let Some(condition) = &step.when else {
        return Ok(true);
    };
    let seen = seen(journey, attempt);
    expression::truth(condition, &seen.scope()).map_err(|error| format!("`when`: {error}"))
}

/// The agent's policy, lowered by the runbook's own wish.
fn policy_for(journey: &Journey) -> Policy {
    let policy = journey.world.in_use().policy.clone();
    policy.as_ref().clone().lowered(journey.runbook.autonomy)
}
