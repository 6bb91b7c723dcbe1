//! Due times, missed times, suspensions, windows.

use super::stage::{Stage, active};
use crate::{
    domain::{active::ActiveSet, approval::Person, name::RunbookName, occurrence::NotRun},
    flow::{
        suspend,
        tick::Scheduler,
        world::{Suspension, held},
    },
    history::{AuditFilter, History, RunFilter, SkippedFilter, Write},
};
use jiff::{SignedDuration, Timestamp};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

fn book(triggers: &str, more: &str) -> String {
    format!(
        "apiVersion: orderly.dev/v1\nkind: Runbook\nmetadata: {{ name: a }}\nspec:\n  description: x\n  overlap: allow\n  triggers:\n  - {triggers}\n{more}  steps:\n  - {{ name: one, uses: play/read }}\n"
    )
}

async fn nominals(stage: &Stage) -> Vec<String> {
    let runs = stage
        .world
        .history
        .runs(RunFilter {
            limit: 1000,
            ..RunFilter::default()
        })
        .await
        .unwrap();
    let mut all: Vec<String> = runs
        .iter()
        .filter_map(|run| Some(run.header.cause.occurrence()?.nominal.to_string()))
        .collect();
    all.sort();
    all
}

async fn skips(stage: &Stage) -> Vec<(NotRun, String, String)> {
    let skipped = stage
        .world
        .history
        .skipped(SkippedFilter {
            limit: 1000,
            ..SkippedFilter::default()
        })
        .await
        .unwrap();
    skipped
        .iter()
        .rev()
        .map(|skipped| {
            (
                skipped.reason,
                skipped.occurrence.nominal.to_string(),
                skipped.last_nominal.to_string(),
            )
        })
        .collect()
}

/// Lets time pass, minute by minute, with a look at the clock each time.
async fn pass(stage: &Stage, scheduler: &mut Scheduler, minutes: u64) {
    for _ in 0..minutes {
        stage.clock.advance(Duration::from_mins(1));
        scheduler.tick(&stage.world).await.unwrap();
    }
}

async fn awake(stage: &Stage) -> Scheduler {
    let mut scheduler = Scheduler::load(&stage.world).await.unwrap();
    scheduler.take_set(&stage.world).await.unwrap();
    scheduler.tick(&stage.world).await.unwrap();
    scheduler
}

#[tokio::test]
async fn a_schedule_starts_at_its_times_and_not_before_it_was_active() {
    let stage = Stage::new(&book("schedule: '*/10 * * * *'", ""));
    let mut scheduler = awake(&stage).await;
    pass(&stage, &mut scheduler, 25).await;
    assert_eq!(
        nominals(&stage).await,
        ["2026-11-21T08:10:00Z", "2026-11-21T08:20:00Z"]
    );
    assert!(skips(&stage).await.is_empty());
}

#[tokio::test]
async fn an_edited_schedule_never_fires_the_past() {
    let stage = Stage::new(&book("schedule: '0 9 * * *'", ""));
    let mut scheduler = awake(&stage).await;
    pass(&stage, &mut scheduler, 30).await;
    stage.put(&book("schedule: '15 8 * * *'", ""));
    scheduler.take_set(&stage.world).await.unwrap();
    pass(&stage, &mut scheduler, 60).await;
    assert!(nominals(&stage).await.is_empty());
    assert!(skips(&stage).await.is_empty());
}

#[tokio::test]
async fn what_was_missed_while_down_is_one_stretch_with_its_reason() {
    let stage = Stage::new(&book("schedule: '*/10 * * * *'", ""));
    let mut scheduler = awake(&stage).await;
    pass(&stage, &mut scheduler, 11).await;
    drop(scheduler);
    stage.clock.advance(Duration::from_hours(1));
    let mut scheduler = awake(&stage).await;
    pass(&stage, &mut scheduler, 1).await;
    assert_eq!(nominals(&stage).await, ["2026-11-21T08:10:00Z"]);
    let stretch = (
        NotRun::MissedDown,
        "2026-11-21T08:20:00Z".to_owned(),
        "2026-11-21T09:10:00Z".to_owned(),
    );
    assert_eq!(skips(&stage).await, [stretch]);
}

