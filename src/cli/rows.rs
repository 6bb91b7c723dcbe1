//! Things of the agent as cells and tables.

use crate::{
    cli::{
        context::Context,
        ids,
        table::{Cell, Table},
        terminal::Style,
        times,
    },
    domain::{
        approval::Standing,
        check::CheckStatus,
        gate::Decision,
        id::RunId,
        occurrence::{NotRun, Skipped},
        run::{Cause, RunOutcome},
        runbook::Phase,
    },
    history::{RunRow, RunStatus, StepRow, StepStatus},
    ports::agent::{Asks, AsksAbout, Upcoming},
};
use jiff::Timestamp;

/// How a run is or ended, and whether it was a dry one.
pub(super) fn state(row: &RunRow) -> Cell {
    let (word, style) = match row.outcome {
        Some(outcome) => (outcome.as_str(), style_of(outcome)),
        None if row.waiting_for_lock.is_some() => ("waits for a lock", Style::Warn),
        None => (row.status.as_str(), style_of_status(row.status)),
    };
    if row.header.dry_run {
        return Cell::styled(&format!("{word}, dry"), style);
    }
    Cell::styled(word, style)
}

/// The look of an outcome.
pub(super) fn style_of(outcome: RunOutcome) -> Style {
    match outcome {
        RunOutcome::Succeeded => Style::Good,
        RunOutcome::Warning | RunOutcome::Canceled => Style::Warn,
        RunOutcome::Failed
        | RunOutcome::Denied
        | RunOutcome::TimedOut
        | RunOutcome::Interrupted => Style::Bad,
    }
}

fn style_of_status(status: RunStatus) -> Style {
    match status {
        RunStatus::Waiting => Style::Warn,
        RunStatus::Queued | RunStatus::Running | RunStatus::Ended => Style::Plain,
    }
}

/// The look of a step's state.
pub(super) fn style_of_step(status: StepStatus) -> Style {
    match status {
        StepStatus::Succeeded => Style::Good,
        StepStatus::Waiting | StepStatus::Canceled => Style::Warn,
        StepStatus::Skipped => Style::Faint,
        StepStatus::Gated | StepStatus::Running => Style::Plain,
        StepStatus::Failed
        | StepStatus::TimedOut
        | StepStatus::Denied
        | StepStatus::Invalid
        | StepStatus::Interrupted => Style::Bad,
    }
}

/// The look of what a check found.
pub(super) fn style_of_check(check: CheckStatus) -> Style {
    match check {
        CheckStatus::Ok => Style::Good,
        CheckStatus::Warning => Style::Warn,
        CheckStatus::Unknown | CheckStatus::Critical => Style::Bad,
    }
}

/// The look of what the gate says.
pub(super) fn style_of_decision(decision: &Decision) -> Style {
    match decision {
        Decision::Allow => Style::Good,
        Decision::Approve(_) => Style::Warn,
        Decision::Deny => Style::Bad,
    }
}

/// What started a run, in a few words.
pub(super) fn cause(cause: &Cause) -> String {
    match cause {
        Cause::Schedule { occurrence } => occurrence.trigger.clone(),
        Cause::After { run, .. } => format!("after run {}", ids::short(run)),
        Cause::Webhook { name } => format!("webhook {name}"),
        Cause::Alert { name } => format!("alert {name}"),
        Cause::Person { subject } => subject.clone(),
        Cause::Step { run, step, .. } => format!("step {step} of run {}", ids::short(run)),
    }
}

/// A list's name before a step, where it is not the main one.
pub(super) fn step(phase: Phase, name: &impl std::fmt::Display) -> String {
    match phase {
        Phase::Main => name.to_string(),
        other @ (Phase::Rollback | Phase::Finally) => format!("{}/{name}", other.as_str()),
    }
}

/// Seven digits of a revision.
pub(super) fn revision(id: &str) -> &str {
    let is_commit = id.len() >= 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_commit {
        id.get(..12).unwrap_or(id)
    } else {
        id
    }
}

/// When something is, and how far away.
pub(super) fn when(context: &Context, at: Timestamp) -> String {
    when_from(at, context.now(), context)
}

/// The same, as seen from a moment.
pub(super) fn when_from(at: Timestamp, now: Timestamp, context: &Context) -> String {
    format!(
        "{} ({})",
        times::local(at, now, &context.zone),
        times::relative(at, now)
    )
}

/// Runs, one a line.
pub(super) fn runs(context: &Context, rows: &[RunRow]) -> Table {
    let mut table = Table::new(&[
        "RUN", "RUNBOOK", "STATE", "STARTED", "TOOK", "CAUSE", "REASON",
    ]);
    for row in rows {
        table.row([
            ids::short(&row.header.id).into(),
            row.header.runbook.as_str().into(),
            state(row),
            context
                .told(row.started_at.unwrap_or(row.header.created_at))
                .into(),
            length(row.started_at, row.ended_at).into(),
            Cell::faint(&cause(&row.header.cause)),
            first_line(&why(context, row)).into(),
        ]);
    }
    table
}

