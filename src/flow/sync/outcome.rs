//! What came of a look at the source, and how it is told.

use super::State;
use crate::{
    domain::{lineage::Descent, name::RunbookName},
    flow::world::World,
    history::SyncRecord,
    ports::agent::{HeldDeletion, SyncView},
    telemetry::SyncResult,
};
use std::{collections::BTreeSet, time::Duration};

/// What one look at the source led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyncOutcome {
    /// There is nothing new.
    Unchanged,
    /// A newer revision is in use.
    Applied {
        /// Whether it descends from the one before.
        descent: Descent,
        /// Runbooks that are new or say something else.
        changed: Vec<RunbookName>,
        /// Runbooks that are gone.
        removed: Vec<RunbookName>,
    },
    /// A newer revision is in use, except for what it would delete: a person must accept that.
    Held(Vec<RunbookName>),
    /// What was in use stays in use.
    Failed(String),
}

/// Tells what came of one look: one event, and one for each problem that was not there before.
pub(super) fn tell(
    world: &World,
    state: &State,
    outcome: &SyncOutcome,
    before: &SyncRecord,
    began: Duration,
) {
    let record = &state.record;
    let took = world.clock.elapsed().saturating_sub(began);
    let (result, detail) = match outcome {
        SyncOutcome::Unchanged => (SyncResult::Unchanged, String::new()),
        SyncOutcome::Applied {
            descent,
            changed,
            removed,
        } => (
            SyncResult::Applied,
            format!(
                "{} runbooks changed, {} are gone{}",
                changed.len(),
                removed.len(),
                descent_in_words(*descent)
            ),
        ),
        SyncOutcome::Held(runbooks) => (
            SyncResult::Held,
            format!(
                "it would delete {} runbooks: a person must accept it",
                runbooks.len()
            ),
        ),
        SyncOutcome::Failed(reason) => (SyncResult::Failed, reason.clone()),
    };
    let revision = record.attempted.as_deref().unwrap_or_default();
    world
        .events
        .sync_ended(result, revision, took, world.now(), &detail);
    if matches!(outcome, SyncOutcome::Applied { .. } | SyncOutcome::Held(_)) {
        let known: BTreeSet<&String> = before.problems.iter().collect();
        for problem in record
            .problems
            .iter()
            .filter(|problem| !known.contains(problem))
        {
            world.events.problem_found(problem);
        }
        tell_set(world, state);
    }
}

/// What a person should know of how the revision came to be; nothing in the usual case.
fn descent_in_words(descent: Descent) -> &'static str {
    match descent {
        Descent::None | Descent::Follows => "",
        Descent::Rewritten => "; it does not descend from the one before: history was rewritten",
        Descent::Unknown => "; whether it descends from the one before cannot be seen",
    }
}

/// Tells which set is in use.
pub(super) fn tell_set(world: &World, state: &State) {
    let (set, problems) = (&state.set, state.record.problems.len());
    let applied = state.record.applied.as_deref().unwrap_or_default();
    world
        .events
        .active_set(applied, set.runbook_count(), set.invalid_count(), problems);
}

/// Where following the source stands, for people.
pub(super) fn view_of(state: &State) -> SyncView {
    let record = &state.record;
    let held = record.held.as_ref().map(|held| HeldDeletion {
        revision: held.revision.clone(),
        runbooks: held.runbooks.clone(),
    });
    SyncView {
        source: record.source.clone(),
        attempted: record.attempted.clone(),
        applied: record.applied.clone(),
        last_success: record.last_success,
        last_attempt: record.last_attempt,
        error: record.error.clone(),
        rewritten: record.rewritten.clone(),
        runbooks: u64::try_from(state.set.runbook_count()).unwrap_or(u64::MAX),
        problems: record.problems.clone(),
        held,
    }
}
