//! Files and folders to a tar stream.
//!
//! Invariants
//! - No symbolic link is followed, not even one that appears while the tree is walked: each folder is opened from its parent.
//! - A member holds exactly as many bytes as its header says, whatever happens to the file meanwhile.
//! - Nothing is left out in silence: what is not in the archive is in `skipped`, or the whole backup fails.

use super::{exclude::Exclude, notes::Notes};
use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fstat, openat, readlinkat, statat,
};
use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read, Write},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::{Path, PathBuf},
};
use tokio_util::sync::CancellationToken;

/// How deep folders may lie in each other; each level holds a file descriptor.
const DEEPEST: usize = 200;
const OPEN: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC)
    // A pipe that takes a file's place must not hold the reader up.
    .union(OFlags::NONBLOCK);

/// A file system and a number in it: which folder it is, whatever its path.
pub(super) type Inode = (u64, u64);

/// A walk that writes what it meets.
pub(super) struct Packing<'a, W: Write> {
    tar: tar::Builder<W>,
    exclude: &'a Exclude,
    /// The agent's own folders, which grow while they are read.
    own: &'a [Inode],
    stop: &'a CancellationToken,
    found: Found,
}

/// What a walk has met.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) entries: u64,
    /// Bytes of files, and of the paths that links hold.
    pub(super) content: u64,
    pub(super) unreadable: Notes,
    pub(super) skipped: Notes,
    pub(super) changed: Notes,
}

/// One thing in its folder.
#[derive(Clone, Copy)]
struct Member<'a> {
    folder: BorrowedFd<'a>,
    /// In that folder.
    name: &'a Path,
    /// From the root.
    path: &'a Path,
    depth: usize,
}

impl<'a, W: Write> Packing<'a, W> {
    pub(super) fn new(
        writer: W,
        exclude: &'a Exclude,
        own: &'a [Inode],
        stop: &'a CancellationToken,
    ) -> Self {
        Self {
            tar: tar::Builder::new(writer),
            exclude,
            own,
            stop,
            found: Found::default(),
        }
    }

    /// Takes in a path that was asked for; unlike what lies below it, it must exist and must not be a link.
    pub(super) fn root(&mut self, path: &Path) -> io::Result<()> {
        match std::fs::symlink_metadata(path) {
            Err(error) => self.unreadable(path, &error),
            Ok(metadata) if metadata.is_symlink() => self.found.unreadable.add(format!(
                "{}: is a symbolic link, which is never followed: name what it leads to",
                path.display()
            )),
            Ok(_) => {
                return self.member(Member {
                    folder: CWD,
                    name: path,
                    path,
                    depth: 0,
                });
            }
        }
        Ok(())
    }

    /// Ends the archive and gives the writer back.
    pub(super) fn finish(self) -> io::Result<(W, Found)> {
        Ok((self.tar.into_inner()?, self.found))
    }

    fn member(&mut self, member: Member<'_>) -> io::Result<()> {
        self.check_stop()?;
        if self.exclude.matches(member.path) {
            return Ok(());
        }
        match statat(member.folder, member.name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(error) => {
                self.missing(member, error);
                Ok(())
            }
            Ok(stat) => self.kind(member, &stat),
        }
    }

