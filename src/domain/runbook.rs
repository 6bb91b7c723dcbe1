//! A runbook, valid.
//!
//! Values are kept small (`Box<str>`, compact JSON text for arguments) because the agent holds ten thousand of them.

use crate::domain::{
    calendar::Calendar,
    digest::Digest,
    name::{
        ActionName, CalendarName, EnvironmentName, InputName, LockName, RunbookName, StepName,
        WebhookName,
    },
    policy::{Autonomy, Tightening},
    schedule::{Cron, Zone},
    span::Span,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// One runbook, as read from one revision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Runbook {
    /// Unique in the repository.
    pub name: RunbookName,
    /// For selection and grouping.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// What it is for.
    pub description: Box<str>,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub owner: Box<str>,
    /// Where it applies; none named means everywhere.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub environments: Box<[EnvironmentName]>,
    /// What starts it. None: only people.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub triggers: Box<[Trigger]>,
    /// What it is told.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub inputs: Box<[Input]>,
    /// What happens when it is due while it runs.
    pub overlap: Overlap,
    /// Locks it shares with other runbooks.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub locks: Box<[LockName]>,
    /// Calendars that open or close it.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub windows: Box<[CalendarName]>,
    /// How long a run may take, time spent waiting for people not counted.
    pub deadline: Span,
    /// It may only lower the agent's level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autonomy: Option<Autonomy>,
    /// In order.
    pub steps: Box<[Step]>,
    /// Run when a step fails after something was changed.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub rollback: Box<[Step]>,
    /// Always run last.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub finally: Box<[Step]>,
    /// Of the files of the repository that its steps name, where they do: what they hold is part of what it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Box<Digest>>,
}

/// Names and values, by name. A tree of one label would take four hundred bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Labels(Box<[(Box<str>, Box<str>)]>);

impl Labels {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
impl From<BTreeMap<Box<str>, Box<str>>> for Labels {
    fn from(labels: BTreeMap<Box<str>, Box<str>>) -> Self {
        Self(labels.into_iter().collect())
    }
}
impl Serialize for Labels {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}
impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::deserialize(deserializer)
            .map(|labels: BTreeMap<Box<str>, Box<str>>| labels.into())
    }
}

/// What starts a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Trigger {
    /// By the calendar.
    Schedule {
        /// Five fields, as Debian's cron(8) reads them.
        cron: Cron,
        /// Whose clock on the wall; UTC where none is named.
        zone: Zone,
        /// Timing.
        #[serde(flatten)]
        timing: Timing,
    },
    /// By elapsed time, counted from the moment the trigger became active.
    Every {
        /// Between two occurrences.
        interval: Span,
        /// Timing.
        #[serde(flatten)]
        timing: Timing,
    },
    /// By a signed HTTP request.
    Webhook {
        /// As in the agent's configuration.
        name: WebhookName,
    },
    /// By an alert from Alertmanager whose labels all match.
    Alert {
        /// Label and value.
        labels: BTreeMap<Box<str>, Box<str>>,
    },
    /// By the agent itself.
    Agent {
        /// What happens to it.
        event: AgentEvent,
    },
    /// By the end of another runbook's run.
    After {
        /// Which.
        runbook: RunbookName,
        /// And how it ended.
        on: AfterOutcome,
    },
}

/// What a schedule says beside its times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Timing {
    /// The start is put off by up to this, the same amount each time.
    #[serde(default, skip_serializing_if = "Span::is_zero")]
    pub spread: Span,
    /// What happens to occurrences that the agent was not there for.
    pub missed: Missed,
    /// An occurrence that could not start this long after its time does not start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_deadline: Option<Span>,
}

impl Trigger {
    /// What it says beside its times, if it has times.
    pub fn timing(&self) -> Option<&Timing> {
        match self {
            Self::Schedule { timing, .. } | Self::Every { timing, .. } => Some(timing),
            Self::Webhook { .. } | Self::Alert { .. } | Self::Agent { .. } | Self::After { .. } => {
                None
            }
        }
    }

    /// A text that stays the same while the trigger's meaning does: its occurrences are counted under it.
    pub fn key(&self) -> String {
        match self {
            Self::Schedule { cron, zone, .. } => format!("schedule {cron} {zone}"),
            Self::Every { interval, .. } => format!("every {interval}"),
            Self::Webhook { name } => format!("webhook {name}"),
            Self::Alert { labels } => {
                let pairs: Vec<_> = labels
                    .iter()
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
                format!("alert {}", pairs.join(","))
            }
            Self::Agent {
                event: AgentEvent::Started,
            } => "agent started".to_owned(),
            Self::After { runbook, on } => format!("after {runbook} {}", on.as_str()),
        }
    }
}

/// What happens to the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgentEvent {
    /// It has started: once each time, as crontab(5)'s `@reboot`.
    Started,
}

/// What happens to occurrences that the agent was not there for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    /// They are recorded as missed.
    #[default]
    Skip,
    /// The last of them runs now.
    Last,
    /// All of them run, one after the other, at most a hundred.
    All,
}

