//! `kubernetes/wait` on a real API server.

use super::plane::{Space, failure};
use crate::steps::Run;
use orderly::domain::run::{StepReport, StepResult};
use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};
use std::time::Duration;

const WAIT: &str = "kubernetes/wait";

impl Space {
    fn waiting(&self, object: &str, more: Value) -> Value {
        let mut inputs = json!({ "namespace": self.name, "object": object, "for": "30s" });
        let more = more.as_object().unwrap().clone();
        inputs.as_object_mut().unwrap().extend(more);
        inputs
    }

    async fn waited(&self, object: &str, more: Value) -> StepReport {
        self.step(WAIT, self.waiting(object, more)).await
    }
}

fn succeeded(report: &StepReport) {
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
}

#[tokio::test]
async fn an_object_can_be_waited_for_in_every_way() {
    let Some(space) = Space::new() else { return };
    space.deployment("web", 1, "");
    for more in [
        json!({ "exists": true }),
        json!({ "condition": "Available" }),
        json!({ "ready": true }),
        json!({ "path": "/status/availableReplicas", "value": 1 }),
        json!({ "path": "/spec/template/spec/containers/0/image", "values": ["x", "registry.example.org/app:1"] }),
        json!({ "when": "object.status.availableReplicas >= 1 and conditions.Available == \"True\"" }),
    ] {
        let report = space.waited("deploy/web", more.clone()).await;
        succeeded(&report);
        assert_eq!(report.outputs["reached"], true, "{more}");
    }
    space.job("bad", "fails");
    succeeded(
        &space
            .waited("job/bad", json!({ "condition": "Failed" }))
            .await,
    );
    let suspended = json!({ "condition": "Complete", "status": "False", "for": "1s" });
    assert!(
        failure(&space.waited("job/bad", suspended).await)
            .0
            .contains("no condition Complete")
    );
}

#[tokio::test]
async fn what_comes_and_goes_meanwhile_is_seen() {
    let Some(space) = Space::new() else { return };
    let pause = || tokio::time::sleep(Duration::from_millis(300));
    let create = async {
        pause().await;
        space.kubectl(&["create", "configmap", "late"]);
    };
    let (report, ()) = tokio::join!(space.waited("cm/late", json!({ "exists": true })), create);
    succeeded(&report);
    let delete = async {
        pause().await;
        space.kubectl(&["delete", "configmap", "late"]);
        space.kubectl(&["create", "configmap", "late"]);
    };
    // Another one of its name is not the one that was to go.
    let (report, ()) = tokio::join!(space.waited("cm/late", json!({ "gone": true })), delete);
    succeeded(&report);
    assert!(
        report.summary.contains("late is gone, after"),
        "{}",
        report.summary
    );
    succeeded(
        &space
            .waited("nosuchkind.example.org/x", json!({ "gone": true }))
            .await,
    );
}

#[tokio::test]
async fn a_wait_in_vain_says_what_is_there_instead() {
    let Some(space) = Space::new() else { return };
    space.deployment("web", 1, "never-ready");
    let pods = [
        "pod",
        "-l",
        "app=web",
        "--for=condition=PodScheduled",
        "--timeout=60s",
    ];
    space.kubectl(&[&["wait"][..], &pods].concat());
    let report = space
        .waited(
            "deploy/web",
            json!({ "condition": "Available", "for": "1s" }),
        )
        .await;
    let (error, retryable) = failure(&report);
    for words in [
        "is not as it should be (has Available True): Available is False",
        ", after 1s",
        "its conditions: ",
        "Progressing=True",
    ] {
        assert!(error.contains(words), "{words}: {error}");
    }
    assert!(retryable);
    assert_eq!(report.outputs["reached"], false);
    space.kubectl(&["create", "configmap", "web"]);
    let uid = space.get("configmap", "web")["metadata"]["uid"].clone();
    space.apply(&json!({
        "apiVersion": "v1", "kind": "Event", "metadata": { "name": "web.1" }, "type": "Warning", "reason": "Odd",
        "message": "it looks odd", "lastTimestamp": "2026-01-01T00:00:00Z",
        "involvedObject": { "apiVersion": "v1", "kind": "ConfigMap", "name": "web", "namespace": space.name, "uid": uid }
    }));
    let field = json!({ "path": "/data/a", "value": "1", "for": "1s" });
    let report = space.waited("cm/web", field).await;
    let (error, _) = failure(&report);
    assert!(
        error.contains("there is no /data/a, after 1s; warning Odd (1×): it looks odd"),
        "{error}"
    );
    let gone = space
        .waited("cm/nobody", json!({ "ready": true, "for": "1s" }))
        .await;
    assert!(
        failure(&gone).0.contains("it is not there, after 1s"),
        "{}",
        gone.summary
    );
}

#[tokio::test]
async fn who_may_not_look_is_told_at_once() {
    let Some(space) = Space::new() else { return };
    let run = Run::new(space.world_of(space.somebody("nobody", &json!([]))));
    let report = run
        .step(WAIT, space.waiting("cm/web", json!({ "exists": true })))
        .await;
    let (error, retryable) = failure(&report);
    assert!(
        error.contains("cannot get") && error.contains("hint: grant"),
        "{error}"
    );
    assert!(!retryable);
}

#[tokio::test]
async fn a_dry_run_looks_once() {
    let Some(space) = Space::new() else { return };
    let run = Run::dry(space.world());
    let report = run
        .step(WAIT, space.waiting("cm/web", json!({ "exists": true })))
        .await;
    succeeded(&report);
    assert!(
        report.summary.starts_with("would wait up to 30s until"),
        "{}",
        report.summary
    );
}

#[tokio::test]
async fn a_stopped_wait_ends_soon() {
    let Some(space) = Space::new() else { return };
    let run = space.run();
    let stop = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        run.stop.cancel();
    };
    let waiting = run.step(WAIT, space.waiting("cm/web", json!({ "exists": true })));
    let (report, ()) = tokio::join!(waiting, stop);
    assert_eq!(report.result, StepResult::Canceled, "{}", report.summary);
}

#[tokio::test]
async fn a_wait_outlives_an_api_server_that_is_away_for_a_while() {
    let Some(space) = Space::alone() else { return };
    let run = space.run();
    let inputs = space.waiting("cm/late", json!({ "exists": true, "for": "90s" }));
    let server = space.plane().process("kube-apiserver");
    let meanwhile = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        kill_process(server, Signal::KILL).unwrap();
        tokio::time::sleep(Duration::from_secs(3)).await;
        while !space.answers() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        space.kubectl(&["create", "configmap", "late"]);
    };
    let (report, ()) = tokio::join!(run.step(WAIT, inputs), meanwhile);
    succeeded(&report);
    let up = space.plane().process("up");
    kill_process(up, Signal::TERM).unwrap();
}
