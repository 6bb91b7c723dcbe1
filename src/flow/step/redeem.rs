//! A consent about to be used: the stored step is what people consented to, and the world is still as they were told.

use super::{Attempt, sight::context};
use crate::{
    domain::{approval::Request, consented, plan::PlannedStep},
    flow::run::Journey,
    ports::executor::Intent,
};

/// What the action intends now with the stored arguments, or why the consent is void.
///
/// The step is never rendered again; only what it would do is derived again, from the arguments as they were stored.
pub(super) async fn check(
    journey: &Journey,
    attempt: &Attempt,
    request: &Request,
) -> Result<Intent, String> {
    let step = &request.step;
    if step.digest() != request.digest {
        return Err("the stored step is not the one that people consented to".to_owned());
    }
    if !is_of(journey, attempt, request) {
        return Err("it was given for another attempt".to_owned());
    }
    let executor = &journey.world.executor;
    executor.still(step).await?;
    let intent = executor
        .intend(&step.uses, &step.arguments, &context(journey, attempt))
        .await
        .map_err(|error| format!("what it would do cannot be found out any more: {error}"))?;
    match exceeds(step, &intent) {
        Some(beyond) => Err(format!(
            "what it would do is more than people consented to: {beyond}"
        )),
        None => Ok(intent),
    }
}

fn is_of(journey: &Journey, attempt: &Attempt, request: &Request) -> bool {
    let (step, header) = (&request.step, &journey.header);
    request.run == header.id
        && step.run == header.id
        && step.runbook == header.runbook
        && step.revision == header.revision
        && step.definition == header.definition
        && step.phase == attempt.key.phase
        && step.step == attempt.key.step
        && step.attempt == attempt.attempt
}

fn exceeds(step: &PlannedStep, intent: &Intent) -> Option<String> {
    if step.idempotent && !intent.idempotent {
        return Some("it is not safe to do twice any more".to_owned());
    }
    consented::exceeds(&intent.effects, &step.effects)
}
