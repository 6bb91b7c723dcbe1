//! How much may be done in a period. Counts come from the history, so they survive a restart.

use super::Circumstances;
use crate::domain::{
    effect::Class,
    gate::{Contribution, Decision, Stage},
    plan::PlannedStep,
    policy::Policy,
};

/// Over a limit, a machine's run is denied and a person's run asks.
pub(super) fn contributions(
    step: &PlannedStep,
    policy: &Policy,
    facts: &Circumstances,
) -> Vec<Contribution> {
    let class = step.effects.class();
    let over = |done: u64, limit: u32| done >= u64::from(limit);
    let mut all = Vec::new();
    if class > Class::Read && over(facts.changes_last_minute, policy.changes_per_minute) {
        all.push(format!(
            "{} changes in the last minute reach the limit of {}; try again in a minute",
            facts.changes_last_minute, policy.changes_per_minute
        ));
    }
    // A destructive step that a person must consent to anyway is not stopped by the count of the agent's own.
    if class == Class::Destructive && over(facts.destructive_last_hour, policy.destructive_per_hour)
    {
        all.push(format!(
            "{} destructive steps in the last hour reach the limit of {}; try again later",
            facts.destructive_last_hour, policy.destructive_per_hour
        ));
    }
    let decision = if facts.manual {
        Decision::ask()
    } else {
        Decision::Deny
    };
    all.into_iter()
        .map(|reason| Contribution::new(Stage::RateLimit, decision.clone(), reason))
        .collect()
}
