//! `kubernetes/run-job` on the Jobs of a real control plane.

use super::plane::{Space, failure};
use crate::steps::Run;
use orderly::domain::{
    run::{StepReport, StepResult},
    span::Span,
};
use serde_json::{Value, json};
use std::{fs, time::Duration};

/// A Job whose pod behaves so (`tests/cluster/kwok.yaml`); it talks.
fn job(space: &Space, behaviour: &str) -> Value {
    json!({
        "namespace": space.name, "name": "work",
        "job": {
            "backoffLimit": 0,
            "template": {
                "metadata": { "labels": { "orderly.test/pod": behaviour } },
                "spec": {
                    "restartPolicy": "Never",
                    "containers": [{ "name": "talks", "image": "registry.example.org/tools:1" }]
                }
            }
        }
    })
}

fn with(mut inputs: Value, more: Value) -> Value {
    let more: serde_json::Map<String, Value> = serde_json::from_value(more).unwrap();
    inputs.as_object_mut().unwrap().extend(more);
    inputs
}

/// The names of all Jobs that nobody has deleted.
fn jobs(space: &Space) -> Vec<String> {
    let jobs: Value = serde_json::from_str(&space.kubectl(&["get", "jobs", "-o", "json"])).unwrap();
    let live = jobs["items"].as_array().unwrap().iter();
    live.map(|job| &job["metadata"])
        .filter(|metadata| metadata["deletionTimestamp"].is_null())
        .map(|metadata| metadata["name"].as_str().unwrap().to_owned())
        .collect()
}

fn succeeded(report: &StepReport) {
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
}

