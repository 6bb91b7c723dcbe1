//! Carrying out `backup/volume`.

use super::{VolumeInputs, VolumeOutputs, tar};
use crate::{
    actions::{
        backup::{ArtifactKind, report_backup, report_error},
        framework::{Action as _, World, outputs},
        kubernetes::{FilesOf, Reached, SnapshotInputs, SnapshotVolume},
    },
    domain::run::{StepReport, StepResult},
    ports::{
        archive::{StreamOf, Writing},
        executor::Session,
    },
};
use serde_json::{Value, json};

/// What stands in a file name before `.zst`.
const EXTENSION: &str = "volume.tar";
/// How many bytes an artifact may hold where its step does not say.
const MOST: u64 = 100 << 30;

/// The cluster keeps it; what is known of it stands in the outputs.
pub(super) async fn snapshot(
    inputs: SnapshotInputs,
    session: &Session,
    world: &World,
) -> StepReport {
    let report = SnapshotVolume.execute(inputs, session, world).await;
    let kept = match &report.outputs {
        Value::Null => Value::Null,
        kept => json!({ "snapshot": kept }),
    };
    let summary = match (&report.result, session.context.dry_run) {
        (StepResult::Succeeded, false) => format!(
            "{}; the cluster keeps it, and nobody has looked into it",
            report.summary
        ),
        _ => report.summary.clone(),
    };
    StepReport {
        summary,
        outputs: kept,
        ..report
    }
}

/// A tar of the folder, streamed into an artifact. A pod that was made for it goes whatever becomes of it.
pub(super) async fn content(
    inputs: &VolumeInputs,
    files: FilesOf<'_>,
    session: &Session,
    world: &World,
) -> Result<StepReport, StepReport> {
    let keep = inputs.keep.clone().unwrap_or_default();
    let label = keep
        .label(&inputs.name, false, &session.context, world)
        .await;
    if let Some(why) = world.archive.unfit(label.store.as_ref(), label.encrypt) {
        return Err(StepReport::failed(why, false));
    }
    let reached = files.open(session, world).await?;
    let of = StreamOf {
        label: &label,
        what: "the files of a volume",
        extension: EXTENSION,
        most: inputs.at_most.map_or(MOST, |size| size.0),
    };
    let begun = world.archive.stream(of, session.stop.clone()).await;
    let report = match begun {
        Err(error) => report_error(&error),
        Ok(writing) => match streamed(writing, &reached, session, world).await {
            Err(report) => report,
            Ok(writing) => {
                let stored = writing.finish().await;
                let kind = ArtifactKind::Volume;
                report_backup(kind, (&keep, &label), stored, world).await
            }
        },
    };
    Ok(reached.close(only_ours(report), world).await)
}

async fn streamed(
    mut writing: Box<dyn Writing>,
    reached: &Reached,
    session: &Session,
    world: &World,
) -> Result<Box<dyn Writing>, StepReport> {
    let argv = ["tar", "-C", &reached.path, "-cf", "-", "."].map(str::to_owned);
    let ran = tar::run(&argv, None, &mut *writing, reached, session, world).await;
    let failed = match (ran, writing.fault()) {
        (Ok(()), None) if writing.written() > 0 => return Ok(writing),
        (Ok(()), None) => StepReport::failed("`tar` exited with 0, but printed nothing", true),
        (Err(report), _) if report.result == StepResult::Canceled => report,
        (_, Some(fault)) => report_error(&fault),
        (Err(report), None) => report,
    };
    writing.discard().await;
    Err(failed)
}

/// The outputs of this action alone.
fn only_ours(report: StepReport) -> StepReport {
    let Some(artifact) = report.outputs.get("artifact") else {
        return report;
    };
    let left = VolumeOutputs {
        artifact: serde_json::from_value(artifact.clone()).ok(),
        snapshot: None,
    };
    StepReport {
        outputs: outputs(&left),
        ..report
    }
}
