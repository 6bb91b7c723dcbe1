//! Secret values by name.

use crate::domain::{name::SecretName, secret::SecretValue};
use std::sync::{Mutex, PoisonError};

/// Why a secret cannot be had. It never holds the value.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SecretError {
    /// The configuration does not name it.
    #[error("the secret `{0}` is not in the agent's configuration\nhint: add it under `secrets:`")]
    Unknown(SecretName),
    /// Its file or variable cannot be read.
    #[error("the secret `{name}` cannot be read from {origin}: {reason}")]
    Unreadable {
        /// Which.
        name: SecretName,
        /// From where.
        origin: String,
        /// Why.
        reason: String,
    },
}

/// Where secrets come from.
pub trait Secrets: Send + Sync + std::fmt::Debug {
    /// The value now; files are read anew each time so that a rotated secret is seen.
    fn get(&self, name: &SecretName) -> Result<SecretValue, SecretError>;
    /// Every value that must never be written anywhere, for masking.
    fn all_values(&self) -> Vec<SecretValue>;
}

/// Values that steps have made or found. They are hidden from all that the agent says, as long as it lives: an old one may still be
/// good somewhere.
#[derive(Debug, Default)]
pub struct Issued(Mutex<Vec<SecretValue>>);

impl Issued {
    /// Hides one more.
    pub fn hide(&self, value: &SecretValue) {
        let mut hidden = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = |known: &SecretValue| known.expose() == value.expose();
        if !value.expose().is_empty() && !hidden.iter().any(is_known) {
            hidden.push(value.clone());
        }
    }
    /// All of them, in their order.
    pub fn all(&self) -> Vec<SecretValue> {
        let hidden = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hidden.clone()
    }
}
