//! A step rendered, with all that the gate wants to know about it.

use super::{
    Attempt,
    sight::{context, seen},
};
use crate::{
    domain::{
        approval::{Redeemed, Request},
        calendar::{WindowState, windows_state},
        effect::Class,
        expression,
        gate::{Contribution, Stage},
        name::CalendarName,
        plan::PlannedStep,
        policy::Policy,
        run::Cause,
        runbook::Step,
    },
    flow::{
        FlowError, approve, circuit,
        run::Journey,
        trial,
        world::{World, quorum},
    },
    gate::Circumstances,
    history::EffectFilter,
    ports::executor::Intent,
};
use jiff::{SignedDuration, Timestamp};

pub(super) struct Prepared {
    pub(super) step: PlannedStep,
    pub(super) consent: Option<Redeemed>,
    intent: Option<Intent>,
    /// What the reviewer said when people were asked.
    reviewed: Option<Vec<Contribution>>,
}

/// Renders the step and asks its action what it intends; a consented step is taken as it was stored, never rendered again.
pub(super) async fn prepare(
    journey: &Journey,
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
    let context = context(journey, attempt);
    let intent = match journey
        .world
        .executor
        .intend(&step.uses, &arguments, &context)
        .await
    {
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
        pinned: intent.pinned.clone(),
    };
    Ok(Ok(Prepared {
        step: planned,
        consent: None,
        intent: Some(intent),
        reviewed: None,
    }))
}

pub(super) async fn circumstances(
    journey: &Journey,
    attempt: &Attempt,
    prepared: &Prepared,
) -> Result<Circumstances, FlowError> {
    let world = &journey.world;
    let now = world.now();
    let class = prepared.step.effects.class();
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
        changes_last_minute: effects_since(
            world,
            Class::Change,
            class,
            now,
            SignedDuration::from_mins(1),
        )
        .await?,
        destructive_last_hour: effects_since(
            world,
            Class::Destructive,
            class,
            now,
            SignedDuration::from_hours(1),
        )
        .await?,
        manual: matches!(journey.header.cause, Cause::Person { .. }),
        uncertain: attempt.uncertain,
        wish: wish.map(|wish| (quorum(wish.people, &wish.groups), wish.message)),
        purpose: journey.runbook.description.to_string(),
        reviewed: prepared.reviewed.clone(),
    })
}

async fn effects_since(
    world: &World,
    counted: Class,
    own: Class,
    now: Timestamp,
    period: SignedDuration,
) -> Result<u64, FlowError> {
    if own < counted {
        return Ok(0);
    }
    let since = now.saturating_sub(period).unwrap_or(Timestamp::MIN);
    let class = (counted == Class::Destructive).then_some(counted);
    let counted = world
        .history
        .effects_since(
            since,
            EffectFilter {
                class,
                ..EffectFilter::default()
            },
        )
        .await;
    counted.map_err(|error| FlowError::unreadable("counting recent changes", &error))
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
