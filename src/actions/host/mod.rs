//! Checks of the host that the agent runs on.

mod disk;
mod free;

pub use disk::HostDisk;

use crate::actions::framework::AnyAction;

/// Every action of this folder.
pub fn actions() -> Vec<Box<dyn AnyAction>> {
    vec![Box::new(HostDisk)]
}
