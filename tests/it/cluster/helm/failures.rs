//! Upgrades that fail, are stopped or are broken off, and the way back.

use super::Desk;
use crate::{cluster::plane::failure, steps::Run};
use orderly::domain::{effect::Verb, run::StepResult};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use std::{fs, time::Duration};

#[tokio::test]
async fn a_failed_upgrade_is_rolled_back_and_fails_all_the_same() {
    let Some(desk) = Desk::new() else { return };
    desk.upgraded(json!({})).await;
    let report = desk
        .upgrade(json!({ "values": { "pod": "never-ready" }, "wait": "4s" }))
        .await;
    let (error, _) = failure(&report);
    for words in [
        "to revision 2: helm: UPGRADE FAILED: ",
        "it was rolled back to revision 1 (as revision 3)",
        "/web: ",
        "; pod ",
    ] {
        assert!(error.contains(words), "{error}");
    }
    assert_eq!(report.outputs["rolledBackTo"], 1);
    assert_eq!(report.outputs["revision"], 3);
    assert_eq!(report.outputs["status"], "deployed");
    assert_eq!(desk.states(), ["superseded", "failed", "deployed"]);
    let web = desk.space.get("deployment", "web");
    assert_eq!(
        web["spec"]["template"]["metadata"]["labels"]["orderly.test/pod"],
        ""
    );
    assert_eq!(web["status"]["availableReplicas"], 1);
}

/// Whether it is back is found out by trying, and what was judged while it was away allows no more than that.
#[tokio::test]
async fn where_the_cluster_is_away_nothing_is_allowed_and_the_step_may_be_tried_again() {
    let Some(desk) = Desk::new() else { return };
    desk.upgraded(json!({})).await;
    let away = desk.space.path("away.yaml");
    let there = fs::read_to_string(desk.space.plane().kubeconfig()).unwrap();
    let (before, server) = there.split_once("https://").unwrap();
    let behind = server.find([',', ' ', '"', '\n']).unwrap();
    let nobody = format!("{before}https://127.0.0.1:1{}", &server[behind..]);
    fs::write(&away, nobody).unwrap();
    let back = json!({ "namespace": desk.space.name, "release": "web" });
    for (uses, inputs) in [
        ("helm/upgrade", desk.inputs(json!({}))),
        ("helm/rollback", back),
    ] {
        let run = Run::new(desk.world_as(away.clone()));
        let judged = run.effects(uses, &inputs).await;
        assert!(judged.items.iter().all(|effect| effect.verb == Verb::Read));
        let (_, retryable) = failure(&run.step(uses, inputs.clone()).await);
        assert!(retryable);
    }
    let inputs = desk.inputs(json!({ "values": { "pod": "never-ready" } }));
    let run = Run::new(desk.world_as(away));
    let judged = run.planned("helm/upgrade", inputs).await;
    let report = desk.run().carry_out(judged).await;
    let (error, retryable) = failure(&report);
    assert!(
        error.contains("the cluster was away when the step was judged"),
        "{error}"
    );
    assert!(retryable);
    assert_eq!(desk.states(), ["deployed"]);
}

#[tokio::test]
async fn a_failed_upgrade_is_left_where_the_step_says_so() {
    let Some(desk) = Desk::new() else { return };
    desk.upgraded(json!({})).await;
    let vain =
        json!({ "values": { "pod": "never-ready" }, "wait": "3s", "rollbackOnFailure": false });
    let report = desk.upgrade(vain).await;
    let (error, _) = failure(&report);
    assert!(
        error.contains("revision 2 is failed, it was left so"),
        "{error}"
    );
    assert_eq!(desk.states(), ["deployed", "failed"]);
}

#[tokio::test]
async fn a_first_installation_that_fails_is_removed() {
    let Some(desk) = Desk::new() else { return };
    let report = desk
        .upgrade(json!({ "values": { "pod": "never-ready" }, "wait": "3s" }))
        .await;
    let (error, _) = failure(&report);
    assert!(error.contains("it was removed again"), "{error}");
    assert!(desk.states().is_empty());
    let left = desk
        .space
        .kubectl(&["get", "deployments", "--output", "name"]);
    assert_eq!(left, "");
}

