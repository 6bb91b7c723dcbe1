//! `kubernetes/exec` and `kubernetes/logs`. The fake nodes run programs right here, and every container has said what
//! `tests/cluster/kwok.yaml` says.

use super::{
    plane::{Space, failure},
    postgres::Postgres,
};
use crate::steps::Run;
use orderly::domain::{
    check::CheckStatus,
    run::{StepReport, StepResult},
    span::Span,
};
use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};
use std::{fs, path::Path, time::Duration};

fn exec(space: &Space, command: &[&str]) -> Value {
    json!({ "namespace": space.name, "pod": "tools", "command": command })
}

/// A pod that runs, with these containers.
fn pod(space: &Space, name: &str, containers: &[&str]) {
    let containers: Vec<Value> = containers
        .iter()
        .map(|name| json!({ "name": name, "image": "registry.example.org/tools:1" }))
        .collect();
    space.apply(&json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "labels": { "app": "tools" } },
        "spec": { "containers": containers }
    }));
    space.wait(&format!("pod/{name}"), "condition=Ready");
}

fn with_tools() -> Option<Space> {
    let space = Space::new()?;
    pod(&space, "tools", &["app"]);
    Some(space)
}

fn succeeded(report: &StepReport) {
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
}

async fn appears(path: &Path) {
    while !path.exists() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What an artifact holds.
fn unpacked(artifact: &Value) -> Vec<u8> {
    let path = artifact["path"].as_str().unwrap();
    let bytes = fs::read(path).unwrap();
    let digest = orderly::domain::digest::Digest::of_bytes(&bytes);
    assert_eq!(artifact["sha256"], digest.to_string());
    zstd::decode_all(bytes.as_slice()).unwrap()
}

#[tokio::test]
async fn what_a_program_prints_is_in_the_log_and_where_wanted_in_the_outputs() {
    let Some(space) = with_tools() else { return };
    let run = space.run();
    let mut say = exec(&space, &["sh", "-c", "echo one; echo two >&2; head -n 1"]);
    say["stdin"] = json!("three\n");
    say["capture"] = json!(true);
    let report = run.step("kubernetes/exec", say).await;
    succeeded(&report);
    assert_eq!(report.outputs["stdout"], "one\nthree");
    assert_eq!(report.outputs["container"], "app");
    assert_eq!(report.outputs["exitCode"], 0);
    let heard = run.heard();
    for words in ["in pod", "one\n", "two\n", "three\n"] {
        assert!(heard.contains(words), "{heard}");
    }
}

#[tokio::test]
async fn a_large_input_comes_back_whole() {
    let Some(space) = with_tools() else { return };
    let text: String = (0..20_000).map(|line| format!("line {line}\n")).collect();
    // A fake node does not pass on the end of what it is fed.
    let mut cat = exec(&space, &["head", "-n", "20000"]);
    cat["stdin"] = json!(text);
    cat["artifact"] = json!("echo");
    let report = space.step("kubernetes/exec", cat).await;
    succeeded(&report);
    assert_eq!(unpacked(&report.outputs["artifact"]), text.as_bytes());
}

#[tokio::test]
async fn a_program_that_ends_before_it_took_its_input_is_known_by_how_it_ended() {
    let Some(space) = with_tools() else { return };
    let run = space.run();
    let ended = async |script: &str| {
        let mut inputs = exec(&space, &["sh", "-c", script]);
        inputs["stdin"] = json!("x".repeat(900_000));
        run.step("kubernetes/exec", inputs).await
    };
    for _ in 0..8 {
        succeeded(&ended("head -c 100000 > /dev/null").await);
        let refused = ended("exit 3").await;
        assert!(failure(&refused).0.contains("exit status 3"), "{refused:?}");
    }
}

#[tokio::test]
async fn a_database_is_dumped_through_a_pod_and_can_be_restored() {
    let (Some(space), Some(postgres)) = (with_tools(), Postgres::start()) else {
        return;
    };
    postgres.query(
        "create table orders as select n, repeat('x', 100) as note from generate_series(1, 5000) n",
    );
    let (dump, host) = (
        postgres.program("pg_dump"),
        postgres.socket().display().to_string(),
    );
    let words = [dump.as_str(), "-h", &host, "-U", "admin", "-Fc", "postgres"];
    let mut inputs = exec(&space, &words);
    inputs["artifact"] = json!("orders");
    inputs["extension"] = json!("dump");
    let run = space.run();
    let report = run.step("kubernetes/exec", inputs).await;
    succeeded(&report);
    let artifact = &report.outputs["artifact"];
    assert_eq!(artifact["kind"], "stream");
    assert!(
        artifact["path"].as_str().unwrap().ends_with(".dump.zst"),
        "{artifact}"
    );
    let verify = run
        .step("backup/verify", json!({ "artifact": artifact }))
        .await;
    succeeded(&verify);

    let file = postgres.socket().join("orders.dump");
    fs::write(&file, unpacked(artifact)).unwrap();
    let file = file.to_str().unwrap();
    let listed = postgres.run("pg_restore", &["--list", file]);
    assert!(listed.contains("TABLE DATA public orders"), "{listed}");
    postgres.query("create database again");
    postgres.run(
        "pg_restore",
        &["-h", &host, "-U", "admin", "-d", "again", file],
    );
    let count = [
        "-h",
        &host,
        "-U",
        "admin",
        "-d",
        "again",
        "-qtAc",
        "select count(*) from orders",
    ];
    assert_eq!(postgres.run("psql", &count).trim(), "5000");
}

#[tokio::test]
async fn a_program_that_dies_half_way_leaves_no_artifact() {
    let Some(space) = with_tools() else { return };
    let mut dies = exec(
        &space,
        &[
            "sh",
            "-c",
            "seq 100000; echo first >&2; echo no route to host >&2; exit 3",
        ],
    );
    dies["artifact"] = json!("half");
    let report = space.step("kubernetes/exec", dies).await;
    // A fake node has no word for exit codes.
    let (error, _) = failure(&report);
    assert!(
        error.contains("exit status 3: first; no route to host"),
        "{error}"
    );
    assert!(space.artifacts().is_empty());
}

#[tokio::test]
async fn an_artifact_of_nothing_is_a_failure_unless_that_is_well() {
    let Some(space) = with_tools() else { return };
    let mut nothing = exec(&space, &["true"]);
    nothing["artifact"] = json!("nothing");
    let report = space.step("kubernetes/exec", nothing.clone()).await;
    let (error, _) = failure(&report);
    assert!(
        error.contains("printed nothing") && error.contains("allowEmpty"),
        "{error}"
    );
    assert!(space.artifacts().is_empty());
    nothing["allowEmpty"] = json!(true);
    let report = space.step("kubernetes/exec", nothing).await;
    succeeded(&report);
    assert_eq!(report.outputs["artifact"]["rawSize"], 0);
}

#[tokio::test]
async fn an_artifact_holds_no_more_than_it_may() {
    let Some(space) = with_tools() else { return };
    let mut endless = exec(&space, &["yes"]);
    endless["artifact"] = json!("endless");
    endless["atMost"] = json!("1MiB");
    let report = space.step("kubernetes/exec", endless).await;
    let (error, retryable) = failure(&report);
    assert!(error.contains("more than 1048576 bytes came"), "{error}");
    assert!(!retryable);
    assert!(space.artifacts().is_empty());
}

/// The memory of this process, which other tests share.
fn resident_mib() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = pages.split(' ').nth(1).unwrap().parse().unwrap();
    (pages * 4096) >> 20
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_stream_takes_little_memory() {
    let Some(space) = with_tools() else { return };
    let mut long = exec(
        &space,
        &["sh", "-c", "yes 0123456789abcdef | head -c 209715200"],
    );
    long["artifact"] = json!("long");
    let (before, run) = (resident_mib(), space.run());
    let mut most = before;
    let mut step = std::pin::pin!(run.step("kubernetes/exec", long));
    let report = loop {
        tokio::select! {
            report = &mut step => break report,
            () = tokio::time::sleep(Duration::from_millis(20)) => most = most.max(resident_mib()),
        }
    };
    succeeded(&report);
    assert_eq!(report.outputs["artifact"]["rawSize"], 209_715_200);
    assert!(most - before < 100, "{before} MiB became {most} MiB");
}

#[tokio::test]
async fn a_step_that_is_stopped_or_takes_too_long_says_that_the_program_may_run_on() {
    let Some(space) = with_tools() else { return };
    let sleep = |name: &str| {
        let mark = space.path(name);
        let script = format!("echo begun; touch {}; sleep 20", mark.display());
        let mut inputs = exec(&space, &["sh", "-c", &script]);
        inputs["artifact"] = json!("half");
        (inputs, mark)
    };
    let (run, (inputs, mark)) = (space.run(), sleep("stopped"));
    let stop = async {
        appears(&mark).await;
        run.stop.cancel();
    };
    let (report, ()) = tokio::join!(run.step("kubernetes/exec", inputs), stop);
    assert_eq!(report.result, StepResult::Canceled);
    assert!(
        report.summary.contains("it may still run there"),
        "{}",
        report.summary
    );

    let (run, (inputs, _)) = (space.run(), sleep("late"));
    let mut planned = run.planned("kubernetes/exec", inputs).await;
    planned.timeout = Span::from_secs(2);
    let report = run.carry_out(planned).await;
    assert_eq!(report.result, StepResult::TimedOut);
    assert!(
        report.summary.contains("it may still run there"),
        "{}",
        report.summary
    );
    assert!(space.artifacts().is_empty());
}

#[tokio::test]
async fn a_connection_that_is_lost_is_never_a_success() {
    let Some(space) = Space::alone() else { return };
    pod(&space, "tools", &["app"]);
    let mark = space.path("begun");
    let script = format!("seq 1000; touch {}; sleep 20", mark.display());
    let mut inputs = exec(&space, &["sh", "-c", &script]);
    inputs["artifact"] = json!("half");
    let run = space.run();
    let kill = async {
        appears(&mark).await;
        kill_process(space.plane().process("kube-apiserver"), Signal::KILL).unwrap();
    };
    let (report, ()) = tokio::join!(run.step("kubernetes/exec", inputs), kill);
    let (error, retryable) = failure(&report);
    assert!(error.contains("did not answer"), "{error}");
    assert!(retryable);
    assert!(space.artifacts().is_empty());
}

#[tokio::test]
async fn the_first_ready_pod_of_a_workload_is_chosen_and_named() {
    let Some(space) = Space::new() else { return };
    space.workload("StatefulSet", "db", 2);
    let mut inputs =
        json!({ "namespace": space.name, "object": "statefulset/db", "command": ["true"] });
    let report = space.step("kubernetes/exec", inputs.clone()).await;
    succeeded(&report);
    assert_eq!(report.outputs["pod"], "db-0");
    inputs["object"] = Value::Null;
    inputs["selector"] = json!("app=db");
    let report = space.step("kubernetes/exec", inputs.clone()).await;
    let (error, _) = failure(&report);
    assert!(
        error.contains("are 2: db-0, db-1") && error.contains("any: true"),
        "{error}"
    );
    inputs["any"] = json!(true);
    succeeded(&space.step("kubernetes/exec", inputs).await);
}

#[tokio::test]
async fn without_a_ready_pod_or_a_sure_container_nothing_is_run() {
    let Some(space) = Space::new() else { return };
    space.deployment("web", 1, "never-ready");
    space.wait("deployment/web", "jsonpath={.status.unavailableReplicas}=1");
    pod(&space, "two", &["app", "proxy"]);
    for (named, words) in [
        (
            json!({ "object": "deployment/web" }),
            "none of the pods of deployment",
        ),
        (
            json!({ "selector": "app=gone" }),
            "none of the pods app=gone",
        ),
        (json!({ "pod": "gone" }), "pod gone in namespace"),
        (
            json!({ "pod": "two" }),
            "name one with `container`: app, proxy",
        ),
        (
            json!({ "pod": "two", "container": "db" }),
            "no container `db`",
        ),
    ] {
        let mut inputs = named;
        inputs["namespace"] = json!(space.name);
        inputs["command"] = json!(["true"]);
        let report = space.step("kubernetes/exec", inputs).await;
        let (error, _) = failure(&report);
        assert!(error.contains(words), "{error}");
    }
}

#[tokio::test]
async fn who_may_only_see_pods_runs_nothing_in_them_and_does_not_hear_them() {
    let Some(space) = with_tools() else { return };
    let rules = json!([{ "apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"] }]);
    let run = Run::new(space.world_of(space.somebody("reader", &rules)));
    let report = run.step("kubernetes/exec", exec(&space, &["true"])).await;
    let (error, retryable) = failure(&report);
    assert!(
        error.contains("pods/exec") && error.contains("hint: grant"),
        "{error}"
    );
    assert!(!retryable);
    let logs = json!({ "namespace": space.name, "pod": "tools" });
    let report = run.step("kubernetes/logs", logs).await;
    let (error, _) = failure(&report);
    assert!(error.contains("pods/log"), "{error}");
}

