//! Several failures or denials in a row.

use super::{
    runs::{bob, book},
    stage::Stage,
};
use crate::{
    domain::{
        gate::{Decision, Stage as Gate},
        id::RunId,
        name::RunbookName,
        run::{RunEvent, RunOutcome},
    },
    flow::{approve, circuit, halt, view},
    history::{AuditFilter, History},
    ports::agent::AgentError,
};

/// It changes something, and then fails as often as it is told.
fn failing(times: u32) -> String {
    let steps = format!(
        "steps:\n- {{name: change, uses: play/change}}\n- {{name: bad, uses: play/read, with: {{fail: {times}}}}}"
    );
    book("a", &steps)
}

fn name() -> RunbookName {
    "a".parse().unwrap()
}

async fn fail(stage: &Stage, times: usize) {
    for _ in 0..times {
        assert_eq!(stage.run("a").await, RunOutcome::Failed);
    }
}

async fn reset(stage: &Stage) -> Result<(), AgentError> {
    circuit::reset(&stage.world, &name(), &bob(), "mended").await
}

/// Why the circuit asked, if it did.
async fn asked(stage: &Stage, run: RunId) -> Option<String> {
    let events = stage.world.history.events(run).await.unwrap();
    events.iter().find_map(|recorded| match &recorded.event {
        RunEvent::StepGated { contributions, .. } => contributions
            .iter()
            .find(|said| said.stage == Gate::Circuit && said.decision == Decision::ask())
            .map(|said| said.reason.clone()),
        _ => None,
    })
}

#[tokio::test]
async fn after_three_failures_in_a_row_changes_ask_until_a_person_resets() {
    let stage = Stage::new(&failing(3));
    fail(&stage, 3).await;
    let open = stage.metric("orderly_circuits_opened_total");
    assert!((open - 1.0).abs() < 0.1);
    let run = stage.start("a").await.unwrap();
    stage.consent().await;
    assert_eq!(stage.outcome(run).await, RunOutcome::Succeeded);
    assert_eq!(
        asked(&stage, run).await.unwrap(),
        "level 1: circuit open since 2026-11-21T08:00:00Z after 3 failures or denials in a row; `orderly reset a` closes it"
    );
    let run = stage.start("a").await.unwrap();
    stage.consent().await;
    assert_eq!(
        stage.outcome(run).await,
        RunOutcome::Succeeded,
        "success alone does not close it"
    );
    reset(&stage).await.unwrap();
    assert_eq!(stage.run("a").await, RunOutcome::Succeeded);
    assert!(matches!(reset(&stage).await, Err(AgentError::Conflict(_))));
}

