//! Looking after the database: what it holds, whether it is whole, and what may go.

use crate::history::{backup, columns::Millis, error::HistoryError, handle::History, open};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Serialize;
use std::path::PathBuf;

/// What the database holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// The file.
    pub path: PathBuf,
    /// Bytes of the file.
    pub bytes: u64,
    /// Bytes of its write-ahead log.
    pub log_bytes: u64,
    /// Bytes of a page.
    pub page_bytes: u64,
    /// Pages.
    pub pages: u64,
    /// Pages that hold nothing, which [`History::vacuum`] gives back.
    pub free_pages: u64,
    /// The number of its schema.
    pub schema: u32,
    /// Its tables, by name.
    pub tables: Vec<TableStats>,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableStats {
    /// Its name.
    pub name: String,
    /// Its rows.
    pub rows: u64,
}

/// What is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Retention {
    before: Timestamp,
    keep_last: u32,
}

/// What went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// Runs, with their events, steps and approvals.
    pub runs: u64,
    /// Records of occurrences that did not run.
    pub skipped: u64,
    /// Everything else: counted effects, used keys, records of removed artifacts, rotations that ended, calls to AI providers (their sums by month stay),
    /// definitions that no run has any more.
    pub others: u64,
}

/// Runs removed in one transaction, so that writers wait for milliseconds only.
const CHUNK: u32 = 200;

impl History {
    /// What the database holds. Counts rows: seconds for millions.
    pub async fn stats(&self) -> Result<Stats, HistoryError> {
        let path = self.path().to_owned();
        self.read("the database's size", move |connection| {
            stats(connection, path)
        })
        .await
    }

    /// What `PRAGMA integrity_check` finds; nothing where all is well. Reads everything.
    pub async fn check(&self) -> Result<Vec<String>, HistoryError> {
        self.read("the whole database", backup::problems).await
    }

    /// Writes the database anew, without free pages. Needs as much disk again, and writers wait.
    pub async fn vacuum(&self) -> Result<(), HistoryError> {
        let vacuumed = self
            .task(|connection| {
                let sql = "VACUUM; PRAGMA wal_checkpoint(TRUNCATE);";
                open::on_disk_meanwhile(connection, sql)
            })
            .await?;
        vacuumed.map_err(failed("compacting the history"))
    }

    /// Gives back the memory that a large write took: the pages it touched stay at hand until then.
    pub async fn shrink(&self) -> Result<(), HistoryError> {
        let shrunk = self
            .task(|connection| connection.execute_batch("PRAGMA shrink_memory;"))
            .await?;
        shrunk.map_err(failed("giving back memory"))
    }

    /// Removes what ended before a time, but for the newest `keep_last` runs of each runbook, in small steps between other
    /// writes. What is under way, and the audit log, stay.
    pub async fn prune_runs(
        &self,
        before: Timestamp,
        keep_last: u32,
    ) -> Result<Pruned, HistoryError> {
        let retention = Retention { before, keep_last };
        let runbooks = self.read("the names of runbooks", runbooks).await?;
        let mut pruned = Pruned::default();
        for runbook in runbooks {
            pruned.runs += self.prune_runbook(runbook, retention).await?;
        }
        let (skipped, others) = self
            .task(move |connection| prune_others(connection, retention.before))
            .await?
            .map_err(failed("removing old records"))?;
        pruned.skipped = skipped;
        pruned.others = others;
        Ok(pruned)
    }

    async fn prune_runbook(
        &self,
        runbook: String,
        retention: Retention,
    ) -> Result<u64, HistoryError> {
        let mut all = 0;
        loop {
            let runbook = runbook.clone();
            let removed = self
                .task(move |connection| prune_chunk(connection, &runbook, retention))
                .await?
                .map_err(failed("removing old runs"))?;
            all += removed as u64;
            if removed == 0 {
                return Ok(all);
            }
        }
    }
}

