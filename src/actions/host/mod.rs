//! The host that the agent runs on: its disks and its services.

mod disk;
mod free;
mod service;

pub use disk::HostDisk;
pub use service::HostService;

use crate::actions::framework::AnyAction;

/// Every action of this folder.
pub fn actions() -> Vec<Box<dyn AnyAction>> {
    vec![Box::new(HostDisk), Box::new(HostService)]
}
