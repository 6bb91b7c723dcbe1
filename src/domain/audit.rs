//! The audit log's records and their keyed chain.
//!
//! Record `n` carries `HMAC-SHA-256(key, chain(n-1) ‖ canonical record n)` (RFC 2104). Whoever lacks the key cannot edit, insert or
//! reorder without being found; a cut tail is found against an exported head.

use crate::domain::digest::{Digest, canonical_json};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One line of the audit log, in the guides' columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub timestamp: Timestamp,
    /// Who: a person's subject, `schedule`, `system`.
    pub user: String,
    /// What: `run.started`, `step.started`, `gate.decided`, `approval.voted`, …
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
    /// Something that somebody did, and that went well.
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

/// An entry in its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Counts from 1 without gaps.
    pub seq: u64,
    /// The entry.
    #[serde(flatten)]
    pub entry: Entry,
    /// The chain's value here.
    pub chain: Digest,
}

/// The chain's value before the first record.
pub const GENESIS: [u8; 32] = [0; 32];

/// The chain's next value.
pub fn link(key: &[u8], previous: &Digest, seq: u64, entry: &Entry) -> Digest {
    let body = canonical_json(&(seq, entry));
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).unwrap_or_else(|_| unreachable_key());
    mac.update(previous.as_bytes());
    mac.update(body.as_bytes());
    Digest::from_bytes(mac.finalize().into_bytes().into())
}

#[expect(
    clippy::unreachable,
    reason = "HMAC takes keys of any length (RFC 2104, section 2)"
)]
fn unreachable_key() -> Hmac<sha2::Sha256> {
    unreachable!("HMAC takes keys of any length")
}

/// What is wrong with a chain, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A record is missing.
    #[error("record {expected} is missing: the next one found is {found}")]
    Gap {
        /// The number that should come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// A record does not fit its chain value.
    #[error(
        "record {seq} ({timestamp} {action}) was changed, or the chain was written with another key"
    )]
    Edited {
        /// Which.
        seq: u64,
        /// When it claims to be from.
        timestamp: Timestamp,
        /// What it claims.
        action: String,
    },
    /// The log ends before the exported head.
    #[error(
        "the log ends at record {last}, but the exported head is record {head}: the tail was cut"
    )]
    Cut {
        /// The last record there.
        last: u64,
        /// The head that was exported.
        head: u64,
    },
}

/// Checks one record against the chain so far, and gives the chain's new value.
///
/// # Errors
/// What is wrong.
pub fn verify_next(
    key: &[u8],
    previous: (u64, Digest),
    record: &Record,
) -> Result<(u64, Digest), Broken> {
    let expected = previous.0 + 1;
    if record.seq != expected {
        return Err(Broken::Gap {
            expected,
            found: record.seq,
        });
    }
    let chain = link(key, &previous.1, record.seq, &record.entry);
    if chain != record.chain {
        return Err(Broken::Edited {
            seq: record.seq,
            timestamp: record.entry.timestamp,
            action: record.entry.action.clone(),
        });
    }
    Ok((record.seq, chain))
}
