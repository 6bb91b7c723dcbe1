//! What a consent is worth when it is used: exactly the step that people saw, in the world that they saw it in, once, in time.

use super::{
    runs::book,
    stage::{Stage, until},
};
use crate::{
    domain::{
        approval::{Person, Standing, Verdict},
        audit::Stamp,
        digest::Digest,
        id::RunId,
        name::{RunbookName, StepName},
        plan::PlannedStep,
        run::{Cause, RunEvent, RunOutcome},
    },
    flow::{
        approve, clock, recover,
        start::{self, Wish},
    },
    history::{ApprovalCase, History, Options, Write, online_backup},
    ports::agent::AgentError,
};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::atomic::Ordering, time::Duration};

const DESTROY: &str = "steps:\n- {name: gone, uses: play/destroy}";

fn person(subject: &str) -> Person {
    Person {
        subject: subject.to_owned(),
        groups: BTreeSet::new(),
    }
}

async fn vote(
    stage: &Stage,
    case: &ApprovalCase,
    subject: &str,
    verdict: Verdict,
) -> Result<(), AgentError> {
    let id = case.request.id;
    stage.vote(id, &person(subject), verdict).await
}

async fn yes(stage: &Stage, case: &ApprovalCase) {
    vote(stage, case, "bob", Verdict::Approve).await.unwrap();
}

async fn standing(stage: &Stage, case: &ApprovalCase) -> Standing {
    let found = stage.world.history.approval(case.request.id).await;
    found.unwrap().unwrap().standing(stage.world.now())
}

