//! What a newer revision leads to is recorded, then used.

use super::{
    State, SyncOutcome,
    merge::{Files, Merged},
};
use crate::{
    domain::{audit::Entry, lineage::Descent},
    flow::{trial, world::World},
    history::{ActiveChange, HeldRevision, SyncRecord, Write},
    ports::source::Revision,
};
use serde_json::json;
use std::sync::Arc;

/// What a newer revision leads to, before it is recorded.
pub(super) struct Next {
    pub(super) revision: Revision,
    pub(super) files: Files,
    pub(super) merged: Merged,
    pub(super) changes: Vec<ActiveChange>,
}

/// Records what is next, and puts it in use.
pub(super) async fn take(
    world: &World,
    state: &mut State,
    next: Next,
    descent: Descent,
    accepted: bool,
) -> Result<SyncOutcome, String> {
    let Next {
        revision: commit,
        files,
        merged,
        changes,
    } = next;
    let (revision, before) = (commit.id.clone(), state.record.applied.clone());
    let is_first = before.is_none();
    let rewritten = before.filter(|_| descent == Descent::Rewritten);
    let held = (!merged.held.is_empty()).then(|| HeldRevision {
        revision: revision.clone(),
        runbooks: merged.held.clone(),
    });
    let record = SyncRecord {
        applied: Some(revision.clone()),
        problems: merged.problems,
        held,
        accepted: if accepted {
            Some(revision.clone())
        } else {
            state.record.accepted.clone()
        },
        error: None,
        rewritten: rewritten.clone(),
        ..state.record.clone()
    };
    let clear = state.clear.then_some(ActiveChange::Clear);
    let changes: Vec<_> = clear.into_iter().chain(changes).collect();
    let mut writes = vec![Write::Active(changes), Write::Sync(record.clone())];
    if is_first {
        writes.push(trial::trusted(&merged.set, world.now()));
    }
    if let Some(before) = &rewritten {
        let details = json!({"from": before, "to": revision, "author": commit.author});
        let entry = Entry::new(world.now(), "system", "source.rewritten", "source").with(details);
        writes.push(Write::Audit(entry));
    }
    let written = world.write("the runbooks in use", writes).await;
    written.map_err(|error| error.to_string())?;
    state.clear = false;
    state.record = record;
    state.files = files;
    state.set = Arc::new(merged.set);
    state.settled = Some(revision);
    world.put_in_use(Arc::clone(&state.set));
    if let Some(before) = rewritten {
        world
            .events
            .source_rewritten(&before, &commit.id, &commit.author);
    }
    if merged.held.is_empty() {
        Ok(SyncOutcome::Applied {
            descent,
            changed: merged.changed,
            removed: merged.removed,
        })
    } else {
        Ok(SyncOutcome::Held(merged.held))
    }
}
