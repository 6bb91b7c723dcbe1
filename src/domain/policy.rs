//! The gate's policy: what the agent's own configuration says, and what the repository may tighten.

use crate::domain::{
    digest::Digest,
    name::{ActionName, PolicyName, RunbookName},
    span::Span,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

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
    /// Writes a Role, ClusterRole or a binding, or issues a token.
    ModifyRbac,
    /// Writes a RoleBinding or ClusterRoleBinding.
    ModifyRbacBinding,
    /// Writes a NetworkPolicy.
    ModifyNetworkPolicy,
    /// Deletes a NetworkPolicy.
    DisableNetworkPolicy,
    /// Sets replicas to zero.
    ScaleToZero,
    /// Runs a command in a container.
    Exec,
    /// Discloses the values of secrets.
    SecretValues,
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
    /// Where nothing is changed.
    pub protected_namespaces: BTreeSet<String>,
    /// What happens there.
    pub protected_mode: ProtectedMode,
    /// What is never done.
    pub forbidden_operations: BTreeSet<Operation>,
    /// What needs consent at every level.
    pub require_approval: BTreeSet<Operation>,
    /// Words that are never carried out in a command.
    pub dangerous_commands: Vec<String>,
    /// The most objects that a change may touch without consent at level 2.
    pub max_reach: u32,
    /// Steps with an effect per minute, over all runbooks.
    pub changes_per_minute: u32,
    /// Destructive steps per hour, over all runbooks.
    pub destructive_per_hour: u32,
    /// So many failures and denials of a runbook in a row put it back to level 1 until a person resets it; 0: never.
    pub circuit_failures: u32,
    /// A runbook that is new or changed asks people until so many of its runs have changed something and ended well; 0: never.
    pub first_runs: u32,
    /// Destructive steps that run without consent at level 3, for a while.
    pub preapproved: Vec<Preapproval>,
    /// How consent is given.
    pub approvals: ApprovalRules,
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
    /// Until this instant (RFC 3339).
    #[schemars(with = "String")]
    pub until: Timestamp,
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
                .map(str::to_owned)
                .into(),
            max_reach: 10,
            changes_per_minute: 60,
            destructive_per_hour: 3,
            circuit_failures: 3,
            first_runs: 1,
            preapproved: Vec::new(),
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
}

impl Policy {
    /// This policy made stricter.
    #[must_use]
    pub fn tightened(mut self, by: &Tightening) -> Self {
        self = self.lowered(by.autonomy);
        self.protected_namespaces
            .extend(by.protected_namespaces.iter().cloned());
        self.forbidden_operations.extend(&by.forbidden_operations);
        self.require_approval.extend(&by.require_approval);
        for words in &by.dangerous_commands {
            if !self.dangerous_commands.contains(words) {
                self.dangerous_commands.push(words.clone());
            }
        }
        self.max_reach = by
            .max_reach
            .map_or(self.max_reach, |reach| reach.min(self.max_reach));
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
