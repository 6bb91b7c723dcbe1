//! Signals to a process group.

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
}

impl Group {
    /// The group of this leader. Without a number, which cannot be, nothing is ever signalled.
    pub(super) fn led_by(id: Option<u32>, living: Arc<Living>) -> Self {
        let number = id.and_then(|id| i32::try_from(id).ok());
        let leader = number.and_then(Pid::from_raw);
        living.leaders().extend(leader.map(Pid::as_raw_pid));
        Self { leader, living }
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
        let looking = tokio::task::spawn_blocking(move || any_lives(leader));
        // What cannot be looked at is feared.
        !matches!(looking.await, Ok(Ok(false)))
    }

    /// It is gone, or given up on.
    pub(super) fn forget(&mut self) {
        if let Some(leader) = self.leader.take() {
            self.living.leaders().remove(&leader.as_raw_pid());
        }
    }
}

fn is_there(group: Pid) -> bool {
    test_kill_process_group(group) != Err(Errno::SRCH)
}

/// Looks through all processes (proc_pid_stat(5)).
fn any_lives(group: Pid) -> io::Result<bool> {
    let group = group.to_string();
    for entry in fs::read_dir("/proc")? {
        let Ok(stat) = fs::read_to_string(entry?.path().join("stat")) else {
            continue;
        };
        // The program's name, in brackets, may hold anything.
        let Some((_, after)) = stat.rsplit_once(") ") else {
            continue;
        };
        let mut fields = after.split(' ');
        let (state, of_group) = (fields.next(), fields.nth(1));
        if of_group == Some(&group) && !matches!(state, Some("Z" | "X")) {
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
