//! Where the values of a rotation that goes on are kept, so that they survive the agent's end.

use crate::{
    domain::{id::RotationId, name::CredentialName, secret::SecretValue},
    ports::BoxFuture,
};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A credential's values by the names of its parts: `value`; `username`, `password`; `tls.crt`, `tls.key`.
pub type Parts = BTreeMap<String, SecretValue>;

/// What is kept for a rotation.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Which rotation.
    pub rotation: RotationId,
    /// The new credential.
    pub new: Parts,
    /// The old one, as far as the agent knows it.
    pub old: Parts,
    /// What is no secret and must be known of the new one: its number at the provider, its role.
    pub facts: BTreeMap<String, String>,
    /// The same of the old one.
    pub former: BTreeMap<String, String>,
    /// When the new one ends by itself.
    pub expires_at: Option<Timestamp>,
}

/// Why it could not be kept or read. It never holds a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{doing} {place}: {reason}")]
pub struct VaultError {
    /// What was being done.
    pub doing: &'static str,
    /// Where.
    pub place: String,
    /// What went wrong.
    pub reason: String,
}

/// Keeps the values of rotations that go on, one for each credential.
pub trait Vault: Send + Sync + std::fmt::Debug {
    /// Keeps them in place of what was kept before; returns when they are on disk.
    fn keep<'a>(
        &'a self,
        name: &'a CredentialName,
        kept: Kept,
    ) -> BoxFuture<'a, Result<(), VaultError>>;
    /// What is kept.
    fn look<'a>(
        &'a self,
        name: &'a CredentialName,
    ) -> BoxFuture<'a, Result<Option<Kept>, VaultError>>;
    /// Forgets them; where none are kept, that is well.
    fn forget<'a>(&'a self, name: &'a CredentialName) -> BoxFuture<'a, Result<(), VaultError>>;
    /// Hides a value from everything that the agent says, as long as it lives.
    fn hide(&self, value: &SecretValue);
}
