//! Answers that nobody would give on purpose.

use super::{
    fake::{Does, Fake, JSON, Wire, verdict},
    stage::{Stage, change, destruction, facts, rules, step},
};
use orderly::{
    domain::{
        effect::Class,
        gate::{Decision, join},
        policy::Policy,
        span::Span,
        spending::{Budget, Cost, Spending},
    },
    flow::review::Rules,
    gate::{by_policy, judge},
};
use std::time::Duration;

/// A small generator of numbers, so that the same answers are mangled the same way each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }
}

fn mangled(numbers: &mut Numbers, wire: Wire) -> String {
    let words = ["no_objection", "needs_human", "block", "allow", "", "\u{0}"];
    let inner = verdict(words[numbers.below(words.len())]);
    let mut bytes = wire.answer(&inner).to_string().into_bytes();
    for _ in 0..numbers.below(4) {
        let at = numbers.below(bytes.len());
        match numbers.below(5) {
            0 => bytes.truncate(at.max(1)),
            1 => bytes[at] = u8::try_from(numbers.below(256)).unwrap(),
            2 => bytes.insert(at, b"{}[]\",:\\0"[numbers.below(9)]),
            3 => {
                bytes.remove(at);
                bytes.push(b' ');
            }
            _ => {
                let piece = bytes[at..].to_vec();
                bytes.extend(piece);
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn a_thousand_mangled_answers_never_lower_what_policy_decided() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let statuses = [
        "200 OK", "200 OK", "200 OK", "200 OK", "500 Oops", "204 None",
    ];
    let uncached = || Rules {
        cache_ttl: Span::default(),
        budget: Budget {
            limit: Spending {
                tokens: 1_000_000_000,
                cost: Cost::from_dollars(1e6).unwrap(),
            },
            ..rules().budget
        },
        ..rules()
    };
    let places: Vec<(Fake, Stage)> = Wire::ALL
        .into_iter()
        .map(|wire| {
            let fake = Fake::new(wire, []);
            let stage = Stage::by(uncached(), vec![fake.provider("main")]);
            (fake, stage)
        })
        .collect();
    let mut answered = 0;
    for round in 0..1000 {
        let (fake, stage) = &places[round % places.len()];
        let status = statuses[numbers.below(statuses.len())];
        let body = mangled(&mut numbers, fake.wire);
        fake.only((0..3).map(|_| Does::Raw(status, JSON.to_owned(), body.clone())));
        // Long enough for a breaker that the last answers have opened.
        stage.clock.advance(Duration::from_mins(16));
        let effects = if round % 2 == 0 {
            change()
        } else {
            destruction()
        };
        let planned = step(effects);
        let facts = facts(&stage.clock);
        let policy = Policy::default();
        let alone = join(&by_policy(&planned, &policy, &facts));
        let judged = judge(&planned, &policy, &facts, &stage.reviewer).await;
        assert!(judged.decision.at_least(&alone), "{status} {body}");
        let destructive = planned.effects.class() == Class::Destructive;
        assert!(!destructive || judged.decision != Decision::Allow, "{body}");
        answered += u32::from(judged.decision == alone);
    }
    assert!(answered > 20, "some of them are good: {answered}");
}
