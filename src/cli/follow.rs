//! Following a run: its events as they are recorded, and what its steps print.

use crate::{
    cli::{
        answers::{ApprovalView, You},
        client::{Address, Client, Page},
        context::Context,
        exit::CliError,
        ids, rows,
        table::{Cell, Table},
        terminal::Style,
        times,
    },
    domain::{
        approval::Standing,
        gate::{Contribution, Decision},
        id::RunId,
        name::StepName,
        run::{Recorded, RunEvent, StepKey, StepReport, StepResult},
    },
    history::{RunRow, RunStatus, StepRow, StepStatus},
};
use jiff::Timestamp;
use std::{collections::BTreeMap, time::Duration};

/// How often the run is looked at.
const PAUSE: Duration = Duration::from_millis(300);
/// How wide the time, the step and what happened to it are at least.
const WIDTHS: [usize; 3] = [8, 12, 10];
/// So many looks in a row may fail before following is given up: about a minute.
const PATIENCE: u32 = 200;

/// Follows what the steps of a run print, by asking again and again for the step that is under way.
#[derive(Debug)]
pub(super) struct LogTail {
    client: Client,
    run: RunId,
    step: Option<StepName>,
    printed: BTreeMap<StepName, Printed>,
}

/// How far a step's output has been printed.
#[derive(Debug, Clone, Copy, Default)]
struct Printed {
    bytes: usize,
    /// The attempt whose output is all there; another one may follow.
    whole: u32,
}

impl LogTail {
    /// From the beginning; of one step, where named.
    pub(super) fn new(client: Client, run: RunId, step: Option<StepName>) -> Self {
        Self {
            client,
            run,
            step,
            printed: BTreeMap::new(),
        }
    }

    /// What is there that was not there before.
    pub(super) async fn more(&mut self) -> Result<String, CliError> {
        let run = self.run.to_string();
        let steps: Page<StepRow> = self
            .client
            .get_as(&Address::api(&["runs", &run, "steps"]))
            .await?;
        let mut text = String::new();
        for row in steps.items {
            let wanted = self.step.as_ref().is_none_or(|step| *step == row.step);
            let known = self.printed.get(&row.step).copied().unwrap_or_default();
            if !wanted || known.whole == row.attempt {
                continue;
            }
            let address = Address::api(&["runs", &run, "logs"]).with("step", Some(&row.step));
            let whole = self.client.text(&address).await?;
            text.push_str(whole.get(known.bytes..).unwrap_or_default());
            // The row was asked for first: what it says has ended has all its output kept.
            let printed = Printed {
                bytes: whole.len(),
                whole: if is_over(row.status) {
                    row.attempt
                } else {
                    known.whole
                },
            };
            self.printed.insert(row.step, printed);
        }
        Ok(text)
    }
}

/// Whether an attempt was made and has ended.
fn is_over(status: StepStatus) -> bool {
    match status {
        StepStatus::Succeeded
        | StepStatus::Failed
        | StepStatus::TimedOut
        | StepStatus::Canceled
        | StepStatus::Interrupted => true,
        StepStatus::Skipped
        | StepStatus::Gated
        | StepStatus::Waiting
        | StepStatus::Running
        | StepStatus::Denied
        | StepStatus::Invalid => false,
    }
}

/// Follows a run to its end.
#[derive(Debug)]
pub(super) struct Follower<'a> {
    context: &'a Context,
    client: Client,
    run: RunId,
    /// The last event that was told.
    seen: u64,
    /// When each step's attempt began.
    began: BTreeMap<StepKey, Timestamp>,
    /// What the gate has said of each step: said again in full, it would hide what is new.
    gated: BTreeMap<StepKey, String>,
    logs: Option<LogTail>,
    misses: u32,
}

impl<'a> Follower<'a> {
    /// From the run's first event; with what its steps print, where wanted.
    pub(super) fn new(context: &'a Context, client: Client, run: RunId, logs: bool) -> Self {
        Self {
            logs: logs.then(|| LogTail::new(client.clone(), run, None)),
            context,
            client,
            run,
            seen: 0,
            began: BTreeMap::new(),
            gated: BTreeMap::new(),
            misses: 0,
        }
    }

    /// Tells what happens until the run ends. An agent that goes away for a moment, as in a restart, is waited for.
    pub(super) async fn follow(&mut self) -> Result<RunRow, CliError> {
        loop {
            match self.look().await {
                Ok(row) if row.status == RunStatus::Ended => return Ok(row),
                Ok(_) => self.misses = 0,
                Err(error @ (CliError::NotReachable { .. } | CliError::Strange(_))) => {
                    self.miss(error)?;
                }
                Err(other) => return Err(other),
            }
            self.context.clock.sleep(PAUSE).await;
        }
    }

