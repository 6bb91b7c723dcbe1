//! HTTP over a real port, with a scripted agent and a real history.
#![expect(
    clippy::unwrap_used,
    reason = "what is not as the test wants it fails the test"
)]

mod access;
mod api;
mod documented;
mod fake;
mod life;
mod questions;
mod refusals;
mod server;