#[tokio::test]
async fn a_backup_that_was_missed_runs_once_when_the_agent_is_back() {
    let stage = Stage::new(&book("{schedule: '*/10 * * * *', missed: last}", ""));
    let scheduler = awake(&stage).await;
    drop(scheduler);
    stage.clock.advance(Duration::from_hours(1));
    awake(&stage).await;
    awake(&stage).await;
    assert_eq!(nominals(&stage).await, ["2026-11-21T09:00:00Z"]);
    let stretch = (
        NotRun::MissedDown,
        "2026-11-21T08:10:00Z".to_owned(),
        "2026-11-21T08:50:00Z".to_owned(),
    );
    assert_eq!(skips(&stage).await, [stretch]);
}

#[tokio::test]
async fn all_missed_run_where_that_is_wanted() {
    let stage = Stage::new(&book("{schedule: '*/10 * * * *', missed: all}", ""));
    drop(awake(&stage).await);
    stage.clock.advance(Duration::from_mins(30));
    awake(&stage).await;
    assert_eq!(nominals(&stage).await.len(), 3);
    assert!(skips(&stage).await.is_empty());
}

#[tokio::test]
async fn a_clock_that_jumps_forward_fires_nothing_of_the_past() {
    let stage = Stage::new(&book("schedule: '*/10 * * * *'", ""));
    let mut scheduler = awake(&stage).await;
    stage.clock.jump(SignedDuration::from_hours(5));
    pass(&stage, &mut scheduler, 1).await;
    assert!(nominals(&stage).await.is_empty());
    assert_eq!(skips(&stage).await.len(), 1);
}

#[tokio::test]
async fn a_clock_that_jumps_back_fires_nothing_twice() {
    let stage = Stage::new(&book("schedule: '*/10 * * * *'", ""));
    let mut scheduler = awake(&stage).await;
    pass(&stage, &mut scheduler, 10).await;
    stage.clock.jump(SignedDuration::from_mins(-9));
    pass(&stage, &mut scheduler, 12).await;
    assert_eq!(nominals(&stage).await, ["2026-11-21T08:10:00Z"]);
    drop(scheduler);
    let mut scheduler = awake(&stage).await;
    pass(&stage, &mut scheduler, 8).await;
    assert_eq!(
        nominals(&stage).await,
        ["2026-11-21T08:10:00Z", "2026-11-21T08:20:00Z"]
    );
}

#[tokio::test]
async fn a_suspended_runbook_tells_why_and_its_end_fires_nothing_of_the_past() {
    let stage = Stage::new(&book("schedule: '*/10 * * * *'", ""));
    let mut scheduler = awake(&stage).await;
    let name = RunbookName::new("a").unwrap();
    let until: Timestamp = "2026-11-21T08:15:00Z".parse().unwrap();
    let suspension = Suspension {
        until: Some(until),
        by: "ann".into(),
        reason: "upgrade".into(),
    };
    held(&stage.world.suspensions).insert(name, suspension);
    pass(&stage, &mut scheduler, 25).await;
    assert_eq!(nominals(&stage).await, ["2026-11-21T08:20:00Z"]);
    let skips = skips(&stage).await;
    assert_eq!(skips.len(), 1);
    assert_eq!(skips[0].0, NotRun::Suspended);
}

