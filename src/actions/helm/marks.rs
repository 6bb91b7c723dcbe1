//! What a step leaves on a revision, so that its next attempt knows its own: the same for every attempt of a step, another for every
//! other step.
//!
//! helm keeps an upgrade's description only once it has succeeded, but its labels from the beginning; of a rollback it takes only a
//! description, and keeps that until it has failed.

use crate::{domain::digest::Digest, ports::executor::StepContext};

/// The label of a release's revision.
pub(super) const LABEL: &str = "orderly.dev/step";
/// So many letters of a digest are enough to tell steps apart; a label holds 63.
const LENGTH: usize = 32;

/// The label's value.
pub(super) fn label(context: &StepContext) -> String {
    let digest = Digest::of_bytes(of(context).as_bytes()).to_string();
    digest.chars().take(LENGTH).collect()
}

/// For people, and of rollbacks the mark.
pub(super) fn description(context: &StepContext) -> String {
    format!("by orderly, runbook {}, {}", context.runbook, of(context))
}

/// Whether this description is of this step.
pub(super) fn is_ours(description: &str, context: &StepContext) -> bool {
    description == self::description(context)
}

fn of(context: &StepContext) -> String {
    let (run, phase, step) = (context.run, context.phase.as_str(), &context.step);
    format!("{run}/{phase}/{step}")
}
