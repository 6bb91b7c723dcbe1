//! After a jump of the clock nobody knows what "until" and "not before" mean: what destroys asks people.

use super::Circumstances;
use crate::domain::{
    gate::{Contribution, Decision, Stage},
    jump::Jump,
    plan::PlannedStep,
};

/// Whatever the level, and whatever is preapproved, until a person has looked at the clock.
pub(super) fn contribution(step: &PlannedStep, facts: &Circumstances) -> Option<Contribution> {
    let jump = facts.jumped.filter(|_| Jump::concerns(&step.effects))?;
    let reason = format!("{jump}; `orderly reset --clock` trusts it again");
    Some(Contribution::new(Stage::Clock, Decision::ask(), reason))
}
