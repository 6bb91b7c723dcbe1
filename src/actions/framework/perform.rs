//! Carries out permitted steps.

use crate::{
    actions::framework::{
        AnyAction, Catalogue, Given, World, action::Attempt, at_hand::AtHand, masking::Masking,
        revealing::Revealed, still::still, text,
    },
    actions::kubernetes::{
        forbidden::Doubt,
        pinning,
        signature::sign,
        survey,
        touched::{AllTouched, Watching},
    },
    domain::{
        effect::{Class, Confidence, Effect, Effects, Place},
        gate::Permit,
        name::ActionName,
        outlived::{EndedLate, Outlived},
        plan::PlannedStep,
        run::{StepReport, StepResult},
        span::Span,
    },
    ports::{
        BoxFuture,
        clock::Clock,
        executor::{Executor, Intent, LogStream, Session, StepContext},
    },
};
use serde_json::Value;
use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

/// Actions that reach clusters by ways of our own.
pub(super) const OF_CLUSTERS: &str = "kubernetes/";
/// The longest time, in seconds, that an action is given to stop.
const LONGEST_GRACE: u64 = 30;
/// What is added to an action's own grace, in milliseconds, so that it can still say how it ended.
const AFTER_GRACE: u64 = 2000;

/// Carries out permitted steps with the actions of a catalogue.
#[derive(Debug, Clone)]
pub struct Performer {
    catalogue: Arc<Catalogue>,
    world: Arc<World>,
    masking: Arc<Masking>,
}

impl Performer {
    /// A performer that touches this world.
    pub fn new(catalogue: Arc<Catalogue>, world: Arc<World>) -> Self {
        let masking = Arc::default();
        Self {
            catalogue,
            world,
            masking,
        }
    }

    /// Files and programs are read off the async threads: a large program takes a while. Most steps need none, or only programs that
    /// are known already; a thread for each of these would cost more than all else that is asked here.
    async fn ask(
        &self,
        action: &ActionName,
        arguments: &Value,
        context: &StepContext,
    ) -> Result<Intent, String> {
        let wanted = caught(|| self.catalogue.wants(action, arguments))??;
        let repository = match wanted.as_slice() {
            [] => Vec::new(),
            wanted => {
                let reading = self.world.materials.repository(&context.revision, wanted);
                reading.await?
            }
        };
        let at_hand = AtHand::of(&*self.world.materials);
        let given = Given {
            materials: &at_hand,
            repository: &repository,
        };
        if text::is_short(arguments) {
            let intent = caught(|| self.catalogue.intend(action, arguments, context, &given))?;
            if !at_hand.is_lacking() {
                return intent;
            }
        }
        let (catalogue, materials) = (self.catalogue.clone(), self.world.materials.clone());
        let (action, arguments, context) = (action.clone(), arguments.clone(), context.clone());
        let asking = tokio::task::spawn_blocking(move || {
            let given = Given {
                materials: &*materials,
                repository: &repository,
            };
            caught(|| catalogue.intend(&action, &arguments, &context, &given))?
        });
        asking
            .await
            .map_err(|error| format!("it was cut off: {error}"))?
    }

    async fn perform(&self, step: &PlannedStep, session: Session) -> StepReport {
        let revealed = match Revealed::of(&step.arguments, &*self.world.secrets) {
            Ok(revealed) => revealed,
            Err(error) => return StepReport::failed(error, false),
        };
        let (world, touched) = self.world_of(step, session.context.attempt);
        let report = self.act(step, &revealed, session.clone(), &world).await;
        let values = revealed.with_all(&*self.world.secrets);
        let report = self.masking.masked(report, values);
        let report = if touched.is_none() && is_watched(step) {
            report.untouched()
        } else {
            report
        };
        let touched = touched.take();
        if !touched.is_empty() {
            let clusters = self.world.clusters.acting_for(&step.runbook);
            let clock = &*self.world.clock;
            sign(&touched, &step.uses, &report, &session, &*clusters, clock).await;
        }
        report
    }

