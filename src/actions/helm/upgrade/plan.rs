//! What an upgrade would change: its chart is rendered without a cluster, and compared with what the release has.

use super::{UpgradeInputs, values};
use crate::{
    actions::{
        framework::World,
        helm::{
            Untold,
            chart::Laid,
            history::{History, Status},
            inputs::Release,
            program::{Call, Helm},
            rendered::Rendered,
        },
        kubernetes::kinds,
    },
    commands::deeds::{self, Deed, Manifest},
    domain::effect::{Confidence, Effect, Effects, Verb},
    ports::{cluster::ClusterError, executor::StepContext},
};
use serde_json::json;
use std::time::Duration;

/// So long it may take to find out.
const DEADLINE: Duration = Duration::from_mins(1);
/// Why a chart that asks the cluster is not sure.
const LOOKS: &str =
    "its templates may ask the cluster for objects (`lookup`), and read what they like there";

/// What it would do, or why that is not known.
pub(super) async fn effects(
    inputs: &UpgradeInputs,
    release: Release<'_>,
    context: &StepContext,
    world: &World,
) -> Result<Effects, Untold> {
    let helm = Helm::planning(release, context, world);
    let finding = found(inputs, &helm);
    tokio::select! {
        effects = finding => effects,
        () = world.clock.sleep(DEADLINE) => {
            Err(format!("the chart was not rendered within {} s", DEADLINE.as_secs()).into())
        }
    }
}

async fn found(inputs: &UpgradeInputs, helm: &Helm<'_>) -> Result<Effects, Untold> {
    let chart = inputs.chart()?;
    if let Some(reason) = chart.unknown() {
        return Err(reason.into());
    }
    let own = values::stand_ins(inputs)?;
    let wanted = inputs.wanted();
    let world = helm.world;
    let repository = match wanted.as_slice() {
        [] => Vec::new(),
        wanted => {
            let revision = &helm.context.revision;
            world.materials.repository(revision, wanted).await?
        }
    };
    let history = helm.history().await?;
    if !inputs.install && is_missing(&history) {
        return Err(Untold::Doomed(missing(&helm.release)));
    }
    let laid = chart.laid(&repository, world).await?;
    let is_upgrade = is_there(&history);
    let mut call = template(inputs, &laid, is_upgrade, helm).await?;
    if inputs.reuse_values && is_upgrade {
        call = values::former(call, helm).await?;
    }
    let call = values::given(call, inputs, &repository, own)?;
    let text = helm.text(call).await;
    let text = text.map_err(|fault| format!("the chart cannot be rendered: {fault}"))?;
    let now = Rendered::read(&text)?;
    let mut effects = compared(inputs, helm, &history, &now).await?;
    if laid.looks {
        effects.items.push(Effect::opaque(helm.release.object()));
        effects.confidence = Confidence::Opaque;
        effects.reasons.push(LOOKS.to_owned());
    }
    Ok(effects)
}

/// Whether there is none, or only the history of one.
pub(super) fn is_missing(history: &History) -> bool {
    let last = history.last();
    last.is_none_or(|last| last.status == Status::Uninstalled)
}

/// What an upgrade of such a release is told.
pub(super) fn missing(release: &Release<'_>) -> String {
    format!("{release} is not there\nhint: set `install: true` if it is to be installed")
}

/// Whether there is a release to upgrade.
pub(super) fn is_there(history: &History) -> bool {
    let gone = |status: Status| matches!(status, Status::Uninstalled | Status::PendingInstall);
    history.last().is_some_and(|last| !gone(last.status))
}

/// The call that renders it as this cluster would be told to have it.
async fn template(
    inputs: &UpgradeInputs,
    laid: &Laid,
    is_upgrade: bool,
    helm: &Helm<'_>,
) -> Result<Call, String> {
    let clusters = &helm.world.clusters;
    let version = clusters.version(&inputs.cluster).await;
    let served = clusters.served(&inputs.cluster).await;
    let told = |error: ClusterError| error.to_string();
    let (version, served) = (version.map_err(told)?, served.map_err(told)?);
    let mut call = Call::new(&["template", &inputs.release, "--skip-tests"])
        .and(&["--kube-version", &version])
        .offline();
    if !served.is_empty() {
        call = call.and(&["--api-versions", &served.join(",")]);
    }
    // What lies in `crds/` is made by an installation alone.
    call = call.and(&[if is_upgrade {
        "--is-upgrade"
    } else {
        "--include-crds"
    }]);
    let words: Vec<&str> = laid.words.iter().map(String::as_str).collect();
    Ok(call.and(&words).with(&laid.files))
}

/// What it does to bring the release from what it has to what is rendered.
pub(super) async fn compared(
    inputs: &UpgradeInputs,
    helm: &Helm<'_>,
    history: &History,
    now: &Rendered,
) -> Result<Effects, String> {
    let object = helm.release.object();
    let in_force = history.in_force().filter(|_| is_there(history));
    let (of_release, before) = match in_force {
        Some(known) => {
            let undo = format!("roll back to revision {}", known.revision);
            let before = helm.held(known.revision).await?;
            (Effect::change(Verb::Update, object, &undo), before)
        }
        None => {
            let install = Effect::change(Verb::Create, object, "uninstall it again");
            (install, Rendered::default())
        }
    };
    let mut effects = helm.effects(of_release, now, &before).await;
    if in_force.is_none() && inputs.create_namespace {
        effects.items.extend(namespace_made(inputs, helm).await);
    }
    Ok(effects)
}

async fn namespace_made(inputs: &UpgradeInputs, helm: &Helm<'_>) -> Vec<Effect> {
    let clusters = &*helm.world.clusters;
    let place = inputs.cluster.as_str();
    let is_there = match kinds::resource(clusters, place, "namespace").await {
        Ok(kind) => clusters
            .get(place, &kind, None, &inputs.namespace)
            .await
            .is_ok(),
        Err(_) => false,
    };
    if is_there {
        return Vec::new();
    }
    let object = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": inputs.namespace } });
    let made = Manifest {
        object: &object,
        namespace: None,
    };
    deeds::of_deeds(place, &[Deed::Create(made)]).items
}
