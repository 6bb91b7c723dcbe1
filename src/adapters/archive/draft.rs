//! An artifact in the making: written under a temporary name, and given its own only when it is whole and on disk.

use crate::{domain::digest::Digest, ports::archive::Label};
use jiff::Timestamp;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use sha2::{Digest as _, Sha256};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// The ending of names that are not final.
pub(super) const PARTIAL: &str = ".partial";
/// zstd's own default: a third of level 19's time for a tenth more bytes.
const LEVEL: i32 = 3;

/// What is compressed, counted on the way in.
pub(super) struct Draft {
    temporary: Temporary,
    stem: String,
    extension: String,
    encoder: zstd::Encoder<'static, HashedFile>,
    raw_size: u64,
}

/// What became of it.
pub(super) struct Published {
    pub(super) path: PathBuf,
    pub(super) size: u64,
    pub(super) sha256: Digest,
    pub(super) raw_size: u64,
}

impl Draft {
    pub(super) fn new(
        folder: &Path,
        label: &Label,
        at: Timestamp,
        extension: &str,
    ) -> io::Result<Self> {
        private_folder(folder)?;
        let stem = stem(label, at);
        let path = folder.join(format!(".{stem}.{extension}{PARTIAL}"));
        // A second attempt within the same second finds no file of the first: its guard has removed it.
        let file = private_file(&path)?;
        Self::over(file, Temporary(path), stem, extension.to_owned())
    }

    fn over(file: File, temporary: Temporary, stem: String, extension: String) -> io::Result<Self> {
        let mut encoder = zstd::Encoder::new(HashedFile::new(file), LEVEL)?;
        encoder.include_checksum(true)?;
        Ok(Self {
            temporary,
            stem,
            extension,
            encoder,
            raw_size: 0,
        })
    }

    /// Bytes so far, before compression.
    pub(super) fn raw_size(&self) -> u64 {
        self.raw_size
    }

    /// Ends the compression, brings it to disk, and gives it its name; from here on it exists.
    pub(super) fn publish(self) -> io::Result<Published> {
        let hashed = self.encoder.finish()?;
        hashed.file.sync_all()?;
        let folder = self.temporary.0.parent().unwrap_or(Path::new("/"));
        let path =
            rename_without_overwriting(&self.temporary.0, folder, &self.stem, &self.extension)?;
        if let Err(error) = File::open(folder).and_then(|folder| folder.sync_all()) {
            fs::remove_file(&path)?;
            return Err(error);
        }
        Ok(Published {
            path,
            size: hashed.size,
            sha256: Digest::from_bytes(hashed.sha256.finalize().into()),
            raw_size: self.raw_size,
        })
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.encoder.write(bytes)?;
        self.raw_size += written as u64;
        Ok(written)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.encoder.flush()
    }
}

/// `<name>-<UTC time>-<end of the run's id>`: the end of a version 7 UUID is its random part.
fn stem(label: &Label, at: Timestamp) -> String {
    let run = label.run.to_string();
    let short = run.get(run.len().saturating_sub(8)..).unwrap_or(&run);
    format!("{}-{}-{short}", label.name, at.strftime("%Y%m%dT%H%M%SZ"))
}

/// Two steps of one run may make artifacts of one name within a second: the later gets a number.
fn rename_without_overwriting(
    from: &Path,
    folder: &Path,
    stem: &str,
    extension: &str,
) -> io::Result<PathBuf> {
    for count in 1..100 {
        let number = if count == 1 {
            String::new()
        } else {
            format!("-{count}")
        };
        let path = folder.join(format!("{stem}{number}.{extension}"));
        match rename_to_new(from, &path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(()) => return Ok(path),
        }
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists))
}

fn rename_to_new(from: &Path, to: &Path) -> io::Result<()> {
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

/// A file that goes when this goes, unless it was renamed.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // Renamed is gone. Whatever else fails here is cleaned at the next start.
        let _removed = fs::remove_file(&self.0);
    }
}

struct HashedFile {
    file: File,
    sha256: Sha256,
    size: u64,
}

impl HashedFile {
    fn new(file: File) -> Self {
        Self {
            file,
            sha256: Sha256::new(),
            size: 0,
        }
    }
}

impl Write for HashedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        if let Some(bytes) = bytes.get(..written) {
            self.sha256.update(bytes);
        }
        self.size += written as u64;
        Ok(written)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
impl Draft {
    /// One on a disk that is full; `beside` is the file that goes with it.
    pub(super) fn on_full_disk(beside: PathBuf) -> Self {
        fs::write(&beside, "").unwrap();
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        Self::over(full, Temporary(beside), "x".into(), "x.zst".into()).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::Draft;
    use crate::{
        domain::{
            digest::Digest,
            id::RunId,
            name::{ArtifactName, RunbookName},
        },
        ports::archive::Label,
    };
    use jiff::Timestamp;
    use std::{fs, io::Write as _, os::unix::fs::PermissionsExt as _, path::Path};

    fn label() -> Label {
        Label {
            name: ArtifactName::new("etc").unwrap(),
            runbook: RunbookName::new("nightly").unwrap(),
            run: RunId::new(Timestamp::UNIX_EPOCH, [0xab; 10]),
        }
    }
    fn draft(folder: &Path) -> Draft {
        Draft::new(folder, &label(), Timestamp::UNIX_EPOCH, "tar.zst").unwrap()
    }
    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_half_written_file_never_has_the_final_name() {
        let folder = tempfile::tempdir().unwrap();
        let mut half = draft(folder.path());
        half.write_all(b"half").unwrap();
        assert_eq!(
            names(folder.path()),
            [".etc-19700101T000000Z-abababab.tar.zst.partial"]
        );
        drop(half);
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn the_digest_is_that_of_the_file_and_only_the_agent_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut draft = draft(folder.path());
        draft.write_all(&vec![7; 100_000]).unwrap();
        let published = draft.publish().unwrap();
        let bytes = fs::read(&published.path).unwrap();
        assert_eq!(published.sha256, Digest::of_bytes(&bytes));
        assert_eq!(published.size, bytes.len() as u64);
        assert_eq!(published.raw_size, 100_000);
        assert_eq!(
            zstd::decode_all(bytes.as_slice()).unwrap(),
            vec![7; 100_000]
        );
        let mode = fs::metadata(&published.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_full_disk_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let mut draft = Draft::on_full_disk(folder.path().join(".x.partial"));
        let written = draft.write_all(b"some bytes");
        let error = written
            .and_then(|()| draft.publish().map(drop))
            .unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let first = draft(folder.path()).publish().unwrap();
        let second = draft(folder.path()).publish().unwrap();
        assert_ne!(first.path, second.path);
        assert_eq!(
            names(folder.path()),
            [
                "etc-19700101T000000Z-abababab-2.tar.zst",
                "etc-19700101T000000Z-abababab.tar.zst"
            ]
        );
    }
}
