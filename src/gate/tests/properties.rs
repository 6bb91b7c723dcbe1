//! What holds for every policy: more rules never loosen, and their order says nothing.

use super::{any_level, at, facts, now, object, step};
use crate::{
    domain::{
        effect::{
            Class, Confidence, Effect, Effects, Listed, Place, Reach, Reversible, Scope, Tri, Verb,
            Which,
        },
        gate::{Stage, join},
        name::PolicyName,
        pace::{Lately, Limits, Most, touched},
        plan::PlannedStep,
        policy::{
            Autonomy, Examples, FreshBackup, Operation, Policy, Preapproval, Rules, Tightening,
        },
        span::Span,
    },
    gate::{Circumstances, FoundBackup, backups, by_policy},
};
use jiff::SignedDuration;
use proptest::{prelude::*, sample::subsequence};
use serde_json::json;
use std::collections::BTreeMap;

const OPERATIONS: [Operation; 13] = Operation::ALL;
const NAMESPACES: [&str; 3] = ["shop", "kube-system", "payments"];
const WORDS: [&str; 3] = ["--force", "rm -rf /", "drop table"];

fn effect() -> impl Strategy<Value = Effect> {
    let verb = prop_oneof![
        Just(Verb::Read),
        Just(Verb::Patch),
        Just(Verb::Delete),
        Just(Verb::DeleteCollection),
        Just(Verb::ScaleTo(0)),
        Just(Verb::Exec),
        Just(Verb::Opaque),
    ];
    let kind = prop_oneof![
        Just("pod"),
        Just("secret"),
        Just("namespace"),
        Just("persistentvolumeclaim"),
        Just("rolebinding.rbac.authorization.k8s.io"),
        Just("networkpolicy.networking.k8s.io"),
    ];
    let scope = prop_oneof![
        prop::sample::select(&NAMESPACES[..]).prop_map(|name| Scope::Namespace(name.to_owned())),
        Just(Scope::AllNamespaces),
        Just(Scope::ClusterScoped),
        Just(Scope::Unknown),
    ];
    let reach = prop_oneof![
        (0..30u32).prop_map(Reach::Exactly),
        (0..30u32).prop_map(Reach::AtMost),
        Just(Reach::Unknown)
    ];
    let loses = prop_oneof![Just(Tri::No), Just(Tri::Yes), Just(Tri::Unknown)];
    let undo = prop_oneof![
        Just(Reversible::Undo("back".to_owned())),
        Just(Reversible::No),
        Just(Reversible::Unknown)
    ];
    (verb, kind, scope, reach, loses, undo).prop_map(|(verb, kind, scope, reach, loses, undo)| {
        let mut found = object(kind, "shop");
        found.scope = scope;
        found.place = Place::Cluster("default".to_owned());
        found.which = Which::All;
        Effect {
            reach,
            data_loss: loses,
            reversible: undo,
            ..Effect::read(verb, found)
        }
    })
}

fn effects() -> impl Strategy<Value = Effects> {
    let confidence = prop_oneof![
        Just(Confidence::Exact),
        Just(Confidence::Bounded),
        Just(Confidence::Opaque)
    ];
    let call = subsequence(WORDS.to_vec(), 0..=3);
    let items = prop::collection::vec(effect(), 0..5);
    (items, confidence, call, any::<bool>()).prop_map(|(items, confidence, call, looked)| {
        let listed = items.iter().filter(|_| looked).map(|effect| Listed {
            object: effect.object.clone(),
            reach: Reach::Exactly(1),
            names: Vec::new(),
            held: BTreeMap::from([("secret".to_owned(), 0), ("pod".to_owned(), 2)]),
        });
        Effects {
            confidence,
            listed: listed.collect(),
            calls: vec![call.iter().map(|word| (*word).to_owned()).collect()],
            ..Effects::exact(items)
        }
    })
}

fn limits() -> impl Strategy<Value = Limits> {
    let most = || {
        let number = || prop::option::of(0..40u32);
        (number(), number()).prop_map(|(changes_per_minute, destructive_per_hour)| Most {
            changes_per_minute,
            destructive_per_hour,
        })
    };
    (most(), most(), most(), most()).prop_map(|(agent, per_runbook, per_target, per_namespace)| {
        Limits {
            agent,
            per_runbook,
            per_target,
            per_namespace,
        }
    })
}

