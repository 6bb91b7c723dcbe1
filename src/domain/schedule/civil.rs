//! The minutes on a calendar and a clock on the wall that a schedule names. No zones here.

use jiff::civil::{Date, DateTime};

/// The longest wait is for a 29 February on a given weekday across a year like 2100: 40 years.
const MONTHS_AHEAD: u32 = 12 * 41;

/// A set of minutes on calendar and clock: the values that each field allows, a bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pattern {
    /// Bits 0 to 59.
    pub(super) minutes: u64,
    /// Bits 0 to 23.
    pub(super) hours: u32,
    /// Bits 1 to 31.
    pub(super) days: u32,
    /// Bits 1 to 12.
    pub(super) months: u16,
    /// Bits 0 to 6, Sunday first.
    pub(super) weekdays: u8,
    /// Whether the day of month *or* the day of week is enough.
    pub(super) either_day: bool,
}

impl Pattern {
    /// The first of its minutes that is not before `from`.
    pub(super) fn at_or_after(&self, from: DateTime) -> Option<DateTime> {
        let from = whole_minute(from)?;
        let date = from.date();
        if self.days_of(date.first_of_month()) & bit(date.day()) != 0
            && let Some(time) = self.time_at_or_after(date, from.hour(), from.minute())
        {
            return Some(time);
        }
        self.time_at_or_after(self.day_after(date)?, 0, 0)
    }

    /// Whether no date there ever was has one of its minutes.
    pub(super) fn is_empty(&self) -> bool {
        // 2000 is a leap year.
        Date::new(2000, 1, 1)
            .ok()
            .and_then(|date| self.at_or_after(date.at(0, 0, 0, 0)))
            .is_none()
    }

    fn time_at_or_after(&self, date: Date, hour: i8, minute: i8) -> Option<DateTime> {
        let within = self.minutes & (u64::MAX << minute);
        if self.hours & bit(hour) != 0 && within != 0 {
            return Some(date.at(hour, lowest(within)?, 0, 0));
        }
        let later = self.hours & (u32::MAX << hour) & !bit(hour);
        Some(date.at(lowest(later.into())?, lowest(self.minutes)?, 0, 0))
    }

    fn day_after(&self, date: Date) -> Option<Date> {
        let mut month = date.first_of_month();
        let mut days = self.days_of(month) & (u32::MAX << date.day()) & !bit(date.day());
        for _ in 0..MONTHS_AHEAD {
            if let Some(day) = lowest(days.into()) {
                return Date::new(month.year(), month.month(), day).ok();
            }
            month = following(month)?;
            days = self.days_of(month);
        }
        None
    }

    /// Its days in a month, given by that month's first day: bits 1 to 31.
    fn days_of(&self, month: Date) -> u32 {
        if self.months & (1 << month.month()) == 0 {
            return 0;
        }
        let by_weekday = days_by_weekday(self.weekdays, month);
        let days = if self.either_day {
            self.days | by_weekday
        } else {
            self.days & by_weekday
        };
        days & (u32::MAX >> (31 - month.days_in_month()))
    }
}

/// The days of a month that fall on given weekdays, from bit 1; bits past the month's end mean nothing.
fn days_by_weekday(weekdays: u8, month: Date) -> u32 {
    // Six weeks in a row, of which the month begins somewhere in the first.
    let weeks = (0..6).fold(0, |weeks, week| weeks | u64::from(weekdays) << (7 * week));
    let days = (weeks >> month.weekday().to_sunday_zero_offset()) << 1;
    u32::try_from(days & u64::from(u32::MAX)).unwrap_or(0)
}

fn following(month: Date) -> Option<Date> {
    let (year, month) = match month.month() {
        12 => (month.year() + 1, 1),
        earlier => (month.year(), earlier + 1),
    };
    Date::new(year, month, 1).ok()
}

/// The next whole minute, or the time itself where it is one.
fn whole_minute(time: DateTime) -> Option<DateTime> {
    let minute = time.date().at(time.hour(), time.minute(), 0, 0);
    if minute == time {
        return Some(time);
    }
    minute.checked_add(jiff::SignedDuration::from_mins(1)).ok()
}

fn bit(value: i8) -> u32 {
    1 << value
}

fn lowest(bits: u64) -> Option<i8> {
    (bits != 0)
        .then(|| i8::try_from(bits.trailing_zeros()).ok())
        .flatten()
}
