//! What the gate would say of a command line, for people who test a policy, and for the gate's own corpus.
//!
//! The same stages judge it as judge a `command` step; only what depends on the moment is left out: limits that are used up, windows,
//! the reviewer, and what stands in the history.

use super::{Circumstances, Judgement, by_policy};
use crate::{
    commands::{self, Files},
    domain::{
        digest::Digest,
        effect::Effects,
        gate::{Quorum, join},
        id::RunId,
        name::{ActionName, RunbookName, StepName},
        plan::PlannedStep,
        policy::Policy,
        runbook::Phase,
        span::Span,
    },
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A command, as somebody would type it or as a step holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// Text for a shell.
    Text(String),
    /// A program and its arguments.
    Words(Vec<String>),
}

/// What the gate would say, and of which effects.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// What the command would do.
    pub effects: Effects,
    /// What policy says of that.
    pub judgement: Judgement,
}

/// Explains a command under a policy.
pub fn command(asked: &Asked, policy: &Policy, files: &dyn Files, now: Timestamp) -> Explained {
    let analysis = match asked {
        Asked::Text(text) => commands::of_script(text, files),
        Asked::Words(words) => commands::of_argv(words, files),
    };
    effects(analysis.effects, policy, now)
}

/// Explains effects under a policy, as those of a step that a machine starts.
pub fn effects(effects: Effects, policy: &Policy, now: Timestamp) -> Explained {
    match step(effects.clone(), policy, now) {
        Some(step) => planned(step, policy, None, now),
        None => Explained {
            effects,
            judgement: Judgement::nothing(),
        },
    }
}

/// Explains a planned step under a policy. The step itself may ask for people, beside the policy.
pub fn planned(
    step: PlannedStep,
    policy: &Policy,
    wish: Option<(Quorum, String)>,
    now: Timestamp,
) -> Explained {
    let facts = Circumstances {
        wish,
        ..Circumstances::at_rest(now)
    };
    let contributions = by_policy(&step, policy, &facts);
    Explained {
        effects: step.effects,
        judgement: Judgement {
            decision: join(&contributions),
            contributions,
        },
    }
}

/// A step that is only looked at; its names are of no consequence.
fn step(effects: Effects, policy: &Policy, now: Timestamp) -> Option<PlannedStep> {
    Some(PlannedStep {
        runbook: "explain".parse::<RunbookName>().ok()?,
        revision: String::new(),
        definition: Digest::of_bytes(b""),
        run: RunId::new(now, [0; 10]),
        phase: Phase::Main,
        step: "command".parse::<StepName>().ok()?,
        attempt: 1,
        uses: "command".parse::<ActionName>().ok()?,
        arguments: json!({}),
        timeout: Span::from_secs(60),
        effects,
        idempotent: false,
        policy: policy.digest(),
        pinned: crate::domain::pinned::Pinned::default(),
    })
}
