//! The stories on a stage: a clock that tests turn, an executor that plays by script, a real history in a temporary folder.

mod ahead;
mod approvals;
mod backups;
mod circuit;
mod consents;
mod crash;
mod halt;
mod jumps;
mod limits;
mod locks;
mod needs;
mod runs;
mod stage;
mod sync;
mod times;
mod trial;