/// Waits for another question than this one.
async fn another(stage: &Stage, before: &ApprovalCase) -> ApprovalCase {
    loop {
        let now = stage.question().await;
        if now.request.id != before.request.id {
            return now;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// A runbook whose destructive step waits for a lock once it is consented to, so that the world can change in between.
const LOCKED: &str = "locks: [db]\ndeadline: 9h\nsteps:\n- {name: gone, uses: play/destroy}";

/// A stage on which people have consented, and the step waits for a lock. Gives what to release.
async fn consented() -> (Stage, RunId, RunId, ApprovalCase) {
    consented_in(History::temporary().unwrap()).await
}

fn two_with_a_lock() -> String {
    let holder = "locks: [db]\ndeadline: 9h\nsteps:\n- {name: holds, uses: play/change, timeout: 9h, with: {hang: true}}";
    book("holder", holder) + &book("a", LOCKED)
}

async fn consented_in(history: History) -> (Stage, RunId, RunId, ApprovalCase) {
    let stage = Stage::with_history(&two_with_a_lock(), history);
    let holder = stage.start("holder").await.unwrap();
    until(|| stage.script.touched() == ["holds"]).await;
    let run = stage.start("a").await.unwrap();
    let case = stage.question().await;
    yes(&stage, &case).await;
    waits_for_lock(&stage, run).await;
    (stage, holder, run, case)
}

async fn waits_for_lock(stage: &Stage, run: RunId) {
    until(|| stage.world.lock_queues.lock().unwrap().contains_key(&run)).await;
}

#[tokio::test]
async fn a_consent_is_void_where_the_step_would_touch_more_than_people_were_told() {
    let (stage, holder, run, case) = consented().await;
    stage.script.more.store(2, Ordering::SeqCst);
    stage.world.cancel(holder, "bob", "");
    let again = another(&stage, &case).await;
    assert!(!stage.script.touched().contains(&"gone".to_owned()));
    assert!(
        again.request.again.contains("3 instead of 1"),
        "{}",
        again.request.again
    );
    assert_eq!(standing(&stage, &case).await, Standing::Withdrawn);
    yes(&stage, &again).await;
    assert_eq!(stage.outcome(run).await, RunOutcome::Succeeded);
}

#[tokio::test]
async fn a_consent_outlasts_a_world_in_which_less_would_be_touched() {
    let stage = Stage::new(&book("a", DESTROY));
    stage.script.more.store(4, Ordering::SeqCst);
    let run = stage.start("a").await.unwrap();
    let case = stage.question().await;
    stage.script.more.store(0, Ordering::SeqCst);
    yes(&stage, &case).await;
    assert_eq!(stage.outcome(run).await, RunOutcome::Succeeded);
    assert_eq!(standing(&stage, &case).await, Standing::Redeemed);
}

#[tokio::test]
async fn another_policy_asks_anew_whether_people_have_consented_or_not() {
    let stricter = |stage: &Stage| {
        let mut settings = stage.world.settings().as_ref().clone();
        settings.policy.approvals.quorum += 1;
        stage.world.reconfigure(settings);
    };
    let stage = Stage::new(&book("a", DESTROY));
    stage.start("a").await.unwrap();
    let case = stage.question().await;
    stricter(&stage);
    let again = another(&stage, &case).await;
    assert_eq!(again.request.quorum.people, 2);
    assert!(again.request.again.contains("policy"), "{again:?}");

    let (stage, holder, _, case) = consented().await;
    stricter(&stage);
    stage.world.cancel(holder, "bob", "");
    assert!(
        another(&stage, &case)
            .await
            .request
            .again
            .contains("policy")
    );
    assert_eq!(stage.script.touched(), ["holds"]);
}

#[tokio::test]
async fn a_policy_that_says_the_same_of_the_step_asks_nobody_again() {
    let elsewhere = |stage: &Stage| {
        let mut settings = stage.world.settings().as_ref().clone();
        settings.policy.approvals.approve_by = "7h".parse().unwrap();
        settings
            .policy
            .dangerous_commands
            .push("perilous".to_owned().into());
        settings
            .policy
            .protected_namespaces
            .insert("other".to_owned());
        stage.world.reconfigure(settings);
    };
    let stage = Stage::new(&book("a", DESTROY));
    let run = stage.start("a").await.unwrap();
    let case = stage.question().await;
    elsewhere(&stage);
    yes(&stage, &case).await;
    assert_eq!(stage.outcome(run).await, RunOutcome::Succeeded);
    assert_eq!(standing(&stage, &case).await, Standing::Redeemed);

    let (stage, holder, run, case) = consented().await;
    elsewhere(&stage);
    stage.world.cancel(holder, "bob", "");
    assert_eq!(stage.outcome(run).await, RunOutcome::Succeeded);
    assert_eq!(standing(&stage, &case).await, Standing::Redeemed);
}

#[tokio::test]
async fn a_policy_that_lets_others_consent_asks_anew() {
    let stage = Stage::new(&book("a", DESTROY));
    stage.start("a").await.unwrap();
    let case = stage.question().await;
    let mut settings = stage.world.settings().as_ref().clone();
    settings.policy.approvals.trigger_may_approve = true;
    stage.world.reconfigure(settings);
    let again = another(&stage, &case).await;
    assert!(again.request.excluded().is_empty(), "{again:?}");
}

#[tokio::test]
async fn a_no_counts_until_the_consent_is_used_also_from_somebody_who_had_said_yes() {
    let (stage, holder, run, case) = consented().await;
    vote(&stage, &case, "Bob", Verdict::Deny).await.unwrap();
    stage.world.cancel(holder, "bob", "");
    assert_eq!(stage.outcome(run).await, RunOutcome::Denied);
    assert_eq!(stage.script.touched(), ["holds"]);
}

#[tokio::test]
async fn a_consent_that_is_not_used_in_time_is_asked_for_again() {
    let (stage, holder, run, case) = consented().await;
    stage.clock.advance(Duration::from_mins(16));
    stage.world.cancel(holder, "bob", "");
    let again = another(&stage, &case).await;
    assert!(again.request.again.contains("expired"), "{again:?}");
    yes(&stage, &again).await;
    assert_eq!(stage.outcome(run).await, RunOutcome::Succeeded);
}

#[tokio::test]
async fn a_jump_of_the_clock_voids_what_people_consented_to() {
    for by in [
        SignedDuration::from_secs(-3),
        SignedDuration::from_hours(-2),
        SignedDuration::from_mins(6),
    ] {
        let (stage, holder, run, case) = consented().await;
        clock::look(&stage.world).await.unwrap();
        stage.clock.jump(by);
        stage.world.cancel(holder, "bob", "");
        let again = another(&stage, &case).await;
        assert!(again.request.again.contains("jumped"), "{again:?}");
        assert_eq!(stage.script.touched(), ["holds"], "by {by:#}");
        yes(&stage, &again).await;
        assert_eq!(stage.outcome(run).await, RunOutcome::Succeeded);
    }
}

#[tokio::test]
async fn a_clock_that_was_set_back_while_the_agent_was_away_is_noticed() {
    let history = History::temporary().unwrap();
    let before = Stage::with_history(&book("a", DESTROY), history.clone());
    before.clock.advance(Duration::from_mins(10));
    before.start("a").await.unwrap();
    let case = before.question().await;
    let after = Stage::with_history(&book("a", DESTROY), history);
    recover::recover(&after.world).await.unwrap();
    let again = another(&after, &case).await;
    assert!(again.request.again.contains("set back"), "{again:?}");
}

#[tokio::test]
async fn a_clock_that_was_set_forward_while_the_agent_was_away_is_noticed_unless_the_machine_was_off()
 {
    for (boot, noticed) in [("this", true), ("another", false)] {
        let history = History::temporary().unwrap();
        let before = Stage::with_history(&book("a", DESTROY), history.clone());
        before.start("a").await.unwrap();
        let case = before.question().await;
        let alive = Write::Heartbeat {
            at: before.world.now(),
            stamp: Some(stamp(boot, 1_000)),
        };
        history.write(vec![alive]).await.unwrap();
        history.stamp_with(|| stamp("this", 61_000));
        let after = Stage::with_history(&book("a", DESTROY), history);
        after.clock.jump(SignedDuration::from_mins(59));
        recover::recover(&after.world).await.unwrap();
        assert_eq!(after.world.history.jump().await.unwrap().is_some(), noticed);
        if noticed {
            let again = another(&after, &case).await;
            assert!(again.request.again.contains("forward"), "{again:?}");
        }
    }
}

fn stamp(boot: &str, uptime_ms: u64) -> Stamp {
    Stamp {
        boot: boot.to_owned(),
        uptime_ms,
    }
}

/// Every field of a stored step, each with another value.
fn flipped(step: &PlannedStep) -> Vec<(String, PlannedStep)> {
    let whole = serde_json::to_value(step).unwrap();
    let Value::Object(fields) = &whole else {
        panic!("a step is an object");
    };
    let other = |name: &str, value: &Value| match (name, value) {
        ("phase", _) => json!("finally"),
        ("uses", _) => json!("play/once"),
        ("timeout", _) => json!("59m"),
        ("definition" | "policy", _) => json!(Digest::of_bytes(name.as_bytes())),
        ("run", _) => json!("01999999-9999-7999-8999-999999999999"),
        ("effects", _) => json!({"items": [], "confidence": "exact", "reasons": []}),
        (_, Value::Bool(was)) => json!(!was),
        (_, Value::Number(was)) => json!(was.as_u64().unwrap() + 1),
        (_, Value::String(was)) => json!(format!("{was}x")),
        (_, Value::Object(_)) => json!({"fail": 0}),
        (_, Value::Null | Value::Array(_)) => panic!("{name}"),
    };
    let flip = |(name, value): (&String, &Value)| {
        let mut flipped = whole.clone();
        flipped[name] = other(name, value);
        (name.clone(), serde_json::from_value(flipped).unwrap())
    };
    fields.iter().map(flip).collect()
}

#[tokio::test]
async fn a_stored_step_with_any_other_field_is_never_carried_out() {
    let (_, _, _, case) = consented().await;
    let all = flipped(&case.request.step);
    assert_eq!(all.len(), 13, "a new field needs another value here");
    for (field, step) in all {
        assert_ne!(step.digest(), case.request.digest, "{field}");
        // Somebody who can write to the database puts another step there, with the digest as it was, or one that fits.
        for digest in [case.request.digest, step.digest()] {
            let (stage, holder, _, case) = consented().await;
            let mut forged = case.request.clone();
            (forged.step, forged.digest) = (step.clone(), digest);
            stage.world.history.forge(forged).await;
            stage.world.cancel(holder, "bob", "");
            let again = another(&stage, &case).await;
            assert_eq!(stage.script.touched(), ["holds"], "{field}");
            assert!(!again.request.again.is_empty(), "{field}");
        }
    }
}

#[tokio::test]
async fn a_consent_is_used_once() {
    let stage = Stage::new(&book("a", DESTROY));
    let run = stage.start("a").await.unwrap();
    let case = stage.question().await;
    yes(&stage, &case).await;
    assert_eq!(stage.outcome(run).await, RunOutcome::Succeeded);
    let replay = Write::Redeem {
        approval: case.request.id,
        digest: case.request.digest,
        at: stage.world.now(),
    };
    assert!(stage.world.history.write(vec![replay]).await.is_err());
}

#[tokio::test]
async fn an_older_copy_of_the_history_does_not_bring_a_used_consent_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let copy = folder.path().join("copy.db");
    let open = || {
        let (path, key) = (path.clone(), b"a key".to_vec());
        History::open(Options { path, key }).unwrap()
    };
    let (before, holder, run, case) = consented_in(open()).await;
    online_backup(&path, &copy, &|| false).unwrap();
    before.world.cancel(holder, "bob", "");
    assert_eq!(before.outcome(run).await, RunOutcome::Succeeded);
    before.outcome(holder).await;
    before.world.history.clone().close().await.unwrap();
    std::fs::rename(&copy, &path).unwrap();

    let after = Stage::with_history(&two_with_a_lock(), open());
    recover::recover(&after.world).await.unwrap();
    after.world.cancel(holder, "bob", "");
    let again = another(&after, &case).await;
    assert!(again.request.again.contains("older copy"), "{again:?}");
    assert!(!after.script.touched().contains(&"gone".to_owned()));
}

#[tokio::test]
async fn the_one_who_started_the_run_that_started_this_one_may_not_consent_nor_may_its_author() {
    let child = book("child", DESTROY);
    let stage = Stage::new("");
    let parent = book("parent", "steps:\n- {name: look, uses: play/read}");
    stage.put_by(&parent, "Eve <eve@example.org>");
    let parent = stage.start("parent").await.unwrap();
    stage.outcome(parent).await;
    stage.put_by(&child, "Dan <dan@example.org>");
    let cause = Cause::Step {
        run: parent,
        step: StepName::new("look").unwrap(),
        waits: true,
    };
    let wish = Wish::of(RunbookName::new("child").unwrap(), cause);
    let run = start::start(&stage.world, wish).await.unwrap().id;
    let case = stage.question().await;
    for subject in [
        "ann",
        "ANN",
        "dan@example.org",
        "Dan@Example.org",
        "eve@example.org",
    ] {
        let refused = vote(&stage, &case, subject, Verdict::Approve).await;
        assert!(matches!(refused, Err(AgentError::Conflict(_))), "{subject}");
    }
    yes(&stage, &case).await;
    assert_eq!(stage.outcome(run).await, RunOutcome::Succeeded);
}

#[tokio::test]
async fn one_person_in_two_spellings_is_one_person() {
    let stage = Stage::new("");
    let mut settings = stage.world.settings().as_ref().clone();
    settings.policy.approvals.quorum = 2;
    stage.world.reconfigure(settings);
    stage.put(&book("a", DESTROY));
    stage.start("a").await.unwrap();
    let case = stage.question().await;
    assert_eq!(case.request.quorum.people, 2);
    yes(&stage, &case).await;
    let again = vote(&stage, &case, "BOB", Verdict::Approve).await;
    assert!(matches!(again, Err(AgentError::Conflict(_))), "{again:?}");
    assert_eq!(
        standing(&stage, &case).await,
        Standing::Pending { missing: 1 }
    );
}

#[tokio::test]
async fn a_question_that_somebody_takes_back_is_cancelled_and_not_denied() {
    let stage = Stage::new(&book("a", DESTROY));
    let run = stage.start("a").await.unwrap();
    let case = stage.question().await;
    let id = case.request.id;
    let cancel = async |why: &str| approve::cancel(&stage.world, id, &person("ann"), why).await;
    cancel("not today").await.unwrap();
    assert_eq!(stage.outcome(run).await, RunOutcome::Denied);
    let by = "ann".to_owned();
    assert_eq!(standing(&stage, &case).await, Standing::Cancelled { by });
    let events = stage.world.history.events(run).await.unwrap();
    let why = events.into_iter().find_map(|event| match event.event {
        RunEvent::StepDenied { reason, .. } => Some(reason),
        _ => None,
    });
    assert_eq!(why.unwrap(), "the question was cancelled by ann: not today");
    assert!(matches!(
        cancel("again").await,
        Err(AgentError::Conflict(_))
    ));
    assert!(vote(&stage, &case, "bob", Verdict::Approve).await.is_err());
    let series = r#"orderly_approvals_ended_total{standing="cancelled"}"#;
    assert!((stage.metric(series) - 1.0).abs() < 0.1, "{series}");
}

#[tokio::test]
async fn who_cancels_the_run_has_cancelled_its_question() {
    let stage = Stage::new(&book("a", DESTROY));
    let run = stage.start("a").await.unwrap();
    let case = stage.question().await;
    stage.world.cancel(run, "cid", "wrong cluster");
    assert_eq!(stage.outcome(run).await, RunOutcome::Canceled);
    let by = "cid".to_owned();
    assert_eq!(standing(&stage, &case).await, Standing::Cancelled { by });
}
