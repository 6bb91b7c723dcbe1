//! The safety gate: the stages that lead to one permit.
//!
//! Order: a halt, structure and hard denials → policy → rate limits → review (may only tighten) → people. Each stage adds
//! [`Contribution`]s; their join is the decision ([`crate::domain::gate::join`]); no stage can take back what another said.
//!
//! Invariants
//! - An error in a stage is a denial, never a pass.
//! - Opaque effects need a person at every autonomy level.
//! - The policy is the agent's own, tightened by the repository, never loosened.
//!
//! What a command would do is not found out here: that is [`crate::commands`].

pub mod explain;
mod halt;
mod limits;
mod lowered;
mod operations;
mod policy;
pub mod review;

use crate::domain::{
    calendar::WindowState,
    circuit::Tripped,
    effect::Class,
    gate::{Contribution, Decision, Quorum, Stage, join},
    halt::Halt,
    plan::PlannedStep,
    policy::Policy,
    trial::Trial,
};
use jiff::Timestamp;
use review::{
    Case, Reviewer,
    ask::{self, Ask},
};

/// Facts beside the step and the policy.
#[derive(Debug, Clone)]
pub struct Circumstances {
    /// The time.
    pub now: Timestamp,
    /// Whether a person has stopped all effects.
    pub halted: Option<Halt>,
    /// Where the runbook's circuit is open.
    pub circuit: Option<Tripped>,
    /// Where the runbook is on trial because it is new or changed.
    pub trial: Option<Trial>,
    /// Whether the runbook's windows are open; a person may have overridden them.
    pub window: WindowState,
    /// Who overrode a closed window, if anybody did.
    pub window_override: Option<String>,
    /// Steps with an effect in the last minute.
    pub changes_last_minute: u64,
    /// Destructive steps in the last hour.
    pub destructive_last_hour: u64,
    /// Whether a person, not a machine, started the run.
    pub manual: bool,
    /// The attempt before this one was interrupted, may have happened, and is not safe to do twice.
    pub uncertain: bool,
    /// What the step itself asks of people.
    pub wish: Option<(Quorum, String)>,
    /// What the runbook is for, in its own words.
    pub purpose: String,
    /// What the reviewer said when people were asked about this very step: that is what they consented to, and it is not asked twice.
    pub reviewed: Option<Vec<Contribution>>,
}

/// What the gate found.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The join of all contributions.
    pub decision: Decision,
    /// Each stage's say.
    pub contributions: Vec<Contribution>,
}

impl Judgement {
    /// No stage said anything, which denies.
    fn nothing() -> Self {
        Self {
            decision: join(&[]),
            contributions: Vec::new(),
        }
    }
}

/// Judges one planned step.
pub async fn judge(
    step: &PlannedStep,
    policy: &Policy,
    circumstances: &Circumstances,
    reviewer: &dyn Reviewer,
) -> Judgement {
    let mut contributions = by_policy(step, policy, circumstances);
    let said = review(step, &contributions, circumstances, reviewer).await;
    contributions.extend(
        said.into_iter()
            .map(|said| policy::at_least_quorum(said, policy)),
    );
    Judgement {
        decision: join(&contributions),
        contributions,
    }
}

async fn review(
    step: &PlannedStep,
    so_far: &[Contribution],
    circumstances: &Circumstances,
    reviewer: &dyn Reviewer,
) -> Vec<Contribution> {
    if let Some(said) = &circumstances.reviewed {
        return said.clone();
    }
    match ask::worth_it(&step.effects, &join(so_far)) {
        Ask::Denied | Ask::OnlyLooks | Ask::NobodyIsAsked => Vec::new(),
        Ask::Yes => {
            let case = Case {
                step,
                purpose: &circumstances.purpose,
                so_far,
            };
            reviewer.review(case).await
        }
    }
}

/// Every stage but the reviewer and people: pure.
pub fn by_policy(
    step: &PlannedStep,
    policy: &Policy,
    circumstances: &Circumstances,
) -> Vec<Contribution> {
    let mut contributions = policy::contributions(step, policy, circumstances.now);
    contributions.extend(
        lowered::contributions(step, circumstances)
            .into_iter()
            .map(|said| policy::at_least_quorum(said, policy)),
    );
    contributions.extend(limits::contributions(step, policy, circumstances));
    contributions.extend(halt::contribution(step, circumstances));
    contributions.extend(window(step, circumstances));
    contributions.extend(wishes(circumstances));
    contributions
}

fn window(step: &PlannedStep, circumstances: &Circumstances) -> Option<Contribution> {
    let WindowState::Closed { reason, .. } = &circumstances.window else {
        return None;
    };
    if step.effects.class() == Class::Read {
        return None;
    }
    let (decision, reason) = match &circumstances.window_override {
        Some(by) => (Decision::Allow, format!("{reason}; overridden by {by}")),
        None => (Decision::Deny, reason.clone()),
    };
    Some(Contribution::new(Stage::Window, decision, reason))
}

fn wishes(circumstances: &Circumstances) -> Vec<Contribution> {
    let mut wishes = Vec::new();
    if let Some((quorum, message)) = &circumstances.wish {
        wishes.push(Contribution::new(
            Stage::Runbook,
            Decision::Approve(quorum.clone()),
            message.clone(),
        ));
    }
    if circumstances.uncertain {
        let reason =
            "the agent died while this step ran: it may have happened, and is not safe to do twice";
        wishes.push(Contribution::new(Stage::Recovery, Decision::ask(), reason));
    }
    wishes
}

#[cfg(test)]
mod tests;
