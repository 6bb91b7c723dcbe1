//! Where rotations are written down.

use crate::{
    domain::{
        id::RotationId,
        name::CredentialName,
        rotation::{Credential, Event, Recorded},
    },
    ports::BoxFuture,
};
use jiff::Timestamp;
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

/// Why the record could not be read or written. Whoever gets one touches nothing more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{doing}: {reason}")]
pub struct LedgerError {
    /// What was being done.
    pub doing: String,
    /// What went wrong.
    pub reason: String,
}

/// What is known of a credential.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The credential; nothing where it was never heard of.
    pub credential: Option<Credential>,
    /// What happened so far in the rotation that goes on; empty where none does.
    pub events: Vec<Recorded>,
}

/// Something that is to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// In which rotation.
    pub rotation: RotationId,
    /// What.
    pub event: Event,
    /// When.
    pub at: Timestamp,
    /// The credential as it is with that.
    pub credential: Credential,
}

/// Reads and writes the record of rotations.
pub trait Ledger: Send + Sync + std::fmt::Debug {
    /// A credential and the rotation that goes on.
    fn look<'a>(&'a self, name: &'a CredentialName) -> BoxFuture<'a, Result<Known, LedgerError>>;
    /// Whether there was ever such a rotation of this credential.
    fn has_heard_of<'a>(
        &'a self,
        name: &'a CredentialName,
        rotation: RotationId,
    ) -> BoxFuture<'a, Result<bool, LedgerError>>;
    /// Records an event with the credential as it is then; returns when both are on disk.
    fn record(&self, record: Record) -> BoxFuture<'_, Result<(), LedgerError>>;
    /// Records a credential that no rotation goes on for.
    fn note(&self, credential: Credential) -> BoxFuture<'_, Result<(), LedgerError>>;
}

/// Which credentials somebody in this process is at work on.
#[derive(Debug, Clone, Default)]
pub struct Claims(Arc<Mutex<BTreeSet<CredentialName>>>);

/// The right to work on a credential; it ends when this is dropped.
#[derive(Debug)]
pub struct Claim {
    claims: Claims,
    name: CredentialName,
}

impl Claims {
    /// The right to work on a credential, unless somebody has it.
    pub fn claim(&self, name: &CredentialName) -> Option<Claim> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.insert(name.clone()).then(|| Claim {
            claims: self.clone(),
            name: name.clone(),
        })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let taken = self.claims.0.lock();
        taken
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.name);
    }
}
