//! `helm/rollback`.

use crate::{
    actions::{
        framework::{Action, Given, NOTHING_JUDGED, World, outputs},
        helm::{
            Untold,
            history::{History, Revision, Status},
            inputs::{self, Release},
            marks, needed,
            program::{Fault, Helm},
            rendered::{is_open, unjudged},
            undo::rolled_back,
            was_away, way,
        },
    },
    domain::{
        effect::{Effect, Effects, Verb},
        pinned::Pinned,
        right::Rights,
        run::StepReport,
        span::Span,
    },
    ports::{
        BoxFuture,
        executor::{Intent, Session, StepContext},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// So long it may take to find out what would be done.
const DEADLINE: Duration = Duration::from_secs(30);
/// How long helm gets to note down that it was stopped.
const GRACE_SECONDS: u64 = 15;

/// Rolls a release back.
#[derive(Debug, Clone, Copy)]
pub struct HelmRollback;

/// What `helm/rollback` is told.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RollbackInputs {
    /// The cluster's name in the agent's configuration.
    #[serde(default = "inputs::cluster")]
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// The release's name.
    pub release: String,
    /// The revision to go back to; without it, the last one before the present one that was good and holds something else than the
    /// present one: after a rollback, that is not the revision that was rolled back to.
    #[serde(default)]
    pub to_revision: Option<u32>,
    /// How long to wait until all of it is ready; 5 minutes where none is said.
    #[serde(default)]
    pub wait: Option<Span>,
}

/// What `helm/rollback` leaves for later steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RollbackOutputs {
    /// The cluster.
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// The release.
    pub release: String,
    /// Its revision before.
    pub from: u32,
    /// The revision that it went back to.
    pub to: u32,
    /// Its latest revision now, which is the same as that one.
    pub revision: u32,
    /// The state of the latest revision.
    pub status: Status,
    /// Its chart, as `name-version`.
    pub chart: String,
    /// The version of what the chart brings, as the chart says it.
    pub app_version: String,
}

impl RollbackInputs {
    fn release(&self) -> Result<Release<'_>, String> {
        Release::new(&self.cluster, &self.namespace, &self.release)
    }
}

impl Action for HelmRollback {
    type Inputs = RollbackInputs;
    type Outputs = RollbackOutputs;
    const NAME: &'static str = "helm/rollback";
    const SUMMARY: &'static str =
        "Rolls a Helm release back to an earlier revision, and waits for it.";

    fn validate(&self, inputs: &RollbackInputs) -> Result<(), String> {
        inputs.release()?;
        match inputs.to_revision {
            Some(0) => Err("in `with`, at `toRevision`: revisions begin at 1".to_owned()),
            Some(_) | None => Ok(()),
        }
    }

    fn intend(&self, inputs: &RollbackInputs, context: &StepContext) -> Result<Intent, String> {
        self.intend_with(inputs, context, &Given::NOTHING)
    }

    fn intend_with(
        &self,
        inputs: &RollbackInputs,
        context: &StepContext,
        given: &Given<'_>,
    ) -> Result<Intent, String> {
        let reason = "what the revision holds is known to its cluster";
        Ok(Intent {
            effects: Effects::opaque(inputs.release()?.object(), reason),
            // The mark of this step says how far it came.
            idempotent: true,
            wants_approval: None,
            pinned: Pinned {
                programs: inputs::pinned(given, context.dry_run)?,
                ..Pinned::default()
            },
        })
    }

    fn foresee<'a>(
        &'a self,
        inputs: RollbackInputs,
        context: &'a StepContext,
        world: &'a World,
        intent: Intent,
    ) -> BoxFuture<'a, Result<Intent, String>> {
        Box::pin(async move {
            let release = inputs.release()?;
            let helm = Helm::planning(release, context, world);
            let late = "helm did not say in time what the revision holds";
            let found = tokio::select! {
                found = foreseen(&inputs, &helm) => found,
                () = world.clock.sleep(DEADLINE) => Err(Untold::Unseen(late.to_owned())),
            };
            let effects = match found {
                Ok(effects) => effects,
                Err(untold) => untold.effects(&release)?,
            };
            Ok(Intent { effects, ..intent })
        })
    }

    fn rights(&self, inputs: &RollbackInputs, effects: &Effects) -> Rights {
        let release = inputs.release();
        release.map_or_else(|_| Rights::default(), |of| needed::changed(&of, effects))
    }

    fn execute<'a>(
        &'a self,
        inputs: RollbackInputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        self.execute_judged(inputs, &NOTHING_JUDGED, session, world)
    }

    fn execute_judged<'a>(
        &'a self,
        inputs: RollbackInputs,
        judged: &'a Effects,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            match roll_back(&inputs, judged, session, world).await {
                Ok(report) | Err(report) => report,
            }
        })
    }

    fn grace(&self, _: &RollbackInputs) -> Span {
        Span::from_secs(GRACE_SECONDS)
    }
}

/// Whether an attempt of this step has begun, and how far it came.
async fn begun<'h>(helm: &Helm<'_>, history: &'h History) -> Result<Option<&'h Revision>, Fault> {
    let Some(last) = history
        .last()
        .filter(|last| last.rollback_revision.is_some())
    else {
        return Ok(None);
    };
    Ok(helm.is_ours(last).await?.then_some(last))
}

