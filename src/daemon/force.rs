//! The second signal, on a thread of its own: it ends the agent even if everything else is stuck.
//!
//! The ordinary way of a forced stop goes through the runtime (see `life`), and is given [`PATIENCE`]. If a program's output that
//! nobody reads, a dead disk or a fault of ours holds the runtime up, this thread kills the programs that steps have started and
//! exits. The history needs no goodbye: what it has acknowledged is on disk. A third signal waits for nothing.

use crate::{flow::world::held, ports::processes::Processes};
use std::{
    io,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long after the second signal the ordinary way may take: longer than it ever does.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the last word may take: standard error may be what is stuck.
const LAST_WORD: Duration = Duration::from_millis(200);
/// How the agent exits then, as after any stop that was not clean.
const EXIT: i32 = 1;

/// The programs that must not outlive the agent, once there can be any.
#[derive(Debug, Clone, Default)]
pub(super) struct Programs(Arc<Mutex<Option<Arc<dyn Processes>>>>);

impl Programs {
    /// These.
    pub(super) fn are(&self, processes: Arc<dyn Processes>) {
        *held(&self.0) = Some(processes);
    }

    fn kill(&self) {
        let processes = held(&self.0).clone();
        if let Some(processes) = processes {
            processes.kill_all();
        }
    }
}

/// Starts the thread. It waits for signals as long as the process lives.
///
/// # Errors
/// There is no thread, or no signals to be had.
pub(super) fn watch(programs: Programs) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let listening = {
        let _inside = runtime.enter();
        Listening::new()?
    };
    thread::Builder::new()
        .name("second-signal".to_owned())
        .spawn(move || {
            runtime.block_on(listening.to_the_last());
            programs.kill();
            leave();
        })?;
    Ok(())
}

struct Listening {
    terminate: Signal,
    interrupt: Signal,
}

impl Listening {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Ends when the agent must be gone.
    async fn to_the_last(mut self) {
        self.next().await;
        self.next().await;
        let _third = tokio::time::timeout(PATIENCE, self.next()).await;
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[expect(
    clippy::exit,
    reason = "whatever would return to main may be what is stuck"
)]
fn leave() -> ! {
    let _last_word = thread::Builder::new().spawn(|| {
        tracing::error!("the agent is stuck and ends by force, after a second signal");
    });
    thread::sleep(LAST_WORD);
    std::process::exit(EXIT)
}
