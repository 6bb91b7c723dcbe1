//! SQLite's online backup and integrity check.

use rusqlite::{Connection, OpenFlags, backup::Backup, backup::StepResult};
use std::{collections::BTreeMap, path::Path, time::Duration};
use tokio_util::sync::CancellationToken;

/// Pages copied between two looks at the stop token.
const PAGES: i32 = 256;
const BUSY: Duration = Duration::from_secs(10);

/// Copies a live database into a new file; gives the number of its pages.
pub(super) fn online_backup(
    source: &Path,
    target: &Path,
    stop: &CancellationToken,
) -> Result<u64, String> {
    let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(source, read_only).map_err(text)?;
    source.busy_timeout(BUSY).map_err(text)?;
    let mut target = Connection::open(target).map_err(text)?;
    let backup = Backup::new(&source, &mut target).map_err(text)?;
    loop {
        if stop.is_cancelled() {
            return Err("stopped".to_owned());
        }
        match backup.step(PAGES).map_err(text)? {
            StepResult::Done => break,
            StepResult::Busy | StepResult::Locked => std::thread::sleep(Duration::from_millis(50)),
            _ => {}
        }
    }
    Ok(u64::try_from(backup.progress().pagecount).unwrap_or(0))
}

/// Runs `PRAGMA integrity_check` and counts the rows of each table.
pub(super) fn integrity(path: &Path) -> Result<BTreeMap<String, u64>, String> {
    let database = Connection::open(path).map_err(text)?;
    let mut check = database
        .prepare("PRAGMA integrity_check(10)")
        .map_err(text)?;
    let found: Vec<String> = check
        .query_map([], |row| row.get(0))
        .and_then(Iterator::collect)
        .map_err(text)?;
    if found != ["ok"] {
        return Err(found.join("; "));
    }
    let mut tables = database
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        .map_err(text)?;
    let names: Vec<String> = tables
        .query_map([], |row| row.get(0))
        .and_then(Iterator::collect)
        .map_err(text)?;
    let count = |name: String| {
        let quoted = name.replace('"', "\"\"");
        let rows: i64 = database
            .query_row(&format!("SELECT count(*) FROM \"{quoted}\""), [], |row| {
                row.get(0)
            })
            .map_err(text)?;
        Ok((name, u64::try_from(rows).unwrap_or(0)))
    };
    names.into_iter().map(count).collect()
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "used as a function in map_err"
)]
fn text(error: rusqlite::Error) -> String {
    error.to_string()
}
