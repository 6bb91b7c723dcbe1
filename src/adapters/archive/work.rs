//! A piece of work in the archive, and how its faults are told.

use super::restore::Fault;
use crate::{domain::artifact::Location, ports::archive::ArchiveError};
use tokio_util::sync::CancellationToken;

/// A piece of work and its faults.
#[derive(Clone)]
pub(super) struct Work {
    pub(super) doing: String,
    pub(super) stop: CancellationToken,
}

impl Work {
    #[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
    pub(super) fn failed(&self, reason: impl ToString) -> ArchiveError {
        if self.stop.is_cancelled() {
            return ArchiveError::Stopped(self.doing.clone());
        }
        ArchiveError::Failed {
            doing: self.doing.clone(),
            reason: reason.to_string(),
        }
    }
    pub(super) fn unfit(&self, reason: impl Into<String>) -> ArchiveError {
        ArchiveError::Unfit {
            doing: self.doing.clone(),
            reason: reason.into(),
        }
    }
    pub(super) fn fault(&self, location: &Location, fault: Fault) -> ArchiveError {
        match fault {
            Fault::Unfit(reason) => self.unfit(reason),
            Fault::Damaged(reason) if !self.stop.is_cancelled() => ArchiveError::Damaged {
                location: location.clone(),
                reason,
            },
            Fault::Damaged(reason) | Fault::Failed(reason) => self.failed(reason),
        }
    }
}

/// An error with its causes.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
