//! Steps that need a fresh verified backup.

use super::{runs::book, stage::Stage};
use crate::{
    domain::{
        id::ArtifactId,
        policy::{FreshBackup, Policy},
        run::RunOutcome,
        span::Span,
    },
    flow::world::Settings,
    history::{ArtifactRecord, Write},
};
use std::{collections::BTreeSet, time::Duration};

fn stage() -> Stage {
    let gone = book("a", "steps:\n- {name: gone, uses: play/destroy}");
    let stage = Stage::new(&gone);
    let settings = stage.world.settings();
    stage.world.reconfigure(Settings {
        policy: Policy {
            fresh_backup: vec![FreshBackup {
                operations: BTreeSet::new(),
                namespaces: BTreeSet::new(),
                backup: "things".parse().unwrap(),
                runbook: None,
                younger_than: Span::from_secs(3600),
            }]
            .into(),
            ..settings.policy.clone()
        },
        ..settings.as_ref().clone()
    });
    stage
}

async fn denied(stage: &Stage) -> String {
    let run = stage.start("a").await.unwrap();
    assert_eq!(stage.outcome(run).await, RunOutcome::Denied);
    let row = stage.world.history.run(run).await.unwrap().unwrap();
    row.reason
}

#[tokio::test]
async fn a_step_waits_for_no_person_before_there_is_a_fresh_verified_backup() {
    let stage = stage();
    let reason = denied(&stage).await;
    assert!(reason.ends_with("there is none"), "{reason}");
    let (world, at) = (&stage.world, stage.world.now());
    let run = stage.start("a").await.unwrap();
    stage.outcome(run).await;
    let id = ArtifactId::new(at, world.clock.entropy());
    let made = ArtifactRecord {
        id,
        run,
        runbook: "keep".parse().unwrap(),
        step: "copy".parse().unwrap(),
        kind: "files".to_owned(),
        name: "things".to_owned(),
        path: "/things".to_owned(),
        encrypted: false,
        revision: "9fceb02d".to_owned(),
        size: 1,
        raw_size: 1,
        sha256: crate::domain::digest::Digest::of_bytes(b""),
        entries: 1,
        doubt: None,
        at,
    };
    world
        .history
        .write(vec![Write::Artifact(made)])
        .await
        .unwrap();
    let reason = denied(&stage).await;
    assert!(
        reason.contains("there is none; runbook keep makes it"),
        "not verified: {reason}"
    );
    let verified = Write::ArtifactVerified {
        id,
        at,
        took: Span::from_secs(1),
        detail: serde_json::json!({}),
    };
    world.history.write(vec![verified]).await.unwrap();
    let asking = stage.start("a").await.unwrap();
    stage.question().await;
    stage.world.cancel(asking, "bob", "");
    stage.outcome(asking).await;
    stage.clock.advance(Duration::from_hours(1));
    let reason = denied(&stage).await;
    assert!(reason.contains("the newest is 1h old"), "{reason}");
}
