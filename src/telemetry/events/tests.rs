//! What comes out of the metrics when events go in, read by a strict parser of the text format.

#![expect(
    clippy::float_cmp,
    reason = "samples are read back as they were written"
)]

use super::{Build, Events, StepOf, SyncResult};
use crate::{
    domain::{
        check::CheckStatus,
        digest::Digest,
        effect::Class,
        gate::{Contribution, Decision, Stage},
        id::RunId,
        name::{ActionName, RunbookName, StepName},
        run::{Cause, RunHeader, RunOutcome, StepReport},
        runbook::Phase,
    },
    telemetry::{ArtifactSeries, KEPT_AFTER_DELETION, RunbookSeries},
};
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

const BUILD: Build = Build {
    version: "1.2.3",
    revision: "abc",
};

/// Reads the text format 0.0.4 strictly: a family's HELP and TYPE stand once, before its samples, which stand together; no sample comes
/// twice; every value is a number.
fn parse(text: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    let mut families = BTreeSet::new();
    let mut current = String::new();
    let mut helped = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            helped = rest.split(' ').next().unwrap().to_owned();
            assert!(rest.len() > helped.len() + 1, "help without words: {line}");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(name, helped, "TYPE without its HELP");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(families.insert(name.to_owned()), "{name} comes twice");
            assert_eq!(
                kind == "counter",
                name.ends_with("_total"),
                "{name} is a {kind}"
            );
            current = name.to_owned();
        } else {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let name = series.split('{').next().unwrap();
            let base = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| name.strip_suffix(end));
            assert!(
                name == current || base == Some(current.as_str()),
                "{line} stands under {current}"
            );
            assert!(
                name.starts_with("orderly_") || name.starts_with("process_"),
                "{name}"
            );
            let value: f64 = value.parse().unwrap();
            assert!(
                samples.insert(series.to_owned(), value).is_none(),
                "{series} comes twice"
            );
        }
    }
    assert!(text.ends_with('\n'));
    samples
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

fn name(text: &str) -> RunbookName {
    RunbookName::new(text).unwrap()
}

fn series(text: &str) -> RunbookSeries {
    RunbookSeries {
        name: name(text),
        last_run: None,
        last_success: None,
        last_outcome: None,
        next_run: Some(at(60)),
        expected_interval: Some(Duration::from_mins(5)),
        suspended: false,
        circuit_open: false,
        invalid: false,
    }
}

fn header(runbook: &str) -> RunHeader {
    RunHeader {
        id: RunId::new(at(0), [7; 10]),
        runbook: name(runbook),
        revision: "abc".to_owned(),
        author: String::new(),
        definition: Digest::of_bytes(b"x"),
        cause: Cause::Person {
            subject: "eva".to_owned(),
        },
        inputs: BTreeMap::new(),
        created_at: at(0),
        dry_run: false,
        window_override: None,
    }
}