    /// The world as the step's runbook reaches it. What an action of ours changes in a cluster is noted.
    fn world_of(&self, step: &PlannedStep, attempt: u32) -> (World, AllTouched) {
        let (mut world, touched) = (self.world.acting_for(&step.runbook), AllTouched::default());
        if step.uses.as_str().starts_with(OF_CLUSTERS) {
            let doubt = Doubt::new(world.clock.clone(), attempt);
            world.clusters = Arc::new(Watching::new(world.clusters, touched.clone(), doubt));
        }
        (world, touched)
    }

    async fn act(
        &self,
        step: &PlannedStep,
        revealed: &Revealed,
        session: Session,
        world: &World,
    ) -> StepReport {
        let action = match self.catalogue.find(&step.uses) {
            Ok(action) => action,
            Err(error) => return StepReport::failed(error, false),
        };
        if session.stop.is_cancelled() {
            return StepReport::canceled("stopped before it began");
        }
        if session.context.dry_run && !acts_dry(action, &step.effects) {
            return StepReport::succeeded(would(&step.effects), Value::Null);
        }
        if let Err(reason) = still(step, self.world.materials.clone()).await {
            return StepReport::failed(format!("not carried out: {reason}"), true).untouched();
        }
        let session = Session {
            stop: session.stop.child_token(),
            ..session
        };
        let prepared = text::check(&step.arguments)
            .and_then(|()| revealed.apply(&step.arguments))
            .and_then(|arguments| {
                caught(|| action.prepare(&arguments, &step.effects, &session, world))?
            });
        match prepared {
            Ok(attempt) => supervise(attempt, step.timeout, &session, &*self.world.clock).await,
            Err(error) => StepReport::failed(error, false).untouched(),
        }
    }
}

impl Executor for Performer {
    fn intend<'a>(
        &'a self,
        action: &'a ActionName,
        arguments: &'a Value,
        context: &'a StepContext,
    ) -> BoxFuture<'a, Result<Intent, String>> {
        Box::pin(async move {
            let intent = self.ask(action, arguments, context).await?;
            let world = self.world.acting_for(&context.runbook);
            let looking = self.catalogue.find(action)?;
            let looking = caught(|| looking.foresee(arguments, context, &world, intent))??;
            let mut intent = looking.await?;
            let clusters = world.clusters.clone();
            let clock = &*self.world.clock;
            intent.effects = survey(&*clusters, clock, arguments, intent.effects).await;
            // A program finds its own way to a cluster; what an action of ours reaches is known.
            if action.as_str().starts_with(OF_CLUSTERS) {
                intent.pinned.objects = pinning::pinned(&*clusters, clock, &intent.effects).await;
            }
            Ok(intent)
        })
    }

    fn still<'a>(&'a self, step: &'a PlannedStep) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            still(step, self.world.materials.clone()).await?;
            let clusters = self.world.clusters.acting_for(&step.runbook);
            pinning::still(&*clusters, &*self.world.clock, &step.pinned.objects).await
        })
    }

    fn outlived(&self) -> Vec<Outlived> {
        self.world.processes.outlived()
    }

    fn end_outlived<'a>(
        &'a self,
        outlived: &'a Outlived,
    ) -> BoxFuture<'a, Result<EndedLate, String>> {
        self.world.processes.end_outlived(outlived)
    }

    fn rehearse<'a>(
        &'a self,
        step: &'a PlannedStep,
        session: Session,
    ) -> Option<BoxFuture<'a, StepReport>> {
        let action = self.catalogue.find(&step.uses).ok()?;
        let is_possible = session.context.dry_run && acts_dry(action, &step.effects);
        is_possible.then(|| -> BoxFuture<'a, StepReport> { Box::pin(self.perform(step, session)) })
    }

    fn execute(&self, permit: Permit, session: Session) -> BoxFuture<'_, StepReport> {
        Box::pin(async move { self.perform(permit.step(), session).await })
    }
}

