//! When something is due: cron schedules, time zones, and the arithmetic on both.
//!
//! Invariants
//! - No clock: the present comes in as an argument, and the same arguments give the same answer on every machine. The zone
//!   database is therefore the one inside the binary, never the machine's own.
//! - A [`Cron`] fires some day; a [`Zone`] exists.
//! - Five fields mean what Debian's cron(8) and crontab(5) say they mean, daylight saving time included ([`Cron::next_after`]).
//! - Nothing loops through occurrences that were missed ([`timetable`]).
//!
//! The crate `cron` does not run here, it is what tests compare with. It wants six fields, numbers weekdays from 1 for Sunday,
//! joins day of month and day of week with AND, and loses a run in a daylight saving gap and doubles it in an overlap: to use it
//! means to read every field before it does, and to choose every instant after it. What would be left for it is a set of numbers
//! a field, which is fifty bytes as bit masks ([`Cron`]) for all fields together, and an ordered set for each as the crate keeps
//! them, times ten thousand runbooks.

mod civil;
mod cron;
mod field;
#[cfg(test)]
mod reference;
pub mod spread;
pub mod timetable;
mod zone;

pub use crate::domain::schedule::{
    cron::{Cron, InvalidCron},
    zone::{InvalidZone, Zone},
};
