//! A clock on the wall that jumps.

use super::{
    runs::{bob, book},
    stage::Stage,
};
use crate::{
    domain::{
        approval::Verdict,
        gate::Stage as Gate,
        run::{RunEvent, RunOutcome},
    },
    flow::{approve, clock, recover, tick::Scheduler, view},
    history::{AuditFilter, History, RunFilter},
    ports::agent::AgentError,
};
use jiff::SignedDuration;
use std::time::Duration;

const DESTROY: &str = "steps:\n- {name: gone, uses: play/destroy}";

fn every_ten_minutes() -> String {
    book(
        "a",
        "overlap: allow\ntriggers:\n- {schedule: '*/10 * * * *', missed: all}\nsteps:\n- {name: one, uses: play/read}",
    )
}

async fn jumped(stage: &Stage, by: SignedDuration) {
    clock::look(&stage.world).await.unwrap();
    stage.clock.jump(by);
    clock::look(&stage.world).await.unwrap();
}

async fn runs(stage: &Stage) -> usize {
    let filter = RunFilter {
        limit: 1000,
        ..RunFilter::default()
    };
    stage.world.history.runs(filter).await.unwrap().len()
}

/// Why people were asked because of the clock, if they were.
async fn asked(stage: &Stage) -> Option<String> {
    let run = stage.start("a").await.unwrap();
    stage.consent().await;
    assert_eq!(stage.outcome(run).await, RunOutcome::Succeeded);
    let events = stage.world.history.events(run).await.unwrap();
    events.iter().find_map(|recorded| match &recorded.event {
        RunEvent::StepGated { contributions, .. } => contributions
            .iter()
            .find(|said| said.stage == Gate::Clock)
            .map(|said| said.reason.clone()),
        _ => None,
    })
}

#[tokio::test]
async fn after_a_jump_what_destroys_asks_until_a_person_has_looked_at_the_clock() {
    for (by, way) in [
        (SignedDuration::from_secs(-3), "back by 3s"),
        (SignedDuration::from_mins(6), "forward by 6m"),
    ] {
        let history = History::temporary().unwrap();
        let stage = Stage::with_history(&book("a", DESTROY), history.clone());
        assert_eq!(asked(&stage).await, None);
        jumped(&stage, by).await;
        let reason = asked(&stage).await.unwrap();
        assert!(reason.contains(way), "{reason}");

        let again = Stage::with_history(&book("a", DESTROY), history);
        again.clock.jump(SignedDuration::from_hours(1));
        recover::recover(&again.world).await.unwrap();
        assert!(asked(&again).await.is_some(), "a restart forgets nothing");
        clock::trust(&again.world, &bob(), "the time server is back")
            .await
            .unwrap();
        assert_eq!(asked(&again).await, None);
        let twice = clock::trust(&again.world, &bob(), "").await;
        assert!(matches!(twice, Err(AgentError::Conflict(_))), "{twice:?}");
    }
}

#[tokio::test]
async fn a_jump_is_an_alarm_in_the_metrics_the_audit_log_and_the_health() {
    let stage = Stage::new(&book("a", DESTROY));
    let series = r#"orderly_clock_jumps_total{direction="back"}"#;
    let read = |stage: &Stage| (stage.metric(series), stage.metric("orderly_clock_in_doubt"));
    assert_eq!(read(&stage), (0.0, 0.0));
    jumped(&stage, SignedDuration::from_hours(-1)).await;
    assert_eq!(read(&stage), (1.0, 1.0));
    let well = view::clock_in_doubt(&stage.world).unwrap();
    assert!(
        !well.ok && well.detail.contains("orderly reset --clock"),
        "{well:?}"
    );
    clock::trust(&stage.world, &bob(), "mended").await.unwrap();
    assert_eq!(read(&stage), (1.0, 0.0));
    assert_eq!(view::clock_in_doubt(&stage.world), None);
    let filter = AuditFilter {
        action: Some("clock.".to_owned()),
        ..AuditFilter::default()
    };
    let records = stage.world.history.audit(filter).await.unwrap();
    let told: Vec<_> = records
        .iter()
        .map(|record| (record.entry.action.as_str(), record.entry.success))
        .collect();
    assert_eq!(told, [("clock.reset", true), ("clock.jumped", false)]);
}

#[tokio::test]
async fn what_a_jump_skips_is_not_made_up_for_whatever_the_trigger_says() {
    let stage = Stage::new(&every_ten_minutes());
    let mut scheduler = Scheduler::load(&stage.world).await.unwrap();
    scheduler.take_set(&stage.world).await.unwrap();
    scheduler.tick(&stage.world).await.unwrap();
    stage.clock.jump(SignedDuration::from_mins(65));
    scheduler.tick(&stage.world).await.unwrap();
    assert_eq!(runs(&stage).await, 0, "six were skipped");
    // What is due from then on runs, and once the clock is trusted, so does what is missed.
    stage.clock.advance(Duration::from_mins(5));
    scheduler.tick(&stage.world).await.unwrap();
    assert_eq!(runs(&stage).await, 1);
    clock::trust(&stage.world, &bob(), "").await.unwrap();
    stage.clock.advance(Duration::from_mins(22));
    scheduler.tick(&stage.world).await.unwrap();
    assert_eq!(runs(&stage).await, 3);
}

#[tokio::test]
async fn more_than_ten_questions_in_a_day_are_told_and_a_restart_counts_on() {
    let history = History::temporary().unwrap();
    let stage = Stage::with_history(&book("a", DESTROY), history.clone());
    for number in 1..=11 {
        assert_eq!(view::asked_often(&stage.world), None, "{number}");
        let run = stage.start("a").await.unwrap();
        let case = stage.question().await;
        stage
            .vote(case.request.id, &bob(), Verdict::Deny)
            .await
            .unwrap();
        assert_eq!(stage.outcome(run).await, RunOutcome::Denied);
    }
    let told = view::asked_often(&stage.world).unwrap();
    assert!(told.detail.contains("11 times"), "{told:?}");
    let again = Stage::with_history(&book("a", DESTROY), history);
    approve::load(&again.world).await.unwrap();
    assert!(view::asked_often(&again.world).is_some());
    again.clock.advance(Duration::from_hours(25));
    assert_eq!(view::asked_often(&again.world), None);
}
