//! The agent itself is killed in the middle of a stage, and the next one ends the rotation.

#![expect(
    clippy::disallowed_methods,
    reason = "pipes are made by a program, and opened for those who wait at them"
)]

use super::harness::{Agent, Place, runbook, text, until};
use serde_json::{Value, json};
use std::{fs, process::Command};

const OLD: &str = "the-old-value-of-the-app";

/// Something that a stage waits for: a pipe that nobody writes into, until it is a file.
fn block(place: &Place, name: &str) {
    let made = Command::new("mkfifo").arg(place.path(name)).status();
    assert!(made.unwrap().success());
}

fn unblock(place: &Place, name: &str) {
    let _pipe = fs::remove_file(place.path(name));
    place.write(name, "");
}

fn rotating(place: &Place) -> (String, String) {
    let path = |name: &str| place.path(name).display().to_string();
    let with = json!({
        "name": "app",
        "every": "90d",
        "distribute": [
            { "file": { "path": path("password") } },
            { "command": { "bring": { "argv": ["cat", path("bring")] }, "undo": { "argv": ["true"] } } },
        ],
        "consumers": [{ "command": { "argv": ["cat", path("restart")] } }],
        "test": { "command": { "argv": ["cat", path("test")] } },
    });
    let steps = format!("[{{ name: rotate, uses: rotate/secret, with: {with} }}]");
    runbook("rotate", "[{ every: 1s }]", &steps)
}

/// Waits until the last record of the credential is the beginning of this stage.
fn is_at(agent: &Agent, stage: &str) {
    until(&format!("the stage {stage}"), || {
        let answer = agent.get("/api/v1/credentials/app");
        let shown = (answer.status == 200).then(|| answer.json())?;
        let last = shown["rotations"][0]["events"].as_array()?.last()?.clone();
        (last["event"] == "stage_began" && last["stage"] == stage).then_some(())
    });
}

fn consent(agent: &Agent) {
    let question = agent.question("rotate");
    assert_eq!(agent.approve(&question).status, 200);
}

fn ends(shown: &Value) -> Vec<String> {
    let rotations = shown["rotations"].as_array().unwrap().iter();
    let end = |rotation: &Value| {
        let events = rotation["events"].as_array().unwrap();
        events.last().unwrap()["end"]
            .as_str()
            .unwrap_or("open")
            .to_owned()
    };
    rotations.map(end).collect()
}

#[test]
fn an_agent_killed_in_a_stage_goes_back_before_the_switch_and_on_after_it() {
    for (name, stage, ended) in [
        ("bring", "distribute", vec!["completed", "rolled_back"]),
        ("restart", "restart", vec!["completed", "rolled_back"]),
        ("test", "test", vec!["completed", "rolled_back"]),
        ("test", "overlap", vec!["completed"]),
    ] {
        let place = Place::new();
        place.write("password", OLD);
        for other in ["bring", "restart", "test"] {
            place.write(other, "");
        }
        fs::remove_file(place.path(name)).unwrap();
        block(&place, name);
        place.commit(&[rotating(&place)]);
        let agent = place.start(&["--set", "policy.autonomy=2"]);
        consent(&agent);
        // Whoever waits for a trial is let go; the next one waits again.
        let let_go = || {
            let path = place.path(name);
            drop(fs::OpenOptions::new().write(true).open(path).unwrap());
        };
        if name == "test" {
            // Of the former one, before anything is touched.
            let_go();
        }
        if stage == "overlap" {
            is_at(&agent, "test");
            let_go();
        }
        is_at(&agent, stage);
        let before = fs::read_to_string(place.path("password")).unwrap();
        assert_ne!(before, OLD);
        agent.kill();
        unblock(&place, name);

        let agent = place.start(&["--set", "policy.autonomy=2"]);
        // The step is judged again; it goes on as what it was, which is told whoever is asked.
        let question = agent.question("rotate");
        let would = question["effects"].to_string();
        let told = if stage == "overlap" {
            "goes on at overlap: the new one counts already".to_owned()
        } else {
            format!("was cut off at {stage}: it is rolled back")
        };
        assert!(would.contains(&told), "{would}");
        assert_eq!(agent.approve(&question).status, 200);
        agent.run_ended("rotate", "succeeded");
        let shown = agent.read("/api/v1/credentials/app");
        assert_eq!(shown["state"], "current", "{shown}");
        assert_eq!(ends(&shown), ended, "{stage}");
        let after = fs::read_to_string(place.path("password")).unwrap();
        assert_eq!(after == before, stage == "overlap", "{stage}");
        assert!(!place.path("password.previous").exists());
        let vault = place.state().join("rotations");
        assert_eq!(fs::read_dir(vault).unwrap().count(), 0);
        let listed = place.cli(&agent, &["credentials"]);
        let listed = text(&listed.stdout);
        assert!(
            listed.contains("app") && listed.contains("current"),
            "{listed}"
        );
        let told = text(&place.cli(&agent, &["credentials", "show", "app"]).stdout);
        assert!(
            told.contains("found cut off") && told.contains("completed"),
            "{told}"
        );
        assert!(!told.contains(&after) && !told.contains(&before));
        let due = agent.metric("orderly_credential_next_rotation_timestamp_seconds", "app");
        assert!(due > 1_700_000_000.0, "{due}");
        assert!((agent.metric("orderly_credential_state", "current") - 1.0).abs() < 0.1);
    }
}

