//! A question to people, and their answer.
//!
//! The question keeps the whole planned step and its digest; what is carried out after a yes is exactly that. The yes is used up in
//! the transaction that records the start of the step.

pub(in crate::flow) mod ahead;
mod answer;
mod involved;
pub(in crate::flow) mod often;

use crate::{
    domain::{
        approval::{Request, Standing},
        audit::Entry,
        gate::{Decision, Quorum, join},
        id::ApprovalId,
        plan::PlannedStep,
        run::{RunEvent, StepKey},
    },
    flow::{
        FlowError, clock, locks,
        run::Journey,
        start,
        step::{self, Attempt},
        world::World,
    },
    gate::{self, Judgement},
    history::{ApprovalCase, Refused, Write, WriteError},
};
pub(in crate::flow) use ahead::{adopt, refused};
pub use answer::{cancel, vote};
use involved::Involved;
pub use often::load;
use serde_json::{Value, json};
use std::{sync::atomic::Ordering, time::Duration};

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
    let mut events = Vec::new();
    let mut writes = Vec::new();
    let mut again = lapsed_before(journey, &attempt.key);
    if let Some(approval) = attempt.granted {
        again = if judgement.has_unknown_limit() {
            "a limit was reached since people consented".to_owned()
        } else {
            "the decision has become stricter since people consented".to_owned()
        };
        let (event, taken_back) = taken_back(approval, &again);
        events.push(event);
        writes.push(taken_back);
    }
    let request = question(journey, planned, quorum, &judgement, again).await?;
    let entry = requested(journey, &request, &judgement);
    events.push(step::gated(&request.step, &judgement));
    let (key, attempt) = (attempt.key.clone(), attempt.attempt);
    events.push(RunEvent::ApprovalRequested {
        key,
        attempt,
        approval: request.id,
    });
    writes.extend([Write::Approval(request.clone()), Write::Audit(entry)]);
    writes.extend(locks::give_back(journey));
    journey
        .record("a question to people", events, writes)
        .await?;
    locks::tell(journey);
    often::note(&world, request.asked_at);
    world.events.approval_requested(&request);
    Ok(())
}

/// What is asked, of whom, and until when.
async fn question(
    journey: &Journey,
    planned: PlannedStep,
    quorum: Quorum,
    judgement: &Judgement,
    again: String,
) -> Result<Request, FlowError> {
    let world = &journey.world;
    let rules = world.in_use().policy.approvals.clone();
    let involved = Involved::of(world, &journey.header, &rules).await?;
    Ok(Request {
        id: world.approval_id(),
        run: journey.header.id,
        digest: planned.digest(),
        contributions: judgement.contributions.clone(),
        quorum: involved.raise(quorum, &planned, &rules),
        step: planned,
        starters: involved.starters,
        authors: involved.authors,
        asked_at: world.now(),
        approve_by: world
            .now()
            .saturating_add(rules.approve_by.signed())
            .unwrap_or(jiff::Timestamp::MAX),
        execute_within_secs: rules.execute_within.duration().as_secs(),
        ahead: None,
        again,
    })
}

fn requested(journey: &Journey, request: &Request, judgement: &Judgement) -> Entry {
    let why = step::reasons(judgement, &Decision::ask());
    step::audit_gated(journey, &request.step, "approval.requested", judgement)
        .and("approval", request.id)
        .and("quorum", &request.quorum)
        .and("excluded", request.excluded())
        .and("approveBy", request.approve_by)
        .and("why", why)
        .and("again", &request.again)
        .and("ahead", &request.ahead)
}

/// Why people's last consent to this step was void; empty where there was none.
fn lapsed_before(journey: &Journey, key: &StepKey) -> String {
    let known = journey.state.steps.get(key);
    known.map(|step| step.lapsed.clone()).unwrap_or_default()
}

/// A question that is asked anew, and the old one taken back.
fn taken_back(approval: ApprovalId, reason: &str) -> (RunEvent, Write) {
    let reason = reason.to_owned();
    let event = RunEvent::ApprovalLapsed {
        approval,
        reason: reason.clone(),
    };
    (event, Write::Withdraw { approval, reason })
}

/// The question and what became of it, as the history has them.
async fn case(world: &World, id: ApprovalId) -> Result<Option<ApprovalCase>, FlowError> {
    let found = world.history.approval(id).await;
    found.map_err(|error| FlowError::unreadable("looking for an approval", &error))
}

