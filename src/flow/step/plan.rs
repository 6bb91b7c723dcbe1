//! A step rendered, with all that the gate wants to know about it.

use super::{
    Attempt,
    sight::{context, seen},
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
        run::{Cause, StepKey},
        runbook::Step,
    },
    flow::{
        FlowError, approve, backups, circuit, pace,
        run::Journey,
        trial,
        world::{World, quorum},
    },
    gate::Circumstances,
    ports::executor::Intent,
};
use jiff::Timestamp;
use serde_json::Value;
use std::time::Duration;

/// How long an action's word on what it intends stays true.
const STILL_TRUE: Duration = Duration::from_secs(30);

/// What an action said that it intends.
#[derive(Debug)]
pub(crate) struct Intended {
    key: StepKey,
    attempt: u32,
    arguments: Value,
    /// By the clock that never jumps.
    at: Duration,
    intent: Intent,
}

pub(super) struct Prepared {
    pub(super) step: PlannedStep,
    pub(super) consent: Option<Redeemed>,
    intent: Option<Intent>,
    /// What the reviewer said when people were asked.
    reviewed: Option<Vec<Contribution>>,
}

/// Renders the step and asks its action what it intends; a consented step is taken as it was stored, never rendered again.
pub(super) async fn prepare(
    journey: &mut Journey,
    step: &Step,
    attempt: &Attempt,
    policy: &Policy,
) -> Result<Result<Prepared, String>, FlowError> {
    if let Some(id) = attempt.granted {
        let request = approve::request(&journey.world, id).await?;
        let Request {
            step,
            digest,
            quorum,
            contributions,
            ..
        } = request;
        let said = contributions.into_iter();
        return Ok(Ok(Prepared {
            step,
            consent: Some(Redeemed { id, digest, quorum }),
            intent: None,
            reviewed: Some(said.filter(|said| said.stage == Stage::Review).collect()),
        }));
    }
    let arguments =
        match expression::render(&step.with.value(), &seen(journey, attempt.attempt).scope()) {
            Ok(arguments) => arguments,
            Err(error) => return Ok(Err(error.to_string())),
        };
    let intent = match intend(journey, step, attempt, &arguments).await {
        Ok(intent) => intent,
        Err(error) => return Ok(Err(error)),
    };
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
    };
    Ok(Ok(Prepared {
        step: planned,
        consent: None,
        intent: Some(intent),
        reviewed: None,
    }))
}

/// Asks the action what it intends. It may look at the world for that, so a run that waits for a lock, and is planned every second,
/// takes the answer of a moment ago.
async fn intend(
    journey: &mut Journey,
    step: &Step,
    attempt: &Attempt,
    arguments: &Value,
) -> Result<Intent, String> {
    let now = journey.world.clock.elapsed();
    let known = journey.intended.as_ref().filter(|known| {
        known.key == attempt.key
            && known.attempt == attempt.attempt
            && known.arguments == *arguments
            && now.saturating_sub(known.at) < STILL_TRUE
    });
    if let Some(known) = known {
        return Ok(known.intent.clone());
    }
    let context = context(journey, attempt);
    let executor = journey.world.executor.clone();
    let intent = executor.intend(&step.uses, arguments, &context).await?;
    journey.intended = Some(Intended {
        key: attempt.key.clone(),
        attempt: attempt.attempt,
        arguments: arguments.clone(),
        at: now,
        intent: intent.clone(),
    });
    Ok(intent)
}

pub(super) async fn circumstances(
    journey: &Journey,
    attempt: &Attempt,
    prepared: &Prepared,
    policy: &Policy,
) -> Result<Circumstances, FlowError> {
    let world = &journey.world;
    let now = world.now();
    let wish = prepared
        .intent
        .as_ref()
        .and_then(|intent| intent.wants_approval.clone());
    Ok(Circumstances {
        now,
        halted: world.brake.halted(),
        circuit: circuit::at_effect(journey, &prepared.step).await?,
        trial: trial::of(journey, &prepared.step).await?,
        window: window(world, &journey.runbook.windows, now),
        window_override: journey.header.window_override.clone(),
        standings: pace::standings(world, &prepared.step, &policy.limits).await?,
        consented: prepared.consent.is_some(),
        backups: backups::found(world, &prepared.step, policy).await?,
        manual: matches!(journey.header.cause, Cause::Person { .. }),
        uncertain: attempt.uncertain,
        wish: wish.map(|wish| (quorum(wish.people, &wish.groups), wish.message)),
        purpose: journey.runbook.description.to_string(),
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
