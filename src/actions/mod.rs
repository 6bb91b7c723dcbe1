//! What steps can do: the catalogue of actions, each with its inputs, effects and outputs.
//!
//! Invariants
//! - An action talks to ports, never to an adapter, and holds no state: what it may use comes as a [`framework::World`].
//! - [`framework::Action::intend`] touches nothing; [`framework::Performer`] is the only way to carry one out, and takes a permit.
//! - What leaves an action (summary, error, outputs) is masked before anybody sees it.
//!
//! An action's folder holds its types and its acts, and its `mod.rs` offers `actions()`; [`framework::Catalogue::new`] lists them.
//! What this room lacks on purpose: retries, approvals and recording. They belong to `flow` and `gate`.

mod approval;
mod assert;
pub mod backup;
mod command;
mod dns;
pub mod framework;
pub mod helm;
pub mod host;
mod http;
pub mod kubernetes;
mod notify;
mod prometheus;
mod rotate;
mod runbook;
mod sleep;
mod tcp;
mod tls;
