//! A trial restore: an artifact to a scratch folder, trusting nothing that stands in it.
//!
//! Invariants
//! - No more is written than the artifact was recorded to hold, and a little.
//! - Every path stays inside the scratch folder; links are read and counted, never made, so that nothing can be written through one.
//! - A fault of the artifact is [`Fault::Damaged`]; a fault of the scratch folder is [`Fault::Failed`].

use super::{
    disk::{at, private_file, private_folder},
    pack::stopped,
};
use std::{
    collections::BTreeMap,
    io::{self, Read, Write as _},
    path::{Component, Path, PathBuf},
};
use tokio_util::sync::CancellationToken;

/// How many folders deep a member may lie.
const DEEPEST: usize = 512;
const CHUNK: usize = 64 * 1024;

/// Why a restore did not work.
#[derive(Debug)]
pub(super) enum Fault {
    /// The artifact is not whole, or not what it should be.
    Damaged(String),
    /// Something else: the scratch folder, a request to stop.
    Failed(String),
    /// The agent has no key for it.
    Unfit(String),
}

/// What was in an archive.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) files: u64,
    pub(super) folders: u64,
    pub(super) links: u64,
    /// Of all files' content.
    pub(super) bytes: u64,
    /// Pipes and devices.
    pub(super) others: u64,
}

impl Contents {
    pub(super) fn entries(&self) -> u64 {
        self.files + self.folders + self.links + self.others
    }
    pub(super) fn by_name(&self) -> BTreeMap<String, u64> {
        let counts = [
            ("files", self.files),
            ("folders", self.folders),
            ("links", self.links),
            ("bytes", self.bytes),
        ];
        let others = (self.others > 0).then_some(("others", self.others));
        counts.into_iter().chain(others).map(named).collect()
    }
}

/// Who has written a tar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writer {
    /// The agent: what it never writes is damage.
    Agent,
    /// Another program: what can be in a tar may be in it.
    Another,
}

/// Unpacks a compressed tar into a folder; `most` is how many bytes it may hold before compression.
pub(super) fn unpack(
    compressed: impl Read,
    folder: &Path,
    by: Writer,
    most: u64,
    stop: &CancellationToken,
) -> Result<Contents, Fault> {
    let mut archive = tar::Archive::new(decompress(compressed, most, stop)?);
    let mut contents = Contents::default();
    for entry in archive.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let path = entry.path().map_err(damaged)?.into_owned();
        let kind = entry.header().entry_type();
        let path = match by {
            Writer::Agent => path,
            Writer::Another => without_dots(&path),
        };
        if by == Writer::Another && kind.is_dir() && path.as_os_str().is_empty() {
            private_folder(folder).map_err(failed(folder))?;
            continue;
        }
        let target = folder.join(within(&path)?);
        if kind.is_file() {
            contents.bytes += write_member(&mut entry, &target)?;
            contents.files += 1;
        } else if kind.is_dir() {
            private_folder(&target).map_err(failed(&target))?;
            contents.folders += 1;
        } else if kind.is_symlink() && entry.link_name().map_err(damaged)?.is_some() {
            contents.links += 1;
        } else if by == Writer::Another && is_left_out(kind) {
            contents.links += u64::from(kind.is_hard_link());
            contents.others += u64::from(!kind.is_hard_link());
        } else {
            // A backup makes no others: links between files, devices, sparse files.
            let what = format!("{} is of the kind {kind:?}", path.display());
            return Err(Fault::Damaged(what));
        }
    }
    // The checksum stands at the end of the compressed stream.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(damaged)?;
    Ok(contents)
}

/// Decompresses into one new file; gives its size.
pub(super) fn inflate(
    compressed: impl Read,
    target: &Path,
    most: u64,
    stop: &CancellationToken,
) -> Result<u64, Fault> {
    copy(&mut decompress(compressed, most, stop)?, target)
}

/// Decompresses to the end, and counts what comes.
pub(super) fn measure(
    compressed: impl Read,
    most: u64,
    stop: &CancellationToken,
) -> Result<BTreeMap<String, u64>, Fault> {
    let mut whole = decompress(compressed, most, stop)?;
    let mut buffer = vec![0; CHUNK];
    let (mut bytes, mut lines) = (0, 0);
    loop {
        let piece = match whole.read(&mut buffer) {
            Ok(0) => return Ok([("bytes", bytes), ("lines", lines)].map(named).into()),
            Ok(read) => buffer.get(..read).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(damaged(error)),
        };
        bytes += piece.len() as u64;
        lines += piece.split(|byte| *byte == b'\n').skip(1).count() as u64;
    }
}

