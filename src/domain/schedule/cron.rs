//! A cron schedule: five fields, as Debian's cron(8) and crontab(5) read them.

use crate::domain::schedule::{
    civil::Pattern,
    field::{FIELDS, Fault},
    zone::Zone,
};
use jiff::Timestamp;
use std::{fmt, ops::Range, str::FromStr};

/// Longer than every minute, hour, day, month and weekday written out.
const LONGEST: usize = 512;

const SHORTHANDS: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// A schedule of five fields: minute, hour, day of month, month, day of week. It fires some day.
///
/// - Where both days are restricted, either is enough. A field that begins with `*` is not restricted, so that `*/2` and a
///   weekday must both hold (crontab(5), "Note").
/// - Where minute or hour begin with `*` it goes by elapsed time; otherwise its times are fixed and happen once a day also when
///   the clock is moved (cron(8), "Daylight Saving Time").
///
/// Kept as bit masks beside its text: ten thousand of them are half a megabyte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    text: Box<str>,
    pattern: Pattern,
    by_elapsed_time: bool,
}

/// Why a text is not a schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} (column {column})")]
pub struct InvalidCron {
    /// What is wrong.
    pub what: String,
    /// Where, counted in characters from 1.
    pub column: usize,
    /// How to put it right.
    pub hint: Option<String>,
}

impl Cron {
    /// Reads a schedule.
    ///
    /// # Errors
    /// Where the text breaks which rule, or that it never fires.
    pub fn parse(text: &str) -> Result<Self, InvalidCron> {
        check_characters(text)?;
        let words = words(text);
        let fields = match words.as_slice() {
            [(place, word)] if word.starts_with('@') => shorthand(place.start, word)?,
            words => five(text, words)?,
        };
        let [minutes, hours, days, months, weekdays] = read(&fields)?;
        let [minute, hour, day, _, weekday] = fields.map(|(_, field)| field);
        let pattern = Pattern {
            minutes,
            hours: low_bits(hours),
            days: low_bits(days),
            months: u16::try_from(months).unwrap_or(0),
            // 7 is Sunday as well.
            weekdays: u8::try_from((weekdays | weekdays >> 7) & 0x7f).unwrap_or(0),
            either_day: !day.starts_with('*') && !weekday.starts_with('*'),
        };
        if pattern.is_empty() {
            return Err(never(fields[2].0));
        }
        let text: Vec<&str> = words.iter().map(|(_, word)| *word).collect();
        Ok(Self {
            text: text.join(" ").into(),
            pattern,
            by_elapsed_time: minute.starts_with('*') || hour.starts_with('*'),
        })
    }

    /// The text as written, with single spaces.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The first time it is due after `after`; nothing where the calendar ends (the year 9999).
    ///
    /// Fixed times that the clock on the wall skips are due once, right after that; those that it shows twice are due the first
    /// time. Other schedules are due whenever the clock shows their time. A clock moved forward by three hours or more was
    /// corrected, and what it skipped is not due (cron(8)): Samoa had no 30 December 2011.
    pub fn next_after(&self, after: Timestamp, zone: &Zone) -> Option<Timestamp> {
        if self.by_elapsed_time {
            self.next_shown(after, zone)
        } else {
            self.next_fixed(after, zone)
        }
    }

    /// What may surprise: `*/90`, and days that Kubernetes reads in another way.
    pub fn warnings(&self) -> Vec<String> {
        let fields: Vec<&str> = self.text.split(' ').collect();
        let items = FIELDS
            .iter()
            .zip(&fields)
            .flat_map(|(field, text)| text.split(',').map(move |item| (field, item)));
        let mut warnings: Vec<_> = items
            .filter_map(|(field, item)| field.warning(item))
            .collect();
        if let [_, _, day, _, weekday] = fields.as_slice() {
            warnings.extend(read_otherwise_by_kubernetes(day, weekday));
        }
        warnings
    }

