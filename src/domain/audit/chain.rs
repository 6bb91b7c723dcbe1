//! The chain: how records hang together, and what can be wrong with them.

use super::{Entry, Record, Stamp};
use crate::domain::digest::{Digest, canonical_json};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use std::path::PathBuf;

/// The chain's value before the first record.
pub const GENESIS: [u8; 32] = [0; 32];

fn mac(key: &[u8], parts: &[&[u8]]) -> Digest {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).unwrap_or_else(|_| unreachable_key());
    for part in parts {
        mac.update(part);
    }
    Digest::from_bytes(mac.finalize().into_bytes().into())
}

#[expect(
    clippy::unreachable,
    reason = "HMAC takes keys of any length (RFC 2104, section 2)"
)]
fn unreachable_key() -> Hmac<sha2::Sha256> {
    unreachable!("HMAC takes keys of any length")
}

/// What the chain covers of a record, its keys in order: so it is canonical as it is written.
#[derive(Serialize)]
struct Covered<'a> {
    action: &'a str,
    details: &'a RawValue,
    error_msg: &'a str,
    namespace: &'a str,
    resource: &'a str,
    success: bool,
    timestamp: Timestamp,
    user: &'a str,
}

/// The chain's next value. The details come as canonical JSON, which whoever writes them down has at hand.
pub fn link(
    key: &[u8],
    previous: &Digest,
    seq: u64,
    (entry, details): (&Entry, &str),
    stamp: Option<&Stamp>,
) -> Digest {
    let body = serde_json::from_str(details).and_then(|details| {
        let covered = Covered {
            action: &entry.action,
            details,
            error_msg: &entry.error_msg,
            namespace: &entry.namespace,
            resource: &entry.resource,
            success: entry.success,
            timestamp: entry.timestamp,
            user: &entry.user,
        };
        match stamp {
            Some(stamp) => serde_json::to_string(&(seq, covered, stamp)),
            None => serde_json::to_string(&(seq, covered)),
        }
    });
    // Details that are no JSON cannot be: then the chain says that they were changed.
    mac(
        key,
        &[previous.as_bytes(), body.unwrap_or_default().as_bytes()],
    )
}

/// What only the holder of the key can write beside a value: `HMAC-SHA-256(key, purpose ‖ 0 ‖ canonical JSON)`.
pub fn seal(key: &[u8], purpose: &str, value: &impl Serialize) -> Digest {
    let body = canonical_json(value);
    mac(key, &[purpose.as_bytes(), &[0], body.as_bytes()])
}

/// A name for a key that tells nothing of it: 16 hexadecimal digits.
pub fn key_id(key: &[u8]) -> String {
    let all = mac(key, &[b"orderly audit key"]);
    let first: Vec<u8> = all.as_bytes().iter().take(8).copied().collect();
    hex::encode(first)
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
        "the log ends at record {last}, but the exported head is record {head}: the tail was cut, or an older database was put back"
    )]
    Cut {
        /// The last record there.
        last: u64,
        /// The head that was exported.
        head: u64,
    },
    /// The key is not the one that the head was exported with.
    #[error("the key {key} is not the key {exported} that the head was exported with")]
    OtherKey {
        /// Of the key at hand.
        key: String,
        /// Of the key then.
        exported: String,
    },
    /// The record of an archive was changed.
    #[error(
        "what is recorded of the archive that ends at record {last} was changed, or written with another key"
    )]
    Archive {
        /// The last record in it.
        last: u64,
    },
    /// A file that records were moved to was changed.
    #[error("the archive {} is not as it was written: {why}", path.display())]
    ArchiveFile {
        /// Where.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The database shows its records otherwise than it keeps them.
    #[error(
        "the {name} of the database is not the one that this program makes: what it shows of the records may be false"
    )]
    Shape {
        /// `view audit_log`, or a trigger.
        name: String,
    },
}

impl Broken {
    /// What to do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::OtherKey { .. } => {
                "put the right `audit.key` back into the state folder; if nobody can say why it changed, take the log for forged"
            }
            Self::Cut { .. } => {
                "keep a copy of the state folder as it is; if somebody restored a backup on purpose, the records after it are lost, and a new head file begins with it"
            }
            Self::Shape { .. } => {
                "read the log with `orderly audit query`, which does not use it; keep a copy of the state folder as it is, and find out who could write to it"
            }
            Self::ArchiveFile { .. } => {
                "keep the file as it is, and put a copy of it that is whole where it lay; find out who could write there"
            }
            Self::Gap { .. } | Self::Edited { .. } | Self::Archive { .. } => {
                "keep a copy of the state folder as it is, find out who could write to it, and compare with the newest backup and export"
            }
        }
    }
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
    let stamp = record.stamp.as_ref();
    let details = canonical_json(&record.entry.details);
    let chain = link(
        key,
        &previous.1,
        record.seq,
        (&record.entry, &details),
        stamp,
    );
    if chain != record.chain {
        return Err(Broken::Edited {
            seq: record.seq,
            timestamp: record.entry.timestamp,
            action: record.entry.action.clone(),
        });
    }
    Ok((record.seq, chain))
}

#[cfg(test)]
mod tests {
    use super::{link, mac};
    use crate::domain::{
        audit::{Entry, Stamp},
        digest::{Digest, canonical_json},
    };
    use serde_json::json;

    #[test]
    fn a_link_covers_the_canonical_json_of_number_entry_and_stamp() {
        let (key, before) = (b"key", Digest::of_bytes(b"before"));
        let entry = Entry::new(
            "2026-11-21T08:00:00.120Z".parse().unwrap(),
            "a\"",
            "b.c",
            "d",
        )
        .in_namespace("e")
        .with(json!({"z": [1.5, {"y": "\n", "x": null}], "a": "é"}))
        .failed("f");
        let details = canonical_json(&entry.details);
        let stamp = Stamp {
            boot: "g".to_owned(),
            uptime_ms: 8,
        };
        for (stamp, body) in [
            (None, canonical_json(&(7, &entry))),
            (Some(&stamp), canonical_json(&(7, &entry, &stamp))),
        ] {
            assert_eq!(
                link(key, &before, 7, (&entry, &details), stamp),
                mac(key, &[before.as_bytes(), body.as_bytes()])
            );
        }
    }
}
