//! The daemon's life, from start to stop.

use crate::{
    adapters::logs::StepLogs,
    config::{Config, ConfigError, Inputs, Loaded, load},
    daemon::{
        Greeting,
        address::{self, Announcement},
        assemble::assemble,
        force::{self, Programs},
        reload,
        reviewer::SwappedReviewer,
        signals::{Signalled, Signals},
        state::StateError,
        stop::Cause,
        systemd::{notify_systemd, reloading},
        tasks::{Runs, Tasks},
        wiring::{SwappedSecrets, WiringError},
    },
    flow::{FlowError, agent::Agent, child::ChildRuns, world::World},
    history::HistoryError,
    http::Access,
    ports::archive::Archive,
};
use std::{path::PathBuf, sync::Arc};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

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
    #[error("listening on {address}: {source}\nhint: {hint}")]
    Listen {
        /// Which.
        address: std::net::SocketAddr,
        /// A way out.
        hint: &'static str,
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
    pub(super) archive: Arc<dyn Archive>,
    pub(super) plan: Plan,
    pub(super) loaded: Loaded,
    pub(super) world: Arc<World>,
    pub(super) agent: Arc<Agent>,
    /// Kept alive for the steps that start runs.
    #[expect(
        dead_code,
        reason = "steps hold it weakly; this is what keeps it alive"
    )]
    pub(super) child_runs: Arc<ChildRuns>,
    pub(super) secrets: Arc<SwappedSecrets>,
    pub(super) access: Arc<Access>,
    pub(super) reviewer: Arc<SwappedReviewer>,
    pub(super) logs: Arc<StepLogs>,
    pub(super) runs: Arc<Runs>,
    pub(super) tasks: Tasks,
    pub(super) announcement: Option<Announcement>,
    /// Fires after everything else has stopped.
    pub(super) last: CancellationToken,
}

/// Starts the agent and stays until it is told to stop.
///
/// # Errors
/// It could not start.
pub async fn serve(plan: Plan, greeting: &dyn Greeting) -> Result<Ended, DaemonError> {
    let mut signals = Signals::listen()?;
    let programs = Programs::default();
    force::watch(programs.clone()).map_err(DaemonError::Signals)?;
    let loaded = load(&plan.inputs)?;
    for name in &loaded.unknown_variables {
        tracing::warn!("${name} is set but means nothing to orderly");
    }
    let address = loaded.config.http.listen;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|source| DaemonError::Listen {
            address,
            hint: hint_to_listen(&loaded.config),
            source,
        })?;
    let mut daemon = assemble(plan, loaded, &programs).await?;
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

fn hint_to_listen(config: &Config) -> &'static str {
    let there = address::reachable(config.http.listen);
    if address::announced(&config.state_dir) == Some(there) {
        "the agent of this state folder answers there already; `orderly status` shows how it is"
    } else {
        "another agent may be running; name another address with --listen"
    }
}

impl Daemon {
    async fn stay(&mut self, signals: &mut Signals) -> Cause {
        loop {
            tokio::select! {
                signal = signals.next() => match signal {
                    Signalled::Stop(word) => return Cause::Signal(word),
                    Signalled::Reload => {
                        notify_systemd(&reloading());
                        reload::reload(self).await;
                        notify_systemd(&[sd_notify::NotifyState::Ready]);
                    }
                },
                ended = self.tasks.first_to_end() => return Cause::TaskEnded(ended.unwrap_or("every task")),
            }
        }
    }
}
