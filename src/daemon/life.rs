//! The daemon's life, from start to stop.

use crate::{
    actions::framework::{Children, Performer},
    adapters::logs::StepLogs,
    config::{ConfigError, Inputs, Loaded, load},
    daemon::{
        Facts, Greeting, housekeeping, reload,
        reviewer::{self, SwappedReviewer},
        state::{self, StateError},
        tasks::{Runs, Tasks},
        wiring::{self, SwappedSecrets, WiringError},
    },
    domain::active::ActiveSet,
    flow::{
        FlowError,
        agent::Agent,
        child::ChildRuns,
        locks::Locks,
        recover,
        review::Desk,
        sync::Sync as SyncStory,
        tick::Scheduler,
        world::{InUse, Suspension, World, effective_policy},
    },
    history::{History, HistoryError, Options},
    http::{self, Access, Services},
    ports::{agent::Agent as _, clock::Clock, executor::ActionCatalogue as _, secrets::Secrets},
    telemetry::{Build, Events},
};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, RwLock},
    time::Duration,
};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::{Notify, Semaphore, oneshot},
};
use tokio_util::sync::CancellationToken;

/// After the grace, this long is left for steps to obey before they are dropped.
pub const OBEY: Duration = Duration::from_secs(15);
/// After a second signal, this long.
const OBEY_FORCED: Duration = Duration::from_secs(2);
/// How long a start waits for the source when it has a set to begin with.
const FIRST_LOOK: Duration = Duration::from_secs(5);
/// How long HTTP gets to end its answers.
const HTTP_GRACE: Duration = Duration::from_secs(2);

/// What to start with.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where the configuration comes from; a reload reads it again.
    pub inputs: Inputs,
    /// Relative addresses count from here.
    pub from: PathBuf,
}

/// Why the daemon could not start, or how it failed.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The state folder.
    #[error(transparent)]
    State(#[from] StateError),
    /// A part.
    #[error(transparent)]
    Wiring(#[from] WiringError),
    /// The history.
    #[error("opening the history")]
    History(#[from] HistoryError),
    /// What was going on could not be read.
    #[error(transparent)]
    Flow(#[from] FlowError),
    /// The address is taken or not ours.
    #[error(
        "listening on {address}: {source}\nhint: another agent may be running; name another address with --listen"
    )]
    Listen {
        /// Which.
        address: std::net::SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Signals cannot be waited for.
    #[error("waiting for signals: {0}")]
    Signals(std::io::Error),
}

/// How the daemon ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Nothing was stuck.
    Clean,
    /// These were dropped.
    Forced(Vec<String>),
    /// This task ended by itself, which none should.
    TaskEnded(&'static str),
}

/// The parts of a running daemon.
pub(super) struct Daemon {
    pub(super) plan: Plan,
    pub(super) loaded: Loaded,
    pub(super) world: Arc<World>,
    pub(super) agent: Arc<Agent>,
    /// Kept alive for the steps that start runs.
    #[expect(
        dead_code,
        reason = "steps hold it weakly; this is what keeps it alive"
    )]
    child_runs: Arc<ChildRuns>,
    pub(super) secrets: Arc<SwappedSecrets>,
    pub(super) access: Arc<Access>,
    pub(super) reviewer: Arc<SwappedReviewer>,
    pub(super) logs: Arc<StepLogs>,
    pub(super) runs: Arc<Runs>,
    pub(super) tasks: Tasks,
    /// Fires after everything else has stopped.
    pub(super) last: CancellationToken,
}

enum Signalled {
    Stop(&'static str),
    Reload,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    reload: Signal,
}

impl Signals {
    fn listen() -> Result<Self, DaemonError> {
        let listen = |kind| signal(kind).map_err(DaemonError::Signals);
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            reload: listen(SignalKind::hangup())?,
        })
    }
    async fn stop(&mut self) -> &'static str {
        loop {
            if let Signalled::Stop(word) = self.next().await {
                return word;
            }
        }
    }
    /// Leaves a wish to reload for later.
    async fn stop_only(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "TERM",
            _ = self.interrupt.recv() => "INT",
        }
    }
    async fn next(&mut self) -> Signalled {
        tokio::select! {
            _ = self.terminate.recv() => Signalled::Stop("TERM"),
            _ = self.interrupt.recv() => Signalled::Stop("INT"),
            _ = self.reload.recv() => Signalled::Reload,
        }
    }
}

