//! A step that the gate has opened: its start recorded, carried out, its end recorded.

use super::{
    Attempt, policy_for,
    record::{audit, audit_gated, gated, step_of},
    sight::context,
};
use crate::{
    domain::{
        digest::Digest,
        effect::{Class, Reversible},
        gate::Permit,
        halt::Halt,
        id::{ApprovalId, RunId},
        jump::Jump,
        name::LockName,
        pace::{Limits, touched},
        plan::PlannedStep,
        run::{RunEvent, StepEnd, StepReport, Trace},
        runbook::Phase,
    },
    flow::{
        FlowError, approve, artifacts, clock,
        halt::{self, Passage},
        head, locks,
        pace::{self, Counted, Place},
        run::{Journey, was_stopped},
        world::World,
    },
    gate::Judgement,
    history::{Refused, Write, WriteError},
    ports::{
        BoxFuture,
        executor::{Session, StepLog},
        logs::Losses,
    },
};
use jiff::Timestamp;
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// What came of an opened step.
pub(super) enum Carried {
    /// It was carried out, or its consent could not be used.
    Out,
    /// This run holds that lock; nothing was touched.
    LockedBy(RunId, LockName),
    /// A limit was reached since it was judged; nothing was touched.
    NoRoom,
}

/// What a permit came from.
#[derive(Clone, Copy)]
pub(super) struct Judged<'a> {
    pub(super) judgement: &'a Judgement,
    pub(super) limits: &'a Limits,
}

/// Records the start, touches the world, records the end.
pub(super) async fn carry_out(
    journey: &mut Journey,
    attempt: &Attempt,
    permit: Permit,
    consent: Option<ApprovalId>,
    judged: Judged<'_>,
) -> Result<Carried, FlowError> {
    let world = journey.world.clone();
    clock::look(&world).await?;
    if consent.is_none() && clock::doubt(&world).is_some() && Jump::concerns(&permit.step().effects)
    {
        // It jumped after the gate had spoken: the gate speaks again.
        return Ok(Carried::Out);
    }
    let passage = match pass(journey, &permit) {
        Ok(passage) => passage,
        // It was halted after the gate had spoken: the gate speaks again.
        Err(Halted) => return Ok(Carried::Out),
    };
    let place = pace::take(&world, permit.step(), judged.limits, judged.judgement);
    if matches!(place, Place::Taken) {
        return Ok(Carried::NoRoom);
    }
    let now = world.now();
    let telling = (judged.judgement, now);
    let instead = record_start(journey, attempt, &permit, consent, telling).await?;
    if let Some(instead) = instead {
        return Ok(instead);
    }
    let counted = place.used(now);
    if consent.is_some() {
        seal(&world).await;
    }
    let step = permit.step().clone();
    let class = step.effects.class();
    let began = world.clock.elapsed();
    world.events.step_started(step_of(journey, &step), class);
    let log = world
        .logs
        .open(journey.header.id, &attempt.key, attempt.attempt);
    let halted = passage.as_ref().map(|passage| passage.stop.clone());
    let (mut report, stopped) = execute(journey, attempt, permit, log.clone(), halted).await?;
    drop(passage);
    tell_halt(&world, &mut report);
    tell_losses(journey, &step, &log.end(), &mut report);
    let output = log.digest();
    let took = world.clock.elapsed().saturating_sub(began);
    let of = step_of(journey, &step);
    world.events.step_ended(of, &report, took, class);
    if stopped && was_stopped(&report.result) {
        return Err(interrupted(journey, attempt, &step).await);
    }
    finish(journey, attempt, &step, report, (output, took, counted)).await?;
    Ok(Carried::Out)
}

/// Nothing passes any more.
struct Halted;

/// What touches the world passes the brake; what only reads need not.
fn pass(journey: &Journey, permit: &Permit) -> Result<Option<Passage>, Halted> {
    let step = permit.step();
    if !Halt::stops(&step.effects) {
        return Ok(None);
    }
    let what = format!("step {} of {} in run {}", step.step, step.runbook, step.run);
    halt::pass(&journey.world, what).map(Some).ok_or(Halted)
}

/// A step that a halt has stopped says so.
fn tell_halt(world: &World, report: &mut StepReport) {
    if let (Some(halt), true) = (world.brake.halted(), was_stopped(&report.result)) {
        report.summary = format!("stopped: all effects are {halt}");
    }
}

