//! An empty folder for each program that names none.
//!
//! Making and removing a folder costs about as much as starting a program does, so one that is still as it was made is used again.

use crate::{
    adapters::process::{not_started, user::User},
    ports::processes::{ProcessError, Program},
};
use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt as _, chown},
    path::{Component, Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// For the program's user alone.
const MODE: u32 = 0o700;

/// The folder of folders.
#[derive(Debug)]
pub(super) struct Scratch {
    root: PathBuf,
    next: AtomicU64,
    /// Empty, and the agent's own. As many as programs ran at once.
    free: Mutex<Vec<PathBuf>>,
}

/// One program's folder. It goes back by [`Scratch::take_back`]; what a dropped future leaves is removed at the next start.
#[derive(Debug)]
pub(super) enum Folder {
    /// The program named one of its own.
    Elsewhere(PathBuf),
    /// The agent's own.
    Own(PathBuf),
    /// Given to another user.
    Given(PathBuf),
}

impl Folder {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Elsewhere(path) | Self::Own(path) | Self::Given(path) => path,
        }
    }
}

impl Folder {
    /// Lays the program's files into the folder, for its user to read, and to start where the repository says so.
    pub(super) fn lay(&self, program: &Program, user: Option<&User>) -> Result<(), ProcessError> {
        let fault = |path: &str, error: &io::Error| {
            not_started(
                program.name(),
                format!("its file {path} cannot be laid down: {error}"),
            )
        };
        let plain = program.files.iter().map(|file| {
            let mode = if file.executable { 0o500 } else { 0o400 };
            (file.path.as_str(), file.bytes.as_slice(), mode)
        });
        let secret = program.secret_files.iter();
        let secret = secret.map(|file| (file.path.as_str(), file.text.expose().as_bytes(), 0o400));
        for (path, bytes, mode) in plain.chain(secret) {
            let laid = match self {
                Self::Elsewhere(_) => Err(io::Error::other("it names a folder of its own")),
                Self::Own(root) | Self::Given(root) => lay(root, (path, bytes, mode), user),
            };
            laid.map_err(|error| fault(path, &error))?;
        }
        Ok(())
    }
}

fn lay(
    root: &Path,
    (path, bytes, mode): (&str, &[u8], u32),
    user: Option<&User>,
) -> io::Result<()> {
    let inner = Path::new(path);
    let names = |part: Component<'_>| matches!(part, Component::Normal(_));
    if !inner.components().all(names) {
        return Err(io::Error::other("its path leads elsewhere"));
    }
    let own = |path: &Path| match user {
        Some(user) => chown(path, Some(user.uid), Some(user.gid)),
        None => Ok(()),
    };
    let mut folder = root.to_owned();
    for part in inner.parent().into_iter().flat_map(Path::components) {
        folder.push(part);
        if !folder.is_dir() {
            fs::DirBuilder::new().mode(MODE).create(&folder)?;
            own(&folder)?;
        }
    }
    let path = root.join(inner);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true).mode(mode);
    options.open(&path)?.write_all(bytes)?;
    own(&path)
}

impl Scratch {
    /// Empties the folder, or makes it. Others may pass through it, not look into it.
    pub(super) fn open(root: PathBuf) -> io::Result<Self> {
        match fs::remove_dir_all(&root) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o711)
            .create(&root)?;
        Ok(Self {
            root,
            next: AtomicU64::new(0),
            free: Mutex::default(),
        })
    }

    /// The program's folder, or an empty one that belongs to its user.
    pub(super) fn folder_for(
        &self,
        program: &Program,
        user: Option<&User>,
    ) -> Result<Folder, ProcessError> {
        if let Some(directory) = &program.directory {
            return Ok(Folder::Elsewhere(directory.clone()));
        }
        let made = match user {
            Some(user) => self.make().and_then(|path| {
                chown(&path, Some(user.uid), Some(user.gid))?;
                Ok(Folder::Given(path))
            }),
            None => match self.free().pop() {
                Some(path) => Ok(Folder::Own(path)),
                None => self.make().map(Folder::Own),
            },
        };
        made.map_err(|error| {
            let reason = format!(
                "no folder for it can be made in {}: {error}",
                self.root.display()
            );
            not_started(program.name(), reason)
        })
    }

    /// Keeps a folder for the next program, or removes it with all that is in it.
    pub(super) async fn take_back(&self, folder: Folder) {
        let path = match folder {
            Folder::Elsewhere(_) => return,
            Folder::Own(path) => {
                if is_as_made(&path) {
                    self.free().push(path);
                    return;
                }
                path
            }
            Folder::Given(path) => path,
        };
        // What resists is removed at the next start.
        let _left = tokio::task::spawn_blocking(move || fs::remove_dir_all(path)).await;
    }

    fn make(&self) -> io::Result<PathBuf> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.root.join(number.to_string());
        fs::DirBuilder::new().mode(MODE).create(&path)?;
        Ok(path)
    }

    fn free(&self) -> std::sync::MutexGuard<'_, Vec<PathBuf>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_as_made(path: &Path) -> bool {
    let is_private = fs::symlink_metadata(path)
        .is_ok_and(|found| found.is_dir() && found.mode() & 0o7777 == MODE);
    is_private && fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}
