use super::{KNOWN, Migration, go, migrate_to, newest, schema_status, upgrade, version};
use crate::history::{
    error::HistoryError,
    lock_file::LockFile,
    migrations::SchemaState,
    open::{self, Durability},
};
use rusqlite::Connection;
use std::path::{Path, PathBuf};

fn fresh() -> (tempfile::TempDir, PathBuf, Connection) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let connection = open::for_writing(&path, Durability::None).unwrap();
    (folder, path, connection)
}

fn objects(connection: &Connection) -> Vec<(String, String)> {
    connection
        .prepare("SELECT name, coalesce(sql, '') FROM sqlite_schema ORDER BY name")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

const SECOND: Migration = Migration {
    name: "second",
    up: "CREATE TABLE more (x INTEGER); INSERT INTO more VALUES (1);",
    down: "DROP TABLE more;",
};
const BROKEN: Migration = Migration {
    name: "broken",
    up: "CREATE TABLE half (x INTEGER); INSERT INTO nothing VALUES (1);",
    down: "",
};
const ORPHANS: Migration = Migration {
    name: "orphans",
    up: "INSERT INTO votes (approval, subject, body) VALUES (zeroblob(16), 'a', '{}');",
    down: "",
};

fn with(extra: &[Migration]) -> Vec<Migration> {
    KNOWN.iter().chain(extra).copied().collect()
}

/// The newest schema, and the one after it.
fn now_and_next() -> (u32, u32) {
    (newest(KNOWN), newest(KNOWN) + 1)
}

#[test]
fn up_and_down_and_up_again_gives_the_same_schema() {
    let (_folder, path, mut connection) = fresh();
    upgrade(&mut connection, &path).unwrap();
    let first = objects(&connection);
    go(&mut connection, &path, KNOWN, 0).unwrap();
    assert_eq!(objects(&connection), []);
    upgrade(&mut connection, &path).unwrap();
    assert_eq!(objects(&connection), first);
}

#[test]
fn a_database_with_content_is_copied_before_each_migration() {
    let (_folder, path, mut connection) = fresh();
    let known = with(&[SECOND]);
    let (now, next) = now_and_next();
    let made = go(&mut connection, &path, KNOWN, now).unwrap();
    assert_eq!(made.backup, None);
    let up = go(&mut connection, &path, &known, next).unwrap();
    let copy = up.backup.unwrap();
    assert!(copy.ends_with(format!("history.db.schema-{now}.bak")));
    let kept = Connection::open(&copy).unwrap();
    assert_eq!(version(&kept).unwrap(), now);
    go(&mut connection, &path, &known, now).unwrap();
    let again = go(&mut connection, &path, &known, next)
        .unwrap()
        .backup
        .unwrap();
    assert!(again.ends_with(format!("history.db.schema-{now}-2.bak")));
    assert_eq!(mode(&again), 0o600);
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_migration_that_fails_leaves_everything_as_it_was() {
    for broken in [BROKEN, ORPHANS] {
        let (_folder, path, mut connection) = fresh();
        upgrade(&mut connection, &path).unwrap();
        let before = objects(&connection);
        let (now, next) = now_and_next();
        let error = go(&mut connection, &path, &with(&[broken]), next).unwrap_err();
        assert!(matches!(
            error,
            HistoryError::Migration { from, to, .. } if (from, to) == (now, next)
        ));
        assert_eq!(objects(&connection), before);
        assert_eq!(version(&connection).unwrap(), now);
    }
}

#[test]
fn a_newer_schema_is_refused_with_both_numbers_and_a_way_out() {
    let (_folder, path, mut connection) = fresh();
    upgrade(&mut connection, &path).unwrap();
    connection.pragma_update(None, "user_version", 77).unwrap();
    let text = upgrade(&mut connection, &path).unwrap_err().to_string();
    let (now, _) = now_and_next();
    assert!(text.contains("has schema 77"), "{text}");
    assert!(text.contains(&format!("up to {now}")), "{text}");
    assert!(text.contains("hint: start the newer orderly"), "{text}");
    assert!(text.contains(&format!("migrate --to {now}")), "{text}");
}

#[test]
fn a_schema_nobody_knows_cannot_be_wanted() {
    let (_folder, path, mut connection) = fresh();
    let error = go(&mut connection, &path, KNOWN, 99).unwrap_err();
    assert!(matches!(
        error,
        HistoryError::UnknownSchema { wanted: 99, .. }
    ));
}

#[test]
fn status_and_rollback_speak_of_the_same_number() {
    let (_folder, path, connection) = fresh();
    drop(connection);
    let (now, _) = now_and_next();
    let last = KNOWN.len() - 1;
    let up = migrate_to(&path, now).unwrap();
    assert_eq!((up.from, up.to), (0, now));
    let status = schema_status(&path).unwrap();
    assert_eq!((status.found, status.known), (now, now));
    assert_eq!(status.steps[last].state, SchemaState::Applied);
    let back = migrate_to(&path, newest(KNOWN) - 1).unwrap();
    assert_eq!((back.from, back.to), (now, now - 1));
    assert!(back.backup.is_some());
    assert_eq!(
        schema_status(&path).unwrap().steps[last].state,
        SchemaState::Pending
    );
}

#[test]
fn a_history_that_is_not_there_is_not_made_by_looking_at_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let text = schema_status(&path).unwrap_err().to_string();
    assert!(text.contains("hint: start the agent once"), "{text}");
    assert!(!path.exists());
}

#[test]
fn a_history_in_use_is_not_migrated() {
    let (_folder, path, connection) = fresh();
    drop(connection);
    let _agent = LockFile::take(&path).unwrap();
    let refused = migrate_to(&path, 1).unwrap_err();
    assert!(matches!(refused, HistoryError::InUse { .. }));
}

#[test]
fn a_file_of_somebody_else_is_refused_and_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "milk, bread").unwrap();
    let theirs = folder.path().join("theirs.db");
    let other = folder.path().join("other.db");
    Connection::open(&theirs)
        .unwrap()
        .execute_batch("CREATE TABLE t (x);")
        .unwrap();
    Connection::open(&other)
        .unwrap()
        .execute_batch("PRAGMA application_id = 42; CREATE TABLE t (x);")
        .unwrap();
    for (path, found) in [
        (text, "not an SQLite database"),
        (theirs, "tables and indexes of somebody else"),
        (other, "another application (id 0x0000002a)"),
    ] {
        let before = std::fs::read(&path).unwrap();
        let error = open::for_writing(&path, Durability::Full)
            .unwrap_err()
            .to_string();
        assert!(error.contains(found), "{error}");
        assert!(error.contains("not touched"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
    let mut left: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["notes.txt", "other.db", "theirs.db"]);
}

#[test]
fn a_new_history_is_readable_by_its_owner_only() {
    let (_folder, path, mut connection) = fresh();
    upgrade(&mut connection, &path).unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(
        mode(&crate::history::lock_file::beside(&path, "-wal")),
        0o600
    );
}
