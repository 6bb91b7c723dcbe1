//! The agent and what it has inside a cluster: a Job that outlives it, and what comes out of a pod.

use super::{
    cluster::agent,
    harness::{Place, runbook, until},
};
use crate::cluster::plane::Space;
use serde_json::Value;

fn jobs(space: &Space) -> Vec<Value> {
    let jobs: Value = serde_json::from_str(&space.kubectl(&["get", "jobs", "-o", "json"])).unwrap();
    jobs["items"].as_array().unwrap().clone()
}

#[test]
fn a_job_goes_on_when_the_agent_is_killed_and_is_found_by_the_next_one() {
    let Some(space) = Space::new() else { return };
    let place = Place::new();
    let steps = format!(
        "[{{ name: work, uses: kubernetes/run-job, with: {{ namespace: {}, cleanup: never, template: {{ \
          image: \"registry.example.org/tools:1\", annotations: {{ orderly.test/start-after: 4s }} }} }} }}]",
        space.name
    );
    place.commit(&[runbook("work", "[]", &steps)]);
    let first = agent(&place, &space);
    first.start("work");
    let made = until("the Job", || jobs(&space).pop());
    first.kill();
    let second = agent(&place, &space);
    second.run_ended("work", "succeeded");
    let jobs = jobs(&space);
    assert_eq!(jobs.len(), 1, "there is no second one");
    assert_eq!(jobs[0]["metadata"]["uid"], made["metadata"]["uid"]);
    assert_eq!(jobs[0]["status"]["succeeded"], 1);
}

#[test]
fn what_comes_out_of_a_pod_is_an_artifact_of_the_history() {
    let Some(space) = Space::new() else { return };
    space.available("web", 1);
    let place = Place::new();
    let steps = format!(
        "[{{ name: keep, uses: kubernetes/exec, with: {{ namespace: {}, object: deployment/web, command: [cat, /etc/os-release], \
          artifact: release, extension: txt }} }}, \
          {{ name: verify, uses: backup/verify, with: {{ artifact: \"${{{{ steps.keep.outputs.artifact }}}}\" }} }}]",
        space.name
    );
    place.commit(&[runbook("keep", "[]", &steps)]);
    let agent = agent(&place, &space);
    agent.start("keep");
    agent.run_ended("keep", "succeeded");
    let artifacts = agent.list("/api/v1/artifacts");
    assert_eq!(artifacts.len(), 1, "{artifacts:?}");
    assert_eq!(artifacts[0]["kind"], "stream");
    assert_eq!(artifacts[0]["name"], "release");
    assert!(artifacts[0]["verified_at"].is_string(), "{artifacts:?}");
}
