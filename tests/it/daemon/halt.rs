//! All effects stopped at once, whatever happens to the agent.

use super::harness::{Agent, Place, resting, runbook, text, until};
use rustix::process::{Pid, test_kill_process};
use serde_json::{Value, json};
use std::{fs, path::PathBuf};

/// A runbook that changes something, says its process, and then takes long.
fn slow(place: &Place) -> (String, String) {
    let (made, process) = (place.path("made"), place.path("process"));
    let script = format!(
        "touch {} && cp /proc/self/stat {} && sleep 600",
        made.display(),
        process.display()
    );
    let steps = format!("[{{ name: make, uses: command, with: {{ script: '{script}' }} }}]");
    runbook("slow", "[]", &steps)
}

/// A runbook that makes a file.
fn making(place: &Place) -> (String, String) {
    let file = made(place);
    let steps = format!(
        "[{{ name: make, uses: command, with: {{ argv: [touch, '{}'] }} }}]",
        file.display()
    );
    runbook("make", "[]", &steps)
}

fn made(place: &Place) -> PathBuf {
    place.path("a-file")
}

fn halted(agent: &Agent) -> Value {
    agent.read("/api/v1/halt")["halted"].clone()
}

fn done(output: &std::process::Output) -> String {
    let told = text(&output.stderr);
    assert!(output.status.success(), "{told}");
    told
}

#[test]
fn what_runs_is_stopped_and_nothing_else_begins_even_after_a_kill() {
    let place = Place::new();
    place.commit(&[making(&place), resting("look")]);
    let agent = place.start(&[]);
    let told = done(&place.cli(&agent, &["halt", "--reason", "wrong image"]));
    assert!(
        told.contains("all effects are halted by admin since "),
        "{told}"
    );
    agent.kill();
    let agent = place.start(&[]);
    assert_eq!(halted(&agent)["reason"], "wrong image");
    agent.start("make");
    let run = agent.run_ended("make", "denied");
    let why = run["reason"].as_str().unwrap();
    assert!(
        why.starts_with("step make: halted by admin since "),
        "{why}"
    );
    assert!(why.ends_with(": wrong image"), "{why}");
    assert!(!made(&place).exists());
    agent.start("look");
    agent.run_ended("look", "succeeded");
    assert_eq!(agent.dependency("effects")["ok"], false);
    assert!(agent.metric("orderly_halted", "") > 0.5);
    assert!(agent.get("/").body.contains("All effects are stopped"));
    let status = text(&place.cli(&agent, &["status"]).stdout);
    assert!(
        status.contains("all effects are halted by admin"),
        "{status}"
    );
    done(&place.cli(&agent, &["unhalt", "--reason", "mended"]));
    assert_eq!(halted(&agent), json!(null));
    assert!(!made(&place).exists(), "nothing is made up for");
    agent.start("make");
    agent.run_ended("make", "succeeded");
    assert!(made(&place).exists());
    agent.kill();
    let agent = place.start(&[]);
    assert_eq!(halted(&agent), json!(null));
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn a_program_that_changes_something_is_gone_when_the_halt_returns() {
    let place = Place::new();
    place.commit(&[slow(&place)]);
    let agent = place.start(&["--set", "policy.autonomy=3"]);
    agent.start("slow");
    let process = until("the program", || {
        let stat = fs::read_to_string(place.path("process")).ok()?;
        // The fifth field is the process group.
        let group = stat.split(' ').nth(4)?.parse().ok()?;
        Pid::from_raw(group)
    });
    let told = done(&place.cli(&agent, &["halt"]));
    assert!(told.contains("step make of slow in run "), "{told}");
    assert!(told.contains(" was stopped"), "{told}");
    assert!(test_kill_process(process).is_err(), "its group is gone");
    let run = agent.run_ended("slow", "canceled");
    let why = run["reason"].as_str().unwrap();
    assert!(why.contains("all effects are halted by admin"), "{why}");
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn a_configuration_that_somebody_has_just_broken_is_not_in_the_way() {
    let place = Place::new();
    let agent = place.start(&[]);
    let broken = place.path("broken.yaml");
    fs::write(&broken, "policy: [\n").unwrap();
    let with_it = |command| place.offline(&["--config", broken.to_str().unwrap(), command]);
    let told = done(&with_it("halt"));
    assert!(told.contains("going by the state folder"), "{told}");
    assert!(!halted(&agent).is_null());
    done(&with_it("unhalt"));
    assert!(halted(&agent).is_null());
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn it_is_said_to_an_agent_that_does_not_run() {
    let place = Place::new();
    place.commit(&[making(&place)]);
    assert_eq!(place.start(&[]).stop(), Some(0));
    let told = done(&place.offline(&["halt", "--reason", "not before I am back"]));
    assert!(told.contains("the next one starts halted"), "{told}");
    let doctor = text(&place.offline(&["doctor"]).stdout);
    assert!(doctor.contains("a note in the state folder"), "{doctor}");
    let agent = place.start(&[]);
    assert_eq!(halted(&agent)["reason"], "not before I am back");
    assert!(!place.state().join("halt").exists());
    let doctor = text(&place.offline(&["doctor"]).stdout);
    assert!(doctor.contains("all effects are halted by"), "{doctor}");
    agent.start("make");
    agent.run_ended("make", "denied");
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn a_file_in_the_state_folder_halts_a_running_agent() {
    let place = Place::new();
    place.commit(&[making(&place)]);
    let agent = place.start(&[]);
    fs::write(place.state().join("halt"), "").unwrap();
    until("the halt", || (!halted(&agent).is_null()).then_some(()));
    assert_eq!(halted(&agent)["by"], "somebody on this host");
    until("the note to be taken", || {
        (!place.state().join("halt").exists()).then_some(())
    });
    done(&place.cli(&agent, &["unhalt"]));
    let again = place.cli(&agent, &["unhalt"]);
    assert_eq!(again.status.code(), Some(4));
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn an_agent_elsewhere_is_not_halted_through_the_state_folder_of_this_host() {
    let place = Place::new();
    place.commit(&[making(&place)]);
    let agent = place.start(&[]);
    let elsewhere = place.offline(&["--server", "http://127.0.0.1:1", "halt"]);
    assert_eq!(elsewhere.status.code(), Some(3));
    assert!(!place.state().join("halt").exists());
    assert_eq!(halted(&agent), json!(null));
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn it_is_lifted_while_no_agent_runs_and_the_audit_log_says_so() {
    let place = Place::new();
    place.commit(&[making(&place)]);
    let agent = place.start(&[]);
    done(&place.cli(&agent, &["halt", "--reason", "wrong image"]));
    assert_eq!(agent.stop(), Some(0));
    let told = done(&place.offline(&["unhalt", "--reason", "mended"]));
    assert!(told.contains("effects are no longer halted"), "{told}");
    let again = place.offline(&["unhalt"]);
    assert_eq!(again.status.code(), Some(4), "{}", text(&again.stderr));
    // A note that no agent has taken yet counts as well.
    done(&place.offline(&["halt"]));
    done(&place.offline(&["unhalt"]));
    let agent = place.start(&[]);
    assert_eq!(halted(&agent), json!(null));
    let lifted = agent.list("/api/v1/audit?action=agent.unhalted");
    assert_eq!(lifted.len(), 2, "{lifted:?}");
    assert_eq!(lifted[1]["details"]["reason"], "mended");
    assert_eq!(lifted[1]["details"]["offline"], true);
    let verified = place.cli(&agent, &["audit", "verify"]);
    assert!(verified.status.success(), "{}", text(&verified.stderr));
    assert_eq!(agent.stop(), Some(0));
}
