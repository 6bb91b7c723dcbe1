//! A runbook fails several times in a row → its changes ask people → until a person resets it.
//!
//! - It is counted where a run ends, in the transaction that records the end, so that no crash loses or doubles a count.
//! - A runbook that did what it should and was never counted costs nothing: neither a look nor a write.
//! - Changes go one after the other ([`World::tripping`]), so that the history and what is held here say the same.

use crate::{
    domain::{
        approval::Person,
        audit::Entry,
        circuit::{Circuit, Tripped, Verdict},
        halt::Halt,
        name::RunbookName,
        plan::PlannedStep,
        run::{Cause, RunOutcome},
    },
    flow::{
        FlowError,
        run::Journey,
        world::{World, held},
    },
    history::Write,
    ports::agent::AgentError,
};
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::MutexGuard;

/// Said where a circuit opens as its runbook comes to an effect for the first time since.
const BEFORE: &str = "its last runs failed before they came to an effect";

/// Takes over what the history knows.
///
/// # Errors
/// The history cannot be read.
pub async fn load(world: &World) -> Result<(), FlowError> {
    let rows = world.history.circuits().await;
    let rows = rows.map_err(|error| FlowError::unreadable("the circuits", &error))?;
    *held(&world.circuits) = rows.into_iter().collect();
    Ok(())
}

/// Where it is open.
pub(super) fn open(world: &World, runbook: &RunbookName) -> Option<Tripped> {
    if world.in_use().policy.circuit_failures == 0 {
        return None;
    }
    held(&world.circuits).get(runbook)?.tripped().cloned()
}

fn now_of(world: &World, runbook: &RunbookName) -> Circuit {
    let known = held(&world.circuits).get(runbook).cloned();
    known.unwrap_or_default()
}

/// A circuit that is about to be another; nobody else changes one meanwhile.
pub(super) struct Change<'a> {
    world: &'a World,
    runbook: RunbookName,
    next: Circuit,
    /// It was closed before.
    opens: Option<Tripped>,
    at: Timestamp,
    _alone: MutexGuard<'a, ()>,
}

impl Change<'_> {
    /// What is recorded of it.
    pub(super) fn writes(&self) -> Vec<Write> {
        let mut writes = vec![Write::Circuit {
            runbook: self.runbook.clone(),
            circuit: self.next.clone(),
        }];
        if let Some(tripped) = &self.opens {
            let resource = format!("runbook/{}", self.runbook);
            let details = json!({"failures": tripped.failures, "reason": tripped.reason});
            let entry = Entry::new(self.at, "system", "circuit.opened", resource).with(details);
            writes.push(Write::Audit(entry));
        }
        writes
    }

    /// It is recorded, and counts.
    pub(super) fn take(self) {
        let mut circuits = held(&self.world.circuits);
        if self.next.is_new() {
            circuits.remove(&self.runbook);
        } else {
            circuits.insert(self.runbook.clone(), self.next);
        }
        drop(circuits);
        if let Some(tripped) = &self.opens {
            self.world.events.circuit_opened(&self.runbook, tripped);
        }
    }
}

/// Counts a run that ends; nothing where that changes nothing.
pub(super) async fn count<'a>(
    world: &'a World,
    journey: &Journey,
    outcome: RunOutcome,
    why: &str,
    at: Timestamp,
) -> Option<Change<'a>> {
    let verdict = match world.brake.halted() {
        // Whatever went wrong meanwhile, the runbook is not to blame.
        Some(_) if !outcome.is_success() => Verdict::Nothing,
        // What a person gave it did not fit one of its steps, and none was started: nothing of the runbook failed.
        None if outcome == RunOutcome::Failed
            && matches!(journey.header.cause, Cause::Person { .. })
            && !journey.state.began_a_step() =>
        {
            Verdict::Nothing
        }
        Some(_) | None => Verdict::of(outcome, &journey.state),
    };
    if journey.header.dry_run || verdict == Verdict::Nothing {
        return None;
    }
    let runbook = &journey.header.runbook;
    let limit = world.in_use().policy.circuit_failures;
    change(world, runbook, at, |circuit| {
        circuit.after(verdict, limit, &journey.state, at, why)
    })
    .await
}

async fn change<'a>(
    world: &'a World,
    runbook: &RunbookName,
    at: Timestamp,
    step: impl Fn(Circuit) -> Circuit,
) -> Option<Change<'a>> {
    let is_same = |circuit: &Circuit| step(circuit.clone()) == *circuit;
    if is_same(&now_of(world, runbook)) {
        return None;
    }
    let alone = world.tripping.lock().await;
    let before = now_of(world, runbook);
    let next = step(before.clone());
    let opens = next.tripped().filter(|_| before.tripped().is_none());
    let opens = opens.cloned();
    (next != before).then(|| Change {
        world,
        runbook: runbook.clone(),
        opens,
        next,
        at,
        _alone: alone,
    })
}

/// Whether the circuit of this step's runbook is open. What failed before it came to an effect counts from here on.
///
/// # Errors
/// It opens, and that cannot be recorded.
pub(super) async fn at_effect(
    journey: &Journey,
    step: &PlannedStep,
) -> Result<Option<Tripped>, FlowError> {
    let (world, runbook) = (&journey.world, &step.runbook);
    let limit = world.in_use().policy.circuit_failures;
    if limit == 0 || !Halt::stops(&step.effects) {
        return Ok(None);
    }
    let at = world.now();
    let opened = |circuit: Circuit| circuit.at_effect(limit, at, BEFORE);
    if journey.header.dry_run {
        return Ok(opened(now_of(world, runbook)).tripped().cloned());
    }
    if let Some(change) = change(world, runbook, at, opened).await {
        world.write("an open circuit", change.writes()).await?;
        change.take();
    }
    Ok(open(world, runbook))
}

/// A person closes it: the runbook acts by itself again as policy lets it.
///
/// # Errors
/// It is not open, there is no such runbook, or it cannot be recorded.
pub(super) async fn reset(
    world: &World,
    runbook: &RunbookName,
    by: &Person,
    reason: &str,
) -> Result<(), AgentError> {
    let _alone = world.tripping.lock().await;
    let circuit = now_of(world, runbook);
    let Some(tripped) = circuit.tripped() else {
        let in_use = world.in_use();
        return Err(match in_use.set.runbook(runbook) {
            Some(_) => AgentError::Conflict(format!("the circuit of runbook {runbook} is closed")),
            None => AgentError::NotFound(format!("runbook {runbook}{}", in_use.set.hint(runbook))),
        });
    };
    let details =
        json!({"reason": reason, "failures": tripped.failures, "open_since": tripped.since});
    let resource = format!("runbook/{runbook}");
    let entry = Entry::new(world.now(), &by.subject, "circuit.reset", resource).with(details);
    let record = Write::Circuit {
        runbook: runbook.clone(),
        circuit: Circuit::default(),
    };
    let writes = vec![record, Write::Audit(entry)];
    world.write("the reset of a circuit", writes).await?;
    held(&world.circuits).remove(runbook);
    world.events.circuit_reset(runbook, &by.subject);
    Ok(())
}
