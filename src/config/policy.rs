//! The gate's policy as it is configured.

use crate::domain::{
    pace::{Limits, Most},
    policy::{
        ApprovalRules, Autonomy, Examples, Feared, FreshBackup, Operation, Policy, Preapproval,
        ProtectedMode,
    },
    span::Span,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The safety gate's policy.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PolicyConfig {
    /// 1 review, 2 safe-auto, 3 full-auto.
    pub autonomy: Autonomy,
    /// Namespaces in which nothing is changed; `*` stands for any characters, `?` for one.
    pub protected_namespaces: BTreeSet<String>,
    /// What happens to a change there.
    pub protected_mode: ProtectedMode,
    /// What is never done.
    pub forbidden_operations: BTreeSet<Operation>,
    /// What needs consent at every level: a list, or a map that says of each whether it does and leaves the others as they are.
    #[serde(deserialize_with = "consent::read")]
    #[schemars(schema_with = "consent::schema")]
    pub require_approval: BTreeSet<Operation>,
    /// Words that are never carried out in a command.
    pub dangerous_commands: Vec<String>,
    /// The most objects that a change may touch without consent at level 2.
    pub max_reach: u32,
    /// The most objects that are changed per minute, over everything the agent does.
    pub changes_per_minute: u32,
    /// The most objects that are destroyed per hour, over everything the agent does.
    pub destructive_per_hour: u32,
    /// Such limits for each runbook, target and namespace by itself.
    pub limits: LimitsConfig,
    /// Steps that are denied unless a fresh backup exists that was restored on trial.
    pub fresh_backup: Vec<FreshBackup>,
    /// So many failures and denials of a runbook in a row put it back to level 1 until `orderly reset`; 0: never.
    pub circuit_failures: u32,
    /// A runbook that is new or changed by a commit asks people until so many of its runs have changed something and ended well; 0: never.
    pub first_runs: u32,
    /// Destructive steps that run without consent at level 3, for a while.
    pub preapproved: Vec<Preapproval>,
    /// Commands that show what the rules are meant to do. Where one of them does something else, the configuration is refused.
    pub examples: Examples,
    /// How many people must consent, at least.
    pub quorum: u32,
    /// How many for a protected namespace.
    pub protected_quorum: u32,
    /// How long people have to answer.
    pub approve_by: Span,
    /// How long after the last answer the step may start.
    pub execute_within: Span,
    /// Whether the one who started a run may consent to its steps.
    pub trigger_may_approve: bool,
    /// Whether the author of the commit may consent to its steps.
    pub author_may_approve: bool,
}

/// Limits for each runbook, target and namespace by itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// For each runbook.
    pub per_runbook: LimitConfig,
    /// For each target: a cluster, the agent's host, the agent itself, a host of the network.
    pub per_target: LimitConfig,
    /// For each namespace of a cluster.
    pub per_namespace: LimitConfig,
}

/// A limit; none where nothing is named.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LimitConfig {
    /// The most objects that are changed per minute.
    pub changes_per_minute: Option<u32>,
    /// The most objects that are destroyed per hour.
    pub destructive_per_hour: Option<u32>,
}

impl Default for PolicyConfig {
    fn default() -> Self {
        let policy = Policy::default();
        Self {
            autonomy: policy.autonomy,
            protected_namespaces: policy.protected_namespaces,
            protected_mode: policy.protected_mode,
            forbidden_operations: policy.forbidden_operations,
            require_approval: policy.require_approval,
            dangerous_commands: (policy.dangerous_commands.iter().cloned())
                .map(String::from)
                .collect(),
            max_reach: policy.max_reach,
            changes_per_minute: policy.limits.agent.changes_per_minute.unwrap_or(u32::MAX),
            destructive_per_hour: policy.limits.agent.destructive_per_hour.unwrap_or(u32::MAX),
            limits: LimitsConfig::default(),
            fresh_backup: policy.fresh_backup.to_vec(),
            circuit_failures: policy.circuit_failures,
            first_runs: policy.first_runs,
            preapproved: policy.preapproved.to_vec(),
            examples: Examples::default(),
            quorum: policy.approvals.quorum,
            protected_quorum: policy.approvals.protected_quorum,
            approve_by: policy.approvals.approve_by,
            execute_within: policy.approvals.execute_within,
            trigger_may_approve: policy.approvals.trigger_may_approve,
            author_may_approve: policy.approvals.author_may_approve,
        }
    }
}

impl LimitConfig {
    fn most(&self) -> Most {
        Most {
            changes_per_minute: self.changes_per_minute,
            destructive_per_hour: self.destructive_per_hour,
        }
    }
}

impl PolicyConfig {
    fn limits(&self) -> Limits {
        Limits {
            agent: Most {
                changes_per_minute: Some(self.changes_per_minute),
                destructive_per_hour: Some(self.destructive_per_hour),
            },
            per_runbook: self.limits.per_runbook.most(),
            per_target: self.limits.per_target.most(),
            per_namespace: self.limits.per_namespace.most(),
        }
    }

    /// As the gate takes it.
    pub fn policy(&self) -> Policy {
        Policy {
            autonomy: self.autonomy,
            protected_namespaces: self.protected_namespaces.clone(),
            protected_mode: self.protected_mode,
            forbidden_operations: self.forbidden_operations.clone(),
            require_approval: self.require_approval.clone(),
            dangerous_commands: (self.dangerous_commands.iter().map(String::as_str))
                .map(Feared::from)
                .collect(),
            max_reach: self.max_reach,
            limits: self.limits(),
            fresh_backup: self.fresh_backup.clone().into(),
            circuit_failures: self.circuit_failures,
            first_runs: self.first_runs,
            preapproved: self.preapproved.clone().into(),
            approvals: ApprovalRules {
                quorum: self.quorum,
                protected_quorum: self.protected_quorum,
                approve_by: self.approve_by,
                execute_within: self.execute_within,
                trigger_may_approve: self.trigger_may_approve,
                author_may_approve: self.author_may_approve,
            },
        }
    }
}

/// What needs consent, in the ways that people write it.
mod consent {
    use crate::domain::policy::{Operation, Policy};
    use schemars::{Schema, SchemaGenerator, json_schema};
    use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
    use std::{collections::BTreeSet, fmt};

    pub(super) fn read<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeSet<Operation>, D::Error> {
        from.deserialize_any(Read)
    }

    pub(super) fn schema(generator: &mut SchemaGenerator) -> Schema {
        let operation = generator.subschema_for::<Operation>();
        json_schema!({
            "anyOf": [
                {"type": "array", "items": operation, "uniqueItems": true},
                {"type": "object", "propertyNames": operation, "additionalProperties": {"type": "boolean"}},
                {"const": true},
            ],
        })
    }

    struct Read;

    impl<'de> Visitor<'de> for Read {
        type Value = BTreeSet<Operation>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of operations, or a map from operations to `true` or `false`")
        }
        /// `true` is how it is anyway.
        fn visit_bool<E: Error>(self, wanted: bool) -> Result<Self::Value, E> {
            if wanted {
                return Ok(Policy::default().require_approval);
            }
            Err(E::custom(
                "cannot be false as a whole\nhint: `[]` is the empty list; `autonomy` says what needs no consent",
            ))
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
            let mut named = BTreeSet::new();
            while let Some(operation) = items.next_element()? {
                named.insert(operation);
            }
            Ok(named)
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut named = Policy::default().require_approval;
            while let Some((operation, wanted)) = map.next_entry::<Operation, bool>()? {
                if wanted {
                    named.insert(operation);
                } else {
                    named.remove(&operation);
                }
            }
            Ok(named)
        }
    }
}