    fn kind(&mut self, member: Member<'_>, stat: &Stat) -> io::Result<()> {
        let left_out = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => return self.file(member),
            FileType::Directory => return self.folder(member),
            FileType::Symlink => return self.link(member, stat),
            FileType::Fifo => "a pipe",
            FileType::Socket => "a socket",
            FileType::CharacterDevice | FileType::BlockDevice => "a device",
            FileType::Unknown => "of an unknown kind",
        };
        self.skip(member, left_out);
        Ok(())
    }

    fn file(&mut self, member: Member<'_>) -> io::Result<()> {
        if is_live_history(member) {
            let error = "it belongs to an agent's history in use; `backup/sqlite` copies that, and `exclude` leaves it out here";
            self.unreadable(member.path, &io::Error::other(error));
            return Ok(());
        }
        let opened = openat(member.folder, member.name, OPEN, Mode::empty())
            .and_then(|file| Ok((fstat(&file)?, file)));
        let (stat, file) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                self.missing(member, error);
                return Ok(());
            }
        };
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            self.skip(member, "no longer a file");
            return Ok(());
        }
        if self.found.unreadable.count() > 0 {
            // The backup has failed; the walk goes on only to name what else is wrong.
            return Ok(());
        }
        self.content(member, &stat, &File::from(file))
    }

    fn content(&mut self, member: Member<'_>, stat: &Stat, file: &File) -> io::Result<()> {
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        let mut content = Content {
            file,
            left: size,
            stop: self.stop,
            missing: None,
        };
        let mut header = header(stat, tar::EntryType::Regular, size);
        self.tar
            .append_data(&mut header, inside(member.path), &mut content)?;
        self.found.entries += 1;
        self.found.content += size;
        match content.missing {
            Some(Missing::Shrunk(bytes)) => self.found.changed.add(format!(
                "{}: became {bytes} bytes shorter while it was read; zeros stand in their place",
                member.path.display()
            )),
            Some(Missing::Error(error)) => self.unreadable(member.path, &error),
            None if differs(stat, file) => self.found.changed.add(format!(
                "{}: changed while it was read",
                member.path.display()
            )),
            None => {}
        }
        Ok(())
    }

    fn folder(&mut self, member: Member<'_>) -> io::Result<()> {
        let opened = openat(
            member.folder,
            member.name,
            OPEN | OFlags::DIRECTORY,
            Mode::empty(),
        )
        .and_then(|folder| Ok((fstat(&folder)?, folder)));
        let (stat, folder) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                self.missing(member, error);
                return Ok(());
            }
        };
        if self.own.contains(&(stat.st_dev, stat.st_ino)) {
            self.skip(member, "the agent's own folder of artifacts");
            return Ok(());
        }
        if member.depth >= DEEPEST {
            self.found.unreadable.add(format!(
                "{}: lies more than {DEEPEST} folders deep",
                member.path.display()
            ));
            return Ok(());
        }
        self.append_folder(member, &stat)?;
        self.children(member, &folder)
    }

    fn append_folder(&mut self, member: Member<'_>, stat: &Stat) -> io::Result<()> {
        let name = inside(member.path);
        if name.as_os_str().is_empty() {
            return Ok(()); // The root of the host has no name of its own.
        }
        self.found.entries += 1;
        let mut header = header(stat, tar::EntryType::Directory, 0);
        self.tar.append_data(&mut header, name, io::empty())
    }

    fn children(&mut self, member: Member<'_>, folder: &OwnedFd) -> io::Result<()> {
        let names = match names_in(folder) {
            Ok(names) => names,
            Err(error) => {
                self.unreadable(member.path, &error);
                return Ok(());
            }
        };
        for name in names {
            let path = member.path.join(&name);
            self.member(Member {
                folder: folder.as_fd(),
                name: &name,
                path: &path,
                depth: member.depth + 1,
            })?;
        }
        Ok(())
    }

    fn link(&mut self, member: Member<'_>, stat: &Stat) -> io::Result<()> {
        let target = match readlinkat(member.folder, member.name, Vec::new()) {
            Ok(target) => target,
            Err(error) => {
                self.missing(member, error);
                return Ok(());
            }
        };
        self.found.entries += 1;
        let mut header = header(stat, tar::EntryType::Symlink, 0);
        let target = OsStr::from_bytes(target.to_bytes());
        self.found.content += target.len() as u64;
        self.tar
            .append_link(&mut header, inside(member.path), target)
    }

    fn skip(&mut self, member: Member<'_>, what: &str) {
        let note = format!("{}: {what}", member.path.display());
        self.found.skipped.add(note);
    }

    /// What was listed and is gone was removed meanwhile; anything else is a fault.
    fn missing(&mut self, member: Member<'_>, error: rustix::io::Errno) {
        if error == rustix::io::Errno::NOENT && member.depth > 0 {
            let note = format!("{}: was removed meanwhile", member.path.display());
            self.found.skipped.add(note);
        } else {
            self.unreadable(member.path, &error.into());
        }
    }

    fn unreadable(&mut self, path: &Path, error: &io::Error) {
        self.found
            .unreadable
            .add(format!("{}: {error}", path.display()));
    }

    fn check_stop(&self) -> io::Result<()> {
        stopped(self.stop)
    }
}

/// The agent's own history must not be opened beside SQLite: closing it would give up SQLite's locks (fcntl(2)).
fn is_live_history(member: Member<'_>) -> bool {
    let names = ["history.db", "history.db-wal", "history.db-shm"];
    let name = member.path.file_name();
    names.iter().any(|known| name == Some(OsStr::new(known)))
        && member.path.with_file_name("history.db.lock").exists()
}

/// An error if the work must stop.
pub(super) fn stopped(stop: &CancellationToken) -> io::Result<()> {
    if stop.is_cancelled() {
        return Err(io::Error::other("stopped"));
    }
    Ok(())
}