    fn next_fixed(&self, after: Timestamp, zone: &Zone) -> Option<Timestamp> {
        let mut civil = zone.civil(after);
        loop {
            civil = self.pattern.at_or_after(just_after(civil)?)?;
            if let Some(due) = zone.fixed(civil).filter(|due| *due > after) {
                return Some(due);
            }
        }
    }

    /// The next instant at which the clock on the wall begins to show one of its minutes: looked for in each stretch of time
    /// between two movements of the clock.
    fn next_shown(&self, after: Timestamp, zone: &Zone) -> Option<Timestamp> {
        let mut from = after
            .checked_add(jiff::SignedDuration::from_nanos(1))
            .ok()?;
        loop {
            let civil = self.pattern.at_or_after(zone.civil(from))?;
            let (due, moved) = zone.undisturbed(from, civil)?;
            match moved {
                Some(moved) if moved <= due => from = moved,
                Some(_) | None => return Some(due),
            }
        }
    }
}

/// Debian takes a day field as unrestricted where it begins with `*`, Kubernetes (robfig/cron) where one of its items is `*`.
fn read_otherwise_by_kubernetes(day: &str, weekday: &str) -> Option<String> {
    let free_in_kubernetes = |field: &str| field.split(',').any(|item| matches!(item, "*" | "*/1"));
    let both = day.starts_with('*') || weekday.starts_with('*');
    let both_in_kubernetes = free_in_kubernetes(day) || free_in_kubernetes(weekday);
    let (here, there) = match (both, both_in_kubernetes) {
        (true, false) => ("both must hold, as in Debian's cron", "either"),
        (false, true) => ("either is enough, as in Debian's cron", "both"),
        (true, true) | (false, false) => return None,
    };
    Some(format!(
        "day of month `{day}` and day of week `{weekday}`: {here}; a Kubernetes CronJob would want {there}"
    ))
}

fn just_after(civil: jiff::civil::DateTime) -> Option<jiff::civil::DateTime> {
    civil.checked_add(jiff::SignedDuration::from_nanos(1)).ok()
}

fn low_bits(bits: u64) -> u32 {
    u32::try_from(bits).unwrap_or(0)
}

fn invalid(
    column: usize,
    what: impl Into<String>,
    hint: impl Into<Option<&'static str>>,
) -> InvalidCron {
    InvalidCron {
        what: what.into(),
        column,
        hint: hint.into().map(str::to_owned),
    }
}

fn never(column: usize) -> InvalidCron {
    let hint = "no month that is named has such a day";
    invalid(column + 1, "the schedule never fires", hint)
}

/// Whatever else is read may count on ASCII.
fn check_characters(text: &str) -> Result<(), InvalidCron> {
    if text.len() > LONGEST {
        let what = format!("a schedule has at most {LONGEST} characters");
        return Err(invalid(LONGEST + 1, what, None));
    }
    let known = |c: char| c.is_ascii_alphanumeric() || "*,-/@ \t".contains(c);
    let Some((column, wrong)) = text.chars().enumerate().find(|(_, c)| !known(*c)) else {
        return Ok(());
    };
    let hint = match wrong {
        '?' => Some("`?` is Quartz's; write `*`"),
        '#' => Some(
            "`#` is Quartz's; for the second Friday run on days `8-14` and let the first step ask for the weekday",
        ),
        '~' => Some(
            "for a time that differs from runbook to runbook write a fixed time and a `spread`",
        ),
        '(' | ')' => Some("`H(…)` is Jenkins's; write a fixed time and a `spread`"),
        '=' | '_' => Some("name the zone in `timeZone`"),
        _ => None,
    };
    Err(invalid(
        column + 1,
        format!("`{}` has no meaning in a schedule", wrong.escape_debug()),
        hint,
    ))
}

/// The words of a text, each with its place in bytes.
fn words(text: &str) -> Vec<(Range<usize>, &str)> {
    let mut words = Vec::new();
    let mut place = 0;
    for word in text.split([' ', '\t']) {
        if !word.is_empty() {
            words.push((place..place + word.len(), word));
        }
        place += word.len() + 1;
    }
    words
}

type Placed<'a> = [(usize, &'a str); 5];

