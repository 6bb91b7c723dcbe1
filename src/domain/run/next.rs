//! What a run does next: a pure function of the runbook and the state.

use crate::domain::{
    check::CheckStatus,
    id::ApprovalId,
    run::{RunOutcome, RunState, Standing, StepEnd, StepKey, StepReport, StepResult, StepState},
    runbook::{Phase, Runbook, Step},
};
use jiff::Timestamp;

/// A step that was interrupted this often is not tried again by itself: it may be what kills the agent.
pub const MAX_INTERRUPTIONS: u32 = 3;

/// What a run does next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Judge this attempt, and carry it out if the gate opens.
    Consider {
        /// Which step.
        key: StepKey,
        /// Counts from 1.
        attempt: u32,
        /// The consent that people gave, to be used now.
        granted: Option<ApprovalId>,
        /// It may have happened already, and is not safe to do twice.
        uncertain: bool,
    },
    /// Wait, then consider.
    Retry {
        /// Which step.
        key: StepKey,
        /// Not before.
        not_before: Timestamp,
        /// Counts from 1.
        attempt: u32,
    },
    /// Wait for people.
    Await {
        /// Which step.
        key: StepKey,
        /// The question.
        approval: ApprovalId,
    },
    /// The state says that it runs. If nobody carries it out, it was interrupted.
    Running {
        /// Which step.
        key: StepKey,
        /// Counts from 1.
        attempt: u32,
    },
    /// The run is halted while people are asked: the question is withdrawn.
    Withdraw {
        /// Which step.
        key: StepKey,
        /// The question.
        approval: ApprovalId,
    },
    /// Record the end.
    End {
        /// How.
        outcome: RunOutcome,
        /// Why; empty on success.
        reason: String,
    },
    /// The end is recorded.
    Over,
}

/// What this run does next.
pub fn next(runbook: &Runbook, state: &RunState) -> Next {
    if state.ended.is_some() {
        return Next::Over;
    }
    let main_failed = state.halted() || first_failure(runbook, state, Phase::Main).is_some();
    phase_next(runbook, state, Phase::Main)
        .or_else(|| {
            (main_failed && state.changed)
                .then(|| phase_next(runbook, state, Phase::Rollback))
                .flatten()
        })
        .or_else(|| phase_next(runbook, state, Phase::Finally))
        .unwrap_or_else(|| end(runbook, state))
}

fn phase_next(runbook: &Runbook, state: &RunState, phase: Phase) -> Option<Next> {
    for step in runbook.steps_of(phase) {
        let key = StepKey {
            phase,
            step: step.name.clone(),
        };
        let halted = phase == Phase::Main && state.halted();
        match progress(step, &key, state.steps.get(&key), halted) {
            Progress::Do(next) => return Some(next),
            Progress::Fine => {}
            // `finally` always runs, to its last step.
            Progress::Stop | Progress::Failed if phase == Phase::Finally => {}
            Progress::Failed if step.continue_on_failure => {}
            Progress::Stop | Progress::Failed => return None,
        }
    }
    None
}

enum Progress {
    Do(Next),
    Fine,
    Failed,
    Stop,
}

fn progress(step: &Step, key: &StepKey, known: Option<&StepState>, halted: bool) -> Progress {
    let Some(known) = known else {
        return if halted {
            Progress::Stop
        } else {
            consider(key, 1, None, false)
        };
    };
    let attempt = known.attempts + 1;
    match &known.standing {
        Standing::Running { .. } => Progress::Do(Next::Running {
            key: key.clone(),
            attempt: known.attempts,
        }),
        Standing::Asking(approval) if halted => Progress::Do(Next::Withdraw {
            key: key.clone(),
            approval: *approval,
        }),
        Standing::Granted(approval) if halted => Progress::Do(Next::Withdraw {
            key: key.clone(),
            approval: *approval,
        }),
        Standing::Due if halted => Progress::Stop,
        Standing::Interrupted { .. } if halted || known.interruptions >= MAX_INTERRUPTIONS => {
            Progress::Stop
        }
        Standing::Asking(approval) => Progress::Do(Next::Await {
            key: key.clone(),
            approval: *approval,
        }),
        Standing::Granted(approval) => {
            consider(key, attempt, Some(*approval), known.interruptions > 0)
        }
        Standing::Due => consider(key, attempt, None, known.interruptions > 0),
        Standing::Interrupted { idempotent } => consider(key, attempt, None, !idempotent),
        Standing::Ended(end) if end.is_fine() => Progress::Fine,
        Standing::Ended(end) => match retry_at(step, known, end).filter(|_| !halted) {
            Some(not_before) => Progress::Do(Next::Retry {
                key: key.clone(),
                not_before,
                attempt,
            }),
            // What could not even be planned has failed as well; a "no" is none of the failures that a runbook may go on after.
            None if matches!(end, StepEnd::Reported(_) | StepEnd::Invalid(_)) => Progress::Failed,
            None => Progress::Stop,
        },
    }
}

