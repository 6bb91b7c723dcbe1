//! One writer process: an advisory lock (flock(2)) on `<database>.lock`, which ends with the process, however it ends.

use crate::history::error::HistoryError;
use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

/// Longer than anybody looks.
const LOOKING: Duration = Duration::from_millis(50);

/// Held as long as it lives. The file stays; only the lock on it counts.
#[derive(Debug)]
pub(in crate::history) struct LockFile {
    _file: File,
}

impl LockFile {
    /// Takes the lock for a database.
    pub(in crate::history) fn take(database: &Path) -> Result<Self, HistoryError> {
        let path = beside(database, ".lock");
        let failed = |doing: &'static str| {
            let path = path.clone();
            move |source: std::io::Error| HistoryError::File {
                doing,
                hint: file_hint(source.kind()),
                path,
                source,
            }
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed("opening the lock file"))?;
        match lock(&file) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(HistoryError::InUse {
                    path: database.to_owned(),
                    pid: holder(&mut file),
                });
            }
            Err(errno) => return Err(failed("locking the lock file")(errno.into())),
        }
        note_holder(&mut file).map_err(failed("writing the lock file"))?;
        Ok(Self { _file: file })
    }
}

/// Somebody who only looks ([`holder_of`]) has it for an instant.
fn lock(file: &File) -> rustix::io::Result<()> {
    let try_it = || flock(file, FlockOperation::NonBlockingLockExclusive);
    try_it().or_else(|_| {
        std::thread::sleep(LOOKING);
        try_it()
    })
}

/// The process that writes to a database now, as far as its lock file says; nothing where none does.
///
/// # Errors
/// The lock file cannot be looked at.
pub fn holder_of(database: &Path) -> Result<Option<String>, HistoryError> {
    let path = beside(database, ".lock");
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(HistoryError::File {
                doing: "looking at the lock file",
                hint: file_hint(source.kind()),
                path,
                source,
            });
        }
    };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(Some(holder(&mut file))),
        Ok(()) | Err(_) => Ok(None),
    }
}

fn note_holder(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.take(32).read_to_string(&mut text);
    match (read, text.trim()) {
        (Ok(_), pid) if !pid.is_empty() => pid.to_owned(),
        (Ok(_) | Err(_), _) => "unknown".to_owned(),
    }
}

/// `<path><suffix>`.
pub(in crate::history) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A way out of what the file system says.
pub(in crate::history) fn file_hint(kind: std::io::ErrorKind) -> &'static str {
    use std::io::ErrorKind as Kind;
    if kind == Kind::NotFound {
        return "make the folder, or name another one as the history's place";
    }
    if matches!(kind, Kind::PermissionDenied | Kind::ReadOnlyFilesystem) {
        return "the folder and the files in it must be writable for the user that the agent runs as";
    }
    if kind == Kind::StorageFull {
        return "free some space on that file system";
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::{LockFile, holder_of};
    use crate::history::error::HistoryError;

    #[test]
    fn a_second_writer_is_refused_and_told_who_the_first_is() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("history.db");
        let first = LockFile::take(&database).unwrap();
        let refused = LockFile::take(&database).unwrap_err();
        assert!(
            matches!(&refused, HistoryError::InUse { pid, .. } if *pid == std::process::id().to_string()),
            "{refused}"
        );
        let me = Some(std::process::id().to_string());
        assert_eq!(holder_of(&database).unwrap(), me);
        drop(first);
        assert_eq!(holder_of(&database).unwrap(), None);
        LockFile::take(&database).unwrap();
    }

    #[test]
    fn a_folder_that_is_not_there_is_named_with_a_way_out() {
        let refused = LockFile::take("/nowhere/at/all/history.db".as_ref()).unwrap_err();
        let text = refused.to_string();
        assert!(text.contains("/nowhere/at/all/history.db.lock"), "{text}");
        assert!(text.contains("hint: make the folder"), "{text}");
    }
}
