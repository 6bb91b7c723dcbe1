//! How much may be touched in a period. Counts come from the history, so they survive a restart.

use super::Circumstances;
use crate::domain::{
    gate::{Contribution, Decision, Stage},
    pace::{Measure, Room, Standing},
};

/// Where nothing is left, a machine's run is denied; where less is left than the step needs, or a person started it, people are
/// asked. What people have consented to is not stopped by the agent's own count.
pub(super) fn contributions(facts: &Circumstances) -> Vec<Contribution> {
    let said = facts
        .standings
        .iter()
        .filter_map(|standing| contribution(standing, facts));
    said.collect()
}

fn contribution(standing: &Standing, facts: &Circumstances) -> Option<Contribution> {
    let decision = match (standing.room(), facts.consented, facts.manual) {
        (Room::Enough, _, _) => return None,
        (Room::TooLittle | Room::None, true, _) => Decision::Allow,
        (Room::TooLittle, false, _) | (Room::None, false, true) => Decision::ask(),
        (Room::None, false, false) => Decision::Deny,
    };
    let mut reason = words(standing);
    match (facts.consented, standing.free_at) {
        (true, _) => reason.push_str("; people consented to it"),
        (false, Some(free_at)) => reason.push_str(&format!("; try again at {free_at}")),
        (false, None) => {}
    }
    Some(Contribution::new(Stage::RateLimit, decision, reason))
}

fn words(standing: &Standing) -> String {
    let Standing {
        whose,
        most,
        done,
        adds,
        ..
    } = standing;
    let (what, period) = match standing.measure {
        Measure::Changes => ("changed", "minute"),
        Measure::Destructive => ("destroyed", "hour"),
    };
    match standing.room() {
        Room::None | Room::Enough => {
            format!("{done} objects {what} {whose} in the last {period} reach the limit of {most}")
        }
        Room::TooLittle => format!(
            "{done} objects {what} {whose} in the last {period} and {adds} more are over the limit of {most}"
        ),
    }
}
