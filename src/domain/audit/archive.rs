//! Records that lie in a file: its first line, its last line, and what the log remembers of it.

use super::{chain, seal};
use crate::domain::digest::Digest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The version of the file's form.
const FORM: u32 = 1;

/// Which records a file holds, and the chain's value at both ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first record.
    pub first: u64,
    /// The last record.
    pub last: u64,
    /// The chain's value before the first.
    pub before: Digest,
    /// The chain's value at the last.
    pub chain: Digest,
}

/// The first line of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The version of the form: 1.
    pub orderly_audit: u32,
    /// The first record.
    pub first: u64,
    /// The chain's value before it.
    pub before: Digest,
    /// Which key ([`super::key_id`]).
    pub key: String,
}

impl Head {
    /// Of a file that begins here.
    pub fn new(key: &[u8], first: u64, before: Digest) -> Self {
        Self {
            orderly_audit: FORM,
            first,
            before,
            key: chain::key_id(key),
        }
    }

    /// Whether this program reads this form.
    pub fn is_known(&self) -> bool {
        self.orderly_audit == FORM
    }
}

/// The last line of a file: without it, or with another, the file is not whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foot {
    /// What the file holds.
    #[serde(flatten)]
    pub span: Span,
    /// Over that, with the key.
    pub seal: Digest,
}

impl Foot {
    /// Of a file that holds this.
    pub fn new(key: &[u8], span: Span) -> Self {
        let seal = seal(key, "orderly audit file", &span);
        Self { span, seal }
    }

    /// Whether the holder of the key wrote it.
    pub fn is_sealed(&self, key: &[u8]) -> bool {
        *self == Self::new(key, self.span.clone())
    }
}

/// What the log remembers of records that it moved to a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archive {
    /// What was moved.
    #[serde(flatten)]
    pub span: Span,
    /// When.
    pub at: Timestamp,
    /// Where to.
    pub path: PathBuf,
    /// Bytes of the file.
    pub bytes: u64,
    /// Of the file.
    pub sha256: Digest,
}

impl Archive {
    /// What only the holder of the key can write beside it.
    pub fn seal(&self, key: &[u8]) -> Digest {
        seal(key, "orderly audit archive", self)
    }
}
