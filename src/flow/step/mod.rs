//! One attempt of a step: rendered → judged → recorded → carried out → recorded.
//!
//! This file is the story; `sight` says what the step sees, `plan` renders it, `carry` carries it out, `record` is what is told.

pub(in crate::flow) mod ahead;
mod carry;
mod plan;
mod record;
mod redeem;
mod rehearse;
mod sight;

use crate::{
    domain::{
        approval::Redeemed,
        digest::Digest,
        effect::Class,
        expression,
        gate::{Contribution, Decision, Settled, settle},
        id::{ApprovalId, RunId},
        name::LockName,
        policy::Policy,
        run::StepKey,
        runbook::{Runbook, Step},
    },
    flow::{
        FlowError, approve,
        locks::{self, Waited},
        run::Journey,
        world::World,
    },
    gate::{self, Judgement},
};
use carry::{Carried, Judged, carry_out};
pub use plan::window;
use plan::{Prepared, Ready, circumstances, prepare, reviews};
pub(crate) use record::{audit, audit_gated, gated, reasons};
use record::{deny, invalid, skip, tell_gate};
use rehearse::{rehearse, without_outputs};
use sight::seen;
use std::sync::Arc;
use tokio::sync::SemaphorePermit;

/// The action that starts another run.
pub(super) const RUNBOOK: &str = "runbook";

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
    let mut earlier = None;
    while let Some((owner, name)) = once(journey, &attempt, &mut earlier).await? {
        match locks::wait(journey, &name, owner).await? {
            // The world went on meanwhile: judged again, and told only where that came out otherwise.
            Waited::Free => {}
            Waited::Disturbed => return Ok(()),
            Waited::Never(reason) => return invalid(journey, &attempt, reason).await,
        }
    }
    Ok(())
}

/// What was decided before the wait for a lock.
struct Earlier {
    digest: Digest,
    decision: Decision,
    reviewed: Vec<Contribution>,
}

/// Judges it, and carries it out. Gives the lock that must be waited for, and who holds it.
async fn once(
    journey: &mut Journey,
    attempt: &Attempt,
    earlier: &mut Option<Earlier>,
) -> Result<Option<(RunId, LockName)>, FlowError> {
    let world = journey.world.clone();
    let slot = tokio::select! {
        slot = world.slots.acquire() => slot.map_err(|_| FlowError::Stopping)?,
        () = world.draining.cancelled() => return Err(FlowError::Stopping),
    };
    let Some(mut prepared) = prepared(journey, attempt).await? else {
        return Ok(None);
    };
    if approve::adopt(journey, attempt, &prepared.step).await? {
        return Ok(None);
    }
    let before = earlier.take();
    let same = before.filter(|before| before.digest == prepared.step.digest());
    if let Some(same) = &same {
        prepared.reviewed.get_or_insert(same.reviewed.clone());
    }
    let policy = policy_for(&world, &journey.runbook);
    let facts = circumstances(journey, attempt, &prepared, &policy).await?;
    let judging = gate::judge(&prepared.step, &policy, &facts, world.reviewer.as_ref());
    let judgement = tokio::select! {
        judgement = judging => judgement,
        // A reviewer that takes its time must not keep the agent from stopping.
        () = world.stopping.cancelled() => return Err(FlowError::Stopping),
    };
    if same.is_none_or(|same| same.decision != judgement.decision) {
        tell_gate(journey, &prepared.step, &judgement);
    }
    let now = Earlier {
        digest: prepared.step.digest(),
        decision: judgement.decision.clone(),
        reviewed: reviews(judgement.contributions.clone()),
    };
    let locked = settled(journey, attempt, prepared, &policy, judgement, slot).await?;
    *earlier = Some(now);
    Ok(locked)
}

/// The attempt, ready to be judged; none where it went no further.
async fn prepared(journey: &mut Journey, attempt: &Attempt) -> Result<Option<Prepared>, FlowError> {
    let Some(step) = definition(journey, &attempt.key) else {
        let error = "the runbook's definition has no such step".to_owned();
        return invalid(journey, attempt, error).await.map(|()| None);
    };
    match wanted(journey, &step, attempt.attempt) {
        Ok(true) => {}
        Ok(false) => {
            let reason = "its `when` is false";
            return skip(journey, attempt, reason).await.map(|()| None);
        }
        Err(error) => {
            return unplanned(journey, attempt, &step, error)
                .await
                .map(|()| None);
        }
    }
    let policy = policy_for(&journey.world, &journey.runbook);
    match prepare(journey, &step, attempt, &policy).await? {
        Ready::Step(prepared) => Ok(Some(prepared)),
        Ready::Invalid(error) => unplanned(journey, attempt, &step, error)
            .await
            .map(|()| None),
        Ready::Void(request, reason) => approve::void(journey, &request, &reason)
            .await
            .map(|()| None),
    }
}

/// It cannot be planned; in a dry run, that may be because steps before it were not carried out.
async fn unplanned(
    journey: &mut Journey,
    attempt: &Attempt,
    step: &Step,
    error: String,
) -> Result<(), FlowError> {
    match without_outputs(journey, step, &error) {
        Some(reason) => skip(journey, attempt, &reason).await,
        None => invalid(journey, attempt, error).await,
    }
}

/// What comes of a judgement.
async fn settled(
    journey: &mut Journey,
    attempt: &Attempt,
    prepared: Prepared,
    policy: &Policy,
    judgement: Judgement,
    slot: SemaphorePermit<'_>,
) -> Result<Option<(RunId, LockName)>, FlowError> {
    if journey.header.dry_run && prepared.step.effects.class() > Class::Read {
        // A child needs a turn of its own.
        let _slot = (prepared.step.uses.as_str() != RUNBOOK).then_some(slot);
        return rehearse(journey, attempt, &prepared.step, &judgement)
            .await
            .map(|()| None);
    }
    let opened = settle(
        prepared.step.clone(),
        judgement.decision.clone(),
        consent_to(&prepared, &judgement),
    );
    match opened {
        Settled::Closed => deny(journey, attempt, &prepared.step, &judgement).await?,
        Settled::Ask(quorum) => {
            drop(slot);
            approve::ask(journey, attempt, prepared.step, quorum, judgement).await?;
        }
        Settled::Open(permit) => {
            // A child needs a turn of its own.
            let _slot = (prepared.step.uses.as_str() != RUNBOOK).then_some(slot);
            let consent = prepared.consent.map(|consent| consent.id);
            let judged = Judged {
                judgement: &judgement,
                limits: &policy.limits,
            };
            match carry_out(journey, attempt, permit, consent, judged).await? {
                // Where there was no room left, the next judgement says so.
                Carried::Out | Carried::NoRoom => {}
                Carried::LockedBy(owner, name) => return Ok(Some((owner, name))),
            }
        }
    }
    Ok(None)
}

/// The consent that counts: not one of people who did not know that a limit would be in the way.
fn consent_to<'a>(prepared: &'a Prepared, judgement: &Judgement) -> Option<&'a Redeemed> {
    let consent = prepared.consent.as_ref();
    consent.filter(|_| !judgement.has_unknown_limit())
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
pub(super) fn policy_for(world: &World, runbook: &Runbook) -> Arc<Policy> {
    let policy = world.in_use().policy.clone();
    match runbook.autonomy {
        Some(ceiling) if ceiling < policy.autonomy => {
            Arc::new(policy.as_ref().clone().lowered(Some(ceiling)))
        }
        Some(_) | None => policy,
    }
}
