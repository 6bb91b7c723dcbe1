//! Whether a rotation that is to be given up is one.

use crate::{
    actions::rotate::drive::{Job, unrecorded},
    domain::{id::RotationId, run::StepReport},
};

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