async fn has_job(space: &Space) {
    while jobs(space).is_empty() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_job_is_run_to_its_end_heard_and_deleted() {
    let Some(space) = Space::new() else { return };
    let run = space.run();
    let inputs = with(job(&space, "ends"), json!({ "artifact": "work" }));
    let report = run.step("kubernetes/run-job", inputs).await;
    succeeded(&report);
    assert!(
        report.summary.ends_with(", and is deleted"),
        "{}",
        report.summary
    );
    assert_eq!(
        (&report.outputs["succeeded"], &report.outputs["deleted"]),
        (&json!(1), &json!(true))
    );
    assert!(
        run.heard().contains("ERROR: disk is full\n"),
        "{}",
        run.heard()
    );
    let path = report.outputs["artifact"]["path"].as_str().unwrap();
    let said = zstd::decode_all(fs::File::open(path).unwrap()).unwrap();
    let said = String::from_utf8(said).unwrap();
    assert!(said.contains("/talks: served 3 requests\n"), "{said}");
    assert!(jobs(&space).is_empty());
}

#[tokio::test]
async fn a_template_becomes_a_job_that_the_server_takes() {
    let Some(space) = Space::new() else { return };
    let inputs = json!({
        "namespace": space.name, "cleanup": "never", "ttlSecondsAfterFinished": 600,
        "template": {
            "image": "registry.example.org/tools:1", "command": ["true"], "args": ["--port", 1],
            "env": { "HOST": "db", "PASSWORD": { "secret": "db", "key": "password" }, "MODE": { "configMap": "db", "key": "mode" } },
            "volumes": [{ "path": "/data", "claim": "data", "readOnly": true }, { "path": "/tmp", "scratch": true }],
            "resources": { "limits": { "memory": "64Mi" } }, "serviceAccount": "default",
            "securityContext": { "runAsNonRoot": true }, "activeDeadlineSeconds": 60
        }
    });
    let dry = Run::dry(space.world());
    let report = dry.step("kubernetes/run-job", inputs.clone()).await;
    succeeded(&report);
    assert!(
        report.summary.ends_with("; the server agrees"),
        "{}",
        report.summary
    );
    assert!(jobs(&space).is_empty());
    // The claim is missing, so its pod waits.
    let report = space
        .step("kubernetes/run-job", with(inputs, json!({ "wait": "1s" })))
        .await;
    let (error, retryable) = failure(&report);
    assert!(
        error.contains("has not ended: 1 of its pods are active"),
        "{error}"
    );
    assert!(error.contains("; it goes on"), "{error}");
    assert!(error.contains("; pod "), "{error}");
    assert!(
        error.contains("persistentvolumeclaim \"data\" not found"),
        "{error}"
    );
    assert!(retryable);
    let made = space.get("job", &jobs(&space)[0]);
    assert_eq!(made["spec"]["ttlSecondsAfterFinished"], 600);
    assert_eq!(made["metadata"]["labels"]["orderly.dev/runbook"], "nightly");
}

#[tokio::test]
async fn a_job_that_fails_says_why_with_its_last_words_and_stays_for_a_look() {
    let Some(space) = Space::new() else { return };
    let report = space.step("kubernetes/run-job", job(&space, "fails")).await;
    let (error, retryable) = failure(&report);
    for words in [
        "has failed: BackoffLimitExceeded: ",
        "container talks exited with 1: ",
        "ERROR: no room; served 3 requests",
    ] {
        assert!(error.contains(words), "{error}");
    }
    assert!(!retryable, "nobody said that it may be run twice");
    assert_eq!(report.outputs["failed"], 1);
    assert_eq!(jobs(&space).len(), 1);
    let inputs = with(job(&space, "fails"), json!({ "cleanup": "always" }));
    let report = space.step("kubernetes/run-job", inputs).await;
    assert_eq!(report.outputs["deleted"], true, "{}", report.summary);
    assert_eq!(jobs(&space).len(), 1, "only the first one is left");
}

#[tokio::test]
async fn an_image_can_fail_as_well() {
    let Some(space) = Space::new() else { return };
    let mut inputs = job(&space, "");
    let template = &mut inputs["job"]["template"];
    template["metadata"] = json!({});
    template["spec"]["containers"][0]["image"] = json!("registry.example.org/tools:fails");
    let report = space.step("kubernetes/run-job", inputs).await;
    let (error, _) = failure(&report);
    assert!(error.contains("container talks exited with 1: "), "{error}");
}

#[tokio::test]
async fn a_job_past_its_own_deadline_has_failed() {
    let Some(space) = Space::new() else { return };
    let mut inputs = job(&space, "runs-on");
    inputs["job"]["activeDeadlineSeconds"] = json!(1);
    let report = space.step("kubernetes/run-job", inputs).await;
    assert!(
        failure(&report).0.contains("DeadlineExceeded"),
        "{}",
        report.summary
    );
}

#[tokio::test]
async fn an_attempt_finds_the_job_of_the_one_before() {
    let Some(space) = Space::new() else { return };
    let mut run = space.run();
    let inputs = with(
        job(&space, "runs-on"),
        json!({ "wait": "1s", "cleanup": "never" }),
    );
    assert!(failure(&run.step("kubernetes/run-job", inputs.clone()).await).1);
    let first = jobs(&space);
    // It is complete by the time that the step is tried again.
    let pods = "orderly.test/pod=runs-on";
    space.kubectl(&[
        "label",
        "pods",
        "-l",
        pods,
        "orderly.test/pod=ends",
        "--overwrite",
    ]);
    space.wait(&format!("job/{}", first[0]), "condition=Complete");
    run.again();
    let report = run.step("kubernetes/run-job", inputs).await;
    succeeded(&report);
    assert_eq!(report.outputs["found"], true);
    assert_eq!(report.outputs["job"], first[0].as_str());
    assert_eq!(jobs(&space), first, "there is no second one");
}

#[tokio::test]
async fn a_job_that_has_failed_is_followed_by_another_only_where_that_is_well() {
    let Some(space) = Space::new() else { return };
    let mut run = space.run();
    let once = job(&space, "fails");
    failure(&run.step("kubernetes/run-job", once.clone()).await);
    run.again();
    failure(&run.step("kubernetes/run-job", once.clone()).await);
    assert_eq!(jobs(&space).len(), 1);
    let again = with(once, json!({ "idempotent": true }));
    let report = run.step("kubernetes/run-job", again).await;
    assert!(failure(&report).1, "it may be tried once more");
    assert_eq!(jobs(&space).len(), 2);
}

#[tokio::test]
async fn a_job_of_the_same_name_that_others_made_is_left_alone() {
    let Some(space) = Space::new() else { return };
    let run = space.run();
    let effects = run
        .effects("kubernetes/run-job", &job(&space, "ends"))
        .await;
    let orderly::domain::effect::Which::Named(name) = &effects.items[0].object.which else {
        panic!("{effects:?}")
    };
    space.job(name, "runs-on");
    let report = run.step("kubernetes/run-job", job(&space, "ends")).await;
    assert!(
        failure(&report).0.contains("was not made by this step"),
        "{}",
        report.summary
    );
    assert_eq!(jobs(&space), [name.as_str()]);
}

#[tokio::test]
async fn what_becomes_of_the_job_of_a_stopped_step_is_said() {
    let Some(space) = Space::new() else { return };
    for (cleanup, words, left) in [
        ("always", "it is being deleted with its pods", 0),
        ("success", "; it goes on", 1),
    ] {
        let run = space.run();
        let inputs = with(job(&space, "runs-on"), json!({ "cleanup": cleanup }));
        let stop = async {
            has_job(&space).await;
            run.stop.cancel();
        };
        let (report, ()) = tokio::join!(run.step("kubernetes/run-job", inputs), stop);
        assert_eq!(report.result, StepResult::Canceled);
        assert!(report.summary.contains(words), "{}", report.summary);
        assert_eq!(jobs(&space).len(), left, "{cleanup}");
    }
}

#[tokio::test]
async fn a_step_that_takes_too_long_deletes_its_job_where_told() {
    let Some(space) = Space::new() else { return };
    let run = space.run();
    let inputs = with(job(&space, "runs-on"), json!({ "cleanup": "always" }));
    let mut planned = run.planned("kubernetes/run-job", inputs).await;
    planned.timeout = Span::from_secs(2);
    let report = run.carry_out(planned).await;
    assert_eq!(report.result, StepResult::TimedOut);
    assert!(
        report.summary.contains("is being deleted with its pods"),
        "{}",
        report.summary
    );
    assert!(jobs(&space).is_empty());
}

#[tokio::test]
async fn a_job_that_somebody_deletes_is_not_a_success() {
    let Some(space) = Space::new() else { return };
    let run = space.run();
    let delete = async {
        has_job(&space).await;
        space.kubectl(&["delete", "jobs", "--all"]);
    };
    let step = run.step("kubernetes/run-job", job(&space, "runs-on"));
    let (report, ()) = tokio::join!(step, delete);
    assert!(
        failure(&report).0.contains("was deleted by somebody else"),
        "{}",
        report.summary
    );
}

#[tokio::test]
async fn a_cron_jobs_job_is_run_now() {
    let Some(space) = Space::new() else { return };
    let mut spec = job(&space, "ends")["job"].take();
    spec["template"]["spec"]["containers"][0]["env"] = json!([{ "name": "A", "value": "b" }]);
    space.apply(&json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": { "name": "report" },
        "spec": { "schedule": "0 0 1 1 *", "suspend": true, "jobTemplate": { "spec": spec } }
    }));
    let inputs = json!({ "namespace": space.name, "fromCronJob": "report", "cleanup": "never" });
    let report = space.step("kubernetes/run-job", inputs).await;
    succeeded(&report);
    let name = report.outputs["job"].as_str().unwrap();
    assert!(name.starts_with("report-"), "{name}");
    let made = space.get("job", name);
    assert_eq!(
        made["metadata"]["annotations"]["cronjob.kubernetes.io/instantiate"],
        "manual"
    );
    let gone = json!({ "namespace": space.name, "fromCronJob": "gone" });
    let report = space.step("kubernetes/run-job", gone).await;
    assert!(
        failure(&report).0.contains("cronjob gone in namespace"),
        "{}",
        report.summary
    );
}

#[tokio::test]
async fn who_may_not_make_jobs_runs_none() {
    let Some(space) = Space::new() else { return };
    let rules = json!([{ "apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["get"] }]);
    let run = Run::new(space.world_of(space.somebody("reader", &rules)));
    let report = run.step("kubernetes/run-job", job(&space, "ends")).await;
    let (error, retryable) = failure(&report);
    assert!(
        error.contains("cannot create") && error.contains("hint: grant"),
        "{error}"
    );
    assert!(!retryable);
    // Neither its pods nor their logs are needed, nor is deleting it.
    let rules =
        json!([{ "apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["get", "create"] }]);
    let run = Run::new(space.world_of(space.somebody("runner", &rules)));
    let report = run.step("kubernetes/run-job", job(&space, "ends")).await;
    succeeded(&report);
    assert!(
        report.summary.contains("but could not be deleted"),
        "{}",
        report.summary
    );
}
