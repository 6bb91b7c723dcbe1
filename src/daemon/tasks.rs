//! Named tasks, and the only place that spawns.
#![expect(
    clippy::disallowed_methods,
    reason = "everything that goes on by itself is spawned here"
)]

use crate::{
    flow::{
        agent::TaskReport,
        world::{Launcher, held},
    },
    ports::{
        BoxFuture,
        agent::{Dependency, Weight},
    },
};
use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::task::{Id, JoinSet};

/// The long-lived tasks of the daemon. While it is up, none of them ends.
#[derive(Debug, Default)]
pub struct Tasks {
    set: JoinSet<()>,
    names: BTreeMap<Id, &'static str>,
    board: Arc<Board>,
}

/// What is known of the tasks, for `status` and `/healthz`.
#[derive(Debug, Default)]
pub struct Board {
    lines: Mutex<BTreeMap<&'static str, Line>>,
}

#[derive(Debug, Clone, Default)]
struct Line {
    ended: bool,
    last: String,
}

/// A task's own line on the board.
#[derive(Debug, Clone)]
pub struct Note {
    name: &'static str,
    board: Arc<Board>,
}

impl Note {
    /// What the task did last.
    pub fn say(&self, last: impl Into<String>) {
        held(&self.board.lines).entry(self.name).or_default().last = last.into();
    }
}

impl TaskReport for Board {
    fn tasks(&self) -> Vec<Dependency> {
        held(&self.lines)
            .iter()
            .map(|(name, line)| Dependency {
                name: format!("task/{name}"),
                ok: !line.ended,
                weight: Weight::Alive,
                detail: if line.ended {
                    "ended".to_owned()
                } else {
                    line.last.clone()
                },
            })
            .collect()
    }
}

impl Tasks {
    /// What is known of them.
    pub fn board(&self) -> Arc<Board> {
        self.board.clone()
    }

    /// A line on the board.
    pub fn note(&self, name: &'static str) -> Note {
        let note = Note {
            name,
            board: self.board.clone(),
        };
        note.say("started");
        note
    }

    /// Spawns a named task.
    pub fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let handle = self.set.spawn(task);
        self.names.insert(handle.id(), name);
        held(&self.board.lines).entry(name).or_default();
    }

    /// Waits until a task ends, and says which.
    pub async fn first_to_end(&mut self) -> Option<&'static str> {
        let ended = self.set.join_next_with_id().await?;
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => error.id(),
        };
        let name = self.names.remove(&id)?;
        held(&self.board.lines).entry(name).or_default().ended = true;
        Some(name)
    }

    /// Waits up to `grace` until only this one is left.
    pub async fn end_all_but(&mut self, kept: &str, grace: Duration) {
        let _in_time = tokio::time::timeout(grace, async {
            while self.names.values().any(|name| *name != kept) {
                self.first_to_end().await;
            }
        })
        .await;
    }

    /// Waits up to `grace` for all of them, then aborts the rest and names them.
    pub async fn end(mut self, grace: Duration) -> Vec<String> {
        let drained = tokio::time::timeout(grace, async {
            while self.first_to_end().await.is_some() {}
        });
        if drained.await.is_ok() {
            return Vec::new();
        }
        let stuck = self.names.values().map(|name| (*name).to_owned()).collect();
        self.set.shutdown().await;
        stuck
    }
}

/// Runs that are under way. They come and go; shutdown waits for them.
#[derive(Debug, Default)]
pub struct Runs {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    set: JoinSet<()>,
    names: BTreeMap<Id, String>,
}

impl Inner {
    fn reap(&mut self) {
        while let Some(ended) = self.set.try_join_next_with_id() {
            let id = match ended {
                Ok((id, ())) => id,
                Err(error) => error.id(),
            };
            self.names.remove(&id);
        }
    }
}

impl Launcher for Runs {
    fn launch(&self, name: String, work: BoxFuture<'static, ()>) {
        let mut inner = held(&self.inner);
        inner.reap();
        let handle = inner.set.spawn(work);
        inner.names.insert(handle.id(), name);
    }
}

impl Runs {
    /// Names of those that are under way.
    pub fn names(&self) -> Vec<String> {
        let mut inner = held(&self.inner);
        inner.reap();
        inner.names.values().cloned().collect()
    }

    /// Waits until none is under way.
    pub async fn idle(&self) {
        while !self.names().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Drops whatever is still under way, and names it.
    pub fn abort(&self) -> Vec<String> {
        let stuck = self.names();
        held(&self.inner).set.abort_all();
        stuck
    }
}

#[cfg(test)]
mod tests {
    use super::{Runs, Tasks};
    use crate::flow::{agent::TaskReport as _, world::Launcher as _};
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn a_polite_task_ends_in_time() {
        let mut tasks = Tasks::default();
        tasks.spawn("scheduler", async {});
        assert!(tasks.end(Duration::from_secs(30)).await.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_stuck_task_is_named() {
        let mut tasks = Tasks::default();
        tasks.spawn("scheduler", async {});
        tasks.spawn("sync", std::future::pending());
        assert_eq!(tasks.end(Duration::from_secs(30)).await, ["sync"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_panicking_task_is_noticed_by_name_and_shows_on_the_board() {
        let mut tasks = Tasks::default();
        tasks.spawn("sync", async { panic!("boom") });
        let board = tasks.board();
        assert!(board.tasks().iter().all(|line| line.ok));
        assert_eq!(tasks.first_to_end().await, Some("sync"));
        assert!(
            board
                .tasks()
                .iter()
                .any(|line| line.name == "task/sync" && !line.ok)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn runs_are_waited_for_and_the_stuck_one_is_named() {
        let runs = Runs::default();
        runs.launch("quick".to_owned(), Box::pin(async {}));
        runs.idle().await;
        runs.launch("stuck".to_owned(), Box::pin(std::future::pending()));
        assert!(
            tokio::time::timeout(Duration::from_secs(5), runs.idle())
                .await
                .is_err()
        );
        assert_eq!(runs.abort(), ["stuck"]);
        runs.idle().await;
    }
}
