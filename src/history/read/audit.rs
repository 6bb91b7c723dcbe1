//! The audit log: reading it, and checking all of it.

use super::{Conditions, limit};
use crate::{
    domain::{
        audit::{Broken, Entry, Record, verify_next},
        digest::{Digest, canonical_json},
    },
    history::{
        columns::{Count, Json, Millis},
        head,
        rows::{AuditFilter, AuditHead, AuditVerdict},
        writer::genesis,
    },
};
use jiff::Timestamp;
use rusqlite::{Connection, Row};
use serde_json::Value;

const SELECT: &str = "SELECT seq, at, user, action, resource, namespace, details, success, error_msg, chain FROM audit_records";
/// Records that are in memory at once while all are checked.
const PAGE: i64 = 1000;

pub(in crate::history) fn list(
    connection: &Connection,
    filter: &AuditFilter,
) -> rusqlite::Result<Vec<Record>> {
    let limit = limit(filter.limit);
    let since = filter.since.map(Millis);
    let before = filter.before.map(Count);
    let prefix = filter
        .action
        .as_ref()
        .filter(|action| action.ends_with('.'));
    // `/` follows `.` in ASCII: the first text that no longer begins so.
    let beyond = prefix.map(|prefix| format!("{}/", prefix.trim_end_matches('.')));
    let whole = filter.action.as_ref().filter(|_| prefix.is_none());
    let mut conditions = Conditions::default();
    conditions.on_some("user = :user", ":user", filter.user.as_ref());
    conditions.on_some("action = :action", ":action", whole);
    conditions.on_some("action >= :prefix", ":prefix", prefix);
    conditions.on_some("action < :beyond", ":beyond", beyond.as_ref());
    conditions.on_some(
        "resource = :resource",
        ":resource",
        filter.resource.as_ref(),
    );
    if filter.failed {
        conditions.plain("success = 0");
    }
    conditions.on_some("at >= :since", ":since", since.as_ref());
    conditions.on_some("seq < :before", ":before", before.as_ref());
    conditions.values.push((":limit", &limit));
    conditions.rows(connection, SELECT, "ORDER BY seq DESC LIMIT :limit", record)
}

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let (Count(seq), Millis(timestamp), Json(details)) = (row.get(0)?, row.get(1)?, row.get(6)?);
    Ok(Record {
        seq,
        entry: Entry {
            timestamp,
            user: row.get(2)?,
            action: row.get(3)?,
            resource: row.get(4)?,
            namespace: row.get(5)?,
            details,
            success: row.get(7)?,
            error_msg: row.get(8)?,
        },
        chain: row.get(9)?,
    })
}

/// Checks every record in order, and the end against an exported one. Sees one moment of the database.
pub(in crate::history) fn verify(
    connection: &Connection,
    key: &[u8],
    exported: Option<&AuditHead>,
) -> rusqlite::Result<AuditVerdict> {
    let moment = connection.unchecked_transaction()?;
    let (reached, broken) = walk(&moment, key)?;
    if let Some(broken) = broken {
        return Ok(AuditVerdict::Broken {
            good: reached.0,
            broken,
        });
    }
    if let Some(exported) = exported
        && let Err(broken) = head::follows(&moment, exported)?
    {
        return Ok(AuditVerdict::Broken {
            good: reached.0.min(exported.seq.saturating_sub(1)),
            broken,
        });
    }
    Ok(AuditVerdict::Whole {
        head: head::of(&moment)?,
    })
}

fn walk(connection: &Connection, key: &[u8]) -> rusqlite::Result<((u64, Digest), Option<Broken>)> {
    let mut reached = (0, genesis());
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
                Err(broken) => return Ok((reached, Some(broken))),
            }
        }
        if !any {
            return Ok((reached, None));
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
    let text = |index: usize| -> rusqlite::Result<String> {
        let bytes = row.get_ref(index)?.as_bytes()?;
        Ok(String::from_utf8_lossy(bytes).into_owned())
    };
    let details = text(6)?;
    let parsed: Option<Value> = serde_json::from_str(&details).ok();
    let canonical = parsed
        .as_ref()
        .is_some_and(|value| canonical_json(value) == details);
    let success: i64 = row.get(7)?;
    let chain: Option<[u8; 32]> = row.get_ref(9)?.as_bytes()?.try_into().ok();
    let as_written = canonical && at.is_ok() && matches!(success, 0 | 1) && chain.is_some();
    let record = Record {
        seq,
        entry: Entry {
            timestamp: at.unwrap_or(Timestamp::MIN),
            user: text(2)?,
            action: text(3)?,
            resource: text(4)?,
            namespace: text(5)?,
            details: parsed.unwrap_or_default(),
            success: success == 1,
            error_msg: text(8)?,
        },
        chain: Digest::from_bytes(chain.unwrap_or_default()),
    };
    Ok((record, as_written))
}