#[tokio::test]
async fn a_program_that_changes_something_is_not_run_dry() {
    let Some(space) = with_tools() else { return };
    let mark = space.path("touched");
    let inputs = exec(&space, &["touch", mark.to_str().unwrap()]);
    let report = Run::dry(space.world())
        .step("kubernetes/exec", inputs)
        .await;
    succeeded(&report);
    assert!(report.summary.starts_with("would "), "{}", report.summary);
    assert!(!mark.exists());
}

#[tokio::test]
async fn logs_of_several_containers_are_told_apart() {
    let Some(space) = Space::new() else { return };
    pod(&space, "one", &["talks"]);
    pod(&space, "two", &["talks", "app"]);
    let run = space.run();
    let all = json!({ "namespace": space.name, "selector": "app=tools", "allContainers": true });
    let report = run.step("kubernetes/logs", all).await;
    succeeded(&report);
    assert_eq!(report.check, None);
    assert_eq!(report.outputs["pods"], json!(["one", "two"]));
    assert_eq!(
        (&report.outputs["containers"], &report.outputs["lines"]),
        (&json!(3), &json!(9))
    );
    let heard = run.heard();
    for line in [
        "one/talks: listening on 8080\n",
        "two/talks: served 3 requests\n",
        "two/app: hello",
    ] {
        assert!(heard.contains(line), "{heard}");
    }
    let run = space.run();
    let tail = json!({ "namespace": space.name, "pod": "one", "tail": 2 });
    let report = run.step("kubernetes/logs", tail).await;
    assert_eq!(report.outputs["lines"], 2, "{}", report.summary);
    assert_eq!(run.heard(), "ERROR: no room\nserved 3 requests\n");
}

