//! The audit log: looking through it, newest first.
//!
//! Every condition has an index that ends with the time and the record's number, so a list needs no sorting. Where there are several,
//! the one that lets the fewest records through leads; the `+` before the others keeps SQLite from taking theirs. What is said of a
//! runbook is found by the runbook, and a family of actions by each of its actions.

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
/// The same order, where nothing but the time is asked for: its index is that of the guides' view.
const LATEST: &str = "ORDER BY time DESC, seq DESC LIMIT :limit";

pub(in crate::history) fn list(
    connection: &Connection,
    filter: &AuditFilter,
) -> rusqlite::Result<Vec<Record>> {
    let Some(values) = Values::of(connection, filter)? else {
        return Ok(Vec::new());
    };
    match leading_family(filter) {
        Some(family) => of_family(connection, filter, &values, family),
        None => of_one(connection, filter, &values, SELECT, record),
    }
}

fn of_one<T>(
    connection: &Connection,
    filter: &AuditFilter,
    values: &Values,
    select: &str,
    make: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    let by_time = criteria(filter).next().is_none();
    let order = if by_time { LATEST } else { NEWEST_FIRST };
    conditions(filter, values).rows(connection, select, order, make)
}

/// The newest of each action, and of these the newest.
fn of_family(
    connection: &Connection,
    filter: &AuditFilter,
    values: &Values,
    family: &str,
) -> rusqlite::Result<Vec<Record>> {
    let mut found = Vec::new();
    for action in actions(connection, family)? {
        let of_action = AuditFilter {
            action: Some(action),
            ..filter.clone()
        };
        found.extend(of_one(connection, &of_action, values, SELECT, record)?);
    }
    found.sort_by_key(|record| std::cmp::Reverse((record.entry.timestamp, record.seq)));
    found.truncate(usize::try_from(values.limit).unwrap_or(usize::MAX));
    Ok(found)
}

/// The actions that there are of a family: one step through the index for each.
fn actions(connection: &Connection, family: &str) -> rusqlite::Result<Vec<String>> {
    let mut next =
        connection.prepare_cached("SELECT min(action) FROM audit_records WHERE action > ?1")?;
    let mut found: Vec<String> = Vec::new();
    loop {
        let after = found.last().map_or(family, String::as_str);
        let action: Option<String> = next.query_row([after], |row| row.get(0))?;
        match action.filter(|action| action.starts_with(family)) {
            Some(action) => found.push(action),
            None => return Ok(found),
        }
    }
}

/// The family of actions that leads, if one does.
fn leading_family(filter: &AuditFilter) -> Option<&str> {
    let (leading, ..) = criteria(filter).next()?;
    let family = filter.action.as_deref()?;
    (leading == OF_FAMILY.0).then_some(family)
}

/// How SQLite goes about a list.
#[cfg(test)]
pub(in crate::history) fn plan(
    connection: &Connection,
    filter: &AuditFilter,
) -> rusqlite::Result<Vec<String>> {
    let values = Values::of(connection, filter)?.unwrap();
    let select = format!("EXPLAIN QUERY PLAN {SELECT}");
    of_one(connection, filter, &values, &select, |row| row.get(3))
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

/// What every action of a family fits. No index leads to it.
const OF_FAMILY: Texts = (
    "substr(action, 1, length(:action)) = :action",
    "substr(action, 1, length(:action)) = :action",
);
const OF_RESOURCE: Texts = (
    "resource = :resource AND resource NOT GLOB 'runbook/*'",
    "+resource = :resource",
);
/// What is said of a runbook has its place in the index of runbooks alone.
const OF_A_RUNBOOK: Texts = (
    "runbook = substr(:resource, 9) AND +resource = :resource",
    "+resource = :resource",
);

/// What was asked for, the most telling first.
fn criteria(filter: &AuditFilter) -> impl Iterator<Item = Criterion<'_>> {
    let failed = filter
        .failed
        .then_some(("success = 0", "+success = 0", None));
    [
        equal(("run = :run", "+run = :run"), ":run", filter.run.as_ref()),
        equal(resource(filter), ":resource", filter.resource.as_ref()),
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

fn resource(filter: &AuditFilter) -> Texts {
    match filter.resource.as_deref() {
        Some(resource) if resource.starts_with("runbook/") => OF_A_RUNBOOK,
        Some(_) | None => OF_RESOURCE,
    }
}

/// A text that ends with a dot is the beginning of actions; one without a dot is a guides' word.
fn action(filter: &AuditFilter) -> Texts {
    match filter.action.as_deref() {
        Some(action) if action.ends_with('.') => OF_FAMILY,
        Some(action) if !action.contains('.') => ("word = :action", "+word = :action"),
        Some(_) | None => ("action = :action", "+action = :action"),
    }
}

/// From when, until when, and before which record.
type Bounds = (&'static str, &'static str, &'static str);

const MOMENTS: Bounds = ("at >= :since", "at < :until", "(at, seq) < (:at, :seq)");
/// The same by the guides' text of the time, as the schema makes it.
const TIMES: Bounds = (
    "time >= strftime('%Y-%m-%d %H:%M:%S', :since / 1000, 'unixepoch') || printf('.%03d', :since % 1000)",
    "time < strftime('%Y-%m-%d %H:%M:%S', :until / 1000, 'unixepoch') || printf('.%03d', :until % 1000)",
    "(time, seq) < (strftime('%Y-%m-%d %H:%M:%S', :at / 1000, 'unixepoch') || printf('.%03d', :at % 1000), :seq)",
);

fn conditions<'a>(filter: &'a AuditFilter, values: &'a Values) -> Conditions<'a> {
    let mut conditions = Conditions::default();
    for (place, (leading, other, value)) in criteria(filter).enumerate() {
        let text = if place == 0 { leading } else { other };
        match value {
            Some((name, value)) => conditions.on(text, name, value),
            None => conditions.plain(text),
        }
    }
    let by_time = conditions.is_empty();
    let (since, until, before) = if by_time { TIMES } else { MOMENTS };
    conditions.on_some(since, ":since", values.since.as_ref());
    conditions.on_some(until, ":until", values.until.as_ref());
    if let Some((at, seq)) = &values.before {
        conditions.on(before, ":at", at);
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
