//! Putting what was restored in its place, at once: a crash at any moment leaves the former or the restored, whole.
//!
//! Invariants
//! - Everything is written into a private folder beside the destination, held by a lock; what a dead restore left in it goes first.
//! - The restored content takes the destination's name by one rename, or by one exchange with what is there; the latter is kept as
//!   `<name>.before-<time>`. Nothing is ever removed but an empty folder that is asked for as a destination.

use super::{
    disk::{at, private_folder, rename_to_new},
    notes::Notes,
    restore::Fault,
};
use crate::ports::archive::{Destination, Form, Over};
use jiff::Timestamp;
use rustix::fs::{
    AtFlags, CWD, FlockOperation, Mode, OFlags, RenameFlags, StatxAttributes, StatxFlags, flock,
    fstat, fsync, openat, renameat_with, statx, syncfs,
};
use rustix::process::geteuid;
use std::{
    ffi::{OsStr, OsString},
    fs::{self, Metadata},
    io,
    os::{fd::OwnedFd, unix::fs::MetadataExt as _},
    path::{Path, PathBuf},
};

/// What SQLite keeps beside a database.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Where it goes, and what is there.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) path: PathBuf,
    folder: PathBuf,
    name: OsString,
    pub(super) there: There,
}

#[derive(Debug)]
pub(super) enum There {
    Nothing,
    EmptyFolder(Metadata),
    Something(Metadata),
}

impl Target {
    /// Looks at the destination; an error says why nothing is restored there.
    pub(super) fn look(
        form: Form,
        destination: &Destination,
        state: &Path,
    ) -> Result<Self, String> {
        let to = &destination.to;
        let (Some(folder), Some(name)) = (to.parent(), to.file_name()) else {
            return Err(format!(
                "{} is the root of the host\nhint: name a folder in it",
                to.display()
            ));
        };
        let folder = fs::canonicalize(folder).map_err(|error| {
            format!(
                "{}: {error}\nhint: make the folder first, with the owner it should have",
                folder.display()
            )
        })?;
        let path = folder.join(name);
        let state = fs::canonicalize(state).unwrap_or_else(|_| state.to_owned());
        if path.starts_with(&state) || state.starts_with(&path) {
            return Err(format!(
                "{} is, holds or lies in the agent's own state folder\nhint: the agent's history is restored while no agent runs, see docs/backups.md",
                path.display()
            ));
        }
        let there = there(form, &path)?;
        if matches!(there, There::Something(_)) {
            let shown = path.display();
            match destination.over {
                Over::Replaced => {}
                Over::Refused => {
                    return Err(format!(
                        "{shown} is there and not empty\nhint: name another place, or let it be replaced (`--overwrite`; `overwrite: true` in a step): then it is kept beside, as `{}.before-<time>`",
                        name.display()
                    ));
                }
                Over::Never => {
                    return Err(format!(
                        "{shown} is there and not empty, and a new folder is made\nhint: name one that is not there yet"
                    ));
                }
            }
        }
        Ok(Self {
            path,
            name: name.to_owned(),
            folder,
            there,
        })
    }