/// The question as it was stored.
///
/// # Errors
/// The history cannot be read.
pub async fn request(world: &World, id: ApprovalId) -> Result<Request, FlowError> {
    let missing =
        || FlowError::unreadable("looking for an approval", &format!("{id} is not there"));
    let found = case(world, id).await?;
    found.map(|found| found.request).ok_or_else(missing)
}

/// A question and its answers, as the audit log tells them where the consent is used.
///
/// # Errors
/// The history cannot be read.
pub(crate) async fn answered(world: &World, id: ApprovalId) -> Result<Value, FlowError> {
    let found = case(world, id).await?;
    let votes = found.as_ref().map(|found| &found.votes);
    let asked_at = found.as_ref().map(|found| found.request.asked_at);
    let quorum = found.as_ref().map(|found| &found.request.quorum);
    Ok(json!({"id": id, "askedAt": asked_at, "quorum": quorum, "votes": votes}))
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
        clock::look(&world).await?;
        let Some(found) = case(&world, id).await? else {
            let gone = "the question is no longer in the history".to_owned();
            return deny(journey, key, None, Answer::No(gone)).await;
        };
        if let Some(settled) = settled(journey, &found).await? {
            return take(journey, key, &found, settled).await;
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

/// What comes of a question that waits no longer.
enum Answer {
    /// They consented.
    Yes,
    /// They did not, for this reason.
    No(String),
    /// A person took the question back, as this says.
    Cancelled(String),
    /// The question is moot, for this reason, and asked anew.
    Again(String),
}

async fn settled(journey: &Journey, case: &ApprovalCase) -> Result<Option<Answer>, FlowError> {
    let standing = case.standing(journey.world.now());
    if let Standing::Pending { .. } = standing {
        let stale = stale(journey, &case.request).await?;
        return Ok(stale.map(Answer::Again));
    }
    Ok(answer(case, standing))
}

fn answer(case: &ApprovalCase, standing: Standing) -> Option<Answer> {
    match standing {
        Standing::Pending { .. } => None,
        Standing::Approved { .. } => Some(Answer::Yes),
        Standing::Denied { by } => Some(Answer::No(format!("denied by {by}"))),
        Standing::Expired => Some(Answer::No("nobody consented in time".to_owned())),
        Standing::Withdrawn => Some(Answer::Again(case.recorded.reason().to_owned())),
        Standing::Cancelled { by } => {
            Some(Answer::Cancelled(cancelled(&by, case.recorded.reason())))
        }
        Standing::Redeemed => Some(Answer::No("the consent was used already".to_owned())),
    }
}

pub(super) fn cancelled(by: &str, reason: &str) -> String {
    let why = if reason.is_empty() {
        String::new()
    } else {
        format!(": {reason}")
    };
    format!("the question was cancelled by {by}{why}")
}

/// Why people must look again at what they are asked: there is another policy now, and it says something else of this very step, or of who
/// may consent to it.
///
/// # Errors
/// The history cannot be read.
pub(in crate::flow) async fn stale(
    journey: &Journey,
    request: &Request,
) -> Result<Option<String>, FlowError> {
    let world = &journey.world;
    let policy = step::policy_for(world, &journey.runbook);
    if policy.digest() == request.step.policy {
        return Ok(None);
    }
    let asked = &request.contributions;
    let involved = Involved::of(world, &journey.header, &policy.approvals).await?;
    let wanted = match join(asked) {
        Decision::Approve(quorum) => Some(involved.raise(quorum, &request.step, &policy.approvals)),
        Decision::Allow | Decision::Deny => None,
    };
    let same = gate::says_the_same(&request.step, &policy, world.now(), asked)
        && (&involved.starters, &involved.authors) == (&request.starters, &request.authors)
        && wanted.as_ref() == Some(&request.quorum);
    let reason = "the policy says something else of this step since people were asked";
    Ok((!same).then(|| reason.to_owned()))
}

async fn take(
    journey: &mut Journey,
    key: &StepKey,
    case: &ApprovalCase,
    answer: Answer,
) -> Result<(), FlowError> {
    let (id, world) = (case.request.id, journey.world.clone());
    let standing = case.standing(world.now());
    let tell = |standing: &Standing| {
        world.events.approval_ended(id, journey.header.id, standing);
    };
    match answer {
        Answer::Yes => {
            tell(&standing);
            granted(journey, id).await
        }
        no @ (Answer::No(_) | Answer::Cancelled(_)) => {
            tell(&standing);
            deny(journey, key, Some(&case.request), no).await
        }
        Answer::Again(reason) => {
            // What took it back elsewhere has told so.
            if standing != Standing::Withdrawn {
                tell(&Standing::Withdrawn);
            }
            void(journey, &case.request, &reason).await
        }
    }
}

/// A consent could not be used: somebody said no or took it back at the last moment, or it is void.
///
/// # Errors
/// The history cannot be read or written.
pub async fn unusable(
    journey: &mut Journey,
    key: &StepKey,
    approval: ApprovalId,
    refused: &str,
) -> Result<(), FlowError> {
    let Some(case) = case(&journey.world, approval).await? else {
        let gone = "the question is no longer in the history".to_owned();
        return deny(journey, key, None, Answer::No(gone)).await;
    };
    match settled(journey, &case).await? {
        Some(no @ (Answer::No(_) | Answer::Cancelled(_)))
            if case.standing(journey.world.now()) != Standing::Expired =>
        {
            deny(journey, key, Some(&case.request), no).await
        }
        Some(Answer::Again(reason)) => void(journey, &case.request, &reason).await,
        Some(Answer::Yes | Answer::No(_) | Answer::Cancelled(_)) | None => {
            void(journey, &case.request, refused).await
        }
    }
}

/// A question, or a consent, that no longer counts: it is taken back, which is audited, and people are asked anew.
///
/// # Errors
/// It could not be recorded.
pub async fn void(journey: &mut Journey, request: &Request, reason: &str) -> Result<(), FlowError> {
    let entry = step::audit(journey, &request.step, "approval.void")
        .and("approval", request.id)
        .failed(reason);
    let (event, taken_back) = taken_back(request.id, reason);
    let writes = vec![taken_back, Write::Audit(entry)];
    journey
        .record("a consent that no longer counts", vec![event], writes)
        .await?;
    journey
        .world
        .events
        .approval_void(request.id, journey.header.id, reason);
    Ok(())
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

/// People's no to what they were asked; nothing is known of the step where the question is gone.
async fn deny(
    journey: &mut Journey,
    key: &StepKey,
    asked: Option<&Request>,
    no: Answer,
) -> Result<(), FlowError> {
    let (reason, cancelled) = match no {
        Answer::Cancelled(reason) => (reason, true),
        Answer::No(reason) | Answer::Again(reason) => (reason, false),
        Answer::Yes => (String::new(), false),
    };
    let entry = match asked {
        Some(request) => {
            step::audit(journey, &request.step, "step.denied").and("approval", request.id)
        }
        None => start::audit(journey.world.now(), &journey.header, "step.denied", &reason)
            .and("step", &key.step),
    };
    let entry = entry.failed(&reason);
    let event = RunEvent::StepDenied {
        key: key.clone(),
        reason,
        cancelled,
    };
    journey
        .record("people's denial", vec![event], vec![Write::Audit(entry)])
        .await
}

/// The run is halted: nobody needs to answer any more. Where a person stopped it, that person has taken the question back.
///
/// # Errors
/// It could not be recorded.
pub async fn withdraw(
    journey: &mut Journey,
    key: &StepKey,
    approval: ApprovalId,
) -> Result<(), FlowError> {
    let reason = "the run was stopped before people answered".to_owned();
    let entry = start::audit(
        journey.world.now(),
        &journey.header,
        "approval.withdrawn",
        &reason,
    )
    .and("approval", approval)
    .and("step", &key.step);
    let skipped = RunEvent::StepSkipped {
        key: key.clone(),
        reason: reason.clone(),
    };
    if let Some((by, why)) = journey.state.cancel.clone() {
        let at = journey.world.now();
        let reason = format!("the run was cancelled: {why}");
        let taken_back = Write::CancelApproval {
            approval,
            by: by.clone(),
            reason: reason.trim_end_matches([' ', ':']).to_owned(),
            at,
        };
        match journey
            .try_record(
                vec![skipped.clone()],
                vec![taken_back, Write::Audit(entry.clone())],
            )
            .await
        {
            Ok(()) => {
                let standing = Standing::Cancelled { by };
                ended(journey, approval, &standing);
                return Ok(());
            }
            // It was denied or has expired at the same moment.
            Err(WriteError::Refused(Refused::Vote(_))) => {}
            Err(error) => {
                let doing = "a question that is cancelled";
                return Err(journey.world.write_failed(doing, &error));
            }
        }
    }
    let writes = vec![Write::Withdraw { approval, reason }, Write::Audit(entry)];
    journey
        .record("a question that is withdrawn", vec![skipped], writes)
        .await?;
    ended(journey, approval, &Standing::Withdrawn);
    Ok(())
}

fn ended(journey: &Journey, approval: ApprovalId, standing: &Standing) {
    journey
        .world
        .events
        .approval_ended(approval, journey.header.id, standing);
}