#[tokio::test]
async fn a_forbidden_line_is_critical_and_an_expected_one_must_be_there() {
    let Some(space) = Space::new() else { return };
    pod(&space, "one", &["talks"]);
    let logs = |patterns: Value| {
        let mut inputs = patterns;
        inputs["namespace"] = json!(space.name);
        inputs["pod"] = json!("one");
        inputs
    };
    let fine = logs(json!({ "expect": ["^listening on \\d+$"], "forbid": ["panic"] }));
    let report = space.step("kubernetes/logs", fine).await;
    assert_eq!(report.check, Some(CheckStatus::Ok), "{}", report.summary);
    assert_eq!(report.outputs["expected"][0]["count"], 1);
    let bad = logs(json!({ "expect": ["ready"], "forbid": ["^ERROR"], "artifact": "one" }));
    let report = space.step("kubernetes/logs", bad).await;
    assert_eq!(report.check, Some(CheckStatus::Critical));
    let words =
        "2 lines match `^ERROR`: ERROR: disk is full | ERROR: no room; no line matches `ready`";
    assert!(report.summary.contains(words), "{}", report.summary);
    assert_eq!(report.outputs["forbidden"][0]["lines"][1], "ERROR: no room");
    let kept = unpacked(&report.outputs["artifact"]);
    assert!(kept.starts_with(b"listening on 8080\nERROR"), "{kept:?}");
}