/// Starts the agent and stays until it is told to stop.
///
/// # Errors
/// It could not start.
pub async fn serve(plan: Plan, greeting: &dyn Greeting) -> Result<Ended, DaemonError> {
    let mut signals = Signals::listen()?;
    let loaded = load(&plan.inputs)?;
    for name in &loaded.unknown_variables {
        tracing::warn!("${name} is set but means nothing to orderly");
    }
    let address = loaded.config.http.listen;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|source| DaemonError::Listen { address, source })?;
    let mut daemon = assemble(plan, loaded).await?;
    // A source that does not answer must not keep the agent from stopping.
    let stopped = tokio::select! {
        begun = daemon.begin(listener, greeting) => begun.map(|()| None)?,
        word = signals.stop_only() => Some(word),
    };
    let cause = match stopped {
        Some(word) => Cause::Signal(word),
        None => daemon.stay(&mut signals).await,
    };
    Ok(daemon.stop(cause, &mut signals).await)
}

async fn assemble(plan: Plan, loaded: Loaded) -> Result<Daemon, DaemonError> {
    let config = &loaded.config;
    state::prepare(&config.state_dir)?;
    let clock = wiring::clock();
    let events = Events::new(Build {
        version: env!("CARGO_PKG_VERSION"),
        revision: option_env!("ORDERLY_REVISION").unwrap_or(""),
    });
    let secrets = Arc::new(SwappedSecrets::new(config, &plan.inputs.environment));
    for concern in secrets.concerns() {
        tracing::warn!("{concern}");
    }
    let access = wiring::access(
        config,
        secrets.as_ref(),
        state::admin_token(&config.state_dir)?,
    )?;
    let key = state::audit_key(&config.state_dir)?;
    let history = History::open(Options {
        path: config.state_dir.join("history.db"),
        key,
    })?;
    let source = wiring::source(config, secrets.as_ref(), &plan.from)?;
    let children = Arc::new(Children::default());
    let hands = wiring::hands(config, clock.clone(), secrets.clone(), children.clone())?;
    let catalogue = Arc::new(wiring::catalogue());
    events.set_channels(
        config
            .channels
            .keys()
            .map(crate::domain::name::ChannelName::as_str),
    );
    events.set_actions(catalogue.specs().iter().map(|spec| spec.name));
    let performer = Arc::new(Performer::new(catalogue.clone(), Arc::new(hands)));
    let logs = Arc::new(wiring::logs(config, clock.clone(), secrets.clone())?);
    let runs = Arc::new(Runs::default());
    let desk = Desk {
        history: history.clone(),
        events: events.clone(),
        clock: clock.clone(),
        secrets: secrets.clone(),
    };
    let reviewer = Arc::new(SwappedReviewer::new(reviewer::reviewer(config, desk)?));
    let parts = Parts {
        clock,
        events,
        secrets: secrets.clone(),
        history,
        reviewer: reviewer.clone(),
        performer,
        logs: logs.clone(),
        runs: runs.clone(),
    };
    let world = world(&loaded, parts).await?;
    let sync = Arc::new(SyncStory::open(&world, Arc::new(source), catalogue).await?);
    let tasks = Tasks::default();
    let agent = Arc::new(Agent {
        world: world.clone(),
        sync,
        tasks: tasks.board(),
    });
    let child_runs = Arc::new(ChildRuns::new(world.clone()));
    let weak: std::sync::Weak<ChildRuns> = Arc::downgrade(&child_runs);
    children.connect(weak);
    Ok(Daemon {
        plan,
        loaded,
        world,
        agent,
        child_runs,
        secrets,
        access: Arc::new(Access::new(access)),
        reviewer,
        logs,
        runs,
        tasks,
        last: CancellationToken::new(),
    })
}

struct Parts {
    clock: Arc<dyn Clock>,
    events: Events,
    secrets: Arc<dyn Secrets>,
    history: History,
    reviewer: Arc<SwappedReviewer>,
    performer: Arc<Performer>,
    logs: Arc<StepLogs>,
    runs: Arc<Runs>,
}

async fn world(loaded: &Loaded, parts: Parts) -> Result<Arc<World>, DaemonError> {
    let settings = wiring::settings(&loaded.config);
    let set = Arc::new(ActiveSet::default());
    let policy = Arc::new(effective_policy(&settings, &set));
    let suspensions = suspensions(&parts.history).await?;
    Ok(Arc::new(World {
        history: parts.history,
        events: parts.events,
        executor: parts.performer,
        reviewer: parts.reviewer,
        logs: parts.logs,
        secrets: parts.secrets,
        launcher: parts.runs,
        settings: RwLock::new(Arc::new(settings)),
        in_use: RwLock::new(Arc::new(InUse { set, policy })),
        locks: Locks::default(),
        slots: Semaphore::new(loaded.config.runs.concurrency as usize),
        live: Mutex::default(),
        waiting: std::sync::atomic::AtomicUsize::default(),
        address: std::sync::OnceLock::new(),
        suspensions: Mutex::new(suspensions),
        upcoming: Mutex::default(),
        scheduler_alive: Mutex::new(parts.clock.elapsed()),
        run_ended: Notify::new(),
        answered: Notify::new(),
        reschedule: Notify::new(),
        draining: CancellationToken::new(),
        stopping: CancellationToken::new(),
        clock: parts.clock,
    }))
}

