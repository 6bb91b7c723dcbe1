//! What it costs, and that it is recorded.

use super::{
    fake::{Does, Fake, Wire},
    stage::{Stage, asks, change, destruction, facts, rules, step},
};
use orderly::{
    domain::{
        gate::Decision,
        policy::Policy,
        span::Span,
        spending::{Budget, Cost, Spending},
    },
    flow::review::Rules,
    gate::{judge, review::Reviewer as _},
    history::AuditVerdict,
    ports::clock::Clock as _,
};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_slow_provider_is_left_after_its_time_and_counts_at_its_worst() {
    let fake = Fake::new(Wire::Compatible, [Does::Dawdles]);
    let mut slow = fake.provider("slow");
    slow.timeout = Span::from_millis(1500);
    let stage = Stage::new(vec![slow]);
    stage.reviewer.look_after().await;
    let before = stage.tokens().await;
    assert_eq!(stage.decides(change()).await, asks(1));
    let reserved = stage.tokens().await - before;
    assert!(reserved > 1100 && reserved < 5000, "{reserved}");
    let record = stage.audit().await.remove(0);
    assert_eq!(record.entry.details["review"]["outcome"], "timed_out");
    assert!(!record.entry.success);
}

#[tokio::test]
async fn every_question_is_in_the_audit_log_with_what_it_cost() {
    let fake = Fake::new(Wire::Anthropic, [Does::Says("block")]);
    let stage = Stage::new(vec![fake.provider("main")]);
    stage.decides(change()).await;
    let records = stage.audit().await;
    assert_eq!(records.len(), 1);
    let entry = &records[0].entry;
    assert_eq!(
        (entry.action.as_str(), entry.success),
        ("review.asked", true)
    );
    assert_eq!(entry.details["runbook"], "book");
    let review = &entry.details["review"];
    assert_eq!(review["provider"], "main");
    assert_eq!(review["model"], "m-1");
    assert_eq!(review["verdict"], "block");
    assert_eq!(review["codes"], json!(["purpose_mismatch"]));
    assert_eq!(
        review["usage"],
        json!({"input_tokens": 1000, "output_tokens": 100})
    );
    // 1000 at 3 and 100 at 15 dollars for a million.
    assert_eq!(review["costNanoDollars"], 4_500_000);
    for hash in ["prompt", "response"] {
        assert_eq!(review[hash].as_str().unwrap().len(), 64, "{hash}");
    }
    assert!(review["latencyMs"].is_u64());
    let verified = stage.history.verify_audit(None).await.unwrap();
    assert!(matches!(verified, AuditVerdict::Whole { .. }));
    assert_eq!(
        stage.metric("orderly_review_tokens_total{direction=\"input\",provider=\"main\"}"),
        "3000"
    );
}

#[tokio::test]
async fn over_budget_nobody_is_asked() {
    let fake = Fake::new(Wire::OpenAi, []);
    let poor = Rules {
        budget: Budget {
            limit: Spending {
                tokens: 9_000,
                cost: Cost::from_dollars(100.0).unwrap(),
            },
            ..rules().budget
        },
        ..rules()
    };
    let stage = Stage::by(poor, vec![fake.provider("main")]);
    let mut asked = 0;
    let unavailable = loop {
        let said = stage.says(destruction()).await;
        if said.decision == asks(2) {
            break said;
        }
        asked += 1;
        assert!(asked < 20, "it never ends");
    };
    assert!(
        unavailable
            .reason
            .contains("9000 tokens for AI would be used up"),
        "{}",
        unavailable.reason
    );
    assert_eq!(fake.asked(), asked);
    assert!(stage.tokens().await <= 9_000);
    assert_eq!(stage.decides(change()).await, asks(1));
    assert!(!stage.reviewer.is_well());
    assert!(
        stage.reviewer.describe().contains("budget is used up"),
        "{}",
        stage.reviewer.describe()
    );
    assert_eq!(
        stage.metric("orderly_review_budget_state{state=\"spent\"}"),
        "1"
    );
    let last = stage.audit().await.pop().unwrap();
    assert_eq!(
        (last.entry.action.as_str(), last.entry.success),
        ("review.unavailable", false)
    );
    // Looking again does not make it better.
    stage.reviewer.look_after().await;
    assert!(!stage.reviewer.is_well());
    // The next month begins at nothing.
    stage.clock.advance(Duration::from_hours(24 * 10));
    assert_eq!(stage.decides(change()).await, Decision::Allow);
}

#[tokio::test]
async fn one_runbook_cannot_use_up_the_budget_of_all() {
    let fake = Fake::new(Wire::OpenAi, []);
    let shared = Rules {
        budget: Budget {
            limit: Spending {
                tokens: 30_000,
                ..rules().budget.limit
            },
            share_percent: 30,
            ..rules().budget
        },
        ..rules()
    };
    let stage = Stage::by(shared, vec![fake.provider("main")]);
    let greedy = loop {
        let said = stage.says(destruction()).await;
        if said.decision == asks(2) {
            break said;
        }
    };
    assert!(
        greedy.reason.contains("30 % of the month's budget"),
        "{}",
        greedy.reason
    );
    assert!(stage.reviewer.is_well(), "the others have theirs");
    let mut other = step(destruction());
    other.runbook = "other".parse().unwrap();
    let facts = facts(&stage.clock);
    let judged = judge(&other, &Policy::default(), &facts, &stage.reviewer).await;
    assert_eq!(judged.decision, asks(1));
}

#[tokio::test]
async fn reviews_that_come_together_keep_within_the_budget() {
    let fake = Fake::new(Wire::OpenAi, []);
    let tight = Rules {
        budget: Budget {
            limit: Spending {
                tokens: 12_000,
                ..rules().budget.limit
            },
            ..rules().budget
        },
        ..rules()
    };
    let stage = Stage::by(tight, vec![fake.provider("main")]);
    stage.reviewer.look_after().await;
    let all = (0..12).map(|_| stage.decides(destruction()));
    let decisions = futures_util::future::join_all(all).await;
    assert!(decisions.contains(&asks(2)), "not all of them fit");
    assert!(decisions.contains(&asks(1)), "some do");
    assert!(stage.tokens().await <= 12_000);
}

#[tokio::test]
async fn a_question_that_the_agent_did_not_live_to_see_answered_stays_paid_for() {
    let fake = Fake::new(Wire::OpenAi, [Does::Dawdles]);
    let stage = Stage::new(vec![fake.provider("main")]);
    stage.reviewer.look_after().await;
    let before = stage.tokens().await;
    tokio::select! {
        _ = stage.decides(change()) => panic!("it dawdles"),
        () = async {
            while fake.asked() == 0 {
                tokio::task::yield_now().await;
            }
        } => {}
    }
    let after = stage.tokens().await;
    assert!(after > before + 1100, "{before} {after}");
    let calls = stage.history.ai_spending(stage.clock.now()).await.unwrap();
    assert_eq!(calls.calls, 3);
}

#[tokio::test]
async fn without_a_record_nobody_is_asked_and_nothing_passes() {
    let fake = Fake::new(Wire::OpenAi, []);
    let stage = Stage::new(vec![fake.provider("main")]);
    stage.reviewer.look_after().await;
    stage.history.fail_next_commits(100);
    assert_eq!(stage.decides(change()).await, asks(1));
    assert_eq!(fake.asked(), 0);
    // An answer that cannot be recorded is none.
    stage.history.fail_next_commits(0);
    let said = stage.says(change()).await;
    assert_eq!(said.decision, Decision::Allow, "{}", said.reason);
}
