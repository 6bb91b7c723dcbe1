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
use std::borrow::Cow;

pub(super) fn append(desk: &mut Desk<'_>, entry: &Entry) -> Applied {
    let entry = as_stored(entry);
    let seq = desk.chain.0 + 1;
    let stamp = desk.shared.stamp();
    let details = canonical_json(&entry.details);
    let chain = link(
        desk.key,
        &desk.chain.1,
        seq,
        (&entry, &details),
        stamp.as_ref(),
    );
    let about = entry.about();
    execute(
        desk.connection,
        "INSERT INTO audit_records (seq, at, user, action, resource, namespace, details, success, error_msg, chain, boot, uptime, word, run, runbook)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        params![
            Count(seq),
            Millis(entry.timestamp),
            entry.user,
            entry.action,
            entry.resource,
            entry.namespace,
            details,
            entry.success,
            entry.error_msg,
            chain,
            stamp.as_ref().map(|stamp| &stamp.boot),
            stamp.as_ref().map(|stamp| Count(stamp.uptime_ms)),
            about.word,
            about.run,
            about.runbook,
        ],
    )?;
    *desk.chain = (seq, chain);
    Ok(())
}

/// With its time as it comes back from the database.
fn as_stored(entry: &Entry) -> Cow<'_, Entry> {
    let timestamp = stored(entry.timestamp);
    if timestamp == entry.timestamp {
        return Cow::Borrowed(entry);
    }
    Cow::Owned(Entry {
        timestamp,
        ..entry.clone()
    })
}
