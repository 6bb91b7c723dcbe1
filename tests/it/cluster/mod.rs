//! A real Kubernetes control plane with fake nodes (`tests/cluster`): one for the whole run, a namespace for each test.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what fails here fails the test"
)]

mod away;
mod checks;
mod control_plane;
mod helm;
pub(crate) mod plane;
mod rights;
mod rollouts;
mod scaling;