    fn miss(&mut self, error: CliError) -> Result<(), CliError> {
        if self.misses == 0 {
            self.context
                .terminal
                .say("the agent does not answer; asking again for a minute");
        }
        self.misses += 1;
        if self.misses > PATIENCE {
            Err(error)
        } else {
            Ok(())
        }
    }

    /// The run first: where it has ended, all its events are there.
    async fn look(&mut self) -> Result<RunRow, CliError> {
        let run = self.run.to_string();
        let row: RunRow = self.client.get_as(&Address::api(&["runs", &run])).await?;
        if row.events > self.seen {
            let events: Page<Recorded> = self
                .client
                .get_as(&Address::api(&["runs", &run, "events"]))
                .await?;
            for recorded in events.items {
                if recorded.seq > self.seen {
                    self.seen = recorded.seq;
                    self.print_logs().await?;
                    self.tell(&recorded)?;
                    self.ask(&recorded.event).await?;
                }
            }
        }
        self.print_logs().await?;
        Ok(row)
    }

    async fn print_logs(&mut self) -> Result<(), CliError> {
        if let Some(logs) = &mut self.logs {
            let text = logs.more().await?;
            if !text.is_empty() {
                self.print(&text)?;
            }
        }
        Ok(())
    }

    fn print(&self, text: &str) -> Result<(), CliError> {
        // With JSON, standard output is for the one document at the end.
        if self.context.terminal.wants_json() {
            self.context.terminal.say(text.trim_end());
            return Ok(());
        }
        self.context.terminal.data(text)
    }

    fn tell(&mut self, recorded: &Recorded) -> Result<(), CliError> {
        let at = recorded.at;
        if let RunEvent::StepStarted { key, .. } = &recorded.event {
            self.began.insert(key.clone(), at);
        }
        let began = |key: &StepKey| self.began.get(key).copied();
        if let Some(mut line) = line_of(&recorded.event, at, began) {
            if let RunEvent::StepGated { key, .. } = &recorded.event {
                line.more = once(&mut self.gated, key, line.more);
            }
            let time = times::local(at, self.context.now(), &self.context.zone);
            let cells = [
                Cell::faint(&time),
                line.who.into(),
                line.what,
                line.more.into(),
            ];
            let table = Table::line(&WIDTHS, cells);
            self.print(&table.render(self.context.terminal.colours_data()))?;
        }
        Ok(())
    }

    /// Says how a question that is still open is answered, and by whom.
    async fn ask(&self, event: &RunEvent) -> Result<(), CliError> {
        let RunEvent::ApprovalRequested { approval, .. } = event else {
            return Ok(());
        };
        let address = Address::api(&["approvals", &approval.to_string()]);
        let view: ApprovalView = self.client.get_as(&address).await?;
        if !matches!(view.standing, Standing::Pending { .. }) {
            return Ok(());
        }
        let id = ids::short(approval);
        let say = |text: &str| self.context.terminal.say(text);
        say(&format!("to look at it:  orderly approvals show {id}"));
        say(&how_to_answer(view.you, &id));
        Ok(())
    }
}

/// Whoever started a run is often not the one who may consent to it.
fn how_to_answer(you: You, id: &str) -> String {
    match you {
        You::MayAnswer | You::Unknown => {
            format!("to answer:      orderly approve {id}   or   orderly deny {id}")
        }
        You::MayRefuse => format!(
            "somebody else must consent, because you started this run or wrote its change:  orderly approve {id}\nyou may say no: orderly deny {id}"
        ),
        You::NoRight => format!(
            "somebody else must answer, with the role approver or admin:  orderly approve {id}   or   orderly deny {id}"
        ),
        You::Nothing => "somebody else must answer, because you have already".to_owned(),
    }
}

/// One thing that happened, for people.
struct Line {
    who: String,
    what: Cell,
    more: String,
}

impl Line {
    fn of_step(key: &StepKey, what: Cell, more: impl Into<String>) -> Self {
        Self {
            who: rows::step(key.phase, &key.step),
            what,
            more: more.into(),
        }
    }

    fn of_run(what: &str, style: Style, more: impl Into<String>) -> Self {
        Self {
            who: "run".to_owned(),
            what: Cell::styled(what, style),
            more: more.into(),
        }
    }
}

