//! A real Kubernetes control plane with fake nodes (`tests/cluster`): one for the whole run, a namespace for each test.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what fails here fails the test"
)]

mod access;
mod autoscaling;
mod away;
mod backups;
mod backups_tried;
mod beforehand;
mod checks;
mod control_plane;
mod events;
mod helm;
mod inside;
pub(crate) mod issuing;
mod jobs;
mod looks;
mod meddling;
mod nodes;
mod objects_apply;
mod objects_delete;
mod objects_patch;
mod objects_prune;
mod objects_raced;
mod objects_wait;
pub(crate) mod plane;
pub(crate) mod postgres;
mod protected;
mod rbac;
mod revisions;
mod rights;
mod rollouts;
mod scaling;
mod snapshots;
mod undo;
