//! One attempt of a step: rendered → judged → recorded → carried out → recorded.

use crate::{
    domain::{
        approval::{Redeemed, Request},
        audit::Entry,
        calendar::{WindowState, windows_state},
        effect::{Class, Scope},
        expression,
        gate::{Contribution, Decision, Permit, Settled, Stage, settle},
        id::ApprovalId,
        name::CalendarName,
        plan::PlannedStep,
        policy::Policy,
        run::{Cause, RunEvent, StepEnd, StepKey, StepReport},
        runbook::{Phase, Step},
    },
    flow::{
        FlowError, approve,
        run::{Journey, was_stopped},
        start,
        world::{World, quorum},
    },
    gate::{self, Circumstances, Judgement},
    history::{EffectFilter, Write},
    ports::executor::{Intent, RunSoFar, Session, StepContext},
    telemetry::StepOf,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The action that starts another run.
const RUNBOOK: &str = "runbook";

/// The outcome of a step that was not reached.
const NOT_RUN: &str = "not_run";

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
            if lock(journey, &prepared.step, &slot).await? == Locked::AfterWaiting {
                // The world went on meanwhile: judge again, with the locks held.
                return Ok(());
            }
            if prepared.step.uses.as_str() == RUNBOOK {
                // The child needs a turn of its own.
                drop(slot);
            }
            carry_out(
                journey,
                &attempt,
                permit,
                prepared.consent.map(|consent| consent.id),
                judgement,
            )
            .await
        }
    }
}

struct Prepared {
    step: PlannedStep,
    consent: Option<Redeemed>,
    intent: Option<Intent>,
    /// What the reviewer said when people were asked.
    reviewed: Option<Vec<Contribution>>,
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

/// What expressions see.
struct Seen {
    inputs: Value,
    values: Value,
    steps: Value,
    run: Value,
}

impl Seen {
    fn scope(&self) -> expression::Scope<'_> {
        expression::Scope {
            inputs: &self.inputs,
            values: &self.values,
            steps: &self.steps,
            run: &self.run,
            secrets: expression::Secrets::Allowed,
        }
    }
}

