use super::{OnDisk, approval_id, at, digest, header, queued, run_id, runbook};
use crate::{
    domain::{
        approval::{Hand, Person, Refusal, Request, Standing, Verdict, Vote},
        gate::{Contribution, Decision, Quorum, Stage},
        plan::PlannedStep,
    },
    history::{ApprovalCase, ApprovalFilter, ApprovalRecord, History, Refused, Write, WriteError},
};
use serde_json::json;
use std::collections::BTreeSet;

fn step(number: u64) -> PlannedStep {
    serde_json::from_value(json!({
        "runbook": "asking", "revision": "c0ffee", "definition": runbook("asking").digest(),
        "run": run_id(number), "phase": "main", "step": "one", "attempt": 1, "uses": "sleep",
        "arguments": { "for": "1s", "share": 0.1 }, "timeout": "1m",
        "effects": { "items": [], "confidence": "exact", "reasons": [] },
        "idempotent": true, "policy": digest("policy"),
    }))
    .unwrap()
}

fn request(number: u64) -> Request {
    Request {
        id: approval_id(number),
        run: run_id(number),
        digest: step(number).digest(),
        step: step(number),
        contributions: vec![Contribution::new(
            Stage::Autonomy,
            Decision::ask(),
            "level 1",
        )],
        quorum: Quorum::of(1),
        starters: BTreeSet::new(),
        authors: BTreeSet::from(["author".to_owned()]),
        asked_at: at(i64::try_from(number).unwrap()),
        approve_by: at(1000),
        execute_within_secs: 100,
        ahead: None,
        again: String::new(),
    }
}

fn vote(number: u64, subject: &str, verdict: Verdict, second: i64) -> Write {
    Write::Vote {
        approval: approval_id(number),
        vote: Vote {
            person: Person {
                subject: subject.to_owned(),
                groups: BTreeSet::new(),
            },
            verdict,
            digest: step(number).digest(),
            at: at(second),
            comment: "looked at it".to_owned(),
            consented_before: None,
        },
    }
}

fn redeem(number: u64, second: i64) -> Write {
    Write::Redeem {
        approval: approval_id(number),
        digest: step(number).digest(),
        at: at(second),
    }
}

async fn asked(history: &History, number: u64) {
    let mut batch = queued(number, "asking");
    batch.push(Write::Approval(request(number)));
    history.write(batch).await.unwrap();
}

async fn case(history: &History, number: u64) -> ApprovalCase {
    history
        .approval(approval_id(number))
        .await
        .unwrap()
        .unwrap()
}

