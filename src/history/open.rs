//! Opening the database file: is it ours, and how it is to be used.
//!
//! A file that is not a history is refused before SQLite gets to write to it.
//!
//! While this process has a connection, nothing else in it may open and close the file, nor its companions: POSIX locks belong to the
//! process, and closing any descriptor of a file gives all of them up (fcntl(2)). The next program that closes the database would then
//! take itself for the last one, and remove the log that the agent goes on writing to.

use crate::history::{
    error::HistoryError,
    lock_file::{beside, file_hint},
};
use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};
use std::{
    fs::{File, OpenOptions},
    io::Read as _,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// Marks a database as a history of this program (`PRAGMA application_id`): "Ordl".
pub(in crate::history) const APPLICATION: i32 = 0x4f72_646c;

const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// How long SQLite waits for a program that holds the file, such as a backup tool.
const BUSY_MILLIS: u64 = 5000;

/// How much a commit may be trusted to survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::history) enum Durability {
    /// Every commit is synced to disk.
    Full,
    /// Nothing is synced: for histories that nobody keeps.
    None,
}

/// Opens for writing; makes the file (mode 0600) where there is none. The caller holds the lock file.
pub(in crate::history) fn for_writing(
    path: &Path,
    durability: Durability,
) -> Result<Connection, HistoryError> {
    look_at(path)?;
    make_if_missing(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let failed = failed(path);
    let connection = Connection::open_with_flags(path, flags).map_err(&failed)?;
    guard(&connection).map_err(&failed)?;
    belongs_to_us(&connection, path)?;
    use_log(&connection, durability).map_err(&failed)?;
    Ok(connection)
}

/// Opens for reading only, in a process that has no connection to the file yet.
pub(in crate::history) fn for_reading(path: &Path) -> Result<Connection, HistoryError> {
    is_ours(path)?;
    beside_others(path)
}

/// Whether it is there and a history, for a process that has no connection to the file yet.
pub(in crate::history) fn is_ours(path: &Path) -> Result<(), HistoryError> {
    std::fs::metadata(path).map_err(|source| HistoryError::File {
        doing: "opening the history",
        path: path.to_owned(),
        hint: if source.kind() == std::io::ErrorKind::NotFound {
            "start the agent once, or name another file"
        } else {
            file_hint(source.kind())
        },
        source,
    })?;
    look_at(path)
}

/// Opens for reading only, whether or not this process has other connections to the file.
pub(in crate::history) fn beside_others(path: &Path) -> Result<Connection, HistoryError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let failed = failed(path);
    let connection = Connection::open_with_flags(path, flags).map_err(&failed)?;
    guard(&connection).map_err(&failed)?;
    connection
        .execute_batch("PRAGMA query_only = ON;")
        .map_err(&failed)?;
    belongs_to_us(&connection, path)?;
    Ok(connection)
}

fn failed(path: &Path) -> impl Fn(rusqlite::Error) -> HistoryError {
    move |source| database(format!("opening the history {}", path.display()), source)
}

/// An error of SQLite with what was being done and a way out.
pub(in crate::history) fn database(doing: String, source: rusqlite::Error) -> HistoryError {
    HistoryError::Database {
        doing,
        hint: hint(&source),
        source,
    }
}

/// A way out of what SQLite says.
pub(in crate::history) fn hint(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "free some space on that file system",
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            "the folder and the files in it must be writable for the user that the agent runs as"
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "the file is damaged: put back a verified backup; `orderly db check` says where"
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another program has the database open for writing"
        }
        Some(ErrorCode::SystemIoFailure) => "look at the disk and the kernel's log",
        Some(_) | None => "",
    }
}

/// Looks at the file's first bytes without SQLite.
fn look_at(path: &Path) -> Result<(), HistoryError> {
    let mut head = [0; 100];
    let read = match File::open(path).and_then(|mut file| read_up_to(&mut file, &mut head)) {
        Ok(read) => read,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(source) => {
            return Err(HistoryError::File {
                doing: "reading",
                path: path.to_owned(),
                hint: file_hint(source.kind()),
                source,
            });
        }
    };
    let foreign = |found: String| HistoryError::Foreign {
        path: path.to_owned(),
        found,
    };
    if read == 0 {
        return Ok(());
    }
    if read < head.len() || !head.starts_with(MAGIC) {
        return Err(foreign("it is not an SQLite database".to_owned()));
    }
    let application = i32::from_be_bytes([head[68], head[69], head[70], head[71]]);
    if application != 0 && application != APPLICATION {
        return Err(foreign(other_application(application)));
    }
    Ok(())
}

fn other_application(application: i32) -> String {
    format!("it is an SQLite database of another application (id {application:#010x})")
}

fn read_up_to(file: &mut File, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut read = 0;
    while let Some(rest) = buffer.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match file.read(rest)? {
            0 => break,
            more => read += more,
        }
    }
    Ok(read)
}

fn make_if_missing(path: &Path) -> Result<(), HistoryError> {
    private_file(path).map(drop).or_else(|source| {
        if source.kind() == std::io::ErrorKind::AlreadyExists {
            return Ok(());
        }
        Err(HistoryError::File {
            doing: "making the history",
            path: path.to_owned(),
            hint: file_hint(source.kind()),
            source,
        })
    })
}

/// Makes a file that only its owner may read; SQLite gives its companions the same mode.
pub(in crate::history) fn private_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

fn guard(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::from_millis(BUSY_MILLIS))?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_prepared_statement_cache_capacity(128);
    connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = ON;")
}

fn belongs_to_us(connection: &Connection, path: &Path) -> Result<(), HistoryError> {
    let failed = failed(path);
    let application: i32 = connection
        .query_row("PRAGMA application_id", [], |row| row.get(0))
        .map_err(&failed)?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(&failed)?;
    let found = match (application, tables) {
        (APPLICATION, _) | (0, 0) => return Ok(()),
        (0, tables) => {
            format!("it is an SQLite database with {tables} tables and indexes of somebody else")
        }
        (other, _) => other_application(other),
    };
    Err(HistoryError::Foreign {
        path: path.to_owned(),
        found,
    })
}

fn use_log(connection: &Connection, durability: Durability) -> rusqlite::Result<()> {
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::None => "OFF",
    };
    // A large group of batches stays in memory until its commit: pages that are spilt before that are written again and again. So are
    // those that go from the log to the database too soon: a thousand runs at once touch the same pages in each of their commits.
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; PRAGMA journal_size_limit = 67108864; PRAGMA wal_autocheckpoint = 8192;
         PRAGMA cache_spill = OFF;"
    ))
}

/// What savepoints may have to put back stays in memory: SQLite would write each page that a batch of some size changes to a temporary
/// file first. Not for migrations and [`on_disk_meanwhile`], which sort or copy everything.
pub(in crate::history) fn put_back_from_memory(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("PRAGMA temp_store = MEMORY;")
}

/// Does something that needs as much temporary room as the database is large.
pub(in crate::history) fn on_disk_meanwhile(
    connection: &Connection,
    sql: &str,
) -> rusqlite::Result<()> {
    connection.execute_batch("PRAGMA temp_store = FILE;")?;
    let done = connection.execute_batch(sql);
    put_back_from_memory(connection).and(done)
}

/// Bytes of the database with its write-ahead log.
pub(in crate::history) fn sizes(path: &Path) -> (u64, u64) {
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    (size(path), size(&beside(path, "-wal")))
}
