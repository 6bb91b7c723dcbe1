//! The gate's policy: what the agent's own configuration says, and what the repository may tighten.

pub mod namespaces;
mod rules;

pub use rules::{Covered, Feared, Rule, Rules};

use crate::domain::{
    digest::Digest,
    name::{ActionName, ArtifactName, PolicyName, RunbookName},
    pace::{Limits, Most},
    span::Span,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// How much the agent does by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Autonomy {
    /// 1: every change needs approval.
    Review,
    /// 2: reversible changes of small reach run, destructive ones need approval.
    SafeAuto,
    /// 3: bounded changes run too, and destructive steps inside a preapproved scope.
    FullAuto,
}

impl Autonomy {
    /// 1, 2 or 3.
    pub fn level(self) -> u8 {
        match self {
            Self::Review => 1,
            Self::SafeAuto => 2,
            Self::FullAuto => 3,
        }
    }
}
impl TryFrom<u8> for Autonomy {
    type Error = String;
    fn try_from(level: u8) -> Result<Self, String> {
        match level {
            1 => Ok(Self::Review),
            2 => Ok(Self::SafeAuto),
            3 => Ok(Self::FullAuto),
            other => Err(format!(
                "there is no autonomy level {other}: use 1 (review), 2 (safe-auto) or 3 (full-auto)"
            )),
        }
    }
}
impl Serialize for Autonomy {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.level())
    }
}
impl<'de> Deserialize<'de> for Autonomy {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u8::deserialize(deserializer)?
            .try_into()
            .map_err(serde::de::Error::custom)
    }
}
impl schemars::JsonSchema for Autonomy {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Autonomy".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "integer", "enum": [1, 2, 3],
            "description": "1: review, every change needs approval. 2: safe-auto, reversible changes of small reach run. 3: full-auto, bounded changes run too."
        })
    }
    fn inline_schema() -> bool {
        true
    }
}

/// An operation that policy can name: a predicate over effects, not a text.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Deletes a pod.
    DeletePod,
    /// Deletes a Secret.
    DeleteSecret,
    /// Deletes a namespace.
    DeleteNamespace,
    /// Deletes a PersistentVolumeClaim.
    DeletePersistentVolumeClaim,
    /// Deletes a PersistentVolume.
    DeletePersistentVolume,
    /// Deletes a StatefulSet.
    DeleteStatefulSet,
    /// Writes a Role, ClusterRole or a binding, a ConfigMap that says who may do what (`aws-auth`, `argocd-rbac-cm`), or a Secret that holds an account's token; issues a token; approves a certificate.
    ModifyRbac,
    /// Writes a RoleBinding or ClusterRoleBinding, or a ConfigMap that says who may do what.
    ModifyRbacBinding,
    /// Writes a NetworkPolicy.
    ModifyNetworkPolicy,
    /// Deletes a NetworkPolicy, changes one that may be there, or makes one that lets everything through.
    DisableNetworkPolicy,
    /// Sets replicas to zero.
    ScaleToZero,
    /// Runs a command in a container.
    Exec,
    /// Discloses the values of secrets.
    SecretValues,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::DeletePod,
        Self::DeleteSecret,
        Self::DeleteNamespace,
        Self::DeletePersistentVolumeClaim,
        Self::DeletePersistentVolume,
        Self::DeleteStatefulSet,
        Self::ModifyRbac,
        Self::ModifyRbacBinding,
        Self::ModifyNetworkPolicy,
        Self::DisableNetworkPolicy,
        Self::ScaleToZero,
        Self::Exec,
        Self::SecretValues,
    ];
}

/// What happens to a change in a protected namespace.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ProtectedMode {
    /// It is denied.
    #[default]
    Deny,
    /// Two people must consent.
    Approval,
}

