//! Environments, calendars and policies as they are written.

use crate::{
    domain::{
        policy::{Autonomy, Examples, FreshBackup, Operation},
        span::Span,
    },
    runbooks::alternatives::WindowFields,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// What differs from place to place.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::runbooks) struct EnvironmentSpec {
    /// What expressions see as `values`.
    #[serde(default)]
    pub(in crate::runbooks) values: BTreeMap<String, Value>,
    /// The most that the agent does there by itself. It only lowers the agent's own level.
    pub(in crate::runbooks) autonomy: Option<Autonomy>,
    /// Namespaces protected there, beside the agent's own; `*` stands for any characters, `?` for one.
    #[serde(default)]
    pub(in crate::runbooks) protected_namespaces: Vec<String>,
}

/// When runbooks may run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::runbooks) struct CalendarSpec {
    /// Whose clock on the wall, by its IANA name. UTC where none is named.
    pub(in crate::runbooks) time_zone: Option<String>,
    /// Its windows.
    pub(in crate::runbooks) windows: Vec<WindowSpec>,
}

/// A window of a calendar.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(try_from = "WindowFields")]
#[schemars(!try_from, untagged)]
pub(in crate::runbooks) enum WindowSpec {
    /// Runs happen inside it, and outside of it only within another such window.
    Allow(AllowSpec),
    /// No run happens inside it.
    Deny(DenySpec),
}

/// A window in which runs happen.
#[derive(Debug, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::runbooks) struct AllowSpec {
    /// When it opens: five fields as in crontab(5).
    pub(in crate::runbooks) allow: String,
    /// How long it stays open.
    #[serde(rename = "for")]
    pub(in crate::runbooks) lasts: Span,
}

/// A window in which no run happens.
#[derive(Debug, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::runbooks) struct DenySpec {
    /// When it opens: five fields as in crontab(5).
    pub(in crate::runbooks) deny: String,
    /// How long it lasts.
    #[serde(rename = "for")]
    pub(in crate::runbooks) lasts: Span,
}

/// What the repository adds to the agent's policy. It only makes it stricter.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::runbooks) struct PolicySpec {
    /// The most that the agent does by itself.
    pub(in crate::runbooks) autonomy: Option<Autonomy>,
    /// Namespaces in which nothing is changed; `*` stands for any characters, `?` for one.
    #[serde(default)]
    pub(in crate::runbooks) protected_namespaces: Vec<String>,
    /// What is never done.
    #[serde(default)]
    pub(in crate::runbooks) forbidden_operations: Vec<Operation>,
    /// What needs consent at every level.
    #[serde(default)]
    pub(in crate::runbooks) require_approval: Vec<Operation>,
    /// Words that are never carried out in a command.
    #[serde(default)]
    pub(in crate::runbooks) dangerous_commands: Vec<String>,
    /// The most objects that a change may touch without consent.
    pub(in crate::runbooks) max_reach: Option<u32>,
    /// The least number of people who must consent.
    pub(in crate::runbooks) quorum: Option<u32>,
    /// The most objects that are changed per minute, over everything the agent does.
    pub(in crate::runbooks) changes_per_minute: Option<u32>,
    /// The most objects that are destroyed per hour, over everything the agent does.
    pub(in crate::runbooks) destructive_per_hour: Option<u32>,
    /// Such limits for each runbook, target and namespace by itself.
    #[serde(default)]
    pub(in crate::runbooks) limits: LimitsSpec,
    /// Steps that are denied unless a fresh backup exists that was restored on trial.
    #[serde(default)]
    pub(in crate::runbooks) fresh_backup: Vec<FreshBackup>,
    /// Commands that show what the rules are meant to do. Where one of them does something else, the policy is refused.
    #[serde(default)]
    pub(in crate::runbooks) examples: Examples,
}

/// Limits for each runbook, target and namespace by itself.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "they are named as in files")]
pub(in crate::runbooks) struct LimitsSpec {
    /// For each runbook.
    #[serde(default)]
    pub(in crate::runbooks) per_runbook: LimitSpec,
    /// For each target: a cluster, the agent's host, the agent itself, a host of the network.
    #[serde(default)]
    pub(in crate::runbooks) per_target: LimitSpec,
    /// For each namespace of a cluster.
    #[serde(default)]
    pub(in crate::runbooks) per_namespace: LimitSpec,
}

/// A limit; none where nothing is named.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::runbooks) struct LimitSpec {
    /// The most objects that are changed per minute.
    pub(in crate::runbooks) changes_per_minute: Option<u32>,
    /// The most objects that are destroyed per hour.
    pub(in crate::runbooks) destructive_per_hour: Option<u32>,
}
