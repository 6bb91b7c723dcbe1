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

mod backups;
mod clock;
pub mod examples;
pub mod explain;
mod halt;
mod limits;
mod lowered;
mod operations;
mod policy;
pub mod review;

pub use backups::{FoundBackup, wanted as wanted_backups};

use crate::domain::{
    calendar::WindowState,
    circuit::Tripped,
    effect::Class,
    gate::{Contribution, Decision, Quorum, Stage, join},
    halt::Halt,
    jump::Jump,
    pace::Standing,
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
    /// The last jump of the clock, where nobody has looked into it yet.
    pub jumped: Option<Jump>,
    /// Whether the runbook's windows are open; a person may have overridden them.
    pub window: WindowState,
    /// Who overrode a closed window, if anybody did.
    pub window_override: Option<String>,
    /// How full the limits are that the step would add to.
    pub standings: Vec<Standing>,
    /// What people were told who consented to this very step; none where nobody did.
    pub consented: Option<Vec<Contribution>>,
    /// What there is of the backups that policy wants of this step; one that is not named here does not exist.
    pub backups: Vec<FoundBackup>,
    /// Whether a person, not a machine, started the run.
    pub manual: bool,
    /// The attempt before this one was interrupted, may have happened, and is not safe to do twice.
    pub uncertain: bool,
    /// What the step itself asks of people.
    pub wish: Option<(Quorum, String)>,
    /// What the runbook is for, in its own words.
    pub purpose: String,
    /// What came out of earlier steps, or from outside, and went into the step: the reviewer is not shown it.
    pub foreign: Vec<String>,
    /// What the reviewer said when people were asked about this very step: that is what they consented to, and it is not asked twice.
    pub reviewed: Option<Vec<Contribution>>,
}

impl Circumstances {
    /// A moment in which nothing else goes on, for a step that a machine starts.
    pub fn at_rest(now: Timestamp) -> Self {
        Self {
            now,
            halted: None,
            circuit: None,
            trial: None,
            jumped: None,
            window: WindowState::Open { closes: None },
            window_override: None,
            standings: Vec::new(),
            consented: None,
            backups: Vec::new(),
            manual: false,
            uncertain: false,
            wish: None,
            purpose: String::new(),
            foreign: Vec::new(),
            reviewed: None,
        }
    }
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
    /// What the reviewer said.
    pub fn reviews(&self) -> Vec<Contribution> {
        let said = self.contributions.iter();
        said.filter(|said| said.stage == Stage::Review)
            .cloned()
            .collect()
    }

    /// Whether a limit is in the way of which those who consented were not told: they are asked again.
    pub fn has_unknown_limit(&self) -> bool {
        let mut said = self.contributions.iter();
        said.any(|said| said.stage == Stage::RateLimit && said.decision != Decision::Allow)
    }

    /// Whether people have lifted this limit for the step, knowing of it.
    pub fn lifts(&self, limit: &Standing) -> bool {
        limits::is_told(&self.contributions, limit)
    }

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
                foreign: &circumstances.foreign,
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
    contributions.extend(lowered::contributions(step, circumstances));
    contributions.extend(backups::contributions(step, policy, circumstances));
    contributions.extend(limits::contributions(circumstances));
    contributions.extend(clock::contribution(step, circumstances));
    contributions.extend(halt::contribution(step, circumstances));
    contributions.extend(window(step, circumstances));
    contributions.extend(wishes(circumstances));
    let all = contributions.into_iter();
    all.map(|said| policy::at_least_quorum(said, policy))
        .collect()
}

/// Whether this policy says of a step what was said when people were asked about it, and wants no more of them. What else is looked at, as
/// limits, backups and windows, is judged anew when the consent is used.
pub fn says_the_same(
    step: &PlannedStep,
    policy: &Policy,
    now: Timestamp,
    before: &[Contribution],
) -> bool {
    let rules = policy::contributions(step, policy, now).into_iter();
    let rules = rules.map(|said| policy::at_least_quorum(said, policy));
    let of_rules = before.iter().filter(|said| is_of_rules(said.stage));
    let enough = |said: &Contribution| policy::at_least_quorum(said.clone(), policy) == *said;
    rules.eq(of_rules.cloned()) && before.iter().all(enough)
}

/// Whether such a stage needs to know nothing but the step and the policy.
fn is_of_rules(stage: Stage) -> bool {
    match stage {
        Stage::Structure
        | Stage::Forbidden
        | Stage::ProtectedNamespace
        | Stage::RequireApproval
        | Stage::Autonomy
        | Stage::DangerousCommand => true,
        Stage::Halt
        | Stage::Clock
        | Stage::Circuit
        | Stage::FirstRun
        | Stage::FreshBackup
        | Stage::RateLimit
        | Stage::Window
        | Stage::Review
        | Stage::Recovery
        | Stage::Runbook
        | Stage::Fault => false,
    }
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
        let reason = "the agent died while this step ran: it may have happened, and is not safe to do twice; what it has done stays, whatever is answered";
        wishes.push(Contribution::new(Stage::Recovery, Decision::ask(), reason));
    }
    wishes
}

#[cfg(test)]
mod tests;
