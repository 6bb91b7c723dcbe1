//! A runbook's triggers are stopped → until a person lets them go, or the time that was named has come.
//!
//! Changes of suspensions go one after the other ([`World::suspending`]), so that the history and what is held here say the same.

use crate::{
    domain::{approval::Person, audit::Entry, name::RunbookName},
    flow::{
        FlowError,
        world::{Suspension, World, held},
    },
    history::Write,
    ports::agent::AgentError,
};
use jiff::Timestamp;
use serde_json::json;

/// Who ends a suspension whose time has come.
const CLOCK: &str = "schedule";

/// Takes over what the history knows. One that has ended meanwhile is told at the first look at the clock.
///
/// # Errors
/// The history cannot be read.
pub async fn load(world: &World) -> Result<(), FlowError> {
    let rows = world.history.suspensions().await;
    let rows = rows.map_err(|error| FlowError::unreadable("the suspensions", &error))?;
    let suspension = |row: crate::history::SuspensionRow| {
        let suspension = Suspension {
            until: row.until,
            by: row.by,
            reason: row.reason,
        };
        (row.runbook, suspension)
    };
    *held(&world.suspensions) = rows.into_iter().map(suspension).collect();
    Ok(())
}

/// A person stops a runbook's triggers.
///
/// # Errors
/// There is no such runbook, the time is past, or it cannot be recorded.
pub(super) async fn suspend(
    world: &World,
    runbook: &RunbookName,
    until: Option<Timestamp>,
    by: &Person,
    reason: &str,
) -> Result<(), AgentError> {
    known(world, runbook)?;
    let _alone = world.suspending.lock().await;
    let at = world.now();
    if until.is_some_and(|until| until <= at) {
        let reason = format!("the suspension would end in the past; it is {at}");
        return Err(AgentError::Invalid(reason));
    }
    let suspension = Suspension {
        until,
        by: by.subject.clone(),
        reason: reason.to_owned(),
    };
    let entry = entry(at, &by.subject, "runbook.suspended", runbook)
        .with(json!({"until": until, "reason": reason}));
    let record = Write::Suspend {
        runbook: runbook.clone(),
        until,
        by: suspension.by.clone(),
        reason: suspension.reason.clone(),
        at,
    };
    let writes = vec![record, Write::Audit(entry)];
    world.write("a suspension", writes).await?;
    world
        .events
        .runbook_suspended(runbook, &by.subject, suspension.until);
    held(&world.suspensions).insert(runbook.clone(), suspension);
    Ok(())
}

/// A person lets them go again.
///
/// # Errors
/// There is no such runbook, it is not suspended, or it cannot be recorded.
pub(super) async fn resume(
    world: &World,
    runbook: &RunbookName,
    by: &Person,
) -> Result<(), AgentError> {
    known(world, runbook)?;
    let _alone = world.suspending.lock().await;
    let now = world.now();
    if world.suspended(runbook, now).is_none() {
        let reason = format!("runbook {runbook} is not suspended");
        return Err(AgentError::Conflict(reason));
    }
    Ok(end(world, runbook, &by.subject, now).await?)
}

/// Ends every suspension whose time has come.
///
/// # Errors
/// It cannot be recorded.
pub(super) async fn end_expired(world: &World, now: Timestamp) -> Result<(), FlowError> {
    if expired(world, now).is_empty() {
        return Ok(());
    }
    let _alone = world.suspending.lock().await;
    for runbook in expired(world, now) {
        end(world, &runbook, CLOCK, now).await?;
    }
    Ok(())
}

fn expired(world: &World, now: Timestamp) -> Vec<RunbookName> {
    let suspensions = held(&world.suspensions);
    let is_over = |suspension: &Suspension| suspension.until.is_some_and(|until| until <= now);
    let over = suspensions.iter().filter(|(_, found)| is_over(found));
    over.map(|(runbook, _)| runbook.clone()).collect()
}

async fn end(
    world: &World,
    runbook: &RunbookName,
    by: &str,
    now: Timestamp,
) -> Result<(), FlowError> {
    let record = Write::Resume {
        runbook: runbook.clone(),
    };
    let entry = entry(now, by, "runbook.resumed", runbook);
    let writes = vec![record, Write::Audit(entry)];
    world.write("the end of a suspension", writes).await?;
    held(&world.suspensions).remove(runbook);
    world.events.runbook_resumed(runbook, by);
    Ok(())
}

fn known(world: &World, runbook: &RunbookName) -> Result<(), AgentError> {
    let in_use = world.in_use();
    match in_use.set.runbook(runbook) {
        Some(_) => Ok(()),
        None => Err(AgentError::NotFound(format!(
            "runbook {runbook}{}",
            in_use.set.hint(runbook)
        ))),
    }
}

fn entry(at: Timestamp, by: &str, action: &str, runbook: &RunbookName) -> Entry {
    Entry::new(at, by, action, format!("runbook/{runbook}"))
}
