//! Carrying out `backup/kubernetes`.

use super::{
    EXTENSION, KubernetesInputs,
    cleaned::{Cleaned, clean},
    selected::{Pick, Selected},
};
use crate::{
    actions::{
        backup::{ArtifactKind, report_backup, report_error},
        framework::World,
        kubernetes::{beforehand::lacks_namespace, full_name, kinds},
    },
    domain::run::StepReport,
    ports::{
        archive::{StreamOf, Writing},
        cluster::{ClusterError, Resource, Wanted},
        executor::Session,
    },
};
use serde_json::Value;
use std::collections::BTreeSet;
use tokio::io::AsyncWriteExt as _;

/// How many bytes it may hold where its step does not say.
const MOST: u64 = 10 << 30;
/// So many of what was left out are told.
const TOLD: usize = 200;

/// What was found so far.
struct Making<'a> {
    inputs: &'a KubernetesInputs,
    session: &'a Session,
    world: &'a World,
    writing: Box<dyn Writing>,
    kept: u64,
    left: Vec<String>,
    untold: usize,
}

pub(super) async fn make(
    inputs: &KubernetesInputs,
    session: &Session,
    world: &World,
) -> Result<StepReport, StepReport> {
    let unfit = |why: String| StepReport::failed(why, false);
    let selected = inputs.selected().map_err(unfit)?;
    let has_secrets = inputs.holds_secrets().map_err(unfit)?;
    let label = inputs
        .keep
        .label(&inputs.name, has_secrets, &session.context, world)
        .await;
    let of = StreamOf {
        label: &label,
        what: "objects of a cluster",
        extension: EXTENSION,
        most: inputs.at_most.map_or(MOST, |size| size.0),
    };
    let begun = world.archive.stream(of, session.stop.clone()).await;
    let mut making = Making {
        inputs,
        session,
        world,
        writing: begun.map_err(|error| report_error(&error))?,
        kept: 0,
        left: Vec::new(),
        untold: 0,
    };
    if let Err(report) = making.all(&selected).await {
        making.writing.discard().await;
        return Err(report);
    }
    let (kept, skipped) = (making.kept, making.skipped());
    let stored = making.writing.finish().await.map(|mut stored| {
        stored.entries = kept;
        stored.skipped = skipped;
        stored
    });
    let kind = ArtifactKind::Kubernetes;
    Ok(report_backup(kind, (&inputs.keep, &label), stored, world).await)
}

/// Why nothing was found.
async fn nothing(inputs: &KubernetesInputs, selected: &[Selected], world: &World) -> String {
    let namespaces: BTreeSet<&str> = selected.iter().filter_map(Selected::namespace).collect();
    for namespace in namespaces {
        let lacking = lacks_namespace(&*world.clusters, &inputs.cluster, namespace).await;
        if let Some(what) = lacking {
            return format!("{what} was not found, so there is nothing to keep");
        }
    }
    "there is nothing of what `resources` names".to_owned()
}

impl Making<'_> {
    async fn all(&mut self, selected: &[Selected]) -> Result<(), StepReport> {
        for one in selected {
            self.one(one).await?;
        }
        if self.kept > 0 {
            return Ok(());
        }
        let why = match self.left.len() + self.untold {
            0 => nothing(self.inputs, selected, self.world).await,
            left => format!(
                "nothing is left to keep: {left} objects were left out, the first: {}",
                self.left.first().map_or("", String::as_str)
            ),
        };
        Err(StepReport::failed(why, false))
    }

    async fn one(&mut self, one: &Selected) -> Result<(), StepReport> {
        let (clusters, cluster) = (&*self.world.clusters, &self.inputs.cluster);
        let failed = |error: ClusterError| {
            let what = one.object(cluster, self.inputs.selector.as_deref());
            StepReport::failed(format!("reading {what}: {error}"), retryable(&error))
        };
        let of = kinds::resource(clusters, cluster, &one.kind).await;
        let of = of.map_err(failed)?;
        one.check(of.namespaced)
            .map_err(|why| StepReport::failed(why, false))?;
        let mut next = None;
        loop {
            let wanted = wanted(one, self.inputs, next.as_deref());
            let page = clusters.kept_whole(cluster, &of, one.namespace(), wanted);
            let page = tokio::select! {
                biased;
                () = self.session.stop.cancelled() => {
                    return Err(StepReport::canceled("stopped; nothing is kept"));
                }
                page = page => page.map_err(failed)?,
            };
            for object in &page.objects {
                self.keep(object, &of, matches!(one.pick, Pick::Named(_)))
                    .await?;
            }
            next = page.next;
            if next.is_none() {
                return Ok(());
            }
        }
    }

    async fn keep(&mut self, object: &Value, of: &Resource, named: bool) -> Result<(), StepReport> {
        let (kept, note) = match clean(object, of, named) {
            Cleaned::Kept(kept, note) => (kept, note),
            Cleaned::Left(why) => {
                self.tell(why);
                return Ok(());
            }
        };
        if let Some(note) = note {
            self.tell(note);
        }
        let line = format!("{kept}\n");
        if let Err(error) = self.writing.write_all(line.as_bytes()).await {
            let fault = self.writing.fault().map(|fault| report_error(&fault));
            let what = full_name(object);
            return Err(fault
                .unwrap_or_else(|| StepReport::failed(format!("keeping {what}: {error}"), true)));
        }
        self.kept += 1;
        Ok(())
    }

    fn tell(&mut self, note: String) {
        if self.left.len() < TOLD {
            self.left.push(note);
        } else {
            self.untold += 1;
        }
    }

    fn skipped(&mut self) -> Vec<String> {
        let mut left = std::mem::take(&mut self.left);
        if self.untold > 0 {
            left.push(format!("{} more", self.untold));
        }
        left
    }
}

fn wanted<'a>(
    one: &'a Selected,
    inputs: &'a KubernetesInputs,
    from: Option<&'a str>,
) -> Wanted<'a> {
    match &one.pick {
        Pick::Named(name) => Wanted::Named(name),
        Pick::All => Wanted::Listed {
            selector: inputs.selector.as_deref(),
            from,
        },
    }
}

/// A list that took longer than the server keeps its state begins anew with the next attempt.
fn retryable(error: &ClusterError) -> bool {
    error.retryable() || matches!(error, ClusterError::Refused { code: 410, .. })
}
