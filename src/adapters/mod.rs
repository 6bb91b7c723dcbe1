//! adapters

pub mod ai;
pub mod archive;
pub mod clock;
pub mod git;
pub mod host;
pub mod kubernetes;
pub mod logs;
pub mod network;
pub mod process;
pub mod secrets;
pub mod shelf;