fn named((name, count): (&str, u64)) -> (String, u64) {
    (name.to_owned(), count)
}

pub(super) fn decompress<R: Read>(
    compressed: R,
    most: u64,
    stop: &CancellationToken,
) -> Result<Bounded<'_, zstd::Decoder<'static, io::BufReader<R>>>, Fault> {
    let inner = zstd::Decoder::new(compressed).map_err(damaged)?;
    Ok(Bounded {
        inner,
        left: most,
        stop,
    })
}

pub(super) fn write_member<R: Read>(
    entry: &mut tar::Entry<'_, R>,
    target: &Path,
) -> Result<u64, Fault> {
    if let Some(parent) = target.parent() {
        private_folder(parent).map_err(failed(parent))?;
    }
    let size = entry.size();
    let written = copy(entry, target)?;
    if written == size {
        return Ok(written);
    }
    Err(Fault::Damaged(format!(
        "a member has {written} bytes instead of {size}"
    )))
}

fn copy(from: &mut impl Read, target: &Path) -> Result<u64, Fault> {
    let mut file = private_file(target).map_err(|error| {
        if error.kind() == io::ErrorKind::AlreadyExists {
            return Fault::Damaged("it holds a path twice".to_owned());
        }
        failed(target)(error)
    })?;
    let mut buffer = vec![0; CHUNK];
    let mut total = 0;
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => return Ok(total),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(damaged(error)),
        };
        let bytes = buffer.get(..read).unwrap_or_default();
        file.write_all(bytes).map_err(failed(target))?;
        total += read as u64;
    }
}

/// `./a/./b` is `a/b`.
fn without_dots(path: &Path) -> PathBuf {
    path.components()
        .filter(|part| *part != Component::CurDir)
        .collect()
}

fn is_left_out(kind: tar::EntryType) -> bool {
    kind.is_hard_link() || kind.is_fifo() || kind.is_character_special() || kind.is_block_special()
}

