use super::{OnDisk, at, entropy, name};
use crate::{
    domain::{
        id::CallId,
        span::Span,
        spending::{Budget, Cost, Overrun, Spending},
    },
    history::{History, Refused, Reservation, Write, WriteError},
};
use jiff::Timestamp;

fn spending(tokens: u64, dollars: f64) -> Spending {
    Spending {
        tokens,
        cost: Cost::from_dollars(dollars).unwrap(),
    }
}

fn call(number: u64) -> CallId {
    CallId::new(at(0), entropy(number))
}

fn reservation(number: u64, when: Timestamp, worst: Spending) -> Reservation {
    Reservation {
        call: call(number),
        at: when,
        runbook: Some(name("book")),
        provider: "main".parse().unwrap(),
        model: "m-1".to_owned(),
        worst,
        budget: Budget {
            limit: spending(1000, 10.0),
            warn_percent: 75,
            share_percent: 100,
        },
    }
}

async fn reserve(history: &History, number: u64, worst: Spending) -> Result<(), WriteError> {
    let wanted = reservation(number, at(0), worst);
    history.write(vec![Write::Reserve(wanted)]).await
}

fn settled(number: u64, actual: Spending) -> Write {
    Write::Settle {
        call: call(number),
        at: at(1),
        actual,
        took: Span::from_millis(250),
    }
}

#[tokio::test]
async fn a_call_counts_at_its_worst_until_it_is_settled() {
    let history = History::temporary().unwrap();
    reserve(&history, 1, spending(400, 4.0)).await.unwrap();
    let during = history.ai_spending(at(0)).await.unwrap();
    assert_eq!((during.spent, during.calls), (spending(400, 4.0), 1));
    history
        .write(vec![settled(1, spending(120, 0.5))])
        .await
        .unwrap();
    let after = history.ai_spending(at(0)).await.unwrap();
    assert_eq!(after.spent, spending(120, 0.5));
    assert_eq!(after.took, Span::from_millis(250));
    let again = history.write(vec![settled(1, spending(0, 0.0))]).await;
    assert!(matches!(
        again,
        Err(WriteError::Refused(Refused::Unknown { .. }))
    ));
}

#[tokio::test]
async fn a_call_that_nobody_settles_stays_spent_after_a_restart() {
    let disk = OnDisk::new();
    let history = disk.open();
    reserve(&history, 1, spending(900, 1.0)).await.unwrap();
    drop(history);
    let history = disk.open();
    let found = history.ai_spending(at(0)).await.unwrap();
    assert_eq!(found.spent, spending(900, 1.0));
    assert!(reserve(&history, 2, spending(200, 0.1)).await.is_err());
}

#[tokio::test]
async fn calls_that_come_together_cannot_break_the_limit() {
    let history = History::temporary().unwrap();
    let calls = (0..20).map(|number| reserve(&history, number, spending(300, 0.1)));
    let answers = futures_util::future::join_all(calls).await;
    let admitted = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(admitted, 3);
    let refused = answers.into_iter().find_map(Result::err).unwrap();
    assert!(matches!(
        refused,
        WriteError::Refused(Refused::OverBudget(Overrun::Tokens { .. }))
    ));
    let found = history.ai_spending(at(0)).await.unwrap();
    assert_eq!((found.spent.tokens, found.calls), (900, 3));
}

#[tokio::test]
async fn a_provider_that_counts_more_than_was_reserved_is_believed() {
    let history = History::temporary().unwrap();
    reserve(&history, 1, spending(100, 0.1)).await.unwrap();
    history
        .write(vec![settled(1, spending(1500, 11.0))])
        .await
        .unwrap();
    assert!(reserve(&history, 2, spending(1, 0.0)).await.is_err());
}

#[tokio::test]
async fn a_new_month_begins_at_nothing_and_an_old_one_does_not_come_back() {
    let history = History::temporary().unwrap();
    let november: Timestamp = "2026-11-30T23:59:00Z".parse().unwrap();
    let december: Timestamp = "2026-12-01T00:00:00Z".parse().unwrap();
    let full = spending(1000, 0.0);
    let reserve = |number, when| {
        let history = history.clone();
        async move {
            history
                .write(vec![Write::Reserve(reservation(number, when, full))])
                .await
        }
    };
    reserve(1, november).await.unwrap();
    assert!(reserve(2, november).await.is_err());
    reserve(3, december).await.unwrap();
    // A clock that is set back finds no fresh November.
    assert!(reserve(4, november).await.is_err());
    let found = history.ai_spending(november).await.unwrap();
    assert_eq!(found.month.to_string(), "2026-12");
    // What was reserved in November is settled there.
    history
        .write(vec![settled(1, spending(1, 0.0))])
        .await
        .unwrap();
    let found = history.ai_spending(december).await.unwrap();
    assert_eq!(found.spent.tokens, 1000);
}

#[tokio::test]
async fn a_reservation_is_made_once() {
    let history = History::temporary().unwrap();
    reserve(&history, 1, spending(1, 0.0)).await.unwrap();
    let again = reserve(&history, 1, spending(1, 0.0)).await;
    assert!(matches!(
        again,
        Err(WriteError::Refused(Refused::Duplicate { .. }))
    ));
    let found = history.ai_spending(at(0)).await.unwrap();
    assert_eq!(found.spent.tokens, 1);
}

#[tokio::test]
async fn old_calls_go_and_the_sums_stay() {
    let history = History::temporary().unwrap();
    reserve(&history, 1, spending(7, 0.0)).await.unwrap();
    let pruned = history.prune_runs(at(10), 0).await.unwrap();
    assert_eq!(pruned.others, 1);
    let found = history.ai_spending(at(0)).await.unwrap();
    assert_eq!(found.spent.tokens, 7);
}
