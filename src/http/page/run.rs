//! The page of one run.

use crate::{
    history::{ApprovalFilter, RunRow, RunStatus, StepRow, StepStatus},
    http::{
        Front,
        access::Caller,
        api::{logs, runs::found},
        extract::Segment,
        page::{
            answer, framed,
            parts::{cause, check_words, length, revision, state, text, time, why},
            question::{open, question},
        },
        problem::Problem,
    },
};
use axum::{Extension, extract::State, response::Response};
use jiff::Timestamp;
use maud::{Markup, html};
use std::sync::Arc;

/// Open questions shown; a run waits for one at a time.
const MOST_QUESTIONS: usize = 5;
/// Lines of output shown.
const MOST_LINES: usize = 200;

/// `GET /runs/{id}`.
pub(in crate::http) async fn show(
    State(front): State<Arc<Front>>,
    Extension(caller): Extension<Caller>,
    Segment(id): Segment,
) -> Result<Response, Problem> {
    let now = front.clock.now();
    let run = found(&front, &id).await?;
    let steps = front
        .history
        .steps(run.header.id)
        .await
        .map_err(|error| front.unreadable(&error))?;
    let filter = ApprovalFilter {
        run: Some(run.header.id),
        limit: MOST_QUESTIONS,
        ..ApprovalFilter::default()
    };
    let waiting = if run.status == RunStatus::Ended {
        Vec::new()
    } else {
        open(&front, &caller, filter, now).await?
    };
    let (lines, cut) = logs::last_lines(&front, run.header.id, MOST_LINES).await;
    let title = format!("{} · Orderly", run.header.runbook);
    let content = html! {
        header {
            p { a href="/" { "Orderly" } }
            h1 { (run.header.runbook.as_str()) }
        }
        (facts(&run, now))
        @for view in &waiting { (question(view, now)) }
        section {
            h2 { "Steps" }
            @if steps.is_empty() { p { "None yet." } } @else { (table(&steps)) }
        }
        section {
            h2 { "Output" }
            @if lines.is_empty() { p { "None." } } @else {
                @if cut { p { "The last lines; all of them: " code { "orderly logs " (run.header.id) } } }
                pre { (lines.join("\n")) }
            }
        }
    };
    Ok(answer(framed(
        &title,
        run.status != RunStatus::Ended,
        &content,
    )))
}

fn facts(run: &RunRow, now: Timestamp) -> Markup {
    html! {
        table {
            tbody {
                tr { th { "State" } td { (state(run)) @if run.header.dry_run { " (dry run)" } } }
                @if !run.reason.is_empty() || run.waiting_for_lock.is_some() { tr { th { "Why" } td { (why(run, now)) } } }
                @if let Some(by) = &run.cancel_requested_by { tr { th { "Asked to stop by" } td { (text(by)) } } }
                tr { th { "Started by" } td { (cause(&run.header.cause)) } }
                tr { th { "Made" } td { (time(run.header.created_at, now)) } }
                @if let (Some(started), Some(ended)) = (run.started_at, run.ended_at) {
                    tr { th { "Took" } td { (length(ended.duration_since(started))) } }
                }
                tr { th { "Revision" } td { code { (revision(&run.header.revision)) } } }
                tr { th { "Run" } td { code { (run.header.id) } } }
            }
        }
    }
}

fn table(steps: &[StepRow]) -> Markup {
    html! {
        table {
            thead { tr { th { "Step" } th { "State" } th { "Took" } th { "What" } } }
            tbody {
                @for step in steps {
                    tr {
                        td { (step.step.as_str()) " " span .dim { "(" (step.phase.as_str()) ")" } }
                        td { (step_state(step)) @if let Some(check) = step.check { " (" (check_words(check)) ")" } }
                        td { @if let (Some(started), Some(ended)) = (step.started_at, step.ended_at) { (length(ended.duration_since(started))) } }
                        td { (text(if step.error.is_empty() { &step.summary } else { &step.error })) }
                    }
                }
            }
        }
    }
}

fn step_state(step: &StepRow) -> Markup {
    let class = match step.status {
        StepStatus::Succeeded => "good",
        StepStatus::Gated | StepStatus::Waiting | StepStatus::Running => "wait",
        StepStatus::Skipped => "dim",
        StepStatus::Failed
        | StepStatus::TimedOut
        | StepStatus::Canceled
        | StepStatus::Denied
        | StepStatus::Invalid
        | StepStatus::Interrupted => "bad",
    };
    let words = step.status.as_str().replace('_', " ");
    let attempts = if step.attempt > 1 {
        format!(", attempt {}", step.attempt)
    } else {
        String::new()
    };
    html! { span class=(class) { (words) } (attempts) }
}