/// Why a run stands where it does: how it ended, or the lock that it waits for.
pub(super) fn why(context: &Context, row: &RunRow) -> String {
    let Some(wait) = &row.waiting_for_lock else {
        return row.reason.clone();
    };
    let holder = wait.holder.as_ref();
    let holder = holder.map(|name| format!(" ({name})")).unwrap_or_default();
    format!(
        "waiting for lock `{}`, held by run {}{holder}, since {}",
        wait.lock,
        ids::short(&wait.held_by),
        when(context, wait.since)
    )
}

/// The first line of a text.
pub(super) fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn length(from: Option<Timestamp>, to: Option<Timestamp>) -> String {
    from.zip(to)
        .map(|(from, to)| times::took(from, to))
        .unwrap_or_default()
}

/// Steps of a run, one a line.
pub(super) fn steps(rows: &[StepRow]) -> Table {
    let mut table = Table::new(&["STEP", "STATE", "ATTEMPT", "TOOK", "CHECK", "SUMMARY"]);
    for row in rows {
        let check = row.check.map_or_else(Cell::default, |check| {
            Cell::styled(check.as_str(), style_of_check(check))
        });
        let attempt = if row.attempt > 1 {
            row.attempt.to_string()
        } else {
            String::new()
        };
        let said = if row.error.is_empty() {
            &row.summary
        } else {
            &row.error
        };
        table.row([
            step(row.phase, &row.step).into(),
            Cell::styled(row.status.as_str(), style_of_step(row.status)),
            attempt.into(),
            length(row.started_at, row.ended_at).into(),
            check,
            first_line(said).into(),
        ]);
    }
    table
}

/// Due times, one a line.
pub(super) fn upcoming(now: Timestamp, zone: &jiff::tz::TimeZone, due: &[Upcoming]) -> Table {
    let asks = due.iter().any(|one| one.asks.is_some());
    let mut table = if asks {
        Table::new(&["RUNBOOK", "DUE", "IN", "TRIGGER", "BLOCKED", "ASKS"])
    } else {
        Table::new(&["RUNBOOK", "DUE", "IN", "TRIGGER", "BLOCKED"])
    };
    for one in due {
        let blocked = one.blocked.map(NotRun::as_str);
        let blocked = blocked.or(one.note.as_deref()).unwrap_or_default();
        let cells: [Cell; 5] = [
            one.runbook.as_str().into(),
            times::local(one.due, now, zone).into(),
            times::relative(one.due, now).into(),
            Cell::faint(&one.trigger),
            Cell::styled(blocked, Style::Warn),
        ];
        if asks {
            let told = one.asks.as_ref().map(|it| asked(it, now, zone));
            let [runbook, due, within, trigger, blocked] = cells;
            let told = told.unwrap_or_default().into();
            table.row([runbook, due, within, trigger, blocked, told]);
        } else {
            table.row(cells);
        }
    }
    table
}

/// Occurrences that did not run.
pub(super) fn skipped(context: &Context, skipped: &[Skipped]) -> Table {
    let mut table = Table::new(&["RUNBOOK", "DUE", "UNTIL", "REASON", "TRIGGER", "DETAIL"]);
    let local = |at| times::local(at, context.now(), &context.zone);
    for one in skipped {
        let first = one.occurrence.nominal;
        let last = (one.last_nominal != first).then(|| local(one.last_nominal));
        table.row([
            one.occurrence.runbook.as_str().into(),
            local(first).into(),
            last.unwrap_or_default().into(),
            Cell::styled(one.reason.as_str(), Style::Warn),
            Cell::faint(&one.occurrence.trigger),
            one.detail.as_str().into(),
        ]);
    }
    table
}

/// When people are asked ahead of a due time; then what they were asked, and where that stands.
fn asked(asks: &Asks, now: Timestamp, zone: &jiff::tz::TimeZone) -> String {
    if asks.from > now {
        return format!("people from {}", times::local(asks.from, now, zone));
    }
    let one = |about: &AsksAbout| {
        let standing = about.standing.as_ref().map_or("asked", Standing::as_str);
        format!(
            "{} {} ({standing})",
            about.step,
            ids::short(&about.approval)
        )
    };
    asks.questions
        .iter()
        .map(one)
        .collect::<Vec<_>>()
        .join(", ")
}

/// A run's name: the digits that are shown of its id.
pub(super) fn run_name(id: RunId) -> String {
    format!("run {}", ids::short(&id))
}

/// `, the last at …`, where there is a time.
pub(super) fn comma_at(at: Option<Timestamp>) -> String {
    at.map(|at| format!(", the last of {at:.0}"))
        .unwrap_or_default()
}
