//! What is asked of the audit log, and what comes back.

use crate::domain::{audit::Broken, digest::Digest};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{fmt, path::PathBuf, str::FromStr};

/// Which lines of the audit log; all that is named must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// By whom.
    pub user: Option<String>,
    /// What. A text that ends with `.` means everything that begins so, as in `approval.`; one without a dot is the guides' word for
    /// what a step did, as in `delete`.
    pub action: Option<String>,
    /// To what.
    pub resource: Option<String>,
    /// About which runbook.
    pub runbook: Option<String>,
    /// About which run.
    pub run: Option<String>,
    /// Only what did not go well.
    pub failed: bool,
    /// At or after.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
    /// Older than this record.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

/// The end of the audit log at some moment, kept outside the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditHead {
    /// The last record; 0 where there is none.
    pub seq: u64,
    /// The chain's value there.
    pub chain: Digest,
    /// The last record's own time; none where there is none.
    #[serde(default)]
    pub at: Option<Timestamp>,
    /// Which key the chain was written with ([`crate::domain::audit::key_id`]); none where nobody noted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// As in `4711:9f86d0…`.
impl fmt::Display for AuditHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.chain)
    }
}

/// A text that is no head.
#[derive(Debug, thiserror::Error)]
#[error("a head is the number of a record, `:`, and 64 hexadecimal digits")]
pub struct InvalidHead;

impl FromStr for AuditHead {
    type Err = InvalidHead;
    fn from_str(text: &str) -> Result<Self, InvalidHead> {
        let (seq, chain) = text.trim().split_once(':').ok_or(InvalidHead)?;
        Ok(Self {
            seq: seq.parse().map_err(|_| InvalidHead)?,
            chain: chain.parse().map_err(|_| InvalidHead)?,
            at: None,
            key: None,
        })
    }
}

/// What checking the audit log found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditVerdict {
    /// Every record is as it was written, and none is missing up to the exported heads.
    Whole {
        /// The end of the log.
        head: AuditHead,
        /// Records up to this one lie in archives; 0 where all are here.
        archived: u64,
        /// Archives that are not, or cannot be read, where they were put; the others are as they were written.
        away: Vec<PathBuf>,
    },
    /// Something is wrong.
    Broken {
        /// How many records before it are good.
        good: u64,
        /// What is wrong first.
        broken: Broken,
    },
}
