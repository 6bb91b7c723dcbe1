//! Which artifacts of a series stay, and why: pure.
//!
//! Invariants
//! - The newest one stays, and so do the last verified ones.
//! - One that is doubted stays until a person says whether it is right, and counts for no rule: a bad one pushes no good one out.

use crate::{
    domain::{name::StoreName, span::Span},
    ports::shelf::Known,
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What stays of a series. Whatever one rule keeps stays.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Retention {
    /// The last so many.
    pub last: Option<u32>,
    /// Those that are younger.
    pub younger_than: Option<Span>,
    /// The last of each day (UTC), for so many days that have one.
    pub daily: Option<u32>,
    /// The last of each week, from Monday on.
    pub weekly: Option<u32>,
    /// The last of each month.
    pub monthly: Option<u32>,
    /// The last of each year.
    pub yearly: Option<u32>,
}

/// What becomes of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// For these reasons.
    Stays(Vec<String>),
    /// For this one.
    Goes(String),
}

/// Its word, how many stay, and the beginning of the one that a day is in.
type Period = (&'static str, Option<u32>, fn(Date) -> Date);

impl Retention {
    /// Whether it says anything.
    pub(super) fn check(&self) -> Result<(), String> {
        let counts = [
            self.last,
            self.daily,
            self.weekly,
            self.monthly,
            self.yearly,
        ];
        if self.younger_than.is_none() && counts.iter().flatten().all(|count| *count == 0) {
            return Err("in `with`, at `retain`: name at least one of `last`, `youngerThan`, `daily`, `weekly`, `monthly`, `yearly`".to_owned());
        }
        Ok(())
    }

    /// What becomes of each of a series, newest first. Each store is counted for itself: of two copies neither goes because of the other.
    pub(super) fn fates(&self, series: &[Known], verified: u32, now: Timestamp) -> Vec<Fate> {
        let mut stores: BTreeMap<Option<&StoreName>, Vec<(usize, &Known)>> = BTreeMap::new();
        for (place, known) in series.iter().enumerate() {
            let store = known.location.store();
            stores.entry(store).or_default().push((place, known));
        }
        let mut fates: Vec<(usize, Fate)> = Vec::new();
        for of_store in stores.into_values() {
            let (places, known): (Vec<usize>, Vec<&Known>) = of_store.into_iter().unzip();
            fates.extend(places.into_iter().zip(self.in_store(&known, verified, now)));
        }
        fates.sort_by_key(|(place, _)| *place);
        fates.into_iter().map(|(_, fate)| fate).collect()
    }

    fn in_store(&self, series: &[&Known], verified: u32, now: Timestamp) -> Vec<Fate> {
        let mut reasons: Vec<Vec<String>> = vec![Vec::new(); series.len()];
        let mut stays = |place: usize, why: String| {
            if let Some(of) = reasons.get_mut(place) {
                of.push(why);
            }
        };
        if !series.is_empty() {
            stays(0, "the newest".to_owned());
        }
        for (place, known) in series.iter().enumerate() {
            if let (None, Some(why)) = (&known.unsound, &known.doubt) {
                stays(place, format!("doubted, until a person accepts it: {why}"));
            }
        }
        let sound = || {
            let all = series.iter().enumerate();
            all.filter(|(_, known)| known.unsound.is_none() && known.doubt.is_none())
        };
        let checked = sound().filter(|(_, known)| known.verified.is_some());
        for (place, _) in checked.take(count(Some(verified))) {
            stays(place, "of the last verified".to_owned());
        }
        for (place, _) in sound().take(count(self.last)) {
            stays(place, "of the last".to_owned());
        }
        for (place, known) in sound() {
            let age = now.duration_since(known.at);
            if self.younger_than.is_some_and(|most| age < most.signed()) {
                stays(place, "young".to_owned());
            }
        }
        for (word, wanted, period) in self.periods() {
            let mut last = None;
            let mut left = count(wanted);
            for (place, known) in sound() {
                let key = period(known.at.to_zoned(TimeZone::UTC).date());
                if left == 0 || last == Some(key) {
                    continue;
                }
                (last, left) = (Some(key), left - 1);
                stays(place, format!("{word} of {key}"));
            }
        }
        let fate = |(known, why): (&&Known, Vec<String>)| match (&known.unsound, why.is_empty()) {
            (_, false) => Fate::Stays(why),
            (Some(unsound), true) => Fate::Goes(format!("unsound: {unsound}")),
            (None, true) => Fate::Goes("no rule keeps it".to_owned()),
        };
        series.iter().zip(reasons).map(fate).collect()
    }

    /// The beginning of each period by its day.
    fn periods(&self) -> [Period; 4] {
        [
            ("daily", self.daily, |day| day),
            ("weekly", self.weekly, |day| {
                let back = i64::from(day.weekday().to_monday_zero_offset());
                day.saturating_sub(jiff::Span::new().days(back))
            }),
            ("monthly", self.monthly, Date::first_of_month),
            ("yearly", self.yearly, Date::first_of_year),
        ]
    }
}

fn count(wanted: Option<u32>) -> usize {
    wanted.map_or(0, |count| usize::try_from(count).unwrap_or(usize::MAX))
}

/// Why nothing of a series may go now; newest first.
pub(super) fn blocked(series: &[Known], within: Span, now: Timestamp) -> Option<String> {
    let newest = series.first()?;
    if let Some(why) = &newest.unsound {
        return Some(format!("the newest is unsound: {why}"));
    }
    if let Some(why) = &newest.doubt {
        return Some(format!("the newest is doubted: {why}"));
    }
    let age = now.duration_since(newest.at);
    if age.is_negative() {
        return Some(format!(
            "the newest is of {}, which is still to come: see to the clock",
            newest.at
        ));
    }
    (age >= within.signed()).then(|| {
        format!(
            "the newest is of {}, and `within` wants one younger than {within}",
            newest.at
        )
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::{Fate, Retention, blocked};
    use crate::{
        domain::{
            artifact::Location, digest::Digest, id::ArtifactId, name::RunbookName, span::Span,
        },
        ports::shelf::Known,
    };
    use jiff::Timestamp;
    use proptest::prelude::*;
    use serde_json::json;

    /// A sound one of this time.
    pub(in crate::actions::backup) fn known(at: &str) -> Known {
        let at: Timestamp = at.parse().unwrap();
        Known {
            id: ArtifactId::new(at, [1; 10]),
            runbook: RunbookName::new("nightly").unwrap(),
            name: "db".into(),
            kind: "sqlite".into(),
            location: Location::parse("/x"),
            encrypted: false,
            size: 1,
            raw_size: 1,
            sha256: Digest::of_bytes(b"x"),
            entries: 1,
            at,
            verified: None,
            restored_in: None,
            unsound: None,
            doubt: None,
        }
    }
    fn at_two(day: &str) -> Known {
        known(&format!("{day}T02:00:00Z"))
    }
    fn retention(value: serde_json::Value) -> Retention {
        serde_json::from_value(value).unwrap()
    }
    fn stays(retention: &Retention, series: &[Known], verified: u32) -> Vec<bool> {
        let now = "2026-03-14T09:00:00Z".parse().unwrap();
        let fates = retention.fates(series, verified, now);
        fates
            .iter()
            .map(|fate| matches!(fate, Fate::Stays(_)))
            .collect()
    }

    #[test]
    fn grandfathers_fathers_and_sons_stay_each_the_last_of_its_time() {
        let days = [
            "2026-03-14", // Saturday
            "2026-03-13",
            "2026-03-09", // Monday
            "2026-03-08", // Sunday
            "2026-03-01", // Sunday
            "2026-02-28",
            "2026-02-01",
            "2025-12-31",
            "2025-01-01",
        ];
        let series: Vec<Known> = days.into_iter().map(at_two).collect();
        let kept = |rules| stays(&retention(rules), &series, 0);
        let yes = |places: &[usize]| {
            (0..series.len())
                .map(|place| places.contains(&place))
                .collect::<Vec<_>>()
        };
        assert_eq!(kept(json!({ "daily": 2 })), yes(&[0, 1]));
        assert_eq!(kept(json!({ "weekly": 3 })), yes(&[0, 3, 4]));
        assert_eq!(kept(json!({ "monthly": 3 })), yes(&[0, 5, 7]));
        assert_eq!(kept(json!({ "yearly": 5 })), yes(&[0, 7]));
        assert_eq!(kept(json!({ "last": 3 })), yes(&[0, 1, 2]));
        assert_eq!(kept(json!({ "youngerThan": "2d" })), yes(&[0, 1]));
        assert_eq!(
            kept(json!({ "daily": 1, "yearly": 2, "monthly": 2 })),
            yes(&[0, 5, 7])
        );
    }

    #[test]
    fn a_bad_one_pushes_no_good_one_out() {
        let mut series: Vec<Known> = ["2026-03-14", "2026-03-13", "2026-03-12", "2026-03-11"]
            .into_iter()
            .map(at_two)
            .collect();
        series[1].unsound = Some("cut".into());
        series[2].doubt = Some("it shrank".into());
        let rules = retention(json!({ "last": 2 }));
        assert_eq!(stays(&rules, &series, 0), [true, false, true, true]);
    }

    #[test]
    fn the_last_verified_stay_whatever_the_rules_say() {
        let mut series: Vec<Known> = ["2026-03-14", "2026-03-13", "2026-03-12", "2025-03-11"]
            .into_iter()
            .map(at_two)
            .collect();
        for place in [2, 3] {
            series[place].verified = Some(series[place].at);
        }
        let rules = retention(json!({ "last": 1 }));
        assert_eq!(stays(&rules, &series, 1), [true, false, true, false]);
        assert_eq!(stays(&rules, &series, 2), [true, false, true, true]);
    }

    #[test]
    fn nothing_goes_unless_the_newest_is_sound_and_fresh() {
        let within: Span = "26h".parse().unwrap();
        let now: Timestamp = "2026-03-14T09:00:00Z".parse().unwrap();
        let why = |newest: Known| blocked(&[newest], within, now).unwrap_or_default();
        assert_eq!(why(at_two("2026-03-14")), "");
        assert!(why(at_two("2026-03-12")).contains("wants one younger than"));
        assert!(why(at_two("2026-03-15")).contains("see to the clock"));
        let doubted = Known {
            doubt: Some("it shrank".into()),
            ..at_two("2026-03-14")
        };
        assert!(why(doubted).contains("doubted: it shrank"));
        let unsound = Known {
            unsound: Some("cut".into()),
            ..at_two("2026-03-14")
        };
        assert!(why(unsound).contains("unsound: cut"));
        assert_eq!(blocked(&[], within, now), None);
    }

    #[test]
    fn rules_that_keep_nothing_are_no_rules() {
        assert!(Retention::default().check().is_err());
        assert!(retention(json!({ "last": 0 })).check().is_err());
        assert_eq!(retention(json!({ "weekly": 4 })).check(), Ok(()));
    }

    proptest! {
        #[test]
        fn the_newest_and_the_last_verified_never_go(
            hours in proptest::collection::vec((1_i64..2000, any::<bool>(), 0_u8..4), 1..40),
            last in 0_u32..5, daily in 0_u32..5, weekly in 0_u32..5, keep in 0_u32..4,
        ) {
            let now: Timestamp = "2026-03-14T09:00:00Z".parse().unwrap();
            let mut back = 0;
            let series: Vec<Known> = hours.into_iter().map(|(hours, verified, state)| {
                back += hours;
                let at = now - jiff::SignedDuration::from_hours(back);
                Known {
                    at,
                    verified: verified.then_some(at),
                    unsound: (state == 0).then(|| "cut".to_owned()),
                    doubt: (state == 1).then(|| "shrank".to_owned()),
                    ..known("2026-03-14T02:00:00Z")
                }
            }).collect();
            let rules = retention(json!({ "last": last, "daily": daily, "weekly": weekly }));
            let fates = rules.fates(&series, keep, now);
            prop_assert!(matches!(fates[0], Fate::Stays(_)));
            let good = |known: &&Known| known.unsound.is_none() && known.doubt.is_none() && known.verified.is_some();
            let there = series.iter().filter(good).count();
            let left = series.iter().zip(&fates).filter(|(known, fate)| good(known) && matches!(fate, Fate::Stays(_))).count();
            prop_assert!(left >= there.min(keep as usize));
            let good = |known: &Known| known.unsound.is_none() && known.doubt.is_none();
            let left = series.iter().zip(&fates).filter(|(known, fate)| good(known) && matches!(fate, Fate::Stays(_))).count();
            let there = series.iter().filter(|known| good(known)).count();
            prop_assert!(left >= there.min(last as usize));
        }
    }

    #[test]
    fn of_two_copies_in_two_stores_neither_goes_because_of_the_other() {
        let mut copies = vec![
            known("2026-03-14T02:01:00Z"),
            known("2026-03-14T02:00:00Z"),
            at_two("2026-03-13"),
        ];
        copies[0].location = Location::parse("offsite:nightly/x");
        let retention = Retention {
            daily: Some(1),
            ..Retention::default()
        };
        let fates = retention.fates(&copies, 1, copies[0].at);
        let stays: Vec<bool> = fates
            .iter()
            .map(|fate| matches!(fate, Fate::Stays(_)))
            .collect();
        assert_eq!(stays, [true, true, false]);
    }
}