fn shorthand(place: usize, word: &str) -> Result<Placed<'static>, InvalidCron> {
    let known = SHORTHANDS.iter().find(|(name, _)| *name == word);
    if let Some(fields) = known.and_then(|(_, fields)| {
        let fields: Vec<_> = fields.split(' ').map(|field| (place, field)).collect();
        fields.try_into().ok()
    }) {
        return Ok(fields);
    }
    let hint = match word {
        "@reboot" => "write `agent: started` instead of `schedule:`".to_owned(),
        "@every" => "write `every: 5m` instead of `schedule`".to_owned(),
        _ => SHORTHANDS.map(|(name, _)| name).join(", "),
    };
    let what = format!("`{word}` is not known");
    Err(InvalidCron {
        what,
        column: place + 1,
        hint: Some(hint),
    })
}

fn five<'a>(text: &str, words: &[(Range<usize>, &'a str)]) -> Result<Placed<'a>, InvalidCron> {
    let fields: Vec<_> = words
        .iter()
        .map(|(place, word)| (place.start, *word))
        .collect();
    if let Some((place, word)) = fields.iter().find(|(_, word)| word.contains('@')) {
        return Err(match shorthand(*place, word) {
            Ok(_) => invalid(place + 1, format!("`{word}` stands alone"), None),
            Err(error) => error,
        });
    }
    fields.try_into().map_err(|fields: Vec<_>| {
        let what = format!(
            "want five fields (minute, hour, day of month, month, day of week), found {}",
            fields.len()
        );
        match fields.get(5) {
            Some((place, _)) => invalid(
                *place + 1,
                what,
                "there are no seconds and no years: leave those fields out",
            ),
            None => invalid(text.len() + 1, what, "as in `0 8 * * MON-FRI`"),
        }
    })
}

