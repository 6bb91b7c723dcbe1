use super::{Lately, Limits, Measure, Most, Room, Standing, Touched, Whose, touched};
use crate::domain::{
    effect::{Class, Effect, Effects, Object, Place, Reach, Scope, Verb, Which},
    name::RunbookName,
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

fn book(name: &str) -> RunbookName {
    name.parse().unwrap()
}
fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + second).unwrap()
}
fn pods(class: Class, namespace: &str, objects: u32) -> Touched {
    Touched {
        class,
        target: "cluster default".to_owned(),
        namespace: Some(namespace.to_owned()),
        objects,
    }
}
fn limits(changes: u32) -> Limits {
    let most = Most {
        changes_per_minute: Some(changes),
        destructive_per_hour: Some(3),
    };
    Limits {
        per_namespace: most,
        ..Limits::default()
    }
}
fn room(lately: &mut Lately, limits: &Limits, adds: &Touched, second: i64) -> Standing {
    let all = lately.standings(limits, &book("b"), std::slice::from_ref(adds), at(second));
    all[0].clone()
}

#[test]
fn objects_are_counted_and_what_is_not_known_counts_as_one() {
    let object = |scope| Object {
        place: Place::Cluster("default".into()),
        kind: "pod".into(),
        scope,
        which: Which::All,
    };
    let shop = || object(Scope::Namespace("shop".into()));
    let with = |reach, effect: Effect| Effect { reach, ..effect };
    let effects = Effects::exact(vec![
        Effect::read(Verb::List, shop()),
        with(Reach::AtMost(7), Effect::change(Verb::Patch, shop(), "x")),
        with(Reach::Unknown, Effect::change(Verb::Patch, shop(), "x")),
        with(Reach::Exactly(2), Effect::destructive(Verb::Delete, shop())),
        Effect::change(Verb::Patch, object(Scope::Unknown), "x"),
    ]);
    assert_eq!(
        touched(&effects),
        [
            pods(Class::Change, "*", 1),
            pods(Class::Change, "shop", 8),
            pods(Class::Destructive, "shop", 2)
        ]
    );
}

#[test]
fn a_limit_is_kept_for_each_namespace_by_itself() {
    let mut lately = Lately::default();
    lately.add(&book("a"), &[pods(Class::Change, "shop", 8)], at(0));
    let shop = pods(Class::Change, "shop", 3);
    let full = room(&mut lately, &limits(10), &shop, 1);
    assert_eq!((full.done, full.adds, full.room()), (8, 3, Room::TooLittle));
    let other = pods(Class::Change, "other", 3);
    assert_eq!(
        room(&mut lately, &limits(10), &other, 1).room(),
        Room::Enough
    );
    assert_eq!(room(&mut lately, &limits(8), &shop, 1).room(), Room::None);
}

#[test]
fn the_time_at_which_there_is_room_is_the_first_at_which_it_fits() {
    let mut lately = Lately::default();
    for second in [0, 10, 20] {
        lately.add(&book("a"), &[pods(Class::Change, "shop", 4)], at(second));
    }
    let wish = pods(Class::Change, "shop", 5);
    let full = room(&mut lately, &limits(12), &wish, 30);
    let free = full.free_at.unwrap();
    assert_eq!(free, at(70) + SignedDuration::from_millis(1));
    let standings = lately.standings(&limits(12), &book("b"), &[wish], free);
    assert_eq!(standings[0].room(), Room::Enough);
}

#[test]
fn what_was_taken_back_was_not_done() {
    let mut lately = Lately::default();
    let shop = pods(Class::Destructive, "shop", 3);
    let ticket = lately.add(&book("a"), std::slice::from_ref(&shop), at(0));
    let is_full = |lately: &mut Lately| {
        let standings =
            lately.standings(&limits(100), &book("b"), std::slice::from_ref(&shop), at(1));
        standings.iter().any(|one| one.room() != Room::Enough)
    };
    assert!(is_full(&mut lately));
    lately.take_back(ticket);
    assert!(!is_full(&mut lately));
    assert!(lately.changes.sums.is_empty() && lately.destructive.sums.is_empty());
}

#[test]
fn what_was_done_by_a_clock_that_ran_ahead_does_not_count_for_ever() {
    let mut lately = Lately::default();
    let year = 365 * 86_400;
    let shop = pods(Class::Change, "shop", 9);
    lately.add(&book("a"), std::slice::from_ref(&shop), at(year));
    assert_eq!(room(&mut lately, &limits(10), &shop, 0).done, 0);
}

#[test]
fn a_limit_of_nothing_never_has_room() {
    let wish = pods(Class::Change, "shop", 1);
    let full = room(&mut Lately::default(), &limits(0), &wish, 0);
    assert_eq!((full.room(), full.free_at), (Room::None, None));
}

proptest! {
    #[test]
    fn the_sums_are_what_a_scan_of_the_past_would_find(
        done in prop::collection::vec((0..200i64, 1..5u32, 0..3usize, any::<bool>()), 0..60),
        later in 0..120i64,
    ) {
        let names = ["a", "b", "c"];
        let mut done = done;
        done.sort_unstable();
        let mut lately = Lately::default();
        for (second, objects, name, grave) in &done {
            let class = if *grave { Class::Destructive } else { Class::Change };
            lately.add(&book(names[*name]), &[pods(class, names[*name], *objects)], at(*second));
        }
        let now = 200 + later;
        let most = Most { changes_per_minute: Some(1), destructive_per_hour: Some(1) };
        let all = Limits { agent: most, per_runbook: most, per_target: most, per_namespace: most };
        let wish = [pods(Class::Destructive, "a", 1)];
        for standing in lately.standings(&all, &book("a"), &wish, at(now)) {
            let period = standing.measure.period().as_secs();
            let counts = |name: usize, grave: bool| {
                let right = standing.measure == Measure::Changes || grave;
                let theirs = match &standing.whose {
                    Whose::Agent | Whose::Target(_) => true,
                    Whose::Runbook(_) | Whose::Namespace { .. } => name == 0,
                };
                right && theirs
            };
            let scanned: u64 = done
                .iter()
                .filter(|(second, _, name, grave)| *second >= now - period && counts(*name, *grave))
                .map(|(_, objects, _, _)| u64::from(*objects))
                .sum();
            prop_assert_eq!(standing.done, scanned, "{:?}", standing);
        }
    }

    #[test]
    fn a_smaller_limit_never_leaves_more_room(done in 0..20u64, adds in 1..20u64, most in 0..20u32, less in 0..20u32) {
        let rank = |most| {
            let standing = Standing { measure: Measure::Changes, whose: Whose::Agent, most, done, adds, free_at: None };
            match standing.room() {
                Room::Enough => 0,
                Room::TooLittle => 1,
                Room::None => 2,
            }
        };
        prop_assert!(rank(most.min(less)) >= rank(most));
    }
}
