//! What must be done now and then: feeding the watchdog, forgetting old runs and logs.

use crate::{
    daemon::{audit, life::Daemon},
    flow::{unrecorded, world::World},
    history::Pruned,
    ports::{
        agent::{Agent as _, Weight},
        archive::Archive,
    },
};
use serde_json::json;
use std::{sync::Arc, time::Duration};

/// How often old records are looked for.
const FORGET: Duration = Duration::from_hours(1);
/// How many of a runbook's runs are kept however old they are.
const KEEP_RUNS: u32 = 20;

/// Starts the tasks.
pub(super) fn spawn(daemon: &mut Daemon) {
    audit::spawn(daemon);
    spawn_forget(daemon);
    spawn_artifacts(daemon);
    spawn_watchdog(daemon);
}

/// Looks through the notes of new artifacts when the history has come to know one, so that a note outlives its record by moments only: who
/// puts an older history back finds no note of what that history never heard of.
fn spawn_artifacts(daemon: &mut Daemon) {
    let (world, archive) = (daemon.world.clone(), daemon.archive.clone());
    daemon.tasks.spawn("artifacts", async move {
        loop {
            unrecorded::sweep(&world, archive.as_ref()).await;
            tokio::select! {
                () = world.known_artifact.notified() => {}
                goes_on = pause(&world, FORGET) => if !goes_on { return },
            }
        }
    });
}

fn spawn_forget(daemon: &mut Daemon) {
    let world = daemon.world.clone();
    let (runs, logs) = (
        daemon.loaded.config.retention.runs,
        daemon.loaded.config.retention.logs,
    );
    let output = daemon.logs.clone();
    let archive = daemon.archive.clone();
    let note = daemon.tasks.note("retention");
    daemon.tasks.spawn("retention", async move {
        end_uploads(&archive).await;
        while pause(&world, FORGET).await {
            let now = world.now();
            let before = now.saturating_sub(runs.signed()).unwrap_or(now);
            let forgotten = world.history.prune_runs(before, KEEP_RUNS).await;
            let logs_before = now.saturating_sub(logs.signed()).unwrap_or(now);
            let removed = output.prune(logs_before).await;
            if let Ok(pruned) = &forgotten
                && *pruned != Pruned::default()
            {
                let details = json!({"before": before, "pruned": pruned});
                audit::note(&world, "history.pruned", details).await;
            }
            end_uploads(&archive).await;
            note.say(format!("runs: {forgotten:?}, logs: {removed:?}"));
        }
    });
}

/// Ends uploads that a dead agent left half-done; what cannot be reached now is tried again an hour later.
async fn end_uploads(archive: &Arc<dyn Archive>) {
    for told in archive.tidy().await {
        tracing::warn!("{told}");
    }
}

/// Tells systemd that the agent lives, as long as it does.
fn spawn_watchdog(daemon: &mut Daemon) {
    let Some(period) = sd_notify::watchdog_enabled() else {
        return;
    };
    let (world, agent) = (daemon.world.clone(), daemon.agent.clone());
    daemon.tasks.spawn("watchdog", async move {
        while pause(&world, period / 3).await {
            let alive = agent
                .dependencies()
                .iter()
                .all(|part| part.ok || part.weight != Weight::Alive);
            if alive && let Err(error) = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]) {
                tracing::debug!("systemd was not told: {error}");
            }
        }
    });
}

/// Waits; false when the agent stops.
pub(super) async fn pause(world: &Arc<World>, period: Duration) -> bool {
    tokio::select! {
        () = world.clock.sleep(period) => true,
        () = world.draining.cancelled() => false,
    }
}
