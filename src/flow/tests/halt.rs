//! All effects stopped at once.

use super::{
    runs::{bob, book},
    stage::{Stage, until},
};
use crate::{
    domain::{approval::Verdict, halt::Halt, run::RunOutcome},
    flow::{approve, halt},
    history::{AuditFilter, History, Write},
    ports::agent::{AgentError, HaltView},
};
use std::time::Duration;

const WHY: &str = "halted by eva since 2026-11-21T08:00:00Z: wrong image";

async fn halt_it(stage: &Stage) -> HaltView {
    let now = stage.world.now();
    halt::halt(&stage.world, "eva", "wrong image", now)
        .await
        .unwrap()
}

async fn unhalt(stage: &Stage) {
    halt::unhalt(&stage.world, &bob(), "it is mended")
        .await
        .unwrap();
}

async fn reason(stage: &Stage, run: crate::domain::id::RunId) -> String {
    stage.world.history.run(run).await.unwrap().unwrap().reason
}

#[tokio::test]
async fn while_all_is_halted_reads_go_on_and_the_first_effect_is_denied() {
    let stage = Stage::new(&book(
        "a",
        "steps:\n- {name: look, uses: play/read}\n- {name: change, uses: play/change}\nfinally:\n- {name: tell, uses: play/read}\n- {name: tidy, uses: play/change}",
    ));
    halt_it(&stage).await;
    let run = stage.start("a").await.unwrap();
    assert_eq!(stage.outcome(run).await, RunOutcome::Denied);
    assert_eq!(stage.script.touched(), ["look", "tell"]);
    assert_eq!(reason(&stage, run).await, format!("step change: {WHY}"));
    assert!((stage.metric("orderly_halted") - 1.0).abs() < 0.1);
}

#[tokio::test]
async fn once_let_go_nothing_is_made_up_for_and_the_next_run_is_as_ever() {
    let stage = Stage::new(&book("a", "steps:\n- {name: change, uses: play/change}"));
    halt_it(&stage).await;
    assert_eq!(stage.run("a").await, RunOutcome::Denied);
    unhalt(&stage).await;
    tokio::task::yield_now().await;
    assert_eq!(stage.world.live_count(), 0);
    assert!(stage.script.touched().is_empty());
    assert_eq!(stage.run("a").await, RunOutcome::Succeeded);
    assert!(stage.metric("orderly_halted") < 0.1);
    let again = halt::unhalt(&stage.world, &bob(), "").await;
    assert!(matches!(again, Err(AgentError::Conflict(_))), "{again:?}");
}

#[tokio::test]
async fn what_changes_something_is_stopped_and_not_rolled_back() {
    let stage = Stage::new(&book(
        "a",
        "steps:\n- {name: change, uses: play/change, with: {hang: true}}\n- {name: never, uses: play/read}\nrollback:\n- {name: back, uses: play/change}\nfinally:\n- {name: tell, uses: play/read}",
    ));
    let run = stage.start("a").await.unwrap();
    until(|| stage.script.touched().len() == 1).await;
    let view = halt_it(&stage).await;
    assert_eq!(view.stopped, [format!("step change of a in run {run}")]);
    assert!(view.still.is_empty());
    assert_eq!(stage.outcome(run).await, RunOutcome::Canceled);
    assert_eq!(stage.script.touched(), ["change", "tell"]);
    assert_eq!(
        reason(&stage, run).await,
        format!("step change: stopped: all effects are {WHY}")
    );
}

#[tokio::test]
async fn a_rollback_that_goes_on_is_stopped_too() {
    let stage = Stage::new(&book(
        "a",
        "steps:\n- {name: change, uses: play/change}\n- {name: bad, uses: play/read, with: {fail: 9}}\nrollback:\n- {name: back, uses: play/change, with: {hang: true}}",
    ));
    let run = stage.start("a").await.unwrap();
    until(|| stage.script.touched().contains(&"back".to_owned())).await;
    let view = halt_it(&stage).await;
    assert_eq!(view.stopped, [format!("step back of a in run {run}")]);
    assert_eq!(stage.outcome(run).await, RunOutcome::Failed);
}

#[tokio::test]
async fn what_only_reads_is_left_alone() {
    let stage = Stage::new(&book(
        "a",
        "steps:\n- {name: look, uses: play/read, with: {hang: true}}",
    ));
    let run = stage.start("a").await.unwrap();
    until(|| stage.script.touched().len() == 1).await;
    assert!(halt_it(&stage).await.stopped.is_empty());
    assert_eq!(stage.world.live_runs(&"a".parse().unwrap()), [run]);
    stage.world.cancel(run, "bob", "");
    stage.outcome(run).await;
}

