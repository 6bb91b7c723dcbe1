//! What a rotation says of itself: what happened, and nothing that did not.

use crate::{
    actions::framework::outputs,
    domain::{
        name::CredentialName,
        rotation::{Credential, Outcome, RotationState, Stage},
        run::StepReport,
    },
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// What a rotation leaves for later steps. No value of a credential is among it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RotateOutputs {
    /// The credential's name.
    credential: String,
    /// `current`, `rotating`, `rolling_back`, `overlap`, `retiring`, `stuck`, or `missing` where there is none.
    state: String,
    /// The rotation that goes on, or that this step has ended.
    rotation: Option<String>,
    /// The last stage of it that was spoken of.
    stage: Option<String>,
    /// When the one that counts came to count.
    #[schemars(with = "Option<String>")]
    issued_at: Option<Timestamp>,
    /// When it is due, or its rotation goes on.
    #[schemars(with = "Option<String>")]
    next_at: Option<Timestamp>,
    /// When it ends by itself.
    #[schemars(with = "Option<String>")]
    expires_at: Option<Timestamp>,
    /// What trials of this rotation have shown.
    proofs: Vec<String>,
}

/// The report with what is known of the credential.
pub(super) fn with(
    report: StepReport,
    credential: &Credential,
    rotation: Option<(&str, &RotationState)>,
) -> StepReport {
    let state = rotation.map(|(_, state)| state);
    let left = RotateOutputs {
        credential: credential.name.to_string(),
        state: credential.state.as_str().to_owned(),
        rotation: rotation.map(|(id, _)| id.to_owned()),
        stage: state
            .and_then(RotationState::stage)
            .map(|stage| stage.to_string()),
        issued_at: credential.issued_at,
        next_at: credential.next_at,
        expires_at: credential.expires_at,
        proofs: state.map(proofs).unwrap_or_default(),
    };
    StepReport {
        outputs: outputs(&left),
        ..report
    }
}

fn proofs(state: &RotationState) -> Vec<String> {
    let proven = |(stage, outcome): (&Stage, &Option<Outcome>)| match outcome {
        Some(Outcome::Proven { note }) => Some(format!("{stage}: {note}")),
        Some(_) | None => None,
    };
    state.stages.iter().filter_map(proven).collect()
}

/// What stands after a rotation that was rolled back. A new one that nobody here could take back is not claimed to be gone.
pub(super) fn after_going_back(state: &RotationState) -> &str {
    let made_nothing = matches!(
        state.undone.get(&Stage::Issue),
        Some(Some(Outcome::NotNeeded { .. }))
    );
    let otherwise = if made_nothing {
        "nothing was changed"
    } else {
        "the former one counts again"
    };
    left_behind(state).unwrap_or(otherwise)
}

/// What may still let in after a rotation that was rolled back.
pub(super) fn left_behind(state: &RotationState) -> Option<&str> {
    match state.undone.get(&Stage::Issue) {
        Some(Some(Outcome::Unproven { note })) => Some(note),
        Some(_) | None => None,
    }
}

/// Of a rotation that only a person can help.
pub(super) fn stuck(name: &CredentialName, id: &str, reason: &str) -> StepReport {
    StepReport::failed(
        format!(
            "the rotation of `{name}` cannot go on without a person: {reason}\nhint: put it right by hand, then give the rotation up with `giveUp: {id}`"
        ),
        false,
    )
}

/// How a rotation went that has come to its end, or to its overlap.
pub(super) fn story(state: &RotationState) -> String {
    let told = [
        Stage::Issue,
        Stage::Distribute,
        Stage::Restart,
        Stage::Test,
        Stage::Revoke,
        Stage::Refuse,
    ];
    let notes = told.into_iter().filter_map(|stage| {
        let outcome = state.stages.get(&stage)?.as_ref()?;
        let is_worth = outcome.is_over() && !outcome.note().is_empty();
        is_worth.then(|| outcome.note().to_owned())
    });
    notes.collect::<Vec<_>>().join("; ")
}
