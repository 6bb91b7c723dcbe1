//! Questions that people are asked ahead of a due time.

use super::stage::{Stage, active};
use crate::{
    domain::{
        approval::{Person, Standing, Verdict},
        name::RunbookName,
        run::RunOutcome,
    },
    flow::{approve, clock, suspend, tick::Scheduler, view, world::held},
    history::{ApprovalCase, ApprovalFilter, AuditFilter, History, RunFilter},
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};

fn person(subject: &str) -> Person {
    Person {
        subject: subject.to_owned(),
        groups: BTreeSet::new(),
    }
}

/// Due each day at noon; the stage begins at eight. People are asked two hours ahead.
fn noon(description: &str) -> String {
    format!(
        "apiVersion: orderly.dev/v1\nkind: Runbook\nmetadata: {{ name: a }}\nspec:\n  description: {description}\n  triggers:\n  - schedule: '0 12 * * *'\n  inputs:\n    which: {{ default: it }}\n  steps:\n  - {{ name: look, uses: play/read }}\n  - name: gone\n    uses: play/destroy\n    with: {{ name: \"${{{{ inputs.which }}}}\", at: \"${{{{ run.nominal }}}}\" }}\n    approval: {{ ahead: 2h }}\n"
    )
}

async fn awake(stage: &Stage) -> Scheduler {
    let mut scheduler = Scheduler::load(&stage.world).await.unwrap();
    scheduler.take_set(&stage.world).await.unwrap();
    scheduler.tick(&stage.world).await.unwrap();
    scheduler
}

async fn pass(stage: &Stage, scheduler: &mut Scheduler, minutes: u64) {
    for _ in 0..minutes {
        stage.clock.advance(Duration::from_mins(1));
        scheduler.tick(&stage.world).await.unwrap();
    }
}

async fn all(stage: &Stage) -> Vec<ApprovalCase> {
    let filter = ApprovalFilter {
        limit: 100,
        ..ApprovalFilter::default()
    };
    stage.world.history.approvals(filter).await.unwrap()
}

async fn standings(stage: &Stage) -> Vec<&'static str> {
    let now = stage.world.now();
    let cases = all(stage).await;
    cases
        .iter()
        .map(|case| case.standing(now).as_str())
        .collect()
}

async fn vote(stage: &Stage, case: &ApprovalCase, subject: &str, verdict: Verdict) {
    let id = case.request.id;
    stage.vote(id, &person(subject), verdict).await.unwrap();
}

/// A stage at ten, two hours ahead, and what people are asked.
async fn asked() -> (Stage, Scheduler, ApprovalCase) {
    let stage = Stage::new(&noon("x"));
    let mut scheduler = awake(&stage).await;
    pass(&stage, &mut scheduler, 119).await;
    assert!(
        all(&stage).await.is_empty(),
        "nobody is asked before its time"
    );
    pass(&stage, &mut scheduler, 1).await;
    let case = all(&stage).await.remove(0);
    (stage, scheduler, case)
}

async fn outcome(stage: &Stage) -> RunOutcome {
    let filter = RunFilter {
        limit: 10,
        ..RunFilter::default()
    };
    let runs = stage.world.history.runs(filter).await.unwrap();
    stage.outcome(runs[0].header.id).await
}

#[tokio::test]
async fn people_are_asked_ahead_and_the_run_uses_their_consent_at_its_time() {
    let (stage, mut scheduler, case) = asked().await;
    let ahead = case.request.ahead.clone().unwrap();
    assert_eq!(ahead.due.to_string(), "2026-11-21T12:00:00Z");
    assert_eq!(case.request.step.arguments["name"], "it");
    assert_eq!(case.request.approve_by.to_string(), "2026-11-21T16:00:00Z");
    vote(&stage, &case, "bob", Verdict::Approve).await;
    pass(&stage, &mut scheduler, 119).await;
    assert!(stage.script.touched().is_empty());
    assert_eq!(
        standings(&stage).await,
        ["approved"],
        "its time to be used counts from noon"
    );
    pass(&stage, &mut scheduler, 1).await;
    assert_eq!(outcome(&stage).await, RunOutcome::Succeeded);
    assert_eq!(stage.script.touched(), ["look", "gone"]);
    assert_eq!(standings(&stage).await, ["redeemed"]);
    let asked = stage.metric("orderly_approvals_requested_total");
    assert!((asked - 1.0).abs() < 0.1, "asked once: {asked}");
}

#[tokio::test]
async fn a_question_that_nobody_has_answered_at_its_time_is_waited_for_by_the_run() {
    let (stage, mut scheduler, case) = asked().await;
    pass(&stage, &mut scheduler, 120).await;
    super::stage::until(|| stage.script.touched() == ["look"]).await;
    assert_eq!(all(&stage).await.len(), 1);
    vote(&stage, &case, "bob", Verdict::Approve).await;
    assert_eq!(outcome(&stage).await, RunOutcome::Succeeded);
}

