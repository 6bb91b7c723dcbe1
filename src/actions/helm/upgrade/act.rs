//! The upgrade itself.

use super::{UpgradeInputs, UpgradeOutputs, plan, values};
use crate::{
    actions::{
        framework::{World, outputs},
        helm::{
            history::{History, Revision, Status},
            marks,
            program::{Call, Fault, Helm},
            rendered::{Rendered, is_open, unjudged},
            undo::{Undone, duration, undo},
            was_away,
        },
    },
    domain::{
        effect::Effects,
        run::{StepReport, Trace},
        span::Span,
    },
    ports::executor::Session,
};

/// How long what became of it is asked for after a stop.
const PATIENCE_SECONDS: u64 = 10;

/// What an upgrade finds.
enum Found {
    /// It may go ahead.
    Ready,
    /// An earlier attempt of this step has done it.
    Done(Revision),
    /// An earlier attempt of this step was killed while it did it.
    BrokenOff(Revision),
}

struct Upgrade<'a> {
    inputs: &'a UpgradeInputs,
    helm: Helm<'a>,
    /// As it was when the step began.
    before: History,
    /// To which revision an earlier attempt was brought back first.
    recovered: Option<u32>,
    /// Whether this attempt has touched anything so far.
    trace: Trace,
}

pub(super) async fn upgrade(
    inputs: &UpgradeInputs,
    judged: &Effects,
    session: &Session,
    world: &World,
) -> Result<StepReport, StepReport> {
    let failed = |error: String| StepReport::failed(error, false);
    let release = inputs.release().map_err(failed)?;
    let (log, stop) = (session.log.clone(), session.stop.clone());
    let helm = Helm::new(release, &session.context, world, log, stop);
    let before = helm.history().await;
    let looking = |fault: Fault| told(&format!("looking at {release}"), &fault).untouched();
    let before = before.map_err(looking)?;
    if let Some(report) = was_away(judged) {
        return Err(report);
    }
    let call = call(inputs, &helm).await;
    let call = call.map_err(|error| failed(error).untouched())?;
    let mut upgrade = Upgrade {
        inputs,
        helm,
        before,
        recovered: None,
        trace: Trace::None,
    };
    let found = upgrade.found().await;
    match found.map_err(StepReport::untouched)? {
        Found::Ready => {}
        Found::Done(last) => return Ok(upgrade.done_before(&last)),
        Found::BrokenOff(last) if session.context.dry_run => return Ok(upgrade.would_mend(&last)),
        Found::BrokenOff(last) => upgrade.mend(&last).await?,
    }
    let now = upgrade.tried(&call, judged).await;
    let now = now.map_err(|report| upgrade.traced(report))?;
    if session.context.dry_run {
        return Ok(upgrade.would(&now));
    }
    match upgrade.helm.run(call).await {
        Ok(_) => upgrade.succeeded().await,
        Err(fault) => Err(upgrade.failed(&fault).await),
    }
}

async fn call(inputs: &UpgradeInputs, helm: &Helm<'_>) -> Result<Call, String> {
    let wanted = inputs.wanted();
    let repository = match wanted.as_slice() {
        [] => Vec::new(),
        wanted => {
            let revision = &helm.context.revision;
            helm.world.materials.repository(revision, wanted).await?
        }
    };
    let laid = inputs.chart()?.laid(&repository, helm.world).await?;
    let place: Vec<&str> = laid.words.iter().map(String::as_str).collect();
    let label = format!("{}={}", marks::LABEL, marks::label(helm.context));
    let mut call = Call::new(&["upgrade", &inputs.release])
        .and(&place)
        .with(&laid.files)
        .and(&["--hide-notes", "--labels", &label])
        .and(&["--description", &marks::description(helm.context)])
        // Without either, helm itself decides by whether any values are given.
        .and(&[if inputs.reuse_values {
            "--reset-then-reuse-values"
        } else {
            "--reset-values"
        }]);
    if inputs.install {
        call = call.and(&["--install"]);
    }
    if inputs.create_namespace {
        call = call.and(&["--create-namespace"]);
    }
    if let Some(wait) = inputs.wait {
        call = call.and(&["--wait", "--wait-for-jobs", "--timeout", &duration(wait)]);
    }
    values::given(call, inputs, &repository, values::own(inputs))
}

