//! What the schedules are compared with: Debian's cron, modelled minute by minute after the main loop of its `cron.c`, and the
//! crate `cron` where both read a schedule in the same way.

use crate::domain::schedule::{Cron, Zone};
use jiff::{SignedDuration, Timestamp, ToSpan, tz::TimeZone};
use proptest::{prelude::*, sample::select};
use std::{collections::BTreeSet, str::FromStr, sync::LazyLock};

const NAMES: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// One field, read the slow way.
struct Values(Vec<bool>);

impl Values {
    fn read(text: &str, low: usize, high: usize) -> Self {
        let mut values = vec![false; high + 1];
        for item in text.split(',') {
            let (range, step) = item.split_once('/').unwrap_or((item, "1"));
            let (low, high) = match range.split_once('-') {
                _ if range == "*" => (low, high),
                None => (number(range), number(range)),
                Some((from, to)) => (number(from), number(to)),
            };
            let mut value = low;
            while value <= high {
                values[value] = true;
                value += number(step);
            }
        }
        Self(values)
    }
    fn has(&self, value: i8) -> bool {
        self.0[usize::try_from(value).unwrap()]
    }
}

fn number(text: &str) -> usize {
    let named = NAMES.iter().position(|name| *name == text);
    named.unwrap_or_else(|| text.parse().unwrap())
}

/// A line of a crontab.
struct Entry {
    minute: Values,
    hour: Values,
    day: Values,
    month: Values,
    weekday: Values,
    day_star: bool,
    weekday_star: bool,
    wild: bool,
}

impl Entry {
    fn read(text: &str) -> Self {
        let fields: Vec<&str> = text.split(' ').collect();
        let mut weekday = Values::read(fields[4], 0, 7);
        weekday.0[0] |= weekday.0[7];
        Self {
            minute: Values::read(fields[0], 0, 59),
            hour: Values::read(fields[1], 0, 23),
            day: Values::read(fields[2], 1, 31),
            month: Values::read(fields[3], 1, 12),
            weekday,
            day_star: fields[2].starts_with('*'),
            weekday_star: fields[4].starts_with('*'),
            wild: fields[0].starts_with('*') || fields[1].starts_with('*'),
        }
    }

    /// `find_jobs` of cron.c, for a minute of local time.
    fn is_found(&self, local_minute: i64, do_wild: bool, do_fixed: bool) -> bool {
        let of = |value: i64| i8::try_from(value).unwrap();
        if !self.minute.has(of(local_minute.rem_euclid(60)))
            || !self
                .hour
                .has(of(local_minute.div_euclid(60).rem_euclid(24)))
        {
            return false;
        }
        let date = TimeZone::UTC.to_datetime(Timestamp::from_second(local_minute * 60).unwrap());
        let day = self.day.has(date.day());
        let weekday = self.weekday.has(date.weekday().to_sunday_zero_offset());
        let on_this_day = if self.day_star || self.weekday_star {
            day && weekday
        } else {
            day || weekday
        };
        self.month.has(date.month()) && on_this_day && if self.wild { do_wild } else { do_fixed }
    }

    /// The main loop of cron.c, woken at every minute after the first: which of them it starts something at.
    fn starts(&self, local_minutes: &[i64]) -> BTreeSet<usize> {
        let mut starts = BTreeSet::new();
        let mut virtual_time = local_minutes[0];
        for (minute, &running) in local_minutes.iter().enumerate().skip(1) {
            let found = match running - virtual_time {
                181.. | ..=-180 => {
                    virtual_time = running;
                    self.is_found(running, true, true)
                }
                6..=180 => {
                    let mut found = self.is_found(running, true, false);
                    while virtual_time < running {
                        virtual_time += 1;
                        found |= self.is_found(virtual_time, false, true);
                    }
                    found
                }
                1..=5 => {
                    let mut found = false;
                    while virtual_time < running {
                        virtual_time += 1;
                        found |= self.is_found(virtual_time, true, true);
                    }
                    found
                }
                -179..=0 => self.is_found(running, true, false),
            };
            if found {
                starts.insert(minute);
            }
        }
        starts
    }
}

/// What the clock on the wall shows at `from` and at every minute of the days after it, in minutes since 1970.
fn local_minutes(zone: &Zone, from: Timestamp, days: i64) -> Vec<i64> {
    let local = |at: Timestamp| {
        let offset = zone.time_zone().to_offset(at).seconds();
        (at.as_second() + i64::from(offset)).div_euclid(60)
    };
    (0..=days * 24 * 60)
        .map(|minute| local(from + SignedDuration::from_mins(minute)))
        .collect()
}

/// What the schedule under test says about the same minutes.
fn starts(cron: &Cron, zone: &Zone, from: Timestamp, minutes: usize) -> BTreeSet<usize> {
    let first = cron.next_after(from, zone);
    std::iter::successors(first, |due| cron.next_after(*due, zone))
        .map(|due| usize::try_from(due.duration_since(from).as_mins()).unwrap())
        .take_while(|due| *due <= minutes)
        .collect()
}

/// Every movement of every zone's clock from 2000 to 2040, with the zone.
static MOVEMENTS: LazyLock<Vec<(Zone, Timestamp)>> = LazyLock::new(|| {
    let second = |second| Timestamp::from_second(second).unwrap();
    let (from, until) = (second(946_684_800), second(2_208_988_800));
    let mut movements = Vec::new();
    for name in jiff::tz::TimeZoneDatabase::bundled().available() {
        let Ok(zone) = Zone::parse(name.as_str()) else {
            continue;
        };
        let table = zone.time_zone().clone();
        for movement in table.following(from) {
            let at = movement.timestamp();
            if at > until {
                break;
            }
            movements.push((zone.clone(), at));
        }
    }
    movements
});

