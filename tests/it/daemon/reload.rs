//! HUP.

use super::harness::{Agent, Place, runbook, until};
use rustix::process::Signal;

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
        "[{ name: echo, uses: command, with: { argv: [echo, perilous] } }]",
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

    config("policy: { autonomy: 1 }\n");
    reload(&agent, "applied");
    agent.start("echo");
    agent.run_that("echo", "succeeded again", |run| {
        let all = agent.list("/api/v1/runs?outcome=succeeded");
        run["outcome"] == "succeeded" && all.len() == 2
    });
    assert_eq!(agent.stop(), Some(0));
}
