//! The crash test: the event log is cut after every prefix, a new agent recovers, and the end is compared.

use super::stage::Stage;
use crate::{
    domain::{
        run::{Recorded, RunEvent, RunOutcome, RunState, Standing},
        runbook::Phase,
    },
    flow::{approve, recover},
    history::{History, Write},
};
use std::{sync::Arc, time::Duration};

const BOOK: &str = "apiVersion: orderly.dev/v1
kind: Runbook
metadata: { name: a }
spec:
  description: x
  steps:
  - { name: look, uses: play/read }
  - { name: skipped, uses: play/read, when: 'false' }
  - { name: change, uses: play/change }
  - { name: once, uses: play/once }
  - { name: bad, uses: play/read, with: { fail: 1 } }
  rollback:
  - { name: back, uses: play/change }
  finally:
  - { name: tell, uses: play/read }
";

/// A whole run's events, its header and definition.
async fn whole_run() -> (Vec<Recorded>, Vec<Write>) {
    let stage = Stage::new(BOOK);
    let run = stage.start("a").await.unwrap();
    assert_eq!(stage.outcome(run).await, RunOutcome::Failed);
    let row = stage.world.history.run(run).await.unwrap().unwrap();
    let runbook = Arc::new(
        stage
            .world
            .history
            .definition(row.header.definition)
            .await
            .unwrap()
            .unwrap(),
    );
    let exist = vec![
        Write::Definition {
            digest: row.header.definition,
            runbook,
        },
        Write::Run(row.header),
    ];
    (stage.world.history.events(run).await.unwrap(), exist)
}

#[tokio::test]
async fn after_every_prefix_of_its_events_a_run_reaches_a_true_end() {
    let (events, exist) = whole_run().await;
    assert!(events.len() > 12, "{events:#?}");
    for length in 0..=events.len() {
        let (before, _lost) = events.split_at(length);
        let history = History::temporary().unwrap();
        let run = match &exist[1] {
            Write::Run(header) => header.id,
            _ => unreachable!(),
        };
        let mut writes = exist.clone();
        writes.extend(before.iter().map(|recorded| Write::Event {
            run,
            event: recorded.event.clone(),
            at: recorded.at,
        }));
        history.write(writes).await.unwrap();
        check_recovery(length, before, history, run).await;
    }
}

async fn check_recovery(
    length: usize,
    before: &[Recorded],
    history: History,
    run: crate::domain::id::RunId,
) {
    let stage = Stage::with_history(BOOK, history);
    let state = RunState::of(before);
    let open: Vec<_> = state
        .steps
        .iter()
        .filter(|(_, step)| matches!(step.standing, Standing::Running { .. }))
        .collect();
    let uncertain = open.iter().any(|(key, step)| {
        key.step.as_str() == "once"
            && matches!(step.standing, Standing::Running { idempotent: false })
    });
    recover::recover(&stage.world).await.unwrap();
    if uncertain {
        let case = stage.question().await;
        assert!(
            stage.script.touched().is_empty(),
            "prefix {length}: nobody does it twice without asking"
        );
        let bob = crate::domain::approval::Person {
            subject: "bob".into(),
            groups: std::collections::BTreeSet::new(),
        };
        approve::vote(
            &stage.world,
            case.request.id,
            &bob,
            crate::domain::approval::Verdict::Deny,
            None,
            "",
        )
        .await
        .unwrap();
    }
    let outcome = tokio::time::timeout(Duration::from_secs(20), stage.outcome(run))
        .await
        .unwrap();
    let expected = if uncertain {
        RunOutcome::Interrupted
    } else {
        RunOutcome::Failed
    };
    // The script forgets that `bad` has failed once; a run cut before that fails then, one cut after has failed already.
    assert_eq!(outcome, expected, "prefix {length}");
    let after = stage.world.history.events(run).await.unwrap();
    assert_eq!(
        &after[..length],
        before,
        "prefix {length}: what was recorded stays"
    );
    let ends = after
        .iter()
        .filter(|recorded| matches!(recorded.event, RunEvent::Ended { .. }))
        .count();
    assert_eq!(ends, 1, "prefix {length}: it ends once");
    for (key, step) in &RunState::of(before).steps {
        let done = matches!(step.standing, Standing::Ended(_));
        assert!(
            !done || !stage.script.touched().contains(&key.step.to_string()),
            "prefix {length}: {key:?} is not done again"
        );
    }
    let told = RunState::of(&after)
        .steps
        .keys()
        .any(|key| key.phase == Phase::Finally);
    assert!(told, "prefix {length}: finally has run");
}
