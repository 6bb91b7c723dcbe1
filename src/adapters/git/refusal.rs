//! The reason behind a failure that libgit2 would report as something vaguer.

use std::sync::{Arc, Mutex, PoisonError};

/// Holds the last reason that a callback or the relay gave.
#[derive(Debug, Clone, Default)]
pub(super) struct Refusal(Arc<Mutex<Option<String>>>);

impl Refusal {
    /// Keeps a reason.
    pub(super) fn note(&self, reason: impl Into<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.into());
    }

    /// Gives the reason away.
    pub(super) fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
