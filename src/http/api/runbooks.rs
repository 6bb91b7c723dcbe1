//! Runbooks: what is there, and starting, suspending, resuming and resetting them.

use super::halt::Why;
use crate::{
    domain::{likeness::nearest, name::RunbookName, span::Span},
    http::{
        Front,
        access::Caller,
        extract::{Body, Nothing, Params, Segment, runbook_name},
        link::{Address, Page},
        problem::Problem,
    },
    ports::agent::{RunbookState, RunbookView, StartRequest, Upcoming},
};
use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// How many runbooks a list has where the query names no limit, and at most.
const DEFAULT_RUNBOOKS: usize = 1000;
const MOST_RUNBOOKS: usize = 10_000;
/// Due times shown with one runbook.
const DUE_TIMES: usize = 5;
/// Names that a hint shows where none is like the wrong one.
const SHOWN_NAMES: usize = 10;
/// The longest reason or key, in characters.
const LONGEST_TEXT: usize = 1000;

/// Which runbooks.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Which {
    state: Option<RunbookState>,
    /// Those after this name.
    after: Option<RunbookName>,
    limit: Option<usize>,
}

/// `GET /runbooks`.
pub(in crate::http) async fn list(
    State(front): State<Arc<Front>>,
    Params(which): Params<Which>,
) -> Result<Page<RunbookView>, Problem> {
    let limit = which
        .limit
        .unwrap_or(DEFAULT_RUNBOOKS)
        .clamp(1, MOST_RUNBOOKS);
    let mut views = front.agent.runbooks().await?;
    views.retain(|view| {
        which.state.is_none_or(|state| view.state == state)
            && which.after.as_ref().is_none_or(|after| view.name > *after)
    });
    views.truncate(limit);
    Ok(Page::of(views, limit, |last| {
        Address::new("/api/v1/runbooks")
            .with("state", which.state.map(word))
            .with("after", Some(&last.name))
            .with("limit", Some(&limit))
            .finish()
    }))
}

fn word(state: RunbookState) -> &'static str {
    match state {
        RunbookState::Active => "active",
        RunbookState::Invalid => "invalid",
        RunbookState::Suspended => "suspended",
    }
}

#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    view: RunbookView,
    upcoming: Vec<Upcoming>,
    definition: Option<Value>,
}

/// `GET /runbooks/{name}`.
pub(in crate::http) async fn show(
    State(front): State<Arc<Front>>,
    Segment(name): Segment,
    _: Params<Nothing>,
) -> Result<Response, Problem> {
    let name = runbook_name(&name)?;
    let mut views = front.agent.runbooks().await?;
    let found = views.iter().position(|view| view.name == name);
    let view = match found {
        Some(place) => views.swap_remove(place),
        None => return Err(absent(&name, &views)),
    };
    let shown = Shown {
        view,
        upcoming: front.agent.upcoming(Some(&name), DUE_TIMES).await?,
        definition: front.agent.definition(&name),
    };
    Ok(Json(shown).into_response())
}

/// Whether there is such a runbook, or why not.
pub(super) async fn known(front: &Front, name: &RunbookName) -> Result<(), Problem> {
    if front.agent.definition(name).is_some() {
        return Ok(());
    }
    let views = front.agent.runbooks().await?;
    if views.iter().any(|view| view.name == *name) {
        return Ok(());
    }
    Err(absent(name, &views))
}

fn absent(name: &RunbookName, views: &[RunbookView]) -> Problem {
    let names = views.iter().map(|view| view.name.as_str());
    let problem = Problem::not_found(format!("runbook `{name}`"));
    match nearest(name.as_str(), names.clone()) {
        Some(meant) => problem.hint(format!("did you mean `{meant}`?")),
        None if views.is_empty() => problem.hint("there is none at all; `orderly sync` says why"),
        None => {
            let some: Vec<&str> = names.take(SHOWN_NAMES).collect();
            let more = if views.len() > SHOWN_NAMES {
                ", …"
            } else {
                ""
            };
            problem.hint(format!("there are {}{more}", some.join(", ")))
        }
    }
}

