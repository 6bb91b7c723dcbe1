//! After a start: what was going on goes on, from the same fold of the same events.

use crate::{
    domain::{
        run::{RunState, Standing},
        runbook::Runbook,
    },
    flow::{FlowError, clock, run::enter, start, world::World},
    history::RunRow,
};
use std::sync::Arc;

/// Launches every run whose end is not recorded, oldest first. Gives their number.
///
/// # Errors
/// The history cannot be read.
pub async fn recover(world: &Arc<World>) -> Result<usize, FlowError> {
    clock::look_after_start(world).await?;
    let unfinished = world.history.unfinished_runs().await;
    let unfinished =
        unfinished.map_err(|error| FlowError::unreadable("looking for unfinished runs", &error))?;
    let count = unfinished.len();
    for run in unfinished {
        resume(world, run).await?;
    }
    Ok(count)
}

async fn resume(world: &Arc<World>, run: RunRow) -> Result<(), FlowError> {
    let doing = format!("reading run {}", run.header.id);
    let events = world.history.events(run.header.id).await;
    let events = events.map_err(|error| FlowError::unreadable(&doing, &error))?;
    let runbook = definition(world, &run, &doing).await?;
    let state = RunState::of(&events);
    let unknown = state
        .steps
        .values()
        .filter(|step| matches!(step.standing, Standing::Running { .. }))
        .count();
    world.events.run_recovered(&run.header, unknown);
    let journey = enter(world, run.header, runbook, state);
    start::launch(world, journey);
    Ok(())
}

/// The definition that the run started with, whatever is in use now.
async fn definition(world: &World, run: &RunRow, doing: &str) -> Result<Arc<Runbook>, FlowError> {
    let found = world.history.definition(run.header.definition).await;
    let found = found.map_err(|error| FlowError::unreadable(doing, &error))?;
    let missing = || FlowError::unreadable(doing, &"its definition is not in the history");
    found.map(Arc::new).ok_or_else(missing)
}
