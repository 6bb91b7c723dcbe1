//! Questions to people: what would be done, why they are asked, who has answered, and answering.

use crate::{
    domain::{
        access::Right,
        approval::{Ahead, Refusal, Standing, Verdict, Vote},
        digest::Digest,
        effect::{Class, Confidence},
        gate::{Contribution, Decision, Quorum},
        id::{ApprovalId, RunId},
        name::{ActionName, RunbookName, StepName},
        runbook::Phase,
    },
    history::{ApprovalCase, ApprovalFilter, ApprovalRecord},
    http::{
        Front,
        access::Caller,
        api::{limit, runbooks::bounded},
        extract::{Body, Nothing, Params, Segment, approval_id},
        link::{Address, Page},
        planned,
        problem::Problem,
        visible,
    },
};
use axum::{Extension, Json, extract::State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeSet, sync::Arc};

/// A question as people must see it to answer.
#[derive(Debug, Serialize)]
pub(in crate::http) struct ApprovalView {
    pub(in crate::http) id: ApprovalId,
    pub(in crate::http) run: RunId,
    pub(in crate::http) runbook: RunbookName,
    pub(in crate::http) step: StepName,
    phase: Phase,
    attempt: u32,
    pub(in crate::http) uses: ActionName,
    revision: String,
    /// What a vote is about: the SHA-256 of the whole step as stored.
    pub(in crate::http) digest: Digest,
    pub(in crate::http) class: Class,
    /// Each effect in words.
    pub(in crate::http) effects: Vec<String>,
    confidence: Confidence,
    /// Why the effects are not known more exactly.
    reasons: Vec<String>,
    /// The whole step as stored; secrets by name, and what would hide on a screen made visible.
    planned: Value,
    /// The command as it would be typed, a script with its lines behind each other, or the arguments; one line, cut where it is long.
    brief: String,
    /// What the step is told, line by line: the command or script first, then every other argument.
    pub(in crate::http) with: Vec<String>,
    contributions: Vec<Contribution>,
    /// Why people are asked: what every stage says that does not let the step pass.
    pub(in crate::http) because: Vec<String>,
    pub(in crate::http) quorum: Quorum,
    /// Who may not consent.
    pub(in crate::http) excluded: BTreeSet<String>,
    /// What the one who asks may do about it.
    you: You,
    asked_at: Timestamp,
    pub(in crate::http) approve_by: Timestamp,
    execute_within_secs: u64,
    /// The due time that it was asked ahead of, if it was.
    pub(in crate::http) ahead: Option<Ahead>,
    /// Why people are asked once more; empty where they are not.
    pub(in crate::http) again: String,
    /// Where the values among the arguments were taken from, line by line; only where one question is shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    from: Vec<String>,
    votes: Vec<Vote>,
    pub(in crate::http) standing: Standing,
    #[serde(flatten)]
    recorded: ApprovalRecord,
}

/// What the one who looks at a question may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum You {
    /// Yes or no.
    MayAnswer,
    /// Only no: they started the run, or wrote its change.
    MayRefuse,
    /// Nothing: their role does not allow it.
    NoRight,
    /// Nothing more: they have answered, or it is no longer open.
    Nothing,
    /// Nobody knows who they are.
    Unknown,
}

impl You {
    fn of(caller: &Caller, case: &ApprovalCase, now: Timestamp) -> Self {
        let Caller::Known(person, role) = caller else {
            return Self::Unknown;
        };
        if !role.may(Right::Approve) {
            return Self::NoRight;
        }
        let consent = Vote {
            person: person.clone(),
            verdict: Verdict::Approve,
            digest: case.request.digest,
            at: now,
            comment: String::new(),
            consented_before: None,
        };
        match case.request.admit(&case.votes, &consent) {
            Ok(()) => Self::MayAnswer,
            Err(Refusal::Excluded(..)) => Self::MayRefuse,
            Err(Refusal::AlreadyVoted(_) | Refusal::OtherDigest | Refusal::NotOpen(_)) => {
                Self::Nothing
            }
        }
    }
}

impl ApprovalView {
    /// As this caller sees it.
    pub(in crate::http) fn of(case: ApprovalCase, caller: &Caller, now: Timestamp) -> Self {
        let standing = case.standing(now);
        let you = You::of(caller, &case, now);
        let ApprovalCase {
            request,
            mut votes,
            recorded,
        } = case;
        let excluded = request.excluded().into_iter().map(visible::line).collect();
        let step = request.step;
        let mut contributions = request.contributions;
        for said in &mut contributions {
            said.reason = visible::unmistakable(&visible::lines(&said.reason));
        }
        let because = contributions
            .iter()
            .filter(|said| said.decision != Decision::Allow)
            .map(|said| format!("{}: {}", said.stage.as_str(), said.reason))
            .collect();
        for vote in &mut votes {
            vote.comment = visible::lines(&vote.comment);
        }
        let recorded = readable(recorded);
        Self {
            brief: planned::brief(&step.uses, &step.arguments),
            with: planned::lines(&step.arguments)
                .into_iter()
                .chain(planned::files(&step.pinned))
                .collect(),
            because,
            you,
            id: request.id,
            run: request.run,
            digest: request.digest,
            class: step.effects.class(),
            effects: step
                .effects
                .lines()
                .iter()
                .map(|line| visible::unmistakable(&visible::line(line)))
                .collect(),
            confidence: step.effects.confidence,
            reasons: step
                .effects
                .reasons
                .iter()
                .map(|reason| visible::unmistakable(&visible::line(reason)))
                .collect(),
            planned: visible::value(&serde_json::to_value(&step).unwrap_or_default()),
            runbook: step.runbook,
            step: step.step,
            phase: step.phase,
            attempt: step.attempt,
            uses: step.uses,
            revision: visible::line(&step.revision),
            contributions,
            quorum: request.quorum,
            excluded,
            asked_at: request.asked_at,
            approve_by: request.approve_by,
            execute_within_secs: request.execute_within_secs,
            ahead: request.ahead,
            again: visible::lines(&request.again),
            from: Vec::new(),
            votes,
            standing,
            recorded,
        }
    }