fn backup_rule() -> impl Strategy<Value = FreshBackup> {
    let operations = subsequence(OPERATIONS.to_vec(), 0..3);
    let namespaces = subsequence(NAMESPACES.to_vec(), 0..2);
    (operations, namespaces, 1..48u64).prop_map(|(operations, namespaces, hours)| FreshBackup {
        operations: operations.into_iter().collect(),
        namespaces: namespaces.into_iter().map(str::to_owned).collect(),
        backup: "shop".parse().unwrap(),
        runbook: None,
        younger_than: Span::from_secs(hours * 3600),
    })
}

fn tightening() -> impl Strategy<Value = Tightening> {
    let names = |most| {
        subsequence(NAMESPACES.to_vec(), 0..=most)
            .prop_map(|names| names.into_iter().map(str::to_owned).collect())
    };
    let operations = || {
        subsequence(OPERATIONS.to_vec(), 0..4)
            .prop_map(|found| found.into_iter().collect::<std::collections::BTreeSet<_>>())
    };
    let words = subsequence(WORDS.to_vec(), 0..=3)
        .prop_map(|words| words.into_iter().map(str::to_owned).collect::<Vec<_>>());
    let numbers = (
        prop::option::of(any_level()),
        prop::option::of(0..20u32),
        prop::option::of(1..4u32),
    );
    let backups = prop::collection::vec(backup_rule(), 0..3);
    (
        names(3),
        operations(),
        operations(),
        words,
        numbers,
        limits(),
        backups,
    )
        .prop_map(
            |(names, forbidden, asked, words, numbers, limits, fresh_backup)| Tightening {
                name: PolicyName::new("tighter").unwrap(),
                autonomy: numbers.0,
                protected_namespaces: names,
                forbidden_operations: forbidden,
                require_approval: asked,
                dangerous_commands: words,
                max_reach: numbers.1,
                quorum: numbers.2,
                limits,
                fresh_backup,
                examples: Examples::default(),
            },
        )
}

/// A policy with few rules of its own.
fn bare(level: Autonomy) -> Policy {
    Policy {
        protected_namespaces: std::collections::BTreeSet::new(),
        require_approval: std::collections::BTreeSet::new(),
        dangerous_commands: Rules::default(),
        ..at(level)
    }
}

/// What goes on beside the step.
#[derive(Debug, Clone)]
struct Moment {
    done: Effects,
    backup_age: Option<u64>,
    manual: bool,
    consented: bool,
}

fn moment() -> impl Strategy<Value = Moment> {
    let age = prop::option::of(0..60u64);
    (effects(), age, any::<bool>(), any::<bool>()).prop_map(
        |(done, backup_age, manual, consented)| Moment {
            done,
            backup_age,
            manual,
            consented,
        },
    )
}

impl Moment {
    fn facts(&self, policy: &Policy, effects: &Effects) -> Circumstances {
        let runbook = "book".parse().unwrap();
        let mut lately = Lately::default();
        let before = now() - SignedDuration::from_secs(10);
        lately.add(&runbook, &touched(&self.done), before);
        let hours = |age: u64| SignedDuration::from_hours(i64::try_from(age).unwrap());
        let found = |rule: &FreshBackup| FoundBackup {
            rule: rule.clone(),
            newest: self.backup_age.map(|age| now() - hours(age)),
            maker: None,
        };
        Circumstances {
            standings: lately.standings(&policy.limits, &runbook, &touched(effects), now()),
            backups: policy.fresh_backup.iter().map(found).collect(),
            manual: self.manual,
            consented: self.consented.then(Vec::new),
            ..facts()
        }
    }
}

fn decide(effects: &Effects, policy: &Policy, moment: &Moment) -> crate::domain::gate::Decision {
    let planned = step(effects.clone(), json!({}));
    join(&by_policy(&planned, policy, &moment.facts(policy, effects)))
}