#[tokio::test]
async fn a_step_that_does_not_stop_is_named_after_a_while() {
    let stage = Stage::new(&book(
        "a",
        "steps:\n- {name: change, uses: play/change, with: {deaf: true}}",
    ));
    let run = stage.start("a").await.unwrap();
    until(|| stage.script.touched().len() == 1).await;
    let world = stage.world.clone();
    let halting = async { halt::halt(&world, "eva", "", world.now()).await };
    let waiting = async {
        until(|| world.brake.halted().is_some()).await;
        for _ in 0..20 {
            stage.clock.advance(Duration::from_secs(1));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let (view, ()) = tokio::join!(halting, waiting);
    assert_eq!(
        view.unwrap().still,
        [format!("step change of a in run {run}")]
    );
}

#[tokio::test]
async fn a_consent_is_not_taken_meanwhile_and_counts_afterwards() {
    let stage = Stage::new(&book("a", "steps:\n- {name: gone, uses: play/destroy}"));
    let run = stage.start("a").await.unwrap();
    let id = stage.question().await.request.id;
    halt_it(&stage).await;
    let world = &stage.world;
    let refused = approve::vote(world, id, &bob(), Verdict::Approve, None, "").await;
    let Err(AgentError::Conflict(why)) = refused else {
        panic!("{refused:?}");
    };
    assert!(why.starts_with(&format!("all effects are {WHY}")), "{why}");
    unhalt(&stage).await;
    approve::vote(world, id, &bob(), Verdict::Approve, None, "")
        .await
        .unwrap();
    assert_eq!(stage.outcome(run).await, RunOutcome::Succeeded);
}

#[tokio::test]
async fn a_no_is_taken_at_any_time() {
    let stage = Stage::new(&book("a", "steps:\n- {name: gone, uses: play/destroy}"));
    let run = stage.start("a").await.unwrap();
    let id = stage.question().await.request.id;
    halt_it(&stage).await;
    stage.vote(id, &bob(), Verdict::Deny).await.unwrap();
    assert_eq!(stage.outcome(run).await, RunOutcome::Denied);
}

#[tokio::test]
async fn it_outlives_the_agent() {
    let text = book("a", "steps:\n- {name: change, uses: play/change}");
    let history = History::temporary().unwrap();
    let before = Stage::with_history(&text, history.clone());
    halt_it(&before).await;
    let stage = Stage::with_history(&text, history);
    halt::load(&stage.world).await.unwrap();
    assert_eq!(stage.world.brake.halted().unwrap().to_string(), WHY);
    assert_eq!(stage.run("a").await, RunOutcome::Denied);
}

#[tokio::test]
async fn the_history_refuses_a_start_that_the_gate_did_not_know_to_stop() {
    let stage = Stage::new(&book("a", "steps:\n- {name: change, uses: play/change}"));
    let halt = Halt {
        by: "eva".to_owned(),
        since: stage.world.now(),
        reason: "wrong image".to_owned(),
    };
    let recorded = stage.world.history.write(vec![Write::Halt(halt)]).await;
    recorded.unwrap();
    let run = stage.start("a").await.unwrap();
    assert_eq!(stage.outcome(run).await, RunOutcome::Denied);
    assert!(stage.script.touched().is_empty());
}

#[tokio::test]
async fn it_holds_even_where_it_cannot_be_recorded() {
    let stage = Stage::new(&book("a", "steps:\n- {name: change, uses: play/change}"));
    stage.world.history.fail_next_commits(1);
    let now = stage.world.now();
    let failed = halt::halt(&stage.world, "eva", "wrong image", now).await;
    assert!(
        matches!(failed, Err(AgentError::Unavailable(_))),
        "{failed:?}"
    );
    assert_eq!(stage.run("a").await, RunOutcome::Denied);
    assert_eq!(stage.world.history.halt().await.unwrap(), None);
    halt_it(&stage).await;
    let recorded = stage.world.history.halt().await.unwrap().unwrap();
    assert_eq!(recorded.to_string(), WHY);
}

#[tokio::test]
async fn who_halted_and_who_let_go_is_audited() {
    let stage = Stage::new("");
    halt_it(&stage).await;
    halt_it(&stage).await;
    let now = stage.world.now();
    let also = crate::flow::halt::halt(&stage.world, "ann", "another reason", now);
    assert_eq!(also.await.unwrap().halted.unwrap().by, "eva");
    unhalt(&stage).await;
    let records = stage.world.history.audit(AuditFilter::default()).await;
    let told: Vec<_> = records
        .unwrap()
        .into_iter()
        .rev()
        .map(|record| (record.entry.user, record.entry.action))
        .collect();
    let expected = [
        ("eva", "agent.halted"),
        ("ann", "agent.halted"),
        ("bob", "agent.unhalted"),
    ];
    assert_eq!(
        told,
        expected.map(|(user, action)| (user.to_owned(), action.to_owned()))
    );
}

/// Many runs come to their effect at the moment of the halt; whichever way each race goes, nothing is touched once it has returned.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_with_an_effect_begins_after_the_halt_has_returned() {
    for pause in 0..12 {
        let steps = "overlap: allow\nsteps:\n- {name: one, uses: play/change}\n- {name: two, uses: play/change}\n- {name: three, uses: play/change}";
        let stage = Stage::new(&book("a", steps));
        let mut runs = Vec::new();
        for _ in 0..8 {
            runs.push(stage.start("a").await.unwrap());
        }
        tokio::time::sleep(Duration::from_micros(pause * 500)).await;
        halt_it(&stage).await;
        let touched = stage.script.touched();
        for run in runs {
            stage.outcome(run).await;
        }
        assert_eq!(stage.script.touched(), touched);
    }
}
