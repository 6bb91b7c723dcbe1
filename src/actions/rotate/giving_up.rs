//! Whether a rotation that is to be given up is one.

use crate::{
    actions::rotate::{
        api_key::{DECLINED, MADE},
        drive::{Job, unrecorded},
        former::{BEFORE, ONLY_HERE},
        token::BOUND,
    },
    domain::{
        id::RotationId,
        rotation::{Credential, RotationState, Stage},
        run::StepReport,
    },
    ports::vault::Kept,
};
use std::collections::BTreeMap;

/// What a rotation that is given up leaves behind: both credentials, as far as neither was revoked, by what is known of them.
pub(super) fn left(kept: Option<&Kept>, credential: &Credential, state: &RotationState) -> String {
    let (new, old) = match kept {
        Some(kept) => (Some(&kept.facts), Some(&kept.former)),
        None if state.may_go_back() => (None, Some(&credential.facts)),
        None => (Some(&credential.facts), None),
    };
    let new = if state.stages.contains_key(&Stage::Issue) && !state.is_undone(Stage::Issue) {
        format!("the new one may let in ({})", known(new))
    } else {
        "there is no new one".to_owned()
    };
    let old = match state.stages.get(&Stage::Revoke) {
        Some(Some(outcome)) if outcome.is_over() && !outcome.note().is_empty() => {
            outcome.note().to_owned()
        }
        Some(_) | None => format!("the old one may let in ({})", known(old)),
    };
    format!("{new}; {old}")
}

fn known(facts: Option<&BTreeMap<String, String>>) -> String {
    let all = facts.into_iter().flatten();
    let worth =
        all.filter(|(name, _)| ![BEFORE, DECLINED, MADE, ONLY_HERE].contains(&name.as_str()));
    let told: Vec<String> = worth
        .map(|(name, value)| match name.as_str() {
            BOUND => format!("its token is bound to the Secret {value}"),
            name => format!("{name} {value}"),
        })
        .collect();
    if told.is_empty() {
        return "nothing more is known of it".to_owned();
    }
    told.join(", ")
}

impl Job<'_> {
    /// Refuses to give up what there never was. One that is over already is no matter.
    pub(super) async fn check_give_up(&self, open: Option<RotationId>) -> Result<(), StepReport> {
        let Some(asked) = self.terms.give_up.as_deref() else {
            return Ok(());
        };
        if open.is_some_and(|open| self.gives_up(open)) {
            return Ok(());
        }
        if let Ok(id) = asked.parse::<RotationId>() {
            let ledger = &self.world.rotations.ledger;
            let known = ledger.has_heard_of(&self.terms.name, id).await;
            if known.map_err(|error| unrecorded(&error))? {
                return Ok(());
            }
        }
        let name = &self.terms.name;
        let hint = match open {
            Some(open) => format!("the one that goes on is {open}"),
            None => "none goes on; leave `giveUp` away".to_owned(),
        };
        let words =
            format!("`{name}` has no rotation `{asked}` that could be given up\nhint: {hint}");
        Err(StepReport::failed(words, false))
    }
}