async fn suspensions(
    history: &History,
) -> Result<BTreeMap<crate::domain::name::RunbookName, Suspension>, DaemonError> {
    let rows = history.suspensions().await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            (
                row.runbook,
                Suspension {
                    until: row.until,
                    by: row.by,
                    reason: row.reason,
                },
            )
        })
        .collect())
}

/// Why the daemon stops.
enum Cause {
    Signal(&'static str),
    TaskEnded(&'static str),
}

impl Daemon {
    async fn begin(
        &mut self,
        listener: TcpListener,
        greeting: &dyn Greeting,
    ) -> Result<(), DaemonError> {
        let world = self.world.clone();
        let address = listener
            .local_addr()
            .unwrap_or(self.loaded.config.http.listen);
        let mut scheduler = Scheduler::load(&world).await?;
        let look = self.spawn_sync();
        self.first_look(look).await;
        recover::recover(&world).await?;
        let services = self.services();
        let last = self.last.clone();
        world
            .address
            .get_or_init(|| format!("http://{}", reachable(address)));
        self.tasks.spawn("http", async move {
            http::serve(listener, services, last, HTTP_GRACE).await;
        });
        scheduler.take_set(&world).await?;
        crate::flow::artifacts::tell(&world).await?;
        crate::flow::tick::agent_started(&world).await?;
        let timekeeper = world.clone();
        self.tasks.spawn("scheduler", async move {
            scheduler.keep_time(&timekeeper).await;
        });
        housekeeping::spawn(self);
        reviewer::spawn(self);
        let settings = world.settings();
        world.events.agent_started(
            settings.environment.as_str(),
            &self.agent.sync_view().source,
        );
        greeting.up(&self.facts(address));
        notify_systemd(&[sd_notify::NotifyState::Ready]);
        Ok(())
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
                    let pause = crate::flow::sync::poll_delay(poll, world.clock.entropy());
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

    fn facts(&self, address: std::net::SocketAddr) -> Facts {
        let view = self.agent.sync_view();
        Facts {
            address,
            source: view.source,
            revision: view.applied.unwrap_or_default(),
            runbooks: usize::try_from(view.runbooks).unwrap_or(usize::MAX),
            next: self.agent.upcoming(None, 5),
            problems: view.problems,
            state: self.loaded.config.state_dir.clone(),
            reviewer: self.world.reviewer.describe(),
        }
    }

    async fn stay(&mut self, signals: &mut Signals) -> Cause {
        loop {
            tokio::select! {
                signal = signals.next() => match signal {
                    Signalled::Stop(word) => return Cause::Signal(word),
                    Signalled::Reload => {
                        notify_systemd(&reloading());
                        reload::reload(self);
                        notify_systemd(&[sd_notify::NotifyState::Ready]);
                    }
                },
                ended = self.tasks.first_to_end() => return Cause::TaskEnded(ended.unwrap_or("every task")),
            }
        }
    }

    async fn stop(self, cause: Cause, signals: &mut Signals) -> Ended {
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
        housekeeping::last_words(&world).await;
        if let Err(error) = world.history.clone().close().await {
            stuck.push(format!("history: {error}"));
        }
        self.last.cancel();
        stuck.extend(self.tasks.end(HTTP_GRACE + Duration::from_secs(3)).await);
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

/// An agent that listens on every address is reached by the loopback one.
fn reachable(mut address: std::net::SocketAddr) -> std::net::SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv6() {
            std::net::Ipv6Addr::LOCALHOST.into()
        } else {
            std::net::Ipv4Addr::LOCALHOST.into()
        });
    }
    address
}

/// `Type=notify-reload` wants the time with the word.
fn reloading() -> Vec<sd_notify::NotifyState<'static>> {
    let time = sd_notify::NotifyState::monotonic_usec_now().ok();
    std::iter::once(sd_notify::NotifyState::Reloading)
        .chain(time)
        .collect()
}

/// Without systemd this does nothing.
fn notify_systemd(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!("systemd was not told: {error}");
    }
}
