//! Steps that need a fresh verified backup.
//!
//! No consent stands in for one: whoever wants the step makes the backup first.

use super::{Circumstances, operations};
use crate::domain::{
    effect::{Class, Effect, Listed, Scope},
    gate::{Contribution, Decision, Stage},
    name::RunbookName,
    plan::PlannedStep,
    policy::{Covered, FreshBackup, Operation, Policy, namespaces},
};
use jiff::{SignedDuration, Timestamp};

/// What there is of a backup that a rule wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundBackup {
    /// The rule.
    pub rule: FreshBackup,
    /// When the newest one was made that was restored on trial, and is neither unsound nor removed.
    pub newest: Option<Timestamp>,
    /// Who makes it.
    pub maker: Option<RunbookName>,
}

/// The rules that this step falls under.
pub fn wanted<'a>(
    step: &'a PlannedStep,
    policy: &'a Policy,
) -> impl Iterator<Item = &'a FreshBackup> {
    let rules = candidates(step, policy);
    rules.into_iter().filter(|rule| {
        let mut effects = step.effects.items.iter();
        effects.any(|effect| falls_under(rule, effect, step))
    })
}

/// The rules that could cover one of the step's effects.
fn candidates<'a>(step: &PlannedStep, policy: &'a Policy) -> Vec<&'a FreshBackup> {
    if policy.fresh_backup.is_empty() {
        return Vec::new();
    }
    let mut keys: Vec<Covered> = Vec::new();
    for effect in &step.effects.items {
        let done = done(effect, &step.effects.listed);
        match &effect.object.scope {
            // Each rule that names a namespace may be meant, so the index says nothing.
            Scope::AllNamespaces | Scope::ClusterScoped | Scope::Unknown if !done.is_empty() => {
                return policy.fresh_backup.iter().collect();
            }
            Scope::Namespace(name) => {
                keys.extend(
                    done.iter()
                        .map(|operation| (*operation, Some(name.clone()))),
                );
            }
            Scope::AllNamespaces | Scope::ClusterScoped | Scope::Unknown | Scope::NotApplicable => {
            }
        }
        keys.extend(done.into_iter().map(|operation| (operation, None)));
    }
    policy.fresh_backup.under(&keys).collect()
}

/// What an effect is, as rules name it; `None` stands for whatever is destructive.
fn done(effect: &Effect, listed: &[Listed]) -> Vec<Option<Operation>> {
    let destructive = (effect.class() == Class::Destructive).then_some(None);
    let is = |operation: &Operation| operations::is(*operation, effect, listed);
    let operations = Operation::ALL.into_iter().filter(is).map(Some);
    destructive.into_iter().chain(operations).collect()
}

pub(super) fn falls_under(rule: &FreshBackup, effect: &Effect, step: &PlannedStep) -> bool {
    let listed = &step.effects.listed;
    let done = if rule.operations.is_empty() {
        effect.class() == Class::Destructive
    } else {
        let mut operations = rule.operations.iter();
        operations.any(|operation| operations::is(*operation, effect, listed))
    };
    done && (rule.namespaces.is_empty() || is_in(rule, effect))
}

/// What belongs to no namespace may hold what is in one, as volumes do.
fn is_in(rule: &FreshBackup, effect: &Effect) -> bool {
    match &effect.object.scope {
        Scope::Namespace(name) => {
            let mut listed = rule.namespaces.iter();
            listed.any(|listed| namespaces::fits(listed, name))
        }
        Scope::AllNamespaces | Scope::ClusterScoped | Scope::Unknown => true,
        Scope::NotApplicable => false,
    }
}

pub(super) fn contributions(
    step: &PlannedStep,
    policy: &Policy,
    facts: &Circumstances,
) -> Vec<Contribution> {
    wanted(step, policy)
        .map(|rule| contribution(rule, facts))
        .collect()
}

fn contribution(rule: &FreshBackup, facts: &Circumstances) -> Contribution {
    let found = facts.backups.iter().find(|found| found.rule == *rule);
    let newest = found.and_then(|found| found.newest);
    let wanted = format!(
        "a verified backup `{}` younger than {}",
        rule.backup, rule.younger_than
    );
    let age = newest.map(|at| facts.now.duration_since(at));
    let (decision, mut reason) = match age {
        // One from the future says that a clock was set back: how old it is nobody knows.
        Some(age) if !age.is_negative() && age < rule.younger_than.signed() => (
            Decision::Allow,
            format!("policy wants {wanted}; the newest is {} old", words(age)),
        ),
        Some(age) => (
            Decision::Deny,
            format!("policy wants {wanted}; the newest is {} old", words(age)),
        ),
        None => (
            Decision::Deny,
            format!("policy wants {wanted}; there is none"),
        ),
    };
    let maker = found.and_then(|found| found.maker.as_ref());
    if let (Decision::Deny, Some(maker)) = (&decision, maker.or(rule.runbook.as_ref())) {
        reason.push_str(&format!("; runbook {maker} makes it"));
    }
    Contribution::new(Stage::FreshBackup, decision, reason)
}

/// To the minute.
fn words(age: SignedDuration) -> String {
    let minutes = age.as_mins().max(0);
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes}m"),
        (hours, 0) => format!("{hours}h"),
        (hours, minutes) => format!("{hours}h{minutes}m"),
    }
}
