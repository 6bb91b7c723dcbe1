//! Calendars: when runbooks may run.
//!
//! A calendar is a list of windows. Each opens by a schedule and stays open for a length of time, so its weekday is that of the
//! day it opens: one that opens on Friday at 22:00 for eight hours is open on Saturday at 3:00.

use crate::domain::{
    name::CalendarName,
    schedule::{Cron, Zone, timetable::stretch},
    span::Span,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How many openings and ends are looked at to find out when a state ends. Windows that follow each other without a gap, as in
/// `* * * * *` for two minutes, would be looked at forever.
const CHANGES_AHEAD: u32 = 500;

/// `kind: Calendar`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    /// Its name.
    pub name: CalendarName,
    /// Whose clock on the wall its windows open by.
    pub zone: Zone,
    /// Its windows.
    pub windows: Vec<Window>,
}

/// A window of a calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// What it means to be inside.
    pub kind: WindowKind,
    /// When it opens.
    pub opens: Cron,
    /// How long it stays open, by elapsed time. One that opens again meanwhile stays open from then.
    pub lasts: Span,
}

/// What a window is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WindowKind {
    /// Runs happen inside it, and outside of it only within another such window.
    Allow,
    /// No run happens inside it.
    Deny,
}

/// Whether a runbook may run now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WindowState {
    /// It may.
    Open {
        /// The first moment when it may no longer; nothing where that is too far ahead to tell, or never.
        closes: Option<Timestamp>,
    },
    /// It may not.
    Closed {
        /// Which window denies it, or that none allows it.
        reason: String,
        /// The first moment when it may again; nothing where that is too far ahead to tell, or never.
        opens: Option<Timestamp>,
    },
}

/// What the calendars that a runbook names say together. A window that denies wins; where any window allows, it is closed outside
/// of all that do; without windows it is open.
pub fn windows_state(calendars: &[&Calendar], now: Timestamp) -> WindowState {
    match refusal(calendars, now) {
        None => WindowState::Open {
            closes: change(calendars, now),
        },
        Some(refusal) => WindowState::Closed {
            reason: refusal.reason(),
            opens: change(calendars, now),
        },
    }
}

/// Why it is closed.
enum Refusal<'a> {
    Denied(&'a Calendar, &'a Window),
    NotAllowed(Vec<&'a Calendar>),
}

impl Refusal<'_> {
    fn reason(&self) -> String {
        match self {
            Self::Denied(calendar, window) => format!(
                "calendar `{}` denies runs for {} from `{}` ({})",
                calendar.name, window.lasts, window.opens, calendar.zone
            ),
            Self::NotAllowed(calendars) => {
                let names: Vec<_> = calendars
                    .iter()
                    .map(|calendar| format!("`{}`", calendar.name))
                    .collect();
                format!("outside the windows that {} allows", names.join(", "))
            }
        }
    }
}

fn refusal<'a>(calendars: &[&'a Calendar], at: Timestamp) -> Option<Refusal<'a>> {
    let open =
        |(calendar, window): &(&Calendar, &Window)| window.closes(&calendar.zone, at).is_some();
    if let Some((calendar, window)) = of_kind(calendars, WindowKind::Deny).find(open) {
        return Some(Refusal::Denied(calendar, window));
    }
    if of_kind(calendars, WindowKind::Allow).any(|window| open(&window)) {
        return None;
    }
    let mut allowing: Vec<_> = of_kind(calendars, WindowKind::Allow)
        .map(|(calendar, _)| calendar)
        .collect();
    allowing.dedup_by_key(|calendar| &calendar.name);
    (!allowing.is_empty()).then_some(Refusal::NotAllowed(allowing))
}

fn of_kind<'a>(
    calendars: &[&'a Calendar],
    kind: WindowKind,
) -> impl Iterator<Item = (&'a Calendar, &'a Window)> {
    calendars.iter().flat_map(move |calendar| {
        let windows = calendar.windows.iter();
        windows
            .filter(move |window| window.kind == kind)
            .map(|window| (*calendar, window))
    })
}

/// When the state after `now` is another than at `now`.
fn change(calendars: &[&Calendar], now: Timestamp) -> Option<Timestamp> {
    let closed = refusal(calendars, now).is_some();
    let mut at = now;
    for _ in 0..CHANGES_AHEAD {
        at = calendars
            .iter()
            .flat_map(|calendar| {
                let windows = calendar.windows.iter();
                windows.filter_map(|window| window.changes(&calendar.zone, at))
            })
            .min()?;
        if refusal(calendars, at).is_some() != closed {
            return Some(at);
        }
    }
    None
}

impl Window {
    /// When the opening ends that is the last one at that time, if it is open then.
    fn closes(&self, zone: &Zone, at: Timestamp) -> Option<Timestamp> {
        let from = at.checked_sub(self.lasts.signed()).ok()?;
        let openings = stretch(|after| self.opens.next_after(after, zone), from, at)?;
        openings.last.checked_add(self.lasts.signed()).ok()
    }

    /// When it closes, or when it opens, if it is closed.
    fn changes(&self, zone: &Zone, at: Timestamp) -> Option<Timestamp> {
        self.closes(zone, at)
            .or_else(|| self.opens.next_after(at, zone))
    }
}

#[cfg(test)]
mod tests {
    use super::{Calendar, Window, WindowKind, WindowState, windows_state};
    use crate::domain::{
        name::CalendarName,
        schedule::{Cron, Zone},
    };
    use jiff::{Timestamp, civil::DateTime};

    const ALLOW: WindowKind = WindowKind::Allow;
    const DENY: WindowKind = WindowKind::Deny;