    /// What the restored takes its owner and mode from, where it brings none.
    pub(super) fn metadata(&self) -> Option<&Metadata> {
        match &self.there {
            There::Nothing => None,
            There::EmptyFolder(metadata) | There::Something(metadata) => Some(metadata),
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.name.clone();
        name.push(ending);
        self.folder.join(name)
    }

    /// Lets the restored content take its place; where the former is now.
    pub(super) fn take(
        &self,
        staging: Staging,
        form: Form,
        now: Timestamp,
    ) -> io::Result<Option<PathBuf>> {
        syncfs(&staging.held)?;
        let content = staging.content();
        let former = match &self.there {
            There::Nothing => {
                rename_to_new(&content, &self.path)?;
                None
            }
            // rename(2) takes the place of an empty folder, and of no other.
            There::EmptyFolder(_) => {
                fs::rename(&content, &self.path)?;
                None
            }
            There::Something(_) => Some(self.exchange(&content, form, now)?),
        };
        let folder = openat(
            CWD,
            &self.folder,
            OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        fsync(folder)?;
        Ok(former)
    }

    fn exchange(&self, content: &Path, form: Form, now: Timestamp) -> io::Result<PathBuf> {
        let ending = format!(".before-{}", now.strftime("%Y%m%dT%H%M%SZ"));
        let former = self.beside(&ending);
        if form == Form::Sqlite {
            // What is left of a log belongs to the former, and would spoil the restored.
            for log in BESIDE {
                let from = self.beside(log);
                if from.symlink_metadata().is_ok() {
                    rename_to_new(&from, &self.beside(&format!("{ending}{log}")))?;
                }
            }
        }
        rename_to_new(content, &former)?;
        match renameat_with(CWD, &former, CWD, &self.path, RenameFlags::EXCHANGE) {
            Ok(()) => Ok(former),
            // Some network file systems cannot exchange: for a moment nothing has the name, and both are beside it.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                let restored = self.beside(&format!("{ending}.restored"));
                fs::rename(&former, &restored)?;
                fs::rename(&self.path, &former)?;
                fs::rename(&restored, &self.path)?;
                Ok(former)
            }
            Err(error) => {
                fs::rename(&former, content)?;
                Err(error.into())
            }
        }
    }
}

fn there(form: Form, path: &Path) -> Result<There, String> {
    let metadata = match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(There::Nothing),
        Err(error) => return Err(format!("{}: {error}", path.display())),
        Ok(metadata) => metadata,
    };
    let shown = path.display();
    if is_mounted(path, &metadata) {
        return Err(format!(
            "{shown} is a mount point, and nothing can take the place of one\nhint: restore into it, as `{shown}/restored`, and move from there what you need; or unmount it, and restore to where its file system is then mounted"
        ));
    }
    if metadata.is_symlink() {
        return Err(format!(
            "{shown} is a symbolic link, which is never followed\nhint: name what it leads to"
        ));
    }
    if form != Form::Files && !metadata.is_file() {
        return Err(format!(
            "{shown} is not a file, and a file is restored\nhint: name the file, not its folder"
        ));
    }
    if metadata.is_dir() {
        let mut members =
            fs::read_dir(path).map_err(|error| format!("{}: {error}", path.display()))?;
        if members.next().is_none() {
            return Ok(There::EmptyFolder(metadata));
        }
    }
    Ok(There::Something(metadata))
}

/// Whether a file system, or a part of one, is mounted there. Kernels before 5.8 tell only by the number of the file system.
fn is_mounted(path: &Path, metadata: &Metadata) -> bool {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    let told = statx(CWD, path, flags, StatxFlags::empty()).ok();
    let told = told.filter(|told| {
        told.stx_attributes_mask
            .contains(StatxAttributes::MOUNT_ROOT)
    });
    match told {
        Some(told) => told.stx_attributes.contains(StatxAttributes::MOUNT_ROOT),
        None => path
            .parent()
            .and_then(|folder| folder.metadata().ok())
            .is_some_and(|folder| folder.dev() != metadata.dev()),
    }
}

/// A private folder beside the destination. What is in it goes when this goes.
#[derive(Debug)]
pub(super) struct Staging {
    path: PathBuf,
    held: OwnedFd,
    pub(super) unlike: Notes,
}

impl Staging {
    pub(super) fn beside(target: &Target) -> Result<Self, Fault> {
        let mut name = OsString::from(".");
        name.push(&target.name);
        name.push(OsStr::new(".orderly-restoring"));
        let path = target.folder.join(name);
        let opened = private_folder(&path).and_then(|()| {
            let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            Ok(openat(CWD, &path, flags, Mode::empty())?)
        });
        let failed = |error: io::Error| Fault::Failed(at(&path)(error).to_string());
        let held = opened.map_err(failed)?;
        // Where others may write, one could be there that is theirs.
        let found = fstat(&held).map_err(|error| failed(error.into()))?;
        if found.st_uid != geteuid().as_raw() || found.st_mode & 0o077 != 0 {
            return Err(Fault::Unfit(format!(
                "{} belongs to somebody else\nhint: look whose it is, and remove it",
                path.display()
            )));
        }
        flock(&held, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
            Fault::Unfit(format!(
                "another restore to {} is under way",
                target.path.display()
            ))
        })?;
        let staging = Self {
            path,
            held,
            unlike: Notes::default(),
        };
        // What a dead restore left.
        emptied(&staging.path).map_err(|error| Fault::Failed(error.to_string()))?;
        Ok(staging)
    }

    /// What takes the destination's place.
    pub(super) fn content(&self) -> PathBuf {
        self.path.join("content")
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next restore to the same place.
        let _removed = fs::remove_dir_all(&self.path);
    }
}

fn emptied(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
