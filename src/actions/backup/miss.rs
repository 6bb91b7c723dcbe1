//! Why a trial restore came to nothing: for the artifact's sake, or for another's.

use crate::{actions::framework::program::Fault, domain::run::StepReport};

/// Why a trial restore came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Miss {
    /// The artifact is at fault.
    Unsound(String),
    /// It was restored, and is not what the step expects.
    Unmet(String),
    /// It was read, and a cluster refuses what is in it for what it is.
    Refused(String),
    /// It could not be tried.
    Untried(Fault),
}

impl Miss {
    /// As the end of a step that restores for good.
    pub(super) fn report(self) -> StepReport {
        match self {
            Self::Unsound(why) | Self::Unmet(why) | Self::Refused(why) => {
                StepReport::failed(why, false)
            }
            Self::Untried(fault) => fault.report(),
        }
    }
}

impl From<Fault> for Miss {
    fn from(fault: Fault) -> Self {
        Self::Untried(fault)
    }
}

impl Miss {
    /// A program that reads an artifact and says no has found it at fault, unless it speaks of something else.
    pub(super) fn of_reading(fault: Fault) -> Self {
        let elsewhere = [
            "No space left on device",
            "connection",
            "permission denied",
            "Permission denied",
            "Cannot allocate memory",
            "out of memory",
            "Input/output error",
            "Disk quota exceeded",
            "Read-only file system",
            "Too many open files",
        ];
        match fault {
            Fault::Refused(why) if !elsewhere.iter().any(|word| why.contains(word)) => {
                Self::Unsound(why)
            }
            fault => Self::Untried(fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Miss;
    use crate::actions::framework::program::Fault;

    #[test]
    fn only_what_a_program_says_of_an_artifact_makes_it_unsound() {
        let of = |why: &str| Miss::of_reading(Fault::Refused(why.to_owned()));
        assert!(matches!(
            of("could not read from input file"),
            Miss::Unsound(_)
        ));
        assert!(matches!(
            of("connection to server failed"),
            Miss::Untried(_)
        ));
        let missing = Miss::of_reading(Fault::Missing("no pg_restore".to_owned()));
        assert!(matches!(missing, Miss::Untried(Fault::Missing(_))));
    }
}