#[tokio::test]
async fn logs_are_kept_as_an_artifact_that_can_be_verified() {
    let Some(space) = Space::new() else { return };
    space.available("web", 2);
    let run = space.run();
    let logs = json!({ "namespace": space.name, "object": "deployment/web", "artifact": "web" });
    let report = run.step("kubernetes/logs", logs).await;
    succeeded(&report);
    let artifact = &report.outputs["artifact"];
    assert_eq!(artifact["kind"], "logs");
    let text = String::from_utf8(unpacked(artifact)).unwrap();
    assert_eq!(text.lines().count(), 2);
    assert!(
        text.lines()
            .all(|line| line.ends_with("/app: hello from a fake container")),
        "{text}"
    );
    assert_eq!(run.heard(), "");
    let expect = json!({ "artifact": artifact, "expect": { "minBytes": 10 } });
    succeeded(&run.step("backup/verify", expect).await);
    let bytes = fs::read(artifact["path"].as_str().unwrap()).unwrap();
    fs::write(
        artifact["path"].as_str().unwrap(),
        &bytes[..bytes.len() - 1],
    )
    .unwrap();
    let report = run
        .step("backup/verify", json!({ "artifact": artifact }))
        .await;
    assert!(
        failure(&report).0.contains("was recorded"),
        "{}",
        report.summary
    );
}

#[tokio::test]
async fn where_nothing_was_said_there_are_no_logs() {
    let Some(space) = with_tools() else { return };
    for (named, words) in [
        (
            json!({ "selector": "app=gone" }),
            "there are none, so there are no logs",
        ),
        (json!({ "pod": "gone" }), "pod gone in namespace"),
        (json!({ "pod": "tools", "previous": true }), "tools"),
    ] {
        let mut inputs = named;
        inputs["namespace"] = json!(space.name);
        let report = space.step("kubernetes/logs", inputs).await;
        assert!(failure(&report).0.contains(words), "{}", report.summary);
    }
}