#[tokio::test]
async fn a_step_that_is_stopped_rolls_back_within_its_grace() {
    let Some(desk) = Desk::new() else { return };
    desk.upgraded(json!({})).await;
    let run = desk.run();
    let vain = desk.inputs(json!({ "values": { "pod": "never-ready" } }));
    let stopping = async {
        desk.helm_that_runs("--timeout").await;
        while desk.states().len() < 2 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        run.stop.cancel();
    };
    let (report, ()) = tokio::join!(run.step("helm/upgrade", vain), stopping);
    assert_eq!(report.result, StepResult::Canceled, "{}", report.summary);
    assert!(
        report.summary.contains("rolled back to revision 1"),
        "{}",
        report.summary
    );
    assert_eq!(desk.states(), ["superseded", "failed", "deployed"]);
}

#[tokio::test]
async fn who_may_not_upgrade_changes_nothing_and_is_told_so() {
    let Some(desk) = Desk::new() else { return };
    desk.upgraded(json!({})).await;
    let rules = json!([{ "apiGroups": ["", "apps"], "resources": ["*"], "verbs": ["get", "list", "watch"] }]);
    let reader = desk.space.somebody("reader", &rules);
    let run = crate::steps::Run::new(desk.world_as(reader));
    let report = run
        .step(
            "helm/upgrade",
            desk.inputs(json!({ "values": { "replicas": 2 } })),
        )
        .await;
    let (error, _) = failure(&report);
    for words in ["cannot create resource", "no revision was made"] {
        assert!(error.contains(words), "{error}");
    }
    assert_eq!(desk.states(), ["deployed"]);
}

/// A helm that is killed leaves the release in a state that helm itself refuses to go on from.
#[tokio::test]
async fn an_attempt_that_was_killed_is_brought_back_by_the_next_one() {
    let Some(desk) = Desk::new() else { return };
    desk.upgraded(json!({})).await;
    let run = desk.run();
    let dead = json!({ "values": { "pod": "never-ready" }, "rollbackOnFailure": false });
    let planned = run.planned("helm/upgrade", desk.inputs(dead)).await;
    let killing = async {
        while desk.states().len() < 2 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let number = desk.helm_that_runs("--wait").await;
        kill_process(Pid::from_raw(number).unwrap(), Signal::KILL).unwrap();
    };
    let (report, ()) = tokio::join!(run.carry_out(planned), killing);
    let (error, _) = failure(&report);
    assert!(
        error.contains("ended by signal 9; revision 2 is pending-upgrade"),
        "{error}"
    );
    assert_eq!(desk.states(), ["deployed", "pending-upgrade"]);

    let other = desk.upgrade(json!({})).await;
    let (error, retryable) = failure(&other);
    assert!(
        error.contains("somebody else is at it, or was killed at it"),
        "{error}"
    );
    assert!(retryable);

    let report = run
        .step(
            "helm/upgrade",
            desk.inputs(json!({ "values": { "replicas": 2 } })),
        )
        .await;
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
    let words = "brought back to revision 1 after an attempt that was broken off, then upgraded to revision 4";
    assert!(report.summary.contains(words), "{}", report.summary);
    assert_eq!(report.outputs["rolledBackTo"], 1);
    assert_eq!(
        desk.space.get("deployment", "web")["status"]["readyReplicas"],
        2
    );
}

#[tokio::test]
async fn a_first_installation_that_was_killed_is_begun_again() {
    let Some(desk) = Desk::new() else { return };
    let run = desk.run();
    let dead = json!({ "values": { "pod": "never-ready" }, "rollbackOnFailure": false });
    let planned = run.planned("helm/upgrade", desk.inputs(dead)).await;
    let killing = async {
        while desk.states().is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let number = desk.helm_that_runs("--wait").await;
        kill_process(Pid::from_raw(number).unwrap(), Signal::KILL).unwrap();
    };
    let (_, ()) = tokio::join!(run.carry_out(planned), killing);
    assert_eq!(desk.states(), ["pending-install"]);
    let report = run.step("helm/upgrade", desk.inputs(json!({}))).await;
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
    assert_eq!(desk.states(), ["deployed"]);
}
