//! Started, asked how it is, told to stop, reloaded.

use super::harness::{Place, resting, runbook, ticking, timed, until};
use rustix::process::Signal;
use std::{net::TcpListener, path::Path};

const PATIENT: &str = r#"[{ name: stubborn, uses: command, with: { script: "trap '' TERM; echo armed; sleep 50 & wait; wait", grace: 30s } }]"#;

#[test]
fn health_names_every_dependency_and_a_second_agent_is_refused() {
    let place = Place::new();
    place.commit(&[resting("rest")]);
    let agent = place.start(&[]);
    for probe in ["/healthz", "/readyz", "/health"] {
        let answer = agent.try_ask("GET", probe, &[], "").unwrap();
        assert_eq!(answer.status, 200, "{probe}: {}", answer.body);
        assert_eq!(answer.json()["status"], "ok", "{probe}");
    }
    let tasks = [
        "http",
        "scheduler",
        "sync",
        "audit-export",
        "retention",
        "artifacts",
    ];
    let tasks = tasks.map(|task| format!("task/{task}"));
    let parts = ["history", "scheduler", "source", "reviewer"].map(str::to_owned);
    for name in parts.into_iter().chain(tasks) {
        assert_eq!(agent.dependency(&name)["ok"], true, "{name}");
    }
    let (code, said) = place.refused(&[]);
    assert!(said.contains(&agent.pid().to_string()), "{said}");
    assert!(said.contains("hint:"), "{said}");
    assert!(code.is_some_and(|code| code != 0), "{code:?}");
    assert_eq!(agent.get("/readyz").status, 200);
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn term_waits_for_a_short_step_and_records_its_end() {
    let place = Place::new();
    let short = runbook(
        "short",
        "[{ agent: started }]",
        "[{ name: nap, uses: sleep, with: { duration: 1s } }]",
    );
    place.commit(&[short]);
    let agent = place.start(&[]);
    let run = agent.run_that("short", "runs", |run| run["status"] == "running");
    let id = run["id"].as_str().unwrap();
    until("the step's start", || {
        let steps = agent.list(&format!("/api/v1/runs/{id}/steps"));
        steps
            .iter()
            .any(|step| step["name"] == "nap" || step["step"] == "nap")
            .then_some(())
    });
    assert_eq!(agent.stop(), Some(0));
    let agent = place.start(&[]);
    let events = agent.list(&format!("/api/v1/runs/{id}/events"));
    let of = |kind: &str| events.iter().filter(|event| event["event"] == kind).count();
    assert_eq!((of("step_started"), of("step_ended")), (1, 1), "{events:?}");
    until("the run's end", || {
        (agent.read(&format!("/api/v1/runs/{id}"))["outcome"] == "succeeded").then_some(())
    });
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn a_stubborn_step_is_named_and_asks_a_person_after_the_restart() {
    let place = Place::new();
    place.commit(&[runbook("stubborn", "[{ agent: started }]", PATIENT)]);
    let mut agent = place.start(&["--set", "runs.shutdownGrace=1s"]);
    let question = agent.question("stubborn");
    assert_eq!(agent.approve(&question).status, 200);
    let run = agent.run_that("stubborn", "runs", |run| run["status"] == "running");
    agent.printed(&run, "armed");
    agent.signal(Signal::TERM);
    assert_eq!(agent.ended().code(), Some(1));
    let said = agent.errors();
    let last = said.lines().last().unwrap();
    assert!(last.contains("stubborn"), "{said}");
    assert!(last.contains(run["id"].as_str().unwrap()), "{said}");
    let agent = place.start(&[]);
    let again = agent.question("stubborn");
    assert_eq!(again["run"], run["id"]);
    assert_ne!(again["id"], question["id"]);
    let reasons = again["contributions"].to_string();
    assert!(reasons.contains("recovery"), "{reasons}");
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn a_second_term_that_leaves_nothing_behind_names_nothing() {
    let place = Place::new();
    let steps = "[{ name: nap, uses: sleep, with: { duration: 9m } }]";
    place.commit(&[runbook("nap", "[{ agent: started }]", steps)]);
    let mut agent = place.start(&["--set", "runs.shutdownGrace=10m"]);
    agent.run_that("nap", "runs", |run| run["status"] == "running");
    agent.signal(Signal::TERM);
    until("the beginning of the end", || {
        (agent.metric("orderly_shutting_down", "") > 0.0).then_some(())
    });
    agent.signal(Signal::TERM);
    assert_eq!(agent.ended().code(), Some(1));
    let said = agent.errors();
    let last = said.lines().last().unwrap();
    assert!(last.contains("second signal"), "{said}");
    assert!(!last.contains("dropped"), "{said}");
}

#[test]
fn term_ends_a_start_that_waits_for_a_silent_source() {
    let place = Place::new();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/x.git", silent.local_addr().unwrap());
    let mut agent = place.launch_from(&url, &[]);
    let connection = silent.accept().unwrap();
    agent.signal(Signal::TERM);
    let (status, took) = timed(|| agent.ended());
    assert_eq!(status.code(), Some(0), "{}", agent.errors());
    assert!(took.as_secs() < 5, "{took:?}");
    drop(connection);
}

#[test]
fn a_second_term_does_not_wait() {
    let place = Place::new();
    place.commit(&[
        runbook("stubborn", "[{ agent: started }]", PATIENT),
        ticking("tick"),
    ]);
    let mut agent = place.start(&["--set", "runs.shutdownGrace=10m"]);
    assert_eq!(agent.approve(&agent.question("stubborn")).status, 200);
    let run = agent.run_that("stubborn", "runs", |run| run["status"] == "running");
    agent.printed(&run, "armed");
    agent.signal(Signal::TERM);
    until("the beginning of the end", || {
        (agent.metric("orderly_shutting_down", "") > 0.0).then_some(())
    });
    assert_eq!(agent.get("/healthz").status, 200);
    agent.signal(Signal::TERM);
    let (status, took) = timed(|| agent.ended());
    assert_eq!(status.code(), Some(1));
    assert!(took.as_secs() < 8, "{took:?}");
    assert!(agent.errors().lines().last().unwrap().contains("stubborn"));
}

#[test]
fn a_second_term_ends_an_agent_that_is_stuck_and_its_programs() {
    let place = Place::new();
    let mark = place.path("pid");
    let script = format!(
        "trap '' TERM; echo $$ > {}.new; mv {}.new {}; sleep 60 & wait; wait",
        mark.display(),
        mark.display(),
        mark.display()
    );
    let steps = format!(
        r#"[{{ name: stubborn, uses: command, with: {{ script: "{script}", grace: 30s }} }}]"#
    );
    place.commit(&[runbook("stubborn", "[{ agent: started }]", &steps)]);
    let arguments = [
        "--set",
        "log.filter=debug",
        "--set",
        "runs.shutdownGrace=10m",
    ];
    let mut agent = place.start_unheard(&arguments);
    let question = agent.question("stubborn");
    assert_eq!(agent.approve(&question).status, 200);
    let program = until("the program", || std::fs::read_to_string(&mark).ok());
    let program = Path::new("/proc").join(program.trim());
    assert!(program.exists());
    // It tells each request. That soon fills the pipe, and whoever says more waits for a reader who never comes.
    assert!((0..10_000).any(|_| !agent.answers()), "it never gets stuck");
    let waits = agent.waits_of("second-signal");
    agent.signal(Signal::TERM);
    until("the first signal to be heard", || {
        (agent.waits_of("second-signal") > waits).then_some(())
    });
    assert!(!agent.has_ended());
    agent.signal(Signal::TERM);
    let (status, took) = timed(|| agent.ended());
    assert_eq!(status.code(), Some(1));
    assert!(took.as_secs() < 15, "{took:?}");
    until("the program's end", || (!program.exists()).then_some(()));
}