/// Before the world is touched. Gives what came of the step instead, where it does not start.
async fn record_start(
    journey: &mut Journey,
    attempt: &Attempt,
    permit: &Permit,
    consent: Option<ApprovalId>,
    (judgement, now): (&Judgement, Timestamp),
) -> Result<Option<Carried>, FlowError> {
    let step = permit.step();
    let started = RunEvent::StepStarted {
        key: attempt.key.clone(),
        attempt: attempt.attempt,
        digest: permit.digest(),
        class: step.effects.class(),
        idempotent: step.idempotent,
    };
    let events = vec![gated(step, judgement), started];
    let answered = match consent {
        Some(approval) => Some(approve::answered(&journey.world, approval).await?),
        None => None,
    };
    let mut writes = start_writes(journey, permit, consent.zip(answered), (judgement, now));
    if step.effects.class() > Class::Read {
        writes.extend(locks::take(journey, step, journey.world.now()).await?);
    }
    match (journey.try_record(events, writes).await, consent) {
        (Ok(()), _) => Ok(None),
        (Err(WriteError::Refused(Refused::Halted(halt))), _) => {
            journey.world.brake.adopt(halt);
            Ok(Some(Carried::Out))
        }
        (Err(WriteError::Refused(Refused::LockHeld { name, by, .. })), _) => {
            Ok(Some(Carried::LockedBy(by, name)))
        }
        (Err(WriteError::Refused(refused)), Some(approval)) if is_about_consent(&refused) => {
            approve::unusable(journey, &attempt.key, approval, &refused.to_string()).await?;
            Ok(Some(Carried::Out))
        }
        (Err(error), _) => Err(journey.world.write_failed("the start of a step", &error)),
    }
}

/// Whether the start was refused because the consent no longer counts: then people are asked again.
fn is_about_consent(refused: &Refused) -> bool {
    matches!(
        refused,
        Refused::NotRedeemable(_) | Refused::OtherDigest(_) | Refused::TooEarly(..)
    )
}

/// The end of the audit log is kept outside the history as soon as a consent is used: an older copy of the history that is put in its
/// place knows nothing of the use, and is found out by this.
async fn seal(world: &World) {
    match head::tell(world).await {
        Ok(_) => {}
        Err(error) => head::not_told(world, &error),
    }
}

fn start_writes(
    journey: &Journey,
    permit: &Permit,
    consent: Option<(ApprovalId, Value)>,
    (judgement, at): (&Judgement, Timestamp),
) -> Vec<Write> {
    let step = permit.step();
    let class = step.effects.class();
    let mut entry = audit_gated(journey, step, "step.started", judgement);
    if let Some((_, answered)) = &consent {
        entry = entry.and("approval", answered);
        let policy = policy_for(&journey.world, &journey.runbook).digest();
        if policy != step.policy {
            // People were asked under another one, which said the same of this step.
            entry = entry.and("policyInForce", policy);
        }
    }
    let mut writes = vec![Write::Audit(entry)];
    if Halt::stops(&step.effects) {
        writes.push(Write::NotHalted);
    }
    if let Some((approval, _)) = consent {
        writes.push(Write::Redeem {
            approval,
            digest: permit.digest(),
            at,
        });
    }
    if class > Class::Read {
        let touched = touched(&step.effects).into_iter();
        writes.extend(touched.map(|touched| Write::Effect {
            at,
            runbook: step.runbook.clone(),
            touched,
        }));
    }
    writes
}

/// Output that is lost is told with the report, so that nobody takes the rest for the whole.
pub(super) fn tell_losses(
    journey: &Journey,
    step: &PlannedStep,
    losses: &Losses,
    report: &mut StepReport,
) {
    if losses.bytes == 0 {
        return;
    }
    let (bytes, reason) = (losses.bytes, losses.reason.as_deref().unwrap_or_default());
    let note = format!(" ({bytes} bytes of its output could not be kept: {reason})");
    report.summary.push_str(&note);
    let of = step_of(journey, step);
    journey.world.events.output_lost(of, bytes, reason);
}

/// Carries out the step while watching for a halt, a cancel, the deadline and the agent's own end. The flag says whether the agent's end
/// stopped it.
async fn execute(
    journey: &mut Journey,
    attempt: &Attempt,
    permit: Permit,
    log: Arc<dyn StepLog>,
    halted: Option<CancellationToken>,
) -> Result<(StepReport, bool), FlowError> {
    let world = journey.world.clone();
    let session = Session {
        context: context(journey, attempt),
        stop: CancellationToken::new(),
        log,
    };
    let stop = session.stop.clone();
    let execution = world.executor.execute(permit, session);
    watched(journey, attempt, execution, (stop, halted)).await
}

