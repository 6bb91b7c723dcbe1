//! The status page.

use crate::{
    history::{ApprovalFilter, RunFilter, RunRow, RunStatus},
    http::{
        Front,
        access::Caller,
        api::{self, approvals::ApprovalView},
        health::Status,
        page::{
            answer, framed,
            parts::{outcome_words, revision, runs, text, time},
            question::{open, question},
        },
        problem::Problem,
    },
    ports::agent::{Dependency, HaltView, RunbookState, RunbookView, SyncView, Upcoming},
};
use axum::{Extension, extract::State, response::Response};
use jiff::Timestamp;
use maud::{Markup, html};
use std::sync::Arc;

/// How many due times, runs, approvals, problems and runbooks are shown.
const MOST_DUE: usize = 15;
const MOST_RUNS: usize = 20;
const MOST_APPROVALS: usize = 20;
const MOST_PROBLEMS: usize = 20;
const MOST_RUNBOOKS: usize = 100;

/// `GET /`.
pub(in crate::http) async fn show(
    State(front): State<Arc<Front>>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Problem> {
    let now = front.clock.now();
    let dependencies = front.agent.dependencies();
    let sync = front.agent.sync_view();
    let runbooks = front.agent.runbooks().await?;
    let filter = ApprovalFilter {
        limit: MOST_APPROVALS,
        ..ApprovalFilter::default()
    };
    let waiting = open(&front, &caller, filter, now).await?;
    let running = unfinished(&front).await?;
    let ended = RunFilter {
        status: Some(RunStatus::Ended),
        limit: MOST_RUNS,
        ..RunFilter::default()
    };
    let ended = front
        .history
        .runs(ended)
        .await
        .map_err(|error| front.unreadable(&error))?;
    let due = front.agent.upcoming(None, MOST_DUE).await?;
    let content = html! {
        (head(&front, &dependencies, now))
        (halted(&front.agent.halted(), now))
        (wrong(&dependencies, &sync))
        (approvals(&waiting, now))
        (upcoming(&due, now))
        section {
            h2 { "Running now" }
            @if running.is_empty() { p { "Nothing." } } @else { (runs(&running, now)) }
            h2 { "Last runs" }
            @if ended.is_empty() { p { "None yet." } } @else { (runs(&ended, now)) }
        }
        (books(&runbooks, now))
        (source(&sync, now))
    };
    Ok(answer(framed("Orderly", true, &content)))
}

/// Those that wait, run or are queued; waiting ones first, because somebody must do something.
async fn unfinished(front: &Front) -> Result<Vec<RunRow>, Problem> {
    let mut rows = Vec::new();
    for status in [RunStatus::Waiting, RunStatus::Running, RunStatus::Queued] {
        let filter = RunFilter {
            status: Some(status),
            limit: MOST_RUNS,
            ..RunFilter::default()
        };
        rows.extend(api::runs::rows(front, filter).await?);
    }
    rows.truncate(MOST_RUNS);
    Ok(rows)
}

fn head(front: &Front, dependencies: &[Dependency], now: Timestamp) -> Markup {
    let status = Status::of(dependencies);
    let class = if status == Status::Ok { "good" } else { "bad" };
    html! {
        header {
            h1 { "Orderly" }
            p {
                span class=(class) { (status.words()) }
                " · version " (front.events.build().version)
                " · " (now.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
            }
        }
    }
}

/// Nobody must look for this.
fn halted(view: &HaltView, now: Timestamp) -> Markup {
    let Some(halt) = &view.halted else {
        return html! {};
    };
    html! {
        section {
            h2 { "Halted" }
            p {
                span .bad { "All effects are stopped" } " by " (text(&halt.by)) ", " (time(halt.since, now))
                @if !halt.reason.is_empty() { ": " (text(&halt.reason)) }
            }
            @for step in &view.still { p { span .wait { (text(step)) } " has not ended yet" } }
            p { "What only reads goes on. To let effects be again: " code { "orderly unhalt" } }
        }
    }
}

/// Everything that somebody should look at.
fn wrong(dependencies: &[Dependency], sync: &SyncView) -> Markup {
    let bad: Vec<&Dependency> = dependencies
        .iter()
        .filter(|dependency| !dependency.ok)
        .collect();
    if bad.is_empty() && sync.problems.is_empty() && sync.held.is_none() && sync.error.is_none() {
        return html! {};
    }
    html! {
        section {
            h2 { "Problems" }
            ul {
                @for dependency in bad { li { span .bad { (text(&dependency.name)) } ": " (text(&dependency.detail)) } }
                @if let Some(error) = &sync.error { li { span .bad { "source" } ": " (text(error)) } }
                @if let Some(held) = &sync.held {
                    li {
                        span .wait { "held" } ": revision " (revision(&held.revision)) " would delete " (held.runbooks.len())
                        " runbooks. To accept it: " code { "orderly sync --accept " (text(&held.revision)) }
                    }
                }
                @for problem in sync.problems.iter().take(MOST_PROBLEMS) { li { (text(problem)) } }
                @if sync.problems.len() > MOST_PROBLEMS { li { "and " (sync.problems.len() - MOST_PROBLEMS) " more: " code { "orderly status" } } }
            }
        }
    }
}

fn approvals(waiting: &[ApprovalView], now: Timestamp) -> Markup {
    html! {
        section {
            h2 { "Waiting for people" }
            @if waiting.is_empty() { p { "Nothing." } }
            @for view in waiting { (question(view, now)) }
        }
    }
}

fn upcoming(due: &[Upcoming], now: Timestamp) -> Markup {
    html! {
        section {
            h2 { "Due next" }
            @if due.is_empty() { p { "Nothing is scheduled." } } @else {
                table {
                    thead { tr { th { "When" } th { "Runbook" } th { "Trigger" } th { "Note" } } }
                    tbody {
                        @for one in due {
                            tr {
                                td { (time(one.due, now)) }
                                td { (one.runbook.as_str()) }
                                td { (text(&one.trigger)) }
                                td { @if let Some(reason) = one.blocked { "will not run: " (reason.as_str().replace('_', " ")) } @else if let Some(note) = &one.note { (text(note)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Those that are not as they should be come first.
fn books(views: &[RunbookView], now: Timestamp) -> Markup {
    let unusual = |view: &&RunbookView| {
        view.state != RunbookState::Active
            || view.circuit.is_some()
            || view
                .last_outcome
                .is_some_and(|outcome| !outcome.is_success())
    };
    let (first, rest): (Vec<&RunbookView>, Vec<&RunbookView>) = views.iter().partition(unusual);
    html! {
        section {
            h2 { "Runbooks (" (views.len()) ")" }
            table {
                thead { tr { th { "Name" } th { "State" } th { "Last run" } th { "Next" } th { "What it is for" } } }
                tbody { @for view in first.into_iter().chain(rest).take(MOST_RUNBOOKS) { (book(view, now)) } }
            }
            @if views.len() > MOST_RUNBOOKS { p { "The other " (views.len() - MOST_RUNBOOKS) ": " code { "orderly status" } } }
        }
    }
}

fn book(view: &RunbookView, now: Timestamp) -> Markup {
    html! {
        tr {
            td { (view.name.as_str()) }
            td {
                @match view.state {
                    RunbookState::Active => "active",
                    RunbookState::Invalid => { span .bad { "invalid" } @if let Some(problem) = &view.problem { ": " (text(problem)) } },
                    RunbookState::Suspended => { span .wait { "suspended" } @if let Some(until) = view.suspended_until { " until " (time(until, now)) } },
                }
            }
            td {
                @if let Some(tripped) = &view.circuit { span .bad { "its changes ask people" } ": " (text(&tripped.to_string())) "; " code { "orderly reset " (view.name.as_str()) } " " }
                @if let Some(outcome) = view.last_outcome { (outcome_words(outcome)) " " }
                @if let Some(ended) = view.last_ended { (time(ended, now)) } @else { "never" }
            }
            td {
                @if let Some(next) = view.next { (time(next, now)) }
                @else if view.revision.is_none() { "not before it is mended" }
                @else { "when asked" }
            }
            td { (text(&view.description)) }
        }
    }
}

fn source(sync: &SyncView, now: Timestamp) -> Markup {
    html! {
        section {
            h2 { "Source" }
            p { code { (text(&sync.source)) } }
            p {
                "In use: " @match &sync.applied { Some(applied) => code { (revision(applied)) }, None => "nothing yet" }
                @if sync.attempted != sync.applied { @if let Some(attempted) = &sync.attempted { "; newest seen: " code { (revision(attempted)) } } }
                "; last reached: " @match sync.last_success { Some(at) => (time(at, now)), None => "never" }
            }
        }
    }
}