#[tokio::test]
async fn a_suspension_that_is_over_is_told_by_the_next_look_at_the_clock() {
    let stage = Stage::new(&book("schedule: '*/10 * * * *'", ""));
    let mut scheduler = awake(&stage).await;
    let name = RunbookName::new("a").unwrap();
    let by = Person {
        subject: "ann".into(),
        groups: std::collections::BTreeSet::new(),
    };
    let until = Some("2026-11-21T08:05:30Z".parse().unwrap());
    suspend::suspend(&stage.world, &name, until, &by, "upgrade")
        .await
        .unwrap();
    let shown = "orderly_runbook_suspended{runbook=\"a\"}";
    let ended = "orderly_runbook_resumptions_total";
    pass(&stage, &mut scheduler, 5).await;
    assert_eq!((stage.metric(shown), stage.metric(ended)), (1.0, 0.0));
    pass(&stage, &mut scheduler, 1).await;
    assert_eq!((stage.metric(shown), stage.metric(ended)), (0.0, 1.0));
    assert!(held(&stage.world.suspensions).is_empty());
    assert!(stage.world.history.suspensions().await.unwrap().is_empty());
    let filter = AuditFilter {
        action: Some("runbook.resumed".to_owned()),
        ..AuditFilter::default()
    };
    let told = stage.world.history.audit(filter).await.unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].entry.user, "schedule");
    pass(&stage, &mut scheduler, 5).await;
    assert_eq!(nominals(&stage).await, ["2026-11-21T08:10:00Z"]);
}

#[tokio::test]
async fn a_suspension_that_ended_while_the_agent_was_away_is_told_when_it_is_back() {
    let history = History::temporary().unwrap();
    let text = book("schedule: '*/10 * * * *'", "");
    let stage = Stage::with_history(&text, history.clone());
    let until = Some("2026-11-21T08:00:00Z".parse().unwrap());
    let name = RunbookName::new("a").unwrap();
    let suspension = Write::Suspend {
        runbook: name,
        until,
        by: "ann".into(),
        reason: String::new(),
        at: "2026-11-21T07:00:00Z".parse().unwrap(),
    };
    history.write(vec![suspension]).await.unwrap();
    suspend::load(&stage.world).await.unwrap();
    awake(&stage).await;
    assert!(history.suspensions().await.unwrap().is_empty());
    assert!((stage.metric("orderly_runbook_resumptions_total") - 1.0).abs() < 0.1);
}

#[tokio::test]
async fn too_late_to_start_is_a_reason() {
    let stage = Stage::new(&book(
        "{schedule: '*/10 * * * *', missed: last, startDeadline: 5m}",
        "",
    ));
    drop(awake(&stage).await);
    stage.clock.advance(Duration::from_mins(17));
    awake(&stage).await;
    assert!(nominals(&stage).await.is_empty());
    assert_eq!(skips(&stage).await[0].0, NotRun::Deadline);
}

#[tokio::test]
async fn a_spread_is_the_same_each_time_and_keeps_the_nominal_time() {
    let stage = Stage::new(&book("{schedule: '0 * * * *', spread: 20m}", ""));
    let scheduler = awake(&stage).await;
    let due = held(&stage.world.upcoming)
        .values()
        .next()
        .copied()
        .unwrap();
    assert_eq!(due.nominal.to_string(), "2026-11-21T09:00:00Z");
    assert!(
        due.due > due.nominal
            && due.due.duration_since(due.nominal) < SignedDuration::from_mins(20)
    );
    drop(scheduler);
    awake(&stage).await;
    assert_eq!(
        held(&stage.world.upcoming)
            .values()
            .next()
            .copied()
            .unwrap(),
        due
    );
}

#[tokio::test]
async fn a_trigger_that_was_gone_counts_anew_when_it_comes_back() {
    let stage = Stage::new(&book("schedule: '*/10 * * * *'", ""));
    let mut scheduler = awake(&stage).await;
    stage.put(&book("schedule: '0 0 1 1 *'", ""));
    scheduler.take_set(&stage.world).await.unwrap();
    pass(&stage, &mut scheduler, 30).await;
    stage.put(&book("schedule: '*/10 * * * *'", ""));
    scheduler.take_set(&stage.world).await.unwrap();
    assert!(nominals(&stage).await.is_empty());
    assert!(skips(&stage).await.is_empty());
    pass(&stage, &mut scheduler, 10).await;
    assert_eq!(nominals(&stage).await, ["2026-11-21T08:40:00Z"]);
}

#[tokio::test]
async fn a_closed_window_is_a_reason() {
    let calendar = "---\napiVersion: orderly.dev/v1\nkind: Calendar\nmetadata: { name: night }\nspec:\n  windows:\n  - { allow: '0 22 * * *', for: 2h }\n";
    let text = book("schedule: '*/10 * * * *'", "  windows: [night]\n") + calendar;
    let stage = Stage::new(&text);
    let mut scheduler = awake(&stage).await;
    pass(&stage, &mut scheduler, 11).await;
    assert!(nominals(&stage).await.is_empty());
    assert_eq!(skips(&stage).await[0].0, NotRun::Window);
}

