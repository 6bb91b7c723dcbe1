//! The audit log: looking through it, newest first.
//!
//! Every condition has an index that ends with the time and the record's number, so a list needs no sorting. Where there are several,
//! the one that lets the fewest records through leads; the `+` before the others keeps SQLite from taking theirs.

use super::AuditFilter;
use crate::{
    domain::audit::{Entry, Record, Stamp},
    history::{
        columns::{Count, Json, Millis},
        read::{Conditions, limit},
    },
};
use rusqlite::{Connection, OptionalExtension as _, Row};

/// All columns that the chain covers, and the chain.
pub(in crate::history) const SELECT: &str = "SELECT seq, at, user, action, resource, namespace, details, success, error_msg, chain, boot, uptime FROM audit_records";
const NEWEST_FIRST: &str = "ORDER BY at DESC, seq DESC LIMIT :limit";

pub(in crate::history) fn list(
    connection: &Connection,
    filter: &AuditFilter,
) -> rusqlite::Result<Vec<Record>> {
    let Some(values) = Values::of(connection, filter)? else {
        return Ok(Vec::new());
    };
    let conditions = conditions(filter, &values);
    conditions.rows(connection, SELECT, NEWEST_FIRST, record)
}

/// How SQLite goes about a list.
#[cfg(test)]
pub(in crate::history) fn plan(
    connection: &Connection,
    filter: &AuditFilter,
) -> rusqlite::Result<Vec<String>> {
    let values = Values::of(connection, filter)?.unwrap();
    let select = format!("EXPLAIN QUERY PLAN {SELECT}");
    conditions(filter, &values).rows(connection, &select, NEWEST_FIRST, |row| row.get(3))
}

/// A filter's values as columns hold them.
struct Values {
    since: Option<Millis>,
    until: Option<Millis>,
    before: Option<(i64, Count)>,
    limit: i64,
}

impl Values {
    /// Nothing where the record to go on from is there no more: all before it are gone as well.
    fn of(connection: &Connection, filter: &AuditFilter) -> rusqlite::Result<Option<Self>> {
        let before = match filter.before {
            None => None,
            Some(seq) => match time_of(connection, seq)? {
                Some(at) => Some((at, Count(seq))),
                None => return Ok(None),
            },
        };
        Ok(Some(Self {
            since: filter.since.map(Millis),
            until: filter.until.map(Millis),
            before,
            limit: limit(filter.limit),
        }))
    }
}

/// When a record was written; that of the one before it where there is none of that number.
fn time_of(connection: &Connection, seq: u64) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT at FROM audit_records WHERE seq <= ?1 ORDER BY seq DESC LIMIT 1")?
        .query_row([Count(seq)], |row| row.get(0))
        .optional()
}

/// A condition: as the leading one, as another, and its value.
type Texts = (&'static str, &'static str);
type Criterion<'a> = (
    &'static str,
    &'static str,
    Option<(&'static str, &'a String)>,
);

/// What was asked for, the most telling first.
fn criteria(filter: &AuditFilter) -> impl Iterator<Item = Criterion<'_>> {
    let failed = filter
        .failed
        .then_some(("success = 0", "+success = 0", None));
    [
        equal(("run = :run", "+run = :run"), ":run", filter.run.as_ref()),
        equal(
            ("resource = :resource", "+resource = :resource"),
            ":resource",
            filter.resource.as_ref(),
        ),
        failed,
        equal(
            ("runbook = :runbook", "+runbook = :runbook"),
            ":runbook",
            filter.runbook.as_ref(),
        ),
        equal(action(filter), ":action", filter.action.as_ref()),
        equal(
            ("user = :user", "+user = :user"),
            ":user",
            filter.user.as_ref(),
        ),
    ]
    .into_iter()
    .flatten()
}

fn equal<'a>(
    (leading, other): Texts,
    name: &'static str,
    value: Option<&'a String>,
) -> Option<Criterion<'a>> {
    Some((leading, other, Some((name, value?))))
}

/// A text that ends with a dot is the beginning of actions; one without a dot is a guides' word.
fn action(filter: &AuditFilter) -> Texts {
    match filter.action.as_deref() {
        Some(action) if action.ends_with('.') => ("family = :action", "+family = :action"),
        Some(action) if !action.contains('.') => ("word = :action", "+word = :action"),
        Some(_) | None => ("action = :action", "+action = :action"),
    }
}

fn conditions<'a>(filter: &'a AuditFilter, values: &'a Values) -> Conditions<'a> {
    let mut conditions = Conditions::default();
    for (place, (leading, other, value)) in criteria(filter).enumerate() {
        let text = if place == 0 { leading } else { other };
        match value {
            Some((name, value)) => conditions.on(text, name, value),
            None => conditions.plain(text),
        }
    }
    conditions.on_some("at >= :since", ":since", values.since.as_ref());
    conditions.on_some("at < :until", ":until", values.until.as_ref());
    if let Some((at, seq)) = &values.before {
        conditions.on("(at, seq) < (:at, :seq)", ":at", at);
        conditions.values.push((":seq", seq));
    }
    conditions.values.push((":limit", &values.limit));
    conditions
}

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let (Count(seq), Millis(timestamp), Json(details)) = (row.get(0)?, row.get(1)?, row.get(6)?);
    let (boot, uptime): (Option<String>, Option<Count>) = (row.get(10)?, row.get(11)?);
    let stamp = boot
        .zip(uptime)
        .map(|(boot, Count(uptime_ms))| Stamp { boot, uptime_ms });
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
        stamp,
        chain: row.get(9)?,
    })
}

/// Records after one, in order.
pub(in crate::history) fn after(
    connection: &Connection,
    seq: u64,
    most: u64,
) -> rusqlite::Result<Vec<Record>> {
    connection
        .prepare_cached(&format!("{SELECT} WHERE seq > ?1 ORDER BY seq LIMIT ?2"))?
        .query_map([Count(seq), Count(most)], record)?
        .collect()
}
