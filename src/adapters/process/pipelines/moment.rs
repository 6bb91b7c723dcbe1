//! The time in words, as date(1) prints it.

use super::words::Refused;
use crate::domain::pipeline::{Moment, Zone};
use jiff::{Timestamp, tz::TimeZone};
use std::ffi::OsStr;

/// The time now. `zone` is what programs see as `TZ`.
pub(super) fn now(moment: &Moment, zone: Option<&OsStr>) -> Result<String, Refused> {
    #[expect(
        clippy::disallowed_methods,
        reason = "it stands for a program that would ask the host's clock"
    )]
    let now = Timestamp::now();
    text(moment, now, zone)
}

fn text(moment: &Moment, at: Timestamp, zone: Option<&OsStr>) -> Result<String, Refused> {
    let zone = match (moment.zone, zone) {
        (Zone::Universal, _) => TimeZone::UTC,
        (Zone::Local, Some(name)) => named(name)?,
        (Zone::Local, None) => TimeZone::system(),
    };
    let written = jiff::fmt::strtime::format(&moment.format, &at.to_zoned(zone));
    written.map_err(|error| Refused::Unjudged(format!("`date +{}`: {error}", moment.format)))
}

/// tzset(3): a name, with or without a colon, or a rule of POSIX. Nothing is UTC; so is what it does not know, which here is an error.
fn named(name: &OsStr) -> Result<TimeZone, Refused> {
    let name = name.to_string_lossy();
    let plain = name.strip_prefix(':').unwrap_or(&name);
    if plain.is_empty() {
        return Ok(TimeZone::UTC);
    }
    let found = TimeZone::get(plain).or_else(|_| TimeZone::posix(plain));
    found.map_err(|_| {
        Refused::Unjudged(format!(
            "`TZ` is `{name}`, which is no time zone\nhint: write one like Europe/Berlin"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// date(1) itself.
    #[expect(
        clippy::disallowed_methods,
        reason = "the real program, to compare with"
    )]
    fn date(format: &str, seconds: i64, zone: &str) -> String {
        let mut command = Command::new("date");
        command.args(["-d", &format!("@{seconds}"), &format!("+{format}")]);
        let done = command.env("TZ", zone).output().unwrap();
        String::from_utf8(done.stdout)
            .unwrap()
            .trim_end()
            .to_owned()
    }

    #[test]
    fn it_is_what_date_prints() {
        let formats = [
            "%F",
            "%Y%m%d-%H%M%S",
            "%T",
            "%s",
            "%j",
            "%y.%u",
            "%G-W%V",
            "100%%",
        ];
        // New Year's days of odd weeks, the hours around a change of clocks, before 1970.
        let moments = [
            0,
            1_104_537_600,
            1_230_768_000,
            1_792_889_999,
            1_792_890_000,
            1_293_839_999,
            -1,
        ];
        for zone in [
            "UTC",
            "Europe/Berlin",
            "America/New_York",
            "Asia/Kathmandu",
            "",
        ] {
            for (format, seconds) in formats.iter().flat_map(|f| moments.map(|s| (f, s))) {
                let moment = Moment {
                    format: (*format).to_owned(),
                    zone: Zone::Local,
                };
                let at = Timestamp::from_second(seconds).unwrap();
                let ours = text(&moment, at, Some(OsStr::new(zone))).unwrap();
                assert_eq!(
                    ours,
                    date(format, seconds, zone),
                    "{format} at {seconds} in {zone}"
                );
            }
        }
    }

    #[test]
    fn a_strange_zone_is_refused() {
        assert!(named(OsStr::new("Nowhere/At all")).is_err());
        assert!(named(OsStr::new("CET-1CEST,M3.5.0,M10.5.0/3")).is_ok());
    }
}
