//! A question to people, and their answer.
//!
//! The question keeps the whole planned step and its digest; what is carried out after a yes is exactly that. The yes is used up in
//! the transaction that records the start of the step.

use crate::{
    domain::{
        approval::{Person, Request, Standing, Verdict, Vote},
        audit::Entry,
        digest::Digest,
        gate::{Decision, Quorum},
        id::ApprovalId,
        lineage::Authors,
        pinned::FileOf,
        plan::PlannedStep,
        policy::ApprovalRules,
        run::{Cause, RunEvent, RunHeader, StepKey},
    },
    flow::{
        FlowError, halt, locks,
        run::Journey,
        start,
        step::{self, Attempt},
        world::World,
    },
    gate::Judgement,
    history::{Refused, Write, WriteError},
    ports::agent::AgentError,
};
use serde_json::json;
use std::{collections::BTreeSet, sync::atomic::Ordering, time::Duration};

/// Asks people. The run's locks are given back while it waits.
///
/// # Errors
/// The question could not be recorded.
pub async fn ask(
    journey: &mut Journey,
    attempt: &Attempt,
    planned: PlannedStep,
    quorum: Quorum,
    judgement: Judgement,
) -> Result<(), FlowError> {
    let world = journey.world.clone();
    let rules = world.in_use().policy.approvals.clone();
    let request = Request {
        id: world.approval_id(),
        run: journey.header.id,
        digest: planned.digest(),
        contributions: judgement.contributions.clone(),
        quorum: with_unknown(quorum, &journey.header, &planned, &rules),
        excluded: excluded(&journey.header, &rules),
        asked_at: world.now(),
        approve_by: world
            .now()
            .saturating_add(rules.approve_by.signed())
            .unwrap_or(jiff::Timestamp::MAX),
        execute_within_secs: rules.execute_within.duration().as_secs(),
        step: planned,
    };
    let why = step::reasons(&judgement, &Decision::ask());
    let details = json!({"approval": request.id, "quorum": request.quorum, "why": why, "effects": request.step.effects,
        "arguments": step::readable(&request.step.arguments)});
    let entry = step::audit(journey, &request.step, "approval.requested", details);
    let mut events = Vec::new();
    if let Some(approval) = attempt.granted {
        let reason = "the decision has become stricter since people consented".to_owned();
        events.push(RunEvent::ApprovalLapsed { approval, reason });
    }
    events.push(step::gated(&request.step, &judgement));
    let (key, attempt) = (attempt.key.clone(), attempt.attempt);
    events.push(RunEvent::ApprovalRequested {
        key,
        attempt,
        approval: request.id,
    });
    let mut writes = vec![Write::Approval(request.clone()), Write::Audit(entry)];
    writes.extend(locks::give_back(journey));
    journey
        .record("a question to people", events, writes)
        .await?;
    locks::tell(journey);
    world.events.approval_requested(&request);
    Ok(())
}

/// Who may not consent: the one who started the run, and everybody who had a hand in what the runbook says.
fn excluded(header: &RunHeader, rules: &ApprovalRules) -> BTreeSet<String> {
    let mut excluded = BTreeSet::new();
    if let (Cause::Person { subject }, false) = (&header.cause, rules.trigger_may_approve) {
        excluded.insert(subject.clone());
    }
    if !rules.author_may_approve {
        let authors = Authors::read(&header.author);
        excluded.extend(authors.people().flat_map(subjects));
    }
    excluded
}

/// A commit's author is `name <mail>`; a subject may be either of both, or the whole.
fn subjects(author: &str) -> Vec<String> {
    let author = author.trim();
    let (name, mail) = author.split_once('<').unwrap_or((author, ""));
    let parts = [author, name.trim(), mail.trim_end_matches('>').trim()];
    let parts = parts.iter().filter(|part| !part.is_empty());
    parts.map(|part| (*part).to_owned()).collect()
}

