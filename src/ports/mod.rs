//! What the core asks of the outside world, in domain words. Each trait has two implementations: the real one in `adapters` and a
//! scripted one in tests.
//!
//! Invariants
//! - Every call into the world has a deadline, given by the caller or stated at the method.
//! - Errors say what was being done and to which thing; none of them means yes.

pub mod agent;
pub mod archive;
pub mod certificates;
pub mod clock;
pub mod cluster;
pub mod completion;
pub mod executor;
pub mod host;
pub mod keeping;
pub mod ledger;
pub mod logs;
pub mod materials;
pub mod network;
pub mod output;
pub mod postgres;
pub mod processes;
pub mod runs;
pub mod secrets;
pub mod shelf;
pub mod source;
pub mod vault;

/// A future behind a pointer, as traits that are used through `dyn` return.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
