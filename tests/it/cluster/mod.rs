//! A real Kubernetes control plane with fake nodes (`tests/cluster`): one for the whole run, a namespace for each test.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what fails here fails the test"
)]

mod autoscaling;
mod away;
mod checks;
mod control_plane;
mod events;
mod nodes;
pub(crate) mod plane;
mod revisions;
mod rights;
mod rollouts;
mod scaling;
mod undo;
