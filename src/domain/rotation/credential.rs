//! A credential without its value, and what a rotation makes of it.

use crate::domain::{
    id::RotationId,
    name::{CredentialName, RunbookName},
    rotation::{End, Event, Outcome, RotationState, Stage},
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
    /// No rotation is going on, none has come to its switch, and there was no credential before.
    Missing,
}

impl CredentialState {
    /// Every state.
    pub const ALL: [Self; 7] = [
        Self::Current,
        Self::Rotating,
        Self::RollingBack,
        Self::Overlap,
        Self::Retiring,
        Self::Stuck,
        Self::Missing,
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
            Self::Missing => "missing",
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
    /// When it is due to be replaced. Where a rotation goes on: when its overlap ends or has ended; before its switch, since when it has
    /// been due.
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
    /// Whether it is the first one, so that without it there is none.
    pub first: bool,
}

impl Credential {
    /// Takes in an event of its rotation, which is in `state` since.
    pub fn take_in(&mut self, event: &Event, at: Timestamp, state: &RotationState, fresh: &Fresh) {
        self.updated_at = at;
        self.state = match state.credential_state(at) {
            CredentialState::Current if fresh.first && state.may_go_back() => {
                CredentialState::Missing
            }
            state => state,
        };
        self.next_at = self.due_since(state, at);
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
            | Event::Resumed { .. }
            | Event::WentOn { .. } => {}
        }
    }

    /// When it is due or its rotation goes on, by that rotation. What was due before stays due since then, however often it is tried.
    fn due_since(&self, state: &RotationState, at: Timestamp) -> Option<Timestamp> {
        let is_over = matches!(state.ended, Some((End::Completed | End::GivenUp, _)));
        if is_over {
            return None;
        }
        let began = state.began_at.unwrap_or(at);
        let due = self.next_at.filter(|due| *due <= began);
        state.overlap_until().or(due).or(Some(began))
    }
}

#[cfg(test)]
mod tests {
    use super::{Credential, CredentialKind, CredentialState, Fresh};
    use crate::domain::{
        id::{RotationId, RunId},
        name::{CredentialName, RunbookName},
        rotation::{End, Event, Outcome, RotationState, Stage},
        span::Span,
    };
    use jiff::{SignedDuration, Timestamp};

    fn credential(next_at: Option<Timestamp>) -> Credential {
        Credential {
            name: CredentialName::new("web").unwrap(),
            runbook: RunbookName::new("rotate").unwrap(),
            kind: CredentialKind::Secret,
            place: String::new(),
            state: CredentialState::Current,
            rotation: Some(RotationId::new(Timestamp::UNIX_EPOCH, [3; 10])),
            issued_at: None,
            proven_at: None,
            next_at,
            expires_at: None,
            facts: [].into(),
            note: String::new(),
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    fn told(mut credential: Credential, events: &[Event], fresh: &Fresh) -> Credential {
        let mut state = RotationState::default();
        let run = RunId::new(Timestamp::UNIX_EPOCH, [0; 10]);
        let overlap = Span::from_secs(50);
        let began = Event::Began { run, overlap };
        for (seconds, event) in (100..).zip(std::iter::once(&began).chain(events)) {
            state.apply(event, at(seconds));
            credential.take_in(event, at(seconds), &state, fresh);
        }
        credential
    }

    fn ended(stage: Stage, how: fn(String) -> Outcome) -> Event {
        let outcome = how(String::new());
        Event::StageEnded { stage, outcome }
    }
    fn well(note: String) -> Outcome {
        Outcome::Proven { note }
    }
    fn failed(note: String) -> Outcome {
        Outcome::Failed { note }
    }

    #[test]
    fn one_whose_old_value_stays_good_is_overdue_since_the_end_of_its_overlap() {
        let until = Stage::ALL
            .into_iter()
            .filter(|stage| *stage < Stage::Revoke);
        let mut events: Vec<Event> = until.map(|stage| ended(stage, well)).collect();
        for _ in 0..60 {
            events.push(ended(Stage::Revoke, failed));
        }
        let fresh = Fresh::default();
        let retiring = told(credential(None), &events, &fresh);
        assert_eq!(retiring.state, CredentialState::Retiring);
        // The switch was the sixth stage.
        assert_eq!(retiring.next_at, Some(at(106 + 50)));
    }

    #[test]
    fn one_that_cannot_be_rotated_stays_due_since_it_was_due() {
        let reason = "issue: no".to_owned();
        let end = End::RolledBack;
        let events = [ended(Stage::Issue, failed), Event::Ended { end, reason }];
        let fresh = Fresh::default();
        let back = told(credential(Some(at(7))), &events, &fresh);
        assert_eq!(
            (back.state, back.next_at),
            (CredentialState::Current, Some(at(7)))
        );
        let back = told(credential(None), &events, &fresh);
        assert_eq!(back.next_at, Some(at(100)));
    }

    #[test]
    fn a_first_one_that_was_rolled_back_leaves_none() {
        let reason = "test: no".to_owned();
        let end = End::RolledBack;
        let events = [ended(Stage::Issue, failed), Event::Ended { end, reason }];
        let fresh = Fresh {
            first: true,
            ..Fresh::default()
        };
        let back = told(credential(None), &events, &fresh);
        assert_eq!(back.state, CredentialState::Missing);
    }
}
