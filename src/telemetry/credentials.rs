//! The series of each credential: how old it is, when it is next due, when it was last proven, and where it stands.
//!
//! Names of credentials come from runbooks, so the number of series is bounded. They go together with their runbook's series.

use crate::{
    domain::{
        name::{CredentialName, RunbookName},
        rotation::{Credential, CredentialState},
    },
    telemetry::{
        artifacts::Kept,
        text::{Kind, Text},
    },
};
use jiff::Timestamp;
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The most credentials that have series of their own.
const MOST: usize = 1000;

/// All credentials' series.
#[derive(Debug, Default)]
pub(super) struct Credentials {
    seen: Mutex<BTreeMap<CredentialName, Credential>>,
}

impl Credentials {
    pub(super) fn set(&self, credential: &Credential) -> Kept {
        let mut seen = self.lock();
        if seen.len() >= MOST && !seen.contains_key(&credential.name) {
            return Kept::TooMany;
        }
        seen.insert(credential.name.clone(), credential.clone());
        Kept::Yes
    }

    pub(super) fn forget(&self, name: &CredentialName) {
        self.lock().remove(name);
    }

    /// Forgets the credentials of runbooks that are gone.
    pub(super) fn retain(&self, known: impl Fn(&RunbookName) -> bool) {
        self.lock()
            .retain(|_, credential| known(&credential.runbook));
    }

    pub(super) fn write(&self, text: &mut Text) {
        let seen = self.lock();
        let labels = |credential: &Credential| {
            format!(
                "{{credential=\"{}\",runbook=\"{}\",kind=\"{}\"",
                credential.name,
                credential.runbook,
                credential.kind.as_str()
            )
        };
        let mut times = |name: &str, help: &str, at: &dyn Fn(&Credential) -> Option<Timestamp>| {
            text.family(name, Kind::Gauge, help);
            for credential in seen.values() {
                if let Some(at) = at(credential) {
                    text.sample(name, &[&labels(credential), "}"], at.as_second());
                }
            }
        };
        times(
            "orderly_credential_issued_timestamp_seconds",
            "When the credential that counts came to count; absent until the agent has rotated it.",
            &|credential| credential.issued_at,
        );
        times(
            "orderly_credential_last_proof_timestamp_seconds",
            "When the credential that counts was last tried with success.",
            &|credential| credential.proven_at,
        );
        times(
            "orderly_credential_next_rotation_timestamp_seconds",
            "When its rotation is due or goes on; where that is over, since when.",
            &|credential| credential.next_at,
        );
        times(
            "orderly_credential_expires_timestamp_seconds",
            "When it ends by itself.",
            &|credential| credential.expires_at,
        );
        let name = "orderly_credential_state";
        text.family(name, Kind::Gauge, "1 for the state that it is in.");
        for credential in seen.values() {
            for state in CredentialState::ALL {
                let is_it = u8::from(state == credential.state);
                let state = format!(",state=\"{}\"}}", state.as_str());
                text.sample(name, &[&labels(credential), &state], is_it);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<CredentialName, Credential>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