    fn calendar(name: &str, zone: &str, windows: &[(WindowKind, &str, &str)]) -> Calendar {
        let window = |(kind, opens, lasts): &(WindowKind, &str, &str)| Window {
            kind: *kind,
            opens: Cron::parse(opens).unwrap(),
            lasts: lasts.parse().unwrap(),
        };
        Calendar {
            name: CalendarName::new(name).unwrap(),
            zone: Zone::parse(zone).unwrap(),
            windows: windows.iter().map(window).collect(),
        }
    }

    /// An instant, by the clock on Berlin's walls.
    fn berlin(text: &str) -> Timestamp {
        let civil: DateTime = text.parse().unwrap();
        let zone = Zone::parse("Europe/Berlin").unwrap();
        zone.time_zone().to_timestamp(civil).unwrap()
    }

    fn open(closes: &str) -> WindowState {
        WindowState::Open {
            closes: Some(berlin(closes)),
        }
    }

    fn closed(reason: &str, opens: &str) -> WindowState {
        WindowState::Closed {
            reason: reason.to_owned(),
            opens: Some(berlin(opens)),
        }
    }

    #[test]
    fn without_windows_it_is_always_open() {
        let state = windows_state(&[], berlin("2024-05-01T12:00"));
        assert_eq!(state, WindowState::Open { closes: None });
    }

    #[test]
    fn a_window_has_the_weekday_of_the_day_it_opens() {
        let nights = calendar("nights", "Europe/Berlin", &[(ALLOW, "0 22 * * FRI", "8h")]);
        let state = |now| windows_state(&[&nights], berlin(now));
        let outside = "outside the windows that `nights` allows";
        // 3 May 2024 is a Friday.
        assert_eq!(
            state("2024-05-03T03:00"),
            closed(outside, "2024-05-03T22:00")
        );
        assert_eq!(state("2024-05-03T22:00"), open("2024-05-04T06:00"));
        assert_eq!(state("2024-05-04T03:00"), open("2024-05-04T06:00"));
        assert_eq!(
            state("2024-05-04T06:00"),
            closed(outside, "2024-05-10T22:00")
        );
    }

    #[test]
    fn deny_wins_and_ends() {
        let hours = calendar(
            "hours",
            "Europe/Berlin",
            &[(ALLOW, "0 9 * * MON-FRI", "8h")],
        );
        let lunch = calendar("lunch", "Europe/Berlin", &[(DENY, "0 12 * * *", "1h")]);
        let state = |now| windows_state(&[&hours, &lunch], berlin(now));
        assert_eq!(state("2024-05-03T10:00"), open("2024-05-03T12:00"));
        assert_eq!(
            state("2024-05-03T12:30"),
            closed(
                "calendar `lunch` denies runs for 1h from `0 12 * * *` (Europe/Berlin)",
                "2024-05-03T13:00"
            )
        );
        assert_eq!(state("2024-05-03T16:59"), open("2024-05-03T17:00"));
        // The end of lunch on Saturday and Sunday opens nothing.
        assert_eq!(
            state("2024-05-03T17:00"),
            closed(
                "outside the windows that `hours` allows",
                "2024-05-06T09:00"
            )
        );
    }

    #[test]
    fn any_of_several_windows_allows() {
        let split = calendar(
            "split",
            "Europe/Berlin",
            &[(ALLOW, "0 8 * * *", "2h"), (ALLOW, "0 9 * * *", "3h")],
        );
        let state = |now| windows_state(&[&split], berlin(now));
        assert_eq!(state("2024-05-03T08:30"), open("2024-05-03T12:00"));
        assert_eq!(state("2024-05-03T11:00"), open("2024-05-03T12:00"));
    }

    #[test]
    fn only_denying_windows_leave_the_rest_open() {
        let freeze = calendar("freeze", "Europe/Berlin", &[(DENY, "0 0 24 12 *", "9d")]);
        let state = |now| windows_state(&[&freeze], berlin(now));
        assert_eq!(state("2024-05-03T08:30"), open("2024-12-24T00:00"));
        assert_eq!(
            state("2025-01-01T12:00"),
            closed(
                "calendar `freeze` denies runs for 9d from `0 0 24 12 *` (Europe/Berlin)",
                "2025-01-02T00:00"
            )
        );
    }

    #[test]
    fn a_window_lasts_by_elapsed_time_when_the_clock_is_moved() {
        let nights = calendar("nights", "Europe/Berlin", &[(ALLOW, "0 22 * * SAT", "8h")]);
        let state = |now| windows_state(&[&nights], berlin(now));
        assert_eq!(state("2024-03-30T23:00"), open("2024-03-31T07:00"));
        assert_eq!(state("2024-10-26T23:00"), open("2024-10-27T05:00"));
    }

    #[test]
    fn windows_without_a_gap_never_close() {
        let all = calendar("all", "UTC", &[(ALLOW, "* * * * *", "2m")]);
        let state = windows_state(&[&all], berlin("2024-05-03T08:30"));
        assert_eq!(state, WindowState::Open { closes: None });
    }

    #[test]
    fn a_window_of_no_length_is_never_open() {
        let none = calendar("none", "UTC", &[(ALLOW, "* * * * *", "0s")]);
        let state = windows_state(&[&none], berlin("2024-05-03T08:30"));
        assert!(matches!(state, WindowState::Closed { opens: None, .. }));
    }

    #[test]
    fn a_calendar_survives_json() {
        let calendar = calendar("nights", "Europe/Berlin", &[(DENY, "0 22 * * FRI", "8h")]);
        let json = serde_json::to_string(&calendar).unwrap();
        assert_eq!(serde_json::from_str::<Calendar>(&json).unwrap(), calendar);
    }
}
