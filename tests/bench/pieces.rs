//! The small parts that must be fast, by criterion.

#![expect(clippy::unwrap_used, reason = "a measuring program may fail loudly")]

use criterion::{Criterion, criterion_group, criterion_main};
use orderly::{
    commands::{NoFiles, of_script},
    daemon::wiring,
    domain::{
        expression::{self, Scope, Secrets},
        schedule::{Cron, Zone},
    },
    runbooks,
};
use serde_json::json;
use std::hint::black_box;

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

criterion_group!(pieces, schedules, loading, rendering, judging);
criterion_main!(pieces);