#[tokio::test]
async fn while_history_cannot_be_written_nothing_starts_and_nothing_is_lost() {
    let stage = Stage::new(&book("schedule: '*/10 * * * *'", ""));
    let mut scheduler = awake(&stage).await;
    stage
        .world
        .history
        .write(vec![Write::Heartbeat {
            at: stage.world.now(),
            stamp: None,
        }])
        .await
        .unwrap();
    stage.clock.advance(Duration::from_secs(599));
    stage.world.history.fail_next_commits(1);
    stage.clock.advance(Duration::from_secs(1));
    assert!(scheduler.tick(&stage.world).await.is_err());
    stage.clock.advance(Duration::from_mins(2));
    awake(&stage).await;
    assert!(nominals(&stage).await.is_empty());
    assert_eq!(skips(&stage).await[0].0, NotRun::MissedDown);
}

/// Two runbooks, `a` with this interval.
fn two(every: &str) -> String {
    let b = book("every: 7m", "").replace("name: a }", "name: b }");
    format!("{}---\n{b}", book(&format!("every: {every}"), ""))
}

#[tokio::test]
async fn another_set_costs_only_what_it_changes() {
    let stage = Stage::new(&two("5m"));
    let mut scheduler = Scheduler::load(&stage.world).await.unwrap();
    let taken = |names: &[&str]| {
        let names = names.iter().map(|name| RunbookName::new(name).unwrap());
        names.collect::<std::collections::BTreeSet<_>>()
    };
    let first = scheduler.take_set(&stage.world).await.unwrap();
    assert_eq!(first, taken(&["a", "b"]));
    assert!(scheduler.take_set(&stage.world).await.unwrap().is_empty());
    // One document of the new set is another one, the other is shared.
    let before = stage.world.in_use().set.clone();
    let changed = active(&book("every: 3m", ""));
    let documents = before.documents().map(|old| {
        let new = changed.get(&old.identity());
        new.unwrap_or(old)
    });
    let set = ActiveSet::new(documents.collect::<Vec<_>>(), BTreeMap::new());
    stage.world.put_in_use(Arc::new(set));
    let second = scheduler.take_set(&stage.world).await.unwrap();
    assert_eq!(second, taken(&["a"]), "neither facts nor triggers of b");
    pass(&stage, &mut scheduler, 4).await;
    assert_eq!(nominals(&stage).await, ["2026-11-21T08:03:00Z"]);
    // And one that goes.
    let documents = stage
        .world
        .in_use()
        .set
        .documents()
        .filter(|old| old.identity() != changed.documents().next().unwrap().identity())
        .collect::<Vec<_>>();
    stage
        .world
        .put_in_use(Arc::new(ActiveSet::new(documents, BTreeMap::new())));
    assert_eq!(
        scheduler.take_set(&stage.world).await.unwrap(),
        taken(&["a"])
    );
    pass(&stage, &mut scheduler, 4).await;
    assert_eq!(
        nominals(&stage).await,
        ["2026-11-21T08:03:00Z", "2026-11-21T08:07:00Z"]
    );
}

#[tokio::test]
async fn the_next_run_of_a_runbook_is_that_of_its_soonest_trigger() {
    let stage = Stage::new(&book("every: 5m\n  - every: 1h", ""));
    let mut scheduler = awake(&stage).await;
    let next = || stage.metric("orderly_runbook_next_run_timestamp_seconds{runbook=\"a\"}");
    let due = |text: &str| text.parse::<Timestamp>().unwrap().as_second();
    #[expect(clippy::cast_possible_truncation, reason = "whole seconds")]
    let shown = || next() as i64;
    assert_eq!(shown(), due("2026-11-21T08:05:00Z"));
    pass(&stage, &mut scheduler, 5).await;
    assert_eq!(shown(), due("2026-11-21T08:10:00Z"));
}
