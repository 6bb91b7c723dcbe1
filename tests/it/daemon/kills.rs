//! Killed at any instant, the agent goes on as if it had only been away.

use super::harness::{Agent, Place, runbook, text, ticking, until};
use serde_json::Value;
use std::{collections::BTreeSet, path::PathBuf};

fn runs(agent: &Agent) -> Vec<Value> {
    let (mut all, mut path) = (Vec::new(), "/api/v1/runs?limit=1000".to_owned());
    loop {
        let page = agent.read(&path);
        all.extend(page["items"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut path),
            None => return all,
        }
    }
}

fn ended(agent: &Agent) -> usize {
    let all = runs(agent);
    all.iter().filter(|run| run["status"] == "ended").count()
}

fn is_live(run: &Value, name: &str) -> bool {
    run["runbook"] == name && run["status"] == "running"
}

/// What must be seen before the agent is killed.
fn see(agent: &Agent, round: usize) {
    match round {
        0 => {
            agent.question("ask");
        }
        1 => {
            agent.run_that("slow", "runs", |run| is_live(run, "slow"));
        }
        2 => {
            let before = ended(agent);
            until("three more ends", || {
                (ended(agent) >= before + 3).then_some(())
            });
        }
        3 => {
            let before = runs(agent).len();
            until("one more run", || {
                (runs(agent).len() > before).then_some(())
            });
        }
        // As soon as it is up.
        _ => {}
    }
}

#[test]
fn a_killed_agent_goes_on_and_no_occurrence_runs_twice() {
    let place = Place::new();
    place.commit(&[
        ticking("tick"),
        ticking("tock"),
        runbook(
            "slow",
            "[{ every: 1s }]",
            r#"[{ name: slow, uses: command, with: { argv: [sleep, "0.7"] } }]"#,
        ),
        runbook(
            "ask",
            "[{ agent: started }]",
            "[{ name: touch, uses: command, with: { script: 'echo $(echo touched)' } }]",
        ),
    ]);
    let agent = place.start(&[]);
    let question = agent.question("ask");
    agent.kill();
    for round in 0..5 {
        let agent = place.start(&[]);
        see(&agent, round);
        agent.kill();
    }
    // And once in the middle of a start.
    let mut half = place.launch(&[]);
    until("a first word", || {
        (!half.errors().is_empty() || half.has_ended()).then_some(())
    });
    half.kill();

    let agent = place.start(&[]);
    let begun: BTreeSet<String> = runs(&agent).iter().map(id).collect();
    assert!(begun.len() > 6);
    until("the end of all that was begun", || {
        let open = runs(&agent).iter().any(|run| {
            begun.contains(&id(run)) && run["runbook"] != "ask" && run["status"] != "ended"
        });
        (!open).then_some(())
    });
    let all = runs(&agent);
    for run in all.iter().filter(|run| run["status"] == "ended") {
        // An idempotent step is tried again, but not without end.
        let fine = run["outcome"] == "succeeded" || is_worn_out(run);
        assert!(fine, "{run}");
    }
    each_occurrence_came_to_one_thing(&all, &agent.list("/api/v1/skipped?limit=1000"));
    let still = agent.list("/api/v1/approvals");
    let still: Vec<_> = still
        .iter()
        .filter(|one| one["id"] == question["id"])
        .collect();
    assert_eq!(still.len(), 1, "{still:?}");
    assert_eq!(still[0]["standing"]["state"], "pending");
    assert_eq!(agent.approve(&question).status, 200);
    agent.run_that("ask", "succeeded", |run| {
        run["id"] == question["run"] && run["outcome"] == "succeeded"
    });
    let verified = place.cli(&agent, &["audit", "verify"]);
    assert!(verified.status.success(), "{}", text(&verified.stderr));
    assert_eq!(agent.stop(), Some(0));
    let verified = place.offline(&["audit", "verify", "--database"]);
    assert!(verified.status.success(), "{}", text(&verified.stderr));
}

