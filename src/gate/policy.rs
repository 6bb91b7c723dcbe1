//! What policy says of a step: pure, total, and without order among its rules.

use super::operations;
use crate::domain::{
    effect::{Class, Confidence, Effect, Listed, Place, Reach, Reversible, Scope, Tri},
    gate::{Contribution, Decision, Quorum, Stage},
    plan::PlannedStep,
    policy::{Autonomy, Feared, Policy, Preapproval, ProtectedMode, namespaces},
};
use jiff::Timestamp;
use serde_json::Value;

/// Every rule's say.
pub(super) fn contributions(
    step: &PlannedStep,
    policy: &Policy,
    now: Timestamp,
) -> Vec<Contribution> {
    let mut all = vec![autonomy(step, policy, now)];
    for effect in &step.effects.items {
        all.extend(operation(effect, &step.effects.listed, policy));
        all.extend(protected(effect, policy));
    }
    all.extend(structure(step));
    all.extend(dangerous(step, policy));
    all
}

/// The policy's own quorum is the least for whatever asks people.
pub(super) fn at_least_quorum(mut contribution: Contribution, policy: &Policy) -> Contribution {
    if let Decision::Approve(quorum) = &mut contribution.decision {
        quorum.people = quorum.people.max(policy.approvals.quorum);
    }
    contribution
}

fn operation(effect: &Effect, listed: &[Listed], policy: &Policy) -> Vec<Contribution> {
    let forbidden = policy
        .forbidden_operations
        .iter()
        .filter(|operation| operations::is(**operation, effect, listed));
    let asked = policy
        .require_approval
        .iter()
        .filter(|operation| operations::is(**operation, effect, listed));
    let word = |operation| {
        serde_json::to_value(operation)
            .unwrap_or_default()
            .as_str()
            .unwrap_or("")
            .to_owned()
    };
    let deny = forbidden.map(|operation| {
        Contribution::new(
            Stage::Forbidden,
            Decision::Deny,
            format!("{effect}: policy forbids {}", word(operation)),
        )
    });
    let ask = asked.map(|operation| {
        let reason = format!("{effect}: policy wants approval for {}", word(operation));
        Contribution::new(Stage::RequireApproval, Decision::ask(), reason)
    });
    deny.chain(ask).collect()
}

fn protected(effect: &Effect, policy: &Policy) -> Option<Contribution> {
    if effect.class() == Class::Read || !matches!(effect.object.place, Place::Cluster(_)) {
        return None;
    }
    let why = match &effect.object.scope {
        Scope::Namespace(name) => {
            let mut listed = policy.protected_namespaces.iter();
            let listed = listed.find(|listed| namespaces::fits(listed, name))?;
            if namespaces::is_pattern(listed) {
                format!("namespace {name} is protected, as every `{listed}` is")
            } else {
                format!("namespace {name} is protected")
            }
        }
        Scope::NotApplicable => return None,
        Scope::ClusterScoped => {
            "objects that belong to no namespace are protected, such as nodes (`policy.protectedMode: approval` asks people instead)"
                .to_owned()
        }
        Scope::AllNamespaces => "it touches all namespaces, protected ones too".to_owned(),
        Scope::Unknown => "its namespace is not known".to_owned(),
    };
    let decision = match policy.protected_mode {
        ProtectedMode::Deny => Decision::Deny,
        ProtectedMode::Approval => Decision::Approve(Quorum::of(policy.approvals.protected_quorum)),
    };
    Some(Contribution::new(
        Stage::ProtectedNamespace,
        decision,
        format!("{effect}: {why}"),
    ))
}

fn autonomy(step: &PlannedStep, policy: &Policy, now: Timestamp) -> Contribution {
    let level = policy.autonomy.level();
    let (decision, reason) = match by_level(step, policy, now) {
        Ok(reason) => (Decision::Allow, reason),
        Err(reason) => (Decision::ask(), reason),
    };
    Contribution::new(
        Stage::Autonomy,
        decision,
        format!("level {level}: {reason}"),
    )
}

/// `Ok` with the reason why the level lets it run alone, `Err` with the reason why not.
fn by_level(step: &PlannedStep, policy: &Policy, now: Timestamp) -> Result<String, String> {
    let effects = &step.effects;
    if effects.confidence == Confidence::Opaque {
        return Err(format!("not understood: {}", effects.reasons.join("; ")));
    }
    match (effects.class(), policy.autonomy) {
        (Class::Read, _) => Ok("it only reads".to_owned()),
        (Class::Change, Autonomy::Review) => Err("every change needs approval".to_owned()),
        (Class::Change, Autonomy::SafeAuto) => small_and_reversible(step, policy),
        (Class::Change, Autonomy::FullAuto) => bounded(step),
        (Class::Destructive, Autonomy::Review | Autonomy::SafeAuto) => {
            Err("destructive steps need approval".to_owned())
        }
        (Class::Destructive, Autonomy::FullAuto) => preapproved(step, policy, now),
    }
}

