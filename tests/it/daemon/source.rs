//! Commits come into use, and what is wrong with them does no harm.

use super::harness::{Place, resting, runbook, text, ticking, until};
use serde_json::json;

#[test]
fn a_commit_is_picked_up_scheduled_run_seen_and_audited() {
    let place = Place::new();
    place.commit(&[resting("first")]);
    let agent = place.start(&["--set", "source.poll=1h"]);
    let revision = place.commit(&[ticking("second")]);
    let view = agent.sync();
    assert_eq!(view["applied"], revision);
    assert_eq!(view["runbooks"], 2);
    let run = agent.run_ended("second", "succeeded");
    assert_eq!(run["revision"], revision);
    assert_eq!(run["cause"]["kind"], "schedule");
    until("the metrics of the run", || {
        let all = agent.metric("orderly_runs_total", "") >= 1.0;
        let own = agent.metric("orderly_runbook_runs_total", r#"runbook="second""#) >= 1.0;
        (all && own).then_some(())
    });
    let audit = agent.list("/api/v1/audit?limit=1000");
    for action in ["sync.requested", "run.started", "step.started", "run.ended"] {
        assert!(
            audit.iter().any(|line| line["action"] == action),
            "{action}"
        );
    }
    let verified = place.cli(&agent, &["audit", "verify"]);
    assert!(verified.status.success(), "{}", text(&verified.stderr));
    assert_eq!(agent.stop(), Some(0));
    let verified = place.offline(&["audit", "verify", "--database"]);
    assert!(verified.status.success(), "{}", text(&verified.stderr));
}

#[test]
fn a_broken_runbook_is_shown_and_its_last_good_version_runs_on() {
    let place = Place::new();
    let good = place.commit(&[ticking("tick"), resting("rest")]);
    let agent = place.start(&["--set", "source.poll=1h"]);
    let (file, broken) = runbook("tick", "[{ every: 1s }]", "[{ name: x, uses: nowhere }]");
    place.commit(&[(file, broken)]);
    agent.sync();
    let shown = agent.read("/api/v1/runbooks/tick");
    assert_eq!(shown["state"], "invalid");
    let problem = shown["problem"].as_str().unwrap();
    assert!(problem.contains("tick.yaml:6:"), "{problem}");
    assert!(agent.list("/api/v1/runbooks").len() == 2);
    let last = agent.run_that("tick", "has ended", |run| run["outcome"] == "succeeded");
    let newer = agent.run_that("tick", "is newer", |run| {
        run["outcome"] == "succeeded" && run["created_at"].as_str() > last["created_at"].as_str()
    });
    assert_eq!(newer["revision"], good);
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn a_mass_deletion_waits_for_a_person() {
    let place = Place::new();
    place.commit(&["one", "two", "three", "four"].map(resting));
    let agent = place.start(&["--set", "source.poll=1h"]);
    let gone = ["one", "two", "three"].map(|name| (format!("{name}.yaml"), String::new()));
    let revision = place.commit(&gone);
    let view = agent.sync();
    assert_eq!(view["held"]["revision"], revision, "{view}");
    assert_eq!(view["runbooks"], 4);
    assert_eq!(agent.dependency("source")["ok"], false);
    assert_eq!(agent.get("/readyz").status, 200);
    let wrong = agent.post("/api/v1/sync", &json!({"accept": "0".repeat(40)}));
    assert_eq!(wrong.json()["runbooks"], 4, "{}", wrong.body);
    let accepted = place.cli(&agent, &["sync", "--accept", &revision]);
    assert!(accepted.status.success(), "{}", text(&accepted.stderr));
    let view = agent.read("/api/v1/sync");
    assert_eq!(view["runbooks"], 1);
    assert!(view["held"].is_null());
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn a_source_that_vanishes_takes_nothing_with_it_not_even_over_a_restart() {
    let place = Place::new();
    place.commit(&[ticking("tick"), resting("rest")]);
    let agent = place.start(&["--set", "source.poll=1h"]);
    agent.run_ended("tick", "succeeded");
    place.lose_source();
    let view = agent.sync();
    assert!(view["error"].is_string(), "{view}");
    assert_eq!(view["runbooks"], 2);
    assert_eq!(agent.get("/health").json()["status"], "degraded");
    assert_eq!(agent.get("/readyz").status, 200);
    assert_eq!(agent.stop(), Some(0));

    let agent = place.start(&["--set", "source.poll=1h"]);
    assert_eq!(agent.get("/health").json()["status"], "degraded");
    assert_eq!(agent.list("/api/v1/runbooks").len(), 2);
    assert!(agent.metric("orderly_runbooks", "") > 1.0);
    let before = agent.list("/api/v1/runs?runbook=tick&limit=1000").len();
    agent.run_that("tick", "is new", |_| {
        agent.list("/api/v1/runs?runbook=tick&limit=1000").len() > before
    });
    place.find_source();
    assert!(agent.sync()["error"].is_null());
    assert_eq!(agent.get("/health").json()["status"], "ok");
    assert_eq!(agent.stop(), Some(0));
}
