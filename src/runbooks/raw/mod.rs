//! What may stand in a file, as it is written: the mirrors that serde reads and JSON Schema is made from.
//!
//! Names and lengths of time are checked here, by their types; what needs other parts of the document is checked on the way to the
//! domain ([`crate::runbooks::convert`]).

mod others;
mod triggers;

use crate::domain::{
    name::{
        ActionName, CalendarName, EnvironmentName, InputName, LockName, PolicyName, RunbookName,
        StepName,
    },
    policy::Autonomy,
    runbook::{InputKind, Overlap},
    span::Span,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeMap, num::NonZeroU32};

pub(super) use crate::runbooks::raw::{
    others::{
        AllowSpec, CalendarSpec, DenySpec, EnvironmentSpec, LimitSpec, PolicySpec, WindowSpec,
    },
    triggers::{
        AfterSpec, AfterTrigger, AgentTrigger, AlertSpec, AlertTrigger, EverySpec, ScheduleSpec,
        TriggerSpec, WebhookSpec, WebhookTrigger,
    },
};

/// The one version of the format.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) enum ApiVersion {
    /// The first.
    #[serde(rename = "orderly.dev/v1")]
    V1,
}

/// One document: its kind's name, its metadata and its content.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct File<Kind, Name, Spec> {
    /// `orderly.dev/v1`.
    #[serde(rename = "apiVersion")]
    pub(super) _api_version: ApiVersion,
    /// What the document is.
    #[serde(rename = "kind")]
    pub(super) _kind: Kind,
    /// What it is called.
    pub(super) metadata: Metadata<Name>,
    /// What it says.
    pub(super) spec: Spec,
}

macro_rules! kind {
    ($($(#[$doc:meta])* $kind:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Deserialize, JsonSchema)]
        pub(super) enum $kind {
            $(#[$doc])*
            $kind,
        }
    )*};
}
kind! {
    /// Triggers, inputs and steps.
    Runbook;
    /// What differs from place to place.
    Environment;
    /// When runbooks may run.
    Calendar;
    /// What the repository adds to the agent's policy.
    Policy;
}

/// A `kind: Runbook`.
pub(super) type RunbookFile = File<Runbook, RunbookName, RunbookSpec>;
/// A `kind: Environment`.
pub(super) type EnvironmentFile = File<Environment, EnvironmentName, EnvironmentSpec>;
/// A `kind: Calendar`.
pub(super) type CalendarFile = File<Calendar, CalendarName, CalendarSpec>;
/// A `kind: Policy`.
pub(super) type PolicyFile = File<Policy, PolicyName, PolicySpec>;

/// What a document is called.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Metadata<Name> {
    /// Unique in the repository among documents of its kind.
    pub(super) name: Name,
    /// For selection and grouping.
    #[serde(default)]
    pub(super) labels: BTreeMap<Box<str>, Box<str>>,
}

/// What a runbook says.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RunbookSpec {
    /// What it is for, for the people who are asked about it.
    #[serde(default)]
    pub(super) description: Box<str>,
    /// Who answers for it: a mail address, a team.
    #[serde(default)]
    pub(super) owner: Box<str>,
    /// Where it applies, by the environments' names. None named: everywhere.
    #[serde(default)]
    pub(super) environments: Vec<EnvironmentName>,
    /// What starts it. None: only people.
    #[serde(default)]
    pub(super) triggers: Vec<TriggerSpec>,
    /// What it is told, by name; `${{ inputs.name }}` in steps.
    #[serde(default)]
    #[schemars(transform = say_rule_of_names)]
    pub(super) inputs: BTreeMap<InputName, InputSpec>,
    /// What happens when it is due while it runs.
    #[serde(default)]
    pub(super) overlap: Overlap,
    /// Locks that it shares with other runbooks: of those that name the same lock, one runs at a time.
    #[serde(default)]
    pub(super) locks: Vec<LockName>,
    /// The calendars that open or close it, by name.
    #[serde(default)]
    pub(super) windows: Vec<CalendarName>,
    /// How long a run may take, time spent waiting for people not counted.
    #[serde(default = "one_hour")]
    pub(super) deadline: Span,
    /// The most that the agent does here by itself. It only lowers the agent's own level.
    pub(super) autonomy: Option<Autonomy>,
    /// What is done, in order.
    pub(super) steps: Vec<StepSpec>,
    /// What is done when a step failed after something was changed.
    #[serde(default)]
    pub(super) rollback: Vec<StepSpec>,
    /// What is always done last: after success, failure, cancel and denial.
    #[serde(default)]
    pub(super) finally: Vec<StepSpec>,
}

