//! What an action may look at to say what it would do.

use crate::ports::materials::{Materials, RevisionFile};

/// Files and programs, as they are now.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// Files and programs of the host.
    pub materials: &'a dyn Materials,
    /// The files of the repository that the action wants, at the run's revision.
    pub repository: &'a [RevisionFile],
}