fn item(low: u32, high: u32) -> impl Strategy<Value = String> {
    let range = (low..=high).prop_flat_map(move |from| (Just(from), from..=high));
    prop_oneof![
        2 => (low..=high).prop_map(|value| value.to_string()),
        1 => range.clone().prop_map(|(from, to)| format!("{from}-{to}")),
        1 => (range, 1u32..20).prop_map(|((from, to), step)| format!("{from}-{to}/{step}")),
        1 => (1u32..20).prop_map(|step| format!("*/{step}")),
        1 => Just("*".to_owned()),
    ]
}

fn field(low: u32, high: u32) -> impl Strategy<Value = String> {
    proptest::collection::vec(item(low, high), 1..3).prop_map(|items| items.join(","))
}

fn or_star(field: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    prop_oneof![2 => Just("*".to_owned()), 1 => field]
}

/// Most clocks are moved at night.
fn schedules() -> impl Strategy<Value = String> {
    (
        field(0, 59),
        prop_oneof![2 => field(0, 4), 1 => field(0, 23)],
        or_star(field(1, 31)),
        or_star(field(1, 12)),
        or_star(field(0, 7)),
    )
        .prop_map(|(minute, hour, day, month, weekday)| {
            format!("{minute} {hour} {day} {month} {weekday}")
        })
}

fn compare(text: &str, zone: &Zone, from: Timestamp, local_minutes: &[i64]) {
    let Ok(cron) = Cron::parse(text) else {
        return;
    };
    let expected = Entry::read(text).starts(local_minutes);
    let found = starts(&cron, zone, from, local_minutes.len() - 1);
    let differences: Vec<_> = expected.symmetric_difference(&found).take(5).collect();
    assert!(
        differences.is_empty(),
        "`{text}` in {zone}, minutes after {from}: {differences:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn every_schedule_is_debians_around_every_movement_of_any_clock(
        text in schedules(),
        movement in any::<prop::sample::Index>(),
    ) {
        let (zone, at) = movement.get(&MOVEMENTS);
        let from = *at - SignedDuration::from_hours(30);
        compare(&text, zone, from, &local_minutes(zone, from, 3));
    }

    #[test]
    fn every_schedule_is_debians_where_the_clock_is_moved_in_well_known_ways(
        text in schedules(),
        (zone, day) in select(vec![
            ("Europe/Berlin", "2024-03-30T00:00:00Z"),
            ("Europe/Berlin", "2024-10-26T00:00:00Z"),
            ("America/New_York", "2024-03-09T00:00:00Z"),
            ("America/New_York", "2024-11-02T00:00:00Z"),
            ("Australia/Lord_Howe", "2024-04-05T00:00:00Z"),
            ("Australia/Lord_Howe", "2024-10-04T00:00:00Z"),
            ("Asia/Kathmandu", "1985-12-31T00:00:00Z"),
            ("Pacific/Apia", "2011-12-29T00:00:00Z"),
        ]),
    ) {
        let zone = Zone::parse(zone).unwrap();
        let from = day.parse().unwrap();
        compare(&text, &zone, from, &local_minutes(&zone, from, 3));
    }

    #[test]
    fn a_schedule_says_what_the_crate_says_where_only_one_day_is_restricted(
        (minute, hour, month) in (field(0, 59), field(0, 23), field(1, 12)),
        (day, weekday) in prop_oneof![
            (field(1, 28), Just("*".to_owned())),
            (Just("*".to_owned()), select(&NAMES[..]).prop_map(str::to_owned)),
        ],
        from in 0i64..3_000_000_000,
    ) {
        let text = format!("{minute} {hour} {day} {month} {weekday}");
        let Ok(reference) = cron::Schedule::from_str(&format!("0 {text}")) else {
            // It refuses steps that are longer than the whole. (And it ends in the year 2100.)
            return Ok(());
        };
        let instant = chrono::DateTime::from_timestamp(from, 0).unwrap();
        let expected: Vec<_> = reference.after(&instant).take(10).map(|due| due.timestamp()).collect();
        let schedule = Cron::parse(&text).unwrap();
        let mut due = Timestamp::from_second(from).unwrap();
        let found: Vec<_> = (0..10)
            .map(|_| {
                due = schedule.next_after(due, &Zone::utc()).unwrap();
                due.as_second()
            })
            .collect();
        prop_assert_eq!(found, expected, "{}", text);
    }
}

#[test]
fn a_whole_year_of_common_schedules_is_debians() {
    let schedules = [
        "* * * * *",
        "30 2 * * *",
        "0,30 2 * * *",
        "*/30 2 * * *",
        "0 2,3 * * 0,6",
        "0 0 13 * FRI",
        "0 0 */2 * MON",
        "59 23 31 12 *",
    ];
    for zone in ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"] {
        let zone = Zone::parse(zone).unwrap();
        let from = "2025-01-01T00:00:00Z".parse().unwrap();
        let year = local_minutes(&zone, from, 365);
        for text in schedules {
            compare(text, &zone, from, &year);
        }
    }
}

/// Debian takes what is further as a correction; the rule about fixed times that a clock shows twice needs no such exception.
#[test]
fn no_clock_was_turned_back_by_more_than_three_hours_since_2000() {
    for (zone, at) in MOVEMENTS.iter() {
        let offset = |at| zone.time_zone().to_offset(at).seconds();
        let back = offset(*at - 1.second()) - offset(*at);
        assert!(back <= 3 * 3600, "{zone} {at}: {back} s");
    }
}