/// Lets the schema say what is wrong with a name, not only that the key is unknown.
fn say_rule_of_names(schema: &mut schemars::Schema) {
    let Some(Value::Object(patterns)) = schema.remove("patternProperties") else {
        return;
    };
    let name = InputName::json_schema(&mut schemars::SchemaGenerator::default());
    schema.insert("propertyNames".to_owned(), name.to_value());
    let input = patterns.into_iter().next().map(|(_, input)| input);
    schema.insert("additionalProperties".to_owned(), input.unwrap_or_default());
}

fn one_hour() -> Span {
    Span::from_secs(3600)
}

/// One input.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct InputSpec {
    /// What sort of value it is.
    #[serde(rename = "type", default)]
    pub(super) kind: InputKind,
    /// What it is for.
    #[serde(default)]
    pub(super) description: Box<str>,
    /// Whether it must be given.
    #[serde(default)]
    pub(super) required: bool,
    /// What is taken where it is not given.
    pub(super) default: Option<Value>,
    /// A regular expression that the whole text must match.
    pub(super) pattern: Option<Box<str>>,
    /// The values allowed.
    #[serde(rename = "enum", default)]
    pub(super) choices: Vec<Value>,
}

/// One step.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct StepSpec {
    /// Unique in the runbook; `${{ steps.name.outputs.… }}` in later steps.
    pub(super) name: StepName,
    /// The action.
    pub(super) uses: ActionName,
    /// The action's arguments. Strings may hold expressions: `${{ … }}`.
    #[serde(default)]
    pub(super) with: BTreeMap<String, Value>,
    /// An expression. Where it is false, the step is skipped.
    pub(super) when: Option<Box<str>>,
    /// How long one attempt may take.
    #[serde(default = "ten_minutes")]
    pub(super) timeout: Span,
    /// What happens after a failed attempt.
    #[serde(default)]
    pub(super) retry: RetrySpec,
    /// Whether the run goes on after this step failed; it still ends as failed.
    #[serde(default)]
    pub(super) continue_on_failure: bool,
    /// How people are asked about it, where they must be.
    pub(super) approval: Option<ApprovalSpec>,
}

/// How people are asked about a step.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ApprovalSpec {
    /// So long before each due time of the runbook's schedule. Their consent is for that time alone. Not for a step that needs what
    /// an earlier one leaves.
    pub(super) ahead: Span,
}

fn ten_minutes() -> Span {
    Span::from_secs(600)
}

/// How often a step is tried.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RetrySpec {
    /// In all, the first one included.
    #[serde(default = "once")]
    pub(super) attempts: NonZeroU32,
    /// How long to wait in between.
    #[serde(default)]
    pub(super) backoff: BackoffSpec,
}

impl Default for RetrySpec {
    fn default() -> Self {
        Self {
            attempts: once(),
            backoff: BackoffSpec::default(),
        }
    }
}

fn once() -> NonZeroU32 {
    NonZeroU32::MIN
}

/// How long to wait between attempts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BackoffSpec {
    /// Before the second attempt.
    #[serde(default = "two_seconds")]
    pub(super) initial: Span,
    /// How much longer before each further one; at least 1.
    #[serde(default = "double")]
    pub(super) factor: f64,
    /// The longest wait.
    #[serde(default = "one_minute")]
    pub(super) max: Span,
}

impl Default for BackoffSpec {
    fn default() -> Self {
        Self {
            initial: two_seconds(),
            factor: double(),
            max: one_minute(),
        }
    }
}

fn two_seconds() -> Span {
    Span::from_secs(2)
}
fn double() -> f64 {
    2.0
}
fn one_minute() -> Span {
    Span::from_secs(60)
}