#[test]
fn what_can_be_counted_is_at_zero_before_it_happens() {
    let events = Events::new(BUILD);
    events.set_actions(["http/check"]);
    events.set_channels(["ops"]);
    events.set_reviewers(["main"]);
    events.runbooks_changed(&[series("disk")], &[], at(0));
    let samples = parse(&events.render(at(0)));
    for zero in [
        r#"orderly_runs_total{outcome="timed_out",trigger="alert"}"#,
        r#"orderly_steps_total{action="http/check",result="interrupted"}"#,
        r#"orderly_gate_decisions_total{class="destructive",decision="approve"}"#,
        r#"orderly_gate_contributions_total{decision="deny",stage="review"}"#,
        r#"orderly_occurrences_skipped_total{reason="not_leader"}"#,
        r#"orderly_notifications_total{channel="ops",result="failed"}"#,
        r#"orderly_review_requests_total{outcome="declined",provider="main"}"#,
        r#"orderly_review_cost_dollars_total{provider="main"}"#,
        r#"orderly_reviews_total{result="unavailable"}"#,
        r#"orderly_runbook_runs_total{runbook="disk",outcome="failed"}"#,
        "orderly_history_commit_failures_total",
    ] {
        assert_eq!(samples.get(zero), Some(&0.0), "{zero}");
    }
    assert_eq!(
        samples.get(r#"orderly_build_info{revision="abc",version="1.2.3"}"#),
        Some(&1.0)
    );
    assert!(
        !samples
            .keys()
            .any(|key| key.starts_with("orderly_runbook_last_")),
        "never run, nothing known"
    );
}

#[test]
fn a_run_leaves_its_marks() {
    let events = Events::new(BUILD);
    events.runbooks_changed(&[series("disk")], &[], at(0));
    let run = header("disk");
    let (step, action) = (
        StepName::new("look").unwrap(),
        ActionName::new("host/disk").unwrap(),
    );
    let step = StepOf {
        runbook: &run.runbook,
        run: run.id,
        phase: Phase::Main,
        step: &step,
        action: &action,
        attempt: 1,
    };
    events.run_started(&run, Some(Duration::from_millis(30)));
    let said = [Contribution::new(
        Stage::Autonomy,
        Decision::ask(),
        "a change",
    )];
    events.gate_decided(step, &Decision::ask(), &said, Class::Change);
    events.step_started(step, Class::Change);
    let report = StepReport::checked(CheckStatus::Warning, "80 % full", serde_json::Value::Null);
    events.step_ended(step, &report, Duration::from_secs(2), Class::Change);
    let report = StepReport::checked(CheckStatus::Ok, "fine", serde_json::Value::Null);
    events.step_ended(step, &report, Duration::from_secs(2), Class::Change);
    events.run_ended(&run, RunOutcome::Warning, Duration::from_secs(3), at(3), "");
    let samples = parse(&events.render(at(4)));
    for (name, value) in [
        (
            r#"orderly_runs_total{outcome="warning",trigger="person"}"#,
            1.0,
        ),
        ("orderly_runs_running", 0.0),
        (
            r#"orderly_run_duration_seconds_sum{outcome="warning"}"#,
            3.0,
        ),
        (r#"orderly_run_lateness_seconds_bucket{le="0.05"}"#, 1.0),
        (
            r#"orderly_steps_total{action="host/disk",result="succeeded"}"#,
            2.0,
        ),
        (
            r#"orderly_checks_total{action="host/disk",status="warning"}"#,
            1.0,
        ),
        (
            r#"orderly_gate_contributions_total{decision="approve",stage="autonomy"}"#,
            1.0,
        ),
        (
            r#"orderly_runbook_last_success_timestamp_seconds{runbook="disk"}"#,
            1_700_000_003.0,
        ),
        (r#"orderly_runbook_last_outcome{runbook="disk"}"#, 1.0),
        (r#"orderly_runbook_check_status{runbook="disk"}"#, 1.0),
        (
            r#"orderly_runbook_runs_total{runbook="disk",outcome="warning"}"#,
            1.0,
        ),
    ] {
        assert_eq!(samples.get(name), Some(&value), "{name}");
    }
}

#[test]
fn counters_survive_a_reload_and_what_the_process_saw_wins_over_the_history() {
    let events = Events::new(BUILD);
    events.runbooks_changed(&[series("disk")], &[], at(0));
    events.run_ended(
        &header("disk"),
        RunOutcome::Failed,
        Duration::ZERO,
        at(5),
        "no",
    );
    let old = RunbookSeries {
        last_outcome: Some(RunOutcome::Succeeded),
        last_run: Some(at(1)),
        invalid: true,
        ..series("disk")
    };
    events.runbooks_changed(&[old], &[], at(10));
    let samples = parse(&events.render(at(10)));
    assert_eq!(
        samples[r#"orderly_runbook_runs_total{runbook="disk",outcome="failed"}"#],
        1.0
    );
    assert_eq!(
        samples[r#"orderly_runbook_last_outcome{runbook="disk"}"#],
        2.0
    );
    assert_eq!(
        samples[r#"orderly_runbook_last_run_timestamp_seconds{runbook="disk"}"#],
        1_700_000_005.0
    );
    assert_eq!(samples[r#"orderly_runbook_invalid{runbook="disk"}"#], 1.0);
}

#[test]
fn a_deleted_runbook_goes_an_hour_later_and_starts_anew_when_it_comes_back() {
    let events = Events::new(BUILD);
    events.runbooks_changed(&[series("disk"), series("mail")], &[], at(0));
    events.run_ended(
        &header("disk"),
        RunOutcome::Failed,
        Duration::ZERO,
        at(5),
        "no",
    );
    events.artifact_series(&name("disk"), "d", ArtifactSeries::default());
    events.runbooks_changed(&[], &[name("disk")], at(10));
    let key = r#"orderly_runbook_runs_total{runbook="disk",outcome="failed"}"#;
    assert_eq!(parse(&events.render(at(20))).get(key), Some(&1.0));
    let later = at(11).checked_add(KEPT_AFTER_DELETION).unwrap();
    assert_eq!(parse(&events.render(later)).get(key), None);
    events.runbooks_changed(&[], &[], later);
    events.runbooks_changed(
        &[series("disk")],
        &[],
        later.checked_add(SignedDuration::from_secs(1)).unwrap(),
    );
    assert_eq!(parse(&events.render(later)).get(key), Some(&0.0));
    events.runbook_due(&name("mail"), None, None);
    let samples = parse(&events.render(later));
    assert!(!samples.contains_key(r#"orderly_runbook_next_run_timestamp_seconds{runbook="mail"}"#));
    assert!(samples.contains_key(r#"orderly_runbook_next_run_timestamp_seconds{runbook="disk"}"#));
}

#[test]
fn every_event_can_be_told_of_a_runbook_that_nobody_loaded() {
    let events = Events::new(BUILD);
    events.run_ended(
        &header("nobody"),
        RunOutcome::Failed,
        Duration::ZERO,
        at(5),
        "no\nnewline",
    );
    events.runbook_suspended(&name("nobody"), "eva", None);
    events.runbook_resumed(&name("nobody"), "eva");
    events.sync_ended(
        SyncResult::Failed,
        "",
        Duration::from_secs(1),
        at(1),
        "gone",
    );
    events.task_ended("scheduler", "panicked");
    events.shutdown_started("signal", 1);
    let samples = parse(&events.render(at(5)));
    assert_eq!(samples[r#"orderly_syncs_total{result="failed"}"#], 1.0);
    assert_eq!(samples["orderly_sync_last_success_timestamp_seconds"], 0.0);
    assert_eq!(
        samples[r#"orderly_tasks_ended_total{task="scheduler"}"#],
        1.0
    );
    assert_eq!(samples["orderly_shutting_down"], 1.0);
}

#[test]
fn ten_thousand_runbooks_are_written_whole() {
    let events = Events::new(BUILD);
    let set: Vec<_> = (0..10_000)
        .map(|number| series(&format!("runbook-{number:05}")))
        .collect();
    events.runbooks_changed(&set, &[], at(0));
    let samples = parse(&events.render(at(0)));
    let next = samples
        .keys()
        .filter(|key| key.starts_with("orderly_runbook_next_run"))
        .count();
    assert_eq!(next, 10_000);
}
