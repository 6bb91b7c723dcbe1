//! What follows from an answer, and from the lack of one.

use super::{
    Case,
    answer::{Answer, Verdict},
    text,
};
use crate::domain::{
    effect::{Class, Confidence},
    gate::{Contribution, Decision, Quorum, Stage, join},
    mask::Masker,
};

/// What follows from a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnBlock {
    /// Two people must consent.
    Ask,
    /// It is denied.
    Deny,
}

/// Whether a runbook's exact changes go on while the reviewer is unavailable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exception {
    /// They ask people, as all others.
    None,
    /// They go on as policy has decided.
    ProceedIfExact,
}

/// The reviewer's say, given by `by`.
pub fn contribution(answer: &Answer, by: &str, on_block: OnBlock, masker: &Masker) -> Contribution {
    let (decision, word) = match (answer.verdict, on_block) {
        (Verdict::NoObjection, _) => (Decision::Allow, "has no objection"),
        (Verdict::NeedsHuman, _) => (Decision::ask(), "wants a person to look"),
        (Verdict::Block, OnBlock::Ask) => (Decision::Approve(Quorum::of(2)), "would block it"),
        (Verdict::Block, OnBlock::Deny) => (Decision::Deny, "blocks it"),
    };
    let mut reason = format!("{by} {word}");
    if !answer.codes.is_empty() {
        let codes: Vec<&str> = answer.codes.iter().map(|code| code.as_str()).collect();
        reason.push_str(&format!(" ({})", codes.join(", ")));
    }
    if !answer.note.trim().is_empty() {
        reason.push_str(&format!(": {}", text::shown(answer.note.trim(), masker)));
    }
    Contribution::new(Stage::Review, decision, reason)
}

/// A step that is too large to be shown needs a person.
pub fn too_large(why: &str) -> Contribution {
    Contribution::new(
        Stage::Review,
        Decision::ask(),
        format!("a person must look: {why}"),
    )
}

/// What follows when there is no answer: a read goes on, a change asks, and destruction asks one person more than it would.
pub fn unavailable(case: &Case<'_>, why: &str, exception: Exception) -> Option<Contribution> {
    let effects = &case.step.effects;
    let say = |decision, more: &str| {
        let reason = format!("the reviewer is unavailable{more}: {why}");
        Some(Contribution::new(Stage::Review, decision, reason))
    };
    match (effects.class(), effects.confidence, exception) {
        (Class::Read, _, _) => None,
        (Class::Change, Confidence::Exact, Exception::ProceedIfExact) => say(
            Decision::Allow,
            ", and the configuration lets this runbook's exact changes go on",
        ),
        (Class::Change, _, _) => say(Decision::ask(), ""),
        (Class::Destructive, _, _) => {
            let people = match join(case.so_far) {
                Decision::Approve(quorum) => quorum.people,
                Decision::Allow | Decision::Deny => 1,
            };
            let one_more = Quorum::of(people.saturating_add(1));
            say(Decision::Approve(one_more), "")
        }
    }
}
