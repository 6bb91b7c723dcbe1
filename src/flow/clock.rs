//! The clock on the wall jumps → what people consented to by it counts no more, and they are asked again.
//!
//! Both expiries of a consent are times on the wall. A clock that is set back would prolong them; one that is set far forward says that
//! nobody knows what the times before it meant. The clock that never jumps shows either.

use crate::{
    domain::{approval::Standing, audit::Entry},
    flow::{
        FlowError,
        world::{World, held},
    },
    history::{ApprovalCase, ApprovalFilter, Write},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::time::Duration;

/// A clock that goes back by more than this has jumped; less is what keeping time needs.
const MOST_BACK: SignedDuration = SignedDuration::from_secs(2);
/// A clock that goes forward by more than this has jumped, or the machine slept.
const MOST_FORWARD: SignedDuration = SignedDuration::from_mins(5);

/// How far the clock on the wall is ahead of the one that never jumps: the most that was seen since the last jump, so that many small
/// steps back are one large one.
#[derive(Debug, Clone, Default)]
pub struct ClockWatch {
    ahead: Option<SignedDuration>,
    jumps: u64,
}

impl ClockWatch {
    /// By how much the clock on the wall has jumped since the last look, if it has.
    fn look(&mut self, wall: Timestamp, elapsed: Duration) -> Option<SignedDuration> {
        let elapsed = SignedDuration::try_from(elapsed).unwrap_or(SignedDuration::MAX);
        let ahead = wall
            .duration_since(Timestamp::UNIX_EPOCH)
            .saturating_sub(elapsed);
        let before = *self.ahead.get_or_insert(ahead);
        let by = ahead.saturating_sub(before);
        let jumped = by < -MOST_BACK || by > MOST_FORWARD;
        if jumped || by.is_positive() {
            self.ahead = Some(ahead);
        }
        self.jumps += u64::from(jumped);
        jumped.then_some(by)
    }

    /// How often it has jumped since the start.
    pub(super) fn jumps(&self) -> u64 {
        self.jumps
    }
}

/// Looks at both clocks. After a jump, every open question is taken back: who still wants an answer asks again.
///
/// # Errors
/// That could not be recorded.
pub async fn look(world: &World) -> Result<(), FlowError> {
    // One at a time: nobody goes on while another still takes back what the jump has spoilt.
    let _turn = world.clock_turn.lock().await;
    let (wall, elapsed) = (world.now(), world.clock.elapsed());
    let (before, jump) = {
        let mut watch = held(&world.clock_watch);
        (watch.clone(), watch.look(wall, elapsed))
    };
    let Some(by) = jump else { return Ok(()) };
    let taken_back = after_jump(world, wall, by).await;
    if taken_back.is_err() {
        // Not done: the next look finds the jump again.
        *held(&world.clock_watch) = before;
    }
    taken_back
}

async fn after_jump(world: &World, wall: Timestamp, by: SignedDuration) -> Result<(), FlowError> {
    let way = if by.is_negative() { "back" } else { "forward" };
    let reason = format!("the clock jumped {way} by {:#}", by.abs());
    // What only the jump has let expire was open a moment ago.
    let before = wall.saturating_sub(by).unwrap_or(wall).min(wall);
    take_all_back(world, open(world, before).await?, &reason).await
}

/// After a start: a clock that is behind what was recorded was set back while nobody looked, and a history that is behind its own
/// audit log's end is an old copy, whose consents may have been used already.
///
/// # Errors
/// The history cannot be read or written.
pub async fn look_after_start(world: &World) -> Result<(), FlowError> {
    let now = world.now();
    let open = open(world, now).await?;
    if world.history.opened().audit.is_some() && !open.is_empty() {
        let reason =
            "the history does not follow from its exported audit log: it may be an older copy";
        return take_all_back(world, open, reason).await;
    }
    let unreadable = |error| FlowError::unreadable("looking for a clock that was set back", &error);
    let alive = world.history.last_heartbeat().await.map_err(unreadable)?;
    let newest = open.iter().flat_map(times).chain(alive).max();
    match newest {
        Some(newest) if newest.duration_since(now) > MOST_BACK => {
            let reason = format!("the clock was set back: {newest} is recorded already");
            take_all_back(world, open, &reason).await
        }
        Some(_) | None => Ok(()),
    }
}

fn times(case: &ApprovalCase) -> Vec<Timestamp> {
    let asked = std::iter::once(case.request.asked_at);
    asked.chain(case.votes.iter().map(|vote| vote.at)).collect()
}

async fn open(world: &World, at: Timestamp) -> Result<Vec<ApprovalCase>, FlowError> {
    let filter = ApprovalFilter {
        open_at: Some(at),
        limit: usize::MAX,
        ..ApprovalFilter::default()
    };
    let found = world.history.approvals(filter).await;
    found.map_err(|error| FlowError::unreadable("looking for open questions", &error))
}

async fn take_all_back(
    world: &World,
    open: Vec<ApprovalCase>,
    reason: &str,
) -> Result<(), FlowError> {
    tracing::warn!(
        questions = open.len(),
        "{reason}: open questions are asked again"
    );
    let ids: Vec<_> = open.iter().map(|case| case.request.id).collect();
    let entry = Entry::new(world.now(), "system", "approvals.taken_back", "approvals")
        .with(json!({"reason": reason, "approvals": ids}))
        .failed(reason);
    let withdraw = |case: &ApprovalCase| Write::Withdraw {
        approval: case.request.id,
        reason: reason.to_owned(),
    };
    let mut writes: Vec<Write> = open.iter().map(withdraw).collect();
    writes.push(Write::Audit(entry));
    world.write("a jump of the clock", writes).await?;
    for case in &open {
        let (id, run) = (case.request.id, case.request.run);
        world.events.approval_ended(id, run, &Standing::Withdrawn);
    }
    world.answered.notify_waiters();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::ClockWatch;
    use jiff::{SignedDuration, Timestamp};
    use std::time::Duration;

    fn watch(steps: &[(i64, u64)]) -> Vec<bool> {
        let mut watch = ClockWatch::default();
        let noon: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let look = |(wall, elapsed): &(i64, u64)| {
            let wall = noon + SignedDuration::from_secs(*wall);
            watch.look(wall, Duration::from_secs(*elapsed)).is_some()
        };
        steps.iter().map(look).collect()
    }

    #[test]
    fn a_clock_that_goes_as_it_should_has_not_jumped() {
        assert_eq!(watch(&[(0, 0), (1, 1), (3600, 3600)]), [false; 3]);
    }

    #[test]
    fn two_seconds_back_are_a_jump_and_so_are_many_small_steps() {
        assert_eq!(watch(&[(0, 0), (0, 2)]), [false, false]);
        assert_eq!(watch(&[(0, 0), (0, 3)]), [false, true]);
        assert_eq!(
            watch(&[(0, 0), (0, 1), (0, 2), (0, 3)]),
            [false, false, false, true]
        );
        // Forward by a little, then back to where it was.
        assert_eq!(watch(&[(0, 0), (240, 0), (0, 0)]), [false, false, true]);
    }

    #[test]
    fn more_than_five_minutes_forward_are_a_jump_once() {
        assert_eq!(
            watch(&[(0, 0), (300, 0), (601, 0), (601, 0)]),
            [false, false, true, false]
        );
    }
}
