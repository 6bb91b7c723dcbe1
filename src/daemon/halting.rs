//! A halt that is said through the state folder, for whoever cannot say it over HTTP: the agent is down, or does not answer.
//!
//! The file `halt` in the state folder is a note to the agent. A running one looks for it every second, one that starts looks before
//! anything else goes on. It is taken into the history and then removed; as long as the history does not take it, it stays. A note that
//! cannot be read halts as well.

use crate::{daemon::life::Daemon, domain::halt::Halt, flow, flow::world::World};
use jiff::Timestamp;
use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

/// How often a running agent looks for a note.
const LOOK: Duration = Duration::from_secs(1);
/// The longest note that is read, in bytes.
const LONGEST: u64 = 64 * 1024;

/// Where the note is.
pub fn note_path(state: &Path) -> PathBuf {
    state.join("halt")
}

/// Whether a note lies there that no agent has taken yet.
pub fn is_noted(state: &Path) -> bool {
    fs::symlink_metadata(note_path(state)).is_ok()
}

/// Leaves a note; on disk when this returns.
///
/// # Errors
/// It cannot be written.
pub fn leave_note(state: &Path, halt: &Halt) -> std::io::Result<()> {
    let path = note_path(state);
    let draft = path.with_extension("new");
    let _absent = fs::remove_file(&draft);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    serde_json::to_writer(&mut file, halt)?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&draft, &path)?;
    File::open(state)?.sync_all()
}

/// Takes the note away, where there is one; gone for good when this returns.
///
/// # Errors
/// It cannot be removed.
pub fn take_note_away(state: &Path) -> std::io::Result<()> {
    match fs::remove_file(note_path(state)) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => File::open(state)?.sync_all(),
    }
}

/// What a note says that no agent has taken yet; nothing where there is none. What cannot be read was meant all the same.
pub fn note(state: &Path, now: Timestamp) -> Option<Halt> {
    let path = note_path(state);
    let mut text = String::new();
    match File::open(&path).and_then(|file| file.take(LONGEST).read_to_string(&mut text)) {
        Err(error) if error.kind() == ErrorKind::NotFound && !is_noted(state) => return None,
        Ok(_) | Err(_) => {}
    }
    let told = serde_json::from_str(&text).ok();
    Some(told.unwrap_or_else(|| Halt {
        by: "somebody on this host".to_owned(),
        since: now,
        reason: format!("there is a file {}", path.display()),
    }))
}

/// Obeys a note, if there is one.
pub(super) async fn obey_note(world: &World, state: &Path) {
    let Some(halt) = note(state, world.now()) else {
        return;
    };
    match flow::halt::halt(world, &halt.by, &halt.reason, halt.since).await {
        Ok(_) => {
            if let Err(error) = fs::remove_file(note_path(state)) {
                tracing::warn!("the note to halt is obeyed, but cannot be removed: {error}");
            }
        }
        Err(error) => tracing::error!("{error}"),
    }
}

/// Looks for notes for as long as the agent lives.
pub(super) fn spawn(daemon: &mut Daemon) {
    let world = daemon.world.clone();
    let state = daemon.loaded.config.state_dir.clone();
    daemon.tasks.spawn("halt", async move {
        loop {
            tokio::select! {
                () = world.clock.sleep(LOOK) => obey_note(&world, &state).await,
                () = world.draining.cancelled() => return,
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::{is_noted, leave_note, note, note_path};
    use crate::domain::halt::Halt;
    use jiff::Timestamp;

    #[test]
    fn a_note_says_what_was_written() {
        let state = tempfile::tempdir().unwrap();
        assert_eq!(note(state.path(), Timestamp::UNIX_EPOCH), None);
        let halt = Halt {
            by: "ann on this host".to_owned(),
            since: "2026-11-21T03:00:00Z".parse().unwrap(),
            reason: "wrong images".to_owned(),
        };
        leave_note(state.path(), &halt).unwrap();
        assert!(is_noted(state.path()));
        assert_eq!(note(state.path(), Timestamp::UNIX_EPOCH), Some(halt));
    }

    #[test]
    fn a_note_that_cannot_be_read_halts_as_well() {
        let state = tempfile::tempdir().unwrap();
        for text in ["", "stop it!", "{"] {
            std::fs::write(note_path(state.path()), text).unwrap();
            let halt = note(state.path(), Timestamp::UNIX_EPOCH).unwrap();
            assert_eq!(halt.by, "somebody on this host", "{text}");
        }
        std::fs::remove_file(note_path(state.path())).unwrap();
        std::os::unix::fs::symlink("nowhere", note_path(state.path())).unwrap();
        assert!(note(state.path(), Timestamp::UNIX_EPOCH).is_some());
    }
}
