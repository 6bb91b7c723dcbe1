//! The safety gate's pure part: a lattice of decisions, and the permit that only a settled decision can make.

use crate::domain::{approval::Redeemed, digest::Digest, pace::Limit, plan::PlannedStep};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What must be done before a step may run: `allow < approve < deny`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub enum Decision {
    /// Nothing.
    Allow,
    /// People must consent.
    Approve(Quorum),
    /// It may not run, and no consent changes that.
    Deny,
}

/// How many people, and of which groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quorum {
    /// At least this many distinct people; at least one.
    pub people: u32,
    /// Each of these groups must be among them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<String>,
}

impl Quorum {
    /// This many people of any group.
    pub fn of(people: u32) -> Self {
        Self {
            people: people.max(1),
            groups: BTreeSet::new(),
        }
    }
}

impl Decision {
    /// One person must consent.
    pub fn ask() -> Self {
        Self::Approve(Quorum::of(1))
    }

    /// The stricter of both: commutative, associative, idempotent; it never loosens.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        match (self, other) {
            (Self::Deny, _) | (_, Self::Deny) => Self::Deny,
            (Self::Approve(one), Self::Approve(two)) => Self::Approve(Quorum {
                people: one.people.max(two.people),
                groups: one.groups.into_iter().chain(two.groups).collect(),
            }),
            (approve @ Self::Approve(_), Self::Allow)
            | (Self::Allow, approve @ Self::Approve(_)) => approve,
            (Self::Allow, Self::Allow) => Self::Allow,
        }
    }

    /// Whether this is at least as strict as `other`.
    pub fn at_least(&self, other: &Self) -> bool {
        self.clone().join(other.clone()) == *self
    }

    /// The word used in reports and metric labels.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Approve(_) => "approve",
            Self::Deny => "deny",
        }
    }
}

/// Which stage of the gate speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// A person has stopped all effects.
    Halt,
    /// Placeholders, control characters, size.
    Structure,
    /// Operations that policy forbids.
    Forbidden,
    /// Namespaces that policy protects.
    ProtectedNamespace,
    /// Operations that policy wants approved.
    RequireApproval,
    /// The autonomy level.
    Autonomy,
    /// A runbook that failed several times in a row.
    Circuit,
    /// A runbook that is new or changed.
    FirstRun,
    /// A clock on the wall that jumped.
    Clock,
    /// A backup that must be there first.
    FreshBackup,
    /// Texts that policy fears.
    DangerousCommand,
    /// How much may be done in a period.
    RateLimit,
    /// A calendar's window.
    Window,
    /// The AI reviewer.
    Review,
    /// A step that was interrupted and may have happened.
    Recovery,
    /// The runbook's own `approval` step or mark.
    Runbook,
    /// The gate itself failed.
    Fault,
}

impl Stage {
    /// The word used in reports and metric labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Halt => "halt",
            Self::Structure => "structure",
            Self::Forbidden => "forbidden",
            Self::ProtectedNamespace => "protected_namespace",
            Self::RequireApproval => "require_approval",
            Self::Autonomy => "autonomy",
            Self::Circuit => "circuit",
            Self::FirstRun => "first_run",
            Self::Clock => "clock",
            Self::FreshBackup => "fresh_backup",
            Self::DangerousCommand => "dangerous_command",
            Self::RateLimit => "rate_limit",
            Self::Window => "window",
            Self::Review => "review",
            Self::Recovery => "recovery",
            Self::Runbook => "runbook",
            Self::Fault => "fault",
        }
    }
}

/// What one stage says, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contribution {
    /// Who says it.
    pub stage: Stage,
    /// What.
    #[serde(flatten)]
    pub decision: Decision,
    /// Why, in words for people.
    pub reason: String,
    /// Of a limit: which one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
}

impl Contribution {
    /// A contribution.
    pub fn new(stage: Stage, decision: Decision, reason: impl Into<String>) -> Self {
        Self {
            stage,
            decision,
            reason: reason.into(),
            limit: None,
        }
    }
    /// What a limit says.
    pub fn of_limit(limit: Limit, decision: Decision, reason: impl Into<String>) -> Self {
        Self {
            limit: Some(limit),
            ..Self::new(Stage::RateLimit, decision, reason)
        }
    }
}

/// The join of all contributions. None at all is a fault, and a fault denies.
pub fn join(contributions: &[Contribution]) -> Decision {
    contributions
        .iter()
        .map(|contribution| contribution.decision.clone())
        .reduce(Decision::join)
        .unwrap_or(Decision::Deny)
}

/// Proof that the gate opened for exactly one planned step. Only [`settle`] makes one.
///
/// ```compile_fail
/// let forged = orderly::domain::gate::Permit { step: todo!() };
/// ```
///
/// What compiles is to look at one:
///
/// ```
/// fn look(permit: &orderly::domain::gate::Permit) -> orderly::domain::digest::Digest {
///     permit.digest()
/// }
/// ```
#[derive(Debug)]
#[must_use = "a permit is spent by carrying out the step it was made for"]
pub struct Permit {
    step: PlannedStep,
    digest: Digest,
}

impl Permit {
    /// The step that may be carried out.
    pub fn step(&self) -> &PlannedStep {
        &self.step
    }
    /// The digest of that step.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// What comes of a decision.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "it lives for a moment, one at a time"
)]
pub enum Settled {
    /// It may run.
    Open(Permit),
    /// People must consent first.
    Ask(Quorum),
    /// It may not run.
    Closed,
}

/// Turns a decision into a permit, or says what is missing.
///
/// A consent counts only if it was given for this very step and by at least as many people, of the groups, that the decision
/// wants now: a decision that became stricter meanwhile asks again.
pub fn settle(step: PlannedStep, decision: Decision, consent: Option<&Redeemed>) -> Settled {
    let digest = step.digest();
    match decision {
        Decision::Deny => Settled::Closed,
        Decision::Allow => Settled::Open(Permit { step, digest }),
        Decision::Approve(quorum) => match consent {
            Some(consent) if consent.covers(digest, &quorum) => {
                Settled::Open(Permit { step, digest })
            }
            Some(_) | None => Settled::Ask(quorum),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{Contribution, Decision, Quorum, Stage, join};
    use proptest::prelude::*;

    fn decisions() -> impl Strategy<Value = Decision> {
        let groups = prop::collection::btree_set("[a-c]", 0..3);
        prop_oneof![
            Just(Decision::Allow),
            (1u32..4, groups)
                .prop_map(|(people, groups)| Decision::Approve(Quorum { people, groups })),
            Just(Decision::Deny),
        ]
    }

    proptest! {
        #[test]
        fn join_is_commutative(a in decisions(), b in decisions()) {
            prop_assert_eq!(a.clone().join(b.clone()), b.join(a));
        }
        #[test]
        fn join_is_associative(a in decisions(), b in decisions(), c in decisions()) {
            prop_assert_eq!(a.clone().join(b.clone()).join(c.clone()), a.join(b.join(c)));
        }
        #[test]
        fn join_is_idempotent(a in decisions()) {
            prop_assert_eq!(a.clone().join(a.clone()), a);
        }
        #[test]
        fn no_stage_loosens(stages in prop::collection::vec(decisions(), 1..6), extra in decisions()) {
            let said = |decision: &Decision| Contribution::new(Stage::Review, decision.clone(), "");
            let before: Vec<_> = stages.iter().map(said).collect();
            let mut after = before.clone();
            after.push(said(&extra));
            prop_assert!(join(&after).at_least(&join(&before)));
        }
    }

    #[test]
    fn silence_denies() {
        assert_eq!(join(&[]), Decision::Deny);
    }
}
