//! What a rotation does next.

use crate::domain::rotation::{CredentialState, End, RotationState, Stage};
use jiff::{SignedDuration, Timestamp};

/// How long the last trial of the new credential counts when the old one is about to be revoked.
const PROOF_LASTS: SignedDuration = SignedDuration::from_hours(1);

/// What a rotation does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Carry out a stage, for the first time or once more.
    Do(Stage),
    /// Take a stage back.
    Undo(Stage),
    /// Both credentials are good until then.
    Wait(Timestamp),
    /// Record the end.
    End(End, String),
    /// A person is needed, for this reason.
    Stuck(String),
    /// The end is recorded.
    Over,
}

/// What this rotation does next.
pub fn next(state: &RotationState, now: Timestamp) -> Next {
    if state.ended.is_some() {
        return Next::Over;
    }
    if let Some(reason) = &state.stuck {
        return Next::Stuck(reason.clone());
    }
    match &state.back {
        Some(reason) => back(state, reason),
        None => forward(state, now),
    }
}

fn back(state: &RotationState, reason: &str) -> Next {
    let left = Stage::BACK
        .into_iter()
        .find(|stage| state.stages.contains_key(stage) && !state.is_undone(*stage));
    match left {
        Some(stage) => Next::Undo(stage),
        None => Next::End(End::RolledBack, reason.to_owned()),
    }
}

fn forward(state: &RotationState, now: Timestamp) -> Next {
    let left = Stage::ALL
        .into_iter()
        .find(|stage| *stage != Stage::Overlap && !state.is_over(*stage));
    match left {
        Some(Stage::Revoke) if !is_proven(state, now) => overlap(state, now),
        Some(stage) => Next::Do(stage),
        None => Next::End(End::Completed, String::new()),
    }
}

/// Whether the new one was tried with success since the switch, and not long ago. A trial in the future is one by another clock.
fn is_proven(state: &RotationState, now: Timestamp) -> bool {
    state.proven_at.is_some_and(|proven| {
        let age = now.duration_since(proven);
        !age.is_negative() && age <= PROOF_LASTS
    })
}

fn overlap(state: &RotationState, now: Timestamp) -> Next {
    match state.overlap_until() {
        Some(until) if now < until && state.proven_at.is_none() => Next::Wait(until),
        Some(_) | None => Next::Do(Stage::Overlap),
    }
}

impl RotationState {
    /// Where its credential stands.
    pub fn credential_state(&self, now: Timestamp) -> CredentialState {
        match next(self, now) {
            Next::Over | Next::End(..) => CredentialState::Current,
            Next::Stuck(_) => CredentialState::Stuck,
            Next::Undo(_) => CredentialState::RollingBack,
            Next::Wait(_) => CredentialState::Overlap,
            Next::Do(_) if self.may_go_back() => CredentialState::Rotating,
            Next::Do(_) => CredentialState::Retiring,
        }
    }
}
