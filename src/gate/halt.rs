//! While all effects are halted, only what is known to read goes on.

use super::Circumstances;
use crate::domain::{
    gate::{Contribution, Decision, Stage},
    halt::Halt,
    plan::PlannedStep,
};

/// No consent lifts it, and nothing waits for its end: what was to be done is denied, so that nothing old starts later.
pub(super) fn contribution(step: &PlannedStep, facts: &Circumstances) -> Option<Contribution> {
    let halt = facts.halted.as_ref()?;
    Halt::stops(&step.effects)
        .then(|| Contribution::new(Stage::Halt, Decision::Deny, halt.to_string()))
}
