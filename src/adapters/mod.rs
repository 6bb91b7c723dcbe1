//! adapters

pub mod network;
