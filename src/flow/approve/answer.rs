//! A person answers, or takes the question back.

use crate::{
    domain::{
        approval::{Person, Request, Verdict, Vote},
        audit::Entry,
        digest::Digest,
        id::ApprovalId,
    },
    flow::{clock, halt, world::World},
    history::{Refused, Write, WriteError},
    ports::agent::AgentError,
};
use serde_json::json;

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
    clock::look(world).await?;
    let request = known(world, id).await?;
    let digest = seen.unwrap_or(request.digest);
    let vote = Vote {
        person: person.clone(),
        verdict,
        digest,
        at: world.now(),
        comment: comment.to_owned(),
        consented_before: None,
    };
    let entry = vote_entry(world, &request, &vote);
    let writes = vec![
        Write::Vote {
            approval: id,
            vote: vote.clone(),
        },
        Write::Audit(entry),
    ];
    if let Err(error) = write(world, "an answer", writes).await {
        if let AgentError::Conflict(why) = &error {
            let refused = Entry {
                action: "approval.refused".to_owned(),
                ..vote_entry(world, &request, &vote)
            };
            let writes = vec![Write::Audit(refused.failed(why))];
            self::write(world, "an answer that was refused", writes).await?;
        }
        return Err(error);
    }
    world.events.approval_voted(id, request.run, &vote);
    world.answered.notify_waiters();
    Ok(())
}

/// A person takes a question back: the step does not run, and nobody said no to it.
///
/// # Errors
/// Why it is not taken back.
pub async fn cancel(
    world: &World,
    id: ApprovalId,
    by: &Person,
    reason: &str,
) -> Result<(), AgentError> {
    let request = known(world, id).await?;
    let details = json!({"run": request.run, "runbook": request.step.runbook, "step": request.step.step,
        "digest": request.digest, "reason": reason});
    let resource = format!("approval/{id}");
    let entry = Entry::new(world.now(), &by.subject, "approval.cancelled", resource).with(details);
    let taken_back = Write::CancelApproval {
        approval: id,
        by: by.subject.clone(),
        reason: reason.to_owned(),
        at: world.now(),
    };
    let writes = vec![taken_back, Write::Audit(entry)];
    write(world, "a question that is cancelled", writes).await?;
    world
        .events
        .approval_cancelled(id, request.run, &by.subject, reason);
    world.answered.notify_waiters();
    Ok(())
}

async fn known(world: &World, id: ApprovalId) -> Result<Request, AgentError> {
    let found = world.history.approval(id).await;
    let found = found.map_err(|error| AgentError::Unavailable(error.to_string()))?;
    let found = found.ok_or_else(|| AgentError::NotFound(format!("approval {id}")))?;
    Ok(found.request)
}

async fn write(world: &World, doing: &str, writes: Vec<Write>) -> Result<(), AgentError> {
    match world.history.write(writes).await {
        Ok(()) => Ok(()),
        Err(WriteError::Refused(Refused::Vote(refusal))) => {
            Err(AgentError::Conflict(refusal.to_string()))
        }
        Err(error) => Err(AgentError::Unavailable(
            world.write_failed(doing, &error).to_string(),
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
        "digest": vote.digest, "verdict": vote.verdict, "comment": vote.comment});
    Entry::new(world.now(), &vote.person.subject, action, resource).with(details)
}
