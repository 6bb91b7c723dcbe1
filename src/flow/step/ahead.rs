//! A step of a run that is still to come: what it will be, and what the gate says of it.

use super::{
    Attempt,
    plan::{Prepared, circumstances, render, window},
    policy_for, wanted,
};
use crate::{
    domain::{
        plan::PlannedStep,
        run::StepKey,
        runbook::{Phase, Step},
    },
    flow::{FlowError, run::Journey},
    gate::{self, Judgement},
};
use jiff::Timestamp;

/// A step as it will be carried out.
pub(in crate::flow) struct Coming(Prepared);

impl Coming {
    /// The step.
    pub(in crate::flow) fn step(&self) -> &PlannedStep {
        &self.0.step
    }
}

/// The first attempt of a main step.
pub(in crate::flow) fn first(step: &Step) -> Attempt {
    let key = StepKey {
        phase: Phase::Main,
        step: step.name.clone(),
    };
    Attempt {
        key,
        attempt: 1,
        granted: None,
        uncertain: false,
    }
}

/// Renders it; none where its condition says that it is skipped. The error says why it cannot be planned.
pub(in crate::flow) async fn plan(
    journey: &Journey,
    step: &Step,
) -> Result<Option<Coming>, String> {
    if !wanted(journey, step, 1)? {
        return Ok(None);
    }
    let policy = policy_for(&journey.world, &journey.runbook);
    let prepared = render(journey, step, &first(step), &policy).await?;
    Ok(Some(Coming(prepared)))
}

/// What the gate will say at that time, as far as is known now: how much will have been done by then is not.
pub(in crate::flow) async fn judge(
    journey: &Journey,
    step: &Step,
    coming: &Coming,
    due: Timestamp,
) -> Result<Judgement, FlowError> {
    let world = &journey.world;
    let policy = policy_for(world, &journey.runbook);
    let mut facts = circumstances(journey, &first(step), &coming.0, &policy).await?;
    facts.window = window(world, &journey.runbook.windows, due);
    facts.standings = Vec::new();
    let judging = gate::judge(coming.step(), &policy, &facts, world.reviewer.as_ref());
    tokio::select! {
        judgement = judging => Ok(judgement),
        () = world.stopping.cancelled() => Err(FlowError::Stopping),
    }
}
