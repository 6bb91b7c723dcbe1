//! Rules of the gate, each on its own, and what holds for all of them together.

mod backups;
mod examples;
mod operations;
mod properties;

use super::{
    Circumstances, by_policy, judge,
    review::{Case, Reviewer},
};
use crate::{
    domain::{
        calendar::WindowState,
        circuit::Tripped,
        digest::Digest,
        effect::{
            Class, Confidence, Effect, Effects, Object, Place, Reach, Reversible, Scope, Tri, Verb,
            Which,
        },
        gate::{Contribution, Decision, Quorum, Settled, Stage, join, settle},
        halt::Halt,
        id::RunId,
        jump::Jump,
        pace::{Measure, Standing, Whose},
        plan::PlannedStep,
        policy::{ApprovalRules, Autonomy, Operation, Policy, Preapproval, ProtectedMode},
        runbook::Phase,
        span::Span,
        trial::Trial,
    },
    ports::BoxFuture,
};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn now() -> Timestamp {
    "2026-11-21T08:00:00Z".parse().unwrap()
}

fn step(effects: Effects, arguments: Value) -> PlannedStep {
    PlannedStep {
        runbook: "book".parse().unwrap(),
        revision: "0".repeat(40),
        definition: Digest::of_bytes(b""),
        run: RunId::new(now(), [0; 10]),
        phase: Phase::Main,
        step: "one".parse().unwrap(),
        attempt: 1,
        uses: "command".parse().unwrap(),
        arguments,
        timeout: Span::from_secs(60),
        effects,
        idempotent: false,
        policy: Digest::of_bytes(b""),
        pinned: crate::domain::pinned::Pinned::default(),
    }
}

fn facts() -> Circumstances {
    Circumstances {
        halted: None,
        circuit: None,
        trial: None,
        now: now(),
        window: WindowState::Open { closes: None },
        window_override: None,
        standings: Vec::new(),
        consented: None,
        jumped: None,
        backups: Vec::new(),
        manual: false,
        uncertain: false,
        wish: None,
        purpose: "a test".to_owned(),
        foreign: Vec::new(),
        reviewed: None,
    }
}

fn object(kind: &str, namespace: &str) -> Object {
    Object {
        place: Place::Cluster("default".into()),
        kind: kind.into(),
        scope: Scope::Namespace(namespace.into()),
        which: Which::Named("x".into()),
    }
}

fn decide(effects: Effects, policy: &Policy) -> Decision {
    join(&by_policy(&step(effects, json!({})), policy, &facts()))
}

fn at(level: Autonomy) -> Policy {
    Policy {
        autonomy: level,
        ..Policy::default()
    }
}

fn change() -> Effects {
    Effects::exact(vec![Effect::change(
        Verb::Patch,
        object("deployment.apps", "shop"),
        "patch it back",
    )])
}

fn gone() -> Effects {
    Effects::exact(vec![Effect::destructive(
        Verb::Delete,
        object("configmap", "shop"),
    )])
}

#[test]
fn reading_runs_at_every_level() {
    for level in [Autonomy::Review, Autonomy::SafeAuto, Autonomy::FullAuto] {
        let read = Effects::exact(vec![Effect::read(Verb::Read, object("pod", "kube-system"))]);
        assert_eq!(decide(read, &at(level)), Decision::Allow);
    }
}

#[test]
fn a_reversible_change_runs_from_level_two_on() {
    assert_eq!(decide(change(), &at(Autonomy::Review)), Decision::ask());
    assert_eq!(decide(change(), &at(Autonomy::SafeAuto)), Decision::Allow);
    assert_eq!(decide(change(), &at(Autonomy::FullAuto)), Decision::Allow);
}

#[test]
fn a_change_that_nothing_takes_back_is_asked_for_at_every_level() {
    for undo in [Reversible::Unknown, Reversible::No, Reversible::NeedsBackup] {
        let mut effects = change();
        effects.items[0].reversible = undo;
        let decide = |level| decide(effects.clone(), &at(level));
        assert_eq!(decide(Autonomy::SafeAuto), Decision::ask());
        assert_eq!(decide(Autonomy::FullAuto), Decision::ask());
    }
}