proptest! {
    #[test]
    fn adding_rules_never_loosens(
        effects in effects(),
        level in any_level(),
        first in tightening(),
        second in tightening(),
        moment in moment(),
    ) {
        let policy = bare(level).tightened(&first);
        let tighter = policy.clone().tightened(&second);
        let (before, after) = (decide(&effects, &policy, &moment), decide(&effects, &tighter, &moment));
        prop_assert!(after.at_least(&before), "{before:?} became {after:?}");
    }

    #[test]
    fn the_order_of_policies_says_nothing_and_saying_one_twice_adds_nothing(
        effects in effects(),
        level in any_level(),
        first in tightening(),
        second in tightening(),
        moment in moment(),
    ) {
        let one = bare(level).tightened(&first).tightened(&second);
        let other = bare(level).tightened(&second).tightened(&first);
        let twice = one.clone().tightened(&first).tightened(&second);
        let decided = decide(&effects, &one, &moment);
        prop_assert_eq!(&decided, &decide(&effects, &other, &moment));
        prop_assert_eq!(&decided, &decide(&effects, &twice, &moment));
    }

    #[test]
    fn the_order_of_rules_and_effects_says_nothing(
        effects in effects(),
        level in any_level(),
        rules in tightening(),
        moment in moment(),
    ) {
        let policy = bare(level).tightened(&rules);
        let mut turned = policy.clone();
        turned.dangerous_commands = policy.dangerous_commands.iter().rev().cloned().collect();
        turned.fresh_backup = policy.fresh_backup.iter().rev().cloned().collect();
        let mut backwards = effects.clone();
        backwards.items.reverse();
        backwards.listed.reverse();
        prop_assert_eq!(decide(&effects, &policy, &moment), decide(&backwards, &turned, &moment));
    }

    #[test]
    fn what_an_index_finds_is_what_a_walk_of_all_rules_finds(
        effects in effects(),
        level in any_level(),
        first in tightening(),
        second in tightening(),
        approved in prop::collection::vec((0..2usize, 0..2usize, -1..2i64), 0..5),
    ) {
        let mut policy = bare(level).tightened(&first).tightened(&second);
        policy.preapproved = approved.into_iter().map(preapproval).collect();
        let planned = step(effects, json!({}));
        let said = by_policy(&planned, &policy, &facts());
        for (stage, walked) in walk(&planned, &policy) {
            let of_stage = said.iter().filter(|said| said.stage == stage);
            let found: Vec<_> = of_stage.map(|said| said.reason.clone()).collect();
            prop_assert_eq!(found, walked);
        }
    }
}

fn preapproval((runbook, action, days): (usize, usize, i64)) -> Preapproval {
    Preapproval {
        runbook: ["book", "other"][runbook].parse().unwrap(),
        action: ["command", "kubernetes/scale"][action].parse().unwrap(),
        with: BTreeMap::new(),
        until: now() + SignedDuration::from_hours(24 * days),
    }
}

/// The reasons of every indexed stage, found by asking each rule in turn.
fn walk(step: &PlannedStep, policy: &Policy) -> [(Stage, Vec<String>); 3] {
    let backups = policy.fresh_backup.iter().filter(|rule| {
        let mut effects = step.effects.items.iter();
        effects.any(|effect| backups::falls_under(rule, effect, step))
    });
    let backups = backups.map(|rule| {
        let wanted = format!("`{}` younger than {}", rule.backup, rule.younger_than);
        format!("policy wants a verified backup {wanted}; there is none")
    });
    let text = |words: &[String]| format!(" {} ", words.join(" ").to_lowercase());
    let looks =
        step.effects.class() == Class::Read && step.effects.confidence != Confidence::Opaque;
    let feared = policy.dangerous_commands.iter().filter(|feared| {
        let mut calls = step.effects.calls.iter();
        let feared = text(&[feared.as_str().to_owned()]);
        !looks && calls.any(|call| text(call).contains(&feared))
    });
    let feared = feared.map(|feared| {
        let words = feared.as_str();
        format!("the command contains `{words}`, which policy fears")
    });
    [
        (Stage::FreshBackup, backups.collect()),
        (Stage::DangerousCommand, feared.collect()),
        (Stage::Autonomy, vec![level(step, policy)]),
    ]
}

/// What the level says, where a walk finds the preapproved scope.
fn level(step: &PlannedStep, policy: &Policy) -> String {
    let scope = policy.preapproved.iter().find(|scope| {
        scope.runbook == step.runbook && scope.action == step.uses && now() < scope.until
    });
    let alone = Policy {
        preapproved: scope.cloned().into_iter().collect(),
        ..policy.clone()
    };
    let said = by_policy(step, &alone, &facts());
    let level = said.iter().find(|said| said.stage == Stage::Autonomy);
    level.unwrap().reason.clone()
}