fn id(run: &Value) -> String {
    run["id"].as_str().unwrap().to_owned()
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// No occurrence has two runs, and none that has one is said not to have run.
fn each_occurrence_came_to_one_thing(runs: &[Value], skipped: &[Value]) {
    let mut seen = BTreeSet::new();
    for run in runs {
        let occurrence = &run["cause"]["occurrence"];
        assert!(seen.insert(occurrence.to_string()), "twice: {occurrence}");
        let nominal: jiff::Timestamp = word(&occurrence["nominal"]).parse().unwrap();
        for skip in skipped {
            let missed = &skip["occurrence"];
            let same = ["runbook", "trigger"].map(|key| missed[key] == occurrence[key]);
            let first: jiff::Timestamp = word(&missed["nominal"]).parse().unwrap();
            let last: jiff::Timestamp = word(&skip["last_nominal"]).parse().unwrap();
            let within = (first..=last).contains(&nominal);
            assert!(!(same == [true, true] && within), "{occurrence} and {skip}");
        }
    }
}

fn is_worn_out(run: &Value) -> bool {
    let reason = word(&run["reason"]);
    run["outcome"] == "interrupted" && reason.contains("was interrupted 3 times")
}

/// The process with exactly these words, if there is one.
fn process(words: &[&str]) -> Option<PathBuf> {
    let line = words.join("\0") + "\0";
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let is_it = |path: &PathBuf| {
        std::fs::read(path.join("cmdline")).is_ok_and(|words| words == line.as_bytes())
    };
    all.map(|entry| entry.path()).find(is_it)
}

#[test]
fn a_program_with_limits_dies_with_a_killed_agent() {
    let place = Place::new();
    // No other test waits for so long.
    let words = ["sleep", "4711.25"];
    let steps = r#"[{ name: nap, uses: command, with: { argv: [sleep, "4711.25"], limits: { openFiles: 64 } } }]"#;
    place.commit(&[runbook("nap", "[{ agent: started }]", steps)]);
    let agent = place.start(&[]);
    let program = until("the program", || process(&words));
    agent.kill();
    until("the program's end", || (!program.exists()).then_some(()));
}

#[test]
fn a_program_that_outlives_a_killed_agent_is_ended_before_anything_else_and_the_record_says_so() {
    let place = Place::new();
    // No other test waits for so long. The step is not done again by itself, because it changes something.
    let words = ["sleep", "4714.25"];
    let file = place.path("made");
    let script = format!("touch {} && sleep 4714.25", file.display());
    let steps = format!("[{{ name: nap, uses: command, with: {{ script: '{script}' }} }}]");
    place.commit(&[runbook("nap", "[{ agent: started }]", &steps)]);
    let agent = place.start(&["--set", "policy.autonomy=3"]);
    let program = until("the program", || process(&words));
    let run = agent.run_that("nap", "runs", |run| is_live(run, "nap"));
    agent.kill();
    assert!(program.exists(), "it outlives the agent");

    let agent = place.start(&["--set", "policy.autonomy=3"]);
    // Whoever took it over may not have read its entry yet.
    assert!(
        process(&words).is_none(),
        "it is gone before the agent is up: {}",
        program.display()
    );
    let errors = agent.errors();
    assert!(
        errors.contains("a program had outlived the agent, and was ended"),
        "{errors}"
    );
    let id = word(&run["id"]);
    let events = agent.list(&format!("/api/v1/runs/{id}/events"));
    let kinds: Vec<&str> = events.iter().map(|event| word(&event["event"])).collect();
    let place_of = |kind| kinds.iter().position(|one| *one == kind);
    assert!(place_of("process_outlived").is_some(), "{kinds:?}");
    assert!(
        place_of("process_outlived") < place_of("step_interrupted"),
        "{kinds:?}"
    );
    let shown = text(&place.cli(&agent, &["runs", "show", id]).stdout);
    assert!(shown.contains("had outlived the agent"), "{shown}");
    let audit = agent.list("/api/v1/audit?action=process.outlived");
    assert_eq!(audit.len(), 1, "{audit:?}");
    assert_eq!(agent.stop(), Some(0));
    let children = std::fs::read_to_string(place.state().join("children")).unwrap();
    assert_eq!(children.trim(), "", "nothing is left on the roll");
}
