//! The small parts that must be fast, by criterion.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measuring program may fail loudly, reads clocks, and prints"
)]

use criterion::{Criterion, criterion_group, criterion_main};
use orderly::{
    commands::{NoFiles, of_script},
    daemon::wiring,
    domain::{
        digest::Digest,
        effect::{Effect, Effects, Object, Place, Scope as Within, Verb, Which},
        expression::{self, Scope, Secrets},
        id::RunId,
        pinned::Pinned,
        plan::PlannedStep,
        policy::Policy,
        runbook::Phase,
        schedule::{Cron, Zone},
        span::Span,
    },
    gate::explain::planned,
    runbooks,
};
use serde_json::json;
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

const RUNBOOK: &str = include_str!("../../runbooks/local/history-backup.yaml");

fn schedules(bench: &mut Criterion) {
    let zone = Zone::parse("Europe/Berlin").unwrap();
    let at = "2026-11-21T08:00:00Z".parse().unwrap();
    for text in ["*/5 * * * *", "30 3 * * MON-FRI", "0 0 29 2 *"] {
        let cron = Cron::parse(text).unwrap();
        bench.bench_function(&format!("next time of {text}"), |b| {
            b.iter(|| cron.next_after(black_box(at), &zone));
        });
    }
}

fn loading(bench: &mut Criterion) {
    let catalogue = wiring::catalogue();
    bench.bench_function("load a runbook", |b| {
        b.iter(|| runbooks::load_file("x.yaml", black_box(RUNBOOK.as_bytes()), &catalogue));
    });
}

fn rendering(bench: &mut Criterion) {
    let (inputs, nothing) = (json!({"namespace": "shop"}), json!({}));
    let scope = Scope {
        inputs: &inputs,
        values: &nothing,
        steps: &nothing,
        run: &nothing,
        secrets: Secrets::Allowed,
    };
    let arguments =
        json!({"deployment": "web", "namespace": "${{ inputs.namespace }}", "wait": "5m"});
    bench.bench_function("render a step", |b| {
        b.iter(|| expression::render(black_box(&arguments), &scope));
    });
}

fn judging(bench: &mut Criterion) {
    for text in [
        "kubectl get pods -n shop -o wide",
        "kubectl get pods -A | grep -v Running | awk '{print $1, $2}' | sort | uniq -c",
        "for ns in shop web; do kubectl get pods -n \"$ns\" || echo \"none in $ns\"; done",
        "echo cm0gLXJmIC9kYXRh | base64 -d | sudo sh",
    ] {
        bench.bench_function(&format!("judge {text}"), |b| {
            b.iter(|| of_script(black_box(text), &NoFiles));
        });
    }
}

/// How long each figure of the gate is measured.
const MEASURED: Duration = Duration::from_millis(500);

/// How often a second something can be done.
fn rate<T>(mut work: impl FnMut() -> T) -> f64 {
    black_box(work());
    let (begun, mut count) = (Instant::now(), 0_u32);
    while begun.elapsed() < MEASURED {
        black_box(work());
        count += 1;
    }
    f64::from(count) / begun.elapsed().as_secs_f64()
}

/// A step with typed effects.
fn typed(policy: &Policy) -> PlannedStep {
    let object = Object {
        place: Place::Cluster("default".to_owned()),
        kind: "deployment.apps".to_owned(),
        scope: Within::Namespace("shop".to_owned()),
        which: Which::Named("web".to_owned()),
    };
    PlannedStep {
        runbook: "bench".parse().unwrap(),
        revision: String::new(),
        definition: Digest::of_bytes(b""),
        run: RunId::new("2026-11-21T08:00:00Z".parse().unwrap(), [0; 10]),
        phase: Phase::Main,
        step: "scale".parse().unwrap(),
        attempt: 1,
        uses: "kubernetes/scale".parse().unwrap(),
        arguments: json!({"deployment": "web", "namespace": "shop", "replicas": 3}),
        timeout: Span::from_secs(60),
        effects: Effects::exact(vec![Effect::change(Verb::ScaleTo(3), object, "scale back")]),
        idempotent: true,
        policy: policy.digest(),
        pinned: Pinned::default(),
    }
}

/// A policy of so many rules: protected namespaces, and words that are never carried out, by halves.
fn of_rules(number: usize) -> Policy {
    let mut policy = Policy {
        protected_namespaces: (0..number.div_ceil(2))
            .map(|n| format!("protected-{n}"))
            .collect(),
        ..Policy::default()
    };
    policy.dangerous_commands = (0..number / 2)
        .map(|n| format!("never --{n}").into())
        .collect();
    policy
}

/// The gate's figures beside a floor of the same run, because machines differ and are busy: hashing 4 KiB by SHA-256.
///
/// The aims of the design, on one core of an ordinary machine: 10,000 command lines a second by both parsers, a million typed steps a
/// second under 100 rules and no more than half as many under 1,000 as under 1, and 5 ms for the most hostile text.
fn gate(_: &mut Criterion) {
    let block = [7_u8; 4096];
    let floor = rate(|| Digest::of_bytes(black_box(&block)));
    let told = |what: &str, rate: f64| {
        let (ratio, each) = (rate / floor, 1e6 / rate);
        println!("gate: {what:<46} {rate:>12.0}/s {each:>10.2} us {ratio:>9.4} x floor");
    };
    told("floor: SHA-256 of 4 KiB", floor);
    let lines = [
        ("a plain read", "kubectl get pods -n shop -o wide"),
        (
            "a pipe",
            "kubectl get pods -A | grep -v Running | awk '{print $1, $2}' | sort | uniq -c",
        ),
        (
            "a loop",
            "for ns in shop web; do kubectl get pods -n \"$ns\" || echo \"none in $ns\"; done",
        ),
        (
            "a hidden deletion",
            "echo cm0gLXJmIC9kYXRh | base64 -d | sudo sh",
        ),
        (
            "a statement",
            "psql -c 'SELECT count(*) FROM orders WHERE paid'",
        ),
    ];
    for (what, text) in lines {
        told(what, rate(|| of_script(black_box(text), &NoFiles)));
    }
    let now = "2026-11-21T08:00:00Z".parse().unwrap();
    for number in [1, 100, 1_000] {
        let policy = of_rules(number);
        let step = typed(&policy);
        // The copy of the step is part of the figure; so it is measured, too.
        let copies = rate(|| step.clone());
        let judged = rate(|| planned(step.clone(), &policy, None, now));
        let own = 1.0 / (1.0 / judged - 1.0 / copies).max(1e-9);
        told(&format!("a typed step under {number} rules"), own);
    }
    let hostile = [
        ("5,000 open brackets", "(".repeat(5_000)),
        ("5,000 open substitutions", "$(".repeat(5_000)),
        (
            "31 open substitutions",
            "echo $(".repeat(31) + "ls" + &")".repeat(31),
        ),
        ("1 MiB of commands", "echo x; ".repeat(1 << 17)),
        ("16 KiB of words", "a ".repeat(8_000)),
    ];
    for (what, text) in &hostile {
        told(what, rate(|| of_script(black_box(text), &NoFiles)));
    }
}

criterion_group!(pieces, schedules, loading, rendering, judging, gate);
criterion_main!(pieces);
