//! The audit log's end told elsewhere, and what is old in it moved to files.

use crate::{
    config::AuditConfig,
    daemon::{housekeeping::pause, life::Daemon},
    domain::audit::Entry,
    flow::{
        head,
        retire::{Retirement, retire},
        world::World,
    },
    history::{HistoryError, Write},
};
use serde_json::{Value, json};
use std::time::Duration;

/// How often the head beside the database is replaced.
const BESIDE: Duration = Duration::from_mins(1);
/// How often it is told elsewhere.
const ELSEWHERE: Duration = Duration::from_hours(1);

/// Starts the tasks.
pub(super) fn spawn(daemon: &mut Daemon) {
    let config = daemon.loaded.config.audit.clone();
    spawn_beside(daemon);
    spawn_elsewhere(daemon);
    spawn_retirement(daemon, &config);
}

fn spawn_beside(daemon: &mut Daemon) {
    let world = daemon.world.clone();
    let note = daemon.tasks.note("audit-export");
    daemon.tasks.spawn("audit-export", async move {
        while pause(&world, BESIDE).await {
            note.say(match world.history.export_audit_head().await {
                Ok(head) => format!("exported the head at record {}", head.seq),
                Err(error) => told(&world, &error),
            });
        }
    });
}

fn spawn_elsewhere(daemon: &mut Daemon) {
    let world = daemon.world.clone();
    let note = daemon.tasks.note("audit-head");
    daemon.tasks.spawn("audit-head", async move {
        loop {
            note.say(tell_head(&world).await);
            if !pause(&world, ELSEWHERE).await {
                return;
            }
        }
    });
}

/// Tells the head to the agent's own log, and elsewhere.
async fn tell_head(world: &World) -> String {
    match head::tell(world).await {
        Ok(head) => {
            world.events.audit_exported(&head.to_string());
            format!("told the head {head}")
        }
        Err(error) => told(world, &error),
    }
}

fn told(world: &World, error: &HistoryError) -> String {
    head::not_told(world, error);
    format!("failed: {error}")
}

fn spawn_retirement(daemon: &mut Daemon, config: &AuditConfig) {
    let (Some(keep), Some(folder)) = (config.keep, config.export.clone()) else {
        return;
    };
    let world = daemon.world.clone();
    let retirement = Retirement { keep, folder };
    let note = daemon.tasks.note("audit-archive");
    daemon.tasks.spawn("audit-archive", async move {
        while pause(&world, retirement.period().duration()).await {
            note.say(match retire(&world, &retirement).await {
                Ok(moved) => format!("moved {moved} records"),
                Err(reason) => {
                    world.events.audit_not_archived(&reason);
                    format!("failed: {reason}")
                }
            });
        }
    });
}

/// A line about the agent itself.
pub(super) async fn note(world: &World, action: &str, details: Value) {
    let entry = Entry::new(world.now(), "system", action, "agent").with(details);
    record(world, entry).await;
}

/// Writes a line. That it cannot be written is told where it is tried.
pub(super) async fn record(world: &World, entry: Entry) {
    let written = world.write("a line of the audit log", vec![Write::Audit(entry)]);
    drop(written.await);
}

/// What is done once more before the history is closed.
pub(super) async fn last_words(world: &World, word: &str) {
    note(world, "agent.stopped", json!({"because": word})).await;
    tell_head(world).await;
}