#[tokio::test]
async fn a_question_asked_ahead_that_expires_is_told_as_expired_not_as_withdrawn() {
    let (stage, mut scheduler, case) = asked().await;
    pass(&stage, &mut scheduler, 120).await;
    super::stage::until(|| stage.script.touched() == ["look"]).await;
    pass(&stage, &mut scheduler, 241).await;
    assert_eq!(outcome(&stage).await, RunOutcome::Denied);
    assert_eq!(standings(&stage).await, ["expired"]);
    let log = stage.world.history.audit(AuditFilter::default()).await;
    let log = log.unwrap();
    let denied = log
        .iter()
        .find(|record| record.entry.action == "step.denied");
    let entry = &denied.unwrap().entry;
    assert_eq!(entry.details["approval"], case.request.id.to_string());
    assert_eq!(entry.about().word, "delete", "{entry:?}");
}

#[tokio::test]
async fn a_no_that_is_said_ahead_lets_nothing_of_the_run_happen() {
    for cancelled in [false, true] {
        let (stage, mut scheduler, case) = asked().await;
        if cancelled {
            let id = case.request.id;
            approve::cancel(&stage.world, id, &person("ann"), "")
                .await
                .unwrap();
        } else {
            vote(&stage, &case, "bob", Verdict::Approve).await;
            vote(&stage, &case, "bob", Verdict::Deny).await;
        }
        pass(&stage, &mut scheduler, 121).await;
        assert_eq!(outcome(&stage).await, RunOutcome::Denied);
        assert!(stage.script.touched().is_empty());
        assert_eq!(all(&stage).await.len(), 1, "nobody is asked again");
    }
}

#[tokio::test]
async fn another_commit_and_another_policy_ask_anew() {
    let (stage, mut scheduler, case) = asked().await;
    vote(&stage, &case, "bob", Verdict::Approve).await;
    stage.put(&noon("another"));
    scheduler.take_set(&stage.world).await.unwrap();
    pass(&stage, &mut scheduler, 1).await;
    assert_eq!(standings(&stage).await, ["pending", "withdrawn"]);
    let again = all(&stage).await.remove(0).request.again;
    assert_eq!(again, "the runbook is another one now");

    let mut settings = stage.world.settings().as_ref().clone();
    settings.policy.approvals.quorum = 2;
    stage.world.reconfigure(settings);
    pass(&stage, &mut scheduler, 1).await;
    assert_eq!(
        standings(&stage).await,
        ["pending", "withdrawn", "withdrawn"]
    );
    let now = all(&stage).await.remove(0).request;
    assert_eq!(
        (now.again.as_str(), now.quorum.people),
        (
            "the policy says something else of this step since people were asked",
            2
        )
    );
    pass(&stage, &mut scheduler, 5).await;
    assert_eq!(all(&stage).await.len(), 3, "and once only");
}

