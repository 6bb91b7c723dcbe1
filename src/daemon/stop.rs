//! Not ready → no new runs → what runs gets time to end → it is told to stop → what is stuck is named → the tasks end → the history
//! is closed → HTTP ends.

use crate::daemon::{
    audit,
    begin::HTTP_GRACE,
    life::{Daemon, Ended},
    signals::Signals,
    systemd::notify_systemd,
};
use std::time::Duration;

/// After the grace, this long is left for steps to obey before they are dropped.
pub const OBEY: Duration = Duration::from_secs(15);
/// After a second signal, this long.
const OBEY_FORCED: Duration = Duration::from_secs(2);
/// Beside what HTTP gets, for the other tasks.
const TASKS_GRACE: Duration = Duration::from_secs(3);

/// Why the daemon stops.
pub(super) enum Cause {
    Signal(&'static str),
    TaskEnded(&'static str),
}

impl Daemon {
    pub(super) async fn stop(mut self, cause: Cause, signals: &mut Signals) -> Ended {
        notify_systemd(&[sd_notify::NotifyState::Stopping]);
        let world = self.world.clone();
        let word = match cause {
            Cause::Signal(word) => word,
            Cause::TaskEnded(task) => {
                world.events.task_ended(task, "it should not end by itself");
                task
            }
        };
        let began = world.clock.elapsed();
        world.events.shutdown_started(word, self.runs.names().len());
        world.draining.cancel();
        let grace = self.loaded.config.runs.shutdown_grace.duration();
        let forced = self.drain(grace, signals).await;
        let mut stuck = self.obey(if forced { OBEY_FORCED } else { OBEY }).await;
        // Whatever still writes has written before the history is closed; only HTTP answers on.
        self.tasks.end_all_but("http", TASKS_GRACE).await;
        audit::last_words(&world, word).await;
        self.announcement = None;
        if let Err(error) = world.history.clone().close().await {
            stuck.push(format!("history: {error}"));
        }
        self.last.cancel();
        stuck.extend(self.tasks.end(HTTP_GRACE + TASKS_GRACE).await);
        world
            .events
            .shutdown_ended(world.clock.elapsed().saturating_sub(began), &stuck);
        match (cause, stuck.is_empty() && !forced) {
            (Cause::TaskEnded(task), _) => Ended::TaskEnded(task),
            (Cause::Signal(_), true) => Ended::Clean,
            (Cause::Signal(_), false) => Ended::Forced(stuck),
        }
    }

    /// Waits for running steps to end. True if a second signal cut it short.
    async fn drain(&self, grace: Duration, signals: &mut Signals) -> bool {
        tokio::select! {
            () = self.runs.idle() => false,
            () = tokio::time::sleep(grace) => false,
            _ = signals.stop() => true,
        }
    }

    /// Tells what still runs to stop, waits a little, drops the rest and names it.
    async fn obey(&self, patience: Duration) -> Vec<String> {
        for name in self.runs.names() {
            tracing::warn!("{name} is still going on and is told to stop");
        }
        self.world.stopping.cancel();
        let _in_time = tokio::time::timeout(patience, self.runs.idle()).await;
        self.runs.abort()
    }
}
