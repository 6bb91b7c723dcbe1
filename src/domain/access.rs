//! Who may ask what of a running agent.

use crate::domain::{approval::Person, digest::Digest};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a token's holder is to the agent.
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
pub enum Role {
    /// Looks.
    Viewer,
    /// Looks; starts, cancels, suspends, resumes, syncs.
    Operator,
    /// Looks; answers approvals.
    Approver,
    /// Everything.
    Admin,
}

/// What a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// To look.
    Read,
    /// To start, cancel, suspend, resume, sync.
    Operate,
    /// To answer approvals.
    Approve,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::Approver, Self::Admin];

    /// The word used in configuration and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Approver => "approver",
            Self::Admin => "admin",
        }
    }

    /// Whether this role is enough.
    pub fn may(self, right: Right) -> bool {
        match (self, right) {
            (_, Right::Read)
            | (Self::Operator | Self::Admin, Right::Operate)
            | (Self::Approver | Self::Admin, Right::Approve) => true,
            (Self::Viewer | Self::Approver, Right::Operate)
            | (Self::Viewer | Self::Operator, Right::Approve) => false,
        }
    }
}

impl Right {
    /// All rights.
    pub const ALL: [Self; 3] = [Self::Read, Self::Operate, Self::Approve];

    /// The smallest role that has it.
    pub fn role(self) -> Role {
        match self {
            Self::Read => Role::Viewer,
            Self::Operate => Role::Operator,
            Self::Approve => Role::Approver,
        }
    }
}

/// A bearer token that the agent knows, by its digest; the token itself is kept nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenEntry {
    /// Whose it is; two tokens of one subject are one person.
    pub subject: String,
    /// What they may do.
    pub role: Role,
    /// Their groups, for quorums.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<String>,
    /// SHA-256 of the token.
    pub sha256: Digest,
}

impl TokenEntry {
    /// Its holder.
    pub fn person(&self) -> Person {
        Person {
            subject: self.subject.clone(),
            groups: self.groups.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Right, Role};

    #[test]
    fn only_an_admin_may_both_operate_and_approve() {
        for role in Role::ALL {
            assert!(role.may(Right::Read));
            assert_eq!(
                role.may(Right::Operate) && role.may(Right::Approve),
                role == Role::Admin
            );
        }
        assert!(Role::Operator.may(Right::Operate) && Role::Approver.may(Right::Approve));
    }

    #[test]
    fn the_role_that_a_refusal_names_is_enough() {
        for right in Right::ALL {
            assert!(right.role().may(right));
        }
    }
}