    /// Whether anybody can still do something about it.
    pub(in crate::http) fn is_pending(&self) -> bool {
        matches!(self.standing, Standing::Pending { .. })
    }
}

fn readable(recorded: ApprovalRecord) -> ApprovalRecord {
    match recorded {
        ApprovalRecord::Withdrawn { reason } => ApprovalRecord::Withdrawn {
            reason: visible::lines(&reason),
        },
        ApprovalRecord::Cancelled { by, reason } => ApprovalRecord::Cancelled {
            by,
            reason: visible::lines(&reason),
        },
        plain @ (ApprovalRecord::Open | ApprovalRecord::Redeemed { .. }) => plain,
    }
}

/// Which questions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Which {
    run: Option<RunId>,
    /// `open` (what is asked for where nothing is said) or `all`.
    #[serde(default)]
    state: Wanted,
    before: Option<ApprovalId>,
    limit: Option<usize>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Wanted {
    #[default]
    Open,
    All,
}

/// `GET /approvals`, newest first.
pub(in crate::http) async fn list(
    State(front): State<Arc<Front>>,
    Extension(caller): Extension<Caller>,
    Params(which): Params<Which>,
) -> Result<Page<ApprovalView>, Problem> {
    let (limit, now) = (limit(which.limit), front.clock.now());
    let open_at = (which.state == Wanted::Open).then_some(now);
    let filter = ApprovalFilter {
        open_at,
        run: which.run,
        before: which.before,
        limit,
    };
    let cases = front
        .history
        .approvals(filter)
        .await
        .map_err(|error| front.unreadable(&error))?;
    let views = cases
        .into_iter()
        .map(|case| ApprovalView::of(case, &caller, now))
        .collect();
    let state = if open_at.is_some() { "open" } else { "all" };
    Ok(Page::of(views, limit, |last: &ApprovalView| {
        Address::new("/api/v1/approvals")
            .with("run", which.run)
            .with("state", Some(&state))
            .with("before", Some(&last.id))
            .with("limit", Some(&limit))
            .finish()
    }))
}

async fn found(front: &Front, id: ApprovalId, caller: &Caller) -> Result<ApprovalView, Problem> {
    let case = front
        .history
        .approval(id)
        .await
        .map_err(|error| front.unreadable(&error))?;
    let case = case.ok_or_else(|| Problem::not_found(format!("approval {id}")))?;
    let step = &case.request.step;
    let (definition, phase, name) = (step.definition, step.phase, step.step.clone());
    let mut view = ApprovalView::of(case, caller, front.clock.now());
    let definition = front.history.definition(definition).await;
    // What is shown beside the step itself; a history that lost the definition still shows the step.
    if let Ok(Some(runbook)) = definition {
        let written = runbook.steps_of(phase).iter().find(|it| it.name == name);
        let arguments = written.map(|written| written.with.value());
        view.from = planned::sources(&arguments.unwrap_or_default());
    }
    Ok(view)
}

/// `GET /approvals/{id}`.
pub(in crate::http) async fn show(
    State(front): State<Arc<Front>>,
    Extension(caller): Extension<Caller>,
    Segment(id): Segment,
    _: Params<Nothing>,
) -> Result<Json<ApprovalView>, Problem> {
    found(&front, approval_id(&id)?, &caller).await.map(Json)
}

/// An answer. `digest` says which step the person has seen; only a no needs none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Answer {
    verdict: Verdict,
    digest: Option<Digest>,
    #[serde(default)]
    comment: String,
}

/// `POST /approvals/{id}/vote`: where it stands then.
pub(in crate::http) async fn vote(
    State(front): State<Arc<Front>>,
    Extension(caller): Extension<Caller>,
    Segment(id): Segment,
    Body(answer): Body<Answer>,
) -> Result<Json<ApprovalView>, Problem> {
    bounded("comment", &answer.comment)?;
    if answer.verdict == Verdict::Approve && answer.digest.is_none() {
        return Err(Problem::invalid(
            "a yes says by `digest` which step it is for\nhint: take it from the question that you have read: GET /api/v1/approvals/{id}",
        ));
    }
    let id = approval_id(&id)?;
    front
        .agent
        .vote(
            id,
            caller.person()?,
            answer.verdict,
            answer.digest,
            &answer.comment,
        )
        .await?;
    found(&front, id, &caller).await.map(Json)
}

/// Why a question is taken back.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Cancel {
    #[serde(default)]
    reason: String,
}

/// `POST /approvals/{id}/cancel`: where it stands then.
pub(in crate::http) async fn cancel(
    State(front): State<Arc<Front>>,
    Extension(caller): Extension<Caller>,
    Segment(id): Segment,
    Body(cancel): Body<Cancel>,
) -> Result<Json<ApprovalView>, Problem> {
    bounded("reason", &cancel.reason)?;
    let id = approval_id(&id)?;
    let by = caller.person()?;
    front.agent.cancel_approval(id, by, &cancel.reason).await?;
    found(&front, id, &caller).await.map(Json)
}
