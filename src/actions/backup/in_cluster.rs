//! `backup/restore` of what comes from a cluster: objects, the files of a volume, and releases, of which it only writes files.

use super::{
    ArtifactKind, Found,
    helm::{HelmRestore, restore_release},
    kubernetes::restore_objects,
    lost::settled,
    report_error,
    restore::RestoreInputs,
    volume::restore_volume,
};
use crate::{
    actions::framework::World,
    domain::{effect::Effects, right::Rights, run::StepReport},
    ports::{
        archive::{ArchiveError, Form, Placed, Unpacked},
        executor::{Intent, Session, StepContext},
    },
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// What can be said before the artifact is known.
pub(super) fn check(inputs: &RestoreInputs) -> Result<(), String> {
    if let Some(objects) = &inputs.objects {
        objects.validate()?;
    }
    if let Some(volume) = &inputs.volume {
        volume.validate()?;
    }
    match &inputs.release {
        Some(_) => release(inputs).validate(),
        None => Ok(()),
    }
}

/// Whether what is named is for such an artifact.
pub(super) fn fits(inputs: &RestoreInputs, kind: ArtifactKind) -> Result<(), String> {
    let needs = |what: &str, given: bool, of: &str| {
        if given {
            return Ok(());
        }
        Err(format!(
            "in `with`: the artifact holds {of}\nhint: name `{what}`"
        ))
    };
    let beside = [
        ("only", inputs.only.is_some()),
        ("overwrite", inputs.overwrite),
    ];
    if kind != ArtifactKind::Kubernetes && inputs.objects.is_some() {
        return Err("in `with`, at `objects`: it is for objects of a cluster".to_owned());
    }
    if kind != ArtifactKind::Volume && inputs.volume.is_some() {
        return Err("in `with`, at `volume`: it is for the files of a volume".to_owned());
    }
    if kind != ArtifactKind::Helm && inputs.release.is_some() {
        return Err("in `with`, at `release`: it is for releases of Helm".to_owned());
    }
    match kind {
        ArtifactKind::Kubernetes => {
            needs("objects", inputs.objects.is_some(), "objects of a cluster")?;
        }
        ArtifactKind::Volume => {
            needs("volume", inputs.volume.is_some(), "the files of a volume")?;
        }
        ArtifactKind::Helm => needs("to", inputs.to.is_some(), "releases of Helm")?,
        ArtifactKind::Files
        | ArtifactKind::Sqlite
        | ArtifactKind::Stream
        | ArtifactKind::Logs
        | ArtifactKind::Postgres
        | ArtifactKind::Etcd => return Ok(()),
    }
    match beside.iter().find(|(_, given)| *given) {
        Some((name, _)) => Err(format!(
            "in `with`, at `{name}`: it is not for what comes from a cluster"
        )),
        None => Ok(()),
    }
}

/// What it must be allowed in the cluster; nothing where it is restored elsewhere.
pub(super) fn rights(inputs: &RestoreInputs, effects: &Effects) -> Option<Rights> {
    let objects = inputs.objects.as_ref();
    let volume = inputs.volume.as_ref();
    objects
        .map(|objects| objects.rights(effects))
        .or_else(|| volume.map(super::VolumeRestore::rights))
}

/// Objects are looked into when the step is planned, so that each is judged by itself.
///
/// # Errors
/// The artifact cannot be opened, or holds nothing of what is to be restored, or the place is not there: nobody need consent to what
/// can only fail.
pub(super) async fn foresee(
    inputs: &RestoreInputs,
    found: &Found,
    intent: Intent,
    (context, world): (&StepContext, &World),
) -> Result<Intent, String> {
    if let Some(volume) = &inputs.volume {
        volume.foresee(context, world).await?;
    }
    if let Some(into) = &inputs.into {
        into.server.foresee(context, world).await?;
    }
    let Some(objects) = &inputs.objects else {
        return Ok(intent);
    };
    let content = opened(found, &CancellationToken::new(), world).await;
    let content = content.map_err(|error| error.to_string())?;
    let mut effects = objects.effects(&*content, world).await?;
    let how = objects.how(&effects);
    let read = intent.effects.items.into_iter().take(1);
    effects.items.splice(0..0, read);
    let artifact = found.location.to_string();
    Ok(Intent {
        effects,
        wants_approval: Some(inputs.question(&artifact, &told_standing(found), &how)),
        ..intent
    })
}

/// What is known of an artifact, as it stands behind its name.
pub(super) fn told_standing(found: &Found) -> String {
    format!(" ({})", found.standing())
}

async fn opened(
    found: &Found,
    stop: &CancellationToken,
    world: &World,
) -> Result<Box<dyn Unpacked>, ArchiveError> {
    let archive = &world.archive;
    let unpacked = archive.unpack(Form::Stream, &found.location, found.expected, stop.clone());
    settled(unpacked.await, found, world).await
}

/// What was unpacked, and what came of restoring it.
pub(super) async fn restore(
    inputs: &RestoreInputs,
    found: &Found,
    session: &Session,
    world: &World,
) -> (Result<Placed, ArchiveError>, StepReport) {
    let content = match opened(found, &session.stop, world).await {
        Ok(content) => content,
        Err(error @ ArchiveError::Damaged { .. }) => {
            // The dispatch marks it as unsound.
            let fine = StepReport::succeeded("", Value::Null);
            return (Err(error), fine);
        }
        Err(error) => {
            let report = report_error(&error);
            return (Err(error), report);
        }
    };
    let report = match (&inputs.objects, &inputs.volume) {
        (Some(objects), _) => restore_objects(&*content, objects, session, world).await,
        (None, Some(volume)) => restore_volume(&*content, volume, session, world).await,
        (None, None) => restore_release(&*content, &release(inputs)).await,
    };
    let placed = Placed {
        inspection: content.inspection().clone(),
        former: None,
        unlike: Vec::new(),
    };
    (Ok(placed), report)
}

fn release(inputs: &RestoreInputs) -> HelmRestore {
    HelmRestore {
        release: inputs.release.clone(),
        folder: inputs.to.clone().unwrap_or_default(),
    }
}

/// The report of a restore, with what its kind says.
pub(super) fn told(report: StepReport, said: StepReport) -> StepReport {
    let mut outputs = report.outputs;
    if !said.outputs.is_null() {
        outputs["details"] = json!(said.outputs);
    }
    StepReport {
        summary: format!("{}: {}", report.summary, said.summary),
        outputs,
        ..report
    }
}
