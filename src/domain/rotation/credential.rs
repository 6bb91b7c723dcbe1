//! A credential without its value, and what a rotation makes of it.

use crate::domain::{
    id::RotationId,
    name::{CredentialName, RunbookName},
    rotation::{Event, Outcome, RotationState, Stage},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What sort of credential it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    /// A random value.
    Secret,
    /// A certificate and its key.
    Certificate,
    /// A token of a Kubernetes service account.
    ServiceAccountToken,
    /// A password of a PostgreSQL role.
    PostgresPassword,
    /// A key that a provider gives out.
    ApiKey,
}

impl CredentialKind {
    /// The word used in reports and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Certificate => "certificate",
            Self::ServiceAccountToken => "service_account_token",
            Self::PostgresPassword => "postgres_password",
            Self::ApiKey => "api_key",
        }
    }
}

/// Where a credential stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialState {
    /// No rotation is going on.
    Current,
    /// The new one is on its way in.
    Rotating,
    /// The new one is on its way out.
    RollingBack,
    /// Both are good.
    Overlap,
    /// The old one is on its way out.
    Retiring,
    /// A person is needed.
    Stuck,
}

impl CredentialState {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::Current,
        Self::Rotating,
        Self::RollingBack,
        Self::Overlap,
        Self::Retiring,
        Self::Stuck,
    ];
    /// The word used in reports and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Rotating => "rotating",
            Self::RollingBack => "rolling_back",
            Self::Overlap => "overlap",
            Self::Retiring => "retiring",
            Self::Stuck => "stuck",
        }
    }
}

/// A credential that a runbook keeps fresh, without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// Its name.
    pub name: CredentialName,
    /// The runbook that keeps it.
    pub runbook: RunbookName,
    /// What it is.
    pub kind: CredentialKind,
    /// Where it is kept, for people. The same as long as a rotation goes on.
    pub place: String,
    /// Where it stands.
    pub state: CredentialState,
    /// The rotation that goes on.
    pub rotation: Option<RotationId>,
    /// When the one that counts came to count; nothing while that was not the agent's doing.
    pub issued_at: Option<Timestamp>,
    /// When the one that counts was last tried with success.
    pub proven_at: Option<Timestamp>,
    /// When it is due to be replaced, or where a rotation goes on, when that goes on.
    pub next_at: Option<Timestamp>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// What is no secret and must be known of the one that counts: its number at the provider, its role.
    pub facts: BTreeMap<String, String>,
    /// What came of it last, for people.
    pub note: String,
    /// When this was last so.
    pub updated_at: Timestamp,
}

/// What is known of the new credential beside its value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fresh {
    /// As in [`Credential::facts`].
    pub facts: BTreeMap<String, String>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

impl Credential {
    /// Takes in an event of its rotation, which is in `state` since.
    pub fn take_in(&mut self, event: &Event, at: Timestamp, state: &RotationState, fresh: &Fresh) {
        self.updated_at = at;
        self.state = state.credential_state(at);
        self.next_at = match self.state {
            CredentialState::Overlap => state.overlap_until(),
            CredentialState::Current
            | CredentialState::Rotating
            | CredentialState::RollingBack
            | CredentialState::Retiring
            | CredentialState::Stuck => None,
        };
        match event {
            Event::StageEnded {
                stage: Stage::Switch,
                outcome,
            } if outcome.is_over() => {
                self.issued_at = Some(at);
                self.proven_at = state.tested_at;
                self.expires_at = fresh.expires_at;
                self.facts = fresh.facts.clone();
                self.note = outcome.note().to_owned();
            }
            Event::StageEnded { stage, outcome } => {
                if let (Stage::Overlap, Outcome::Proven { .. }) = (stage, outcome) {
                    self.proven_at = Some(at);
                }
                self.note = format!("{stage}: {}", outcome.note());
            }
            Event::UndoEnded { stage, outcome } => {
                self.note = format!("taking {stage} back: {}", outcome.note());
            }
            Event::Ended { end, reason } => {
                self.rotation = None;
                self.note = match reason.as_str() {
                    "" => end.as_str().replace('_', " "),
                    reason => format!("{}: {reason}", end.as_str().replace('_', " ")),
                };
            }
            Event::Began { .. }
            | Event::StageBegan { .. }
            | Event::UndoBegan { .. }
            | Event::Resumed { .. } => {}
        }
    }
}
