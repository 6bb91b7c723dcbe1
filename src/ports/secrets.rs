//! Secret values by name.

use crate::domain::{name::SecretName, secret::SecretValue};

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
