//! All effects stop → until a person lets them go again.
//!
//! - A step that touches the world passes the [`Brake`] before its start is recorded, and is known there until it has ended. Halting
//!   closes the brake first and then stops what has passed it, so nothing with an effect begins after [`halt`] has returned.
//! - The history refuses the start of such a step, too, in the transaction that would record it.
//! - It holds from the moment it is said: should the history not take it, it holds until the agent ends, and whoever said it is told.
//! - Nothing waits for its end. A step that comes to the gate meanwhile is denied, and stays denied.

use crate::{
    domain::{
        approval::{Person, Verdict},
        audit::Entry,
        halt::Halt,
    },
    flow::{
        FlowError,
        world::{World, held},
    },
    history::{Write, stored},
    ports::agent::{AgentError, HaltView},
};
use jiff::Timestamp;
use serde_json::json;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How long what was stopped is waited for before whoever halted is answered.
const PATIENCE: Duration = Duration::from_secs(10);

/// What touches the world now, and whether anything may begin to.
#[derive(Debug, Default)]
pub struct Brake {
    inner: Mutex<Inner>,
    /// Fires when something that passed has ended.
    ended: Notify,
    /// Held by whoever halts or lets go, here and in the history.
    alone: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Inner {
    halt: Option<Halt>,
    is_recorded: bool,
    moving: BTreeMap<u64, Moving>,
    next: u64,
}

#[derive(Debug)]
struct Moving {
    what: String,
    stop: CancellationToken,
}

/// Something that may touch the world. Its end is told when it goes away.
#[derive(Debug)]
pub(super) struct Passage {
    world: Arc<World>,
    number: u64,
    /// Fires when everything is halted.
    pub(super) stop: CancellationToken,
}

impl Drop for Passage {
    fn drop(&mut self) {
        let brake = &self.world.brake;
        held(&brake.inner).moving.remove(&self.number);
        brake.ended.notify_waiters();
    }
}

impl Brake {
    /// Whether everything is halted, by whom and why.
    pub fn halted(&self) -> Option<Halt> {
        held(&self.inner).halt.clone()
    }

    /// The history says so: it was halted before this process began to know of it.
    pub(super) fn adopt(&self, halt: Halt) {
        let mut inner = held(&self.inner);
        inner.halt.get_or_insert(halt);
        inner.is_recorded = true;
    }

    /// From now on nothing begins. Gives what is under way, told to stop.
    fn engage(&self, halt: Halt) -> Vec<String> {
        let mut inner = held(&self.inner);
        inner.halt.get_or_insert(halt);
        for moving in inner.moving.values() {
            moving.stop.cancel();
        }
        names(&inner)
    }

    fn release(&self) {
        let mut inner = held(&self.inner);
        inner.halt = None;
        inner.is_recorded = false;
    }

    fn is_recorded(&self) -> bool {
        held(&self.inner).is_recorded
    }

    fn moving(&self) -> Vec<String> {
        names(&held(&self.inner))
    }

    /// Waits until nothing touches the world any more, for a while at most. Gives what still does.
    async fn stand_still(&self, world: &World) -> Vec<String> {
        let enough = world.clock.sleep(PATIENCE);
        tokio::pin!(enough);
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            if self.moving().is_empty() {
                return Vec::new();
            }
            tokio::select! {
                () = ended => {}
                () = &mut enough => return self.moving(),
            }
        }
    }
}

fn names(inner: &Inner) -> Vec<String> {
    let all = inner.moving.values();
    all.map(|moving| moving.what.clone()).collect()
}

/// Lets something pass that would touch the world; nothing while everything is halted.
pub(super) fn pass(world: &Arc<World>, what: String) -> Option<Passage> {
    let mut inner = held(&world.brake.inner);
    if inner.halt.is_some() {
        return None;
    }
    let number = inner.next;
    inner.next += 1;
    let stop = CancellationToken::new();
    let moving = Moving {
        what,
        stop: stop.clone(),
    };
    inner.moving.insert(number, moving);
    drop(inner);
    Some(Passage {
        world: world.clone(),
        number,
        stop,
    })
}

/// Takes over what the history knows.
///
/// # Errors
/// The history cannot be read.
pub async fn load(world: &World) -> Result<(), FlowError> {
    let found = world.history.halt().await;
    let found = found.map_err(|error| FlowError::unreadable("whether all is halted", &error))?;
    if let Some(halt) = found {
        world.events.halted(&halt, 0);
        world.brake.adopt(halt);
    }
    Ok(())
}

