//! Examples that a policy carries: commands that its rules must stop, and commands that they must leave alone.
//!
//! A policy that does not keep its own examples is not what its author meant, so it is not used. The autonomy level is no rule in this
//! sense: it asks about nearly everything at level 1, and examples would say nothing.

use super::explain::{Asked, command};
use crate::{
    commands::NoFiles,
    domain::{
        gate::{Contribution, Decision, Stage},
        policy::{ExampleList, Examples, FailedExample, Policy},
    },
};
use jiff::Timestamp;

/// The examples that these rules do not keep.
pub fn failed(rules: &Policy, examples: &Examples) -> Vec<FailedExample> {
    let stopped = examples.stops.iter().enumerate();
    let missed = stopped.filter_map(|(index, line)| {
        let said = stops(rules, line);
        said.is_empty().then(|| missed(index, line))
    });
    let left = examples.leaves.iter().enumerate();
    let caught = left.filter_map(|(index, line)| {
        let said = stops(rules, line);
        said.first().map(|said| caught(index, line, said))
    });
    missed.chain(caught).collect()
}

/// What the rules say against a line.
fn stops(rules: &Policy, line: &str) -> Vec<Contribution> {
    let asked = Asked::Text(line.to_owned());
    let explained = command(&asked, rules, &NoFiles, Timestamp::UNIX_EPOCH);
    let mut said = explained.judgement.contributions;
    said.retain(|said| said.decision != Decision::Allow && is_rule(said.stage, rules));
    said
}

/// Objects of no namespace are protected beside protected namespaces; where none is named, that is nobody's rule.
fn is_rule(stage: Stage, rules: &Policy) -> bool {
    match stage {
        Stage::ProtectedNamespace => !rules.protected_namespaces.is_empty(),
        Stage::Forbidden
        | Stage::RequireApproval
        | Stage::FreshBackup
        | Stage::DangerousCommand => true,
        Stage::Halt
        | Stage::Circuit
        | Stage::FirstRun
        | Stage::Clock
        | Stage::Structure
        | Stage::Autonomy
        | Stage::RateLimit
        | Stage::Window
        | Stage::Review
        | Stage::Recovery
        | Stage::Runbook
        | Stage::Fault => false,
    }
}

fn missed(index: usize, line: &str) -> FailedExample {
    FailedExample {
        list: ExampleList::Stops,
        index,
        problem: format!("no rule of this policy stops `{line}`"),
        hint: "add the rule that should, or move the line to `notMatch`; `orderly gate explain` says what the gate makes of it"
            .to_owned(),
    }
}

fn caught(index: usize, line: &str, said: &Contribution) -> FailedExample {
    FailedExample {
        list: ExampleList::Leaves,
        index,
        problem: format!(
            "`{line}` is stopped by {}: {}",
            said.stage.as_str(),
            said.reason
        ),
        hint: "narrow that rule, or move the line to `match`".to_owned(),
    }
}
