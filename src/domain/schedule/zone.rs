//! Time zones, by their names in the IANA database that is part of the binary.

use jiff::{
    SignedDuration, Timestamp,
    civil::DateTime,
    tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase},
};
use std::{fmt, hash, str::FromStr, sync::LazyLock};

/// The same on every machine, whatever is installed there.
static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A clock on the wall that is moved by less than this keeps its fixed times; one that is moved further was corrected (cron(8)).
const LARGEST_SHIFT: SignedDuration = SignedDuration::from_hours(3);

/// A time zone of the IANA database, such as `Europe/Berlin`. Copies share one table.
#[derive(Clone)]
pub struct Zone(TimeZone);

/// Why a text is not a time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct InvalidZone {
    /// What is wrong.
    pub what: String,
    /// How to put it right.
    pub hint: Option<String>,
}

impl Zone {
    /// Finds a zone by its exact name.
    ///
    /// # Errors
    /// The database has no zone of this name.
    pub fn parse(text: &str) -> Result<Self, InvalidZone> {
        DATABASE
            .get(text)
            .ok()
            .map(Self)
            .filter(|zone| zone.name() == text && !is_no_place(text))
            .ok_or_else(|| InvalidZone {
                what: format!("`{}` is not a time zone", shortened(text)),
                hint: Some(hint(text)),
            })
    }

    /// Coordinated Universal Time.
    pub fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// Its name in the database.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// jiff's own, to show instants by.
    pub fn time_zone(&self) -> &TimeZone {
        &self.0
    }

    /// What the clock on the wall shows.
    pub(super) fn civil(&self, instant: Timestamp) -> DateTime {
        self.0.to_datetime(instant)
    }

    /// When the clock on the wall will show that time, provided that it is not moved from `now` on, and when it is moved next.
    pub(super) fn undisturbed(
        &self,
        now: Timestamp,
        civil: DateTime,
    ) -> Option<(Timestamp, Option<Timestamp>)> {
        let instant = self.0.to_offset(now).to_timestamp(civil).ok()?;
        let moved = self.0.following(now).next();
        Some((instant, moved.map(|transition| transition.timestamp())))
    }

    /// When a fixed time is due: where the clock skips it, right after that; where the clock shows it twice, the first time.
    /// Nothing where the clock skips it by three hours or more.
    pub(super) fn fixed(&self, civil: DateTime) -> Option<Timestamp> {
        match self.0.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(civil).ok(),
            AmbiguousOffset::Fold { before, .. } => before.to_timestamp(civil).ok(),
            AmbiguousOffset::Gap { before, after } => {
                // Read by the later offset, a skipped time lies before the moment when the clock is moved.
                let earlier = after.to_timestamp(civil).ok()?;
                let shift = before.duration_until(after);
                let moved = self.0.following(earlier).next()?.timestamp();
                (shift < LARGEST_SHIFT).then_some(moved)
            }
        }
    }
}

/// In the database, but not the zone of any place.
fn is_no_place(name: &str) -> bool {
    matches!(name, "Factory" | "Etc/Unknown")
}

fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

fn hint(text: &str) -> String {
    let near = nearest(&shortened(text));
    if near.is_empty() {
        return "name it as the IANA database does, by region and city, as in `Europe/Berlin`, or `UTC`; offsets and the \
                machine's own zone are not accepted"
            .to_owned();
    }
    let near: Vec<_> = near.iter().map(|name| format!("`{name}`")).collect();
    format!("did you mean {}?", near.join(" or "))
}

/// Up to three names that come close, the nearest first, and none that is much further than the nearest.
fn nearest(text: &str) -> Vec<String> {
    let wanted = text.trim().replace(' ', "_").to_ascii_lowercase();
    let mut near: Vec<(f64, String)> = DATABASE
        .available()
        .map(|name| (likeness(&wanted, name.as_str()), name.as_str().to_owned()))
        .filter(|(likeness, name)| *likeness >= 0.8 && !is_no_place(name))
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let best = near.first().map_or(0.0, |(likeness, _)| *likeness);
    near.into_iter()
        .take(3)
        .take_while(|(likeness, _)| *likeness > best - 0.08)
        .map(|(_, name)| name)
        .collect()
}

