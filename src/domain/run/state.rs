//! What the events of a run fold to.

use crate::domain::{
    check::CheckStatus,
    effect::Class,
    gate::Stage,
    id::ApprovalId,
    run::{Recorded, RunEvent, RunOutcome, StepKey, StepReport, StepResult},
    runbook::Phase,
    span::Span,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one for each thing that may have happened, in any order"
)]
pub struct RunState {
    /// When it was taken up.
    pub started: Option<Timestamp>,
    /// Steps that anything is known of.
    pub steps: BTreeMap<StepKey, StepState>,
    /// Who wanted it stopped, and why.
    pub cancel: Option<(String, String)>,
    /// Whether it took longer than its deadline.
    pub deadline_passed: bool,
    /// Whether a main step that changes something was started.
    pub changed: bool,
    /// The gravest step that the gate was asked about.
    pub gravest: Option<Class>,
    /// Whether a step was denied because all effects were halted.
    pub stopped_by_halt: bool,
    /// Whether a person took back what people were asked about one of its steps.
    pub question_cancelled: bool,
    /// How it ended.
    pub ended: Option<RunOutcome>,
    /// Time spent waiting for people, finished waits only.
    pub waited: SignedDuration,
    /// Since when it waits for people.
    pub waiting_since: Option<Timestamp>,
}

/// Where a step stands.
#[derive(Debug, Clone, PartialEq)]
pub struct StepState {
    /// Attempts started.
    pub attempts: u32,
    /// Attempts that failed or took too long.
    pub failures: u32,
    /// Attempts that the agent did not live to see the end of.
    pub interruptions: u32,
    /// Whether the last attempt may simply be done again; only then is it retried.
    pub idempotent: bool,
    /// Why the last question about it was void; empty where none was.
    pub lapsed: String,
    /// Where it stands.
    pub standing: Standing,
    /// When the last event came.
    pub at: Timestamp,
}

/// Where a step stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// The next attempt is to be judged.
    Due,
    /// People are asked.
    Asking(ApprovalId),
    /// People consented; the consent is still to be used.
    Granted(ApprovalId),
    /// It was started, and its end is not recorded.
    Running {
        /// Whether it may simply be done again.
        idempotent: bool,
    },
    /// It was started, the agent died, and nobody knows whether it happened.
    Interrupted {
        /// Whether it may simply be done again.
        idempotent: bool,
    },
    /// An attempt has ended; whether another one follows is for the retry budget to say.
    Ended(StepEnd),
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq)]
pub enum StepEnd {
    /// The last attempt's report.
    Reported(Box<StepReport>),
    /// Its `when` was false, or the run stopped before it.
    Skipped(String),
    /// The gate or a person said no.
    Denied(String),
    /// It could not be planned.
    Invalid(String),
    /// It was interrupted, and nobody consented to doing it again.
    Interrupted(String),
}

impl StepEnd {
    /// The word that expressions and reports see as the step's outcome.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Reported(report) => match report.result {
                StepResult::Succeeded => "succeeded",
                StepResult::Failed { .. } => "failed",
                StepResult::TimedOut => "timed_out",
                StepResult::Canceled => "canceled",
            },
            Self::Skipped(_) => "skipped",
            Self::Denied(_) => "denied",
            Self::Invalid(_) => "invalid",
            Self::Interrupted(_) => "interrupted",
        }
    }
    /// Whether it did what it should, or did not have to.
    pub fn is_fine(&self) -> bool {
        match self {
            Self::Reported(report) => report.result == StepResult::Succeeded,
            Self::Skipped(_) => true,
            Self::Denied(_) | Self::Invalid(_) | Self::Interrupted(_) => false,
        }
    }
    /// Why, in words for people.
    pub fn reason(&self) -> &str {
        match self {
            Self::Reported(report) => &report.summary,
            Self::Skipped(reason)
            | Self::Denied(reason)
            | Self::Invalid(reason)
            | Self::Interrupted(reason) => reason,
        }
    }
    /// What the check found, if it was one.
    pub fn check(&self) -> Option<CheckStatus> {
        match self {
            Self::Reported(report) => report.check,
            Self::Skipped(_) | Self::Denied(_) | Self::Invalid(_) | Self::Interrupted(_) => None,
        }
    }
}

impl RunState {
    /// The fold.
    pub fn of(events: &[Recorded]) -> Self {
        let mut state = Self::default();
        for event in events {
            state.apply(event.at, &event.event);
        }
        state
    }

