//! After a start: what was going on goes on, from the same fold of the same events.

use crate::{
    domain::{
        audit::Entry,
        outlived::Outlived,
        run::{RunEvent, RunState, Standing, StepKey},
        runbook::Runbook,
    },
    flow::{FlowError, clock, run::enter, start, world::World},
    history::{RunRow, Write},
};
use futures_util::future::join_all;
use serde_json::json;
use std::sync::Arc;

/// Ends the programs that have outlived the agent that started them, before anything else is started: the locks of their runs may be free
/// soon, and what they do is not to be done twice at once. That they are ended is recorded before they are.
///
/// # Errors
/// The history cannot be read or written.
pub async fn end_outlived(world: &Arc<World>) -> Result<(), FlowError> {
    let found = world.executor.outlived();
    for outlived in &found {
        note_outlived(world, outlived).await?;
    }
    let ended = found.iter().map(|outlived| async move {
        let ended = world.executor.end_outlived(outlived).await;
        (outlived, ended)
    });
    for (outlived, ended) in join_all(ended).await {
        world.events.process_outlived(outlived, &ended);
        if let Err(reason) = ended {
            let behalf = &outlived.behalf;
            let resource = format!("runbook/{}", behalf.runbook);
            let entry = Entry::new(world.now(), "system", "process.outlived", resource)
                .with(json!({"run": behalf.run, "runbook": behalf.runbook, "step": behalf.step, "process": outlived.group}))
                .failed(format!("it could not be ended: {reason}"));
            let doing = "a program that could not be ended";
            world.write(doing, vec![Write::Audit(entry)]).await?;
        }
    }
    Ok(())
}

/// In the record of its run, and in the audit log.
async fn note_outlived(world: &World, outlived: &Outlived) -> Result<(), FlowError> {
    let behalf = &outlived.behalf;
    let doing = format!("reading run {}", behalf.run);
    let found = world.history.run(behalf.run).await;
    let found = found.map_err(|error| FlowError::unreadable(&doing, &error))?;
    let at = world.now();
    let Some(row) = found else {
        // Its history may be another one by now; that it was ended is recorded all the same.
        let about = json!({ "run": behalf.run, "step": behalf.step, "process": outlived.group, "program": outlived.program });
        let entry = Entry::new(at, "system", "process.outlived", "process").with(about);
        let doing = "a program that outlived its agent";
        return world.write(doing, vec![Write::Audit(entry)]).await;
    };
    let event = RunEvent::ProcessOutlived {
        key: StepKey {
            phase: behalf.phase,
            step: behalf.step.clone(),
        },
        attempt: behalf.attempt,
        process: outlived.group,
        program: outlived.program.clone(),
    };
    let entry = Entry::of_event(at, &row.header, &event).map(Write::Audit);
    let run = behalf.run;
    let writes = entry.into_iter().chain([Write::Event { run, event, at }]);
    let doing = "a program that outlived its agent";
    world.write(doing, writes.collect()).await
}

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
