//! How much was done lately, for the limits of the policy.
//!
//! It is kept in memory and read from the history once after a start, so a restart forgets nothing, and a thousand runs that are due
//! in one second do not read a thousand times. What a step touches is set aside in the moment before its start is recorded: runs
//! that are judged at the same time cannot all take the last place.

use crate::{
    domain::{
        pace::{Lately, Limits, Measure, Room, Standing, Ticket, touched},
        plan::PlannedStep,
    },
    flow::{
        FlowError,
        world::{World, held},
    },
    gate::Judgement,
};
use jiff::Timestamp;
use std::sync::Mutex;

/// How full the limits are that this step would add to.
///
/// # Errors
/// The history cannot be read.
pub(super) async fn standings(
    world: &World,
    step: &PlannedStep,
    limits: &Limits,
) -> Result<Vec<Standing>, FlowError> {
    let touched = touched(&step.effects);
    if touched.is_empty() {
        return Ok(Vec::new());
    }
    let lately = world.lately.get_or_try_init(|| remembered(world)).await?;
    Ok(held(lately).standings(limits, &step.runbook, &touched, world.now()))
}

async fn remembered(world: &World) -> Result<Mutex<Lately>, FlowError> {
    let now = world.now();
    let since = now.saturating_sub(Measure::Destructive.period());
    let rows = world
        .history
        .effects_since(since.unwrap_or(Timestamp::MIN))
        .await;
    let rows = rows.map_err(|error| FlowError::unreadable("counting recent changes", &error))?;
    let mut lately = Lately::default();
    for row in rows {
        lately.add(&row.runbook, std::slice::from_ref(&row.touched), row.at);
    }
    Ok(Mutex::new(lately))
}

/// A place among what was done lately; given back when it is dropped before it is used.
pub(super) struct Reserved<'a> {
    lately: Option<&'a Mutex<Lately>>,
    ticket: Ticket,
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        if let Some(lately) = self.lately {
            held(lately).take_back(self.ticket);
        }
    }
}

/// A step that is about to start.
pub(super) enum Place<'a> {
    /// There is nothing to count.
    NotCounted,
    /// It counts from now on.
    Counted(Reserved<'a>),
    /// Others took the last place since it was judged.
    Taken,
}

/// What counts of a step that has started.
#[derive(Clone, Copy)]
pub(super) struct Counted {
    /// As it stands in the history.
    pub(super) at: Timestamp,
    ticket: Option<Ticket>,
}

impl Counted {
    /// The step has touched nothing, and so counts no more.
    pub(super) fn give_back(self, world: &World) {
        if let Some((lately, ticket)) = world.lately.get().zip(self.ticket) {
            held(lately).take_back(ticket);
        }
    }
}

impl Place<'_> {
    /// The step has started, and counts from this time on.
    pub(super) fn used(self, at: Timestamp) -> Counted {
        let ticket = match self {
            Self::Counted(mut reserved) => {
                reserved.lately = None;
                Some(reserved.ticket)
            }
            Self::NotCounted | Self::Taken => None,
        };
        Counted { at, ticket }
    }
}

/// Counts the step. Where people knew of a limit as they consented, it finds a place even where there is none left.
pub(super) fn take<'a>(
    world: &'a World,
    step: &PlannedStep,
    limits: &Limits,
    judgement: &Judgement,
) -> Place<'a> {
    let touched = touched(&step.effects);
    let Some(lately) = world.lately.get().filter(|_| !touched.is_empty()) else {
        return Place::NotCounted;
    };
    let now = world.now();
    let mut counts = held(lately);
    let standings = counts.standings(limits, &step.runbook, &touched, now);
    let is_in_the_way = |one: &Standing| one.room() != Room::Enough && !judgement.lifts(one);
    if standings.iter().any(is_in_the_way) {
        return Place::Taken;
    }
    Place::Counted(Reserved {
        lately: Some(lately),
        ticket: counts.add(&step.runbook, &touched, now),
    })
}