/// A member's path, if it stays inside.
pub(super) fn within(path: &Path) -> Result<&Path, Fault> {
    let depth = path.components().count();
    let plain = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if plain && (1..=DEEPEST).contains(&depth) {
        return Ok(path);
    }
    let shown: String = path.to_string_lossy().chars().take(200).collect();
    Err(Fault::Damaged(format!(
        "a member's path leads out of the archive or too deep: {}",
        shown.escape_debug()
    )))
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
pub(super) fn damaged(error: io::Error) -> Fault {
    Fault::Damaged(error.to_string())
}
pub(super) fn failed(path: &Path) -> impl Fn(io::Error) -> Fault {
    move |error| Fault::Failed(format!("writing what is restored: {}", at(path)(error)))
}

/// Gives no more than it may, and stops when asked to.
pub(super) struct Bounded<'a, R> {
    inner: R,
    left: u64,
    stop: &'a CancellationToken,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        stopped(self.stop)?;
        let read = self.inner.read(buffer)?;
        self.left = self
            .left
            .checked_sub(read as u64)
            .ok_or_else(|| io::Error::other("it holds far more than was recorded"))?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::{Contents, Fault, Writer, unpack};
    use std::{fs, path::Path};
    use tokio_util::sync::CancellationToken;

    fn header(kind: tar::EntryType, path: &str, size: u64) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_mode(0o644);
        // Straight into the field: the library refuses what an attacker would not.
        let name = &mut header.as_old_mut().name;
        name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        header
    }
    fn archive(members: &[(tar::EntryType, &str, &[u8])]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (kind, path, content) in members {
            let mut header = header(*kind, path, content.len() as u64);
            if *kind == tar::EntryType::Symlink || *kind == tar::EntryType::Link {
                header.set_link_name_literal("/etc").unwrap();
                header.set_cksum();
            }
            tar.append(&header, *content).unwrap();
        }
        zstd::encode_all(tar.into_inner().unwrap().as_slice(), 1).unwrap()
    }
    fn restore(bytes: &[u8], folder: &Path, most: u64) -> Result<Contents, Fault> {
        unpack(
            bytes,
            folder,
            Writer::Agent,
            most,
            &CancellationToken::new(),
        )
    }
    fn damage(bytes: &[u8], most: u64) -> String {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("in/ner");
        fs::create_dir_all(&folder).unwrap();
        let result = restore(bytes, &folder, most);
        assert_eq!(fs::read_dir(outer.path()).unwrap().count(), 1, "it escaped");
        match result {
            Err(Fault::Damaged(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }
    use tar::EntryType::{Block, Directory, Fifo, Link, Regular, Symlink};

    #[test]
    fn a_sound_archive_is_restored_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = archive(&[
            (Directory, "a", b""),
            (Regular, "a/b", b"hello"),
            (Symlink, "a/c", b""),
            (Regular, "d/e", b""),
        ]);
        let contents = restore(&bytes, folder.path(), 100_000).unwrap();
        assert_eq!(
            contents,
            Contents {
                files: 2,
                folders: 1,
                links: 1,
                bytes: 5,
                others: 0
            }
        );
        assert_eq!(fs::read(folder.path().join("a/b")).unwrap(), b"hello");
        assert!(!folder.path().join("a/c").exists());
    }

    #[test]
    fn no_member_leaves_the_folder() {
        for path in ["../../x", "/tmp/x", "a/../../x", ".", ""] {
            let reason = damage(&archive(&[(Regular, path, b"x")]), 100_000);
            assert!(
                reason.contains("leads out") || reason.contains("path"),
                "{path}: {reason}"
            );
        }
    }

    #[test]
    fn nothing_is_written_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = archive(&[(Symlink, "a", b""), (Regular, "a/orderly-was-here", b"x")]);
        restore(&bytes, folder.path(), 100_000).unwrap();
        assert!(!Path::new("/etc/orderly-was-here").exists());
    }

    #[test]
    fn what_a_backup_never_holds_is_damage() {
        for kind in [Link, Block] {
            let reason = damage(&archive(&[(kind, "x", b"")]), 100_000);
            assert!(reason.contains("of the kind"), "{reason}");
        }
        let twice = archive(&[(Regular, "x", b"1"), (Regular, "x", b"2")]);
        assert!(damage(&twice, 100_000).contains("twice"));
    }

    #[test]
    fn a_tar_of_another_program_may_hold_more_and_escapes_no_more_than_ours() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("in");
        let bytes = archive(&[
            (Directory, "./", b""),
            (Directory, "./a", b""),
            (Regular, "./a/b", b"hello"),
            (Link, "./a/c", b""),
            (Fifo, "./p", b""),
        ]);
        let (by, stop) = (Writer::Another, CancellationToken::new());
        let contents = unpack(bytes.as_slice(), &inner, by, 100_000, &stop).unwrap();
        assert_eq!((contents.files, contents.folders), (1, 1));
        assert_eq!((contents.links, contents.others), (1, 1));
        assert!(!inner.join("a/c").exists() && !inner.join("p").exists());
        for path in ["./../x", "/tmp/x", "./."] {
            let bytes = archive(&[(Regular, path, b"x")]);
            assert!(unpack(bytes.as_slice(), &inner, by, 100_000, &stop).is_err());
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_bomb_is_refused_at_its_bound() {
        let bomb = archive(&[(Regular, "x", &vec![0; 3_000_000])]);
        assert!(bomb.len() < 3000);
        assert!(damage(&bomb, 1_000_000).contains("far more than was recorded"));
    }

    #[test]
    fn a_cut_or_changed_file_is_damage() {
        let noise: Vec<u8> = (0..200_000u32)
            .map(|at| at.wrapping_mul(2_654_435_761).to_le_bytes()[2])
            .collect();
        let whole = archive(&[(Regular, "x", &noise)]);
        damage(&whole[..whole.len() - 10], 1_000_000);
        damage(&whole[..whole.len() / 2], 1_000_000);
        damage(b"not zstd at all", 1_000_000);
        damage(b"", 1_000_000);
    }

    #[test]
    fn a_stop_is_honoured() {
        let folder = tempfile::tempdir().unwrap();
        let stop = CancellationToken::new();
        stop.cancel();
        let bytes = archive(&[(Regular, "x", b"1")]);
        let unpacked = unpack(
            bytes.as_slice(),
            folder.path(),
            Writer::Agent,
            100_000,
            &stop,
        );
        assert!(unpacked.is_err());
    }
}
