//! Steps that need a fresh verified backup.

use super::{at, change, facts, gone, now, object, step};
use crate::{
    domain::{
        effect::{Effect, Effects, Scope, Verb},
        gate::{Decision, Stage, join},
        policy::{Autonomy, FreshBackup, Operation, Policy},
        span::Span,
    },
    gate::{Circumstances, FoundBackup, by_policy},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::collections::BTreeSet;

fn rule() -> FreshBackup {
    FreshBackup {
        operations: BTreeSet::from([Operation::DeletePersistentVolumeClaim]),
        namespaces: BTreeSet::from(["shop".to_owned()]),
        backup: "shop-database".parse().unwrap(),
        runbook: None,
        younger_than: Span::from_secs(24 * 3600),
    }
}
fn policy() -> Policy {
    Policy {
        fresh_backup: vec![rule()].into(),
        ..at(Autonomy::SafeAuto)
    }
}
fn claim_deleted() -> Effects {
    Effects::exact(vec![Effect::destructive(
        Verb::Delete,
        object("persistentvolumeclaim", "shop"),
    )])
}
fn found(newest: Option<Timestamp>) -> Circumstances {
    Circumstances {
        backups: vec![FoundBackup {
            rule: rule(),
            newest,
            maker: Some("shop-backup".parse().unwrap()),
        }],
        ..facts()
    }
}
fn decide(effects: Effects, facts: &Circumstances) -> (Decision, Option<String>) {
    let said = by_policy(&step(effects, json!({})), &policy(), facts);
    let reason = said.iter().find(|said| said.stage == Stage::FreshBackup);
    (join(&said), reason.map(|said| said.reason.clone()))
}

#[test]
fn without_a_fresh_backup_nobody_can_consent() {
    let (decision, reason) = decide(claim_deleted(), &found(None));
    assert_eq!(decision, Decision::Deny);
    assert_eq!(
        reason.unwrap(),
        "policy wants a verified backup `shop-database` younger than 1d; there is none; runbook shop-backup makes it"
    );
    let old = now() - SignedDuration::from_mins(25 * 60 + 5);
    let (decision, reason) = decide(claim_deleted(), &found(Some(old)));
    assert_eq!(decision, Decision::Deny);
    assert!(reason.unwrap().contains("the newest is 25h5m old"));
    let (decision, _) = decide(claim_deleted(), &facts());
    assert_eq!(
        decision,
        Decision::Deny,
        "what was not looked for is not there"
    );
}

#[test]
fn with_one_people_are_asked_as_ever() {
    let fresh = now() - SignedDuration::from_hours(3);
    let (decision, reason) = decide(claim_deleted(), &found(Some(fresh)));
    assert_eq!(decision, Decision::ask());
    assert!(reason.unwrap().ends_with("the newest is 3h old"));
}

#[test]
fn other_steps_need_none() {
    for effects in [change(), gone()] {
        assert_eq!(decide(effects, &facts()).1, None);
    }
    let mut elsewhere = claim_deleted();
    elsewhere.items[0].object.scope = Scope::Namespace("other".to_owned());
    assert_eq!(decide(elsewhere, &facts()).1, None);
    let mut anywhere = claim_deleted();
    anywhere.items[0].object.scope = Scope::Unknown;
    assert!(decide(anywhere, &facts()).1.is_some());
}

#[test]
fn a_rule_that_names_no_operation_means_everything_destructive() {
    let policy = Policy {
        fresh_backup: vec![FreshBackup {
            operations: BTreeSet::new(),
            namespaces: BTreeSet::new(),
            ..rule()
        }]
        .into(),
        ..at(Autonomy::FullAuto)
    };
    let decide = |effects| join(&by_policy(&step(effects, json!({})), &policy, &facts()));
    assert_eq!(decide(gone()), Decision::Deny);
    assert_eq!(decide(change()), Decision::Allow);
}

#[test]
fn a_rule_covers_every_namespace_that_its_pattern_means() {
    let covers = |listed: &str| {
        let rule = FreshBackup {
            namespaces: BTreeSet::from([listed.to_owned()]),
            ..rule()
        };
        let policy = Policy {
            fresh_backup: vec![rule].into(),
            ..policy()
        };
        let said = by_policy(&step(claim_deleted(), json!({})), &policy, &facts());
        said.iter().any(|said| said.stage == Stage::FreshBackup)
    };
    assert!(covers("shop") && covers("sh*") && covers("sho?"));
    assert!(!covers("team-*"));
}
