//! What becomes of occurrences that are due, or were missed: a run, or a reason why not.

use super::Key;
use crate::{
    domain::{
        occurrence::{NotRun, Occurrence, Skipped},
        run::Cause,
        runbook::{AgentEvent, Missed, Timing, Trigger},
        span::Span,
    },
    flow::{
        FlowError,
        approve::ahead,
        start,
        start::{NotStarted, Wish},
        world::World,
    },
    history::Write,
};
use jiff::Timestamp;
use std::sync::Arc;

/// An occurrence that is to be decided about now.
pub(super) enum Arrival {
    /// On time, or missed and still to run because the trigger says so.
    Due(Occurrence, Timing),
    /// Missed, from the first to the last.
    Missed(Occurrence, Timestamp),
}

pub(super) fn occurrence(key: &Key, nominal: Timestamp) -> Occurrence {
    Occurrence {
        runbook: key.0.clone(),
        trigger: key.1.to_string(),
        nominal,
    }
}

/// Starts what is to run once each time the agent has started.
///
/// # Errors
/// The history cannot be written.
pub async fn agent_started(world: &Arc<World>) -> Result<(), FlowError> {
    let now = world.now();
    let in_use = world.in_use();
    let environment = world.settings().environment.clone();
    let here = in_use
        .set
        .runbooks()
        .filter(|found| found.runbook.applies_in(&environment));
    let timing = Timing {
        spread: Span::default(),
        missed: Missed::Skip,
        start_deadline: None,
    };
    let arrivals = here
        .flat_map(|found| {
            found
                .runbook
                .triggers
                .iter()
                .map(|trigger| (&found.runbook.name, trigger))
        })
        .filter(|(_, trigger)| {
            matches!(
                trigger,
                Trigger::Agent {
                    event: AgentEvent::Started
                }
            )
        })
        .map(|(name, trigger)| {
            Arrival::Due(
                occurrence(&(name.clone(), trigger.key().into()), now),
                timing,
            )
        })
        .collect();
    settle_all(world, arrivals, now).await
}

/// Decides about all arrivals at once, so that their claims share the history's commits.
pub(super) async fn settle_all(
    world: &Arc<World>,
    arrivals: Vec<Arrival>,
    now: Timestamp,
) -> Result<(), FlowError> {
    let mut skips = Vec::new();
    let mut starting = Vec::new();
    for arrival in arrivals {
        match arrival {
            Arrival::Due(occurrence, timing) => match on_time(world, &occurrence, &timing, now) {
                Ok(()) => starting.push(occurrence),
                Err(why) => skips.push(start::skipped(occurrence, &why, now)),
            },
            Arrival::Missed(occurrence, last_nominal) => skips.push(Skipped {
                occurrence,
                last_nominal,
                reason: NotRun::MissedDown,
                detail: "the agent was not there, or its clock jumped".to_owned(),
                at: now,
            }),
        }
    }
    skips.extend(start_all(world, starting, now).await?);
    record_skips(world, skips).await
}

fn on_time(
    world: &World,
    occurrence: &Occurrence,
    timing: &Timing,
    now: Timestamp,
) -> Result<(), NotStarted> {
    if let Some(detail) = world.suspended(&occurrence.runbook, now) {
        return Err(NotStarted::Because(NotRun::Suspended, detail));
    }
    let late = now.duration_since(occurrence.nominal);
    match timing.start_deadline {
        Some(deadline) if late > deadline.signed() => {
            let detail = format!("{late:#} late, and the start deadline is {deadline}");
            Err(NotStarted::Because(NotRun::Deadline, detail))
        }
        Some(_) | None => Ok(()),
    }
}

async fn start_all(
    world: &Arc<World>,
    starting: Vec<Occurrence>,
    now: Timestamp,
) -> Result<Vec<Skipped>, FlowError> {
    let attempts = starting.into_iter().map(|occurrence| async move {
        let cause = Cause::Schedule {
            occurrence: occurrence.clone(),
        };
        let mut wish = Wish::of(occurrence.runbook.clone(), cause);
        let asked = if is_asked_ahead(world, &occurrence) {
            ahead::run_of(world, &occurrence).await
        } else {
            Ok(None)
        };
        let started = match asked {
            Ok(run) => {
                wish.run = run;
                start::start(world, wish).await
            }
            Err(error) => Err(NotStarted::Unavailable(error)),
        };
        (occurrence, started)
    });
    let mut skips = Vec::new();
    for (occurrence, started) in futures_util::future::join_all(attempts).await {
        match started {
            Ok(_) | Err(NotStarted::Before) => {}
            Err(NotStarted::Unavailable(error)) if !world.draining.is_cancelled() => {
                return Err(error);
            }
            Err(why) => skips.push(start::skipped(occurrence, &why, now)),
        }
    }
    Ok(skips)
}

async fn record_skips(world: &World, skips: Vec<Skipped>) -> Result<(), FlowError> {
    if skips.is_empty() {
        return Ok(());
    }
    let writes = skips.iter().cloned().map(Write::Skipped).collect();
    world.write("occurrences that did not run", writes).await?;
    for skipped in &skips {
        world.events.occurrence_skipped(skipped);
        let due = &skipped.occurrence;
        let reason = format!(
            "the due time did not run: {}, {}",
            skipped.reason.as_str(),
            skipped.detail
        );
        let (runbook, until) = (&due.runbook, skipped.last_nominal);
        ahead::take_back(world, runbook, &due.trigger, until, &reason).await?;
    }
    Ok(())
}

/// Whether people may have been asked about it ahead.
fn is_asked_ahead(world: &World, due: &Occurrence) -> bool {
    let in_use = world.in_use();
    let found = in_use.set.runbook(&due.runbook);
    found.is_some_and(|found| found.runbook.steps.iter().any(|step| step.ahead.is_some()))
}
