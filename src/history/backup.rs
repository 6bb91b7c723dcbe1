//! Copies of live databases, of any application, by SQLite's online backup; and looking into a copy.

use crate::history::open;
use rusqlite::{
    Connection, ErrorCode, OpenFlags,
    backup::{Backup, StepResult},
    config::DbConfig,
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

/// Pages copied between two looks at whether to stop.
const PAGES: i32 = 1024;
/// How long to wait where the source is busy, and how often in a row.
const PAUSE: Duration = Duration::from_millis(20);
const PATIENCE: u32 = 1500;
/// No more problems than this are listed.
const PROBLEMS: u32 = 20;

/// Why a copy could not be made or looked into.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// SQLite said no.
    #[error("{doing} {}", path.display())]
    Database {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// The file system said no.
    #[error("{doing} {}", path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The source stayed busy.
    #[error("{} stayed locked by another program for 30 s", path.display())]
    Busy {
        /// The source.
        path: PathBuf,
    },
    /// The database is damaged.
    #[error("{} is damaged: {}", path.display(), problems.join("; "))]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What `PRAGMA integrity_check` says.
        problems: Vec<String>,
    },
    /// It was stopped by request.
    #[error("stopped")]
    Stopped,
}

impl BackupError {
    /// Whether it says something of the database, and not of where it lies or of this machine.
    pub fn is_about_content(&self) -> bool {
        match self {
            Self::Damaged { .. } => true,
            Self::Database { source, .. } => !matches!(
                source.sqlite_error_code(),
                Some(
                    ErrorCode::DiskFull
                        | ErrorCode::SystemIoFailure
                        | ErrorCode::OutOfMemory
                        | ErrorCode::CannotOpen
                )
            ),
            Self::File { .. } | Self::Busy { .. } | Self::Stopped => false,
        }
    }

    /// Whether there was no room for the copy.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Database { source, .. } => {
                source.sqlite_error_code() == Some(ErrorCode::DiskFull)
            }
            Self::File { source, .. } => source.kind() == std::io::ErrorKind::StorageFull,
            Self::Busy { .. } | Self::Damaged { .. } | Self::Stopped => false,
        }
    }
}

/// What is in a database that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// Rows of each table.
    pub tables: BTreeMap<String, u64>,
    /// Pages.
    pub pages: u64,
}

/// Copies a database while others use it. The copy is one moment's state. `destination` must not exist; it is made readable by its
/// owner only, and what is half done is removed on failure. Gives the number of pages. Blocks; asks `stop` every few milliseconds.
pub fn online_backup(
    source: &Path,
    destination: &Path,
    stop: &dyn Fn() -> bool,
) -> Result<u64, BackupError> {
    open::private_file(destination).map_err(|error| BackupError::File {
        doing: "making the copy",
        path: destination.to_owned(),
        source: error,
    })?;
    let copied = copy(source, destination, stop);
    if copied.is_err() {
        // The error that matters is the first one.
        let _removed = std::fs::remove_file(destination);
    }
    copied
}

fn copy(source: &Path, destination: &Path, stop: &dyn Fn() -> bool) -> Result<u64, BackupError> {
    let copying = |error| database("copying the database", source)(error);
    let writing = database("writing the copy", destination);
    let from = read_only(source).map_err(database("opening the database", source))?;
    let mut to = Connection::open_with_flags(
        destination,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(&writing)?;
    // One read transaction keeps the moment, so that writers do not make the copy start again.
    let moment = from.unchecked_transaction().map_err(copying)?;
    moment
        .query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
        .map_err(copying)?;
    steps(&moment, &mut to, (source, destination), stop)?;
    // The copy is a file of its own: no write-ahead log stays behind.
    to.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))
        .map_err(&writing)?;
    let pages: i64 = to
        .query_row("PRAGMA page_count", [], |row| row.get(0))
        .map_err(&writing)?;
    to.close().map_err(|(_, error)| writing(error))?;
    std::fs::File::open(destination)
        .and_then(|file| file.sync_all())
        .map_err(|error| BackupError::File {
            doing: "writing the copy",
            path: destination.to_owned(),
            source: error,
        })?;
    Ok(u64::try_from(pages).unwrap_or(0))
}