#[test]
fn a_change_of_wide_or_unknown_reach_is_asked_for_at_level_two() {
    for reach in [Reach::Exactly(11), Reach::AtMost(500), Reach::Unknown] {
        let mut effects = change();
        effects.items[0].reach = reach;
        assert_eq!(
            decide(effects, &at(Autonomy::SafeAuto)),
            Decision::ask(),
            "{reach:?}"
        );
    }
}

#[test]
fn destruction_asks_at_every_level_unless_preapproved_and_harmless() {
    for level in [Autonomy::Review, Autonomy::SafeAuto, Autonomy::FullAuto] {
        assert_eq!(decide(gone(), &at(level)), Decision::ask());
    }
    let scope = Preapproval {
        runbook: "book".parse().unwrap(),
        action: "command".parse().unwrap(),
        with: BTreeMap::new(),
        until: "2026-12-01T00:00:00Z".parse().unwrap(),
    };
    let policy = Policy {
        preapproved: vec![scope.clone()].into(),
        ..at(Autonomy::FullAuto)
    };
    assert_eq!(decide(gone(), &policy), Decision::ask(), "it may lose data");
    let mut harmless = gone();
    harmless.items[0].data_loss = Tri::No;
    harmless.items[0].reversible = Reversible::Recreated;
    assert_eq!(decide(harmless.clone(), &policy), Decision::Allow);
    let elsewhere = Preapproval {
        with: [("namespace".to_owned(), json!("other"))].into(),
        ..scope.clone()
    };
    let at_arguments = |arguments: Value, scope: &Preapproval| {
        let policy = Policy {
            preapproved: vec![scope.clone()].into(),
            ..at(Autonomy::FullAuto)
        };
        join(&by_policy(
            &step(harmless.clone(), arguments),
            &policy,
            &facts(),
        ))
    };
    let named = json!({ "namespace": "other", "name": "x" });
    assert_eq!(at_arguments(named, &elsewhere), Decision::Allow);
    for arguments in [
        json!({ "namespace": "shop" }),
        json!({}),
        json!({ "namespace": ["other"] }),
    ] {
        assert_eq!(
            at_arguments(arguments, &elsewhere),
            Decision::ask(),
            "it is for other arguments"
        );
    }
    let over = Preapproval {
        until: now(),
        ..scope
    };
    assert_eq!(
        decide(
            harmless,
            &Policy {
                preapproved: vec![over].into(),
                ..policy
            }
        ),
        Decision::ask(),
        "it has ended"
    );
}

#[test]
fn what_is_not_understood_never_passes_alone() {
    for level in [Autonomy::Review, Autonomy::SafeAuto, Autonomy::FullAuto] {
        let opaque = Effects::opaque(Object::host("program", "sh"), "a script");
        assert_eq!(decide(opaque, &at(level)), Decision::ask());
        let half = Effects {
            confidence: Confidence::Opaque,
            ..change()
        };
        assert_eq!(decide(half, &at(level)), Decision::ask());
    }
}

#[test]
fn a_protected_namespace_is_not_changed() {
    let effects = Effects::exact(vec![Effect::change(
        Verb::Patch,
        object("deployment.apps", "kube-system"),
        "back",
    )]);
    assert_eq!(
        decide(effects.clone(), &at(Autonomy::FullAuto)),
        Decision::Deny
    );
    let asks = Policy {
        protected_mode: ProtectedMode::Approval,
        ..at(Autonomy::FullAuto)
    };
    assert_eq!(decide(effects, &asks), Decision::Approve(Quorum::of(2)));
}

#[test]
fn an_unknown_or_any_namespace_counts_as_protected() {
    for scope in [Scope::Unknown, Scope::AllNamespaces, Scope::ClusterScoped] {
        let object = Object {
            scope: scope.clone(),
            ..object("deployment.apps", "")
        };
        let effects = Effects::exact(vec![Effect::change(Verb::Patch, object, "back")]);
        assert_eq!(
            decide(effects, &at(Autonomy::FullAuto)),
            Decision::Deny,
            "{scope:?}"
        );
    }
}