#[test]
fn what_is_known_of_a_credential_outlives_the_agent() {
    let place = Place::new();
    place.write("password", OLD);
    for name in ["bring", "restart", "test"] {
        place.write(name, "");
    }
    place.commit(&[rotating(&place)]);
    let agent = place.start(&["--set", "policy.autonomy=2"]);
    consent(&agent);
    agent.run_ended("rotate", "succeeded");
    let issued = agent.metric("orderly_credential_issued_timestamp_seconds", "app");
    assert_eq!(agent.stop(), Some(0));
    let agent = place.start(&["--set", "policy.autonomy=2"]);
    let again = agent.metric("orderly_credential_issued_timestamp_seconds", "app");
    assert!(issued > 0.0 && (issued - again).abs() < 0.1);
    // Not due: nobody is asked.
    until("a second run that succeeded", || {
        let runs = agent.list("/api/v1/runs?runbook=rotate");
        let well = runs.iter().filter(|run| run["outcome"] == "succeeded");
        (well.count() > 1).then_some(())
    });
}

#[test]
fn a_credential_that_no_runbook_keeps_any_more_is_forgotten_on_a_persons_word() {
    let place = Place::new();
    place.write("password", OLD);
    for name in ["restart", "test"] {
        place.write(name, "");
    }
    block(&place, "bring");
    place.commit(&[rotating(&place)]);
    let agent = place.start(&["--set", "policy.autonomy=2"]);
    consent(&agent);
    is_at(&agent, "distribute");
    let words = ["suspend", "rotate", "--for", "1h", "--reason", "renamed"];
    assert!(place.cli(&agent, &words).status.success());
    let words = ["credentials", "forget", "app", "--reason", "renamed"];
    let refused = place.cli(&agent, &words);
    assert_eq!(refused.status.code(), Some(4));
    let told = text(&refused.stderr);
    assert!(
        told.contains("goes on") && told.contains("giveUp: "),
        "{told}"
    );

    let pipe = fs::OpenOptions::new().write(true).open(place.path("bring"));
    drop(pipe.unwrap());
    agent.run_ended("rotate", "succeeded");
    let forgotten = place.cli(&agent, &words);
    assert!(forgotten.status.success(), "{}", text(&forgotten.stderr));
    assert_eq!(agent.get("/api/v1/credentials/app").status, 404);
    let metrics = agent.get("/metrics").body;
    assert!(!metrics.contains("credential=\"app\""), "{metrics}");
    let audit = agent.list("/api/v1/audit?action=credential.forgotten");
    assert_eq!(audit[0]["resource"], "credential/app");
    assert_eq!(audit[0]["details"]["known"]["runbook"], "rotate");
    assert_eq!(place.cli(&agent, &words).status.code(), Some(4));
    assert_ne!(fs::read_to_string(place.path("password")).unwrap(), OLD);
}