#[tokio::test]
async fn a_success_in_between_starts_the_count_anew() {
    let stage = Stage::new(&failing(2));
    fail(&stage, 2).await;
    assert_eq!(stage.run("a").await, RunOutcome::Succeeded);
    assert!(circuit::open(&stage.world, &name()).is_none());
    assert!(stage.world.history.circuits().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_denial_counts_as_a_failure_does() {
    let stage = Stage::new(&book("a", "steps:\n- {name: gone, uses: play/destroy}"));
    for _ in 0..3 {
        let run = stage.start("a").await.unwrap();
        let id = stage.question().await.request.id;
        let no = crate::domain::approval::Verdict::Deny;
        stage.vote(id, &bob(), no).await.unwrap();
        assert_eq!(stage.outcome(run).await, RunOutcome::Denied);
    }
    let tripped = circuit::open(&stage.world, &name()).unwrap();
    assert_eq!(tripped.reason, "step gone: denied by bob");
}

#[tokio::test]
async fn what_a_halt_denied_and_what_a_person_stopped_does_not_count() {
    let stage = Stage::new(&failing(0));
    halt::halt(&stage.world, "eva", "", stage.world.now())
        .await
        .unwrap();
    for _ in 0..4 {
        assert_eq!(stage.run("a").await, RunOutcome::Denied);
    }
    halt::unhalt(&stage.world, &bob(), "").await.unwrap();
    assert!(stage.world.history.circuits().await.unwrap().is_empty());
    assert_eq!(stage.run("a").await, RunOutcome::Succeeded);
}

#[tokio::test]
async fn a_runbook_that_only_reads_never_needs_a_reset() {
    let stage = Stage::new(&book(
        "a",
        "steps:\n- {name: bad, uses: play/read, with: {fail: 9}}",
    ));
    fail(&stage, 9).await;
    assert!(circuit::open(&stage.world, &name()).is_none());
    assert_eq!(stage.run("a").await, RunOutcome::Succeeded);
}

#[tokio::test]
async fn failures_before_the_effect_is_reached_count_once_it_is() {
    let stage = Stage::new(&book(
        "a",
        "steps:\n- {name: bad, uses: play/read, with: {fail: 3}}\n- {name: change, uses: play/change}",
    ));
    fail(&stage, 3).await;
    let run = stage.start("a").await.unwrap();
    stage.consent().await;
    assert_eq!(stage.outcome(run).await, RunOutcome::Succeeded);
    assert!(asked(&stage, run).await.is_some());
    assert!(circuit::open(&stage.world, &name()).is_some());
}

#[tokio::test]
async fn an_open_circuit_outlives_the_agent_and_so_does_its_count() {
    let history = History::temporary().unwrap();
    let before = Stage::with_history(&failing(9), history.clone());
    fail(&before, 2).await;
    let again = Stage::with_history(&failing(9), history.clone());
    // Ids are made of the time.
    again.clock.advance(std::time::Duration::from_secs(1));
    circuit::load(&again.world).await.unwrap();
    fail(&again, 1).await;
    let stage = Stage::with_history(&failing(9), history);
    circuit::load(&stage.world).await.unwrap();
    let tripped = circuit::open(&stage.world, &name()).unwrap();
    assert_eq!(
        (tripped.failures, tripped.reason.as_str()),
        (3, "step bad: no luck")
    );
}

#[tokio::test]
async fn it_is_told_wherever_somebody_looks() {
    let stage = Stage::new(&failing(9));
    stage
        .world
        .events
        .runbooks_changed(&[], &[], stage.world.now());
    view::tell_runbooks(&stage.world, &[name()].into())
        .await
        .unwrap();
    fail(&stage, 3).await;
    let views = view::runbooks(&stage.world).await.unwrap();
    assert_eq!(views[0].circuit.as_ref().unwrap().failures, 3);
    let series = r#"orderly_runbook_circuit_open{runbook="a"}"#;
    assert!(stage.metric(series) > 0.5);
    reset(&stage).await.unwrap();
    assert!(stage.metric(series) < 0.5);
    let records = stage
        .world
        .history
        .audit(AuditFilter::default())
        .await
        .unwrap();
    let of = |action: &str| {
        let found = records.iter().find(|record| record.entry.action == action);
        let entry = &found.unwrap().entry;
        (entry.user.clone(), entry.resource.clone())
    };
    let runbook = || "runbook/a".to_owned();
    assert_eq!(of("circuit.opened"), ("system".to_owned(), runbook()));
    assert_eq!(of("circuit.reset"), ("bob".to_owned(), runbook()));
}

#[tokio::test]
async fn where_it_is_off_nothing_asks() {
    let stage = Stage::new(&failing(5)).under(|policy| policy.circuit_failures = 0);
    fail(&stage, 5).await;
    assert_eq!(stage.run("a").await, RunOutcome::Succeeded);
}

#[tokio::test]
async fn a_question_that_was_cancelled_is_no_denial() {
    let stage = Stage::new(&book("a", "steps:\n- {name: gone, uses: play/destroy}"));
    for round in 0..4 {
        let run = stage.start("a").await.unwrap();
        let case = stage.question().await;
        let id = case.request.id;
        approve::cancel(&stage.world, id, &bob(), "not today")
            .await
            .unwrap();
        assert_eq!(stage.outcome(run).await, RunOutcome::Denied, "{round}");
    }
    assert_eq!(stage.world.history.circuits().await.unwrap(), []);
}

#[tokio::test]
async fn a_persons_run_in_which_no_step_could_begin_says_nothing_of_the_runbook() {
    let stage = Stage::new(&book(
        "a",
        "inputs:\n  which: {type: string}\nsteps:\n- {name: change, uses: play/change, with: {name: '${{ inputs.which }}'}}",
    ));
    for _ in 0..3 {
        let run = stage.start("a").await.unwrap();
        assert_eq!(stage.outcome(run).await, RunOutcome::Failed);
    }
    assert_eq!(stage.world.history.circuits().await.unwrap(), []);
}
