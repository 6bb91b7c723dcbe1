//! What there is of the backups that policy wants before a step.

use crate::{
    domain::{
        name::RunbookName,
        plan::PlannedStep,
        policy::{FreshBackup, Policy},
        runbook::Phase,
    },
    flow::{FlowError, world::World},
    gate::{self, FoundBackup},
    history::{ArtifactFilter, ArtifactRow},
};

/// What the actions that make artifacts begin with.
const BACKUPS: &str = "backup/";

/// Looks up what the policy's rules want of this step; most steps fall under none.
///
/// # Errors
/// The history cannot be read.
pub(super) async fn found(
    world: &World,
    step: &PlannedStep,
    policy: &Policy,
) -> Result<Vec<FoundBackup>, FlowError> {
    let mut found = Vec::new();
    for rule in gate::wanted_backups(step, policy) {
        let verified = newest(world, rule, true).await?;
        let any = match &verified {
            Some(_) => None,
            None => newest(world, rule, false).await?,
        };
        let last = verified.as_ref().or(any.as_ref());
        let maker = last.map(|row| row.record.runbook.clone());
        found.push(FoundBackup {
            rule: rule.clone(),
            newest: verified.map(|row| row.record.at),
            maker: maker.or_else(|| maker_in_use(world, rule)),
        });
    }
    Ok(found)
}

async fn newest(
    world: &World,
    rule: &FreshBackup,
    verified: bool,
) -> Result<Option<ArtifactRow>, FlowError> {
    let filter = ArtifactFilter {
        name: Some(rule.backup.to_string()),
        runbook: rule.runbook.clone(),
        verified,
        limit: 1,
        ..ArtifactFilter::default()
    };
    let rows = world.history.artifacts(filter).await;
    let rows = rows.map_err(|error| FlowError::unreadable("looking for a backup", &error))?;
    Ok(rows.into_iter().next())
}

/// A runbook in use with a step that makes it.
fn maker_in_use(world: &World, rule: &FreshBackup) -> Option<RunbookName> {
    let in_use = world.in_use();
    let mut runbooks = in_use.set.runbooks().map(|found| &found.runbook);
    let maker = runbooks.find(|runbook| {
        let mut steps = runbook.steps_of(Phase::Main).iter();
        steps.any(|step| {
            let with = step.with.value();
            step.uses.as_str().starts_with(BACKUPS)
                && with.get("name").and_then(serde_json::Value::as_str)
                    == Some(rule.backup.as_str())
        })
    });
    maker.map(|runbook| runbook.name.clone())
}
