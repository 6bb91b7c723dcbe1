//! The agent on a real Kubernetes control plane: a change that is undone, and one that outlives the agent.

use super::harness::{Agent, Place, runbook, until};
use crate::cluster::plane::Space;
use serde_json::{Value, json};

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
