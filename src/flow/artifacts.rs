//! Artifacts that a step's outputs speak of, entered in the history with the end of the step; and a person's word on a doubted one.
//!
//! The shapes are documented in `actions/backup`: `outputs.artifact` for what was made, `outputs.verified` for what was restored on
//! trial, `outputs.unsound` for what such a trial, or a restore, has found at fault, and `outputs.removed` for what was removed.

use crate::{
    domain::{
        approval::Person,
        artifact::ArtifactState,
        audit::Entry,
        digest::Digest,
        id::ArtifactId,
        name::RunbookName,
        plan::PlannedStep,
        run::{StepReport, StepResult},
        span::Span,
    },
    flow::world::World,
    history::{ArtifactFilter, ArtifactRecord, ArtifactRow, HistoryError, MAX_LIMIT, Write},
    ports::agent::AgentError,
    telemetry::ArtifactSeries,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

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

#[derive(Deserialize)]
struct Unsound {
    path: String,
    reason: String,
}

#[derive(Deserialize)]
struct Removed {
    id: ArtifactId,
}

/// A runbook and a name.
type Series = (RunbookName, String);

/// What a report leaves behind.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// What the history enters.
    pub(super) writes: Vec<Write>,
    /// What is another now.
    series: BTreeSet<Series>,
}

impl Left {
    fn add(&mut self, series: Series, write: Write) {
        self.series.insert(series);
        self.writes.push(write);
    }
}

/// What the history enters for this report.
///
/// # Errors
/// An artifact could not be looked up.
pub(super) async fn left(
    world: &World,
    step: &PlannedStep,
    report: &StepReport,
) -> Result<Left, HistoryError> {
    let mut left = Left::default();
    match &report.result {
        // A check may fail and leave what it has looked at.
        StepResult::Succeeded | StepResult::Failed { .. } => made(world, step, report, &mut left),
        StepResult::TimedOut | StepResult::Canceled => {}
    }
    if report.result == StepResult::Succeeded {
        verified(world, &report.outputs, &mut left).await?;
    }
    unsound(world, &report.outputs, &mut left).await?;
    removed(world, &report.outputs, &mut left).await?;
    Ok(left)
}

fn made(world: &World, step: &PlannedStep, report: &StepReport, left: &mut Left) {
    let made = report.outputs.get("artifact");
    let Some(Ok(made)) = made.map(Made::deserialize) else {
        return;
    };
    let at = world.now();
    match (&made.doubt, &report.result) {
        (None, StepResult::Succeeded) => {
            world
                .events
                .artifact_stored(&step.runbook, &made.name, made.size);
        }
        (Some(why), _) => world
            .events
            .artifact_doubted(&step.runbook, &made.name, why),
        (None, StepResult::Failed { .. } | StepResult::TimedOut | StepResult::Canceled) => {}
    }
    let series = (step.runbook.clone(), made.name.clone());
    let record = ArtifactRecord {
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
    };
    left.add(series, Write::Artifact(record));
}

async fn verified(world: &World, outputs: &Value, left: &mut Left) -> Result<(), HistoryError> {
    let Some(detail) = outputs.get("verified") else {
        return Ok(());
    };
    let Ok(verified) = Verified::deserialize(detail) else {
        return Ok(());
    };
    let Some(row) = by_path(world, &verified.path).await? else {
        return Ok(());
    };
    let took = Span::from_millis(verified.took_ms);
    let (runbook, name) = (row.record.runbook, row.record.name);
    world
        .events
        .artifact_verified(&runbook, &name, took.duration());
    let verified = Write::ArtifactVerified {
        id: row.record.id,
        at: world.now(),
        took,
        detail: detail.clone(),
    };
    left.add((runbook, name), verified);
    Ok(())
}

async fn unsound(world: &World, outputs: &Value, left: &mut Left) -> Result<(), HistoryError> {
    let Some(Ok(unsound)) = outputs.get("unsound").map(Unsound::deserialize) else {
        return Ok(());
    };
    let Some(row) = by_path(world, &unsound.path).await? else {
        return Ok(());
    };
    let (runbook, name) = (row.record.runbook, row.record.name);
    world
        .events
        .artifact_unsound(&runbook, &name, &unsound.reason);
    let write = Write::ArtifactUnsound {
        id: row.record.id,
        at: world.now(),
        reason: unsound.reason,
    };
    left.add((runbook, name), write);
    Ok(())
}

async fn removed(world: &World, outputs: &Value, left: &mut Left) -> Result<(), HistoryError> {
    let removed = outputs.get("removed").and_then(Value::as_array);
    for one in removed.into_iter().flatten() {
        let Ok(Removed { id }) = Removed::deserialize(one) else {
            continue;
        };
        let Some(row) = world.history.artifact(id).await? else {
            continue;
        };
        let (runbook, name) = (row.record.runbook, row.record.name);
        world.events.artifact_removed(&runbook, &name);
        let at = world.now();
        left.add((runbook, name), Write::ArtifactRemoved { id, at });
    }
    Ok(())
}

