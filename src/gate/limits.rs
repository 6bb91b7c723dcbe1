//! How much may be touched in a period. Counts come from the history, so they survive a restart.

use super::Circumstances;
use crate::domain::{
    gate::{Contribution, Decision},
    pace::{Measure, Room, Standing},
};

/// Where nothing is left, a machine's run is denied; where less is left than the step needs, or a person started it, people are
/// asked. A consent lifts a limit only where the question named it: who consented before it was reached is asked again.
pub(super) fn contributions(facts: &Circumstances) -> Vec<Contribution> {
    let said = facts
        .standings
        .iter()
        .filter_map(|standing| contribution(standing, facts));
    said.collect()
}

fn contribution(standing: &Standing, facts: &Circumstances) -> Option<Contribution> {
    let told = facts.consented.as_ref().map(|told| is_told(told, standing));
    let decision = match (standing.room(), told, facts.manual) {
        (Room::Enough, _, _) => return None,
        (Room::TooLittle | Room::None, Some(true), _) => Decision::Allow,
        (Room::TooLittle, None, _) | (_, Some(false), _) | (Room::None, None, true) => {
            Decision::ask()
        }
        (Room::None, None, false) => Decision::Deny,
    };
    let mut reason = words(standing);
    match (told, standing.free_at) {
        (Some(true), _) => reason.push_str("; people consented to it"),
        (Some(false), _) => reason.push_str("; nobody knew when people consented"),
        (None, Some(free_at)) => reason.push_str(&format!("; try again at {free_at}")),
        (None, None) => {}
    }
    Some(Contribution::of_limit(standing.limit(), decision, reason))
}

/// Whether this very limit is among those that these say something of.
pub(super) fn is_told(told: &[Contribution], standing: &Standing) -> bool {
    let limit = Some(standing.limit());
    told.iter().any(|told| told.limit == limit)
}

/// What is counted, without the count.
fn subject(standing: &Standing) -> String {
    // What a step was to touch counts until it is known that it has not.
    let (what, period) = match standing.measure {
        Measure::Changes => ("changed", "minute"),
        Measure::Destructive => ("that were to be destroyed", "hour"),
    };
    format!("objects {what} {} in the last {period}", standing.whose)
}

fn words(standing: &Standing) -> String {
    let Standing {
        most, done, adds, ..
    } = standing;
    let subject = subject(standing);
    match standing.room() {
        Room::None | Room::Enough => format!("{done} {subject} reach the limit of {most}"),
        Room::TooLittle => {
            format!("{done} {subject} and {adds} more are over the limit of {most}")
        }
    }
}
