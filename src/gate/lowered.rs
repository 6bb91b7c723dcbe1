//! What puts one runbook back to autonomy level 1, whatever the level of all: an open circuit, and first runs.

use super::Circumstances;
use crate::domain::{
    gate::{Contribution, Decision, Stage},
    halt::Halt,
    plan::PlannedStep,
};

/// At level 1 everything asks that is not known to only read.
pub(super) fn contributions(step: &PlannedStep, facts: &Circumstances) -> Vec<Contribution> {
    if !Halt::stops(&step.effects) {
        return Vec::new();
    }
    let ask =
        |stage, why: String| Contribution::new(stage, Decision::ask(), format!("level 1: {why}"));
    let circuit = facts.circuit.as_ref().map(|tripped| {
        let why = format!("{tripped}; `orderly reset {}` closes it", step.runbook);
        ask(Stage::Circuit, why)
    });
    let trial = facts
        .trial
        .as_ref()
        .map(|trial| ask(Stage::FirstRun, trial.to_string()));
    circuit.into_iter().chain(trial).collect()
}