fn consider(key: &StepKey, attempt: u32, granted: Option<ApprovalId>, uncertain: bool) -> Progress {
    Progress::Do(Next::Consider {
        key: key.clone(),
        attempt,
        granted,
        uncertain,
    })
}

fn retry_at(step: &Step, known: &StepState, end: &StepEnd) -> Option<Timestamp> {
    let StepEnd::Reported(report) = end else {
        return None;
    };
    let again = known.idempotent && known.failures < step.retry.attempts && may_retry(report);
    again.then(|| {
        known
            .at
            .saturating_add(step.retry.wait_after(known.failures).signed())
            .unwrap_or(Timestamp::MAX)
    })
}

fn may_retry(report: &StepReport) -> bool {
    match report.result {
        StepResult::Failed { retryable, .. } => retryable,
        StepResult::TimedOut => true,
        StepResult::Succeeded | StepResult::Canceled => false,
    }
}

/// The first step of a phase that keeps the run from being a success.
fn first_failure<'a>(
    runbook: &'a Runbook,
    state: &'a RunState,
    phase: Phase,
) -> Option<(&'a Step, Failure<'a>)> {
    runbook.steps_of(phase).iter().find_map(|step| {
        let known = state.steps.get(&StepKey {
            phase,
            step: step.name.clone(),
        })?;
        match &known.standing {
            Standing::Ended(end) => (!end.is_fine()).then_some((step, Failure::End(end))),
            Standing::Interrupted { .. } if known.interruptions >= MAX_INTERRUPTIONS => {
                Some((step, Failure::Deadly))
            }
            Standing::Interrupted { .. }
            | Standing::Due
            | Standing::Asking(_)
            | Standing::Granted(_)
            | Standing::Running { .. } => None,
        }
    })
}

enum Failure<'a> {
    End(&'a StepEnd),
    /// Interrupted too often.
    Deadly,
}

fn end(runbook: &Runbook, state: &RunState) -> Next {
    let (outcome, reason) = verdict(runbook, state);
    Next::End { outcome, reason }
}

fn verdict(runbook: &Runbook, state: &RunState) -> (RunOutcome, String) {
    let failure = [Phase::Main, Phase::Rollback, Phase::Finally]
        .into_iter()
        .find_map(|phase| first_failure(runbook, state, phase));
    if state.deadline_passed {
        return (
            RunOutcome::TimedOut,
            format!("it took longer than its deadline of {}", runbook.deadline),
        );
    }
    if let Some((by, reason)) = &state.cancel {
        let why = if reason.is_empty() {
            String::new()
        } else {
            format!(": {reason}")
        };
        return (RunOutcome::Canceled, format!("canceled by {by}{why}"));
    }
    match failure {
        Some((step, Failure::End(end))) => (
            outcome_of(end),
            format!("step {}: {}", step.name, end.reason()),
        ),
        Some((step, Failure::Deadly)) => (
            RunOutcome::Interrupted,
            format!(
                "step {} was interrupted {MAX_INTERRUPTIONS} times by the agent's death and is not tried again",
                step.name
            ),
        ),
        None if state.worst_check() >= Some(CheckStatus::Warning) => {
            (RunOutcome::Warning, warning(state))
        }
        None => (RunOutcome::Succeeded, String::new()),
    }
}

fn warning(state: &RunState) -> String {
    let worst = state
        .ends()
        .find(|(_, end)| end.check() >= Some(CheckStatus::Warning));
    worst
        .map(|(key, end)| format!("step {}: {}", key.step, end.reason()))
        .unwrap_or_default()
}

fn outcome_of(end: &StepEnd) -> RunOutcome {
    match end {
        StepEnd::Denied(_) => RunOutcome::Denied,
        StepEnd::Interrupted(_) => RunOutcome::Interrupted,
        StepEnd::Invalid(_) | StepEnd::Skipped(_) => RunOutcome::Failed,
        StepEnd::Reported(report) => match report.result {
            StepResult::Canceled => RunOutcome::Canceled,
            StepResult::Failed { .. } | StepResult::TimedOut | StepResult::Succeeded => {
                RunOutcome::Failed
            }
        },
    }
}
