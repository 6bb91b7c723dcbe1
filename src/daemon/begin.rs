//! What was going on goes on, and what goes on by itself is started.

use crate::{
    daemon::{
        Facts, Greeting,
        address::{self, Announcement},
        audit, halting, housekeeping,
        life::{Daemon, DaemonError},
        reviewer,
        systemd::notify_systemd,
    },
    domain::digest::Digest,
    flow::{artifacts, credentials, recover, sync::poll_delay, tick},
    http::{self, Services},
    ports::agent::Agent as _,
};
use serde_json::json;
use std::{net::SocketAddr, time::Duration};
use tokio::{net::TcpListener, sync::oneshot};

/// How long a start waits for the source when it has a set to begin with.
const FIRST_LOOK: Duration = Duration::from_secs(5);
/// How long HTTP gets to end its answers.
pub(super) const HTTP_GRACE: Duration = Duration::from_secs(2);

impl Daemon {
    pub(super) async fn begin(
        &mut self,
        listener: TcpListener,
        greeting: &dyn Greeting,
    ) -> Result<(), DaemonError> {
        let world = self.world.clone();
        let address = listener
            .local_addr()
            .unwrap_or(self.loaded.config.http.listen);
        halting::obey_note(&world, &self.loaded.config.state_dir).await;
        recover::end_outlived(&world).await?;
        let mut scheduler = tick::Scheduler::load(&world).await?;
        let look = self.spawn_sync();
        self.first_look(look).await;
        recover::recover(&world).await?;
        let services = self.services();
        let last = self.last.clone();
        world.address.get_or_init(|| address::reachable(address));
        self.tasks.spawn("http", async move {
            http::serve(listener, services, last, HTTP_GRACE).await;
        });
        scheduler.take_set(&world).await?;
        artifacts::tell(&world).await?;
        credentials::tell(&world).await?;
        tick::agent_started(&world).await?;
        let timekeeper = world.clone();
        self.tasks.spawn("scheduler", async move {
            scheduler.keep_time(&timekeeper).await;
        });
        halting::spawn(self);
        self.note_start().await;
        housekeeping::spawn(self);
        reviewer::spawn(self);
        let settings = world.settings();
        world.events.agent_started(
            settings.environment.as_str(),
            &self.agent.sync_view().source,
        );
        self.announce(&address::reachable(address));
        greeting.up(&self.facts(address).await);
        notify_systemd(&[sd_notify::NotifyState::Ready]);
        Ok(())
    }

    async fn note_start(&self) {
        let config = &self.loaded.config;
        let details = json!({
            "version": env!("CARGO_PKG_VERSION"), "pid": std::process::id(), "environment": config.environment,
            "source": config.source.url, "configuration": Digest::of(config), "policy": Digest::of(&*self.world.in_use().policy),
        });
        audit::note(&self.world, "agent.started", details).await;
    }

    /// Without it, commands on this host need `--server` where the port is not the configured one.
    fn announce(&mut self, address: &str) {
        match Announcement::make(&self.loaded.config.state_dir, address) {
            Ok(made) => self.announcement = Some(made),
            Err(error) => tracing::warn!("the agent's address cannot be written down: {error}"),
        }
    }

    fn services(&self) -> Services {
        Services {
            agent: self.agent.clone(),
            history: self.world.history.clone(),
            events: self.world.events.clone(),
            clock: self.world.clock.clone(),
            output: self.logs.clone(),
            access: self.access.clone(),
        }
    }

    /// Follows the source from now on. What comes back fires when the first look is over.
    fn spawn_sync(&mut self) -> oneshot::Receiver<()> {
        let (world, sync) = (self.world.clone(), self.agent.sync.clone());
        let poll = self.loaded.config.source.poll;
        let note = self.tasks.note("sync");
        let (looked, first_look) = oneshot::channel();
        self.tasks.spawn("sync", async move {
            let follow = async {
                sync.sync_once(&world, None).await;
                // Nobody may be waiting any more.
                let _waiting = looked.send(());
                loop {
                    note.say(format!("looked at {}", world.now()));
                    let pause = poll_delay(poll, world.clock.entropy());
                    world.clock.sleep(pause).await;
                    sync.sync_once(&world, None).await;
                }
            };
            // A look that is dropped half-way has recorded all of what it found, or nothing.
            tokio::select! {
                () = follow => {}
                () = world.draining.cancelled() => {}
            }
        });
        first_look
    }

    /// The newest revision first, if it can be had quickly; else the last good one that the history keeps. Without any, there is
    /// nothing to begin with, and the look is waited for.
    async fn first_look(&self, look: oneshot::Receiver<()>) {
        if self.agent.sync_view().applied.is_none() {
            let _looked = look.await;
        } else {
            let _in_time = tokio::time::timeout(FIRST_LOOK, look).await;
        }
    }

    async fn facts(&self, address: SocketAddr) -> Facts {
        let view = self.agent.sync_view();
        Facts {
            address,
            source: view.source,
            error: view.error,
            revision: view.applied.unwrap_or_default(),
            runbooks: usize::try_from(view.runbooks).unwrap_or(usize::MAX),
            next: self.agent.upcoming(None, 5).await.unwrap_or_default(),
            problems: view.problems,
            state: self.loaded.config.state_dir.clone(),
            reviewer: self.world.reviewer.describe(),
        }
    }
}