/// Somebody who cannot be named cannot be kept from consenting: then one person more must consent, so that at least one is not the
/// author. Of a runbook the authors are followed, of the other files that a step is carried out with they are not.
fn with_unknown(
    quorum: Quorum,
    header: &RunHeader,
    planned: &PlannedStep,
    rules: &ApprovalRules,
) -> Quorum {
    let mut files = planned.pinned.files.iter();
    let has_unknown = Authors::read(&header.author).has_unknown()
        || files.any(|file| file.of == FileOf::Repository);
    let is_unknown = !rules.author_may_approve && has_unknown;
    Quorum {
        people: quorum.people + u32::from(is_unknown),
        ..quorum
    }
}

/// The question as it was stored.
///
/// # Errors
/// The history cannot be read.
pub async fn request(world: &World, id: ApprovalId) -> Result<Request, FlowError> {
    let found = world.history.approval(id).await;
    let found = found.map_err(|error| FlowError::unreadable("looking for an approval", &error))?;
    let missing =
        || FlowError::unreadable("looking for an approval", &format!("{id} is not there"));
    found.map(|found| found.request).ok_or_else(missing)
}

/// Waits until the question is settled, the run is cancelled, or the agent stops.
///
/// # Errors
/// The history cannot be read or written, or the agent stops.
pub async fn wait(journey: &mut Journey, key: &StepKey, id: ApprovalId) -> Result<(), FlowError> {
    let world = journey.world.clone();
    let _counted = Waiting::begin(&world);
    loop {
        let answered = world.answered.notified();
        tokio::pin!(answered);
        answered.as_mut().enable();
        let found = world.history.approval(id).await;
        let found =
            found.map_err(|error| FlowError::unreadable("looking for an approval", &error))?;
        let Some(found) = found else {
            return deny(
                journey,
                key,
                "the question is no longer in the history".to_owned(),
            )
            .await;
        };
        let standing = found.standing(world.now());
        if let Some(settled) = settled(&standing) {
            world
                .events
                .approval_ended(id, journey.header.id, &standing);
            return match settled {
                Ok(()) => granted(journey, id).await,
                Err(reason) => deny(journey, key, reason).await,
            };
        }
        let left = Duration::try_from(found.request.approve_by.duration_since(world.now()))
            .unwrap_or_default();
        // Looked at anew at least once a minute: a clock that jumps must not keep a dead question open.
        let pause = left
            .saturating_add(Duration::from_millis(1))
            .min(Duration::from_mins(1));
        tokio::select! {
            () = answered => {}
            () = world.clock.sleep(pause) => {}
            _ = journey.cancel.changed() => return Ok(()),
            () = world.draining.cancelled() => return Err(FlowError::Stopping),
        }
    }
}

/// Counts a run that waits for people, for as long as it does.
struct Waiting<'a>(&'a World);

impl<'a> Waiting<'a> {
    fn begin(world: &'a World) -> Self {
        let before = world.waiting.fetch_add(1, Ordering::SeqCst);
        world.events.approvals_waiting(before + 1);
        Self(world)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let before = self.0.waiting.fetch_sub(1, Ordering::SeqCst);
        self.0.events.approvals_waiting(before.saturating_sub(1));
    }
}

fn settled(standing: &Standing) -> Option<Result<(), String>> {
    match standing {
        Standing::Pending { .. } => None,
        Standing::Approved { .. } => Some(Ok(())),
        Standing::Denied { by } => Some(Err(format!("denied by {by}"))),
        Standing::Expired => Some(Err("nobody consented in time".to_owned())),
        Standing::Withdrawn => Some(Err("the question was withdrawn".to_owned())),
        Standing::Redeemed => Some(Err("the consent was used already".to_owned())),
    }
}

async fn granted(journey: &mut Journey, approval: ApprovalId) -> Result<(), FlowError> {
    journey
        .record(
            "people's consent",
            vec![RunEvent::ApprovalGranted { approval }],
            Vec::new(),
        )
        .await
}

async fn deny(journey: &mut Journey, key: &StepKey, reason: String) -> Result<(), FlowError> {
    let entry = start::audit(journey.world.now(), &journey.header, "step.denied", &reason);
    let entry = entry.failed(&reason);
    let event = RunEvent::StepDenied {
        key: key.clone(),
        reason,
    };
    journey
        .record("people's denial", vec![event], vec![Write::Audit(entry)])
        .await
}

