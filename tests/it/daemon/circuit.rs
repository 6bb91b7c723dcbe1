//! What puts a runbook back to level 1, in the program itself: several failures in a row, and a commit.

use super::harness::{Agent, Place, runbook, text, until};
use serde_json::Value;

/// A runbook that changes something, and then fails.
fn failing(place: &Place) -> (String, String) {
    let file = place.path("made");
    let steps = format!(
        "[{{ name: make, uses: command, with: {{ argv: [touch, '{}'] }} }}, {{ name: bad, uses: command, with: {{ argv: ['false'] }} }}]",
        file.display()
    );
    runbook("fail", "[]", &steps)
}

/// A runbook that makes this file each second.
fn making(place: &Place, file: &str) -> (String, String) {
    let file = place.path(file);
    let steps = format!(
        "[{{ name: make, uses: command, with: {{ argv: [touch, '{}'] }} }}]",
        file.display()
    );
    runbook("make", "[{ every: 1s }]", &steps)
}

/// Starts it, and waits for the end of that run.
fn fail(agent: &Agent) {
    let before = agent.list("/api/v1/runs?runbook=fail&outcome=failed").len();
    agent.start("fail");
    until("one more failure", || {
        let runs = agent.list("/api/v1/runs?runbook=fail&outcome=failed");
        (runs.len() > before).then_some(())
    });
}

fn circuit(agent: &Agent) -> Value {
    agent.read("/api/v1/runbooks/fail")["circuit"].clone()
}

#[test]
fn three_failures_with_a_kill_between_put_a_runbook_back_to_level_1() {
    let place = Place::new();
    place.commit(&[failing(&place)]);
    let agent = place.start(&[]);
    fail(&agent);
    fail(&agent);
    agent.kill();
    let agent = place.start(&[]);
    assert!(circuit(&agent).is_null());
    fail(&agent);
    assert_eq!(circuit(&agent)["failures"], 3);
    agent.kill();
    let agent = place.start(&[]);
    agent.start("fail");
    let question = agent.question("fail");
    let because = question["because"].to_string();
    assert!(because.contains("circuit open since"), "{because}");
    let status = text(&place.cli(&agent, &["status"]).stdout);
    assert!(status.contains("`orderly reset fail`"), "{status}");
    assert!(agent.get("/").body.contains("orderly reset fail"));
    let shown = agent.metric("orderly_runbook_circuit_open", r#"runbook="fail""#);
    assert!(shown > 0.5);
    let run = question["run"].as_str().unwrap();
    let canceled = place.cli(&agent, &["runs", "cancel", run]);
    assert!(canceled.status.success(), "{}", text(&canceled.stderr));
    agent.run_ended("fail", "canceled");
    let reset = place.cli(&agent, &["reset", "fail", "--reason", "mended"]);
    assert!(reset.status.success(), "{}", text(&reset.stderr));
    assert!(circuit(&agent).is_null());
    fail(&agent);
    let again = place.cli(&agent, &["reset", "fail"]);
    assert_eq!(again.status.code(), Some(4));
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn what_was_there_at_first_acts_by_itself_and_a_commit_is_signed_off_by_a_person() {
    let place = Place::new();
    place.commit(&[making(&place, "one")]);
    let agent = place.start(&[]);
    agent.run_ended("make", "succeeded");
    assert!(place.path("one").exists());
    let revision = place.commit(&[making(&place, "two")]);
    agent.sync();
    let question = agent.question("make");
    let because = question["because"].to_string();
    let expected = format!(
        "level 1: changed since revision {} by Ada <ada@example.org>: first run",
        &revision[..12]
    );
    assert!(because.contains(&expected), "{because}");
    assert!(!place.path("two").exists());
    agent.kill();
    let agent = place.start(&[]);
    let question = agent.question("make");
    assert_eq!(agent.approve(&question).status, 200);
    until("the file", || place.path("two").exists().then_some(()));
    let succeeded = |agent: &Agent| {
        let runs = agent.list("/api/v1/runs?runbook=make&outcome=succeeded");
        runs.iter()
            .filter(|run| run["revision"] == revision.as_str())
            .count()
    };
    until("a run by itself", || (succeeded(&agent) >= 2).then_some(()));
    assert_eq!(agent.stop(), Some(0));
}
