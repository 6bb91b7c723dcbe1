//! A runbook is new or changed → its first changes ask people → its definition has proven itself.
//!
//! - The runbooks of the first revision that an agent sees of a source were chosen by whoever pointed it there, and are trusted. What
//!   comes later comes by commits.
//! - Only runs with an effect prove something: whoever hides a change behind a condition does not get past the first look by waiting.
//! - A definition that the history does not know is on trial: what is not recorded is not trusted. Only a step with an effect asks the
//!   history.

use crate::{
    domain::{active::ActiveSet, halt::Halt, plan::PlannedStep, run::RunOutcome, trial::Trial},
    flow::{FlowError, run::Journey},
    history::Write,
};
use jiff::Timestamp;

/// What makes everybody's consent needed for this step because its runbook is on trial.
///
/// # Errors
/// The history cannot be read.
pub(super) async fn of(journey: &Journey, step: &PlannedStep) -> Result<Option<Trial>, FlowError> {
    let world = &journey.world;
    let wanted = world.in_use().policy.first_runs;
    if wanted == 0 || !Halt::stops(&step.effects) {
        return Ok(None);
    }
    let header = &journey.header;
    let record = world
        .history
        .record_of(header.definition, header.runbook.clone())
        .await;
    let record = record.map_err(|error| FlowError::unreadable("a runbook's first runs", &error))?;
    let trial = Trial {
        revision: header.revision.clone(),
        author: header.author.clone(),
        is_changed: record.has_others,
        runs: record.runs,
        wanted,
    };
    Ok((!record.is_trusted && record.runs < wanted).then_some(trial))
}

/// A run that changed something and ended well speaks for its definition.
pub(super) fn proof(journey: &Journey, outcome: RunOutcome, at: Timestamp) -> Option<Write> {
    let header = &journey.header;
    let proves = outcome.is_success() && journey.state.changed && !header.dry_run;
    proves.then(|| Write::Proof {
        definition: header.definition,
        runbook: header.runbook.clone(),
        at,
    })
}

/// The runbooks of a first revision.
pub(super) fn trusted(set: &ActiveSet, at: Timestamp) -> Write {
    let definitions = set
        .runbooks()
        .map(|found| (found.runbook.digest(), found.runbook.name.clone()));
    Write::Trusted {
        definitions: definitions.collect(),
        at,
    }
}
