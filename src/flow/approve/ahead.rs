//! People are asked ahead of a due time; the run that comes takes their answer over, if it would do exactly what they were asked about.
//!
//! The question names the run that is to come by its id, which the run then gets. Whatever changes the step meanwhile (a commit, the
//! policy, the environment's values) takes the question back and asks anew.

use super::{Answer, question, requested, settled, stale};
use crate::{
    domain::{
        active::ActiveRunbook,
        approval::{Ahead, Request, Standing},
        audit::Entry,
        consented,
        gate::Decision,
        id::RunId,
        name::RunbookName,
        occurrence::Occurrence,
        plan::PlannedStep,
        run::{Cause, RunEvent, RunState},
        runbook::Step,
    },
    flow::{
        FlowError, locks,
        run::Journey,
        start::{self, Wish},
        step::{self, Attempt},
        world::World,
    },
    history::{ApprovalCase, ApprovalFilter, Write},
};
use jiff::Timestamp;
use std::sync::Arc;
use tokio::sync::watch;

/// The questions of one due time, newest first.
async fn cases(world: &World, due: &Occurrence) -> Result<Vec<ApprovalCase>, FlowError> {
    let found = world.history.approvals_ahead(due.clone()).await;
    found.map_err(|error| FlowError::unreadable("looking for questions asked ahead", &error))
}

/// The id that the run of this due time must have, if people were asked about it.
///
/// # Errors
/// The history cannot be read.
pub(in crate::flow) async fn run_of(
    world: &World,
    due: &Occurrence,
) -> Result<Option<RunId>, FlowError> {
    let cases = cases(world, due).await?;
    Ok(cases.first().map(|case| case.request.run))
}

/// Asks about every step whose time to be asked about has come. Gives the questions that stand. Nobody is asked about a due time that
/// would not run as things are, because an earlier run is still going on; should that one end before, they are asked then.
///
/// # Errors
/// The history cannot be read or written.
pub(in crate::flow) async fn ask(
    world: &Arc<World>,
    found: &ActiveRunbook,
    ahead: &Ahead,
) -> Result<Vec<Request>, FlowError> {
    let cases = cases(world, &ahead.occurrence).await?;
    if cases.is_empty() && start::is_in_the_way(world, &found.runbook) {
        return Ok(Vec::new());
    }
    let before = cases.first().map(|case| case.request.run);
    let Some(journey) = to_come(world, found, ahead, before) else {
        return Ok(Vec::new());
    };
    let mut standing = Vec::new();
    for step in &found.runbook.steps {
        let is_time = step
            .ahead
            .is_some_and(|early| opens(ahead.due, early) <= world.now());
        if !is_time {
            continue;
        }
        let last = cases
            .iter()
            .find(|case| case.request.step.step == step.name);
        standing.extend(ask_about(&journey, step, ahead, last).await?);
    }
    Ok(standing)
}

/// When people are asked.
pub(in crate::flow) fn opens(due: Timestamp, early: crate::domain::span::Span) -> Timestamp {
    due.saturating_sub(early.signed()).unwrap_or(Timestamp::MIN)
}

/// The run as it will be.
fn to_come(
    world: &Arc<World>,
    found: &ActiveRunbook,
    ahead: &Ahead,
    id: Option<RunId>,
) -> Option<Journey> {
    let cause = Cause::Schedule {
        occurrence: ahead.occurrence.clone(),
    };
    let mut wish = Wish::of(found.runbook.name.clone(), cause);
    wish.run = id;
    match start::header(world, found, &wish) {
        Ok(header) => Some(Journey {
            world: world.clone(),
            header,
            runbook: found.runbook.clone(),
            state: RunState::default(),
            cancel: watch::channel(None).1,
            is_new: true,
            unwritten: Vec::new(),
        }),
        // The due time itself is recorded as not run, with this reason.
        Err(why) => {
            tracing::debug!(runbook = %found.runbook.name, "nobody is asked ahead: {why:?}");
            None
        }
    }
}