fn failed(doing: &'static str) -> impl Fn(rusqlite::Error) -> HistoryError {
    move |error| open::database(doing.to_owned(), error)
}

fn stats(connection: &Connection, path: PathBuf) -> rusqlite::Result<Stats> {
    let pragma = |name: &str| -> rusqlite::Result<u64> {
        let value: i64 = connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))?;
        Ok(u64::try_from(value).unwrap_or(0))
    };
    let tables = backup::table_names(connection)?
        .into_iter()
        .map(|name| {
            let rows = backup::count_rows(connection, &name)?;
            Ok(TableStats { name, rows })
        })
        .collect::<rusqlite::Result<_>>()?;
    let (bytes, log_bytes) = open::sizes(&path);
    Ok(Stats {
        path,
        bytes,
        log_bytes,
        page_bytes: pragma("page_size")?,
        pages: pragma("page_count")?,
        free_pages: pragma("freelist_count")?,
        schema: u32::try_from(pragma("user_version")?).unwrap_or(u32::MAX),
        tables,
    })
}

/// The names of all runbooks with runs, by jumping through the index.
fn runbooks(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare(
            "WITH RECURSIVE names (name) AS (
                 SELECT min(runbook) FROM runs
                 UNION ALL
                 SELECT (SELECT min(runbook) FROM runs WHERE runbook > name) FROM names WHERE name IS NOT NULL
             )
             SELECT name FROM names WHERE name IS NOT NULL",
        )?
        .query_map([], |row| row.get(0))?
        .collect()
}

fn prune_chunk(
    connection: &mut Connection,
    runbook: &str,
    retention: Retention,
) -> rusqlite::Result<usize> {
    let transaction = connection.transaction()?;
    let newest_to_go: Option<(i64, Vec<u8>)> = transaction
        .prepare_cached(
            "SELECT created_at, id FROM runs WHERE runbook = ?1 ORDER BY created_at DESC, id DESC LIMIT 1 OFFSET ?2",
        )?
        .query_row(params![runbook, retention.keep_last], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let Some((created_at, id)) = newest_to_go else {
        return Ok(0);
    };
    let runs: Vec<Vec<u8>> = transaction
        .prepare_cached(
            "SELECT id FROM runs
             WHERE runbook = ?1 AND (created_at, id) <= (?2, ?3) AND status = 'ended' AND ended_at < ?4
             ORDER BY created_at, id LIMIT ?5",
        )?
        .query_map(
            params![runbook, created_at, id, Millis(retention.before), CHUNK],
            |row| row.get(0),
        )?
        .collect::<rusqlite::Result<_>>()?;
    for run in &runs {
        for sql in [
            "DELETE FROM occurrences WHERE run = ?1",
            "DELETE FROM runs WHERE id = ?1",
        ] {
            transaction.prepare_cached(sql)?.execute([run])?;
        }
    }
    transaction.commit()?;
    Ok(runs.len())
}

fn prune_others(connection: &mut Connection, before: Timestamp) -> rusqlite::Result<(u64, u64)> {
    let transaction = connection.transaction()?;
    let skipped = transaction.execute("DELETE FROM skipped WHERE at < ?1", [Millis(before)])?;
    let mut others = 0;
    for sql in [
        "DELETE FROM effects WHERE at < ?1",
        "DELETE FROM idempotency WHERE at < ?1",
        "DELETE FROM artifacts WHERE removed_at < ?1",
        "DELETE FROM rotations WHERE ended_at < ?1",
        "DELETE FROM ai_calls WHERE at < ?1",
        "DELETE FROM approvals WHERE run IS NULL AND last_use < ?1",
    ] {
        others += transaction.execute(sql, [Millis(before)])?;
    }
    others += transaction.execute(
        "DELETE FROM definitions WHERE NOT EXISTS (SELECT 1 FROM runs WHERE definition = definitions.id)",
        [],
    )?;
    transaction.commit()?;
    Ok((skipped as u64, others as u64))
}
