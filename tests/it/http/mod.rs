//! HTTP over a real port, with a scripted agent and a real history.

mod access;
mod api;
mod fake;
mod life;
mod refusals;
mod server;