async fn ask_about(
    journey: &Journey,
    step: &Step,
    ahead: &Ahead,
    last: Option<&ApprovalCase>,
) -> Result<Option<Request>, FlowError> {
    let world = &journey.world;
    let standing = last.map(|case| (case, case.standing(world.now())));
    let coming = match step::ahead::plan(journey, step).await {
        Ok(Some(coming)) => coming,
        Ok(None) => {
            return take_back_if_open(journey, last, "its `when` is false now").await;
        }
        Err(error) => {
            tracing::warn!(runbook = %journey.header.runbook, step = %step.name, "nobody can be asked ahead: {error}");
            return take_back_if_open(journey, last, &error).await;
        }
    };
    let mut again = String::new();
    match standing {
        Some((
            case,
            Standing::Pending { .. }
            | Standing::Approved { .. }
            | Standing::Denied { .. }
            | Standing::Cancelled { .. },
        )) => {
            let other = match consented::differs(coming.step(), &case.request.step) {
                None => stale(journey, &case.request).await?,
                other => other,
            };
            match other {
                None => return Ok(Some(case.request.clone())),
                Some(reason) => again = reason,
            }
        }
        Some((case, Standing::Withdrawn)) => case.recorded.reason().clone_into(&mut again),
        Some((_, Standing::Expired | Standing::Redeemed)) | None => {}
    }
    let judgement = step::ahead::judge(journey, step, &coming, ahead.due).await?;
    let Decision::Approve(quorum) = &judgement.decision else {
        let said = format!("the gate says {} now", judgement.decision.as_str());
        return take_back_if_open(journey, last, &said).await;
    };
    let planned = coming.step().clone();
    let mut request = question(journey, planned, quorum.clone(), &judgement, again).await?;
    let rules = world.in_use().policy.approvals.clone();
    // As long after the due time as if they were asked then: asking ahead only adds to the time that they have.
    request.approve_by = ahead
        .due
        .saturating_add(rules.approve_by.signed())
        .unwrap_or(Timestamp::MAX);
    request.ahead = Some(ahead.clone());
    let mut writes = taken_back(journey, last, &request.again);
    writes.extend([
        Write::Definition {
            digest: journey.header.definition,
            runbook: journey.runbook.clone(),
        },
        Write::Approval(request.clone()),
        Write::Audit(requested(journey, &request, &judgement)),
    ]);
    world.write("a question asked ahead", writes).await?;
    super::often::note(world, request.asked_at);
    world.events.approval_requested(&request);
    Ok(Some(request))
}

/// What takes the last question back, if it is open; that is told.
fn taken_back(journey: &Journey, last: Option<&ApprovalCase>, reason: &str) -> Vec<Write> {
    let world = &journey.world;
    let open = last.filter(|case| is_open(&case.standing(world.now())));
    let withdraw = |case: &ApprovalCase| {
        let (id, run) = (case.request.id, case.request.run);
        world.events.approval_ended(id, run, &Standing::Withdrawn);
        world.events.approval_void(id, run, reason);
        let entry = step::audit(journey, &case.request.step, "approval.void").and("approval", id);
        let reason = reason.to_owned();
        [
            Write::Audit(entry.failed(&reason)),
            Write::Withdraw {
                approval: id,
                reason,
            },
        ]
    };
    open.map(withdraw).into_iter().flatten().collect()
}

async fn take_back_if_open(
    journey: &Journey,
    last: Option<&ApprovalCase>,
    reason: &str,
) -> Result<Option<Request>, FlowError> {
    let writes = taken_back(journey, last, reason);
    if !writes.is_empty() {
        let doing = "a question asked ahead that is moot";
        journey.world.write(doing, writes).await?;
    }
    Ok(None)
}

fn is_open(standing: &Standing) -> bool {
    matches!(
        standing,
        Standing::Pending { .. } | Standing::Approved { .. }
    )
}

/// The due times of a trigger until then come to nothing: so do the questions about them that no run has taken over.
///
/// # Errors
/// The history cannot be read or written.
pub(in crate::flow) async fn take_back(
    world: &World,
    runbook: &RunbookName,
    trigger: &str,
    until: Timestamp,
    reason: &str,
) -> Result<(), FlowError> {
    let open = world
        .history
        .approvals_orphaned(runbook.clone(), trigger.to_owned(), until)
        .await;
    let open =
        open.map_err(|error| FlowError::unreadable("looking for questions asked ahead", &error))?;
    if open.is_empty() {
        return Ok(());
    }
    let withdraw = |case: &ApprovalCase| {
        let entry = Entry::of_step(world.now(), "system", "approval.void", &case.request.step);
        let entry = entry.and("approval", case.request.id).failed(reason);
        let withdrawn = Write::Withdraw {
            approval: case.request.id,
            reason: reason.to_owned(),
        };
        [withdrawn, Write::Audit(entry)]
    };
    let writes = open.iter().flat_map(withdraw).collect();
    world
        .write("questions asked ahead that are moot", writes)
        .await?;
    for case in &open {
        let (id, run) = (case.request.id, case.request.run);
        world.events.approval_ended(id, run, &Standing::Withdrawn);
        world.events.approval_void(id, run, reason);
    }
    Ok(())
}

