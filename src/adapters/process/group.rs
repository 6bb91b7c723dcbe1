//! Signals to a process group.

use crate::adapters::process::roll::Enrolled;
use rustix::{
    io::Errno,
    process::{Pid, Signal, WaitOptions, kill_process_group, test_kill_process_group, waitpgid},
};
use std::{
    collections::BTreeSet,
    fs, io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The groups that may live.
#[derive(Debug, Default)]
pub(super) struct Living(Mutex<BTreeSet<i32>>);

impl Living {
    fn leaders(&self) -> MutexGuard<'_, BTreeSet<i32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends all of them.
    pub(super) fn kill(&self) {
        for leader in self.leaders().iter().copied().filter_map(Pid::from_raw) {
            let _gone = kill_process_group(leader, Signal::KILL);
        }
    }
}

/// The group that a program leads. Dropped before it is known to be gone, it is killed.
///
/// A group's number is not given to anything else while a process of it is left, or while its leader has not been waited for.
#[derive(Debug)]
pub(super) struct Group {
    leader: Option<Pid>,
    living: Arc<Living>,
    /// Its place on the roll, for as long as it may live.
    enrolled: Option<Enrolled>,
}

impl Group {
    /// The group of this leader. Without a number, which cannot be, nothing is ever signalled.
    pub(super) fn led_by(id: Option<u32>, living: Arc<Living>, enrolled: Option<Enrolled>) -> Self {
        let number = id.and_then(|id| i32::try_from(id).ok());
        let leader = number.and_then(Pid::from_raw);
        living.leaders().extend(leader.map(Pid::as_raw_pid));
        Self {
            leader,
            living,
            enrolled,
        }
    }

    /// Asks all of it to end. A stopped process hears that only once it goes on.
    pub(super) fn terminate(&self) {
        self.signal(Signal::TERM);
        self.signal(Signal::CONT);
    }

    /// Ends all of it.
    pub(super) fn kill(&self) {
        self.signal(Signal::KILL);
    }

    fn signal(&self, signal: Signal) {
        if let Some(leader) = self.leader {
            // It may be gone by now, which is what was wanted.
            let _gone = kill_process_group(leader, signal);
        }
    }

    /// Whether any process of it lives. To be asked only after the leader was waited for.
    ///
    /// The usual answer costs one system call. Orphans that fell to the agent, which happens where it is the first process of a
    /// container, are waited for on the way; those that fell to a slow init(1) are told from the living by `/proc`.
    pub(super) async fn is_alive(&self) -> bool {
        let Some(leader) = self.leader.filter(|leader| is_there(*leader)) else {
            return false;
        };
        while let Ok(Some(_)) = waitpgid(leader, WaitOptions::NOHANG) {}
        if !is_there(leader) {
            return false;
        }
        let looking = tokio::task::spawn_blocking(move || any_lives(leader, |_| true));
        // What cannot be looked at is feared.
        !matches!(looking.await, Ok(Ok(false)))
    }

    /// It is gone, or given up on.
    pub(super) fn forget(&mut self) {
        if let Some(leader) = self.leader.take() {
            self.living.leaders().remove(&leader.as_raw_pid());
        }
        if let Some(enrolled) = self.enrolled.take() {
            enrolled.strike();
        }
    }
}

pub(super) fn is_there(group: Pid) -> bool {
    test_kill_process_group(group) != Err(Errno::SRCH)
}

/// What the kernel tells of a process (proc_pid_stat(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    group: i32,
    /// Its session.
    pub(super) session: i32,
    /// When it started, in ticks since the machine did.
    pub(super) start: u64,
    /// It has ended, and only its entry is left.
    pub(super) is_dead: bool,
}

impl Seen {
    fn read(stat: &str) -> Option<Self> {
        // The program's name, in brackets, may hold anything.
        let (_, after) = stat.rsplit_once(") ")?;
        let mut fields = after.split(' ');
        let is_dead = matches!(fields.next()?, "Z" | "X");
        let group = fields.nth(1)?.parse().ok()?;
        let session = fields.next()?.parse().ok()?;
        let start = fields.nth(15)?.parse().ok()?;
        Some(Self {
            group,
            session,
            start,
            is_dead,
        })
    }
}

/// A process, if it is there.
pub(super) fn look_at(process: Pid) -> Option<Seen> {
    let stat = fs::read(format!("/proc/{}/stat", process.as_raw_pid())).ok()?;
    Seen::read(&String::from_utf8_lossy(&stat))
}

/// Looks through the processes for one of a group that lives and fits.
pub(super) fn any_lives(group: Pid, fits: impl Fn(&Seen) -> bool) -> io::Result<bool> {
    for entry in fs::read_dir("/proc")? {
        let Ok(stat) = fs::read(entry?.path().join("stat")) else {
            continue;
        };
        let seen = Seen::read(&String::from_utf8_lossy(&stat));
        let of_group = |seen: &Seen| seen.group == group.as_raw_pid() && !seen.is_dead;
        if seen.is_some_and(|seen| of_group(&seen) && fits(&seen)) {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
        self.forget();
    }
}
