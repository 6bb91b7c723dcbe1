//! The audit log: checking all of it.

use super::{AuditHead, AuditVerdict, archive, files, head, shape};
use crate::{
    domain::{
        audit::{About, Broken, Entry, Record, Stamp, key_id, verify_next},
        digest::{Digest, canonical_json},
    },
    history::columns::Count,
};
use jiff::Timestamp;
use rusqlite::{Connection, Row};
use serde_json::Value;

/// Records that are in memory at once while all are checked.
const PAGE: i64 = 1000;

/// All columns that the chain covers, the chain, and what is looked for by.
const SELECT: &str = "SELECT seq, at, user, action, resource, namespace, details, success, error_msg, chain, boot, uptime, word, run, runbook FROM audit_records";

/// Where a check has come to, or what stopped it.
type Reached = Result<(u64, Digest), (u64, Broken)>;

/// Checks every record in order, and the log against heads that were exported. Sees one moment of the database.
pub(in crate::history) fn verify(
    connection: &Connection,
    key: &[u8],
    exported: &[AuditHead],
) -> rusqlite::Result<AuditVerdict> {
    let moment = connection.unchecked_transaction()?;
    if let Some(broken) = other_key(key, exported) {
        return Ok(AuditVerdict::Broken { good: 0, broken });
    }
    if let Some(broken) = shape::strange(&moment)? {
        return Ok(AuditVerdict::Broken { good: 0, broken });
    }
    let anchor = match archive::anchor(&moment, key)? {
        Ok(anchor) => anchor,
        Err(broken) => return Ok(AuditVerdict::Broken { good: 0, broken }),
    };
    let reached = match walk(&moment, key, anchor)? {
        Ok(reached) => reached,
        Err((good, broken)) => return Ok(AuditVerdict::Broken { good, broken }),
    };
    for exported in exported {
        if let Err(broken) = head::follows(&moment, exported)? {
            let good = reached.0.min(exported.seq.saturating_sub(1));
            return Ok(AuditVerdict::Broken { good, broken });
        }
    }
    let (head, archives) = (head::of(&moment)?, archive::all(&moment)?);
    // Nobody waits for files with a moment of the database in hand.
    moment.finish()?;
    Ok(match files::away(archives, key) {
        Ok(away) => AuditVerdict::Whole {
            head,
            archived: anchor.0,
            away,
        },
        Err(broken) => AuditVerdict::Broken {
            good: head.seq,
            broken,
        },
    })
}

/// Whether a head was exported with another key.
pub(in crate::history) fn other_key(key: &[u8], exported: &[AuditHead]) -> Option<Broken> {
    let key = key_id(key);
    let mut keys = exported.iter().filter_map(|head| head.key.as_ref());
    keys.find(|then| **then != key)
        .map(|then| Broken::OtherKey {
            key: key.clone(),
            exported: then.clone(),
        })
}

fn walk(connection: &Connection, key: &[u8], anchor: (u64, Digest)) -> rusqlite::Result<Reached> {
    let mut reached = anchor;
    let mut after = i64::MIN;
    let sql = format!("{SELECT} WHERE seq > ?1 ORDER BY seq LIMIT {PAGE}");
    loop {
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query([after])?;
        let mut any = false;
        while let Some(row) = rows.next()? {
            any = true;
            after = row.get(0)?;
            match next(key, reached, row)? {
                Ok(further) => reached = further,
                Err(broken) => return Ok(Err((reached.0, broken))),
            }
        }
        if !any {
            return Ok(Ok(reached));
        }
    }
}

fn next(
    key: &[u8],
    reached: (u64, Digest),
    row: &Row<'_>,
) -> rusqlite::Result<Result<(u64, Digest), Broken>> {
    let (record, as_written) = suspicious_record(row)?;
    let verified = verify_next(key, reached, &record);
    if verified.is_ok() && !as_written {
        return Ok(Err(Broken::Edited {
            seq: record.seq,
            timestamp: record.entry.timestamp,
            action: record.entry.action,
        }));
    }
    Ok(verified)
}

/// A record, whatever somebody made of it, and whether its columns are in the one form that the writer gives them.
fn suspicious_record(row: &Row<'_>) -> rusqlite::Result<(Record, bool)> {
    let seq = u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0);
    let at = Timestamp::from_millisecond(row.get(1)?);
    let details = text(row, 6)?;
    let parsed: Option<Value> = serde_json::from_str(&details).ok();
    let canonical = parsed
        .as_ref()
        .is_some_and(|value| canonical_json(value) == details);
    let success: i64 = row.get(7)?;
    let chain: Option<[u8; 32]> = row.get_ref(9)?.as_bytes()?.try_into().ok();
    let (stamp, stamped_well) = stamp(row)?;
    let record = Record {
        seq,
        entry: Entry {
            timestamp: at.as_ref().map_or(Timestamp::MIN, |at| *at),
            user: text(row, 2)?,
            action: text(row, 3)?,
            resource: text(row, 4)?,
            namespace: text(row, 5)?,
            details: parsed.unwrap_or_default(),
            success: success == 1,
            error_msg: text(row, 8)?,
        },
        stamp,
        chain: Digest::from_bytes(chain.unwrap_or_default()),
    };
    let as_written = canonical
        && at.is_ok()
        && matches!(success, 0 | 1)
        && chain.is_some()
        && stamped_well
        && is_found_by(row, record.entry.about())?;
    Ok((record, as_written))
}

/// Whether it is looked for by what it says.
fn is_found_by(row: &Row<'_>, about: About<'_>) -> rusqlite::Result<bool> {
    let word = row.get_ref(12)?.as_bytes_or_null()?;
    let run = row.get_ref(13)?.as_bytes_or_null()?;
    let runbook = row.get_ref(14)?.as_bytes_or_null()?;
    Ok(word == Some(about.word.as_bytes())
        && run == about.run.map(str::as_bytes)
        && runbook == about.runbook.map(str::as_bytes))
}

/// Bytes that are no text are not as they were written, and the chain says so.
fn text(row: &Row<'_>, index: usize) -> rusqlite::Result<String> {
    let bytes = row.get_ref(index)?.as_bytes()?;
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

/// Both columns of a stamp, or none of them.
fn stamp(row: &Row<'_>) -> rusqlite::Result<(Option<Stamp>, bool)> {
    let boot = row.get_ref(10)?.as_bytes_or_null()?;
    let boot = boot.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let uptime: Option<i64> = row.get(11)?;
    let well = boot.is_some() == uptime.is_some() && uptime.is_none_or(|uptime| uptime >= 0);
    let uptime: Option<Count> = uptime
        .and_then(|uptime| u64::try_from(uptime).ok())
        .map(Count);
    let stamp = boot
        .zip(uptime)
        .map(|(boot, Count(uptime_ms))| Stamp { boot, uptime_ms });
    Ok((stamp, well))
}
