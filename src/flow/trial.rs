//! A runbook is new or changed → its first changes ask people → its definition has proven itself.
//!
//! - The runbooks of the first revision that an agent sees of a source were chosen by whoever pointed it there, and are trusted. What
//!   comes later comes by commits.
//! - Only runs with an effect prove something: whoever hides a change behind a condition does not get past the first look by waiting.
//! - A definition that the history does not know is on trial: what is not recorded is not trusted. Only a step with an effect asks the
//!   history.

use crate::{
    domain::{
        active::ActiveSet, digest::Digest, halt::Halt, name::RunbookName, plan::PlannedStep,
        run::RunOutcome, trial::Trial,
    },
    flow::{FlowError, run::Journey, world::World},
    history::{RecordOf, RunFilter, RunStatus, Write},
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
    let record = record(world, header.definition, &header.runbook).await?;
    Ok(on_trial(record, wanted, &header.revision, &header.author))
}

/// What will make people's consent needed at the next run of this runbook, as far as is known: a definition that ended well and is not
/// proven has changed nothing, and likely never will.
///
/// # Errors
/// The history cannot be read.
pub(super) async fn ahead(
    world: &World,
    runbook: &RunbookName,
) -> Result<Option<Trial>, FlowError> {
    let in_use = world.in_use();
    let wanted = in_use.policy.first_runs;
    let Some(found) = in_use.set.runbook(runbook).filter(|_| wanted > 0) else {
        return Ok(None);
    };
    let definition = found.definition();
    let record = record(world, definition, runbook).await?;
    let trial = on_trial(record, wanted, &found.revision, &found.author);
    if trial.is_none() {
        return Ok(None);
    }
    let newest = RunFilter {
        runbook: Some(runbook.clone()),
        status: Some(RunStatus::Ended),
        limit: 1,
        ..RunFilter::default()
    };
    let newest = world.history.runs(newest).await;
    let newest = newest.map_err(|error| FlowError::unreadable("a runbook's last run", &error))?;
    let changes_nothing = newest.iter().any(|run| {
        run.header.definition == definition
            && !run.header.dry_run
            && run.outcome.is_some_and(RunOutcome::is_success)
            && record.runs == 0
    });
    Ok(trial.filter(|_| !changes_nothing))
}

async fn record(
    world: &World,
    definition: Digest,
    runbook: &RunbookName,
) -> Result<RecordOf, FlowError> {
    let record = world.history.record_of(definition, runbook.clone()).await;
    record.map_err(|error| FlowError::unreadable("a runbook's first runs", &error))
}

fn on_trial(record: RecordOf, wanted: u32, revision: &str, author: &str) -> Option<Trial> {
    (!record.is_trusted && record.runs < wanted).then(|| Trial {
        revision: revision.to_owned(),
        author: author.to_owned(),
        is_changed: record.has_others,
        runs: record.runs,
        wanted,
    })
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
