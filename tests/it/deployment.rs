//! What is shipped beside the program agrees with it.

use orderly::{
    config::Config,
    telemetry::{Build, Events},
};
use std::{collections::BTreeSet, fs, path::Path};

fn shipped(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Every name in the text that looks like one of our metrics.
fn metric_names(text: &str) -> BTreeSet<String> {
    let name = |c: char| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit();
    text.split(|c: char| !name(c))
        .filter(|word| word.starts_with("orderly_"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_query_of_the_dashboard_names_a_metric_that_exists() {
    let dashboard: serde_json::Value =
        serde_json::from_str(&shipped("charts/orderly/dashboards/job-outcomes.json")).unwrap();
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            queries.push(target["expr"].as_str().unwrap().to_owned());
        }
    }
    assert!(queries.len() > 15);
    let known = known_metrics();
    for query in queries {
        for name in metric_names(&query) {
            let base = name
                .trim_end_matches("_bucket")
                .trim_end_matches("_sum")
                .trim_end_matches("_count");
            assert!(
                known.contains(&name) || known.contains(base),
                "{query}: there is no metric {name}"
            );
        }
    }
}

#[test]
fn every_alert_is_about_a_metric_that_exists() {
    let rules: serde_json::Value =
        serde_yaml::from_str(&shipped("charts/orderly/rules/orderly.rules.yaml")).unwrap();
    let known = known_metrics();
    let mut alerts = Vec::new();
    for rule in rules["groups"][0]["rules"].as_array().unwrap() {
        let expression = rule["expr"].as_str().unwrap();
        for name in metric_names(expression) {
            assert!(
                known.contains(&name),
                "{expression}: there is no metric {name}"
            );
        }
        alerts.push(rule["alert"].as_str().unwrap());
    }
    for wanted in [
        "OrderlyHalted",
        "OrderlyClockInDoubt",
        "OrderlyAsksTooOften",
        "OrderlyBackupMissing",
        "OrderlyBackupNotVerified",
        "OrderlyBackupDoubted",
        "OrderlyBackupUnsound",
    ] {
        assert!(alerts.contains(&wanted), "{wanted}");
    }
}

/// Every metric that an agent with one runbook and one artifact shows.
fn known_metrics() -> BTreeSet<String> {
    let now: jiff::Timestamp = "2026-11-21T08:00:00Z".parse().unwrap();
    let events = Events::new(Build {
        version: "0",
        revision: "",
    });
    let name: orderly::domain::name::RunbookName = "book".parse().unwrap();
    events.set_actions(["sleep"]);
    events.runbooks_changed(
        &[orderly::telemetry::RunbookSeries {
            name: name.clone(),
            last_run: Some(now),
            last_success: Some(now),
            last_outcome: Some(orderly::domain::run::RunOutcome::Succeeded),
            next_run: Some(now),
            expected_interval: Some(std::time::Duration::from_mins(1)),
            suspended: false,
            circuit_open: false,
            invalid: false,
        }],
        &[],
        now,
    );
    let second = Some(std::time::Duration::from_secs(1));
    let artifacts = orderly::telemetry::ArtifactSeries {
        size_bytes: Some(1),
        stored: Some(now),
        making: second,
        verified: Some(now),
        restoring: second,
        states: [1; 5],
    };
    events.artifact_series(&name, "x", artifacts);
    let of = orderly::telemetry::StepOf {
        runbook: &name,
        run: orderly::domain::id::RunId::new(now, [0; 10]),
        phase: orderly::domain::runbook::Phase::Main,
        step: &"one".parse().unwrap(),
        action: &"sleep".parse().unwrap(),
        attempt: 1,
    };
    let ok = orderly::domain::check::CheckStatus::Ok;
    let checked = orderly::domain::run::StepReport::checked(ok, "", serde_json::Value::Null);
    let read = orderly::domain::effect::Class::Read;
    events.step_ended(of, &checked, std::time::Duration::from_secs(1), read);
    events.gate_decided(of, &orderly::domain::gate::Decision::Allow, &[], read);
    events.http_request("GET", "/", 200, std::time::Duration::from_secs(1));
    events.run_ended(
        &header(&name, now),
        orderly::domain::run::RunOutcome::Succeeded,
        std::time::Duration::from_secs(1),
        now,
        "",
    );
    let text = events.render(now);
    let families = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    families
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect()
}

fn header(
    runbook: &orderly::domain::name::RunbookName,
    at: jiff::Timestamp,
) -> orderly::domain::run::RunHeader {
    orderly::domain::run::RunHeader {
        id: orderly::domain::id::RunId::new(at, [0; 10]),
        runbook: runbook.clone(),
        revision: String::new(),
        author: String::new(),
        definition: orderly::domain::digest::Digest::of_bytes(b""),
        cause: orderly::domain::run::Cause::Person {
            subject: "ann".to_owned(),
        },
        inputs: std::collections::BTreeMap::new(),
        created_at: at,
        dry_run: false,
        window_override: None,
    }
}

/// A number of seconds after `key` in the text.
fn seconds(text: &str, key: &str) -> u64 {
    let line = text
        .lines()
        .find(|line| line.trim_start().starts_with(key))
        .unwrap_or_else(|| panic!("no {key}"));
    let digits: String = line[line.find(key).unwrap() + key.len()..]
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    digits.parse().unwrap()
}

#[test]
fn each_layer_waits_longer_than_the_one_below() {
    let grace = Config::default().runs.shutdown_grace.duration().as_secs();
    let obey = orderly::daemon::OBEY.as_secs();
    let unit = seconds(&shipped("systemd/orderly.service"), "TimeoutStopSec=");
    let chart = seconds(
        &shipped("charts/orderly/values.yaml"),
        "terminationGracePeriodSeconds:",
    );
    assert!(grace + obey < unit, "{grace} + {obey} < {unit}");
    assert!(grace + obey < chart, "{grace} + {obey} < {chart}");
}

#[test]
fn the_hosts_example_configuration_is_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/orderly.yaml");
    let inputs = orderly::config::Inputs {
        file: Some(path),
        ..Default::default()
    };
    let loaded = orderly::config::load(&inputs).unwrap();
    assert_eq!(loaded.config.policy.autonomy.level(), 1);
}
