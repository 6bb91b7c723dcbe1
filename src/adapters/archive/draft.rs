//! An artifact in the making: compressed, sealed where it should be, hashed, and written where nobody takes it for whole; it gets its
//! name only when it is.
//!
//! Compressing has a thread of its own within zstd, so that it goes on while what came of it is sealed, hashed and written, as in a pipe.

use super::{
    disk::DiskFile,
    fresh::Naming,
    seal::{Keys, Sealing},
    upload::Upload,
};
use crate::domain::{artifact::Location, digest::Digest};
use sha2::{Digest as _, Sha256};
use std::io::{self, Write};
use zstd::zstd_safe::CParameter;

/// zstd's own default: a third of level 19's time for a tenth more bytes.
const LEVEL: i32 = 3;
/// Bytes that are compressed at once, beside what came before them; a few such pieces are held at a time.
const JOB: u32 = 1024 * 1024;

/// Where the bytes of an artifact go.
pub(super) enum Sink {
    Disk(DiskFile),
    Store(Box<Upload>),
}

/// What is compressed, counted on the way in.
pub(super) struct Draft {
    encoder: zstd::Encoder<'static, Sealing<Hashed>>,
    raw_size: u64,
    sealed: bool,
    naming: Naming,
}

/// What became of it.
pub(super) struct Published {
    pub(super) location: Location,
    pub(super) sealed: bool,
    pub(super) size: u64,
    pub(super) sha256: Digest,
    pub(super) raw_size: u64,
}

impl Draft {
    /// Begins one; sealed for the recipients of `keys`, if given.
    pub(super) fn new(sink: Sink, keys: Option<&Keys>, naming: Naming) -> io::Result<Self> {
        let hashed = Hashed::new(sink);
        let sealing = match keys {
            None => Sealing::Clear(hashed),
            Some(keys) => Sealing::Sealed(Box::new(keys.seal(hashed)?)),
        };
        let mut encoder = zstd::Encoder::new(sealing, LEVEL)?;
        encoder.include_checksum(true)?;
        encoder.set_parameter(CParameter::NbWorkers(1))?;
        encoder.set_parameter(CParameter::JobSize(JOB))?;
        Ok(Self {
            encoder,
            raw_size: 0,
            sealed: keys.is_some(),
            naming,
        })
    }

    /// Bytes so far, before compression.
    pub(super) fn raw_size(&self) -> u64 {
        self.raw_size
    }

    /// Ends the compression, brings it all to its place, and gives it its name; from here on it exists.
    pub(super) fn publish(self) -> io::Result<Published> {
        let hashed = self.encoder.finish()?.finish()?;
        let size = hashed.size;
        let location = match hashed.sink {
            Sink::Disk(file) => Location::File(file.publish(&self.naming)?),
            Sink::Store(upload) => upload.publish(size, &self.naming)?,
        };
        Ok(Published {
            location,
            sealed: self.sealed,
            size,
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

/// Bytes as they are stored.
struct Hashed {
    sink: Sink,
    sha256: Sha256,
    size: u64,
}

impl Hashed {
    fn new(sink: Sink) -> Self {
        Self {
            sink,
            sha256: Sha256::new(),
            size: 0,
        }
    }
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match &mut self.sink {
            Sink::Disk(file) => file.write(bytes)?,
            Sink::Store(upload) => upload.write(bytes)?,
        };
        if let Some(bytes) = bytes.get(..written) {
            self.sha256.update(bytes);
        }
        self.size += written as u64;
        Ok(written)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{DiskFile, Draft, Naming, Published, Sink};
    use crate::domain::digest::Digest;
    use std::{
        fs,
        io::Write as _,
        os::unix::fs::PermissionsExt as _,
        path::{Path, PathBuf},
    };

    fn draft(folder: &Path) -> Draft {
        let file = DiskFile::new(folder, "etc-1".into(), "tar.zst".into()).unwrap();
        Draft::new(Sink::Disk(file), None, Naming::in_test(folder)).unwrap()
    }
    fn path(published: &Published) -> PathBuf {
        published.location.path().unwrap().to_owned()
    }
    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(Result::unwrap)
            .filter(|entry| entry.path().is_file())
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_half_written_file_never_has_the_final_name() {
        let folder = tempfile::tempdir().unwrap();
        let mut half = draft(folder.path());
        half.write_all(b"half").unwrap();
        assert_eq!(names(folder.path()), [".etc-1.tar.zst.partial"]);
        drop(half);
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn the_digest_is_that_of_the_file_and_only_the_agent_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut draft = draft(folder.path());
        draft.write_all(&vec![7; 100_000]).unwrap();
        let published = draft.publish().unwrap();
        let bytes = fs::read(path(&published)).unwrap();
        assert_eq!(published.sha256, Digest::of_bytes(&bytes));
        assert_eq!(published.size, bytes.len() as u64);
        assert_eq!(published.raw_size, 100_000);
        assert_eq!(
            zstd::decode_all(bytes.as_slice()).unwrap(),
            vec![7; 100_000]
        );
        let mode = fs::metadata(path(&published)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_full_disk_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let full = DiskFile::on_full_disk(folder.path().join(".x.partial"));
        let naming = Naming::in_test(folder.path());
        let mut draft = Draft::new(Sink::Disk(full), None, naming).unwrap();
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
        assert_ne!(first.location, second.location);
        assert_eq!(names(folder.path()), ["etc-1-2.tar.zst", "etc-1.tar.zst"]);
    }
}