/// The run is halted: nobody needs to answer any more.
///
/// # Errors
/// It could not be recorded.
pub async fn withdraw(
    journey: &mut Journey,
    key: &StepKey,
    approval: ApprovalId,
) -> Result<(), FlowError> {
    let reason = "the run was stopped before people answered".to_owned();
    let event = RunEvent::StepSkipped {
        key: key.clone(),
        reason: reason.clone(),
    };
    let writes = vec![Write::Withdraw { approval, reason }];
    journey
        .record("a question that is withdrawn", vec![event], writes)
        .await?;
    journey
        .world
        .events
        .approval_ended(approval, journey.header.id, &Standing::Withdrawn);
    Ok(())
}

/// The consent could not be used: if that is because it no longer counts, people are asked again; any other failure to record
/// stands.
///
/// # Errors
/// The failure to record.
pub async fn lapse(
    journey: &mut Journey,
    approval: ApprovalId,
    error: &FlowError,
) -> Result<(), FlowError> {
    let found = journey.world.history.approval(approval).await;
    let found = found.map_err(|error| FlowError::unreadable("looking for an approval", &error))?;
    let standing = found.map(|found| found.standing(journey.world.now()));
    if matches!(standing, Some(Standing::Approved { .. }) | None) {
        return Err(error.clone());
    }
    let reason = format!(
        "it is {}",
        standing.as_ref().map_or("gone", Standing::as_str)
    );
    let event = RunEvent::ApprovalLapsed { approval, reason };
    journey
        .record("a consent that no longer counts", vec![event], Vec::new())
        .await
}

/// What people consented to is no longer what would be carried out: the consent is void, and the step is planned and judged anew.
///
/// # Errors
/// It could not be recorded.
pub async fn void(
    journey: &mut Journey,
    planned: &PlannedStep,
    approval: ApprovalId,
    reason: String,
) -> Result<(), FlowError> {
    let details = json!({"approval": approval, "reason": reason});
    let entry = step::audit(journey, planned, "approval.void", details).failed(&reason);
    let event = RunEvent::ApprovalLapsed {
        approval,
        reason: reason.clone(),
    };
    let writes = vec![Write::Withdraw { approval, reason }, Write::Audit(entry)];
    let doing = "a consent to what is no longer the same";
    journey.record(doing, vec![event], writes).await?;
    let (run, events) = (journey.header.id, &journey.world.events);
    events.approval_ended(approval, run, &Standing::Withdrawn);
    Ok(())
}

/// Takes a person's answer.
///
/// # Errors
/// Why it is not taken.
pub async fn vote(
    world: &World,
    id: ApprovalId,
    person: &Person,
    verdict: Verdict,
    seen: Option<Digest>,
    comment: &str,
) -> Result<(), AgentError> {
    halt::allow_vote(world, verdict)?;
    let found = world.history.approval(id).await;
    let found = found.map_err(|error| AgentError::Unavailable(error.to_string()))?;
    let found = found.ok_or_else(|| AgentError::NotFound(format!("approval {id}")))?;
    let digest = seen.unwrap_or(found.request.digest);
    let vote = Vote {
        person: person.clone(),
        verdict,
        digest,
        at: world.now(),
        comment: comment.to_owned(),
    };
    let entry = vote_entry(world, &found.request, &vote);
    let writes = vec![
        Write::Vote {
            approval: id,
            vote: vote.clone(),
        },
        Write::Audit(entry),
    ];
    match world.history.write(writes).await {
        Ok(()) => {
            world.events.approval_voted(id, found.request.run, &vote);
            world.answered.notify_waiters();
            Ok(())
        }
        Err(WriteError::Refused(Refused::Vote(refusal))) => {
            Err(AgentError::Conflict(refusal.to_string()))
        }
        Err(error) => Err(AgentError::Unavailable(
            world.write_failed("an answer", &error).to_string(),
        )),
    }
}

fn vote_entry(world: &World, request: &Request, vote: &Vote) -> Entry {
    let action = match vote.verdict {
        Verdict::Approve => "approval.approved",
        Verdict::Deny => "approval.denied",
    };
    let resource = format!("approval/{}", request.id);
    let details = json!({"run": request.run, "runbook": request.step.runbook, "step": request.step.step,
        "digest": vote.digest, "comment": vote.comment});
    Entry::new(world.now(), &vote.person.subject, action, resource).with(details)
}