/// What a start is told. `runbook`, where given, repeats the address.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Start {
    runbook: Option<RunbookName>,
    #[serde(default)]
    inputs: BTreeMap<String, Value>,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    override_window: bool,
    idempotency_key: Option<String>,
}

/// `POST /runbooks/{name}/runs`. The header `Idempotency-Key` stands for the field. The status tells a new run (202) from one that the
/// same key had started before (200).
pub(in crate::http) async fn start(
    State(front): State<Arc<Front>>,
    Extension(caller): Extension<Caller>,
    Segment(name): Segment,
    headers: HeaderMap,
    Body(start): Body<Start>,
) -> Result<Response, Problem> {
    let runbook = runbook_name(&name)?;
    if start
        .runbook
        .as_ref()
        .is_some_and(|named| *named != runbook)
    {
        return Err(Problem::invalid(
            "the body names another runbook than the address",
        ));
    }
    let header_key = headers
        .get("idempotency-key")
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let idempotency_key = start.idempotency_key.or(header_key);
    bounded(
        "idempotency_key",
        idempotency_key.as_deref().unwrap_or_default(),
    )?;
    let request = StartRequest {
        runbook,
        inputs: start.inputs,
        dry_run: start.dry_run,
        override_window: start.override_window,
        idempotency_key,
    };
    let started = front.agent.start(request, caller.person()?).await?;
    let status = if started.existing {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    let location = [(header::LOCATION, format!("/api/v1/runs/{}", started.run))];
    Ok((status, location, Json(started)).into_response())
}

/// A text of a body that is kept must be short.
pub(super) fn bounded(field: &str, text: &str) -> Result<(), Problem> {
    if text.chars().count() > LONGEST_TEXT {
        return Err(Problem::invalid(format!(
            "`{field}` is longer than {LONGEST_TEXT} characters"
        )));
    }
    Ok(())
}

/// How long a suspension lasts: until a time, or for a length of time, or until it is resumed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Suspend {
    until: Option<Timestamp>,
    #[serde(rename = "for")]
    lasting: Option<Span>,
    #[serde(default)]
    reason: String,
}

impl Suspend {
    fn end(&self, now: Timestamp) -> Result<Option<Timestamp>, Problem> {
        match (self.until, self.lasting) {
            (Some(_), Some(_)) => Err(Problem::invalid("`until` and `for` exclude each other")),
            (Some(until), None) if until <= now => Err(Problem::invalid(format!(
                "`until` is not in the future: {until}"
            ))),
            (Some(until), None) => Ok(Some(until)),
            (None, Some(lasting)) => now
                .checked_add(lasting.signed())
                .map(Some)
                .map_err(|_| Problem::invalid(format!("`for` is too long: {lasting}"))),
            (None, None) => Ok(None),
        }
    }
}

/// `POST /runbooks/{name}/suspend`.
pub(in crate::http) async fn suspend(
    State(front): State<Arc<Front>>,
    Extension(caller): Extension<Caller>,
    Segment(name): Segment,
    Body(suspend): Body<Suspend>,
) -> Result<StatusCode, Problem> {
    bounded("reason", &suspend.reason)?;
    let until = suspend.end(front.clock.now())?;
    front
        .agent
        .suspend(
            &runbook_name(&name)?,
            until,
            caller.person()?,
            &suspend.reason,
        )
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /runbooks/{name}/resume`.
pub(in crate::http) async fn resume(
    State(front): State<Arc<Front>>,
    Extension(caller): Extension<Caller>,
    Segment(name): Segment,
    Body(Nothing {}): Body<Nothing>,
) -> Result<StatusCode, Problem> {
    front
        .agent
        .resume(&runbook_name(&name)?, caller.person()?)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /runbooks/{name}/reset`: its circuit is closed.
pub(in crate::http) async fn reset(
    State(front): State<Arc<Front>>,
    Extension(caller): Extension<Caller>,
    Segment(name): Segment,
    Body(why): Body<Why>,
) -> Result<StatusCode, Problem> {
    bounded("reason", &why.reason)?;
    let name = runbook_name(&name)?;
    let person = caller.person()?;
    front.agent.reset(&name, person, &why.reason).await?;
    Ok(StatusCode::NO_CONTENT)
}