/// The names in a folder, sorted, so that equal trees give equal archives.
fn names_in(folder: &OwnedFd) -> io::Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(PathBuf::from(OsStr::from_bytes(name)));
        }
    }
    names.sort();
    Ok(names)
}

/// Inside an archive, paths are relative to the root of the host.
fn inside(path: &Path) -> &Path {
    path.strip_prefix("/").unwrap_or(path)
}

fn header(stat: &Stat, kind: tar::EntryType, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(stat.st_mode & 0o7777);
    header.set_uid(u64::from(stat.st_uid));
    header.set_gid(u64::from(stat.st_gid));
    header.set_mtime(u64::try_from(stat.st_mtime).unwrap_or(0));
    header.set_size(size);
    header
}

/// Whether a file is another now than when it was opened.
fn differs(before: &Stat, file: &File) -> bool {
    fstat(file).is_ok_and(|now| {
        (now.st_size, now.st_mtime, now.st_mtime_nsec)
            != (before.st_size, before.st_mtime, before.st_mtime_nsec)
    })
}

/// Exactly as many bytes as the header promised.
struct Content<'a> {
    file: &'a File,
    left: u64,
    stop: &'a CancellationToken,
    missing: Option<Missing>,
}

/// Why zeros stand where content should.
enum Missing {
    /// The file ended this many bytes early.
    Shrunk(u64),
    /// It could not be read on.
    Error(io::Error),
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        stopped(self.stop)?;
        let wanted = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let Some(buffer) = buffer.get_mut(..wanted).filter(|buffer| !buffer.is_empty()) else {
            return Ok(0);
        };
        let read = match (&self.missing, self.file.read(buffer)) {
            (Some(_), _) => 0,
            (None, Ok(read)) => read,
            (None, Err(error)) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            (None, Err(error)) => {
                self.missing = Some(Missing::Error(error));
                0
            }
        };
        if read > 0 {
            self.left -= read as u64;
            return Ok(read);
        }
        let short = self.left;
        self.missing.get_or_insert(Missing::Shrunk(short));
        buffer.fill(0);
        self.left -= wanted as u64;
        Ok(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::{CWD, Found, Member, Packing, fstat};
    use crate::adapters::archive::exclude::Exclude;
    use std::{
        fs::{self, File},
        io::Read as _,
        path::Path,
    };
    use tokio_util::sync::CancellationToken;

    /// Packs a file that `change` has changed since it was opened; what was found, and the content in the archive.
    fn packed(change: impl FnOnce(&Path)) -> (Found, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, vec![b'x'; 100_000]).unwrap();
        let file = File::open(&path).unwrap();
        let stat = fstat(&file).unwrap();
        change(&path);
        let (exclude, stop) = (Exclude::new(&[]), CancellationToken::new());
        let mut packing = Packing::new(Vec::new(), &exclude, &[], &stop);
        let member = Member {
            folder: CWD,
            name: &path,
            path: &path,
            depth: 0,
        };
        packing.content(member, &stat, &file).unwrap();
        let (bytes, found) = packing.finish().unwrap();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let mut members = archive.entries().unwrap();
        let mut content = Vec::new();
        members
            .next()
            .unwrap()
            .unwrap()
            .read_to_end(&mut content)
            .unwrap();
        assert!(members.next().is_none());
        (found, content)
    }
    fn set_length(path: &Path, length: u64) {
        File::options()
            .write(true)
            .open(path)
            .unwrap()
            .set_len(length)
            .unwrap();
    }

    #[test]
    fn a_file_that_shrinks_keeps_its_announced_length() {
        let (found, content) = packed(|path| set_length(path, 30_000));
        assert_eq!(content[..30_000], vec![b'x'; 30_000]);
        assert_eq!(content[30_000..], vec![0; 70_000]);
        let changed = found.changed.listed();
        assert!(changed[0].contains("70000 bytes shorter"), "{changed:?}");
    }

    #[test]
    fn a_file_that_grows_is_kept_as_long_as_it_was() {
        let (found, content) = packed(|path| set_length(path, 500_000));
        assert_eq!(content, vec![b'x'; 100_000]);
        assert_eq!(found.changed.count(), 1);
    }

    #[test]
    fn a_file_that_stays_as_it_is_is_not_noted() {
        let (found, content) = packed(|_| {});
        assert_eq!(content, vec![b'x'; 100_000]);
        assert_eq!((found.changed.count(), found.entries), (0, 1));
    }
}
