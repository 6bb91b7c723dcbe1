//! How long a provider is believed: canaries, breaker, cache.

use super::{
    fake::{Does, Fake, JSON, KEY, Wire, provider},
    stage::{Stage, asks, change, destruction, rules, unreachable},
};
use orderly::{
    domain::{gate::Decision, span::Span},
    flow::review::{Rules, try_out},
    gate::review::Reviewer as _,
};
use std::time::Duration;

#[tokio::test]
async fn a_wrong_canary_opens_the_breaker_until_one_is_right() {
    let blind = Fake::with_canaries(Wire::Anthropic, [], ["no_objection", "no_objection"]);
    let stage = Stage::new(vec![blind.provider("blind")]);
    let said = stage.says(change()).await;
    assert_eq!(said.decision, asks(1));
    assert!(
        said.reason
            .contains("judged the destructive canary wrongly: no_objection"),
        "{}",
        said.reason
    );
    assert_eq!(blind.asked(), 0, "it is not asked about the step");
    assert!(!stage.reviewer.is_well());
    assert!(
        stage
            .reviewer
            .describe()
            .contains("blind (m-1), left alone"),
        "{}",
        stage.reviewer.describe()
    );
    let requests = blind.server.heads().len();
    stage.decides(change()).await;
    assert_eq!(blind.server.heads().len(), requests, "it is left alone");
    stage.clock.advance(Duration::from_secs(61));
    stage.decides(change()).await;
    assert!(
        blind.server.heads().len() > requests,
        "it is tried again after a minute"
    );
    assert!(!stage.reviewer.is_well());
}

#[tokio::test]
async fn a_reviewer_that_objects_to_everything_is_not_listened_to_either() {
    let anxious = Fake::with_canaries(Wire::OpenAi, [], ["block", "block"]);
    let calm = Fake::new(Wire::Ollama, []);
    let stage = Stage::new(vec![anxious.provider("anxious"), calm.provider("calm")]);
    let said = stage.says(change()).await;
    assert!(said.reason.starts_with("calm"), "{}", said.reason);
    assert_eq!(
        stage.metric("orderly_review_breaker_open{provider=\"anxious\"}"),
        "1"
    );
}

#[tokio::test]
async fn canaries_come_at_the_start_and_every_so_many_calls() {
    let fake = Fake::new(Wire::OpenAi, []);
    let often = Rules {
        canary_every: 3,
        cache_ttl: Span::default(),
        ..rules()
    };
    let stage = Stage::by(often, vec![fake.provider("main")]);
    let canaries = || fake.server.heads().len() - fake.asked();
    stage.reviewer.look_after().await;
    assert_eq!(canaries(), 2);
    stage.reviewer.look_after().await;
    assert_eq!(canaries(), 2, "once is enough");
    for _ in 0..3 {
        stage.decides(change()).await;
    }
    assert_eq!(canaries(), 2);
    stage.decides(change()).await;
    assert_eq!(canaries(), 4);
    assert_eq!(
        stage.metric("orderly_review_canaries_total{provider=\"main\",result=\"passed\"}"),
        "2"
    );
}

#[tokio::test]
async fn reviews_that_come_together_wait_for_one_round_of_canaries() {
    let fake = Fake::new(Wire::OpenAi, []);
    let stage = Stage::new(vec![fake.provider("main")]);
    let all = (0..8).map(|_| stage.decides(change()));
    let decisions = futures_util::future::join_all(all).await;
    assert!(
        decisions
            .iter()
            .all(|decision| *decision == Decision::Allow)
    );
    assert_eq!(fake.server.heads().len() - fake.asked(), 2);
}

#[tokio::test]
async fn three_failures_in_a_row_open_the_breaker_and_canaries_close_it() {
    let gone = || Does::Raw("404 Not Found", JSON.to_owned(), "{}".to_owned());
    let fake = Fake::new(Wire::OpenAi, [gone(), gone(), gone()]);
    let stage = Stage::new(vec![fake.provider("main")]);
    for _ in 0..3 {
        assert_eq!(stage.decides(change()).await, asks(1));
    }
    let said = stage.says(change()).await;
    assert!(
        said.reason.contains("left alone for another 60 s"),
        "{}",
        said.reason
    );
    assert_eq!(fake.asked(), 3);
    stage.clock.advance(Duration::from_mins(1));
    assert_eq!(stage.decides(change()).await, Decision::Allow);
    assert!(stage.reviewer.is_well());
}

#[tokio::test]
async fn a_lack_of_objections_to_a_change_counts_for_a_day_and_nothing_else_does() {
    let fake = Fake::new(Wire::Anthropic, []);
    let stage = Stage::new(vec![fake.provider("main")]);
    for _ in 0..3 {
        assert_eq!(stage.decides(change()).await, Decision::Allow);
    }
    assert_eq!(fake.asked(), 1);
    let said = stage.says(change()).await;
    assert!(said.reason.contains("asked before"), "{}", said.reason);
    let cached = stage.audit().await.pop().unwrap();
    assert_eq!(cached.entry.action, "review.cached");
    stage.clock.advance(Duration::from_hours(24));
    stage.decides(change()).await;
    assert_eq!(fake.asked(), 2);
    for _ in 0..2 {
        stage.decides(destruction()).await;
    }
    assert_eq!(fake.asked(), 4);
    fake.then(Does::Says("needs_human"));
    stage.clock.advance(Duration::from_hours(24));
    assert_eq!(stage.decides(change()).await, asks(1));
    assert_eq!(stage.decides(change()).await, Decision::Allow);
}

#[tokio::test]
async fn a_provider_is_tried_out_without_an_agent() {
    let fine = Fake::new(Wire::Ollama, []);
    let passed = try_out(&fine.provider("main")).await.unwrap();
    assert_eq!(passed.spent.tokens, 2200);
    let blind = Fake::with_canaries(Wire::Ollama, [], ["no_objection", "no_objection"]);
    let reason = try_out(&blind.provider("main")).await.unwrap_err();
    assert!(reason.contains("destructive canary wrongly"), "{reason}");
    let reason = try_out(&provider("main", &unreachable()))
        .await
        .unwrap_err();
    assert!(!reason.contains(KEY), "{reason}");
}