fn small_and_reversible(step: &PlannedStep, policy: &Policy) -> Result<String, String> {
    if step.effects.confidence != Confidence::Exact {
        return Err("what it touches is bounded but not exactly known".to_owned());
    }
    for effect in step
        .effects
        .items
        .iter()
        .filter(|effect| effect.class() > Class::Read)
    {
        if !undoable(effect) {
            return Err(format!("{effect}: nothing is known that takes it back"));
        }
        match effect.reach {
            Reach::Exactly(count) | Reach::AtMost(count) if count <= policy.max_reach => {}
            Reach::Exactly(count) | Reach::AtMost(count) => {
                let objects = if count == 1 {
                    "1 object is"
                } else {
                    &format!("{count} objects are")
                };
                let most = policy.max_reach;
                return Err(format!("{effect}: {objects} more than {most}"));
            }
            Reach::Unknown => return Err(format!("{effect}: how much it touches is not known")),
        }
    }
    Ok("reversible and of small reach".to_owned())
}

fn undoable(effect: &Effect) -> bool {
    match effect.reversible {
        Reversible::NothingToUndo | Reversible::Undo(_) | Reversible::Recreated => true,
        Reversible::NeedsBackup | Reversible::No | Reversible::Unknown => false,
    }
}

/// A change that nothing takes back counts as irreversible here, too: bounded is how much, not what becomes of it.
fn bounded(step: &PlannedStep) -> Result<String, String> {
    let mut changes = step
        .effects
        .items
        .iter()
        .filter(|effect| effect.class() > Class::Read);
    let doubt = changes.find_map(|effect| {
        if !undoable(effect) {
            return Some(format!("{effect}: nothing is known that takes it back"));
        }
        (effect.reach == Reach::Unknown)
            .then(|| format!("{effect}: how much it touches is not known"))
    });
    doubt.map_or_else(|| Ok("a bounded change".to_owned()), Err)
}

fn preapproved(step: &PlannedStep, policy: &Policy, now: Timestamp) -> Result<String, String> {
    let key = (step.runbook.clone(), step.uses.clone());
    let scope = policy
        .preapproved
        .under([&key])
        .find(|scope| now < scope.until && pins(scope, &step.arguments))
        .ok_or("destructive, and no preapproved scope covers it")?;
    let unsafe_effect = step
        .effects
        .items
        .iter()
        .find(|effect| effect.data_loss != Tri::No || !undoable(effect));
    match unsafe_effect {
        Some(effect) => Err(format!(
            "{effect}: preapproved, but it may lose data or cannot be taken back"
        )),
        None => Ok(format!("preapproved until {}", scope.until)),
    }
}

/// Whether the step's arguments are those that the scope is for.
fn pins(scope: &Preapproval, arguments: &Value) -> bool {
    let mut pinned = scope.with.iter();
    pinned.all(|(name, value)| arguments.get(name) == Some(value))
}

/// What no consent can lift, and what a person must read.
fn structure(step: &PlannedStep) -> Vec<Contribution> {
    let refusals = step.effects.refusals.iter();
    let denied =
        refusals.map(|reason| Contribution::new(Stage::Structure, Decision::Deny, reason.clone()));
    let shell = step.effects.needs_shell.then(|| {
        let reason = "only a shell can carry this text out, so a person reads it first";
        Contribution::new(Stage::Structure, Decision::ask(), reason)
    });
    denied.chain(shell).collect()
}

/// The last net: words that policy fears, matched against the words of each program that would start, not against a text. What is
/// known to only look may hold any word: `grep -- --force` forces nothing. Where nothing but looks was found, and yet not all is known,
/// as with a flag that the program does not have, people are asked.
fn dangerous(step: &PlannedStep, policy: &Policy) -> Vec<Contribution> {
    let effects = &step.effects;
    if effects.class() == Class::Read && effects.confidence != Confidence::Opaque {
        return Vec::new();
    }
    let decision = match effects.class() {
        Class::Read => Decision::ask(),
        Class::Change | Class::Destructive => Decision::Deny,
    };
    let calls: Vec<_> = effects
        .calls
        .iter()
        .map(|call| Feared::words_of(call))
        .collect();
    let feared = policy
        .dangerous_commands
        .under(calls.iter().flatten().map(String::as_str));
    feared
        .filter(|feared| calls.iter().any(|call| feared.stands_in(call)))
        .map(|feared| {
            let reason = format!(
                "the command contains `{}`, which policy fears",
                feared.as_str()
            );
            Contribution::new(Stage::DangerousCommand, decision.clone(), reason)
        })
        .collect()
}
