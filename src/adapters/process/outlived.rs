//! Programs that an earlier agent started, and that have outlived it.

use crate::{
    adapters::process::{
        HostProcesses,
        roll::{Left, Line, Roll},
    },
    domain::outlived::{EndedLate, Outlived},
};
use rustix::{
    io::Errno,
    process::{Pid, Signal, kill_process_group},
};
use std::{
    sync::{Arc, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// The longest grace of a program that holds up a start.
const LONGEST_GRACE: Duration = Duration::from_secs(10);
/// How long a killed process may take to go.
const KILL_DEADLINE: Duration = Duration::from_secs(5);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

impl HostProcesses {
    fn left(&self) -> MutexGuard<'_, Vec<Left>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those that live; the others are struck off the roll.
    pub(super) fn found(&self) -> Vec<Outlived> {
        let Some(roll) = &self.roll else {
            return Vec::new();
        };
        let mut left = self.left();
        let all = std::mem::take(&mut *left).into_iter();
        let (living, gone): (Vec<_>, Vec<_>) = all.partition(|left| roll.lives(&left.line));
        *left = living;
        for left in gone {
            left.place.strike();
        }
        let of = |left: &Left| Outlived {
            behalf: left.line.behalf.clone(),
            group: left.line.group,
            program: left.line.program.clone(),
        };
        left.iter().map(of).collect()
    }

    /// Ends the group that such a program led. One that does not go keeps its place, for the next start to try again.
    pub(super) async fn end_left(&self, group: i32) -> Result<EndedLate, String> {
        let left = {
            let mut all = self.left();
            let place = all.iter().position(|left| left.line.group == group);
            place.map(|place| all.swap_remove(place))
        };
        let (Some(left), Some(roll)) = (left, &self.roll) else {
            return Ok(EndedLate::Terminated);
        };
        let ended = end(roll, &left.line).await;
        if ended.is_ok() {
            left.place.strike();
        }
        ended
    }
}

async fn end(roll: &Arc<Roll>, line: &Line) -> Result<EndedLate, String> {
    let grace = Duration::from_millis(line.grace_ms).min(LONGEST_GRACE);
    signal(roll, line, Signal::TERM)?;
    // A stopped process hears that only once it goes on.
    signal(roll, line, Signal::CONT)?;
    if gone_within(roll, line, grace).await {
        return Ok(EndedLate::Terminated);
    }
    signal(roll, line, Signal::KILL)?;
    if gone_within(roll, line, KILL_DEADLINE).await {
        return Ok(EndedLate::Killed);
    }
    Err("it did not go when it was killed".to_owned())
}

/// Looked at anew before each signal, so that none goes to others.
fn signal(roll: &Roll, line: &Line, signal: Signal) -> Result<(), String> {
    let Some(leader) = Pid::from_raw(line.group).filter(|_| roll.lives(line)) else {
        return Ok(());
    };
    match kill_process_group(leader, signal) {
        Ok(()) | Err(Errno::SRCH) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

async fn gone_within(roll: &Roll, line: &Line, limit: Duration) -> bool {
    let end = Instant::now() + limit;
    while roll.lives(line) {
        if Instant::now() >= end {
            return false;
        }
        sleep(PAUSE).await;
    }
    true
}
