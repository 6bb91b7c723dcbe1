//! Pieces that pages share.

use crate::{
    domain::{
        check::CheckStatus,
        run::{Cause, RunOutcome},
    },
    history::{RunRow, RunStatus},
    http::visible,
};
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

/// The longest text in a table, in characters.
const LONGEST_CELL: usize = 300;

/// Text of others, safe to look at and not too long.
pub(super) fn text(text: &str) -> String {
    visible::shortened(&visible::line(text), LONGEST_CELL)
}

/// The beginning of a revision.
pub(super) fn revision(revision: &str) -> String {
    visible::line(revision).chars().take(12).collect()
}

/// A time, and how far it is from now.
pub(super) fn time(at: Timestamp, now: Timestamp) -> Markup {
    let distance = at.duration_since(now);
    let words = if distance.is_negative() {
        format!("{} ago", length(distance.abs()))
    } else {
        format!("in {}", length(distance))
    };
    html! { (words) " " span .dim { "(" (at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()) ")" } }
}

/// A length of time, to its two largest units.
pub(super) fn length(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {minutes} min"),
        (_, _, _) => format!("{days} d {hours} h"),
    }
}

/// How a run ended, or where it is.
pub(super) fn state(run: &RunRow) -> Markup {
    match (run.status, run.outcome) {
        (_, Some(outcome)) => outcome_words(outcome),
        (RunStatus::Waiting, None) => html! { span .wait { "waits for people" } },
        (RunStatus::Queued, None) => html! { span .wait { "queued" } },
        (RunStatus::Running | RunStatus::Ended, None) if run.waiting_for_lock.is_some() => {
            html! { span .wait { "waits for a lock" } }
        }
        (RunStatus::Running | RunStatus::Ended, None) => html! { span .wait { "running" } },
    }
}

pub(super) fn outcome_words(outcome: RunOutcome) -> Markup {
    let words = outcome.as_str().replace('_', " ");
    if outcome.is_success() {
        html! { span .good { (words) } }
    } else {
        html! { span .bad { (words) } }
    }
}

pub(super) fn check_words(check: CheckStatus) -> &'static str {
    check.as_str()
}

/// Why a run stands where it does: how it ended, or the lock that it waits for.
pub(super) fn why(run: &RunRow, now: Timestamp) -> Markup {
    let Some(wait) = &run.waiting_for_lock else {
        return html! { (text(&run.reason)) };
    };
    html! {
        "waits for the lock " code { (wait.lock.as_str()) } ", held by " a href={ "/runs/" (wait.held_by) } { "run " (wait.held_by) }
        @if let Some(holder) = &wait.holder { " of " (holder.as_str()) }
        ", since " (time(wait.since, now))
    }
}

/// What started a run.
pub(super) fn cause(cause: &Cause) -> String {
    match cause {
        Cause::Schedule { .. } => "schedule".to_owned(),
        Cause::After { run, .. } => format!("after run {run}"),
        Cause::Webhook { name } => format!("webhook {}", text(name)),
        Cause::Alert { name } => format!("alert {}", text(name)),
        Cause::Person { subject } => text(subject),
        Cause::Step { run, step, .. } => format!("step {step} of run {run}"),
    }
}

/// A table of runs.
pub(super) fn runs(runs: &[RunRow], now: Timestamp) -> Markup {
    html! {
        table {
            thead { tr { th { "Runbook" } th { "State" } th { "Made" } th { "Started by" } th { "Why" } } }
            tbody {
                @for run in runs {
                    tr {
                        td { a href={ "/runs/" (run.header.id) } { (run.header.runbook.as_str()) } @if run.header.dry_run { " (dry run)" } }
                        td { (state(run)) }
                        td { (time(run.header.created_at, now)) }
                        td { (cause(&run.header.cause)) }
                        td { (why(run, now)) }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{length, time};
    use jiff::{SignedDuration, Timestamp};

    #[test]
    fn a_length_has_two_units_at_most() {
        for (seconds, words) in [
            (5, "5 s"),
            (65, "1 min 5 s"),
            (3700, "1 h 1 min"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(length(SignedDuration::from_secs(seconds)), words);
        }
    }

    #[test]
    fn a_time_says_how_far_it_is() {
        let at = |second| Timestamp::from_second(second).unwrap();
        assert!(
            time(at(60), at(0))
                .into_string()
                .starts_with("in 1 min 0 s ")
        );
        assert!(
            time(at(0), at(60))
                .into_string()
                .starts_with("1 min 0 s ago ")
        );
    }
}
