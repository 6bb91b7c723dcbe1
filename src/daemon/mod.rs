//! Lifetime and wiring: start, stay, reload, stop.
//!
//! Start: configuration → state folder → history (migrated, locked) → the set in use as the history has it → what was going on goes on
//! → scheduler, sync, HTTP. Ready once the schedule is read.
//!
//! Stop: not ready → no new runs → running steps get [`config::RunsConfig::shutdown_grace`](crate::config::RunsConfig) to end →
//! what is still running is told to stop → what is stuck is named → the history is closed → HTTP stops last. A second signal skips the
//! waiting, and works even if everything is stuck (see `force`). Only a stop in which nothing was stuck is clean.
//!
//! Invariants
//! - Everything that goes on by itself is spawned in [`tasks`], has a name, and shows on the board.
//! - A long-lived task that ends takes the daemon down, by name: a half-alive agent is worse than a restart.
//! - A reload loads first and swaps after; what cannot be swapped is named.

pub mod address;
mod assemble;
mod begin;
mod force;
pub mod halting;
mod housekeeping;
mod life;
mod reload;
pub mod reviewer;
mod signals;
pub mod state;
mod stop;
mod systemd;
pub mod tasks;
pub mod wiring;

pub use crate::adapters::process::helper::become_program;
pub use life::{DaemonError, Ended, Plan, serve};
pub use stop::OBEY;

/// What a step of the daemon's start shows to whoever started it.
pub trait Greeting: Send + Sync {
    /// The agent is up.
    fn up(&self, facts: &Facts);
}

/// What is worth saying once the agent is up.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Where HTTP is answered.
    pub address: std::net::SocketAddr,
    /// Where the runbooks come from.
    pub source: String,
    /// Why they cannot be fetched, where that is so.
    pub error: Option<String>,
    /// The revision in use.
    pub revision: String,
    /// How many runbooks are in use here.
    pub runbooks: usize,
    /// What is due next.
    pub next: Vec<crate::ports::agent::Upcoming>,
    /// Problems of the revision in use.
    pub problems: Vec<String>,
    /// Where the state is kept.
    pub state: std::path::PathBuf,
    /// What gates beside policy.
    pub reviewer: String,
}