fn seen(journey: &Journey, attempt: u32) -> Seen {
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

fn context(journey: &Journey, attempt: &Attempt) -> StepContext {
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

/// Renders the step and asks its action what it intends; a consented step is taken as it was stored, never rendered again.
async fn prepare(
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
    };
    Ok(Ok(Prepared {
        step: planned,
        consent: None,
        intent: Some(intent),
        reviewed: None,
    }))
}

async fn circumstances(
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

fn step_of<'a>(journey: &'a Journey, step: &'a PlannedStep) -> StepOf<'a> {
    StepOf {
        runbook: &journey.header.runbook,
        run: journey.header.id,
        phase: step.phase,
        step: &step.step,
        action: &step.uses,
        attempt: step.attempt,
    }
}

fn tell_gate(journey: &Journey, step: &PlannedStep, judgement: &Judgement) {
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
    let mut entry = start::audit(journey.world.now(), &journey.header, action, "");
    entry.resource = format!("{} {}", step.uses, objects(step));
    entry.namespace = namespace.unwrap_or_default();
    entry.details = json!({
        "run": step.run, "runbook": step.runbook, "step": step.step, "attempt": step.attempt, "digest": step.digest(),
        "more": details,
    });
    entry
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

async fn skip(journey: &mut Journey, attempt: &Attempt, reason: &str) -> Result<(), FlowError> {
    let event = RunEvent::StepSkipped {
        key: attempt.key.clone(),
        reason: reason.to_owned(),
    };
    journey
        .record("a step that is skipped", vec![event], Vec::new())
        .await
}

async fn invalid(journey: &mut Journey, attempt: &Attempt, error: String) -> Result<(), FlowError> {
    let event = RunEvent::StepInvalid {
        key: attempt.key.clone(),
        error,
    };
    journey
        .record("a step that cannot be planned", vec![event], Vec::new())
        .await
}

/// A dry run shows what would be done and what the gate says.
async fn describe(
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

async fn deny(
    journey: &mut Journey,
    attempt: &Attempt,
    step: &PlannedStep,
    judgement: &Judgement,
) -> Result<(), FlowError> {
    let reason = reasons(judgement, &Decision::Deny);
    let mut entry = audit(journey, step, "step.denied", json!(judgement.contributions));
    entry.success = false;
    entry.error_msg.clone_from(&reason);
    let denied = RunEvent::StepDenied {
        key: attempt.key.clone(),
        reason,
    };
    let events = vec![gated(step, judgement), denied];
    journey
        .record("a step that is denied", events, vec![Write::Audit(entry)])
        .await
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

#[derive(PartialEq, Eq)]
enum Locked {
    AtOnce,
    AfterWaiting,
}

/// Takes the runbook's locks before a step that changes something.
async fn lock<T>(
    journey: &mut Journey,
    step: &PlannedStep,
    _slot: &T,
) -> Result<Locked, FlowError> {
    if step.effects.class() == Class::Read || journey.runbook.locks.is_empty() {
        return Ok(Locked::AtOnce);
    }
    let world = journey.world.clone();
    let released = world.locks.released();
    tokio::pin!(released);
    let now = world.now();
    let expires = now
        .saturating_add(journey.runbook.deadline.signed() + step.timeout.signed())
        .unwrap_or(Timestamp::MAX);
    match world
        .locks
        .take(&journey.runbook.locks, journey.header.id, expires, now)
    {
        Ok(()) => Ok(Locked::AtOnce),
        Err((name, holder)) => {
            tracing::info!(run.id = %journey.header.id, "waits for the lock {name}, held by run {}", holder.owner);
            // A release between the look and the wait is not missed for long: the wait is short.
            let pause = journey
                .time_left()
                .unwrap_or(Duration::MAX)
                .min(Duration::from_secs(1));
            tokio::select! {
                () = released => {}
                _ = journey.rest(pause) => {}
            }
            Ok(Locked::AfterWaiting)
        }
    }
}

/// Records the start, touches the world, records the end.
async fn carry_out(
    journey: &mut Journey,
    attempt: &Attempt,
    permit: Permit,
    consent: Option<ApprovalId>,
    judgement: Judgement,
) -> Result<(), FlowError> {
    let step = permit.step().clone();
    let class = step.effects.class();
    let started = RunEvent::StepStarted {
        key: attempt.key.clone(),
        attempt: attempt.attempt,
        digest: permit.digest(),
        class,
        idempotent: step.idempotent,
    };
    let at = journey.world.now();
    let details = json!({"effects": step.effects, "gate": judgement.contributions, "arguments": readable(&step.arguments)});
    let mut writes = vec![Write::Audit(audit(journey, &step, "step.started", details))];
    if class > Class::Read {
        writes.push(Write::Effect {
            at,
            class,
            runbook: step.runbook.clone(),
            namespace: None,
        });
    }
    if let Some(approval) = consent {
        writes.push(Write::Redeem {
            approval,
            digest: permit.digest(),
            at,
        });
    }
    let recorded = journey
        .record(
            "the start of a step",
            vec![gated(&step, &judgement), started],
            writes,
        )
        .await;
    if let (Err(error), Some(approval)) = (&recorded, consent) {
        return approve::lapse(journey, approval, error).await;
    }
    recorded?;
    let began = journey.world.clock.elapsed();
    journey
        .world
        .events
        .step_started(step_of(journey, &step), class);
    let (report, stopped) = execute(journey, attempt, permit).await?;
    let took = journey.world.clock.elapsed().saturating_sub(began);
    journey
        .world
        .events
        .step_ended(step_of(journey, &step), &report, took, class);
    if stopped && was_stopped(&report.result) {
        return interrupted(journey, attempt, &step).await;
    }
    finish(journey, attempt, &step, report).await
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

/// Carries out the step while watching for a cancel, the deadline and the agent's own end. The flag says whether the agent's end
/// stopped it.
async fn execute(
    journey: &mut Journey,
    attempt: &Attempt,
    permit: Permit,
) -> Result<(StepReport, bool), FlowError> {
    let world = journey.world.clone();
    let stop = CancellationToken::new();
    let log = world
        .logs
        .open(journey.header.id, &attempt.key, attempt.attempt);
    let session = Session {
        context: context(journey, attempt),
        stop: stop.clone(),
        log,
    };
    let execution = world.executor.execute(permit, session);
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
        tokio::select! {
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

/// The agent's own end stopped it: whether it happened is not known, so it is not called a failure.
async fn interrupted(
    journey: &mut Journey,
    attempt: &Attempt,
    step: &PlannedStep,
) -> Result<(), FlowError> {
    journey
        .world
        .events
        .step_interrupted(step_of(journey, step));
    let event = RunEvent::StepInterrupted {
        key: attempt.key.clone(),
        attempt: attempt.attempt,
    };
    journey
        .record(
            "a step that the agent's end interrupted",
            vec![event],
            Vec::new(),
        )
        .await?;
    Err(FlowError::Stopping)
}

async fn finish(
    journey: &mut Journey,
    attempt: &Attempt,
    step: &PlannedStep,
    report: StepReport,
) -> Result<(), FlowError> {
    let mut entry = audit(
        journey,
        step,
        "step.ended",
        json!({"summary": report.summary, "check": report.check}),
    );
    entry.success = StepEnd::Reported(Box::new(report.clone())).is_fine();
    if !entry.success {
        entry.error_msg.clone_from(&report.summary);
    }
    let mut writes = vec![Write::Audit(entry)];
    let left = crate::flow::artifacts::writes(&journey.world, step, &report).await;
    writes.extend(left.map_err(|error| FlowError::unreadable("looking for an artifact", &error))?);
    let ended = RunEvent::StepEnded {
        key: attempt.key.clone(),
        attempt: attempt.attempt,
        report,
    };
    journey
        .record("the end of a step", vec![ended], writes)
        .await
}
