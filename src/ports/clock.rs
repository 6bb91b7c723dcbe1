//! Time and randomness.

use crate::{domain::id::Entropy, ports::BoxFuture};
use jiff::Timestamp;
use std::time::Duration;

/// Both clocks of a machine: the one on the wall, which may jump, and the one that only goes forward.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The clock on the wall.
    fn now(&self) -> Timestamp;
    /// Time since some fixed moment; it never jumps.
    fn elapsed(&self) -> Duration;
    /// Waits by the clock that never jumps.
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()>;
    /// Random bytes for one id.
    fn entropy(&self) -> Entropy;
}
