//! Entries about runs and steps: what every one of them says.

use super::Entry;
use crate::domain::{
    effect::{Effect, Effects, Scope, Verb},
    plan::PlannedStep,
    run::{RunEvent, RunHeader, StepKey},
};
use jiff::Timestamp;
use serde_json::{Value, json};

/// What an entry is looked for by, beside what it says itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About<'a> {
    /// The guides' word for what a step did, where it ended, was refused or was interrupted; elsewhere the action.
    pub word: &'a str,
    /// Which run.
    pub run: Option<&'a str>,
    /// Which runbook.
    pub runbook: Option<&'a str>,
}

impl Entry {
    /// What it is looked for by. All of it follows from what the chain covers.
    pub fn about(&self) -> About<'_> {
        let detail = |name: &str| self.details.get(name).and_then(Value::as_str);
        let verb = match self.action.as_str() {
            "step.ended" | "step.denied" | "step.interrupted" => detail("verb"),
            _ => None,
        };
        About {
            word: verb.unwrap_or(&self.action),
            run: detail("run"),
            runbook: self.runbook_of_resource().or_else(|| detail("runbook")),
        }
    }

    fn runbook_of_resource(&self) -> Option<&str> {
        self.resource.strip_prefix("runbook/")
    }

    /// A line about a run.
    pub fn of_run(at: Timestamp, header: &RunHeader, action: &str, detail: &str) -> Self {
        let resource = format!("runbook/{}", header.runbook);
        Self::new(at, header.cause.user(), action, resource).with(json!({
            "run": header.id, "runbook": header.runbook, "cause": header.cause, "detail": detail,
        }))
    }

    /// A line about an event of a run; none where whoever records the event writes a line that says more.
    pub fn of_event(at: Timestamp, header: &RunHeader, event: &RunEvent) -> Option<Self> {
        let line = |action, detail: &str| Self::of_run(at, header, action, detail);
        let of = |entry: Self, key: &StepKey| entry.and("phase", key.phase).and("step", &key.step);
        match event {
            RunEvent::StepSkipped { key, reason } => Some(of(line("step.skipped", reason), key)),
            RunEvent::StepInvalid { key, error } => Some(of(
                line("step.invalid", "it cannot be planned").failed(error),
                key,
            )),
            RunEvent::StepInterrupted { key, attempt } => {
                let why = "the agent ended in it, and nobody can say whether it happened";
                let entry = of(line("step.interrupted", "").failed(why), key);
                Some(entry.and("attempt", attempt))
            }
            RunEvent::ProcessOutlived {
                key,
                attempt,
                process,
                program,
            } => {
                let why = format!(
                    "{program} (process {process}) had outlived the agent that started it, and is ended"
                );
                let entry = of(line("process.outlived", &why), key);
                Some(entry.and("attempt", attempt).and("process", process))
            }
            RunEvent::ApprovalGranted { approval } => {
                Some(line("approval.granted", "enough people consented").and("approval", approval))
            }
            RunEvent::ApprovalLapsed { approval, reason } => {
                let entry = line("approval.lapsed", "").failed(reason);
                Some(entry.and("approval", approval))
            }
            RunEvent::DeadlinePassed => {
                Some(line("run.deadline_passed", "").failed("it took longer than its deadline"))
            }
            RunEvent::Started
            | RunEvent::StepGated { .. }
            | RunEvent::ApprovalRequested { .. }
            | RunEvent::StepDenied { .. }
            | RunEvent::StepStarted { .. }
            | RunEvent::StepEnded { .. }
            | RunEvent::CancelRequested { .. }
            | RunEvent::Ended { .. } => None,
        }
    }

    /// A line about a step: which one, and the guides' word for what it does.
    pub fn of_step(at: Timestamp, user: &str, action: &str, step: &PlannedStep) -> Self {
        let objects: Vec<String> = step
            .effects
            .items
            .iter()
            .map(|effect| effect.object.to_string())
            .collect();
        let resource = format!("{} {}", step.uses, objects.join(", "));
        Self::new(at, user, action, resource)
            .in_namespace(namespace(&step.effects))
            .with(json!({
                "run": step.run, "runbook": step.runbook, "revision": step.revision, "phase": step.phase, "step": step.step,
                "attempt": step.attempt, "uses": step.uses, "digest": step.digest(), "policy": step.policy,
                "class": step.effects.class(), "verb": verb(&step.effects),
            }))
    }

    /// With what was known before the step: its effects in full, and its arguments with secrets by name.
    #[must_use]
    pub fn planned(self, step: &PlannedStep, arguments: Value) -> Self {
        self.and("effects", &step.effects)
            .and("arguments", arguments)
            .and("definition", step.definition)
            .and("idempotent", step.idempotent)
            .and("timeout", step.timeout)
    }
}

fn namespace(effects: &Effects) -> String {
    let named = effects
        .items
        .iter()
        .find_map(|effect| match &effect.object.scope {
            Scope::Namespace(name) => Some(name.clone()),
            Scope::NotApplicable | Scope::AllNamespaces | Scope::ClusterScoped | Scope::Unknown => {
                None
            }
        });
    named.unwrap_or_default()
}

/// The guides' word for a step: that of its gravest effect, the first of them.
fn verb(effects: &Effects) -> &'static str {
    let gravest = effects.items.iter().map(Effect::class).max();
    let of = |effect: &&Effect| Some(effect.class()) == gravest;
    effects
        .items
        .iter()
        .find(of)
        .map_or("read", |effect| word(&effect.verb))
}

/// The words that operators look for.
fn word(verb: &Verb) -> &'static str {
    match verb {
        Verb::Read | Verb::List | Verb::FileRead | Verb::DatabaseRead => "read",
        Verb::Create => "create",
        Verb::Update | Verb::Patch => "update",
        Verb::Delete | Verb::DeleteCollection | Verb::FileDelete => "delete",
        Verb::ScaleTo(_) => "scale",
        Verb::Restart => "restart",
        Verb::Evict => "evict",
        Verb::Exec => "exec",
        Verb::Tunnel => "tunnel",
        Verb::Bind => "grant",
        Verb::TokenIssue => "token",
        Verb::Impersonate => "impersonate",
        Verb::FileWrite | Verb::DatabaseWrite => "write",
        Verb::ServiceStart => "start",
        Verb::ServiceStop => "stop",
        Verb::ProcessKill => "kill",
        Verb::PackageInstall => "install",
        Verb::DatabaseSchema => "schema",
        Verb::NetworkSend => "send",
        Verb::RunCode => "run",
        Verb::Opaque => "unknown",
    }
}