#[tokio::test]
async fn what_would_touch_more_at_its_time_is_asked_about_again() {
    let (stage, mut scheduler, case) = asked().await;
    vote(&stage, &case, "bob", Verdict::Approve).await;
    stage
        .script
        .more
        .store(1, std::sync::atomic::Ordering::SeqCst);
    pass(&stage, &mut scheduler, 120).await;
    super::stage::until(|| stage.script.touched() == ["look"]).await;
    let again = loop {
        let cases = all(&stage).await;
        if cases.len() == 2 {
            break cases;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    };
    assert!(
        again[0].request.again.contains("2 instead of 1"),
        "{again:?}"
    );
    assert_eq!(standings(&stage).await, ["pending", "withdrawn"]);
    vote(&stage, &again[0], "bob", Verdict::Approve).await;
    assert_eq!(outcome(&stage).await, RunOutcome::Succeeded);
}

#[tokio::test]
async fn a_suspended_and_a_deleted_runbook_take_the_question_back() {
    let (stage, mut scheduler, _) = asked().await;
    let name = RunbookName::new("a").unwrap();
    suspend::suspend(&stage.world, &name, None, &person("ann"), "quiet")
        .await
        .unwrap();
    pass(&stage, &mut scheduler, 1).await;
    assert_eq!(standings(&stage).await, ["withdrawn"]);
    suspend::resume(&stage.world, &name, &person("ann"))
        .await
        .unwrap();
    pass(&stage, &mut scheduler, 1).await;
    assert_eq!(standings(&stage).await, ["pending", "withdrawn"]);
    stage.world.put_in_use(Arc::new(active("")));
    scheduler.take_set(&stage.world).await.unwrap();
    assert_eq!(standings(&stage).await, ["withdrawn", "withdrawn"]);
}

#[tokio::test]
async fn a_step_that_is_no_longer_asked_about_ahead_takes_the_question_back_even_over_a_restart() {
    let history = History::temporary().unwrap();
    let before = Stage::with_history(&noon("x"), history.clone());
    let mut scheduler = awake(&before).await;
    pass(&before, &mut scheduler, 121).await;
    assert_eq!(standings(&before).await, ["pending"]);
    let text = noon("x").replace("    approval: { ahead: 2h }\n", "");
    let after = Stage::with_history(&text, history);
    after.clock.advance(Duration::from_mins(122));
    awake(&after).await;
    assert_eq!(standings(&after).await, ["withdrawn"]);
}

#[tokio::test]
async fn a_question_asked_ahead_survives_a_restart_with_its_answers() {
    let history = History::temporary().unwrap();
    let before = Stage::with_history(&noon("x"), history.clone());
    let mut scheduler = awake(&before).await;
    pass(&before, &mut scheduler, 121).await;
    vote(
        &before,
        &all(&before).await.remove(0),
        "bob",
        Verdict::Approve,
    )
    .await;
    let after = Stage::with_history(&noon("x"), history);
    after.clock.advance(Duration::from_mins(122));
    let mut scheduler = awake(&after).await;
    assert_eq!(standings(&after).await, ["approved"]);
    pass(&after, &mut scheduler, 119).await;
    assert_eq!(outcome(&after).await, RunOutcome::Succeeded);
    assert_eq!(all(&after).await.len(), 1);
}

#[tokio::test]
async fn a_due_time_that_does_not_run_takes_its_question_along() {
    let (stage, mut scheduler, case) = asked().await;
    vote(&stage, &case, "bob", Verdict::Approve).await;
    stage.clock.advance(Duration::from_hours(3));
    scheduler.tick(&stage.world).await.unwrap();
    assert_eq!(standings(&stage).await, ["withdrawn"]);
    let why = all(&stage).await.remove(0).recorded;
    assert!(why.reason().contains("missed_down"), "{why:?}");
}

#[tokio::test]
async fn a_jump_of_the_clock_asks_again_ahead() {
    let (stage, mut scheduler, case) = asked().await;
    vote(&stage, &case, "bob", Verdict::Approve).await;
    clock::look(&stage.world).await.unwrap();
    stage.clock.jump(jiff::SignedDuration::from_mins(6));
    scheduler.tick(&stage.world).await.unwrap();
    assert_eq!(standings(&stage).await, ["pending", "withdrawn"]);
    let again = all(&stage).await.remove(0).request.again;
    assert!(again.contains("forward"), "{again}");
}

#[tokio::test]
async fn what_is_due_next_tells_when_people_are_asked_and_what() {
    let stage = Stage::new(&noon("x"));
    let mut scheduler = awake(&stage).await;
    let asks = view::upcoming(&stage.world, None, 1)
        .remove(0)
        .asks
        .unwrap();
    assert_eq!(asks.from.to_string(), "2026-11-21T10:00:00Z");
    assert!(asks.questions.is_empty());
    pass(&stage, &mut scheduler, 120).await;
    let asks = view::upcoming(&stage.world, None, 1)
        .remove(0)
        .asks
        .unwrap();
    assert_eq!(asks.questions[0].step.as_str(), "gone");
    assert!(held(&stage.world.live).is_empty(), "no run is made for it");
}

#[tokio::test]
async fn a_consent_that_the_run_does_not_come_to_is_taken_back_at_its_end() {
    let text = noon("x").replace("uses: play/read", "uses: play/read, with: { fail: 1 }");
    let stage = Stage::new(&text);
    let mut scheduler = awake(&stage).await;
    pass(&stage, &mut scheduler, 120).await;
    vote(
        &stage,
        &all(&stage).await.remove(0),
        "bob",
        Verdict::Approve,
    )
    .await;
    pass(&stage, &mut scheduler, 120).await;
    assert_eq!(outcome(&stage).await, RunOutcome::Failed);
    assert_eq!(standings(&stage).await, ["withdrawn"]);
    let standing = all(&stage).await.remove(0).standing(stage.world.now());
    assert_eq!(standing, Standing::Withdrawn);
}

#[tokio::test]
async fn nobody_is_asked_about_a_time_that_an_earlier_run_keeps_from_running() {
    let stage = Stage::new(&noon("x"));
    let mut scheduler = awake(&stage).await;
    // It waits for people, and is still going on when its successor would be asked about.
    stage.start("a").await.unwrap();
    super::stage::until(|| stage.script.touched() == ["look"]).await;
    pass(&stage, &mut scheduler, 121).await;
    let ahead = all(&stage).await;
    let ahead = ahead.iter().filter(|case| case.request.ahead.is_some());
    assert_eq!(ahead.count(), 0);
    let run = stage.world.live_runs(&RunbookName::new("a").unwrap())[0];
    stage.world.cancel(run, "bob", "");
    stage.outcome(run).await;
    pass(&stage, &mut scheduler, 1).await;
    let newest = all(&stage).await.remove(0);
    assert!(newest.request.ahead.is_some(), "now it can run");
}