fn steps(
    from: &Connection,
    to: &mut Connection,
    (source, destination): (&Path, &Path),
    stop: &dyn Fn() -> bool,
) -> Result<(), BackupError> {
    let copying = database("copying the database", source);
    let writing = database("writing the copy", destination);
    let backup = Backup::new(from, to).map_err(&copying)?;
    let mut waited = 0;
    loop {
        if stop() {
            return Err(BackupError::Stopped);
        }
        let stepped = backup
            .step(PAGES)
            .map_err(|error| match error.sqlite_error_code() {
                Some(ErrorCode::DiskFull) => writing(error),
                _ => copying(error),
            });
        match stepped? {
            StepResult::Done => return Ok(()),
            StepResult::More => waited = 0,
            StepResult::Busy | StepResult::Locked if waited < PATIENCE => {
                waited += 1;
                std::thread::sleep(PAUSE);
            }
            StepResult::Busy | StepResult::Locked | _ => {
                return Err(BackupError::Busy {
                    path: source.to_owned(),
                });
            }
        }
    }
}

/// Whether a database may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// Nobody uses it. What was left in its logs is in it now, if it is whole.
    Free,
    /// A program has locked it, or keeps it open in WAL mode.
    Held,
}

/// Looks whether a program uses this database, and brings what is left in its logs into it. One that is damaged is free. A program that has
/// opened it without WAL and is idle holds no lock, and is not seen here.
pub fn settle(path: &Path) -> Result<Settled, BackupError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).map_err(database("opening the database", path))?;
    // In this mode even a reader of WAL is in the way.
    let alone = connection
        // A damaged database keeps what is left of its log: closing would else remove it.
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .and_then(|_| connection.busy_timeout(Duration::ZERO))
        .and_then(|()| {
            connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT;")
        })
        .and_then(|()| connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())));
    match alone.map_err(|error| (error.sqlite_error_code(), error)) {
        Ok(()) => Ok(Settled::Free),
        Err((Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked), _)) => Ok(Settled::Held),
        Err((Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt), _)) => Ok(Settled::Free),
        Err((_, error)) => Err(database("looking who uses the database", path)(error)),
    }
}

/// Checks a database file whole, and counts the rows of its tables. Blocks for as long as reading all of it takes; asks `stop`
/// meanwhile.
pub fn integrity(path: &Path, stop: &dyn Fn() -> bool) -> Result<Inspected, BackupError> {
    let failed = database("checking the database", path);
    let connection = read_only(path).map_err(&failed)?;
    let problems = problems(&connection).map_err(&failed)?;
    if !problems.is_empty() {
        return Err(BackupError::Damaged {
            path: path.to_owned(),
            problems,
        });
    }
    let pages: i64 = connection
        .query_row("PRAGMA page_count", [], |row| row.get(0))
        .map_err(&failed)?;
    let mut tables = BTreeMap::new();
    for name in table_names(&connection).map_err(&failed)? {
        if stop() {
            return Err(BackupError::Stopped);
        }
        let rows = count_rows(&connection, &name).map_err(&failed)?;
        tables.insert(name, rows);
    }
    Ok(Inspected {
        tables,
        pages: u64::try_from(pages).unwrap_or(0),
    })
}

fn read_only(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA query_only = ON;")?;
    Ok(connection)
}

/// What `PRAGMA integrity_check` finds; nothing where all is well.
pub(in crate::history) fn problems(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut found: Vec<String> = connection
        .prepare(&format!("PRAGMA integrity_check({PROBLEMS})"))?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    found.retain(|line| line != "ok");
    Ok(found)
}

/// Ordinary tables, by name.
pub(in crate::history) fn table_names(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare(
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
        )?
        .query_map([], |row| row.get(0))?
        .collect()
}

/// Rows of a table.
pub(in crate::history) fn count_rows(
    connection: &Connection,
    table: &str,
) -> rusqlite::Result<u64> {
    let quoted = table.replace('"', "\"\"");
    let rows: i64 =
        connection.query_row(&format!("SELECT count(*) FROM \"{quoted}\""), [], |row| {
            row.get(0)
        })?;
    Ok(u64::try_from(rows).unwrap_or(0))
}

fn database(doing: &'static str, path: &Path) -> impl Fn(rusqlite::Error) -> BackupError {
    let path = path.to_owned();
    move |source| BackupError::Database {
        doing,
        path: path.clone(),
        source,
    }
}
