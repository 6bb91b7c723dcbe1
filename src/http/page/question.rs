//! A question to people as they must see it to answer: what would be done, why they are asked, and what is carried out.

use crate::{
    history::ApprovalFilter,
    http::{
        Front,
        access::Caller,
        api::approvals::ApprovalView,
        page::parts::{text, time},
        problem::Problem,
    },
};
use jiff::Timestamp;
use maud::{Markup, html};

/// Lines of a step that are shown; a longer one is shown whole by the command line.
const MOST_LINES: usize = 100;

/// The questions that are open now.
pub(super) async fn open(
    front: &Front,
    caller: &Caller,
    filter: ApprovalFilter,
    now: Timestamp,
) -> Result<Vec<ApprovalView>, Problem> {
    let filter = ApprovalFilter {
        open_at: Some(now),
        ..filter
    };
    let cases = front.history.approvals(filter).await;
    let cases = cases.map_err(|error| front.unreadable(&error))?;
    let views = cases
        .into_iter()
        .map(|case| ApprovalView::of(case, caller, now));
    Ok(views.filter(ApprovalView::is_pending).collect())
}

/// All that is known of one question.
pub(super) fn question(view: &ApprovalView, now: Timestamp) -> Markup {
    let excluded: Vec<&str> = view.excluded.iter().map(String::as_str).collect();
    html! {
        div .box {
            p {
                span .wait { (view.runbook.as_str()) " / " (view.step.as_str()) } " wants to use " code { (view.uses.as_str()) }
                " (" (view.class.as_str()) "), in run " a href={ "/runs/" (view.run) } { (view.run) }
            }
            p { "It would:" }
            ul { @for effect in &view.effects { li { (text(effect)) } } }
            p { "People are asked because of" }
            ul { @for reason in &view.because { li { (text(reason)) } } }
            @if !view.with.is_empty() {
                p { "It is carried out with" }
                pre { (view.with.iter().take(MOST_LINES).map(String::as_str).collect::<Vec<_>>().join("\n")) }
                @if view.with.len() > MOST_LINES {
                    p { "and " (view.with.len() - MOST_LINES) " more lines: " code { "orderly approvals show " (view.id) } }
                }
            }
            p { (view.quorum.people) " must consent; answer " (time(view.approve_by, now)) "." }
            @if !excluded.is_empty() { p { "May not consent: " (text(&excluded.join(", "))) } }
            p { code { "orderly approve " (view.id) } " or " code { "orderly deny " (view.id) } }
        }
    }
}
