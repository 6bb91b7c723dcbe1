//! Runbooks that are new or changed.

use super::{
    runs::book,
    stage::{Stage, active},
    sync::{Shelf, open},
};
use crate::{
    domain::{
        gate::Stage as Gate,
        id::RunId,
        run::{RunEvent, RunOutcome},
    },
    flow::{tick::Scheduler, trial, view},
    history::{ActiveChange, History, Write},
};
use std::sync::Arc;

const CHANGE: &str = "steps:\n- {name: look, uses: play/read}\n- {name: change, uses: play/change}";
/// The same, said otherwise.
const CHANGED: &str = "steps:\n- {name: look, uses: play/read}\n- {name: other, uses: play/change}";

fn stage(runbooks: &str) -> Stage {
    Stage::new(runbooks).under(|policy| policy.first_runs = 1)
}

/// What the gate said about a first run.
async fn said(stage: &Stage, run: RunId) -> Option<String> {
    let events = stage.world.history.events(run).await.unwrap();
    events.iter().find_map(|recorded| match &recorded.event {
        RunEvent::StepGated { contributions, .. } => contributions
            .iter()
            .find(|said| said.stage == Gate::FirstRun)
            .map(|said| said.reason.clone()),
        _ => None,
    })
}

/// A run that somebody must consent to; gives what the gate said.
async fn asked(stage: &Stage) -> String {
    let run = stage.start("a").await.unwrap();
    stage.consent().await;
    assert_eq!(stage.outcome(run).await, RunOutcome::Succeeded);
    said(stage, run).await.unwrap()
}

#[tokio::test]
async fn the_first_change_of_a_new_runbook_asks_and_the_next_one_does_not() {
    let stage = stage("");
    stage.put_by(&book("a", CHANGE), "Cid <cid@example.org>");
    let why = asked(&stage).await;
    assert!(why.starts_with("level 1: new since revision "), "{why}");
    assert!(
        why.ends_with(" by Cid <cid@example.org>: first run"),
        "{why}"
    );
    assert_eq!(stage.run("a").await, RunOutcome::Succeeded);
}

#[tokio::test]
async fn a_changed_runbook_asks_again_and_the_old_text_does_not() {
    let stage = stage(&book("a", CHANGE));
    asked(&stage).await;
    stage.put(&book("a", CHANGED));
    let why = asked(&stage).await;
    assert!(why.starts_with("level 1: changed since revision "), "{why}");
    stage.put(&book("a", CHANGE));
    assert_eq!(stage.run("a").await, RunOutcome::Succeeded);
}

#[tokio::test]
async fn who_wrote_it_cannot_sign_it_off() {
    let stage = stage("");
    stage.put_by(&book("a", CHANGE), "Bob <bob@example.org>");
    stage.start("a").await.unwrap();
    let request = stage.question().await.request;
    assert!(request.authors.contains("bob@example.org"));
}

#[tokio::test]
async fn a_run_that_only_reads_proves_nothing() {
    let steps = "inputs:\n  act: {type: boolean, default: false}\nsteps:\n- {name: look, uses: play/read}\n- {name: change, uses: play/change, when: inputs.act}";
    let stage = stage(&book("a", steps));
    assert_eq!(stage.run("a").await, RunOutcome::Succeeded);
    let cause = crate::domain::run::Cause::Person {
        subject: "ann".to_owned(),
    };
    let mut wish = crate::flow::start::Wish::of("a".parse().unwrap(), cause);
    wish.inputs.insert("act".to_owned(), true.into());
    let header = crate::flow::start::start(&stage.world, wish).await.unwrap();
    stage.consent().await;
    assert_eq!(stage.outcome(header.id).await, RunOutcome::Succeeded);
    assert!(said(&stage, header.id).await.is_some());
}

#[tokio::test]
async fn a_run_that_failed_proves_nothing() {
    let steps = "steps:\n- {name: change, uses: play/change}\n- {name: bad, uses: play/read, with: {fail: 1}}";
    let stage = stage(&book("a", steps));
    let run = stage.start("a").await.unwrap();
    stage.consent().await;
    assert_eq!(stage.outcome(run).await, RunOutcome::Failed);
    asked(&stage).await;
    assert_eq!(stage.run("a").await, RunOutcome::Succeeded);
}

#[tokio::test]
async fn more_than_one_run_can_be_wanted_and_none_at_all() {
    let stage = stage(&book("a", CHANGE)).under(|policy| policy.first_runs = 2);
    assert!(asked(&stage).await.ends_with(": run 1 of the first 2"));
    assert!(asked(&stage).await.ends_with(": run 2 of the first 2"));
    assert_eq!(stage.run("a").await, RunOutcome::Succeeded);
    let stage = stage_without();
    assert_eq!(stage.run("a").await, RunOutcome::Succeeded);
}

fn stage_without() -> Stage {
    Stage::new(&book("a", CHANGE)).under(|policy| policy.first_runs = 0)
}