/// How the other runbook must have ended.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum AfterOutcome {
    /// Succeeded, or with warnings.
    #[default]
    Success,
    /// In any other way.
    Failure,
    /// Any way.
    Any,
}

impl AfterOutcome {
    /// The word as written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Any => "any",
        }
    }
}

/// What happens when a runbook is due while it runs.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// The new occurrence does not run, for the reason `overlap`.
    #[default]
    Forbid,
    /// The new occurrence waits; at most one waits, a further one does not run.
    Queue,
    /// The run is cancelled, then the new one starts.
    Replace,
    /// Both run.
    Allow,
}

/// One input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// Its name.
    pub name: InputName,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: InputKind,
    /// What it is for.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub description: Box<str>,
    /// Must be given where there is no default.
    #[serde(default)]
    pub required: bool,
    /// Used when it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// A regular expression that the whole text must match (strings only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<Box<str>>,
    /// The values allowed.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty", rename = "enum")]
    pub choices: Box<[Value]>,
}

/// An input's type.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum InputKind {
    /// Text.
    #[default]
    String,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A length of time, as in `90s`.
    Duration,
}

/// Which list a step stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// `steps`.
    Main,
    /// `rollback`.
    Rollback,
    /// `finally`.
    Finally,
}

impl Phase {
    /// The word used in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Rollback => "rollback",
            Self::Finally => "finally",
        }
    }
}

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Unique in the runbook.
    pub name: StepName,
    /// What it does.
    pub uses: ActionName,
    /// With which arguments, before rendering.
    pub with: Arguments,
    /// An expression; the step is skipped when it is false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Box<str>>,
    /// How long one attempt may take.
    pub timeout: Span,
    /// What happens after a failed attempt.
    pub retry: Retry,
    /// Whether the run goes on after this step failed; it still ends as failed.
    #[serde(default)]
    pub continue_on_failure: bool,
    /// How long before a due time people are asked about it. None: when the run comes to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ahead: Option<Span>,
}

/// A step's arguments as compact JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arguments(Box<str>);

impl Arguments {
    /// From a JSON value.
    pub fn new(value: &Value) -> Self {
        Self(value.to_string().into())
    }
    /// As a JSON value.
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
impl Serialize for Arguments {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}
impl<'de> Deserialize<'de> for Arguments {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(|value| Self::new(&value))
    }
}

/// How often a step is tried.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Retry {
    /// In all, the first one included; at least 1.
    pub attempts: u32,
    /// Before the second attempt.
    pub initial: Span,
    /// How much longer before each further one.
    pub factor: f64,
    /// The longest wait.
    pub max: Span,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 1,
            initial: Span::from_secs(2),
            factor: 2.0,
            max: Span::from_secs(60),
        }
    }
}

impl Retry {
    /// How long to wait after this failed attempt (counted from 1).
    pub fn wait_after(&self, attempt: u32) -> Span {
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let seconds = self.initial.duration().as_secs_f64() * self.factor.powi(exponent);
        let longest = self.max.duration().as_secs_f64();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "cut to `max`, which fits"
        )]
        Span::from_millis((seconds.min(longest).max(0.0) * 1000.0) as u64)
    }
}

impl Runbook {
    /// The steps of one phase.
    pub fn steps_of(&self, phase: Phase) -> &[Step] {
        match phase {
            Phase::Main => &self.steps,
            Phase::Rollback => &self.rollback,
            Phase::Finally => &self.finally,
        }
    }
    /// The digest of its whole meaning; where it stands in which file does not count.
    pub fn digest(&self) -> Digest {
        Digest::of(self)
    }
    /// Whether it applies in this environment.
    pub fn applies_in(&self, environment: &EnvironmentName) -> bool {
        self.environments.is_empty() || self.environments.contains(environment)
    }
}

/// `kind: Environment`: what differs from place to place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// Its name.
    pub name: EnvironmentName,
    /// What expressions see as `values`.
    pub values: BTreeMap<String, Value>,
    /// It may only lower the agent's level.
    pub autonomy: Option<Autonomy>,
    /// Protected beside the agent's own.
    pub protected_namespaces: Vec<String>,
}

/// One document of the repository.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Document {
    /// `kind: Runbook`.
    Runbook(Arc<Runbook>),
    /// `kind: Environment`.
    Environment(Environment),
    /// `kind: Calendar`.
    Calendar(Calendar),
    /// `kind: Policy`.
    Policy(Tightening),
}

#[cfg(test)]
mod tests {
    use super::Retry;
    use crate::domain::span::Span;

    #[test]
    fn the_wait_grows_up_to_its_maximum() {
        let retry = Retry {
            attempts: 5,
            initial: Span::from_secs(2),
            factor: 2.0,
            max: Span::from_secs(5),
        };
        let waits: Vec<_> = (1..5)
            .map(|attempt| retry.wait_after(attempt).millis())
            .collect();
        assert_eq!(waits, [2000, 4000, 5000, 5000]);
        assert_eq!(retry.wait_after(u32::MAX).millis(), 5000);
    }
}
