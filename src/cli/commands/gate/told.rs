//! An answer of the gate, for machines and for people.

use crate::{
    domain::{expression, gate::Decision, policy::Policy, secret},
    gate::explain::{Asked, Explained},
    http::visible,
};
use serde::Serialize;

/// An answer for machines.
#[derive(Serialize)]
pub(super) struct Told<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'a Asked>,
    decision: &'static str,
    class: &'static str,
    confidence: crate::domain::effect::Confidence,
    reasons: Vec<&'a str>,
    contributions: &'a [crate::domain::gate::Contribution],
    effects: Vec<String>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    refusals: &'a [String],
}

impl<'a> Told<'a> {
    pub(super) fn new(asked: &'a Asked, explained: &'a Explained, with_command: bool) -> Self {
        Self {
            command: with_command.then_some(asked),
            ..Self::of(explained)
        }
    }

    /// Of effects alone.
    pub(super) fn of(explained: &'a Explained) -> Self {
        let (effects, judgement) = (&explained.effects, &explained.judgement);
        let decisive = judgement
            .contributions
            .iter()
            .filter(|contribution| judgement.decision == contribution.decision);
        let reasons = decisive.map(|contribution| contribution.reason.as_str());
        Self {
            command: None,
            decision: judgement.decision.as_str(),
            class: effects.class().as_str(),
            confidence: effects.confidence,
            reasons: reasons
                .chain(effects.reasons.iter().map(String::as_str))
                .collect(),
            contributions: &judgement.contributions,
            effects: effects
                .items
                .iter()
                .map(|effect| readable(&effect.to_string()))
                .collect(),
            refusals: &effects.refusals,
        }
    }
}

/// The decision first, then why, then what it rests on.
pub(super) fn for_people(explained: &Explained, policy: &Policy) -> String {
    let (first, rest) = (headline(explained, policy), grounds(explained));
    format!("{first}\n\n{rest}")
}

/// The decision.
pub(super) fn headline(explained: &Explained, policy: &Policy) -> String {
    let (effects, judgement) = (&explained.effects, &explained.judgement);
    let confidence = serde_json::to_value(effects.confidence).unwrap_or_default();
    format!(
        "{} at level {} ({}, {})",
        decided(&judgement.decision),
        policy.autonomy.level(),
        effects.class().as_str(),
        confidence.as_str().unwrap_or_default(),
    )
}

/// A decision with how many people it takes.
fn decided(decision: &Decision) -> String {
    let Decision::Approve(quorum) = decision else {
        return decision.as_str().to_owned();
    };
    let people = match quorum.people {
        1 => "1 person".to_owned(),
        people => format!("{people} people"),
    };
    let groups: Vec<&str> = quorum.groups.iter().map(String::as_str).collect();
    let of = if groups.is_empty() {
        String::new()
    } else {
        format!(" of {}", visible::line(&groups.join(", ")))
    };
    format!("approve by {people}{of}")
}

/// What the decision rests on.
pub(super) fn grounds(explained: &Explained) -> String {
    let (effects, judgement) = (&explained.effects, &explained.judgement);
    let mut text = "effects\n".to_owned();
    if effects.items.is_empty() {
        text.push_str("  none\n");
    }
    for effect in &effects.items {
        let class = effect.class().as_str();
        let shown = visible::line(&readable(&effect.to_string()));
        text.push_str(&format!("  {class:<11}  {shown}\n"));
    }
    for reason in &effects.reasons {
        let shown = visible::line(&readable(reason));
        text.push_str(&format!("  not surer because {shown}\n"));
    }
    text.push_str("\nwhat each rule says; the strictest counts\n");
    for contribution in &judgement.contributions {
        let (decision, stage) = (contribution.decision.as_str(), contribution.stage.as_str());
        let shown = visible::line(&readable(&contribution.reason));
        let asked = match &contribution.decision {
            Decision::Approve(quorum) if quorum.people > 1 => {
                format!(" ({} people)", quorum.people)
            }
            Decision::Allow | Decision::Approve(_) | Decision::Deny => String::new(),
        };
        text.push_str(&format!("  {decision:<7}  {stage}: {shown}{asked}\n"));
    }
    text
}

/// Secrets by their names, and what is not known yet by its expression.
fn readable(text: &str) -> String {
    secret::readable(&expression::readable_unknown(text))
}