impl Upgrade<'_> {
    async fn found(&self) -> Result<Found, StepReport> {
        let release = &self.helm.release;
        if !self.inputs.install && plan::is_missing(&self.before) {
            return Err(StepReport::failed(plan::missing(release), false));
        }
        let Some(last) = self.before.last() else {
            return Ok(Found::Ready);
        };
        let is_ours = self.helm.is_ours(last).await;
        let is_ours = is_ours.map_err(|fault| told(&format!("looking at {release}"), &fault))?;
        match last.status {
            Status::Deployed if is_ours && last.rollback_revision.is_none() => {
                Ok(Found::Done(last.clone()))
            }
            status if status.is_pending() && is_ours => Ok(Found::BrokenOff(last.clone())),
            status if status.is_pending() => Err(self.busy(last)),
            _ => Ok(Found::Ready),
        }
    }

    /// Of what ended before helm made a revision.
    fn traced(&self, report: StepReport) -> StepReport {
        let trace = self.trace;
        StepReport { trace, ..report }
    }

    fn busy(&self, last: &Revision) -> StepReport {
        let (release, status, since) = (&self.helm.release, last.status.word(), &last.updated);
        let text = format!(
            "{release} is {status} since {since}: somebody else is at it, or was killed at it\nhint: if nobody is, roll back to the last revision that was good: `helm rollback {} --namespace {}`",
            release.name, release.namespace
        );
        StepReport::failed(text, true)
    }

    fn done_before(&self, last: &Revision) -> StepReport {
        let (release, number) = (&self.helm.release, last.revision);
        let summary = format!(
            "{release} is at revision {number}, which an earlier attempt of this step made"
        );
        StepReport::succeeded(summary, self.left(Some(last), None))
    }

    fn would_mend(&self, last: &Revision) -> StepReport {
        let (release, status) = (&self.helm.release, last.status.word());
        let summary = format!("{release} is {status}; would bring it back first, then upgrade it");
        StepReport::succeeded(summary, self.left(Some(last), None))
    }

    /// Brings back what an earlier attempt has left half done.
    async fn mend(&mut self, last: &Revision) -> Result<(), StepReport> {
        self.trace = Trace::Possible;
        let (release, status) = (self.helm.release, last.status.word());
        self.helm.note(&format!(
            "{release} is {status}: an earlier attempt of this step was broken off; it is brought back first"
        ));
        match undo(&self.helm, &self.before, last.revision, self.inputs.wait).await {
            Undone::Back { to, .. } => self.recovered = Some(to),
            Undone::Removed => {}
            Undone::InVain(why) => {
                let text = format!(
                    "{release} is {status}, because an earlier attempt of this step was broken off, and could not be brought back: {why}"
                );
                let left = self.left(Some(last), None);
                return Err(failure(text, true, left));
            }
        }
        Ok(())
    }

    /// What helm would do now, as it says itself; an error where that was not judged.
    async fn tried(&self, call: &Call, judged: &Effects) -> Result<Rendered, StepReport> {
        let release = &self.helm.release;
        let now = self.helm.tried(call.clone()).await;
        let now = now.map_err(|fault| told(&format!("trying to upgrade {release}"), &fault))?;
        if is_open(judged) {
            return Ok(now);
        }
        let effects = plan::compared(self.inputs, &self.helm, &self.before, &now).await;
        let effects =
            effects.map_err(|why| StepReport::failed(format!("not carried out: {why}"), true))?;
        match unjudged(&effects, judged) {
            None => Ok(now),
            Some(new) => Err(StepReport::failed(
                format!("not carried out: the chart would do now what was not judged: {new}"),
                true,
            )),
        }
    }

    fn would(&self, now: &Rendered) -> StepReport {
        let (release, count) = (&self.helm.release, now.count());
        let verb = if plan::is_there(&self.before) {
            "upgrade"
        } else {
            "install"
        };
        let summary = format!("would {verb} {release} with {count} objects; helm agrees");
        StepReport::succeeded(summary, self.left(self.before.last(), None))
    }

    async fn succeeded(&self) -> Result<StepReport, StepReport> {
        let release = &self.helm.release;
        let history = self.helm.history().await;
        let history = history.map_err(|fault| {
            told(
                &format!("{release} was upgraded, but looking at it failed"),
                &fault,
            )
        })?;
        match history.last() {
            Some(last) if last.status == Status::Deployed && last.revision > 0 => Ok(
                StepReport::succeeded(self.words(last), self.left(Some(last), self.recovered)),
            ),
            last => {
                let status = last.map_or("not there", |last| last.status.word());
                let text = format!("{release} was upgraded by helm's word, but is {status}");
                Err(failure(text, true, self.left(last, None)))
            }
        }
    }

    fn words(&self, last: &Revision) -> String {
        let (release, chart, number) = (&self.helm.release, &last.chart, last.revision);
        let waited = if self.inputs.wait.is_some() {
            ", and is ready"
        } else {
            ""
        };
        let first = match self.recovered {
            Some(to) => {
                format!("brought back to revision {to} after an attempt that was broken off, then ")
            }
            None => String::new(),
        };
        if number == 1 {
            return format!("{release}: {first}installed from {chart}{waited}");
        }
        format!("{release}: {first}upgraded to revision {number} from {chart}{waited}")
    }

    async fn failed(&self, fault: &Fault) -> StepReport {
        let release = &self.helm.release;
        let helm = self.helm.patient(Span::from_secs(PATIENCE_SECONDS));
        let history = match helm.history().await {
            Ok(history) => history,
            Err(blind) => {
                let text = format!(
                    "upgrading {release}: {fault}; what became of it cannot be seen: {blind}"
                );
                return StepReport::failed(text, true);
            }
        };
        let Some(last) = history.last().filter(|last| self.is_new(last)) else {
            let text = format!(
                "upgrading {release}: {fault}; no revision was made{}",
                fault.hint()
            );
            let left = self.left(history.last(), None);
            return self.traced(failure(text, fault.retryable(), left));
        };
        let is_ours = helm.is_ours(last).await;
        // What it waited for in vain is seen before anything is put back.
        let explained;
        let fault = match (fault, &is_ours) {
            (Fault::Refused(words), Ok(true))
                if self.inputs.wait.is_some() && last.status == Status::Failed =>
            {
                let held = helm.held(last.revision).await.unwrap_or_default();
                explained = Fault::Refused(format!("{words}{}", held.unready(&helm).await));
                &explained
            }
            _ => fault,
        };
        match is_ours {
            Ok(true) if last.status == Status::Deployed => {
                StepReport::succeeded(self.words(last), self.left(Some(last), self.recovered))
            }
            Ok(true) if self.inputs.rollback_on_failure => self.undone(fault, &history, last).await,
            Ok(true) => self.stays(fault, last, "it was left so"),
            Ok(false) => self.stays(
                fault,
                last,
                "somebody else changed it meanwhile, so it was left so",
            ),
            Err(blind) => self.stays(fault, last, &blind.to_string()),
        }
    }

    /// After a recovery that removed it, numbers begin again.
    fn is_new(&self, last: &Revision) -> bool {
        last.revision > self.before.number()
            || self
                .before
                .of(last.revision)
                .is_some_and(|known| known.updated != last.updated)
    }

    async fn undone(&self, fault: &Fault, history: &History, last: &Revision) -> StepReport {
        let (release, number) = (&self.helm.release, last.revision);
        match undo(&self.helm, history, number, self.inputs.wait).await {
            Undone::Back { to, now } => {
                let text = format!(
                    "upgrading {release} to revision {number}: {fault}; it was rolled back to revision {to} (as revision {}){}",
                    now.revision,
                    fault.hint()
                );
                failure(text, fault.retryable(), self.left(Some(&now), Some(to)))
            }
            Undone::Removed => {
                let text = format!(
                    "installing {release}: {fault}; it was removed again{}",
                    fault.hint()
                );
                failure(text, fault.retryable(), self.left(None, None))
            }
            Undone::InVain(why) => {
                self.stays(fault, last, &format!("it could not be brought back: {why}"))
            }
        }
    }

    fn stays(&self, fault: &Fault, last: &Revision, why: &str) -> StepReport {
        let (release, number, status) = (&self.helm.release, last.revision, last.status.word());
        let hint = fault.hint();
        let text =
            format!("upgrading {release}: {fault}; revision {number} is {status}, {why}{hint}");
        failure(text, fault.retryable(), self.left(Some(last), None))
    }

    fn left(&self, last: Option<&Revision>, rolled_back_to: Option<u32>) -> serde_json::Value {
        let release = &self.helm.release;
        outputs(&UpgradeOutputs {
            cluster: release.cluster.to_owned(),
            namespace: release.namespace.to_owned(),
            release: release.name.to_owned(),
            revision: last.map(|last| last.revision),
            former_revision: self.before.last().map(|last| last.revision),
            status: last.map(|last| last.status),
            chart: last.map(|last| last.chart.clone()),
            app_version: last.map(|last| last.app_version.clone()),
            rolled_back_to,
        })
    }
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

fn failure(text: String, retryable: bool, left: serde_json::Value) -> StepReport {
    StepReport {
        outputs: left,
        ..StepReport::failed(text, retryable)
    }
}
