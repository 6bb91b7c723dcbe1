//! The audit log's records, their keyed chain, and what is moved out of the log.
//!
//! Record `n` carries `HMAC-SHA-256(key, chain(n-1) ‖ canonical record n)` (RFC 2104). Whoever lacks the key cannot edit, insert or
//! reorder without being found; a cut tail is found against an exported head. What is old enough moves to archives that are sealed
//! with the same key, and the chain goes on from there.

mod about;
mod archive;
mod chain;
mod words;

pub use about::About;
pub use archive::{Archive, Foot, Head, Span as ArchiveSpan};
pub use chain::{Broken, GENESIS, key_id, link, seal, verify_next};
pub use words::{ACTIONS, DEEDS, UnknownAction, check_action};

use crate::domain::digest::Digest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One line of the audit log, in the guides' columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub timestamp: Timestamp,
    /// Who: a person's subject, `schedule`, `system`.
    pub user: String,
    /// What: `run.started`, `step.started`, `approval.approved`, …
    pub action: String,
    /// To what: `runbook/name`, `run/id`, `deployment/web`.
    pub resource: String,
    /// In which namespace, where there is one.
    pub namespace: String,
    /// Everything else, secrets masked.
    pub details: serde_json::Value,
    /// Whether it went well.
    pub success: bool,
    /// Why not.
    pub error_msg: String,
}

impl Entry {
    /// Something that somebody did, and that went well. With [`Entry::of_run`] and [`Entry::of_step`] the only ways to make one.
    pub fn new(
        at: Timestamp,
        user: impl Into<String>,
        action: impl Into<String>,
        resource: impl Into<String>,
    ) -> Self {
        Self {
            timestamp: at,
            user: user.into(),
            action: action.into(),
            resource: resource.into(),
            namespace: String::new(),
            details: serde_json::Value::Null,
            success: true,
            error_msg: String::new(),
        }
    }

    /// With these details; secrets are masked already.
    #[must_use]
    pub fn with(self, details: serde_json::Value) -> Self {
        Self { details, ..self }
    }

    /// With one more detail.
    #[must_use]
    pub fn and(mut self, name: &str, value: impl Serialize) -> Self {
        self.details[name] = serde_json::to_value(value).unwrap_or_default();
        self
    }

    /// In this namespace.
    #[must_use]
    pub fn in_namespace(self, namespace: impl Into<String>) -> Self {
        let namespace = namespace.into();
        Self { namespace, ..self }
    }

    /// It did not go well, for this reason.
    #[must_use]
    pub fn failed(self, why: impl Into<String>) -> Self {
        Self {
            success: false,
            error_msg: why.into(),
            ..self
        }
    }
}

/// The clock that never jumps, when a record was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Which start of the machine.
    pub boot: String,
    /// Milliseconds since then.
    pub uptime_ms: u64,
}

/// An entry in its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Counts from 1 without gaps.
    pub seq: u64,
    /// The entry.
    #[serde(flatten)]
    pub entry: Entry,
    /// When by the clock that never jumps; none where that was not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamp: Option<Stamp>,
    /// The chain's value here.
    pub chain: Digest,
}