#[test]
fn each_operation_is_found_by_its_effect() {
    let cases = [
        (Operation::DeletePod, Verb::Delete, "pod"),
        (Operation::DeleteSecret, Verb::Delete, "secret"),
        (Operation::DeleteSecret, Verb::DeleteCollection, "namespace"),
        (Operation::DeleteNamespace, Verb::Delete, "namespace"),
        (
            Operation::DeletePersistentVolumeClaim,
            Verb::Delete,
            "persistentvolumeclaim",
        ),
        (
            Operation::DeletePersistentVolume,
            Verb::Delete,
            "persistentvolume",
        ),
        (
            Operation::DeleteStatefulSet,
            Verb::Delete,
            "statefulset.apps",
        ),
        (
            Operation::ModifyRbac,
            Verb::Patch,
            "role.rbac.authorization.k8s.io",
        ),
        (
            Operation::ModifyRbacBinding,
            Verb::Create,
            "clusterrolebinding.rbac.authorization.k8s.io",
        ),
        (
            Operation::ModifyNetworkPolicy,
            Verb::Update,
            "networkpolicy.networking.k8s.io",
        ),
        (
            Operation::DisableNetworkPolicy,
            Verb::Delete,
            "networkpolicy.networking.k8s.io",
        ),
        (Operation::ScaleToZero, Verb::ScaleTo(0), "deployment.apps"),
        (Operation::Exec, Verb::Exec, "pod"),
    ];
    for (operation, verb, kind) in cases {
        let effects = Effects::exact(vec![Effect::change(verb, object(kind, "shop"), "back")]);
        let forbids = Policy {
            forbidden_operations: [operation].into(),
            ..at(Autonomy::FullAuto)
        };
        assert_eq!(
            decide(effects, &forbids),
            Decision::Deny,
            "{operation:?} {kind}"
        );
        let reads = Effects::exact(vec![Effect::read(Verb::Read, object(kind, "shop"))]);
        assert_eq!(
            decide(reads, &forbids),
            Decision::Allow,
            "{operation:?} is not a read"
        );
    }
}

/// A change that starts this program.
fn starts(call: &[&str]) -> Effects {
    Effects {
        calls: vec![call.iter().map(|word| (*word).to_owned()).collect()],
        ..change()
    }
}

#[test]
fn feared_words_are_words_of_a_call_and_not_texts() {
    let of = |effects| decide(effects, &Policy::default());
    assert_eq!(of(starts(&["rm", "-rf", "/"])), Decision::Deny);
    assert_eq!(of(starts(&["psql", "-c", "drop  table x"])), Decision::Deny);
    assert_eq!(of(starts(&["git", "push", "--force"])), Decision::Deny);
    let other = starts(&["rm", "-rf", "/tmp/x"]);
    assert_eq!(of(other), Decision::Allow, "another rule's business");
    assert_eq!(of(starts(&["make", "--forced"])), Decision::Allow);
    let across = Effects {
        calls: vec![vec!["rm".into(), "-rf".into()], vec!["/".into()]],
        ..change()
    };
    assert_eq!(of(across), Decision::Allow, "words of two programs");
}

#[test]
fn what_only_looks_may_hold_any_word() {
    let mut reads = starts(&["grep", "--", "--force"]);
    reads.items = vec![Effect::read(Verb::FileRead, object("file", "shop"))];
    assert_eq!(decide(reads.clone(), &Policy::default()), Decision::Allow);
    reads.confidence = Confidence::Opaque;
    assert_eq!(decide(reads, &Policy::default()), Decision::ask());
}

#[test]
fn nobody_can_consent_to_what_is_refused() {
    let refused = Effects {
        refusals: vec!["`<name>` was not filled in".to_owned()],
        ..Effects::exact(vec![])
    };
    for level in [Autonomy::Review, Autonomy::SafeAuto, Autonomy::FullAuto] {
        assert_eq!(decide(refused.clone(), &at(level)), Decision::Deny);
    }
}

#[test]
fn over_a_limit_a_machine_is_denied_and_a_person_is_asked() {
    let full = |done, adds| Standing {
        measure: Measure::Changes,
        whose: Whose::Agent,
        most: 60,
        done,
        adds,
        free_at: Some("2026-11-21T08:00:30Z".parse().unwrap()),
    };
    let busy = Circumstances {
        standings: vec![full(60, 1)],
        ..facts()
    };
    let decide = |facts: &Circumstances| {
        join(&by_policy(
            &step(change(), json!({})),
            &Policy::default(),
            facts,
        ))
    };
    assert_eq!(decide(&busy), Decision::Deny);
    assert_eq!(
        decide(&Circumstances {
            manual: true,
            ..busy
        }),
        Decision::ask()
    );
    let nearly = Circumstances {
        standings: vec![full(59, 2)],
        ..facts()
    };
    assert_eq!(decide(&nearly), Decision::ask(), "some is left");
    let said = by_policy(
        &step(change(), json!({})),
        &Policy::default(),
        &busy_again(),
    );
    let reason = &said.last().unwrap().reason;
    assert_eq!(
        reason,
        "60 objects changed everywhere in the last minute reach the limit of 60; try again at 2026-11-21T08:00:30Z"
    );
}

