//! What breaks: on a control plane of this test's own.

#![expect(
    clippy::disallowed_methods,
    reason = "processes of other programs end by the real clock"
)]

use super::plane::{Space, failure};
use crate::steps::Run;
use orderly::{
    adapters::kubernetes::{Account, Cluster, Credentials},
    domain::run::StepResult,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use std::{
    fs,
    time::{Duration, Instant},
};

const SERVERS: [&str; 5] = [
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok",
];

/// Whether it runs; one that has ended and was not fetched yet does not.
fn runs(process: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero()));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

fn is_restarted(space: &Space) -> bool {
    let web = space.get("deployment", "web");
    let annotations = &web["spec"]["template"]["metadata"]["annotations"];
    annotations["kubectl.kubernetes.io/restartedAt"].is_string()
}

/// A deployment that is ready, and whose next pods take so long.
fn slow(space: &Space, after: &str) {
    space.available("web", 1);
    let slow = json!({ "spec": { "template": { "metadata": { "annotations": { "orderly.test/start-after": after } } } } });
    space.kubectl(&["patch", "deployment/web", "-p", &slow.to_string()]);
}

/// Kills the API server once the deployment was restarted.
async fn killed_in_the_wait(space: &Space) {
    while !is_restarted(space) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // The step hears that its change was taken.
    tokio::time::sleep(Duration::from_millis(200)).await;
    kill_process(space.plane().process("kube-apiserver"), Signal::KILL).unwrap();
}

/// The agent's world in which every runbook is somebody who may only restart deployments.
fn restarter(space: &Space) -> Run {
    let rules =
        json!([{ "apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "patch"] }]);
    space.somebody("restarter", &rules);
    let credentials = Credentials::Kubeconfig {
        path: space.plane().kubeconfig(),
        context: None,
    };
    let account = Account::ServiceAccount {
        namespace: space.name.clone(),
        name: "restarter".to_owned(),
    };
    let cluster = Cluster {
        account: Some(account),
        ..credentials.into()
    };
    Run::new(space.world_with(cluster))
}

#[tokio::test]
async fn a_server_that_forbids_everything_while_it_starts_ends_no_wait() {
    let Some(space) = Space::alone() else { return };
    slow(&space, "4s");
    let mut run = restarter(&space);
    let plane = space.plane();
    let restart = json!({ "namespace": space.name, "deployment": "web", "wait": "2m" });
    let waiting = run.step("kubernetes/rollout-restart", restart.clone());
    let (report, ()) = tokio::join!(waiting, killed_in_the_wait(&space));
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);

    // What is taken away for good ends it, though not at once.
    space.kubectl(&["delete", "rolebinding", "restarter"]);
    let account = format!("system:serviceaccount:{}:restarter", space.name);
    let may = ["auth", "can-i", "get", "deployments", "--as", &account];
    while space.tried(&may).is_ok() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let report = run
        .step("kubernetes/rollout-restart", restart.clone())
        .await;
    let (error, retryable) = failure(&report);
    assert!(error.contains("hint: grant") && !retryable, "{error}");
    run.again();
    let report = run.step("kubernetes/rollout-restart", restart).await;
    let (error, retryable) = failure(&report);
    assert!(error.contains("forbids it for now") && retryable, "{error}");
    kill_process(plane.process("up"), Signal::TERM).unwrap();
}

#[tokio::test]
async fn a_wait_outlives_the_api_server_and_no_server_outlives_the_run() {
    let Some(space) = Space::alone() else { return };
    slow(&space, "3s");
    let (plane, run) = (space.plane(), space.run());
    let restart = json!({ "namespace": space.name, "deployment": "web", "wait": "2m" });
    let (report, ()) = tokio::join!(
        run.step("kubernetes/rollout-restart", restart),
        killed_in_the_wait(&space)
    );
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);

    let servers = SERVERS.map(|name| plane.process(name));
    assert!(servers.iter().all(|server| runs(*server)));
    kill_process(plane.process("up"), Signal::KILL).unwrap();
    let began = Instant::now();
    while servers.iter().any(|server| runs(*server)) {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "a server outlives the run"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Its folder would be removed by the next one that starts.
    fs::remove_dir_all(plane.kubeconfig().parent().unwrap()).unwrap();
}
