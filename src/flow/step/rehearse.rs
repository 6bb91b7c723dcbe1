//! A step of a dry run that would change something: checked by those who would carry it out where they can, only described where not.
//!
//! Nothing changes, so no permit is needed, no limit is used up and no lock is held; what the gate says is told with it.

use super::{
    Attempt,
    carry::{interrupted, tell_losses, watched},
    record::{DRY_RUN, audit_gated, describe, gated, step_of},
    sight::context,
};
use crate::{
    domain::{
        effect::Class,
        expression::{self, Root},
        gate::Decision,
        plan::PlannedStep,
        run::{RunEvent, StepEnd, StepReport},
        runbook::Step,
    },
    flow::{
        FlowError,
        run::{Journey, was_stopped},
    },
    gate::Judgement,
    history::Write,
    ports::executor::Session,
};
use tokio_util::sync::CancellationToken;

pub(super) async fn rehearse(
    journey: &mut Journey,
    attempt: &Attempt,
    step: &PlannedStep,
    judgement: &Judgement,
) -> Result<(), FlowError> {
    let (world, stop) = (journey.world.clone(), CancellationToken::new());
    let log = world
        .logs
        .open(journey.header.id, &attempt.key, attempt.attempt);
    let session = Session {
        context: context(journey, attempt),
        stop: stop.clone(),
        log: log.clone(),
    };
    let rehearsal = match judgement.decision {
        // What the gate forbids is not even asked about.
        Decision::Deny => None,
        Decision::Allow | Decision::Approve(_) => world.executor.rehearse(step, session),
    };
    let Some(rehearsal) = rehearsal else {
        return describe(journey, attempt, step, judgement).await;
    };
    let began = world.clock.elapsed();
    let started = RunEvent::StepStarted {
        key: attempt.key.clone(),
        attempt: attempt.attempt,
        digest: step.digest(),
        class: Class::Read,
        idempotent: true,
    };
    let events = vec![gated(step, judgement), started];
    let doing = "the start of a step of a dry run";
    journey.record(doing, events, Vec::new()).await?;
    world
        .events
        .step_started(step_of(journey, step), Class::Read);
    let (mut report, stopped) = watched(journey, attempt, rehearsal, (stop, None)).await?;
    tell_losses(journey, step, &log.end(), &mut report);
    let took = world.clock.elapsed().saturating_sub(began);
    let of = step_of(journey, step);
    world.events.step_ended(of, &report, took, Class::Read);
    if stopped && was_stopped(&report.result) {
        return Err(interrupted(journey, attempt, step).await);
    }
    ended(journey, attempt, step, (judgement, report)).await
}

async fn ended(
    journey: &mut Journey,
    attempt: &Attempt,
    step: &PlannedStep,
    (judgement, mut report): (&Judgement, StepReport),
) -> Result<(), FlowError> {
    let decision = judgement.decision.as_str();
    report.summary = format!("{DRY_RUN}{}; the gate says {decision}", report.summary);
    let mut entry =
        audit_gated(journey, step, "step.described", judgement).and("summary", &report.summary);
    if !StepEnd::Reported(Box::new(report.clone())).is_fine() {
        entry = entry.failed(&report.summary);
    }
    let ended = RunEvent::StepEnded {
        key: attempt.key.clone(),
        attempt: attempt.attempt,
        report,
    };
    journey.record_end(ended, vec![Write::Audit(entry)]).await
}

/// Why a step of a dry run cannot be planned although nothing may be wrong with it: it uses what a step has not left, or counts on what a
/// step has not done, because the dry run did not carry that step out.
pub(super) fn without_outputs(journey: &Journey, step: &Step, error: &str) -> Option<String> {
    if !journey.header.dry_run {
        return None;
    }
    let dry: Vec<(&str, &StepEnd)> = journey
        .state
        .ends()
        .filter(|(_, end)| is_dry(end))
        .map(|(key, end)| (key.step.as_str(), end))
        .collect();
    let used = used(step);
    let mut described = dry
        .iter()
        .filter(|(_, end)| matches!(end, StepEnd::Skipped(_)));
    let lacking = described.find(|(name, _)| used.contains(*name));
    let names: Vec<&str> = dry.iter().map(|(name, _)| *name).collect();
    match (lacking, names.as_slice()) {
        (Some((name, _)), _) => Some(format!(
            "{DRY_RUN}not looked at, because it uses what the step `{name}` leaves, which a dry run does not carry out"
        )),
        (None, []) => None,
        (None, names) => Some(format!(
            "{DRY_RUN}as things are now, it would fail: {error}; what may be missing is what steps before it would have changed: {}",
            names.join(", ")
        )),
    }
}

fn is_dry(end: &StepEnd) -> bool {
    match end {
        StepEnd::Reported(report) => report.summary.starts_with(DRY_RUN),
        StepEnd::Skipped(reason) => reason.starts_with(DRY_RUN),
        StepEnd::Denied(_) | StepEnd::Invalid(_) | StepEnd::Interrupted(_) => false,
    }
}

/// The steps whose results a step's arguments or condition name.
fn used(step: &Step) -> std::collections::BTreeSet<String> {
    let condition = step.when.as_deref().map(expression::condition_references);
    let named = [Some(expression::references(&step.with.value())), condition];
    let references = named.into_iter().flatten().filter_map(Result::ok).flatten();
    references
        .filter(|reference| reference.root == Root::Steps)
        .filter_map(|reference| reference.path.first().cloned())
        .collect()
}