/// Whether all that the step does to the world is seen: what it does to clusters by ways of our own.
fn is_watched(step: &PlannedStep) -> bool {
    let lasting = |effect: &&Effect| effect.class() > Class::Read;
    let mut lasting = step.effects.items.iter().filter(lasting);
    step.uses.as_str().starts_with(OF_CLUSTERS)
        && lasting.all(|effect| matches!(effect.object.place, Place::Cluster(_)))
}

fn acts_dry(action: &dyn AnyAction, effects: &Effects) -> bool {
    effects.confidence != Confidence::Opaque && action.acts_in_dry_run(effects.class())
}

fn would(effects: &Effects) -> String {
    if effects.items.is_empty() {
        return "would change nothing".to_owned();
    }
    let each: Vec<_> = effects.items.iter().map(ToString::to_string).collect();
    format!("would {}", each.join("; "))
}

/// Why an attempt had to stop.
#[derive(Debug, Clone, Copy)]
enum Stopped {
    ByRequest,
    ByTimeout(Span),
}

/// Runs an attempt to its end, to its timeout, or to a request to stop; then it has its grace, then it is dropped.
async fn supervise(
    attempt: Attempt<'_>,
    timeout: Span,
    session: &Session,
    clock: &dyn Clock,
) -> StepReport {
    let mut work = guarded(attempt.work);
    let why = tokio::select! {
        biased;
        () = session.stop.cancelled() => Stopped::ByRequest,
        report = &mut work => return report,
        () = clock.sleep(timeout.duration()) => Stopped::ByTimeout(timeout),
    };
    session.stop.cancel();
    let note = format!("{}; told to stop\n", why.words());
    session.log.append(LogStream::Note, note.as_bytes());
    let grace = attempt.grace.min(Span::from_secs(LONGEST_GRACE));
    let grace = Span::from_millis(grace.millis() + AFTER_GRACE);
    tokio::select! {
        biased;
        report = &mut work => why.settle(report),
        () = clock.sleep(grace.duration()) => why.abandon(grace),
    }
}

impl Stopped {
    /// What an attempt left that ended after it had to stop. What succeeded all the same has happened, and is not tried again.
    fn settle(self, report: StepReport) -> StepReport {
        match report.result {
            StepResult::Succeeded => report,
            StepResult::Failed { .. } | StepResult::TimedOut | StepResult::Canceled => StepReport {
                result: self.result(),
                summary: format!("{}: {}", self.words(), report.summary),
                ..report
            },
        }
    }
    fn abandon(self, grace: Span) -> StepReport {
        let summary = format!("{}, and did not stop within {grace}", self.words());
        match self {
            Self::ByRequest => StepReport::canceled(summary),
            Self::ByTimeout(_) => StepReport::timed_out(summary),
        }
    }
    fn result(self) -> StepResult {
        match self {
            Self::ByRequest => StepResult::Canceled,
            Self::ByTimeout(_) => StepResult::TimedOut,
        }
    }
    fn words(self) -> String {
        match self {
            Self::ByRequest => "stopped by request".to_owned(),
            Self::ByTimeout(timeout) => format!("not done within {timeout}"),
        }
    }
}

/// The same work, whose panic is a failed report. It is not polled again after a panic, so no broken state is seen.
fn guarded(mut work: BoxFuture<'_, StepReport>) -> BoxFuture<'_, StepReport> {
    Box::pin(poll_fn(move |context| {
        match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
            Ok(poll) => poll,
            Err(panic) => std::task::Poll::Ready(StepReport::failed(panic_words(&*panic), false)),
        }
    }))
}

fn caught<T>(act: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(act)).map_err(|panic| panic_words(&*panic))
}

fn panic_words(panic: &(dyn std::any::Any + Send)) -> String {
    let said = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    format!("the action has a fault and broke off: {said}")
}

#[cfg(test)]
#[path = "perform_tests.rs"]
mod tests;