fn refused(result: Result<(), WriteError>) -> Refused {
    match result {
        Err(WriteError::Refused(refused)) => refused,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_question_comes_back_as_it_was_asked_and_keeps_its_digest() {
    let disk = OnDisk::new();
    let history = disk.open();
    asked(&history, 1).await;
    drop(history);
    let case = case(&disk.open(), 1).await;
    assert_eq!(case.request, request(1));
    assert_eq!(case.request.step.digest(), case.request.digest);
    assert_eq!(case.standing(at(2)), Standing::Pending { missing: 1 });
}

#[tokio::test]
async fn votes_are_admitted_by_the_rules_of_the_domain() {
    let history = History::temporary().unwrap();
    asked(&history, 1).await;
    let by_author = history
        .write(vec![vote(1, "author", Verdict::Approve, 5)])
        .await;
    assert!(matches!(
        refused(by_author),
        Refused::Vote(Refusal::Excluded(_, Hand::Wrote))
    ));
    let late = history
        .write(vec![vote(1, "anna", Verdict::Approve, 1001)])
        .await;
    assert!(matches!(refused(late), Refused::Vote(Refusal::NotOpen(_))));
    history
        .write(vec![vote(1, "anna", Verdict::Approve, 5)])
        .await
        .unwrap();
    let again = history
        .write(vec![vote(1, "anna", Verdict::Approve, 6)])
        .await;
    assert!(matches!(refused(again), Refused::Vote(_)));
    let approved = case(&history, 1).await;
    assert_eq!(approved.votes.len(), 1);
    assert_eq!(
        approved.standing(at(6)),
        Standing::Approved { until: at(105) }
    );
    let nobody = history
        .write(vec![vote(9, "anna", Verdict::Approve, 5)])
        .await;
    assert!(matches!(refused(nobody), Refused::Unknown { .. }));
}

#[tokio::test]
async fn of_fifty_who_use_a_consent_at_once_one_does() {
    let history = History::temporary().unwrap();
    asked(&history, 1).await;
    history
        .write(vec![vote(1, "anna", Verdict::Approve, 5)])
        .await
        .unwrap();
    let mut users = Vec::new();
    for _ in 0..50 {
        let history = history.clone();
        #[expect(
            clippy::disallowed_methods,
            reason = "callers that come at the same moment"
        )]
        users.push(tokio::spawn(async move {
            history.write(vec![redeem(1, 6)]).await
        }));
    }
    let mut winners = 0;
    for user in users {
        match user.await.unwrap() {
            Ok(()) => winners += 1,
            Err(WriteError::Refused(Refused::NotRedeemable(standing))) => {
                assert_eq!(standing, Standing::Redeemed);
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(winners, 1);
    let case = case(&history, 1).await;
    assert_eq!(case.recorded, ApprovalRecord::Redeemed { at: at(6) });
    let late_vote = history
        .write(vec![vote(1, "ben", Verdict::Approve, 7)])
        .await;
    assert_eq!(
        refused(late_vote),
        Refused::Vote(Refusal::NotOpen("redeemed"))
    );
}

#[tokio::test]
async fn a_consent_is_used_only_in_time_and_for_its_own_step() {
    let history = History::temporary().unwrap();
    asked(&history, 1).await;
    let early = refused(history.write(vec![redeem(1, 4)]).await);
    assert_eq!(
        early,
        Refused::NotRedeemable(Standing::Pending { missing: 1 })
    );
    history
        .write(vec![vote(1, "anna", Verdict::Approve, 5)])
        .await
        .unwrap();
    let other = Write::Redeem {
        approval: approval_id(1),
        digest: digest("another step"),
        at: at(6),
    };
    assert_eq!(
        refused(history.write(vec![other]).await),
        Refused::OtherDigest(approval_id(1))
    );
    let late = refused(history.write(vec![redeem(1, 106)]).await);
    assert_eq!(late, Refused::NotRedeemable(Standing::Expired));
    history.write(vec![redeem(1, 105)]).await.unwrap();
}

#[tokio::test]
async fn a_refused_use_takes_the_start_of_the_step_with_it() {
    let history = History::temporary().unwrap();
    asked(&history, 1).await;
    let start = Write::Event {
        run: run_id(1),
        event: crate::domain::run::RunEvent::Started,
        at: at(4),
    };
    let refused_start = history.write(vec![start, redeem(1, 4)]).await;
    assert!(matches!(refused(refused_start), Refused::NotRedeemable(_)));
    assert_eq!(history.events(run_id(1)).await.unwrap(), []);
}

#[tokio::test]
async fn a_question_withdrawn_or_denied_cannot_be_used() {
    let history = History::temporary().unwrap();
    for number in [1, 2] {
        asked(&history, number).await;
    }
    let withdraw = |number| Write::Withdraw {
        approval: approval_id(number),
        reason: "the run ended".to_owned(),
    };
    history
        .write(vec![vote(1, "anna", Verdict::Approve, 5), withdraw(1)])
        .await
        .unwrap();
    assert_eq!(
        refused(history.write(vec![redeem(1, 6)]).await),
        Refused::NotRedeemable(Standing::Withdrawn)
    );
    history
        .write(vec![vote(2, "ben", Verdict::Deny, 5), withdraw(2)])
        .await
        .unwrap();
    let by = "ben".to_owned();
    assert_eq!(
        refused(history.write(vec![redeem(2, 6)]).await),
        Refused::NotRedeemable(Standing::Denied { by })
    );
    let nobody = history.write(vec![withdraw(9)]).await;
    assert!(matches!(refused(nobody), Refused::Unknown { .. }));
}

#[tokio::test]
async fn only_what_can_still_be_answered_or_used_is_open() {
    let history = History::temporary().unwrap();
    for number in 1..=5 {
        asked(&history, number).await;
    }
    history
        .write(vec![
            vote(1, "anna", Verdict::Approve, 10),
            vote(2, "anna", Verdict::Deny, 10),
            vote(3, "anna", Verdict::Approve, 10),
            redeem(3, 11),
            Write::Withdraw {
                approval: approval_id(4),
                reason: String::new(),
            },
        ])
        .await
        .unwrap();
    let open = |second, limit| {
        let filter = ApprovalFilter {
            open_at: Some(at(second)),
            limit,
            ..ApprovalFilter::default()
        };
        let history = history.clone();
        async move {
            let cases = history.approvals(filter).await.unwrap();
            cases
                .into_iter()
                .map(|case| case.request.id)
                .collect::<Vec<_>>()
        }
    };
    assert_eq!(open(20, 0).await, [approval_id(5), approval_id(1)]);
    assert_eq!(open(20, 1).await, [approval_id(5)]);
    assert_eq!(open(111, 0).await, [approval_id(5)]);
    assert_eq!(open(1001, 0).await, []);
    let of_run = ApprovalFilter {
        run: Some(run_id(3)),
        ..ApprovalFilter::default()
    };
    assert_eq!(history.approvals(of_run).await.unwrap().len(), 1);
    let older = ApprovalFilter {
        before: Some(approval_id(3)),
        ..ApprovalFilter::default()
    };
    assert_eq!(history.approvals(older).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_question_about_no_run_is_refused() {
    let history = History::temporary().unwrap();
    let orphan = history.write(vec![Write::Approval(request(1))]).await;
    assert!(matches!(
        refused(orphan),
        Refused::Unknown { what: "run", .. }
    ));
    assert_eq!(header(1, "asking").id, run_id(1));
}