fn busy_again() -> Circumstances {
    Circumstances {
        standings: vec![Standing {
            measure: Measure::Changes,
            whose: Whose::Agent,
            most: 60,
            done: 60,
            adds: 1,
            free_at: Some("2026-11-21T08:00:30Z".parse().unwrap()),
        }],
        ..facts()
    }
}

#[test]
fn a_consent_lifts_the_limit_that_people_were_told_of_and_no_other() {
    let planned = step(change(), json!({}));
    let told = |whose| {
        let mut asked = Circumstances {
            manual: true,
            ..busy_again()
        };
        asked.standings[0].whose = whose;
        asked.standings[0].done = 61;
        by_policy(&planned, &Policy::default(), &asked)
    };
    let mut before = busy_again();
    before.standings[0].most = 600;
    before.standings[0].done = 600;
    let lowered_since = by_policy(&planned, &Policy::default(), &before);
    for (told, expected) in [
        (told(Whose::Agent), Decision::Allow),
        (told(Whose::Target("the host".to_owned())), Decision::ask()),
        (lowered_since, Decision::ask()),
        (Vec::new(), Decision::ask()),
    ] {
        let consented = Circumstances {
            consented: Some(told),
            ..busy_again()
        };
        let said = by_policy(&planned, &Policy::default(), &consented);
        assert_eq!(join(&said), expected);
        assert!(said.iter().any(|said| said.stage == Stage::RateLimit));
    }
}

#[test]
fn after_a_jump_of_the_clock_what_destroys_asks_at_every_level_whatever_is_preapproved() {
    let facts = Circumstances {
        jumped: Some(Jump {
            noticed: now(),
            by: jiff::SignedDuration::from_hours(-1),
        }),
        ..facts()
    };
    let unknown = Effects {
        confidence: Confidence::Opaque,
        ..Effects::exact(vec![])
    };
    let asks = |effects, level| {
        let said = by_policy(&step(effects, json!({})), &at(level), &facts);
        let clock = said.into_iter().find(|said| said.stage == Stage::Clock);
        clock.map(|said| said.decision)
    };
    for level in [Autonomy::Review, Autonomy::SafeAuto, Autonomy::FullAuto] {
        assert_eq!(asks(gone(), level), Some(Decision::ask()));
        assert_eq!(asks(unknown.clone(), level), Some(Decision::ask()));
        assert_eq!(asks(change(), level), None);
        assert_eq!(asks(Effects::exact(vec![]), level), None);
    }
}

#[test]
fn limits_and_wishes_ask_no_fewer_people_than_policy_wants() {
    let mut policy = Policy::default();
    policy.approvals.quorum = 2;
    let limited = Circumstances {
        manual: true,
        ..busy_again()
    };
    let wishing = Circumstances {
        wish: Some((Quorum::of(1), "may it?".to_owned())),
        ..facts()
    };
    let uncertain = Circumstances {
        uncertain: true,
        ..facts()
    };
    for facts in [limited, wishing, uncertain] {
        let said = join(&by_policy(&step(change(), json!({})), &policy, &facts));
        assert_eq!(said, Decision::Approve(Quorum::of(2)));
    }
}

#[test]
fn while_all_is_halted_no_level_and_no_person_lets_an_effect_be() {
    let halted = Circumstances {
        halted: Some(Halt {
            by: "eva".into(),
            since: now(),
            reason: String::new(),
        }),
        manual: true,
        ..facts()
    };
    let decide = |effects, level| join(&by_policy(&step(effects, json!({})), &at(level), &halted));
    for level in [Autonomy::Review, Autonomy::SafeAuto, Autonomy::FullAuto] {
        assert_eq!(decide(change(), level), Decision::Deny);
        assert_eq!(decide(gone(), level), Decision::Deny);
        assert_eq!(decide(Effects::exact(vec![]), level), Decision::Allow);
        let unknown = Effects {
            confidence: Confidence::Opaque,
            ..Effects::exact(vec![])
        };
        assert_eq!(decide(unknown, level), Decision::Deny);
    }
}

