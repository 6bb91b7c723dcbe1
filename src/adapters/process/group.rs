//! Signals to a process group.

use rustix::{
    io::Errno,
    process::{Pid, Signal, WaitOptions, kill_process_group, test_kill_process_group, waitpgid},
};

/// The group that a program leads. Dropped before it is known to be gone, it is killed.
///
/// A group's number is not given to anything else while a process of it is left, or while its leader has not been waited for.
#[derive(Debug)]
pub(super) struct Group {
    leader: Option<Pid>,
}

impl Group {
    /// The group of this leader. Without a number, which cannot be, nothing is ever signalled.
    pub(super) fn led_by(id: Option<u32>) -> Self {
        let number = id.and_then(|id| i32::try_from(id).ok());
        Self {
            leader: number.and_then(Pid::from_raw),
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

    /// Whether any process of it is left. To be asked only after the leader was waited for. Orphans that fell to the agent, which
    /// happens where it is the first process of a container, are waited for on the way.
    pub(super) fn is_alive(&self) -> bool {
        let Some(leader) = self.leader else {
            return false;
        };
        if test_kill_process_group(leader) == Err(Errno::SRCH) {
            return false;
        }
        while let Ok(Some(_)) = waitpgid(leader, WaitOptions::NOHANG) {}
        test_kill_process_group(leader) != Err(Errno::SRCH)
    }

    /// It is gone, or given up on.
    pub(super) fn forget(&mut self) {
        self.leader = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