/// From 0 to 1. The city alone counts nearly as much as the whole name.
fn likeness(wanted: &str, name: &str) -> f64 {
    let name = name.to_ascii_lowercase();
    let whole = strsim::normalized_damerau_levenshtein(wanted, &name);
    let city = name.rsplit('/').next().unwrap_or_default();
    let by_city = strsim::normalized_damerau_levenshtein(wanted, city) * 0.95;
    whole.max(by_city)
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}
impl Eq for Zone {}
impl hash::Hash for Zone {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}
impl Default for Zone {
    fn default() -> Self {
        Self::utc()
    }
}
impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.name())
    }
}
impl FromStr for Zone {
    type Err = InvalidZone;
    fn from_str(text: &str) -> Result<Self, InvalidZone> {
        Self::parse(text)
    }
}
impl serde::Serialize for Zone {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
impl<'de> serde::Deserialize<'de> for Zone {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}
impl schemars::JsonSchema for Zone {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Zone".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A time zone by its name in the IANA database, as in `Europe/Berlin`, or `UTC`.",
            "examples": ["UTC", "Europe/Berlin", "America/New_York"]
        })
    }
    fn inline_schema() -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{DATABASE, Zone, is_no_place};
    use proptest::prelude::*;

    #[test]
    fn every_zone_of_the_database_is_found_by_its_name() {
        let names: Vec<_> = DATABASE.available().collect();
        assert!(names.len() > 500, "{}", names.len());
        for name in names.iter().map(jiff::tz::TimeZoneName::as_str) {
            let zone = Zone::parse(name);
            assert_eq!(zone.is_ok(), !is_no_place(name), "{name}");
            assert!(zone.is_err() || zone.unwrap().to_string() == name, "{name}");
        }
    }

    #[test]
    fn utc_is_a_zone() {
        assert_eq!(Zone::parse("UTC").unwrap(), Zone::utc());
        assert_eq!(Zone::default().to_string(), "UTC");
    }

    #[test]
    fn a_zone_survives_json() {
        let zone = Zone::parse("America/Argentina/Ushuaia").unwrap();
        let json = serde_json::to_string(&zone).unwrap();
        assert_eq!(json, r#""America/Argentina/Ushuaia""#);
        assert_eq!(serde_json::from_str::<Zone>(&json).unwrap(), zone);
    }

    #[test]
    fn an_unknown_zone_is_told_what_comes_near() {
        let texts = [
            "europe/berlin",
            "Europe/Berln",
            "Berlin",
            "America/New York",
            "new york",
            "Lord Howe",
            "Europe/Atlantis",
            "W. Europe Standard Time",
            "CEST",
            "+02:00",
            "UTC+2",
            "Local",
            "localtime",
            "Etc/Unknown",
            "Factory",
            "",
            "../etc/passwd",
            "Europe/Berlin ",
        ];
        let problem = |text: &str| {
            let error = Zone::parse(text).unwrap_err();
            format!("{} [{}]", error.what, error.hint.unwrap_or_default())
        };
        insta::assert_snapshot!(texts.map(problem).join("\n"), @r"
        `europe/berlin` is not a time zone [did you mean `Europe/Berlin`?]
        `Europe/Berln` is not a time zone [did you mean `Europe/Berlin`?]
        `Berlin` is not a time zone [did you mean `Europe/Berlin`?]
        `America/New York` is not a time zone [did you mean `America/New_York`?]
        `new york` is not a time zone [did you mean `America/New_York`?]
        `Lord Howe` is not a time zone [did you mean `Australia/Lord_Howe`?]
        `Europe/Atlantis` is not a time zone [name it as the IANA database does, by region and city, as in `Europe/Berlin`, or `UTC`; offsets and the machine's own zone are not accepted]
        `W. Europe Standard Time` is not a time zone [name it as the IANA database does, by region and city, as in `Europe/Berlin`, or `UTC`; offsets and the machine's own zone are not accepted]
        `CEST` is not a time zone [name it as the IANA database does, by region and city, as in `Europe/Berlin`, or `UTC`; offsets and the machine's own zone are not accepted]
        `+02:00` is not a time zone [name it as the IANA database does, by region and city, as in `Europe/Berlin`, or `UTC`; offsets and the machine's own zone are not accepted]
        `UTC+2` is not a time zone [name it as the IANA database does, by region and city, as in `Europe/Berlin`, or `UTC`; offsets and the machine's own zone are not accepted]
        `Local` is not a time zone [name it as the IANA database does, by region and city, as in `Europe/Berlin`, or `UTC`; offsets and the machine's own zone are not accepted]
        `localtime` is not a time zone [name it as the IANA database does, by region and city, as in `Europe/Berlin`, or `UTC`; offsets and the machine's own zone are not accepted]
        `Etc/Unknown` is not a time zone [name it as the IANA database does, by region and city, as in `Europe/Berlin`, or `UTC`; offsets and the machine's own zone are not accepted]
        `Factory` is not a time zone [name it as the IANA database does, by region and city, as in `Europe/Berlin`, or `UTC`; offsets and the machine's own zone are not accepted]
        `` is not a time zone [name it as the IANA database does, by region and city, as in `Europe/Berlin`, or `UTC`; offsets and the machine's own zone are not accepted]
        `../etc/passwd` is not a time zone [name it as the IANA database does, by region and city, as in `Europe/Berlin`, or `UTC`; offsets and the machine's own zone are not accepted]
        `Europe/Berlin ` is not a time zone [did you mean `Europe/Berlin`?]
        ");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn any_text_is_read_without_panic(text in "\\PC{0,100}") {
            let _ignored = Zone::parse(&text);
        }
    }
}
