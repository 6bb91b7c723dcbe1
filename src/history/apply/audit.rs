//! The audit log: appended to, never changed.

use super::{Applied, Desk, execute};
use crate::{
    domain::{
        audit::{Entry, link},
        digest::canonical_json,
    },
    history::{
        columns::{Count, Millis},
        write::stored,
    },
};
use rusqlite::params;

pub(super) fn append(desk: &mut Desk<'_>, entry: &Entry) -> Applied {
    let entry = Entry {
        timestamp: stored(entry.timestamp),
        ..entry.clone()
    };
    let seq = desk.chain.0 + 1;
    let stamp = desk.shared.stamp();
    let chain = link(desk.key, &desk.chain.1, seq, &entry, stamp.as_ref());
    execute(
        desk.connection,
        "INSERT INTO audit_records (seq, at, user, action, resource, namespace, details, success, error_msg, chain, boot, uptime)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            Count(seq),
            Millis(entry.timestamp),
            entry.user,
            entry.action,
            entry.resource,
            entry.namespace,
            canonical_json(&entry.details),
            entry.success,
            entry.error_msg,
            chain,
            stamp.as_ref().map(|stamp| &stamp.boot),
            stamp.as_ref().map(|stamp| Count(stamp.uptime_ms)),
        ],
    )?;
    *desk.chain = (seq, chain);
    Ok(())
}
