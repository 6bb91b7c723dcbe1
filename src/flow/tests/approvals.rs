//! Questions to people.

use super::{
    runs::{bob, book},
    stage::Stage,
};
use crate::{
    domain::{
        approval::{Person, Verdict},
        lineage::Authors,
        run::RunOutcome,
    },
    flow::approve,
    ports::agent::AgentError,
};
use std::time::Duration;

#[tokio::test]
async fn a_destructive_step_waits_for_somebody_else_than_the_one_who_started_it() {
    let stage = Stage::new(&book("a", "steps:\n- {name: gone, uses: play/destroy}"));
    let run = stage.start("a").await.unwrap();
    let case = stage.question().await;
    assert!(
        stage.script.touched().is_empty(),
        "nothing is touched before the answer"
    );
    let ann = Person {
        subject: "ann".to_owned(),
        groups: std::collections::BTreeSet::new(),
    };
    let refused = stage.vote(case.request.id, &ann, Verdict::Approve).await;
    assert!(
        matches!(refused, Err(AgentError::Conflict(_))),
        "{refused:?}"
    );
    approve::vote(
        &stage.world,
        case.request.id,
        &bob(),
        Verdict::Approve,
        None,
        "go",
    )
    .await
    .unwrap();
    assert_eq!(stage.outcome(run).await, RunOutcome::Succeeded);
    assert_eq!(stage.script.touched(), ["gone"]);
}

#[tokio::test]
async fn nobody_who_had_a_hand_in_the_runbook_consents_to_it() {
    let stage = Stage::new("");
    let text = book("a", "steps:\n- {name: gone, uses: play/destroy}");
    stage.put_by(&text, "Bob <bob@example.org>\nCid <cid>");
    let run = stage.start("a").await.unwrap();
    let case = stage.question().await;
    assert_eq!(case.request.quorum.people, 1);
    let vote = async |subject: &str| {
        let person = Person {
            subject: subject.to_owned(),
            groups: std::collections::BTreeSet::new(),
        };
        let id = case.request.id;
        stage.vote(id, &person, Verdict::Approve).await
    };
    for subject in ["ann", "bob@example.org", "Cid"] {
        let refused = vote(subject).await;
        assert!(matches!(refused, Err(AgentError::Conflict(_))), "{subject}");
    }
    vote("dan").await.unwrap();
    assert_eq!(stage.outcome(run).await, RunOutcome::Succeeded);
}

#[tokio::test]
async fn where_authors_are_not_known_one_person_more_must_consent() {
    let stage = Stage::new("");
    let text = book("a", "steps:\n- {name: gone, uses: play/destroy}");
    let mut authors = Authors::one("Cid <cid>");
    authors.join(&Authors::unknown());
    stage.put_by(&text, &authors.to_string());
    stage.start("a").await.unwrap();
    let case = stage.question().await;
    assert_eq!(case.request.quorum.people, 2);
    assert!(case.request.authors.contains("Cid"));
}

#[tokio::test]
async fn a_consent_is_void_once_a_file_or_program_of_the_step_is_another() {
    let stage = Stage::new(&book("a", "steps:\n- {name: gone, uses: play/destroy}"));
    let run = stage.start("a").await.unwrap();
    let first = stage.question().await.request.id;
    let reason = "the file /etc/x is not what it was when the step was judged";
    *stage.script.changed.lock().unwrap() = Some(reason.to_owned());
    let yes = async |id| {
        let voted = stage.vote(id, &bob(), Verdict::Approve).await;
        voted.unwrap();
    };
    yes(first).await;
    let second = stage.question_after(first).await.request.id;
    assert!(stage.script.touched().is_empty(), "nothing was touched");
    let standing = stage.world.history.approval(first).await.unwrap().unwrap();
    assert_eq!(standing.standing(stage.world.now()).as_str(), "withdrawn");
    yes(second).await;
    assert_eq!(stage.outcome(run).await, RunOutcome::Succeeded);
    assert_eq!(stage.script.touched(), ["gone"]);
}

#[tokio::test]
async fn one_no_ends_it() {
    let stage = Stage::new(&book(
        "a",
        "steps:\n- {name: gone, uses: play/destroy}\nfinally:\n- {name: tell, uses: play/read}",
    ));
    let run = stage.start("a").await.unwrap();
    let case = stage.question().await;
    approve::vote(
        &stage.world,
        case.request.id,
        &bob(),
        Verdict::Deny,
        None,
        "no",
    )
    .await
    .unwrap();
    assert_eq!(stage.outcome(run).await, RunOutcome::Denied);
    assert_eq!(stage.script.touched(), ["tell"]);
}

#[tokio::test]
async fn silence_is_no() {
    let stage = Stage::new(&book("a", "steps:\n- {name: gone, uses: play/destroy}"));
    let run = stage.start("a").await.unwrap();
    stage.question().await;
    stage.clock.advance(Duration::from_secs(4 * 3600 + 1));
    assert_eq!(stage.outcome(run).await, RunOutcome::Denied);
    assert!(stage.script.touched().is_empty());
}

#[tokio::test]
async fn waiting_for_people_does_not_use_up_the_deadline() {
    let stage = Stage::new(&book(
        "a",
        "deadline: 1m\nsteps:\n- {name: gone, uses: play/destroy}\n- {name: after, uses: play/read}",
    ));
    let run = stage.start("a").await.unwrap();
    let case = stage.question().await;
    stage.clock.advance(Duration::from_hours(1));
    stage
        .vote(case.request.id, &bob(), Verdict::Approve)
        .await
        .unwrap();
    assert_eq!(stage.outcome(run).await, RunOutcome::Succeeded);
}

#[tokio::test]
async fn a_cancel_withdraws_the_question() {
    let stage = Stage::new(&book("a", "steps:\n- {name: gone, uses: play/destroy}"));
    let run = stage.start("a").await.unwrap();
    let case = stage.question().await;
    stage.world.cancel(run, "bob", "");
    assert_eq!(stage.outcome(run).await, RunOutcome::Canceled);
    let late = stage.vote(case.request.id, &bob(), Verdict::Approve).await;
    assert!(late.is_err());
}

#[tokio::test]
async fn an_approval_step_asks_and_goes_on() {
    let stage = Stage::new(&book(
        "a",
        "steps:\n- {name: may, uses: play/ask}\n- {name: go, uses: play/read}",
    ));
    let run = stage.start("a").await.unwrap();
    let case = stage.question().await;
    stage
        .vote(case.request.id, &bob(), Verdict::Approve)
        .await
        .unwrap();
    assert_eq!(stage.outcome(run).await, RunOutcome::Succeeded);
    assert_eq!(stage.script.touched(), ["may", "go"]);
}
