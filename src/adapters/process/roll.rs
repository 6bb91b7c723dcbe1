//! The roll of living programs: a file that outlives the agent, so that the next one finds what a kill left behind.
//!
//! Each program has a slot of a fixed length while it lives: one write as soon as it is started, one when it is gone. Nothing is synced:
//! the file is for an agent that is killed, and when the machine goes down, the programs go with it.
//!
//! A process is known by its number, the tick in which it started, the machine's start and the namespace of numbers. Once a leader is
//! gone, its group's number stays taken while a process of it is left; such are known by their session, and by not being older.

use crate::{
    adapters::{
        clock::boot,
        process::group::{Seen, any_lives, is_there, look_at},
    },
    domain::outlived::Behalf,
    ports::processes::Program,
};
use rustix::process::Pid;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

/// The length of a slot, in bytes; what fills it ends with a line feed.
const SLOT: usize = 1024;
/// So much of a program's name is kept, in characters.
const LONGEST_NAME: usize = 64;

/// What a slot holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    /// The machine's start, and the namespace of numbers.
    host: String,
    /// The leader's number, which is the group's.
    pub(super) group: i32,
    /// In ticks since the machine's start.
    start: u64,
    session: i32,
    pub(super) program: String,
    pub(super) grace_ms: u64,
    #[serde(flatten)]
    pub(super) behalf: Behalf,
}

/// The roll.
#[derive(Debug)]
pub(super) struct Roll {
    file: File,
    host: String,
    taken: Mutex<BTreeSet<usize>>,
}

/// A program's place on the roll. It keeps it until it is struck off, so that what nobody saw the end of is looked for again.
#[derive(Debug)]
pub(super) struct Enrolled {
    roll: Arc<Roll>,
    slot: usize,
}

/// What an earlier agent left on the roll, in its place.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) place: Enrolled,
    pub(super) line: Line,
}

impl Enrolled {
    /// It is gone.
    pub(super) fn strike(self) {
        self.roll.strike(self.slot);
    }
}

impl Roll {
    /// Opens or makes it. Gives what an earlier agent left on it.
    pub(super) fn open(path: &Path) -> io::Result<(Arc<Self>, Vec<Left>)> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let found: Vec<(usize, Line)> = bytes
            .chunks(SLOT)
            .enumerate()
            .filter_map(|(slot, text)| Some((slot, serde_json::from_slice(text).ok()?)))
            .collect();
        if found.is_empty() {
            file.set_len(0)?;
        }
        let taken = found.iter().map(|(slot, _)| *slot).collect();
        let roll = Arc::new(Self {
            file,
            host: host(),
            taken: Mutex::new(taken),
        });
        let left = found.into_iter().map(|(slot, line)| {
            let roll = roll.clone();
            let place = Enrolled { roll, slot };
            Left { place, line }
        });
        let left = left.collect();
        Ok((roll, left))
    }

    /// Writes a program down that has just been started, and not been waited for.
    pub(super) fn enrol(
        self: &Arc<Self>,
        leader: Option<u32>,
        program: &Program,
    ) -> Option<Enrolled> {
        let behalf = program.behalf.clone()?;
        let group = i32::try_from(leader?).ok()?;
        let seen = look_at(Pid::from_raw(group)?)?;
        let line = Line {
            host: self.host.clone(),
            group,
            start: seen.start,
            session: seen.session,
            program: program.name().chars().take(LONGEST_NAME).collect(),
            grace_ms: program.grace.millis(),
            behalf,
        };
        let slot = self.take_slot();
        let enrolled = Enrolled {
            roll: self.clone(),
            slot,
        };
        match self.fill(slot, &line) {
            Ok(()) => Some(enrolled),
            Err(error) => {
                tracing::warn!(
                    "a program could not be written down, and would outlive a killed agent unseen: {error}"
                );
                None
            }
        }
    }

    fn take_slot(&self) -> usize {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        // The first gap: so the file stays as short as it can.
        let gaps = (0..=taken.len()).find(|slot| !taken.contains(slot));
        let slot = gaps.unwrap_or(taken.len());
        taken.insert(slot);
        slot
    }

    fn fill(&self, slot: usize, line: &Line) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        if bytes.len() >= SLOT {
            return Err(io::Error::other("its line is too long"));
        }
        bytes.resize(SLOT - 1, b' ');
        bytes.push(b'\n');
        self.file.write_all_at(&bytes, place(slot))
    }

    fn strike(&self, slot: usize) {
        let mut blank = [b' '; SLOT];
        if let Some(last) = blank.last_mut() {
            *last = b'\n';
        }
        // A line that stays names a process that is gone, which the next start sees.
        let _struck = self.file.write_all_at(&blank, place(slot));
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.remove(&slot);
    }

    /// Whether what the line names is still there: the very process, or others of its group.
    pub(super) fn lives(&self, line: &Line) -> bool {
        let Some(leader) = Pid::from_raw(line.group).filter(|_| line.host == self.host) else {
            return false;
        };
        // The usual answer costs one system call.
        if !is_there(leader) {
            return false;
        }
        if look_at(leader).is_some_and(|seen| seen.start != line.start) {
            // The number went to somebody else, so no process of the group was left.
            return false;
        }
        // What cannot be looked at is not touched.
        let fits = |seen: &Seen| seen.session == line.session && seen.start >= line.start;
        any_lives(leader, fits).unwrap_or(false)
    }
}

fn place(slot: usize) -> u64 {
    u64::try_from(slot * SLOT).unwrap_or(u64::MAX)
}

/// Where numbers of processes mean the same.
fn host() -> String {
    let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    format!("{} {}", boot(), namespace.display())
}
