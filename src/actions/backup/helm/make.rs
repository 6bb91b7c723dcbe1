//! Carrying out `backup/helm`.

use super::{EXTENSION, HelmInputs};
use crate::{
    actions::{
        backup::{ArtifactKind, report_backup, report_error},
        framework::World,
    },
    domain::run::StepReport,
    ports::{
        archive::{StreamOf, Writing},
        executor::Session,
    },
};
use tokio::io::AsyncWriteExt as _;

/// How many bytes it may hold: some thousand releases.
const MOST: u64 = 10 << 30;

pub(super) async fn make(
    inputs: &HelmInputs,
    session: &Session,
    world: &World,
) -> Result<StepReport, StepReport> {
    let label = inputs
        .keep
        .label(&inputs.name, true, &session.context, world)
        .await;
    let of = StreamOf {
        label: &label,
        what: "releases of Helm",
        extension: EXTENSION,
        most: MOST,
    };
    let begun = world.archive.stream(of, session.stop.clone()).await;
    let mut writing = begun.map_err(|error| report_error(&error))?;
    let kept = match all(inputs, &mut writing, session, world).await {
        Ok(kept) => kept,
        Err(report) => {
            writing.discard().await;
            return Err(report);
        }
    };
    let stored = writing.finish().await.map(|mut stored| {
        stored.entries = kept;
        stored
    });
    let kind = ArtifactKind::Helm;
    Ok(report_backup(kind, (&inputs.keep, &label), stored, world).await)
}

/// Every release, one a line; how many.
async fn all(
    inputs: &HelmInputs,
    writing: &mut Box<dyn Writing>,
    session: &Session,
    world: &World,
) -> Result<u64, StepReport> {
    let releases = inputs.releases();
    let stopped = || StepReport::canceled("stopped; nothing is kept");
    let vain = |(why, retryable): (String, bool)| {
        if session.stop.is_cancelled() {
            return stopped();
        }
        StepReport::failed(why, retryable)
    };
    let names = releases.names(session, world).await.map_err(vain)?;
    let mut kept = 0;
    for name in &names {
        let release = releases.read(name, session, world).await.map_err(vain)?;
        let line = serde_json::to_string(&release).unwrap_or_default();
        let written = writing.write_all(format!("{line}\n").as_bytes()).await;
        if let Err(error) = written {
            let fault = writing.fault().map(|fault| report_error(&fault));
            let other = || StepReport::failed(format!("keeping release {name}: {error}"), true);
            return Err(fault.unwrap_or_else(other));
        }
        kept += 1;
    }
    if kept == 0 {
        let words = format!("there is no release in namespace {}", inputs.namespace);
        return Err(StepReport::failed(words, false));
    }
    Ok(kept)
}