/// Gives the metrics what was recorded of a report. They may be behind, and never stop a run.
pub(super) async fn recorded(world: &World, left: &BTreeSet<Series>) {
    for (runbook, name) in left {
        let filter = ArtifactFilter {
            runbook: Some(runbook.clone()),
            name: Some(name.clone()),
            removed: true,
            ..ArtifactFilter::default()
        };
        if let Ok(found) = summed(world, filter).await {
            for (series, sum) in found {
                world.events.artifact_series(&series.0, &series.1, sum);
            }
        }
    }
}

impl Left {
    /// What the history enters, and whose metrics change with it.
    pub(super) fn parts(self) -> (Vec<Write>, BTreeSet<Series>) {
        (self.writes, self.series)
    }
}

/// Gives the metrics the artifacts that the history knows.
///
/// # Errors
/// The history cannot be read.
pub async fn tell(world: &World) -> Result<(), HistoryError> {
    let filter = ArtifactFilter {
        removed: true,
        ..ArtifactFilter::default()
    };
    for ((runbook, name), sum) in summed(world, filter).await? {
        world.events.artifact_series(&runbook, &name, sum);
    }
    Ok(())
}

async fn summed(
    world: &World,
    filter: ArtifactFilter,
) -> Result<BTreeMap<Series, ArtifactSeries>, HistoryError> {
    let mut sums: BTreeMap<Series, ArtifactSeries> = BTreeMap::new();
    let mut before = None;
    loop {
        let page = ArtifactFilter {
            before,
            limit: MAX_LIMIT,
            ..filter.clone()
        };
        let rows = world.history.artifacts(page).await?;
        for row in &rows {
            let series = (row.record.runbook.clone(), row.record.name.clone());
            sum(sums.entry(series).or_default(), row);
        }
        match rows.last() {
            Some(last) if rows.len() == MAX_LIMIT => before = Some(last.record.id),
            Some(_) | None => return Ok(sums),
        }
    }
}

/// Newest first.
fn sum(sum: &mut ArtifactSeries, row: &ArtifactRow) {
    let record = &row.record;
    let state = row.state();
    for (known, count) in ArtifactState::ALL.iter().zip(&mut sum.states) {
        *count += u64::from(*known == state);
    }
    // What is doubted is no success; what was removed on purpose was one.
    if record.doubt.is_none() && sum.stored.is_none() {
        sum.stored = Some(record.at);
        sum.size_bytes = Some(record.size);
        sum.making = row.made_took_ms.map(Duration::from_millis);
    }
    let verified = row.verified_at.filter(|_| row.unsound_at.is_none());
    if verified > sum.verified {
        sum.verified = verified;
        sum.restoring = row.verified_took_ms.map(Duration::from_millis);
    }
}

/// A person says that a doubted artifact is right.
///
/// # Errors
/// There is no such artifact, nobody doubts it, or it cannot be recorded.
pub(super) async fn accept(
    world: &World,
    id: ArtifactId,
    by: &Person,
    reason: &str,
) -> Result<(), AgentError> {
    let row = there(world, id).await?;
    let Some(doubt) = row.record.doubt else {
        return Err(AgentError::Conflict(format!(
            "nobody doubts artifact {id}: it is {}",
            row.state().as_str()
        )));
    };
    let (runbook, name) = (row.record.runbook, row.record.name);
    let entry = Entry::new(
        world.now(),
        &by.subject,
        "artifact.accepted",
        format!("artifact/{id}"),
    )
    .with(json!({"reason": reason, "doubt": doubt, "runbook": runbook, "name": name, "path": row.record.path}));
    let writes = vec![Write::ArtifactAccepted { id }, Write::Audit(entry)];
    world.write("the acceptance of an artifact", writes).await?;
    world.events.artifact_accepted(&runbook, &name, &by.subject);
    recorded(world, &[(runbook, name)].into()).await;
    Ok(())
}

/// An artifact that was not removed.
///
/// # Errors
/// There is none, or the history cannot be read.
pub(super) async fn there(world: &World, id: ArtifactId) -> Result<ArtifactRow, AgentError> {
    let row = world.history.artifact(id).await;
    let row = row.map_err(|error| AgentError::Unavailable(error.to_string()))?;
    match row {
        None => Err(AgentError::NotFound(format!("artifact {id}"))),
        Some(row) => match row.removed_at {
            None => Ok(row),
            Some(at) => Err(AgentError::Conflict(format!(
                "artifact {id} was removed at {at}"
            ))),
        },
    }
}

async fn by_path(world: &World, path: &str) -> Result<Option<ArtifactRow>, HistoryError> {
    let filter = ArtifactFilter {
        path: Some(path.to_owned()),
        limit: 1,
        ..ArtifactFilter::default()
    };
    Ok(world.history.artifacts(filter).await?.into_iter().next())
}