/// The policy in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// How much the agent does by itself.
    pub autonomy: Autonomy,
    /// Where nothing is changed: names, or patterns ([`namespaces`]).
    pub protected_namespaces: BTreeSet<String>,
    /// What happens there.
    pub protected_mode: ProtectedMode,
    /// What is never done.
    pub forbidden_operations: BTreeSet<Operation>,
    /// What needs consent at every level.
    pub require_approval: BTreeSet<Operation>,
    /// Words that are never carried out in a command.
    pub dangerous_commands: Rules<Feared>,
    /// The most objects that a change may touch without consent at level 2.
    pub max_reach: u32,
    /// How much may be touched in a period.
    pub limits: Limits,
    /// Steps that are denied without a fresh verified backup.
    pub fresh_backup: Rules<FreshBackup>,
    /// So many failures and denials of a runbook in a row put it back to level 1 until a person resets it; 0: never.
    pub circuit_failures: u32,
    /// A runbook that is new or changed asks people until so many of its runs have changed something and ended well; 0: never.
    pub first_runs: u32,
    /// Destructive steps that run without consent at level 3, for a while.
    pub preapproved: Rules<Preapproval>,
    /// How consent is given.
    pub approvals: ApprovalRules,
}

/// Steps that are denied unless a fresh backup exists that was restored on trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FreshBackup {
    /// Steps that do one of these; every destructive step where none is named.
    #[serde(default)]
    pub operations: BTreeSet<Operation>,
    /// Only where they touch one of these namespaces, or may; everywhere where none is named. `*` stands for any characters, `?` for one.
    #[serde(default)]
    pub namespaces: BTreeSet<String>,
    /// The backup that covers it: the `name` that its artifacts have.
    #[schemars(with = "String")]
    pub backup: ArtifactName,
    /// Only artifacts that this runbook has made count.
    #[schemars(with = "Option<String>")]
    pub runbook: Option<RunbookName>,
    /// How old it may be, counted from when it was made.
    pub younger_than: Span,
}

/// A destructive step that runs without consent at level 3, for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Preapproval {
    /// In this runbook.
    #[schemars(with = "String")]
    pub runbook: RunbookName,
    /// By this action.
    #[schemars(with = "String")]
    pub action: ActionName,
    /// With these arguments, each exactly so; others are free. A namespace, say, or the object's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub with: BTreeMap<String, Value>,
    /// Until this instant (RFC 3339).
    #[serde(deserialize_with = "instant")]
    #[schemars(with = "String")]
    pub until: Timestamp,
}

fn instant<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map_err(|_| {
        serde::de::Error::custom(format!(
            "`{text}` is not an instant\nhint: write it as RFC 3339 has it, `2026-12-31T18:00:00Z`"
        ))
    })
}

/// How consent is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalRules {
    /// How many people, at least.
    pub quorum: u32,
    /// How many for a protected namespace.
    pub protected_quorum: u32,
    /// How long people have to answer.
    pub approve_by: Span,
    /// How long after the last answer the step may start.
    pub execute_within: Span,
    /// Whether the one who started the run may consent.
    pub trigger_may_approve: bool,
    /// Whether the author of the commit may consent.
    pub author_may_approve: bool,
}

impl Default for Policy {
    fn default() -> Self {
        let namespaces = ["kube-system", "kube-node-lease", "kube-public"];
        Self {
            autonomy: Autonomy::SafeAuto,
            protected_namespaces: namespaces.map(str::to_owned).into(),
            protected_mode: ProtectedMode::Deny,
            forbidden_operations: BTreeSet::new(),
            require_approval: [
                Operation::DeletePod,
                Operation::ModifyRbac,
                Operation::ScaleToZero,
                Operation::ModifyNetworkPolicy,
                Operation::Exec,
                Operation::SecretValues,
            ]
            .into(),
            dangerous_commands: ["rm -rf /", "--force", "DROP TABLE"]
                .map(Feared::from)
                .into_iter()
                .collect(),
            max_reach: 10,
            limits: Limits {
                agent: Most {
                    changes_per_minute: Some(60),
                    destructive_per_hour: Some(3),
                },
                ..Limits::default()
            },
            fresh_backup: Rules::default(),
            circuit_failures: 3,
            first_runs: 1,
            preapproved: Rules::default(),
            approvals: ApprovalRules {
                quorum: 1,
                protected_quorum: 2,
                approve_by: Span::from_secs(4 * 3600),
                execute_within: Span::from_secs(15 * 60),
                trigger_may_approve: false,
                author_may_approve: false,
            },
        }
    }
}

