//! The agent on a real Kubernetes control plane: changes that are undone, and what outlives the agent, or the API server.

use super::harness::{Agent, Place, runbook, ticking, until};
use crate::cluster::plane::Space;
use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};
use std::path::Path;

/// An agent that reaches the cluster as its administrator.
pub(super) fn agent(place: &Place, space: &Space) -> Agent {
    let kubeconfig = space.plane().kubeconfig();
    let clusters = json!({ "clusters": { "default": { "kubeconfig": kubeconfig } } });
    place.write("orderly.yaml", &clusters.to_string());
    place.start(&[])
}

fn replicas(space: &Space) -> Value {
    space.get("deployment", "web")["spec"]["replicas"].clone()
}

#[test]
fn what_was_scaled_is_scaled_back_when_a_later_step_fails() {
    let Some(space) = Space::new() else { return };
    space.available("web", 2);
    let place = Place::new();
    let namespace = &space.name;
    let steps = format!(
        "[{{ name: grow, uses: kubernetes/scale, with: {{ namespace: {namespace}, deployment: web, replicas: 3, wait: 60s }} }}, \
          {{ name: fail, uses: kubernetes/rollout-restart, with: {{ namespace: {namespace}, deployment: gone }} }}]\n  \
         rollback: [{{ name: back, uses: kubernetes/scale, with: {{ namespace: {namespace}, deployment: web, \
          replicas: \"${{{{ steps.grow.outputs.previous }}}}\", wait: 60s }} }}]"
    );
    place.commit(&[runbook("grow", "[]", &steps)]);
    let agent = agent(&place, &space);
    agent.start("grow");
    let run = agent.run_that("grow", "has ended", |run| run["status"] == "ended");
    assert_eq!(run["outcome"], "failed", "{run}");
    let why = run["reason"].as_str().unwrap();
    assert!(why.contains("deployment gone in namespace"), "{why}");
    assert_eq!(replicas(&space), 2);
}

#[test]
fn a_rollout_goes_on_when_the_agent_is_killed_and_is_waited_for_by_the_next_one() {
    let Some(space) = Space::new() else { return };
    space.available("web", 1);
    let slow =
        r#"{"spec":{"template":{"metadata":{"annotations":{"orderly.test/start-after":"4s"}}}}}"#;
    space.kubectl(&["patch", "deployment/web", "-p", slow]);
    space.kubectl(&["rollout", "status", "deployment/web", "--timeout=60s"]);
    let place = Place::new();
    let steps = format!(
        "[{{ name: restart, uses: kubernetes/rollout-restart, with: {{ namespace: {}, deployment: web, wait: 60s }} }}]",
        space.name
    );
    place.commit(&[runbook("restart", "[]", &steps)]);
    let first = agent(&place, &space);
    let restarted = || {
        let web = space.get("deployment", "web");
        let annotations = &web["spec"]["template"]["metadata"]["annotations"];
        annotations["kubectl.kubernetes.io/restartedAt"]
            .as_str()
            .map(str::to_owned)
    };
    first.start("restart");
    let at = until("the restart", restarted);
    first.kill();
    let second = agent(&place, &space);
    second.run_ended("restart", "succeeded");
    assert_eq!(restarted(), Some(at), "restarted once");
}

const GOOD: &str = "registry.example.org/app:1";
/// What `tests/cluster/kwok.yaml` knows by its tag.
const BAD: &str = "registry.example.org/app:never-ready";

fn set_image(space: &Space, wait: &str) -> (String, String) {
    let steps = format!(
        "[{{ name: image, uses: kubernetes/set-image, with: {{ namespace: {}, deployment: web, images: {{ app: \"{BAD}\" }}, wait: {wait} }} }}]",
        space.name
    );
    runbook("image", "[]", &steps)
}
fn image(space: &Space) -> Value {
    space.get("deployment", "web")["spec"]["template"]["spec"]["containers"][0]["image"].clone()
}
/// One for every template that there ever was.
fn replica_sets(space: &Space) -> usize {
    space
        .kubectl(&["get", "replicasets", "-o", "name"])
        .lines()
        .count()
}
fn has_ended(run: &Value) -> bool {
    run["status"] == "ended"
}

#[test]
fn a_bad_image_is_put_back_once_by_the_agent_that_follows_a_killed_one() {
    let Some(space) = Space::new() else { return };
    space.available("web", 2);
    let place = Place::new();
    place.commit(&[set_image(&space, "6s")]);
    let first = agent(&place, &space);
    first.start("image");
    until("the image", || (image(&space) == BAD).then_some(()));
    first.kill();
    let second = agent(&place, &space);
    let run = second.run_that("image", "has ended", has_ended);
    assert_eq!(run["outcome"], "failed", "{run}");
    let why = run["reason"].as_str().unwrap();
    let words = format!("was given app={BAD} instead of app={GOOD}, but is not ready: ");
    assert!(why.contains(&words), "{why}");
    assert!(why.contains("; undone, and ready again after "), "{why}");
    assert_eq!(image(&space), GOOD);
    assert_eq!(replica_sets(&space), 2, "the good one and the bad one");
    let available = &space.get("deployment", "web")["status"]["availableReplicas"];
    assert_eq!(available, 2);
}

