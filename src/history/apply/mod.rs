//! One function per thing that can be written. Each runs inside the writer's transaction and savepoint.

mod agent;
mod approval;
mod artifact;
mod audit;
mod circuit;
mod event;
mod rotation;
mod run;
mod schedule;
mod spending;

use crate::{
    domain::digest::Digest,
    history::{audit::archive, error::Refused, write::Write, writer::Shared},
};
use rusqlite::{CachedStatement, Connection, Params};

/// Where the audit chain is: the last record's number, and its value there.
pub(in crate::history) type Chain = (u64, Digest);

/// What a write is applied to.
#[derive(Debug)]
pub(in crate::history) struct Desk<'a> {
    pub(in crate::history) connection: &'a Connection,
    pub(in crate::history) key: &'a [u8],
    pub(in crate::history) chain: &'a mut Chain,
    pub(in crate::history) shared: &'a Shared,
}

/// Why a write is not applied.
#[derive(Debug)]
pub(in crate::history) enum Rejected {
    /// It may not be.
    Refused(Refused),
    /// It could not be.
    Database(rusqlite::Error),
}

impl From<Refused> for Rejected {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}
impl From<rusqlite::Error> for Rejected {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

pub(in crate::history) type Applied = Result<(), Rejected>;

/// Applies one write.
#[expect(clippy::too_many_lines, reason = "one arm for each kind of write")]
pub(in crate::history) fn apply(desk: &mut Desk<'_>, write: &Write) -> Applied {
    let to = desk.connection;
    match write {
        Write::Occurrence(occurrence, run) => schedule::claim(to, occurrence, *run),
        Write::Skipped(skipped) => schedule::skipped(to, skipped),
        Write::Definition { digest, runbook } => run::definition(to, digest, runbook),
        Write::Run(header) => {
            run::header(to, header).and_then(|()| approval::run_made(to, header.id))
        }
        Write::Event { run, event, at } => event::event(to, *run, event, *at),
        Write::Audit(entry) => audit::append(desk, entry),
        Write::Archived(moved) => archive::moved(desk, moved),
        Write::Approval(request) => approval::request(to, request),
        Write::Vote { approval, vote } => approval::vote(to, *approval, vote),
        Write::Redeem {
            approval,
            digest,
            at,
        } => approval::redeem(to, *approval, *digest, *at),
        Write::Withdraw { approval, reason } => approval::withdraw(to, *approval, reason),
        Write::CancelApproval {
            approval,
            by,
            reason,
            at,
        } => approval::cancel(to, *approval, (by, reason), *at),
        Write::Artifact(record) => artifact::made(to, record),
        Write::ArtifactVerified {
            id,
            at,
            took,
            detail,
        } => artifact::verified(to, *id, *at, *took, detail),
        Write::ArtifactUnsound { id, at, reason } => artifact::unsound(to, *id, *at, reason),
        Write::ArtifactAccepted { id } => artifact::accepted(to, *id),
        Write::ArtifactRemoved { id, at } => artifact::removed(to, *id, *at),
        Write::Credential(credential) => rotation::credential(to, credential),
        Write::CredentialForgotten { name } => rotation::forgotten(to, name),
        Write::Rotation(record) => rotation::event(to, record),
        Write::Trigger {
            runbook,
            key,
            active_since,
        } => schedule::trigger(to, runbook, key, *active_since),
        Write::TriggerGone { runbook, key } => schedule::trigger_gone(to, runbook, key),
        Write::Suspend {
            runbook,
            until,
            by,
            reason,
            at,
        } => schedule::suspend(to, runbook, *until, (by, reason), *at),
        Write::Resume { runbook } => schedule::resume(to, runbook),
        Write::Circuit { runbook, circuit } => circuit::circuit(to, runbook, circuit),
        Write::Proof {
            definition,
            runbook,
            at,
        } => circuit::proof(to, *definition, runbook, *at),
        Write::Trusted { definitions, at } => circuit::trusted(to, definitions, *at),
        Write::Halt(halt) => agent::halt(to, halt),
        Write::Unhalt => agent::unhalt(to),
        Write::NotHalted => agent::not_halted(to),
        Write::Jumped(jump) => agent::jumped(to, jump),
        Write::ClockTrusted => agent::clock_trusted(to),
        Write::Heartbeat { at, stamp } => agent::heartbeat(to, *at, stamp.as_ref()),
        Write::Sync(record) => agent::sync(to, record),
        Write::Active(changes) => changes
            .iter()
            .try_for_each(|change| agent::active(to, change)),
        Write::Effect {
            at,
            runbook,
            touched,
        } => agent::effect(to, *at, runbook, touched),
        Write::NoEffect {
            at,
            runbook,
            touched,
        } => agent::no_effect(to, *at, runbook, touched),
        Write::Idempotency { key, run, at } => agent::idempotency(to, key, *run, *at),
        Write::Lock {
            name,
            owner,
            until,
            at,
        } => agent::lock(to, name, *owner, *until, *at),
        Write::Reserve(reservation) => spending::reserve(to, reservation),
        Write::Settle {
            call,
            at,
            actual,
            took,
        } => spending::settle(to, *call, *at, *actual, *took),
        Write::Unlock { name, owner } => agent::unlock(to, name, *owner),
    }
}

/// Runs one statement and says how many rows it touched.
pub(in crate::history) fn execute(
    to: &Connection,
    sql: &str,
    values: impl Params,
) -> rusqlite::Result<usize> {
    let mut statement: CachedStatement<'_> = to.prepare_cached(sql)?;
    statement.execute(values)
}

/// The one value that a query may find.
fn find<T: rusqlite::types::FromSql>(
    to: &Connection,
    sql: &str,
    values: impl Params,
) -> rusqlite::Result<Option<T>> {
    use rusqlite::OptionalExtension as _;
    to.prepare_cached(sql)?
        .query_row(values, |row| row.get(0))
        .optional()
}

/// Turns a clash of primary keys into a refusal.
fn new_or_duplicate(
    inserted: rusqlite::Result<usize>,
    what: &'static str,
    id: &dyn std::fmt::Display,
) -> Applied {
    let clash = |error: &rusqlite::Error| {
        error
            .sqlite_error()
            .is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY)
    };
    match inserted {
        Ok(_) => Ok(()),
        Err(error) if clash(&error) => Err(Refused::Duplicate {
            what,
            id: id.to_string(),
        }
        .into()),
        Err(error) => Err(error.into()),
    }
}

/// Turns an update that touched nothing into a refusal.
fn known(touched: usize, what: &'static str, id: &dyn std::fmt::Display) -> Applied {
    if touched == 0 {
        return Err(unknown(what, id));
    }
    Ok(())
}

fn unknown(what: &'static str, id: &dyn std::fmt::Display) -> Rejected {
    Refused::Unknown {
        what,
        id: id.to_string(),
    }
    .into()
}
