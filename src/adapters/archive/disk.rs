//! A file of the agent's disk that gets its name only when it is whole and on disk.

use super::fresh::Naming;
use crate::domain::artifact::Location;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// The ending of names that are not final.
pub(super) const PARTIAL: &str = ".partial";

/// A file under a temporary name.
pub(super) struct DiskFile {
    file: File,
    temporary: Temporary,
    stem: String,
    extension: String,
}

impl DiskFile {
    pub(super) fn new(folder: &Path, stem: String, extension: String) -> io::Result<Self> {
        private_folder(folder).map_err(at(folder))?;
        let path = folder.join(format!(".{stem}.{extension}{PARTIAL}"));
        // A second attempt within the same second finds no file of the first: its guard has removed it.
        let file = private_file(&path).map_err(at(folder))?;
        let temporary = Temporary(path);
        Ok(Self {
            file,
            temporary,
            stem,
            extension,
        })
    }

    /// Brings it to disk and gives it its name, which is noted first.
    pub(super) fn publish(self, naming: &Naming) -> io::Result<PathBuf> {
        self.named(naming).map_err(at(self.folder()))
    }

    fn named(&self, naming: &Naming) -> io::Result<PathBuf> {
        self.file.sync_all()?;
        let path = self.rename_without_overwriting(naming)?;
        if let Err(error) = File::open(self.folder()).and_then(|folder| folder.sync_all()) {
            fs::remove_file(&path)?;
            return Err(error);
        }
        Ok(path)
    }

    /// Two steps of one run may make artifacts of one name within a second: the later gets a number.
    fn rename_without_overwriting(&self, naming: &Naming) -> io::Result<PathBuf> {
        for count in 1..100 {
            let number = if count == 1 {
                String::new()
            } else {
                format!("-{count}")
            };
            let name = format!("{}{number}.{}", self.stem, self.extension);
            let path = self.folder().join(name);
            if path.exists() {
                continue;
            }
            naming.note(&Location::File(path.clone()))?;
            match rename_to_new(&self.temporary.0, &path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
                Ok(()) => return Ok(path),
            }
        }
        Err(io::Error::from(io::ErrorKind::AlreadyExists))
    }

    fn folder(&self) -> &Path {
        self.temporary.0.parent().unwrap_or(Path::new("/"))
    }
}

impl Write for DiskFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes).map_err(at(self.folder()))
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Renames, and never overwrites.
pub(super) fn rename_to_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Some network file systems cannot; a hard link refuses to overwrite as well.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            fs::hard_link(from, to)?;
            fs::remove_file(from)
        }
        other => other.map_err(io::Error::from),
    }
}

/// Makes a folder that only the agent may enter, with its parents.
pub(super) fn private_folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}

/// Makes a new file that only the agent may read.
pub(super) fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// The way out of a disk that is full, as a line of its own.
pub(super) const MAKE_ROOM: &str = "\nhint: make room on that file system";

/// A file whose faults say where it lies.
pub(super) struct Named<'a>(pub(super) File, pub(super) &'a Path);

impl Write for Named<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(at(self.1))
    }
    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// An error with the path that it is about, and a way out of a disk that is full.
pub(super) fn at(path: &Path) -> impl Fn(io::Error) -> io::Error {
    move |error| {
        let hint = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => MAKE_ROOM,
            _ => "",
        };
        // Names in an archive are those of whoever wrote it.
        let path = path.to_string_lossy();
        let text = format!("{}: {error}{hint}", path.escape_debug());
        io::Error::new(error.kind(), text)
    }
}

/// A file that goes when this goes, unless it was renamed.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // Renamed is gone. Whatever else fails here is cleaned at the next start.
        let _removed = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
impl DiskFile {
    /// One on a disk that is full; `beside` is the file that goes with it.
    pub(super) fn on_full_disk(beside: PathBuf) -> Self {
        fs::write(&beside, "").unwrap();
        let file = OpenOptions::new().write(true).open("/dev/full").unwrap();
        Self {
            file,
            temporary: Temporary(beside),
            stem: "x".into(),
            extension: "x.zst".into(),
        }
    }
}