/// What is told of an event. What follows anyway from the next one is left out, and so is the end, which is told by itself.
fn line_of(
    event: &RunEvent,
    at: Timestamp,
    began: impl Fn(&StepKey) -> Option<Timestamp>,
) -> Option<Line> {
    let bad = |word: &str| Cell::styled(word, Style::Bad);
    Some(match event {
        RunEvent::StepSkipped { key, reason } => Line::of_step(key, Cell::faint("skipped"), reason),
        RunEvent::StepGated {
            key,
            decision,
            contributions,
            ..
        } => return line_of_gate(key, decision, contributions),
        RunEvent::ApprovalRequested { key, approval, .. } => {
            let what = Cell::styled("waits for people", Style::Warn);
            Line::of_step(key, what, format!("approval {}", ids::short(approval)))
        }
        RunEvent::StepDenied { key, reason, .. } => Line::of_step(key, bad("denied"), reason),
        RunEvent::StepStarted { key, attempt, .. } => {
            let more = if *attempt > 1 {
                format!("attempt {attempt}")
            } else {
                String::new()
            };
            Line::of_step(key, "started".into(), more)
        }
        RunEvent::StepEnded { key, report, .. } => {
            let took = began(key).map(|from| format!(" ({})", times::took(from, at)));
            let said = rows::first_line(&report.summary);
            let said = format!("{said}{}", took.unwrap_or_default());
            Line::of_step(key, ended(report), said)
        }
        RunEvent::StepInvalid { key, error } => Line::of_step(key, bad("invalid"), error),
        RunEvent::StepInterrupted { key, .. } => {
            Line::of_step(key, bad("interrupted"), "the agent died in it")
        }
        RunEvent::ProcessOutlived {
            key,
            process,
            program,
            ..
        } => {
            let more = format!("{program} (process {process}) had outlived the agent");
            Line::of_step(key, Cell::styled("ended late", Style::Warn), more)
        }
        RunEvent::ApprovalGranted { .. } => Line::of_run("approved", Style::Good, ""),
        RunEvent::ApprovalLapsed { reason, .. } => {
            Line::of_run("approval lapsed", Style::Warn, reason)
        }
        RunEvent::CancelRequested { by, reason } if reason.is_empty() => {
            Line::of_run("cancel asked", Style::Warn, format!("by {by}"))
        }
        RunEvent::CancelRequested { by, reason } => {
            Line::of_run("cancel asked", Style::Warn, format!("by {by}: {reason}"))
        }
        RunEvent::DeadlinePassed => Line::of_run("deadline passed", Style::Bad, ""),
        RunEvent::Started | RunEvent::Ended { .. } => return None,
    })
}

/// That the gate is open shows in the start that follows.
fn line_of_gate(
    key: &StepKey,
    decision: &Decision,
    contributions: &[Contribution],
) -> Option<Line> {
    if *decision == Decision::Allow {
        return None;
    }
    let what = format!("gate: {}", decision.as_str());
    let what = Cell::styled(&what, rows::style_of_decision(decision));
    Some(Line::of_step(key, what, reasons(contributions, decision)))
}

/// Why the gate decided so: what those stages say that are as strict as the whole.
fn reasons(contributions: &[Contribution], decision: &Decision) -> String {
    contributions
        .iter()
        .filter(|said| said.decision.as_str() == decision.as_str())
        .map(|said| said.reason.as_str())
        .collect::<Vec<_>>()
        .join("; ")
}

/// The same words, or, where they were told of this step already, that they are the same.
fn once(told: &mut BTreeMap<StepKey, String>, key: &StepKey, words: String) -> String {
    let before = told.insert(key.clone(), words.clone());
    if before.is_some_and(|before| before == words) {
        return "for the same reasons".to_owned();
    }
    words
}

fn ended(report: &StepReport) -> Cell {
    if let Some(check) = report.check {
        return Cell::styled(check.as_str(), rows::style_of_check(check));
    }
    match &report.result {
        StepResult::Succeeded => Cell::styled("succeeded", Style::Good),
        StepResult::Failed { .. } => Cell::styled("failed", Style::Bad),
        StepResult::TimedOut => Cell::styled("timed out", Style::Bad),
        StepResult::Canceled => Cell::styled("canceled", Style::Warn),
    }
}

#[cfg(test)]
mod tests {
    use super::once;
    use crate::domain::{name::StepName, run::StepKey, runbook::Phase};
    use std::collections::BTreeMap;

    #[test]
    fn what_the_gate_has_said_of_a_step_is_not_said_again() {
        let key = |name: &str| StepKey {
            phase: Phase::Main,
            step: StepName::new(name).unwrap(),
        };
        let mut told = BTreeMap::new();
        let mut say = |step: &str, words: &str| once(&mut told, &key(step), words.to_owned());
        assert_eq!(say("a", "it cuts service"), "it cuts service");
        assert_eq!(say("b", "it cuts service"), "it cuts service");
        assert_eq!(say("a", "it cuts service"), "for the same reasons");
        assert_eq!(say("a", "it loses data"), "it loses data");
    }
}
