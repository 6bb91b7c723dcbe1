//! Times as people read and write them.

use crate::domain::span::Span;
use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};

/// How far away a time is: `in 4m`, `3m ago`, `now`. Two units at most.
pub(super) fn relative(at: Timestamp, now: Timestamp) -> String {
    let away = at.duration_since(now);
    let text = coarse(away.abs());
    if away.abs() < SignedDuration::from_secs(1) {
        "now".to_owned()
    } else if away.is_positive() {
        format!("in {text}")
    } else {
        format!("{text} ago")
    }
}

/// A length of time in two units at most: `42s`, `4m`, `3h 12m`, `4d 3h`.
fn coarse(length: SignedDuration) -> String {
    let seconds = length.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |big: i64, unit: &str, small: i64, below: &str| {
        if small == 0 {
            format!("{big}{unit}")
        } else {
            format!("{big}{unit} {small}{below}")
        }
    };
    if seconds < 60 {
        format!("{seconds}s")
    } else if minutes < 10 {
        two(minutes, "m", seconds % 60, "s")
    } else if hours < 1 {
        format!("{minutes}m")
    } else if days < 1 {
        two(hours, "h", minutes % 60, "m")
    } else if days < 14 {
        two(days, "d", hours % 24, "h")
    } else {
        format!("{days}d")
    }
}

/// How long something took: `20ms`, `1.2s`, `4m`.
pub(super) fn took(from: Timestamp, to: Timestamp) -> String {
    let length = to.duration_since(from).abs();
    if length < SignedDuration::from_secs(1) {
        format!("{}ms", length.as_millis())
    } else if length < SignedDuration::from_secs(10) {
        format!("{:.1}s", length.as_secs_f64())
    } else {
        coarse(length)
    }
}

/// A time on the clock of this place: `12:05:00` on the same day, else with the date.
pub(super) fn local(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (there, here) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    let form = if there.date() == here.date() {
        "%H:%M:%S"
    } else {
        "%Y-%m-%d %H:%M:%S"
    };
    there.strftime(form).to_string()
}

/// A time as people write it: RFC 3339, or a date and a time of this place (`2026-05-01 08:00`), or a date alone.
pub(super) fn parse_time(text: &str, zone: &TimeZone) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let unreadable = || {
        format!(
            "`{text}` is not a time: write `2026-05-01T08:00:00Z`, or `2026-05-01 08:00` for the clock of this place"
        )
    };
    let there: DateTime = text.parse().map_err(|_| unreadable())?;
    let zoned = zone.to_zoned(there).map_err(|_| unreadable())?;
    Ok(zoned.timestamp())
}

/// A moment in the past: a length of time before now (`24h`), or a time.
pub(super) fn parse_since(
    text: &str,
    now: Timestamp,
    zone: &TimeZone,
) -> Result<Timestamp, String> {
    match text.parse::<Span>() {
        Ok(span) => Ok(now.saturating_sub(span.signed()).unwrap_or(Timestamp::MIN)),
        Err(_) => {
            parse_time(text, zone).map_err(|error| format!("{error}, or a length of time (`24h`)"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{local, parse_since, parse_time, relative, took};
    use jiff::{Timestamp, tz::TimeZone};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    #[test]
    fn a_time_is_told_by_its_distance() {
        let told: Vec<String> = [
            0, 42, 240, 245, 900, -180, 11_520, -90_000, 864_000, 2_000_000,
        ]
        .map(|second| relative(at(second), at(0)))
        .into();
        assert_eq!(
            told,
            [
                "now",
                "in 42s",
                "in 4m",
                "in 4m 5s",
                "in 15m",
                "3m ago",
                "in 3h 12m",
                "1d 1h ago",
                "in 10d",
                "in 23d"
            ]
        );
    }

    #[test]
    fn what_is_short_is_told_exactly() {
        let end = at(0) + jiff::SignedDuration::from_millis(230);
        assert_eq!(took(at(0), end), "230ms");
        assert_eq!(took(end, at(3)), "2.8s");
        assert_eq!(took(at(0), at(75)), "1m 15s");
    }

    #[test]
    fn a_time_of_another_day_has_its_date() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        assert_eq!(local(at(60), at(0), &zone), "23:14:20");
        assert_eq!(local(at(86_400), at(0), &zone), "2023-11-15 23:13:20");
    }

    #[test]
    fn people_write_times_of_their_own_place() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let wanted: Timestamp = "2026-05-01T06:00:00Z".parse().unwrap();
        for text in [
            "2026-05-01T06:00:00Z",
            "2026-05-01 08:00",
            "2026-05-01T08:00:00",
            "2026-05-01T08:00:00+02:00",
        ] {
            assert_eq!(parse_time(text, &zone), Ok(wanted), "{text}");
        }
        assert!(parse_time("2026-05-01", &zone).is_ok());
        for bad in ["", "soon", "25:00", "2026-13-01"] {
            assert!(parse_time(bad, &zone).is_err(), "{bad}");
        }
    }

    #[test]
    fn since_may_be_a_length_of_time() {
        assert_eq!(parse_since("1h", at(0), &TimeZone::UTC), Ok(at(-3600)));
        assert!(parse_since("soon", at(0), &TimeZone::UTC).is_err());
    }
}
