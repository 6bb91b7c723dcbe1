//! Questions to people, their answers, and their single use.

use super::{Applied, Rejected, execute, find, known, new_or_duplicate, unknown};
use crate::{
    domain::{
        approval::{Refusal, Request, Standing, Vote},
        digest::Digest,
        id::{ApprovalId, RunId},
    },
    history::{
        columns::{Json, Millis},
        error::Refused,
        read::approvals,
        rows::{ApprovalCase, ApprovalRecord},
    },
};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};

pub(super) fn request(to: &Connection, request: &Request) -> Applied {
    let run: Option<RunId> = find(to, "SELECT id FROM runs WHERE id = ?1", [request.run])?;
    if run.is_none() && request.ahead.is_none() {
        return Err(unknown("run", &request.run));
    }
    let due = request.ahead.as_ref().map(|ahead| &ahead.occurrence);
    let inserted = execute(
        to,
        "INSERT INTO approvals (id, run, wanted_run, runbook, trigger_key, nominal, request, asked_at, last_use)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            request.id,
            run,
            request.run,
            due.map(|due| &due.runbook),
            due.map(|due| &due.trigger),
            due.map(|due| Millis(due.nominal)),
            Json(request),
            Millis(request.asked_at),
            Millis(last_use(request))
        ],
    );
    new_or_duplicate(inserted, "approval", &request.id)
}

/// A run that people were asked about ahead exists now.
pub(super) fn run_made(to: &Connection, run: RunId) -> Applied {
    execute(
        to,
        "UPDATE approvals SET run = ?1 WHERE wanted_run = ?1 AND run IS NULL",
        [run],
    )?;
    Ok(())
}

fn last_use(request: &Request) -> Timestamp {
    let seconds = i64::try_from(request.execute_within_secs).unwrap_or(i64::MAX);
    let due = request.ahead.as_ref().map(|ahead| ahead.due);
    request
        .approve_by
        .max(due.unwrap_or(request.approve_by))
        .saturating_add(SignedDuration::from_secs(seconds))
        .unwrap_or(Timestamp::MAX)
}

fn found(to: &Connection, id: ApprovalId) -> Result<ApprovalCase, Rejected> {
    approvals::one(to, id)?.ok_or_else(|| unknown("approval", &id))
}

pub(super) fn vote(to: &Connection, id: ApprovalId, vote: &Vote) -> Applied {
    let mut case = found(to, id)?;
    match case.recorded {
        ApprovalRecord::Open => {}
        ApprovalRecord::Redeemed { .. } => return not_open("redeemed"),
        ApprovalRecord::Withdrawn { .. } => return not_open("withdrawn"),
        ApprovalRecord::Cancelled { .. } => return not_open("cancelled"),
    }
    case.request
        .admit(&case.votes, vote)
        .map_err(Refused::Vote)?;
    let earlier = case
        .votes
        .iter()
        .find(|it| it.person.subject == vote.person.subject);
    let kept = Vote {
        consented_before: earlier.map(|earlier| earlier.at),
        ..vote.clone()
    };
    execute(
        to,
        "INSERT INTO votes (approval, subject, body) VALUES (?1, ?2, ?3)
         ON CONFLICT (approval, subject) DO UPDATE SET body = excluded.body",
        params![id, vote.person.subject, Json(&kept)],
    )?;
    case.votes
        .retain(|earlier| earlier.person.subject != vote.person.subject);
    case.votes.push(vote.clone());
    let standing = case.request.standing(&case.votes, vote.at);
    if matches!(standing, Standing::Denied { .. }) {
        execute(
            to,
            "UPDATE approvals SET state = 'denied', settled_at = ?2, reason = ?3 WHERE id = ?1",
            params![id, Millis(vote.at), vote.comment],
        )?;
    }
    Ok(())
}

fn not_open(standing: &'static str) -> Applied {
    Err(Refused::Vote(Refusal::NotOpen(standing)).into())
}

/// Compare and swap: only one that stands approved now becomes used.
pub(super) fn redeem(to: &Connection, id: ApprovalId, digest: Digest, at: Timestamp) -> Applied {
    let case = found(to, id)?;
    if case.request.digest != digest {
        return Err(Refused::OtherDigest(id).into());
    }
    let nominal = case.request.ahead.as_ref().map(|it| it.occurrence.nominal);
    if let Some(nominal) = nominal.filter(|nominal| at < *nominal) {
        return Err(Refused::TooEarly(id, nominal).into());
    }
    let standing = case.standing(at);
    if !matches!(standing, Standing::Approved { .. }) {
        return Err(Refused::NotRedeemable(standing).into());
    }
    let swapped = execute(
        to,
        "UPDATE approvals SET state = 'redeemed', settled_at = ?2 WHERE id = ?1 AND state = 'open'",
        params![id, Millis(at)],
    )?;
    if swapped == 0 {
        return Err(Refused::NotRedeemable(Standing::Redeemed).into());
    }
    Ok(())
}

pub(super) fn withdraw(to: &Connection, id: ApprovalId, reason: &str) -> Applied {
    let touched = execute(
        to,
        "UPDATE approvals SET
             reason = iif(state = 'open', ?2, reason), state = iif(state = 'open', 'withdrawn', state)
         WHERE id = ?1",
        params![id, reason],
    )?;
    known(touched, "approval", &id)
}

/// Refused unless something could still come of it.
pub(super) fn cancel(
    to: &Connection,
    id: ApprovalId,
    (by, reason): (&str, &str),
    at: Timestamp,
) -> Applied {
    let standing = found(to, id)?.standing(at);
    if !matches!(
        standing,
        Standing::Pending { .. } | Standing::Approved { .. }
    ) {
        return not_open(standing.as_str());
    }
    execute(
        to,
        "UPDATE approvals SET state = 'cancelled', settled_at = ?2, settled_by = ?3, reason = ?4 WHERE id = ?1",
        params![id, Millis(at), by, reason],
    )?;
    Ok(())
}