#[test]
fn an_open_circuit_and_a_first_run_ask_at_every_level_and_leave_reads_alone() {
    let tripped = Circumstances {
        circuit: Some(Tripped {
            since: now(),
            failures: 3,
            reason: String::new(),
        }),
        ..facts()
    };
    let on_trial = Circumstances {
        trial: Some(Trial {
            revision: "0".repeat(40),
            author: String::new(),
            is_changed: false,
            runs: 0,
            wanted: 1,
        }),
        ..facts()
    };
    let two = Policy {
        approvals: ApprovalRules {
            quorum: 2,
            ..Policy::default().approvals
        },
        ..at(Autonomy::FullAuto)
    };
    for facts in [tripped, on_trial] {
        let decide =
            |effects, policy: &Policy| join(&by_policy(&step(effects, json!({})), policy, &facts));
        for level in [Autonomy::Review, Autonomy::SafeAuto, Autonomy::FullAuto] {
            assert_eq!(decide(change(), &at(level)), Decision::ask());
            assert_eq!(decide(Effects::exact(vec![]), &at(level)), Decision::Allow);
        }
        let asked = Decision::Approve(Quorum::of(2));
        assert_eq!(
            decide(change(), &two),
            asked,
            "the policy's own quorum counts"
        );
    }
}

#[test]
fn a_closed_window_stops_changes_and_not_reads() {
    let closed = Circumstances {
        window: WindowState::Closed {
            reason: "night".into(),
            opens: None,
        },
        ..facts()
    };
    let decide = |effects, facts: &Circumstances| {
        join(&by_policy(
            &step(effects, json!({})),
            &Policy::default(),
            facts,
        ))
    };
    assert_eq!(decide(change(), &closed), Decision::Deny);
    assert_eq!(decide(Effects::exact(vec![]), &closed), Decision::Allow);
    let overridden = Circumstances {
        window_override: Some("ann".into()),
        ..closed
    };
    assert_eq!(decide(change(), &overridden), Decision::Allow);
}

#[test]
fn an_uncertain_step_asks() {
    let uncertain = Circumstances {
        uncertain: true,
        ..facts()
    };
    let said = by_policy(
        &step(change(), json!({})),
        &at(Autonomy::FullAuto),
        &uncertain,
    );
    assert_eq!(join(&said), Decision::ask());
    assert!(said.iter().any(|said| said.stage == Stage::Recovery));
}

#[test]
fn a_permit_is_for_the_step_that_was_judged_and_a_consent_for_its_digest() {
    use crate::domain::approval::Redeemed;
    let planned = step(change(), json!({"a": 1}));
    let Settled::Open(permit) = settle(planned.clone(), Decision::Allow, None) else {
        panic!()
    };
    assert_eq!(permit.digest(), planned.digest());
    assert!(matches!(
        settle(planned.clone(), Decision::Deny, None),
        Settled::Closed
    ));
    assert!(matches!(
        settle(planned.clone(), Decision::ask(), None),
        Settled::Ask(_)
    ));
    let id = crate::domain::id::ApprovalId::new(now(), [0; 10]);
    let consent = Redeemed {
        id,
        digest: planned.digest(),
        quorum: Quorum::of(1),
    };
    assert!(matches!(
        settle(planned.clone(), Decision::ask(), Some(&consent)),
        Settled::Open(_)
    ));
    let stricter = Decision::Approve(Quorum::of(2));
    assert!(matches!(
        settle(planned.clone(), stricter, Some(&consent)),
        Settled::Ask(_)
    ));
    let mut other = planned;
    other.arguments = json!({"a": 2});
    assert!(matches!(
        settle(other, Decision::ask(), Some(&consent)),
        Settled::Ask(_)
    ));
}

/// A reviewer that says whatever it is told to.
#[derive(Debug)]
struct Says(Vec<Decision>);
impl Reviewer for Says {
    fn review<'a>(&'a self, _: Case<'a>) -> BoxFuture<'a, Vec<Contribution>> {
        let said = self
            .0
            .iter()
            .map(|decision| Contribution::new(Stage::Review, decision.clone(), "x"))
            .collect();
        Box::pin(std::future::ready(said))
    }
    fn describe(&self) -> String {
        String::new()
    }
}

