//! What the daemon is told from outside.

use crate::daemon::life::DaemonError;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A signal's meaning.
pub(super) enum Signalled {
    Stop(&'static str),
    Reload,
}

/// The signals that are heard.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    reload: Signal,
}

impl Signals {
    pub(super) fn listen() -> Result<Self, DaemonError> {
        let listen = |kind| signal(kind).map_err(DaemonError::Signals);
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            reload: listen(SignalKind::hangup())?,
        })
    }
    pub(super) async fn stop(&mut self) -> &'static str {
        loop {
            if let Signalled::Stop(word) = self.next().await {
                return word;
            }
        }
    }
    /// Leaves a wish to reload for later.
    pub(super) async fn stop_only(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "TERM",
            _ = self.interrupt.recv() => "INT",
        }
    }
    pub(super) async fn next(&mut self) -> Signalled {
        tokio::select! {
            _ = self.terminate.recv() => Signalled::Stop("TERM"),
            _ = self.interrupt.recv() => Signalled::Stop("INT"),
            _ = self.reload.recv() => Signalled::Reload,
        }
    }
}
