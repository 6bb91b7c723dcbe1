//! The program itself, from its start to its end: started in a cleared environment, spoken to over HTTP and the command line, killed.
#![expect(
    clippy::unwrap_used,
    reason = "what is not as the test wants it fails the test"
)]

mod audit;
mod backups;
mod circuit;
mod cluster;
mod disk;
mod fetches;
mod halt;
pub(crate) mod harness;
mod inside;
mod kills;
mod life;
mod reload;
mod restores;
mod reviewer;
mod rotations;
mod secrets;
mod source;
mod triggers;