#[tokio::test]
async fn what_the_reviewer_said_when_people_were_asked_stands() {
    let planned = step(change(), json!({}));
    let then = vec![Contribution::new(Stage::Review, Decision::ask(), "look")];
    let facts = Circumstances {
        reviewed: Some(then),
        ..facts()
    };
    let now = Says(vec![Decision::Deny]);
    let judged = judge(&planned, &at(Autonomy::SafeAuto), &facts, &now).await;
    assert_eq!(judged.decision, Decision::ask());
}

#[tokio::test]
async fn the_reviewer_asks_for_no_fewer_people_than_policy_does() {
    let planned = step(change(), json!({}));
    let mut policy = at(Autonomy::SafeAuto);
    policy.approvals.quorum = 3;
    let judged = judge(&planned, &policy, &facts(), &Says(vec![Decision::ask()])).await;
    assert_eq!(judged.decision, Decision::Approve(Quorum::of(3)));
}

#[tokio::test]
async fn the_reviewer_is_not_asked_where_its_say_cannot_matter() {
    let read = Effects::exact(vec![Effect::read(Verb::Read, object("pod", "shop"))]);
    let denied = Effects::exact(vec![Effect::change(
        Verb::Patch,
        object("deployment.apps", "kube-system"),
        "patch it back",
    )]);
    for (effects, decision) in [(read, Decision::Allow), (denied, Decision::Deny)] {
        let planned = step(effects, json!({}));
        let says = Says(vec![Decision::ask()]);
        let judged = judge(&planned, &Policy::default(), &facts(), &says).await;
        assert_eq!(judged.decision, decision);
        assert!(
            judged
                .contributions
                .iter()
                .all(|said| said.stage != Stage::Review)
        );
    }
}

fn any_effects() -> impl Strategy<Value = Effects> {
    let one = prop_oneof![
        Just(change().items.remove(0)),
        Just(gone().items.remove(0)),
        Just(Effect::read(Verb::List, object("pod", "shop"))),
        Just(Effect::change(
            Verb::ScaleTo(0),
            object("deployment.apps", "shop"),
            "back"
        )),
        Just(Effect::opaque(Object::host("program", "x"))),
        Just(Effect::change(
            Verb::Patch,
            object("role.rbac.authorization.k8s.io", "kube-system"),
            "back"
        )),
    ];
    let confidence = prop_oneof![
        Just(Confidence::Exact),
        Just(Confidence::Bounded),
        Just(Confidence::Opaque)
    ];
    (prop::collection::vec(one, 0..4), confidence).prop_map(|(items, confidence)| Effects {
        confidence,
        ..Effects::exact(items)
    })
}

fn any_decision() -> impl Strategy<Value = Decision> {
    prop_oneof![
        Just(Decision::Allow),
        Just(Decision::ask()),
        Just(Decision::Approve(Quorum::of(3))),
        Just(Decision::Deny)
    ]
}

fn any_level() -> impl Strategy<Value = Autonomy> {
    prop_oneof![
        Just(Autonomy::Review),
        Just(Autonomy::SafeAuto),
        Just(Autonomy::FullAuto)
    ]
}

proptest! {
    #[test]
    fn whatever_a_reviewer_says_the_decision_is_at_least_as_strict(
        effects in any_effects(),
        level in any_level(),
        says in prop::collection::vec(any_decision(), 0..3),
    ) {
        let planned = step(effects, json!({}));
        let alone = join(&by_policy(&planned, &at(level), &facts()));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let judged = runtime.block_on(judge(&planned, &at(level), &facts(), &Says(says)));
        prop_assert!(judged.decision.at_least(&alone));
    }

    #[test]
    fn a_lower_level_is_never_looser(effects in any_effects()) {
        let decide = |level| decide(effects.clone(), &at(level));
        prop_assert!(decide(Autonomy::Review).at_least(&decide(Autonomy::SafeAuto)));
        prop_assert!(decide(Autonomy::SafeAuto).at_least(&decide(Autonomy::FullAuto)));
    }

    #[test]
    fn destruction_and_the_unknown_are_never_simply_allowed(effects in any_effects(), level in any_level()) {
        let grave = effects.class() == Class::Destructive || effects.confidence == Confidence::Opaque;
        prop_assert!(!grave || decide(effects, &at(level)) != Decision::Allow);
    }
}
