//! The machine's clocks and its random bytes. The only place that asks the system for the time.

use crate::{
    domain::id::Entropy,
    ports::{BoxFuture, clock::Clock},
};
use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

/// The clock of this machine.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    started: Duration,
}

impl SystemClock {
    /// Its [`Clock::elapsed`] counts from now on.
    pub fn new() -> Self {
        Self {
            started: since_boot(),
        }
    }
}

/// Since the machine was started, time in which it slept included: a machine that slept has not set its clock (`CLOCK_BOOTTIME`,
/// clock_gettime(2)).
fn since_boot() -> Duration {
    let now = clock_gettime(ClockId::Boottime);
    Duration::try_from(now).unwrap_or_default()
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the room that asks the system for the time"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
    fn elapsed(&self) -> Duration {
        since_boot().saturating_sub(self.started)
    }
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
    fn entropy(&self) -> Entropy {
        let mut bytes = [0; 10];
        if getrandom::fill(&mut bytes).is_err() {
            bytes = self.substitute();
        }
        bytes
    }
}

impl SystemClock {
    /// Ids must be unique, not secret: where the kernel gives no random bytes (before Linux 3.17, or a sandbox without the call),
    /// the standard library's hash keys and the time since start make do.
    fn substitute(&self) -> Entropy {
        let hash = |salt: u8| RandomState::new().hash_one((salt, self.elapsed()));
        let (one, two) = (hash(1).to_le_bytes(), hash(2).to_le_bytes());
        std::array::from_fn(|at| one.iter().chain(&two).nth(at).copied().unwrap_or_default())
    }
}

/// Which start of the machine this is, and how long ago it was.
#[derive(Debug, Clone)]
pub struct Uptime {
    /// The kernel's name for this start; empty where it has none.
    pub boot: String,
}

impl Uptime {
    /// Asks the kernel, once.
    pub fn read() -> Self {
        Self { boot: boot() }
    }

    /// How long the machine runs by now; it never goes back.
    pub fn now(&self) -> Duration {
        since_boot()
    }
}

/// The kernel's name for this start of the machine; empty where it has none.
pub(in crate::adapters) fn boot() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    name.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::SystemClock;
    use crate::ports::clock::Clock as _;
    use std::time::Duration;

    #[test]
    fn random_bytes_differ_each_time() {
        let clock = SystemClock::new();
        assert_ne!(clock.entropy(), clock.entropy());
        assert_ne!(clock.substitute(), clock.substitute());
    }

    #[tokio::test]
    async fn time_goes_forward_while_it_sleeps() {
        let clock = SystemClock::new();
        let (before, wall) = (clock.elapsed(), clock.now());
        clock.sleep(Duration::from_millis(5)).await;
        assert!(clock.elapsed() >= before + Duration::from_millis(5));
        assert!(clock.now() > wall);
    }
}
