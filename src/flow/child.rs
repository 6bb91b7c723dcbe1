//! A run that a step of another run starts.

use crate::{
    domain::{id::RunId, run::Cause},
    flow::{
        start::{self, Wish},
        world::World,
    },
    history::{History, RunRow},
    ports::{
        BoxFuture,
        executor::StepContext,
        runs::{ChildRun, ChildWish, Runs, Standing},
    },
};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// How long the end of a child is waited for before the history is asked again, should a wake-up be missed.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Starts runs for steps.
#[derive(Debug)]
pub struct ChildRuns {
    world: Arc<World>,
}

impl ChildRuns {
    /// In this world.
    pub fn new(world: Arc<World>) -> Self {
        Self { world }
    }
}

impl Runs for ChildRuns {
    fn run_child<'a>(
        &'a self,
        parent: &'a StepContext,
        wish: ChildWish,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<ChildRun, String>> {
        Box::pin(run_child(&self.world, parent, wish, stop))
    }

    fn standing(&self, run: RunId) -> BoxFuture<'_, Result<Standing, String>> {
        Box::pin(async move {
            let row = self.world.history.run(run).await;
            let row = row.map_err(|error| error.to_string())?;
            Ok(match row.map(|row| row.outcome) {
                None => Standing::Unknown,
                Some(None) => Standing::Going,
                Some(Some(_)) => Standing::Ended,
            })
        })
    }
}

async fn run_child(
    world: &Arc<World>,
    parent: &StepContext,
    wish: ChildWish,
    stop: CancellationToken,
) -> Result<ChildRun, String> {
    let cause = Cause::Step {
        run: parent.run,
        step: parent.step.clone(),
        waits: wish.wait,
    };
    let mut child = Wish::of(wish.runbook, cause);
    child.inputs = wish.inputs;
    child.dry_run = parent.dry_run;
    // One attempt of a step starts one child, whatever happens in between.
    child.idempotency_key = Some(format!(
        "step {}/{}/{}",
        parent.run, parent.step, parent.attempt
    ));
    let run = match start::start(world, child).await {
        Ok(header) => header.id,
        Err(why) => return Err(crate::ports::agent::AgentError::from(why).to_string()),
    };
    if !wish.wait {
        return Ok(ChildRun {
            run,
            outcome: None,
            reason: String::new(),
        });
    }
    let row = end_of(world, run, &stop, parent).await?;
    Ok(ChildRun {
        run,
        outcome: row.outcome,
        reason: row.reason,
    })
}

async fn end_of(
    world: &World,
    run: RunId,
    stop: &CancellationToken,
    parent: &StepContext,
) -> Result<RunRow, String> {
    let mut told = false;
    loop {
        let ended = world.run_ended.notified();
        tokio::pin!(ended);
        ended.as_mut().enable();
        if let Some(row) = ended_row(&world.history, run).await? {
            return Ok(row);
        }
        tokio::select! {
            () = ended => {}
            () = world.clock.sleep(LOOK_AGAIN) => {}
            () = stop.cancelled(), if !told => {
                world.cancel(run, "system", &format!("run {} was stopped", parent.run));
                told = true;
            }
        }
        if world.draining.is_cancelled() && stop.is_cancelled() {
            return Err(format!(
                "the agent is being stopped while run {run} goes on"
            ));
        }
    }
}

async fn ended_row(history: &History, run: RunId) -> Result<Option<RunRow>, String> {
    let row = history.run(run).await.map_err(|error| error.to_string())?;
    Ok(row.filter(|row| row.outcome.is_some()))
}
