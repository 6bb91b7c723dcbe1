//! A step rendered, with all that the gate wants to know about it.

use super::{
    Attempt, redeem,
    sight::{context, foreign, seen},
};
use crate::{
    domain::{
        approval::{Redeemed, Request},
        calendar::{WindowState, windows_state},
        expression,
        gate::{Contribution, Stage},
        name::CalendarName,
        plan::PlannedStep,
        policy::Policy,
        run::Cause,
        runbook::Step,
    },
    flow::{
        FlowError, approve, backups, circuit, clock, pace,
        run::Journey,
        trial,
        world::{World, quorum},
    },
    gate::Circumstances,
    ports::executor::Intent,
};
use jiff::Timestamp;

pub(super) struct Prepared {
    pub(super) step: PlannedStep,
    pub(super) consent: Option<Redeemed>,
    /// What those were told who gave it.
    told: Option<Vec<Contribution>>,
    intent: Intent,
    /// What the reviewer has said about this very step already.
    pub(super) reviewed: Option<Vec<Contribution>>,
}

/// What comes of preparing an attempt.
pub(super) enum Ready {
    /// It can be judged.
    Step(Prepared),
    /// It cannot be planned, for this reason.
    Invalid(String),
    /// The consent that it was to use is void, for this reason.
    Void(Request, String),
}

/// Renders the step and asks its action what it intends; a consented step is taken as it was stored, never rendered again.
pub(super) async fn prepare(
    journey: &mut Journey,
    step: &Step,
    attempt: &Attempt,
    policy: &Policy,
) -> Result<Ready, FlowError> {
    if let Some(id) = attempt.granted {
        let request = approve::request(&journey.world, id).await?;
        if let Some(reason) = approve::stale(journey, &request).await? {
            return Ok(Ready::Void(request, reason));
        }
        return Ok(match redeem::check(journey, attempt, &request).await {
            Ok(intent) => Ready::Step(consented(request, intent)),
            Err(reason) => Ready::Void(request, reason),
        });
    }
    Ok(match render(journey, step, attempt, policy).await {
        Ok(prepared) => Ready::Step(prepared),
        Err(error) => Ready::Invalid(error),
    })
}

fn consented(request: Request, intent: Intent) -> Prepared {
    let Request {
        id,
        step,
        digest,
        quorum,
        contributions,
        ..
    } = request;
    Prepared {
        step,
        consent: Some(Redeemed { id, digest, quorum }),
        intent,
        reviewed: Some(reviews(contributions.clone())),
        told: Some(contributions),
    }
}

/// What the reviewer said among all that was said.
pub(super) fn reviews(contributions: Vec<Contribution>) -> Vec<Contribution> {
    let said = contributions.into_iter();
    said.filter(|said| said.stage == Stage::Review).collect()
}

pub(super) async fn render(
    journey: &Journey,
    step: &Step,
    attempt: &Attempt,
    policy: &Policy,
) -> Result<Prepared, String> {
    let arguments = expression::render(&step.with.value(), &seen(journey, attempt.attempt).scope())
        .map_err(|error| error.to_string())?;
    let context = context(journey, attempt);
    let intent = journey
        .world
        .executor
        .intend(&step.uses, &arguments, &context)
        .await?;
    let header = &journey.header;
    let planned = PlannedStep {
        runbook: header.runbook.clone(),
        revision: header.revision.clone(),
        definition: header.definition,
        run: header.id,
        phase: attempt.key.phase,
        step: attempt.key.step.clone(),
        attempt: attempt.attempt,
        uses: step.uses.clone(),
        arguments,
        timeout: step.timeout,
        effects: intent.effects.clone(),
        idempotent: intent.idempotent,
        policy: policy.digest(),
        pinned: intent.pinned.clone(),
    };
    Ok(Prepared {
        step: planned,
        consent: None,
        told: None,
        intent,
        reviewed: None,
    })
}

pub(super) async fn circumstances(
    journey: &Journey,
    attempt: &Attempt,
    prepared: &Prepared,
    policy: &Policy,
) -> Result<Circumstances, FlowError> {
    let world = &journey.world;
    let now = world.now();
    let wish = prepared.intent.wants_approval.clone();
    Ok(Circumstances {
        now,
        halted: world.brake.halted(),
        circuit: circuit::at_effect(journey, &prepared.step).await?,
        trial: trial::of(journey, &prepared.step).await?,
        jumped: clock::doubt(world),
        window: window(world, &journey.runbook.windows, now),
        window_override: journey.header.window_override.clone(),
        standings: pace::standings(world, &prepared.step, &policy.limits).await?,
        consented: prepared.told.clone(),
        backups: backups::found(world, &prepared.step, policy).await?,
        manual: matches!(journey.header.cause, Cause::Person { .. }),
        uncertain: attempt.uncertain,
        wish: wish.map(|wish| (quorum(wish.people, &wish.groups), wish.message)),
        purpose: journey.runbook.description.to_string(),
        foreign: foreign(journey, attempt),
        reviewed: prepared.reviewed.clone(),
    })
}

/// Whether the windows that a runbook names are open. A calendar that is gone closes: it may have said no.
pub fn window(world: &World, names: &[CalendarName], now: Timestamp) -> WindowState {
    let in_use = world.in_use();
    let mut calendars = Vec::new();
    for name in names {
        match in_use.set.calendar(name) {
            Some(calendar) => calendars.push(calendar),
            None => {
                return WindowState::Closed {
                    reason: format!("the calendar {name} is not there"),
                    opens: None,
                };
            }
        }
    }
    windows_state(&calendars, now)
}
