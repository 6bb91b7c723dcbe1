//! How often people are asked: who is asked all day consents without reading.

use crate::{
    flow::{
        FlowError,
        world::{World, held},
    },
    history::ApprovalFilter,
};
use jiff::{SignedDuration, Timestamp};

/// What is counted.
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// More questions than this in a day are hardly read.
pub(in crate::flow) const MANY: usize = 10;
/// More are not remembered over a restart.
const MOST: usize = 1000;

/// Takes over what the history knows.
///
/// # Errors
/// The history cannot be read.
pub async fn load(world: &World) -> Result<(), FlowError> {
    let newest = ApprovalFilter {
        limit: MOST,
        ..ApprovalFilter::default()
    };
    let found = world.history.approvals(newest).await;
    let found = found.map_err(|error| FlowError::unreadable("earlier questions", &error))?;
    let mut times: Vec<Timestamp> = found.iter().map(|case| case.request.asked_at).collect();
    times.sort();
    held(&world.asked).extend(times);
    Ok(())
}

/// People are asked now.
pub(super) fn note(world: &World, now: Timestamp) {
    let mut asked = held(&world.asked);
    asked.push_back(now);
    // A clock that goes back must not make it grow without end.
    while asked.len() > MOST || asked.front().is_some_and(|first| is_old(*first, now)) {
        asked.pop_front();
    }
}

/// How often in the last day.
pub(in crate::flow) fn of_a_day(world: &World) -> usize {
    let now = world.now();
    let asked = held(&world.asked);
    asked.iter().filter(|at| !is_old(**at, now)).count()
}

fn is_old(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at) > DAY
}