/// `kind: Policy` in the repository: it can only make the agent's own policy stricter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tightening {
    /// Its name.
    pub name: PolicyName,
    /// The lower of this and the agent's own counts.
    pub autonomy: Option<Autonomy>,
    /// Added to the agent's own.
    pub protected_namespaces: BTreeSet<String>,
    /// Added to the agent's own.
    pub forbidden_operations: BTreeSet<Operation>,
    /// Added to the agent's own.
    pub require_approval: BTreeSet<Operation>,
    /// Added to the agent's own.
    pub dangerous_commands: Vec<String>,
    /// The smaller of this and the agent's own counts.
    pub max_reach: Option<u32>,
    /// The larger of this and the agent's own counts.
    pub quorum: Option<u32>,
    /// The smaller of each of these and the agent's own counts.
    #[serde(default)]
    pub limits: Limits,
    /// Added to the agent's own.
    #[serde(default)]
    pub fresh_backup: Vec<FreshBackup>,
    /// What its rules must stop and must leave alone.
    #[serde(default)]
    pub examples: Examples,
}

/// Commands that show what a policy's rules are meant to do. A policy whose rules do something else is refused.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Examples {
    /// Command lines that a rule must stop: deny, or ask people about.
    #[serde(default, rename = "match")]
    pub stops: Vec<String>,
    /// Command lines that no rule may stop. The autonomy level does not count.
    #[serde(default, rename = "notMatch")]
    pub leaves: Vec<String>,
}

/// Which list of examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExampleList {
    /// `match`.
    Stops,
    /// `notMatch`.
    Leaves,
}

impl ExampleList {
    /// Its key.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stops => "match",
            Self::Leaves => "notMatch",
        }
    }
}

/// An example that a policy does not keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedExample {
    /// In which list.
    pub list: ExampleList,
    /// Its place there.
    pub index: usize,
    /// What is wrong, for people.
    pub problem: String,
    /// A way out.
    pub hint: String,
}

/// Judges examples by rules: the gate does, for those who read policies and may not know it.
pub type JudgeExamples = fn(&Policy, &Examples) -> Vec<FailedExample>;

impl Policy {
    /// A policy without a rule, which lets everything run that a level can.
    fn without_rules() -> Self {
        Self {
            autonomy: Autonomy::FullAuto,
            protected_namespaces: BTreeSet::new(),
            protected_mode: ProtectedMode::Approval,
            require_approval: BTreeSet::new(),
            dangerous_commands: Rules::default(),
            max_reach: u32::MAX,
            limits: Limits::default(),
            ..Self::default()
        }
    }

    /// The rules of a policy of the repository by themselves.
    #[must_use]
    pub fn only(tightening: &Tightening) -> Self {
        Self::without_rules().tightened(tightening)
    }

    /// This policy made stricter.
    #[must_use]
    pub fn tightened(mut self, by: &Tightening) -> Self {
        self = self.lowered(by.autonomy);
        self.protected_namespaces
            .extend(by.protected_namespaces.iter().cloned());
        self.forbidden_operations.extend(&by.forbidden_operations);
        self.require_approval.extend(&by.require_approval);
        for words in &by.dangerous_commands {
            let known = |feared: &Feared| feared.as_str() == words;
            if !self.dangerous_commands.iter().any(known) {
                self.dangerous_commands.push(words.as_str().into());
            }
        }
        self.max_reach = by
            .max_reach
            .map_or(self.max_reach, |reach| reach.min(self.max_reach));
        self.limits = self.limits.tightened(by.limits);
        self.fresh_backup.extend(by.fresh_backup.iter().cloned());
        self.approvals.quorum = by.quorum.map_or(self.approvals.quorum, |quorum| {
            quorum.max(self.approvals.quorum)
        });
        self
    }

    /// This policy with its autonomy lowered to a ceiling, never raised.
    #[must_use]
    pub fn lowered(mut self, ceiling: Option<Autonomy>) -> Self {
        self.autonomy = ceiling.map_or(self.autonomy, |ceiling| ceiling.min(self.autonomy));
        self
    }

    /// The digest that decisions and approvals carry.
    pub fn digest(&self) -> Digest {
        Digest::of(self)
    }
}
