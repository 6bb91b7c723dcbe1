//! adapters

pub mod ai;
pub mod archive;
pub mod certificates;
pub mod clock;
pub mod git;
pub mod host;
pub mod kubernetes;
pub mod ledger;
pub mod logs;
pub mod network;
pub mod postgres;
pub mod process;
pub mod secrets;
pub mod shelf;
pub mod vault;