/// The same for any work of an attempt: `stop` stops it.
pub(super) async fn watched(
    journey: &mut Journey,
    attempt: &Attempt,
    execution: BoxFuture<'_, StepReport>,
    (stop, halted): (CancellationToken, Option<CancellationToken>),
) -> Result<(StepReport, bool), FlowError> {
    let world = journey.world.clone();
    tokio::pin!(execution);
    let main = attempt.key.phase == Phase::Main;
    loop {
        let left = journey.time_left().filter(|_| main && !stop.is_cancelled());
        let deadline = async {
            match left {
                Some(left) => world.clock.sleep(left).await,
                None => std::future::pending().await,
            }
        };
        let listening = main && !stop.is_cancelled();
        let halt = async {
            match &halted {
                Some(halted) => halted.cancelled().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // Looked at first, so that what was halted before it began does not begin.
            biased;
            () = halt, if !stop.is_cancelled() => stop.cancel(),
            report = &mut execution => return Ok((report, world.stopping.is_cancelled())),
            () = deadline => {
                // The step is stopped even if the note about it cannot be written.
                stop.cancel();
                journey.record("a deadline that passed", vec![RunEvent::DeadlinePassed], Vec::new()).await?;
            }
            changed = journey.cancel.changed(), if listening => {
                if changed.is_ok() {
                    journey.take_cancel();
                }
                stop.cancel();
            }
            () = world.stopping.cancelled(), if !stop.is_cancelled() => stop.cancel(),
        }
    }
}

/// The agent's own end stopped it: whether it happened is not known, so it is not called a failure. Gives why the run goes no further.
pub(super) async fn interrupted(
    journey: &mut Journey,
    attempt: &Attempt,
    step: &PlannedStep,
) -> FlowError {
    let of = step_of(journey, step);
    journey.world.events.step_interrupted(of);
    let event = RunEvent::StepInterrupted {
        key: attempt.key.clone(),
        attempt: attempt.attempt,
    };
    let doing = "a step that the agent's end interrupted";
    match journey.record(doing, vec![event], Vec::new()).await {
        Ok(()) => FlowError::Stopping,
        Err(error) => error,
    }
}

/// What takes the step's effects back, as far as the effects say.
fn undo(step: &PlannedStep) -> Vec<&Reversible> {
    let effects = step.effects.items.iter();
    let lasting = effects.filter(|effect| effect.class() > Class::Read);
    lasting.map(|effect| &effect.reversible).collect()
}

/// What was counted as the step started and was not touched. An agent that ends before that is written leaves it counted.
fn given_back(step: &PlannedStep, at: Timestamp) -> impl Iterator<Item = Write> {
    let touched = touched(&step.effects).into_iter();
    touched.map(move |touched| Write::NoEffect {
        at,
        runbook: step.runbook.clone(),
        touched,
    })
}

async fn finish(
    journey: &mut Journey,
    attempt: &Attempt,
    step: &PlannedStep,
    report: StepReport,
    (output, took, counted): (Option<Digest>, Duration, Counted),
) -> Result<(), FlowError> {
    let mut entry = audit(journey, step, "step.ended")
        .and("ended", &report.result)
        .and("summary", &report.summary)
        .and("check", report.check)
        .and("exitCode", report.outputs.get("exitCode"))
        .and("outputs", Digest::of(&report.outputs))
        .and("output", output)
        .and(
            "tookMs",
            u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        )
        .and("undo", undo(step));
    if !StepEnd::Reported(Box::new(report.clone())).is_fine() {
        entry = entry.failed(&report.summary);
    }
    let mut writes = vec![Write::Audit(entry)];
    let is_untouched = report.trace == Trace::None;
    if is_untouched {
        writes.extend(given_back(step, counted.at));
    }
    let left = artifacts::left(&journey.world, step, &report).await;
    let left = left.map_err(|error| FlowError::unreadable("looking for an artifact", &error))?;
    let (entered, series) = left.parts();
    writes.extend(entered);
    let ended = RunEvent::StepEnded {
        key: attempt.key.clone(),
        attempt: attempt.attempt,
        report,
    };
    journey.record_end(ended, writes).await?;
    if is_untouched {
        counted.give_back(&journey.world);
    }
    if !series.is_empty() {
        // The end of the last step waits for that of the run; what the metrics are told must stand in the history.
        journey.catch_up().await?;
        artifacts::recorded(&journey.world, &series).await;
        journey.world.known_artifact.notify_one();
    }
    Ok(())
}