/// The run takes back what people were asked ahead of it and what still waits for an answer or for its use. What they refused, or what
/// has expired, stays that.
///
/// # Errors
/// The history cannot be read.
pub(in crate::flow) async fn moot(
    journey: &Journey,
    reason: &str,
) -> Result<Vec<Write>, FlowError> {
    let mut steps = journey.runbook.steps.iter();
    if !steps.any(|step| step.ahead.is_some()) {
        return Ok(Vec::new());
    }
    let now = journey.world.now();
    let mut cases = of_run(journey).await?;
    cases.retain(|case| is_open(&case.standing(now)));
    let withdraw = |case: ApprovalCase| Write::Withdraw {
        approval: case.request.id,
        reason: reason.to_owned(),
    };
    Ok(cases.into_iter().map(withdraw).collect())
}

/// The newest question that was asked ahead about this attempt, if it is not moot.
async fn of_attempt(
    journey: &Journey,
    attempt: &Attempt,
) -> Result<Option<ApprovalCase>, FlowError> {
    let asked = |case: &ApprovalCase| {
        let step = &case.request.step;
        case.request.ahead.is_some()
            && step.phase == attempt.key.phase
            && step.step == attempt.key.step
            && step.attempt == attempt.attempt
    };
    let mut cases = of_run(journey).await?;
    cases.retain(asked);
    let newest = cases.into_iter().next();
    Ok(
        newest.filter(|case| match case.standing(journey.world.now()) {
            Standing::Pending { .. }
            | Standing::Approved { .. }
            | Standing::Denied { .. }
            | Standing::Cancelled { .. } => true,
            Standing::Expired | Standing::Withdrawn | Standing::Redeemed => false,
        }),
    )
}

async fn of_run(journey: &Journey) -> Result<Vec<ApprovalCase>, FlowError> {
    let filter = ApprovalFilter {
        run: Some(journey.header.id),
        ..ApprovalFilter::default()
    };
    let found = journey.world.history.approvals(filter).await;
    found.map_err(|error| FlowError::unreadable("looking for questions asked ahead", &error))
}

/// The run comes to a step that people were asked about ahead: their answer, or the question, is taken over as if it was asked now.
/// If the step is another one than they were asked about, the question is void. False where nothing was asked ahead.
///
/// # Errors
/// The history cannot be read or written.
pub(in crate::flow) async fn adopt(
    journey: &mut Journey,
    attempt: &Attempt,
    planned: &PlannedStep,
) -> Result<bool, FlowError> {
    let asked_ahead = journey
        .runbook
        .steps
        .iter()
        .any(|step| step.ahead.is_some());
    if !asked_ahead || attempt.granted.is_some() || journey.header.dry_run {
        return Ok(false);
    }
    let Some(case) = of_attempt(journey, attempt).await? else {
        return Ok(false);
    };
    let asked = RunEvent::ApprovalRequested {
        key: attempt.key.clone(),
        attempt: attempt.attempt,
        approval: case.request.id,
    };
    if let Some(reason) = consented::differs(planned, &case.request.step) {
        let doing = "a question asked ahead that is void";
        journey.record(doing, vec![asked], Vec::new()).await?;
        super::void(journey, &case.request, &reason).await?;
        return Ok(true);
    }
    let writes = locks::give_back(journey);
    let doing = "a question asked ahead";
    journey.record(doing, vec![asked], writes).await?;
    locks::tell(journey);
    Ok(true)
}

/// Why the run need not begin: somebody has said no ahead to one of its steps, or taken the question back.
///
/// # Errors
/// The history cannot be read.
pub(in crate::flow) async fn refused(journey: &mut Journey) -> Result<Option<String>, FlowError> {
    let runbook = journey.runbook.clone();
    for step in runbook.steps.iter().filter(|it| it.ahead.is_some()) {
        let case = of_attempt(journey, &step::ahead::first(step)).await?;
        let same = case.filter(|case| case.request.step.definition == journey.header.definition);
        let answer = match same {
            Some(case) => settled(journey, &case).await?,
            None => None,
        };
        let (reason, cancelled) = match answer {
            Some(Answer::No(reason)) => (reason, false),
            Some(Answer::Cancelled(reason)) => (reason, true),
            Some(Answer::Yes | Answer::Again(_)) | None => continue,
        };
        journey.state.question_cancelled |= cancelled;
        return Ok(Some(format!("step {}: {reason}", step.name)));
    }
    Ok(None)
}