async fn foreseen(inputs: &RollbackInputs, helm: &Helm<'_>) -> Result<Effects, Untold> {
    let history = helm.history().await?;
    let begun = begun(helm, &history).await?;
    // What an earlier attempt has begun leads to the same revision.
    let number = begun.and_then(|begun| begun.rollback_revision);
    let way = RollbackInputs {
        to_revision: number.or(inputs.to_revision),
        ..inputs.clone()
    };
    let way = way::way(way.to_revision, helm, &history).await?;
    effects(helm, way.from, way.to)
        .await
        .map_err(Untold::Unseen)
}

/// The release's own effect names both revisions, so that what was judged is what is done.
async fn effects(helm: &Helm<'_>, from: &Revision, to: &Revision) -> Result<Effects, String> {
    let (before, now) = (
        helm.held(from.revision).await?,
        helm.held(to.revision).await?,
    );
    let undo = format!(
        "it goes back to revision {}; roll back to revision {} to undo it",
        to.revision, from.revision
    );
    let of_release = Effect::change(Verb::Update, helm.release.object(), &undo);
    Ok(helm.effects(of_release, &now, &before).await)
}

async fn roll_back(
    inputs: &RollbackInputs,
    judged: &Effects,
    session: &Session,
    world: &World,
) -> Result<StepReport, StepReport> {
    let failed = |why: String| StepReport::failed(format!("not carried out: {why}"), false);
    let release = inputs.release().map_err(failed)?;
    let (log, stop) = (session.log.clone(), session.stop.clone());
    let helm = Helm::new(release, &session.context, world, log, stop);
    let looking = |fault: Fault| told(&format!("looking at {release}"), &fault);
    let unseen = |fault: Fault| looking(fault).untouched();
    let history = helm.history().await.map_err(unseen)?;
    if let Some(report) = was_away(judged) {
        return Err(report);
    }
    let begun = begun(&helm, &history).await.map_err(unseen)?;
    let (from, to, passed) = match begun.and_then(|begun| Some((begun, begun.rollback_revision?))) {
        Some((last, to)) if last.status == Status::Deployed => {
            let from = last.revision.saturating_sub(1);
            let summary = format!(
                "{release} is rolled back to revision {to}, by an earlier attempt of this step"
            );
            return Ok(StepReport::succeeded(
                summary,
                left(&release, (from, to), last),
            ));
        }
        begun => {
            let to_revision = begun.map(|(_, to)| to).or(inputs.to_revision);
            let same = RollbackInputs {
                to_revision,
                ..inputs.clone()
            };
            let way = judged_way(&same, &helm, &history, judged).await;
            way.map_err(StepReport::untouched)?
        }
    };
    helm.note(&format!(
        "{release} goes from revision {from} to revision {to}; marked `{}`",
        marks::description(helm.context)
    ));
    let done = rolled_back(&helm, to, inputs.wait).await;
    done.map_err(|fault| told(&format!("rolling {release} back to revision {to}"), &fault))?;
    let now = helm.history().await.map_err(looking)?;
    match now.last() {
        Some(last) if last.status == Status::Deployed && last.revision > from => {
            let summary = format!(
                "{release} is rolled back from revision {from} to revision {to}, as revision {}{passed}",
                last.revision
            );
            Ok(StepReport::succeeded(
                summary,
                left(&release, (from, to), last),
            ))
        }
        last => {
            let status = last.map_or("not there", |last| last.status.word());
            let text = format!("{release} was rolled back by helm's word, but is {status}");
            Err(StepReport::failed(text, true))
        }
    }
}

/// Where it goes from and to, if that is what was judged, and what is passed over.
async fn judged_way(
    inputs: &RollbackInputs,
    helm: &Helm<'_>,
    history: &History,
    judged: &Effects,
) -> Result<(u32, u32, String), StepReport> {
    let refused = |why: String| StepReport::failed(format!("not carried out: {why}"), false);
    let way = way::way(inputs.to_revision, helm, history).await;
    let way = way.map_err(|lost| refused(lost.into_words()))?;
    let (from, to) = (way.from, way.to);
    let found = (from.revision, to.revision, way.passed_over());
    if is_open(judged) {
        return Ok(found);
    }
    let now = effects(helm, from, to).await.map_err(refused)?;
    match unjudged(&now, judged) {
        None => Ok(found),
        Some(new) => Err(refused(format!(
            "it would do now what was not judged: {new}"
        ))),
    }
}

fn left(release: &Release<'_>, (from, to): (u32, u32), last: &Revision) -> serde_json::Value {
    outputs(&RollbackOutputs {
        cluster: release.cluster.to_owned(),
        namespace: release.namespace.to_owned(),
        release: release.name.to_owned(),
        from,
        to,
        revision: last.revision,
        status: last.status,
        chart: last.chart.clone(),
        app_version: last.app_version.clone(),
    })
}

fn told(doing: &str, fault: &Fault) -> StepReport {
    match fault {
        Fault::Stopped => StepReport::canceled(format!("{doing} was stopped")),
        fault => StepReport::failed(
            format!("{doing}: {fault}{}", fault.hint()),
            fault.retryable(),
        ),
    }
}