#[test]
fn what_is_put_back_when_the_agent_is_killed_is_not_rolled_out_again() {
    let Some(space) = Space::new() else { return };
    space.available("web", 1);
    let place = Place::new();
    place.commit(&[set_image(&space, "1s")]);
    let first = agent(&place, &space);
    first.start("image");
    until("the image", || (image(&space) == BAD).then_some(()));
    until("the former image", || (image(&space) == GOOD).then_some(()));
    first.kill();
    let second = agent(&place, &space);
    let run = second.run_that("image", "has ended", has_ended);
    assert_eq!(run["outcome"], "failed", "{run}");
    assert!(
        run["reason"].as_str().unwrap().contains("; undone"),
        "{run}"
    );
    assert_eq!(image(&space), GOOD);
    assert_eq!(replica_sets(&space), 2);
    // The first rollout, the bad one, and the former one again.
    let revision = &space.get("deployment", "web")["metadata"]["annotations"]["deployment.kubernetes.io/revision"];
    assert_eq!(revision, "3");
}

#[test]
fn a_scaling_goes_on_after_the_agent_was_killed_and_knows_what_there_was() {
    let Some(space) = Space::new() else { return };
    space.available("web", 1);
    let slow =
        r#"{"spec":{"template":{"metadata":{"annotations":{"orderly.test/start-after":"4s"}}}}}"#;
    space.kubectl(&["patch", "deployment/web", "-p", slow]);
    space.kubectl(&["rollout", "status", "deployment/web", "--timeout=60s"]);
    let place = Place::new();
    let steps = format!(
        "[{{ name: grow, uses: kubernetes/scale, with: {{ namespace: {}, deployment: web, replicas: 3, wait: 60s }} }}]",
        space.name
    );
    place.commit(&[runbook("grow", "[]", &steps)]);
    let first = agent(&place, &space);
    first.start("grow");
    until("three replicas", || (replicas(&space) == 3).then_some(()));
    let generation = space.get("deployment", "web")["metadata"]["generation"].clone();
    first.kill();
    let second = agent(&place, &space);
    let run = second.run_ended("grow", "succeeded");
    assert_eq!(
        space.get("deployment", "web")["metadata"]["generation"],
        generation,
        "scaled once"
    );
    let id = run["id"].as_str().unwrap();
    let steps = second.get(&format!("/api/v1/runs/{id}/steps")).body;
    assert!(steps.contains("scaled from 1 to 3, ready after"), "{steps}");
}

/// The agent's place with these runbooks, on a cluster whose API server can be killed.
fn restarts(space: &Space, names: &[String]) -> Vec<(String, String)> {
    let of = |name: &String| {
        let steps = format!(
            "[{{ name: restart, uses: kubernetes/rollout-restart, with: {{ namespace: {}, deployment: {name}, wait: 2m }} }}]",
            space.name
        );
        runbook(name, "[]", &steps)
    };
    names.iter().map(of).collect()
}

fn is_restarted(space: &Space, name: &str) -> bool {
    let object = space.get("deployment", name);
    object["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"]
        .is_string()
}

#[test]
fn an_api_server_that_is_killed_ends_no_wait_and_hurts_nothing_else() {
    let Some(space) = Space::alone() else { return };
    let names: Vec<String> = (1..=5).map(|number| format!("web-{number}")).collect();
    let slow =
        r#"{"spec":{"template":{"metadata":{"annotations":{"orderly.test/start-after":"8s"}}}}}"#;
    for name in &names {
        space.available(name, 1);
        space.kubectl(&["patch", &format!("deployment/{name}"), "-p", slow]);
    }
    let place = Place::new();
    let mut runbooks = restarts(&space, &names);
    runbooks.push(ticking("tick"));
    place.commit(&runbooks);
    let agent = agent(&place, &space);
    for name in &names {
        agent.start(name);
    }
    for name in &names {
        until("each restart", || is_restarted(&space, name).then_some(()));
    }
    let before = agent.run_ended("tick", "succeeded")["id"].clone();
    let (up, server) = (
        space.plane().process("up"),
        space.plane().process("kube-apiserver"),
    );
    // Nobody starts it again for now.
    kill_process(up, Signal::STOP).unwrap();
    kill_process(server, Signal::KILL).unwrap();
    for name in &names {
        let run = agent.run_that(name, "goes on", |run| run["status"] != "ended");
        agent.printed(
            &run,
            "waiting on, although the API server of cluster `default` did not answer",
        );
    }
    assert!(agent.answers());
    assert_eq!(agent.get("/healthz").status, 200);
    assert_eq!(agent.dependency("cluster default")["ok"], false);
    agent.run_that("tick", "runs on", |run| {
        run["outcome"] == "succeeded" && run["id"] != before
    });
    kill_process(up, Signal::CONT).unwrap();
    until("an answer", || {
        (agent.metric("orderly_kubernetes_up", "") > 0.0).then_some(())
    });
    for name in &names {
        let run = agent.run_ended(name, "succeeded");
        agent.printed(&run, "the API server answers again");
    }
    assert_eq!(agent.stop(), Some(0));
    remove(space.plane().kubeconfig().parent().unwrap(), up);
}

/// Ends a control plane that a single test has used.
fn remove(folder: &Path, up: rustix::process::Pid) {
    kill_process(up, Signal::KILL).unwrap();
    std::fs::remove_dir_all(folder).unwrap();
}
