//! The clock on the wall jumps → what people consented to by it counts no more, what destroys asks → until a person resets it.
//!
//! Both expiries of a consent are times on the wall. A clock that is set back would prolong them; one that is set far forward says that
//! nobody knows what the times before it meant. The clock that never jumps shows either. Until a person has looked at it, nothing that
//! was missed is made up for either: how much was missed is what the clock says.

use crate::{
    domain::{
        approval::{Person, Standing},
        audit::Entry,
        jump::Jump,
    },
    flow::{
        FlowError,
        world::{World, held},
    },
    history::{ApprovalCase, ApprovalFilter, Write},
    ports::agent::AgentError,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::time::Duration;

/// A clock that goes back by more than this has jumped; less is what keeping time needs.
const MOST_BACK: SignedDuration = SignedDuration::from_secs(2);
/// A clock that goes forward by more than this has jumped.
const MOST_FORWARD: SignedDuration = SignedDuration::from_mins(5);

/// One part in so many of the time that goes by is forgiven of steps forward: a minute in an hour.
const FORGIVEN: i32 = 60;

/// How far the clock on the wall is ahead of the one that never jumps, at the most and at the least since the last jump: many small steps
/// are one large one.
#[derive(Debug, Clone, Default)]
pub struct ClockWatch {
    ahead: Option<Ahead>,
    jumps: u64,
}

#[derive(Debug, Clone, Copy)]
struct Ahead {
    most: SignedDuration,
    least: SignedDuration,
    /// When that was looked at, by the clock that never jumps.
    seen: SignedDuration,
}

impl ClockWatch {
    /// By how much the clock on the wall has jumped since the last look, if it has.
    fn look(&mut self, wall: Timestamp, elapsed: Duration) -> Option<SignedDuration> {
        let seen = SignedDuration::try_from(elapsed).unwrap_or(SignedDuration::MAX);
        let now = wall
            .duration_since(Timestamp::UNIX_EPOCH)
            .saturating_sub(seen);
        let afresh = Ahead {
            most: now,
            least: now,
            seen,
        };
        let before = *self.ahead.get_or_insert(afresh);
        let forgiven = seen.saturating_sub(before.seen) / FORGIVEN;
        let least = before.least.saturating_add(forgiven).min(now);
        let (back, forward) = (now.saturating_sub(before.most), now.saturating_sub(least));
        let by = if back < -MOST_BACK {
            Some(back)
        } else {
            Some(forward).filter(|by| *by > MOST_FORWARD)
        };
        self.ahead = Some(match by {
            Some(_) => afresh,
            None => Ahead {
                most: before.most.max(now),
                least,
                seen,
            },
        });
        self.jumps += u64::from(by.is_some());
        by
    }

    /// How often it has jumped since the start.
    pub(super) fn jumps(&self) -> u64 {
        self.jumps
    }
}

/// The last jump, where nobody has looked into it yet.
pub(super) fn doubt(world: &World) -> Option<Jump> {
    *held(&world.jumped)
}

/// Looks at both clocks. After a jump, every open question is taken back: who still wants an answer asks again. Gives what the clock on
/// the wall says: only up to that time has it been looked at.
///
/// # Errors
/// That could not be recorded.
pub async fn look(world: &World) -> Result<Timestamp, FlowError> {
    // One at a time: nobody goes on while another still takes back what the jump has spoilt.
    let _turn = world.clock_turn.lock().await;
    let (wall, elapsed) = (world.now(), world.clock.elapsed());
    let (before, jump) = {
        let mut watch = held(&world.clock_watch);
        (watch.clone(), watch.look(wall, elapsed))
    };
    let Some(by) = jump else { return Ok(wall) };
    let taken_back = after_jump(world, Jump { noticed: wall, by }).await;
    if taken_back.is_err() {
        // Not done: the next look finds the jump again.
        *held(&world.clock_watch) = before;
    }
    taken_back.map(|()| wall)
}

async fn after_jump(world: &World, jump: Jump) -> Result<(), FlowError> {
    let Jump { noticed, by } = jump;
    let reason = format!("the clock jumped {} by {:#}", jump.way(), jump.far());
    // What only the jump has let expire was open a moment ago.
    let before = noticed.saturating_sub(by).unwrap_or(noticed).min(noticed);
    let open = open(world, before).await;
    alarm(world, jump, open?, &reason).await
}

/// After a start: a clock that is behind what was recorded was set back while nobody looked, one that is far ahead of what the machine's
/// uptime says was set forward, and a history that is behind its own
/// audit log's end is an old copy, whose consents may have been used already. A jump that nobody has looked into still counts.
///
/// # Errors
/// The history cannot be read or written.
pub async fn look_after_start(world: &World) -> Result<(), FlowError> {
    let unreadable = |error| FlowError::unreadable("looking for a clock that was set back", &error);
    let known = world.history.jump().await.map_err(unreadable)?;
    if let Some(jump) = &known {
        world.events.clock_in_doubt(jump);
    }
    *held(&world.jumped) = known;
    let now = world.now();
    let open = open(world, now).await?;
    let alive = world.history.last_heartbeat().await.map_err(unreadable)?;
    let newest = open.iter().flat_map(times).chain(alive).max();
    if let Some(newest) = newest
        && newest.duration_since(now) > MOST_BACK
    {
        let reason = format!("the clock was set back: {newest} is recorded already");
        let by = now.duration_since(newest);
        return alarm(world, Jump { noticed: now, by }, open, &reason).await;
    }
    if let Some(by) = gone_meanwhile(world, now, alive).await?
        && by > MOST_FORWARD
    {
        return after_jump(world, Jump { noticed: now, by }).await;
    }
    if world.history.opened().audit.is_some() && !open.is_empty() {
        let reason =
            "the history does not follow from its exported audit log: it may be an older copy";
        return take_all_back(world, open, reason, Vec::new()).await;
    }
    Ok(())
}

/// How much more time has gone by on the wall than by the clock that never jumps since the agent was last alive; none where the machine was
/// started anew since, or nobody knows.
async fn gone_meanwhile(
    world: &World,
    now: Timestamp,
    alive: Option<Timestamp>,
) -> Result<Option<SignedDuration>, FlowError> {
    let then = world.history.last_stamp().await;
    let then = then.map_err(|error| {
        FlowError::unreadable("looking for a clock that was set forward", &error)
    })?;
    let known = alive.zip(then).zip(world.history.stamp());
    let same_boot = known.filter(|((_, then), today)| {
        !then.boot.is_empty() && then.boot == today.boot && today.uptime_ms >= then.uptime_ms
    });
    Ok(same_boot.map(|((alive, then), today)| {
        let went = Duration::from_millis(today.uptime_ms - then.uptime_ms);
        let went = SignedDuration::try_from(went).unwrap_or(SignedDuration::MAX);
        now.duration_since(alive).saturating_sub(went)
    }))
}

/// Nothing that depends on the time is trusted any more, and everybody is told.
async fn alarm(
    world: &World,
    jump: Jump,
    open: Vec<ApprovalCase>,
    reason: &str,
) -> Result<(), FlowError> {
    // It counts from now on, whether or not it can be recorded.
    *held(&world.jumped) = Some(jump);
    let entry = Entry::new(jump.noticed, "system", "clock.jumped", "clock")
        .with(json!({"direction": jump.way(), "seconds": jump.by.as_secs_f64()}))
        .failed(reason);
    let questions = open.len();
    let told = vec![Write::Jumped(jump), Write::Audit(entry)];
    take_all_back(world, open, reason, told).await?;
    world.events.clock_jumped(&jump, questions);
    Ok(())
}

/// A person has looked at the clock: it is trusted again.
///
/// # Errors
/// It is not in doubt, or that cannot be recorded.
pub(super) async fn trust(world: &World, by: &Person, reason: &str) -> Result<(), AgentError> {
    let _turn = world.clock_turn.lock().await;
    let Some(jump) = doubt(world) else {
        let problem = "the clock is not in doubt: it has not jumped since it was last reset";
        return Err(AgentError::Conflict(problem.to_owned()));
    };
    let entry = Entry::new(world.now(), &by.subject, "clock.reset", "clock")
        .with(json!({"reason": reason, "jump": jump}));
    let writes = vec![Write::ClockTrusted, Write::Audit(entry)];
    world.write("that the clock is trusted", writes).await?;
    *held(&world.jumped) = None;
    world.events.clock_trusted(&by.subject, reason);
    Ok(())
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

/// Withdraws these questions, and records what else is to be told with it.
async fn take_all_back(
    world: &World,
    open: Vec<ApprovalCase>,
    reason: &str,
    mut writes: Vec<Write>,
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
    writes.extend(open.iter().map(withdraw));
    if !open.is_empty() {
        writes.push(Write::Audit(entry));
    }
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
    fn many_steps_forward_are_one_and_what_takes_long_is_forgiven() {
        assert_eq!(watch(&[(0, 0), (240, 0), (480, 0)]), [false, false, true]);
        let hours = 4 * 3600;
        assert_eq!(
            watch(&[(0, 0), (240, 0), (hours + 480, 4 * 3600)]),
            [false; 3]
        );
    }

    #[test]
    fn more_than_five_minutes_forward_are_a_jump_once() {
        assert_eq!(
            watch(&[(0, 0), (300, 0), (601, 0), (601, 0)]),
            [false, false, true, false]
        );
    }
}