#[tokio::test]
async fn what_was_there_from_the_first_revision_on_is_trusted() {
    let stage = stage(&book("a", CHANGE));
    let trusted = trial::trusted(&active(&book("a", CHANGE)), stage.world.now());
    let written: Result<(), _> = stage.world.history.write(vec![trusted]).await;
    written.unwrap();
    assert_eq!(stage.run("a").await, RunOutcome::Succeeded);
    stage.put(&book("a", CHANGED));
    let why = asked(&stage).await;
    assert!(why.contains("changed since"), "{why}");
}

#[tokio::test]
async fn proofs_outlive_the_runs_that_gave_them() {
    let stage = stage(&book("a", CHANGE));
    asked(&stage).await;
    let now = stage.world.now();
    stage.world.history.prune_runs(now, 0).await.unwrap();
    stage
        .world
        .history
        .write(vec![Write::Heartbeat {
            at: now,
            stamp: None,
        }])
        .await
        .unwrap();
    assert_eq!(stage.run("a").await, RunOutcome::Succeeded);
}

/// Whether the runbook in use is trusted.
async fn is_trusted(stage: &Stage) -> bool {
    let name: crate::domain::name::RunbookName = "a".parse().unwrap();
    let in_use = stage.world.in_use();
    let definition = in_use.set.runbook(&name).unwrap().definition();
    let record = stage.world.history.record_of(definition, name).await;
    record.unwrap().is_trusted
}

#[tokio::test]
async fn the_first_revision_is_trusted_and_no_later_one_even_over_a_restart() {
    let history = History::temporary().unwrap();
    let stage = Stage::with_history("", history.clone());
    let shelf = Arc::new(Shelf::default());
    let sync = open(&stage, &shelf).await;
    shelf.put("1", &[("a.yaml", book("a", CHANGE))]);
    sync.sync_once(&stage.world, None).await;
    assert!(is_trusted(&stage).await);
    shelf.put("2", &[("a.yaml", book("a", CHANGED))]);
    sync.sync_once(&stage.world, None).await;
    assert!(!is_trusted(&stage).await);
    let again = Stage::with_history("", history);
    open(&again, &shelf).await;
    assert!(!is_trusted(&again).await);
}

#[tokio::test]
async fn an_empty_first_revision_trusts_nobody_who_comes_later() {
    let history = History::temporary().unwrap();
    let stage = Stage::with_history("", history.clone());
    let shelf = Arc::new(Shelf::default());
    let sync = open(&stage, &shelf).await;
    shelf.put("1", &[]);
    sync.sync_once(&stage.world, None).await;
    shelf.put("2", &[("a.yaml", book("a", CHANGE))]);
    sync.sync_once(&stage.world, None).await;
    assert!(!is_trusted(&stage).await);
    let again = Stage::with_history("", history);
    open(&again, &shelf).await;
    assert!(!is_trusted(&again).await);
}

#[tokio::test]
async fn what_an_agent_had_before_it_knew_of_first_runs_is_trusted() {
    let known = Stage::new("");
    let shelf = Arc::new(Shelf::default());
    shelf.put("1", &[("a.yaml", book("a", CHANGE))]);
    let sync = open(&known, &shelf).await;
    sync.sync_once(&known.world, None).await;
    let (files, record) = {
        let history = &known.world.history;
        let files = history.active_files(None, 10).await.unwrap();
        (files, history.last_sync().await.unwrap().unwrap())
    };
    let stage = Stage::new("");
    let files = files.into_iter().map(ActiveChange::Put).collect();
    let writes = vec![Write::Active(files), Write::Sync(record)];
    stage.world.history.write(writes).await.unwrap();
    open(&stage, &shelf).await;
    assert!(is_trusted(&stage).await);
}

/// What is told of the next due time.
async fn told(stage: &Stage) -> Option<String> {
    let mut due = view::upcoming(&stage.world, None, 1);
    view::note_trials(&stage.world, &mut due).await.unwrap();
    due.remove(0).note
}

#[tokio::test]
async fn what_is_due_next_tells_that_its_changes_ask_people_until_it_has_proven_itself() {
    let due = |steps: &str| book("a", &format!("triggers:\n- {{every: 1h}}\n{steps}"));
    let stage = stage("");
    stage.put_by(&due(CHANGE), "Cid <cid@example.org>");
    let mut scheduler = Scheduler::load(&stage.world).await.unwrap();
    scheduler.take_set(&stage.world).await.unwrap();
    scheduler.tick(&stage.world).await.unwrap();
    let note = told(&stage).await.unwrap();
    assert!(
        note.starts_with("its changes ask people: new since revision"),
        "{note}"
    );
    assert!(
        note.ends_with("by Cid <cid@example.org>: first run"),
        "{note}"
    );
    asked(&stage).await;
    assert_eq!(told(&stage).await, None);
    // What has ended well without changing anything most likely changes nothing.
    stage.put(&due("steps:\n- {name: look, uses: play/read}"));
    scheduler.take_set(&stage.world).await.unwrap();
    assert!(told(&stage).await.unwrap().contains("changed since"));
    assert_eq!(stage.run("a").await, RunOutcome::Succeeded);
    assert_eq!(told(&stage).await, None);
}
