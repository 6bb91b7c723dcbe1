//! Questions to people, their answers, and their single use.

use super::{Applied, Rejected, execute, known, new_or_duplicate, unknown};
use crate::{
    domain::{
        approval::{Refusal, Request, Standing, Vote},
        digest::Digest,
        id::ApprovalId,
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
    let inserted = execute(
        to,
        "INSERT INTO approvals (id, run, request, asked_at, last_use)
         SELECT ?1, id, ?3, ?4, ?5 FROM runs WHERE id = ?2",
        params![
            request.id,
            request.run,
            Json(request),
            Millis(request.asked_at),
            Millis(last_use(request))
        ],
    );
    if let Ok(0) = inserted {
        return Err(unknown("run", &request.run));
    }
    new_or_duplicate(inserted, "approval", &request.id)
}

fn last_use(request: &Request) -> Timestamp {
    let seconds = i64::try_from(request.execute_within_secs).unwrap_or(i64::MAX);
    request
        .approve_by
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
    }
    case.request
        .admit(&case.votes, vote)
        .map_err(Refused::Vote)?;
    execute(
        to,
        "INSERT INTO votes (approval, subject, body) VALUES (?1, ?2, ?3)",
        params![id, vote.person.subject, Json(vote)],
    )?;
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
