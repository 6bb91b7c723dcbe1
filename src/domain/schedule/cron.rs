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
    /// time. Other schedules are due whenever the clock shows their time.
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
        format!("`{wrong}` has no meaning in a schedule"),
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
        "@reboot" => {
            "the agent's start is not a time; a run can be started by a webhook or by a person"
                .to_owned()
        }
        "@every" => "write `every: 5m` instead of `schedule`".to_owned(),
        _ => SHORTHANDS.map(|(name, _)| name).join(", "),
    };
    let what = format!("`{word}` is not known here");
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
                place + 1,
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
}