/// Stops all effects at once. When this returns, nothing with an effect begins any more, and what was under way has ended or is named.
/// Where everything is halted already, that stays as it is.
///
/// # Errors
/// It could not be recorded; it holds all the same, until the agent ends.
pub async fn halt(
    world: &World,
    by: &str,
    reason: &str,
    since: Timestamp,
) -> Result<HaltView, AgentError> {
    let halt = Halt {
        by: by.to_owned(),
        since: stored(since),
        reason: reason.to_owned(),
    };
    // Before anything else, and whatever comes of the rest.
    let was_halted = world.brake.halted();
    let mut stopped = world.brake.engage(halt.clone());
    let _alone = world.brake.alone.lock().await;
    // Somebody may have let go in between.
    let more = world.brake.engage(halt.clone());
    stopped.extend(
        more.into_iter()
            .filter(|what| !stopped.contains(what))
            .collect::<Vec<_>>(),
    );
    let wanted = halt;
    let halt = world.brake.halted().unwrap_or_else(|| wanted.clone());
    if was_halted.is_none() {
        world.events.halted(&halt, stopped.len());
    } else if (&wanted.by, &wanted.reason) != (&halt.by, &halt.reason) {
        // It stays as it is, but that somebody else wanted it too, or why, is not lost.
        let entry = Entry::new(world.now(), &wanted.by, "agent.halted", "agent")
            .with(json!({"reason": wanted.reason, "already": halt, "stopped": stopped}));
        let written = world.write("that all is to be halted", vec![Write::Audit(entry)]);
        written.await?;
    }
    if !world.brake.is_recorded() {
        record(world, &halt, &stopped).await?;
        held(&world.brake.inner).is_recorded = true;
    }
    let still = world.brake.stand_still(world).await;
    Ok(HaltView {
        halted: Some(halt),
        stopped,
        still,
    })
}

async fn record(world: &World, halt: &Halt, stopped: &[String]) -> Result<(), AgentError> {
    let entry = Entry::new(world.now(), &halt.by, "agent.halted", "agent")
        .with(json!({"reason": halt.reason, "since": halt.since, "stopped": stopped}));
    let writes = vec![Write::Halt(halt.clone()), Write::Audit(entry)];
    let written = world.write("that all is halted", writes).await;
    written.map_err(|error| {
        AgentError::Unavailable(format!(
            "all effects are halted, but a restart of the agent would not know of it: {error}"
        ))
    })
}

/// Lets effects be again, from now on.
///
/// # Errors
/// Nothing is halted, or it cannot be recorded; then everything stays halted.
pub async fn unhalt(world: &World, by: &Person, reason: &str) -> Result<HaltView, AgentError> {
    let _alone = world.brake.alone.lock().await;
    let Some(halt) = world.brake.halted() else {
        return Err(AgentError::Conflict("nothing is halted".to_owned()));
    };
    let entry = Entry::new(world.now(), &by.subject, "agent.unhalted", "agent")
        .with(json!({"reason": reason, "halted_by": halt.by, "since": halt.since}));
    let writes = vec![Write::Unhalt, Write::Audit(entry)];
    world.write("the end of a halt", writes).await?;
    world.brake.release();
    world.events.unhalted(&by.subject, reason);
    Ok(view(world))
}

/// Where it stands.
pub fn view(world: &World) -> HaltView {
    let halted = world.brake.halted();
    let still = match halted {
        Some(_) => world.brake.moving(),
        None => Vec::new(),
    };
    HaltView {
        halted,
        stopped: Vec::new(),
        still,
    }
}

/// A consent that would be of no use now is not taken: it could have run out by the time effects are let go again. A no counts.
///
/// # Errors
/// Everything is halted.
pub(super) fn allow_vote(world: &World, verdict: Verdict) -> Result<(), AgentError> {
    match (verdict, world.brake.halted()) {
        (Verdict::Deny, _) | (Verdict::Approve, None) => Ok(()),
        (Verdict::Approve, Some(halt)) => Err(AgentError::Conflict(format!(
            "all effects are {halt}\nhint: `orderly unhalt` lets them go; until then a step can only be denied"
        ))),
    }
}
