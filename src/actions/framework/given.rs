//! What an action may look at to say what it would do.

use crate::ports::materials::{Materials, NoMaterials, RevisionFile};

/// Files and programs, as they are now.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// Files and programs of the host.
    pub materials: &'a dyn Materials,
    /// The files of the repository that the action wants, at the run's revision.
    pub repository: &'a [RevisionFile],
}

impl Given<'static> {
    /// Nothing is looked at.
    pub const NOTHING: Self = Self {
        materials: &NoMaterials,
        repository: &[],
    };
}
