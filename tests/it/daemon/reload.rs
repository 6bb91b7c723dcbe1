//! HUP.

use super::harness::{Agent, Place, runbook, until};
use crate::servers;
use rustix::process::Signal;
use std::sync::{Mutex, mpsc};

fn reloads(agent: &Agent, result: &str) -> f64 {
    agent.metric("orderly_config_reloads_total", result)
}

fn reload(agent: &Agent, result: &str) {
    let before = reloads(agent, result);
    agent.signal(Signal::HUP);
    until("the reload", || {
        (reloads(agent, result) > before).then_some(())
    });
}

#[test]
fn a_changed_policy_counts_after_hup_and_a_broken_file_is_refused() {
    let place = Place::new();
    let config = |text: &str| place.write("orderly.yaml", text);
    config("policy: { autonomy: 2 }\n");
    place.commit(&[runbook(
        "echo",
        "[]",
        "[{ name: echo, uses: command, with: { argv: [touch, perilous] } }]",
    )]);
    let agent = place.start(&[]);
    agent.start("echo");
    agent.run_ended("echo", "succeeded");
    let ended = || agent.metric("orderly_runs_total", "");
    until("the counter", || (ended() >= 1.0).then_some(()));

    config("policy: { autonomy: 2, dangerousCommands: [perilous] }\n");
    reload(&agent, "applied");
    assert!(ended() >= 1.0);
    agent.start("echo");
    agent.run_ended("echo", "denied");
    until("the counter", || (ended() >= 2.0).then_some(()));

    config("policy: { autonomy: 2, dangerousCommands: perilous }\nsuorce: {}\n");
    reload(&agent, "refused");
    assert!(
        agent.errors().contains("orderly.yaml"),
        "{}",
        agent.errors()
    );
    assert!((agent.metric("orderly_config_last_reload_successful", "")).abs() < 0.1);
    let denied = |agent: &Agent| agent.list("/api/v1/runs?outcome=denied").len();
    let before = denied(&agent);
    agent.start("echo");
    until("another denial", || (denied(&agent) > before).then_some(()));

    config("policy: { autonomy: 2 }\n");
    reload(&agent, "applied");
    agent.start("echo");
    agent.run_that("echo", "succeeded again", |run| {
        let all = agent.list("/api/v1/runs?outcome=succeeded");
        run["outcome"] == "succeeded" && all.len() == 2
    });
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn a_lowered_autonomy_counts_for_the_next_step_of_a_run_that_goes_on() {
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let server = servers::http(move |_, out| {
        wait.lock().unwrap().recv().unwrap();
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        out.write_all(answer).unwrap();
        false
    });
    let place = Place::new();
    let config = |text: &str| place.write("orderly.yaml", text);
    config("policy: { autonomy: 2 }\n");
    let steps = format!(
        "[{{ name: look, uses: http/check, with: {{ url: '{}' }} }}, {{ name: copy, uses: backup/sqlite, with: {{ name: history, database: history.db }} }}]",
        server.url("/")
    );
    place.commit(&[runbook("copy", "[]", &steps)]);
    let agent = place.start(&[]);
    let looked = |count| until("a look", || (server.heads().len() == count).then_some(()));
    agent.start("copy");
    looked(1);
    go.send(()).unwrap();
    agent.run_ended("copy", "succeeded");

    let second = agent.start("copy");
    looked(2);
    config("policy: { autonomy: 1 }\n");
    reload(&agent, "applied");
    go.send(()).unwrap();
    let question = agent.question("copy");
    assert_eq!(question["run"], second.as_str());
    assert_eq!(question["step"], "copy");

    // A broken file changes nothing, and is told.
    config("policy: { autonomy: 3 }\nnonsense: {}\n");
    reload(&agent, "refused");
    let said = agent.errors();
    assert!(
        said.contains("the one in use stays") && said.contains("nonsense"),
        "{said}"
    );
    assert_eq!(agent.list("/api/v1/artifacts").len(), 1);
    assert_eq!(agent.stop(), Some(0));
}

/// What the newest reload said that it leaves to the next start.
fn left_to_the_next_start(agent: &Agent) -> serde_json::Value {
    let audit = agent.list("/api/v1/audit?action=config.reloaded");
    let newest = audit.iter().max_by_key(|entry| entry["seq"].as_u64());
    newest.unwrap()["details"]["fromTheNextStart"].clone()
}

#[test]
fn a_changed_place_of_artifacts_is_told_to_need_a_restart_and_counts_from_then_on() {
    let place = Place::new();
    let key = place.write("key", "secret");
    let config = |more: &str| {
        let key = key.display();
        place.write(
            "orderly.yaml",
            &format!("secrets: {{ key: {{ file: {key} }} }}\n{more}"),
        )
    };
    config("");
    let steps =
        "[{ name: copy, uses: backup/sqlite, with: { name: history, database: history.db } }]";
    place.commit(&[runbook("copy", "[]", steps)]);
    let agent = place.start(&[]);
    // Nobody answers there: a step that took it would fail.
    let elsewhere = "artifacts: { store: offsite, stores: { offsite: { s3: { bucket: backups, endpoint: 'http://127.0.0.1:1', accessKey: key, secretKey: key } } } }\nretention: { runs: 30d }\n";
    config(elsewhere);
    reload(&agent, "applied");
    let said = agent.errors();
    for setting in ["artifacts", "retention"] {
        let words = format!("`{setting}` has changed, and counts from the next start on");
        assert!(said.contains(&words), "{said}");
    }
    assert_eq!(
        left_to_the_next_start(&agent),
        serde_json::json!(["artifacts", "retention"])
    );
    agent.start("copy");
    agent.run_ended("copy", "succeeded");
    let made = agent.list("/api/v1/artifacts");
    let path = made[0]["path"].as_str().unwrap();
    assert!(path.starts_with(place.state().to_str().unwrap()), "{path}");

    // It is told as long as it is so.
    reload(&agent, "applied");
    assert_eq!(
        left_to_the_next_start(&agent),
        serde_json::json!(["artifacts", "retention"])
    );
    config("");
    reload(&agent, "applied");
    assert_eq!(left_to_the_next_start(&agent), serde_json::json!([]));

    config(elsewhere);
    assert_eq!(agent.stop(), Some(0));
    let agent = place.start(&[]);
    agent.start("copy");
    let failed = agent.run_ended("copy", "failed");
    assert!(failed.to_string().contains("offsite"), "{failed}");
    assert_eq!(agent.stop(), Some(0));
}
