//! A restore for good of an archive's members: with their owners, modes, times and links.
//!
//! Invariants
//! - While content is written there is no link in the tree, so nothing is written through one: links are made when all else is there,
//!   into folders that were there before.
//! - Owners, modes and times of folders come last, the deepest first: a folder that only others may write to would else refuse its members.
//! - A file whose owner could not be given loses the bits that let it run as its owner.

use super::{
    disk::private_folder,
    notes::Notes,
    restore::{Contents, Fault, damaged, decompress, failed, within, write_member},
};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
use std::{
    fs::{self, Permissions},
    io::{self, Read},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, lchown, symlink},
    path::{Path, PathBuf},
};
use tokio_util::sync::CancellationToken;

/// Which members go where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Onto<'a> {
    /// What becomes of the archive's root, or of `only`.
    pub(super) content: &'a Path,
    /// Relative to the archive's root.
    pub(super) only: Option<&'a Path>,
    /// How many bytes it may hold before compression.
    pub(super) most: u64,
    pub(super) stop: &'a CancellationToken,
}

/// Whose it is, who may what, and since when it is as it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dress {
    owner: u32,
    group: u32,
    mode: u32,
    modified: Option<i64>,
}

/// What waits for the rest to be there.
#[derive(Default)]
struct Later {
    folders: Vec<(PathBuf, Dress)>,
    links: Vec<(PathBuf, PathBuf, Dress)>,
}

/// Unpacks a compressed tar for good.
pub(super) fn unpack(compressed: impl Read, onto: Onto<'_>) -> Result<(Contents, Notes), Fault> {
    let mut archive = tar::Archive::new(decompress(compressed, onto.most, onto.stop)?);
    let (mut contents, mut later) = (Contents::default(), Later::default());
    let mut unlike = Notes::default();
    for entry in archive.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let path = entry.path().map_err(damaged)?.into_owned();
        let Some(target) = onto.target(within(&path)?) else {
            continue;
        };
        let dress = Dress::of(entry.header()).map_err(damaged)?;
        let kind = entry.header().entry_type();
        if kind.is_file() {
            contents.bytes += write_member(&mut entry, &target)?;
            contents.files += 1;
            dress.put_on(&target, &mut unlike)?;
        } else if kind.is_dir() {
            private_folder(&target).map_err(failed(&target))?;
            contents.folders += 1;
            later.folders.push((target, dress));
        } else if let (true, Some(to)) = (kind.is_symlink(), entry.link_name().map_err(damaged)?) {
            contents.links += 1;
            later.links.push((target, to.into_owned(), dress));
        } else {
            let what = format!("{} is of the kind {kind:?}", path.display());
            return Err(Fault::Damaged(what));
        }
    }
    // The checksum stands at the end of the compressed stream.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(damaged)?;
    if contents.entries() == 0 {
        return Err(onto.nothing());
    }
    later.finish(&mut unlike)?;
    Ok((contents, unlike))
}

impl Onto<'_> {
    fn target(&self, member: &Path) -> Option<PathBuf> {
        let inside = match self.only {
            None => member,
            Some(only) => member.strip_prefix(only).ok()?,
        };
        // Joining an empty path would end in a slash, which no file has.
        if inside.as_os_str().is_empty() {
            return Some(self.content.to_owned());
        }
        Some(self.content.join(inside))
    }

    fn nothing(&self) -> Fault {
        match self.only {
            None => Fault::Damaged("it holds nothing".to_owned()),
            Some(only) => Fault::Unfit(format!(
                "it holds nothing at /{}\nhint: `orderly artifacts fetch ID --decode --out - | tar -t` lists what it holds",
                only.display()
            )),
        }
    }
}

impl Later {
    fn finish(self, unlike: &mut Notes) -> Result<(), Fault> {
        for (path, ..) in &self.links {
            let parent = path.parent().unwrap_or(Path::new("/"));
            private_folder(parent).map_err(failed(parent))?;
        }
        for (path, to, dress) in &self.links {
            symlink(to, path).map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                    Fault::Damaged("it holds a path twice".to_owned())
                }
                _ => failed(path)(error),
            })?;
            dress.own(path, unlike)?;
            dress.date(path)?;
        }
        for (path, dress) in self.folders.iter().rev() {
            dress.put_on(path, unlike)?;
        }
        Ok(())
    }
}

impl Dress {
    fn of(header: &tar::Header) -> io::Result<Self> {
        let number = |number: u64| u32::try_from(number).map_err(io::Error::other);
        Ok(Self {
            owner: number(header.uid()?)?,
            group: number(header.gid()?)?,
            mode: header.mode()? & 0o7777,
            modified: i64::try_from(header.mtime()?).ok(),
        })
    }

    /// That of something that is there.
    pub(super) fn like(metadata: &fs::Metadata) -> Self {
        Self {
            owner: metadata.uid(),
            group: metadata.gid(),
            mode: metadata.mode() & 0o7777,
            modified: None,
        }
    }

    /// A file or a folder, never a link.
    pub(super) fn put_on(&self, path: &Path, unlike: &mut Notes) -> Result<(), Fault> {
        let owned = self.own(path, unlike)?;
        let mode = if owned { self.mode } else { self.mode & 0o777 };
        fs::set_permissions(path, Permissions::from_mode(mode)).map_err(failed(path))?;
        self.date(path)
    }

    /// Whether it could be given its owner.
    fn own(&self, path: &Path, unlike: &mut Notes) -> Result<bool, Fault> {
        match lchown(path, Some(self.owner), Some(self.group)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                let name = path.file_name().unwrap_or_default().display();
                unlike.add(format!(
                    "{name}: belonged to {}:{}, whom this agent may not give it to",
                    self.owner, self.group
                ));
                Ok(false)
            }
            Err(error) => Err(failed(path)(error)),
        }
    }

    fn date(&self, path: &Path) -> Result<(), Fault> {
        let Some(seconds) = self.modified else {
            return Ok(());
        };
        let time = Timespec {
            tv_sec: seconds,
            tv_nsec: 0,
        };
        let times = Timestamps {
            last_access: time,
            last_modification: time,
        };
        utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|error| failed(path)(error.into()))
    }
}