fn read(fields: &Placed<'_>) -> Result<[u64; 5], InvalidCron> {
    let mut values = [0; 5];
    for ((value, field), (place, text)) in values.iter_mut().zip(&FIELDS).zip(fields) {
        *value = field
            .read(text)
            .map_err(|Fault { offset, what, hint }| InvalidCron {
                what,
                column: place + offset + 1,
                hint,
            })?;
    }
    Ok(values)
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
impl FromStr for Cron {
    type Err = InvalidCron;
    fn from_str(text: &str) -> Result<Self, InvalidCron> {
        Self::parse(text)
    }
}
impl serde::Serialize for Cron {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}
impl<'de> serde::Deserialize<'de> for Cron {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}
impl schemars::JsonSchema for Cron {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Cron".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "Five fields as in a crontab: minute, hour, day of month, month, day of week; or @hourly, @daily, \
                            @weekly, @monthly, @yearly.",
            "examples": ["0 8 * * MON-FRI", "*/5 * * * *", "@daily"]
        })
    }
    fn inline_schema() -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Cron;
    use crate::domain::schedule::Zone;
    use jiff::Timestamp;
    use proptest::prelude::*;

    /// The first times after an instant, as the clock on the wall of the zone shows them, with the offset.
    fn due(text: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
        let cron = Cron::parse(text).unwrap();
        let zone = Zone::parse(zone).unwrap();
        let mut after: Timestamp = after.parse().unwrap();
        (0..count)
            .map(|_| {
                after = cron.next_after(after, &zone).unwrap();
                let shown = after.to_zoned(zone.time_zone().clone());
                shown.strftime("%Y-%m-%d %H:%M %z").to_string()
            })
            .collect()
    }

    fn problem(text: &str) -> String {
        let error = Cron::parse(text).unwrap_err();
        let hint = error.hint.map(|hint| format!(" [{hint}]"));
        format!(
            "`{}` {}: {}{}",
            text.escape_debug(),
            error.column,
            error.what,
            hint.unwrap_or_default()
        )
    }

    #[test]
    fn a_fixed_time_in_the_gap_runs_once_right_after_it() {
        assert_eq!(
            due("30 2 * * *", "Europe/Berlin", "2024-03-30T00:00:00Z", 3),
            [
                "2024-03-30 02:30 +0100",
                "2024-03-31 03:00 +0200",
                "2024-04-01 02:30 +0200"
            ]
        );
    }

    #[test]
    fn a_fixed_time_in_the_overlap_runs_the_first_time_only() {
        assert_eq!(
            due("30 2 * * *", "Europe/Berlin", "2024-10-26T12:00:00Z", 2),
            ["2024-10-27 02:30 +0200", "2024-10-28 02:30 +0100"]
        );
    }

    #[test]
    fn a_wildcard_schedule_goes_by_elapsed_time() {
        assert_eq!(
            due("*/30 * * * *", "Europe/Berlin", "2024-10-27T00:15:00Z", 4),
            [
                "2024-10-27 02:30 +0200",
                "2024-10-27 02:00 +0100",
                "2024-10-27 02:30 +0100",
                "2024-10-27 03:00 +0100"
            ]
        );
        assert_eq!(
            due("*/30 * * * *", "Europe/Berlin", "2024-03-31T00:15:00Z", 3),
            [
                "2024-03-31 01:30 +0100",
                "2024-03-31 03:00 +0200",
                "2024-03-31 03:30 +0200"
            ]
        );
    }

    #[test]
    fn a_movement_by_half_an_hour_is_one_like_any_other() {
        assert_eq!(
            due(
                "15 2 * * *",
                "Australia/Lord_Howe",
                "2024-10-04T20:00:00Z",
                2
            ),
            ["2024-10-06 02:30 +1100", "2024-10-07 02:15 +1100"]
        );
        assert_eq!(
            due(
                "45 1 * * *",
                "Australia/Lord_Howe",
                "2024-04-06T12:00:00Z",
                2
            ),
            ["2024-04-07 01:45 +1100", "2024-04-08 01:45 +1030"]
        );
        assert_eq!(
            due(
                "*/15 * * * *",
                "Australia/Lord_Howe",
                "2024-04-06T14:40:00Z",
                4
            ),
            [
                "2024-04-07 01:45 +1100",
                "2024-04-07 01:30 +1030",
                "2024-04-07 01:45 +1030",
                "2024-04-07 02:00 +1030"
            ]
        );
    }

    #[test]
    fn several_fixed_times_in_one_gap_are_due_once() {
        assert_eq!(
            due(
                "0,20,40 2,3 * * *",
                "America/New_York",
                "2024-03-10T06:00:00Z",
                3
            ),
            [
                "2024-03-10 03:00 -0400",
                "2024-03-10 03:20 -0400",
                "2024-03-10 03:40 -0400"
            ]
        );
    }

    #[test]
    fn a_fixed_time_is_due_once_whenever_one_asks_during_the_overlap() {
        for after in [
            "2024-11-03T05:30:00Z",
            "2024-11-03T06:00:00Z",
            "2024-11-03T06:29:59.9Z",
            "2024-11-03T06:45:00Z",
        ] {
            assert_eq!(
                due("30 1 * * *", "America/New_York", after, 1),
                ["2024-11-04 01:30 -0500"],
                "{after}"
            );
        }
    }

    #[test]
    fn zones_may_be_off_by_quarters_and_seconds() {
        assert_eq!(
            due("0 9 * * *", "Asia/Kathmandu", "2024-05-01T00:00:00Z", 1),
            ["2024-05-01 09:00 +0545"]
        );
        // Until 1972 Liberia was 44 minutes and 30 seconds behind.
        assert_eq!(
            due("0 9 * * *", "Africa/Monrovia", "1971-06-01T00:00:00Z", 1),
            ["1971-06-01 09:00 -004430"]
        );
        assert_eq!(
            due("0,30 0 * * *", "Africa/Monrovia", "1972-01-07T00:40:00Z", 2),
            ["1972-01-07 00:44 +0000", "1972-01-08 00:00 +0000"]
        );
    }

    #[test]
    fn a_day_that_a_zone_left_out_is_left_out() {
        // Samoa had no 30 December 2011.
        assert_eq!(
            due("0 12 * * *", "Pacific/Apia", "2011-12-29T12:00:00Z", 2),
            ["2011-12-29 12:00 -1000", "2011-12-31 12:00 +1400"]
        );
    }

    #[test]
    fn either_day_is_enough_when_both_are_restricted() {
        assert_eq!(
            due("0 0 13 * FRI", "UTC", "2024-09-01T00:00:00Z", 4),
            [
                "2024-09-06 00:00 +0000",
                "2024-09-13 00:00 +0000",
                "2024-09-20 00:00 +0000",
                "2024-09-27 00:00 +0000"
            ]
        );
        assert_eq!(
            due("0 0 */2 * MON", "UTC", "2024-09-01T00:00:00Z", 2),
            ["2024-09-09 00:00 +0000", "2024-09-23 00:00 +0000"]
        );
    }

    #[test]
    fn sunday_is_both_0_and_7_and_ends_a_week() {
        let sunday = ["2024-09-08 00:00 +0000", "2024-09-15 00:00 +0000"];
        for text in [
            "0 0 * * 0",
            "0 0 * * 7",
            "0 0 * * sun",
            "@weekly",
            "0 0 * * SUN-SUN",
        ] {
            assert_eq!(
                due(text, "UTC", "2024-09-01T12:00:00Z", 2),
                sunday,
                "{text}"
            );
        }
        for text in ["0 0 * * FRI-SUN", "0 0 * * 5-7", "0 0 * * 0,5,6"] {
            assert_eq!(
                due(text, "UTC", "2024-09-03T00:00:00Z", 4),
                [
                    "2024-09-06 00:00 +0000",
                    "2024-09-07 00:00 +0000",
                    "2024-09-08 00:00 +0000",
                    "2024-09-13 00:00 +0000"
                ],
                "{text}"
            );
        }
    }

    #[test]
    fn the_rarest_schedule_waits_for_forty_years() {
        // 2100 is not a leap year.
        assert_eq!(
            due("0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", 1),
            ["2104-02-29 00:00 +0000"]
        );
        assert_eq!(
            due("0 0 29 2 */7", "UTC", "2088-03-01T00:00:00Z", 1),
            ["2128-02-29 00:00 +0000"]
        );
    }

    #[test]
    fn the_end_of_the_calendar_is_no_panic() {
        let cron = Cron::parse("@daily").unwrap();
        let zone = Zone::parse("Asia/Kathmandu").unwrap();
        assert_eq!(cron.next_after(Timestamp::MAX, &zone), None);
        assert!(cron.next_after(Timestamp::MIN, &zone).is_some());
        let cron = Cron::parse("*/5 * * * *").unwrap();
        assert_eq!(cron.next_after(Timestamp::MAX, &zone), None);
        assert!(cron.next_after(Timestamp::MIN, &zone).is_some());
    }

    #[test]
    fn the_text_is_kept_as_written_with_single_spaces() {
        let cron = Cron::parse("  0\t8  * * MON-FRI ").unwrap();
        assert_eq!(cron.to_string(), "0 8 * * MON-FRI");
        let json = serde_json::to_string(&cron).unwrap();
        assert_eq!(json, r#""0 8 * * MON-FRI""#);
        assert_eq!(serde_json::from_str::<Cron>(&json).unwrap(), cron);
        let error = serde_json::from_str::<Cron>(r#""0 24 * * *""#).unwrap_err();
        assert_eq!(
            error.to_string(),
            "hour 24 is out of range: it goes from 0 to 23 (column 3)"
        );
    }

    #[test]
    fn ten_thousand_schedules_are_half_a_megabyte() {
        assert!(size_of::<Cron>() <= 48, "{}", size_of::<Cron>());
    }

    #[test]
    fn what_surprises_is_warned_about() {
        let warnings = |text| Cron::parse(text).unwrap().warnings().join("\n");
        for text in [
            "0 8 * * MON-FRI",
            "*/7 * * * *",
            "0 0 13 * FRI",
            "0 0 */2 * *",
            "@daily",
            "0-0/5 * * * *",
        ] {
            assert_eq!(warnings(text), "", "{text}");
        }
        insta::assert_snapshot!(
            [
                warnings("0 0 */2 * MON"),
                warnings("0 0 1,* * MON"),
                warnings("*/90 * * * *"),
                warnings("0 0 1 */12,3 *")
            ]
            .join("\n"),
            @r"
        day of month `*/2` and day of week `MON`: both must hold, as in Debian's cron; a Kubernetes CronJob would want either
        day of month `1,*` and day of week `MON`: either is enough, as in Debian's cron; a Kubernetes CronJob would want both
        `*/90` allows only the minute 0; a longer interval is written with `every`
        `*/12` allows only the month 1; a longer interval is written with `every`
        "
        );
    }

    #[test]
    fn a_wrong_schedule_is_told_where_why_and_what_instead() {
        let texts = [
            "",
            "0 8 * *",
            "0 0 8 * * MON",
            "0 0 12 1/1 * ? *",
            "H(0-7) * * * *",
            "0 0 * * 5#2",
            "0~59 * * * *",
            "0 8 ? * MON",
            "TZ=UTC 0 8 * * *",
            "0 8 * * MON\n",
            "0 8 * * Müll",
            "@reboot",
            "@every 5m",
            "@daily 5",
            "  @fortnightly",
            "0 0 30 2 *",
            "0 0 31 2,4,6,9,11 *",
        ];
        insta::assert_snapshot!(texts.map(problem).join("\n"), @r"
        `` 1: want five fields (minute, hour, day of month, month, day of week), found 0 [as in `0 8 * * MON-FRI`]
        `0 8 * *` 8: want five fields (minute, hour, day of month, month, day of week), found 4 [as in `0 8 * * MON-FRI`]
        `0 0 8 * * MON` 11: want five fields (minute, hour, day of month, month, day of week), found 6 [there are no seconds and no years: leave those fields out]
        `0 0 12 1/1 * ? *` 14: `?` has no meaning in a schedule [`?` is Quartz's; write `*`]
        `H(0-7) * * * *` 2: `(` has no meaning in a schedule [`H(…)` is Jenkins's; write a fixed time and a `spread`]
        `0 0 * * 5#2` 10: `#` has no meaning in a schedule [`#` is Quartz's; for the second Friday run on days `8-14` and let the first step ask for the weekday]
        `0~59 * * * *` 2: `~` has no meaning in a schedule [for a time that differs from runbook to runbook write a fixed time and a `spread`]
        `0 8 ? * MON` 5: `?` has no meaning in a schedule [`?` is Quartz's; write `*`]
        `TZ=UTC 0 8 * * *` 3: `=` has no meaning in a schedule [name the zone in `timeZone`]
        `0 8 * * MON\n` 12: `\n` has no meaning in a schedule
        `0 8 * * Müll` 10: `ü` has no meaning in a schedule
        `@reboot` 1: `@reboot` is not known [write `agent: started` instead of `schedule:`]
        `@every 5m` 1: `@every` is not known [write `every: 5m` instead of `schedule`]
        `@daily 5` 1: `@daily` stands alone
        `  @fortnightly` 3: `@fortnightly` is not known [@hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually]
        `0 0 30 2 *` 5: the schedule never fires [no month that is named has such a day]
        `0 0 31 2,4,6,9,11 *` 5: the schedule never fires [no month that is named has such a day]
        ");
    }

    #[test]
    fn a_wrong_field_is_told_where_why_and_what_instead() {
        let texts = [
            "60 * * * *",
            "0 8 0 * *",
            "0 8 * 13 *",
            "0 8 * * 8",
            "0 8 * * MONDAY",
            "0 8 * * FR",
            "0 8 * MON *",
            "0 8 * * JAN",
            "0 22-6 * * *",
            "0 0 * NOV-FEB *",
            "0 22-0 * * *",
            "0 8 * * SAT-MON",
            "0 8 * * 5-0",
            "5/15 * * * *",
            "*/0 * * * *",
            "*/x * * * *",
            "**/5 * * * *",
            "*/5/2 * * * *",
            "1,,2 * * * *",
            "1-2-3 * * * *",
            "-1 * * * *",
            "0 0 L * *",
            "0 0 15W * *",
            "H H * * *",
            "99999999999999999999 * * * *",
        ];
        insta::assert_snapshot!(texts.map(problem).join("\n"), @r"
        `60 * * * *` 1: minute 60 is out of range: it goes from 0 to 59
        `0 8 0 * *` 5: day of month 0 is out of range: it goes from 1 to 31
        `0 8 * 13 *` 7: month 13 is out of range: it goes from 1 to 12
        `0 8 * * 8` 9: day of week 8 is out of range: it goes from 0 to 7
        `0 8 * * MONDAY` 9: `MONDAY` is not a day of week [write `MON`]
        `0 8 * * FR` 9: `FR` is not a day of week [one of SUN, MON, TUE, WED, THU, FRI, SAT]
        `0 8 * MON *` 7: `MON` is not a month [it is a day of week; the order is minute, hour, day of month, month, day of week]
        `0 8 * * JAN` 9: `JAN` is not a day of week [it is a month; the order is minute, hour, day of month, month, day of week]
        `0 22-6 * * *` 3: the range `22-6` runs backwards [write `22-23,0-6`]
        `0 0 * NOV-FEB *` 7: the range `NOV-FEB` runs backwards [write `NOV-DEC,JAN-FEB`]
        `0 22-0 * * *` 3: the range `22-0` runs backwards [write `22-23,0`]
        `0 8 * * SAT-MON` 9: the range `SAT-MON` runs backwards [write `SAT,SUN-MON`]
        `0 8 * * 5-0` 9: the range `5-0` runs backwards [write `5-7`]
        `5/15 * * * *` 1: `5/15` has a step but no range [some crons read it as `5`, others as `5-59/…`: write which]
        `*/0 * * * *` 3: `0` is not a step of the minute [a step is a number from 1, as in `*/5`]
        `*/x * * * *` 3: `x` is not a step of the minute [a step is a number from 1, as in `*/5`]
        `**/5 * * * *` 1: `**` is not a minute
        `*/5/2 * * * *` 3: `5/2` is not a step of the minute [a step is a number from 1, as in `*/5`]
        `1,,2 * * * *` 3: a value of the minute is missing
        `1-2-3 * * * *` 3: `2-3` is not a minute
        `-1 * * * *` 1: a value of the minute is missing
        `0 0 L * *` 5: `L` is not a day of month [`L` is Quartz's; there is no last day in cron: run on `28-31` and let the first step ask for the date]
        `0 0 15W * *` 5: `15W` is not a day of month [`W` is Quartz's; for weekdays write `MON-FRI` as the fifth field]
        `H H * * *` 1: `H` is not a minute [`H` is Jenkins's; write a fixed time and a `spread`]
        `99999999999999999999 * * * *` 1: minute 99999999999999999999 is out of range: it goes from 0 to 59
        ");
    }

    #[test]
    fn a_schedule_has_an_end() {
        let long = format!("{}* * * * *", "0,".repeat(300));
        let error = Cron::parse(&long).unwrap_err();
        assert_eq!(error.what, "a schedule has at most 512 characters");
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "\\PC{0,40}") {
            let _ignored = Cron::parse(&text);
        }
        #[test]
        fn any_text_of_cron_letters_is_read_without_panic(text in "[-*/,0-9A-Z@ ]{0,30}") {
            if let Ok(cron) = Cron::parse(&text) {
                prop_assert_eq!(Cron::parse(cron.as_str()).unwrap(), cron);
            }
        }
        #[test]
        fn a_wrong_column_lies_within_the_text_or_just_behind(text in "[*/0-9a-zé -]{0,30}") {
            if let Err(error) = Cron::parse(&text) {
                prop_assert!((1..=text.chars().count() + 1).contains(&error.column));
            }
        }
    }
}
