//! Artifacts that a step's outputs speak of, entered in the history with the end of the step.
//!
//! The shapes are documented in `actions/backup`: `outputs.artifact` for what was made, `outputs.verified` for what was restored
//! on trial.

use crate::{
    domain::{
        digest::Digest,
        id::ArtifactId,
        plan::PlannedStep,
        run::{StepReport, StepResult},
        span::Span,
    },
    flow::world::World,
    history::{ArtifactFilter, ArtifactRecord, ArtifactRow, HistoryError, MAX_LIMIT, Write},
};
use serde::Deserialize;
use serde_json::Value;

/// The action whose failure says that an artifact is unsound.
const VERIFY: &str = "backup/verify";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    kind: String,
    name: String,
    path: String,
    #[serde(default)]
    encrypted: bool,
    size: u64,
    raw_size: u64,
    sha256: Digest,
    entries: u64,
    #[serde(default)]
    doubt: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verified {
    path: String,
    took_ms: u64,
}

/// What the history enters for this report.
///
/// # Errors
/// The artifact that was verified could not be looked up.
pub(super) async fn writes(
    world: &World,
    step: &PlannedStep,
    report: &StepReport,
) -> Result<Vec<Write>, HistoryError> {
    match &report.result {
        StepResult::Succeeded => {
            let mut writes: Vec<Write> = made(world, step, report).into_iter().collect();
            writes.extend(verified(world, &report.outputs).await?);
            Ok(writes)
        }
        StepResult::Failed { error, .. } => {
            // A check may fail and leave what it has looked at.
            let mut writes: Vec<Write> = made(world, step, report).into_iter().collect();
            writes.extend(unsound(world, step, error).await?);
            Ok(writes)
        }
        StepResult::TimedOut | StepResult::Canceled => Ok(Vec::new()),
    }
}

fn made(world: &World, step: &PlannedStep, report: &StepReport) -> Option<Write> {
    let (result, outputs) = (&report.result, &report.outputs);
    let made = Made::deserialize(outputs.get("artifact")?).ok()?;
    let at = world.now();
    if matches!(result, StepResult::Succeeded) {
        world
            .events
            .artifact_stored(&step.runbook, &made.name, made.size, at);
    }
    Some(Write::Artifact(ArtifactRecord {
        id: ArtifactId::new(at, world.clock.entropy()),
        run: step.run,
        runbook: step.runbook.clone(),
        step: step.step.clone(),
        kind: made.kind,
        name: made.name,
        path: made.path,
        encrypted: made.encrypted,
        revision: step.revision.clone(),
        size: made.size,
        raw_size: made.raw_size,
        sha256: made.sha256,
        entries: made.entries,
        doubt: made.doubt,
        at,
    }))
}

async fn verified(world: &World, outputs: &Value) -> Result<Option<Write>, HistoryError> {
    let Some(detail) = outputs.get("verified") else {
        return Ok(None);
    };
    let Ok(verified) = Verified::deserialize(detail) else {
        return Ok(None);
    };
    let Some(row) = by_path(world, &verified.path).await? else {
        return Ok(None);
    };
    let at = world.now();
    let took = Span::from_millis(verified.took_ms);
    world
        .events
        .artifact_verified(&row.record.runbook, &row.record.name, took.duration(), at);
    Ok(Some(Write::ArtifactVerified {
        id: row.record.id,
        at,
        took,
        detail: detail.clone(),
    }))
}

async fn unsound(
    world: &World,
    step: &PlannedStep,
    error: &str,
) -> Result<Option<Write>, HistoryError> {
    let named = step.arguments.get("artifact");
    let path = named.and_then(|named| named.as_str().or_else(|| named.get("path")?.as_str()));
    let Some(path) = path.filter(|_| step.uses.as_str() == VERIFY) else {
        return Ok(None);
    };
    let row = by_path(world, path).await?;
    Ok(row.map(|row| Write::ArtifactUnsound {
        id: row.record.id,
        at: world.now(),
        reason: error.to_owned(),
    }))
}

/// Gives the metrics the artifacts that the history knows, the newest of each name.
///
/// # Errors
/// The history cannot be read.
pub async fn tell(world: &World) -> Result<(), HistoryError> {
    let filter = ArtifactFilter {
        limit: MAX_LIMIT,
        ..ArtifactFilter::default()
    };
    let mut seen = std::collections::BTreeSet::new();
    for row in world.history.artifacts(filter).await? {
        let record = &row.record;
        if seen.insert((record.runbook.clone(), record.name.clone())) {
            world.events.artifact_known(
                &record.runbook,
                &record.name,
                record.size,
                record.at,
                row.verified_at,
            );
        }
    }
    Ok(())
}

async fn by_path(world: &World, path: &str) -> Result<Option<ArtifactRow>, HistoryError> {
    let filter = ArtifactFilter {
        path: Some(path.to_owned()),
        limit: 1,
        ..ArtifactFilter::default()
    };
    Ok(world.history.artifacts(filter).await?.into_iter().next())
}