    /// Takes in one event. Total: nothing that is recorded can make it fail.
    pub fn apply(&mut self, at: Timestamp, event: &RunEvent) {
        match event {
            RunEvent::Started => self.started = self.started.or(Some(at)),
            RunEvent::CancelRequested { by, reason } => {
                self.cancel
                    .get_or_insert_with(|| (by.clone(), reason.clone()));
            }
            RunEvent::DeadlinePassed => self.deadline_passed = true,
            RunEvent::Ended { outcome, .. } => self.ended = self.ended.or(Some(*outcome)),
            RunEvent::StepGated {
                class,
                contributions,
                ..
            } => {
                self.gravest = self.gravest.max(Some(*class));
                self.stopped_by_halt |= contributions.iter().any(|said| said.stage == Stage::Halt);
            }
            RunEvent::ApprovalRequested { key, approval, .. } => {
                self.waiting_since = self.waiting_since.or(Some(at));
                self.step(key, at).standing = Standing::Asking(*approval);
            }
            RunEvent::ApprovalGranted { approval } => {
                self.answered(at, *approval, &Standing::Granted(*approval));
            }
            RunEvent::ApprovalLapsed { approval, reason } => {
                self.lapse(*approval, reason);
                self.answered(at, *approval, &Standing::Due);
            }
            RunEvent::StepStarted {
                key,
                attempt,
                class,
                idempotent,
                ..
            } => {
                self.changed |= key.phase == Phase::Main && *class > Class::Read;
                let step = self.step(key, at);
                step.attempts = step.attempts.max(*attempt);
                step.idempotent = *idempotent;
                step.standing = Standing::Running {
                    idempotent: *idempotent,
                };
            }
            RunEvent::StepInterrupted { key, .. } => self.interrupt(key, at),
            // What is said of the step follows.
            RunEvent::ProcessOutlived { .. } => {}
            RunEvent::StepEnded { key, report, .. } => {
                let step = self.step(key, at);
                step.failures += u32::from(report.result != StepResult::Succeeded);
                step.standing = Standing::Ended(StepEnd::Reported(Box::new(report.clone())));
            }
            RunEvent::StepSkipped { key, reason } => {
                self.end(key, at, StepEnd::Skipped(reason.clone()));
            }
            RunEvent::StepInvalid { key, error } => {
                self.end(key, at, StepEnd::Invalid(error.clone()));
            }
            RunEvent::StepDenied {
                key,
                reason,
                cancelled,
            } => {
                self.question_cancelled |= cancelled;
                self.deny(key, at, reason);
            }
        }
    }

    fn step(&mut self, key: &StepKey, at: Timestamp) -> &mut StepState {
        let step = self.steps.entry(key.clone()).or_insert(StepState {
            attempts: 0,
            failures: 0,
            interruptions: 0,
            idempotent: false,
            lapsed: String::new(),
            standing: Standing::Due,
            at,
        });
        step.at = at;
        step
    }

    fn end(&mut self, key: &StepKey, at: Timestamp, end: StepEnd) {
        self.stop_waiting(at);
        self.step(key, at).standing = Standing::Ended(end);
    }

    /// A "no" to doing an interrupted step again leaves it interrupted: it may have happened, and nobody has undone it.
    fn deny(&mut self, key: &StepKey, at: Timestamp, reason: &str) {
        let uncertain = self.step(key, at).interruptions > 0;
        let end = if uncertain {
            StepEnd::Interrupted(format!("{reason}; what it has done before stays"))
        } else {
            StepEnd::Denied(reason.to_owned())
        };
        self.end(key, at, end);
    }

    fn interrupt(&mut self, key: &StepKey, at: Timestamp) {
        let step = self.step(key, at);
        step.interruptions += 1;
        let idempotent = matches!(step.standing, Standing::Running { idempotent: true });
        step.standing = Standing::Interrupted { idempotent };
    }

    fn answered(&mut self, at: Timestamp, approval: ApprovalId, standing: &Standing) {
        self.stop_waiting(at);
        for step in self.steps.values_mut() {
            if matches!(step.standing, Standing::Asking(id) | Standing::Granted(id) if id == approval)
            {
                step.standing = standing.clone();
                step.at = at;
            }
        }
    }

    fn lapse(&mut self, approval: ApprovalId, reason: &str) {
        for step in self.steps.values_mut() {
            if matches!(step.standing, Standing::Asking(id) | Standing::Granted(id) if id == approval)
            {
                reason.clone_into(&mut step.lapsed);
            }
        }
    }

    fn stop_waiting(&mut self, at: Timestamp) {
        if let Some(since) = self.waiting_since.take() {
            self.waited += at.duration_since(since).max(SignedDuration::ZERO);
        }
    }

    /// When its deadline passes, time spent waiting for people not counted; never while it waits.
    pub fn deadline_at(&self, deadline: Span) -> Option<Timestamp> {
        let started = self.started.filter(|_| self.waiting_since.is_none())?;
        started.saturating_add(deadline.signed() + self.waited).ok()
    }

    /// Whether the gate was asked about a step that changes something.
    pub fn came_to_effect(&self) -> bool {
        self.gravest > Some(Class::Read)
    }

    /// Whether an attempt of any step was started.
    pub fn began_a_step(&self) -> bool {
        self.steps.values().any(|step| step.attempts > 0)
    }

    /// Whether no further main step may start.
    pub fn halted(&self) -> bool {
        self.cancel.is_some() || self.deadline_passed
    }

    /// The worst check so far.
    pub fn worst_check(&self) -> Option<CheckStatus> {
        self.ends().filter_map(|(_, end)| end.check()).max()
    }

    /// Steps that have ended, and how.
    pub fn ends(&self) -> impl Iterator<Item = (&StepKey, &StepEnd)> {
        self.steps
            .iter()
            .filter_map(|(key, step)| match &step.standing {
                Standing::Ended(end) => Some((key, end)),
                Standing::Due
                | Standing::Asking(_)
                | Standing::Granted(_)
                | Standing::Running { .. }
                | Standing::Interrupted { .. } => None,
            })
    }
}
