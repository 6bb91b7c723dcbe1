//! `host/service` with a real systemd: a manager of its own, in a namespace where it stands for the host's.

#![expect(
    clippy::disallowed_methods,
    reason = "a manager of services, and the namespace that it is seen in"
)]

use crate::steps::{Run, world};
use orderly::{
    actions::framework::World,
    adapters::process::HostProcesses,
    domain::{
        check::CheckStatus,
        run::{StepReport, StepResult},
    },
};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread::sleep,
    time::Duration,
};

const USES: &str = "host/service";
const SYSTEMD: &str = "/usr/lib/systemd/systemd";
/// Names of units, and what they are.
const UNITS: [(&str, &str); 7] = [
    (
        "web.service",
        "[Service]\nExecStart=/bin/sleep 1000\nExecReload=/bin/true\n",
    ),
    (
        "loop.service",
        "[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/sh -c 'sleep 0.3; exit 3'\nRestart=always\nRestartSec=100ms\n",
    ),
    (
        "short.service",
        "[Service]\nExecStart=/bin/sh -c 'sleep 0.3; exit 3'\n",
    ),
    (
        "broken.service",
        "[Service]\nType=oneshot\nExecStart=/bin/false\n",
    ),
    (
        "once.service",
        "[Service]\nType=oneshot\nExecStart=/bin/true\n",
    ),
    (
        "slow.service",
        "[Service]\nType=notify\nExecStart=/bin/sleep 1000\nTimeoutStopSec=1s\n",
    ),
    (
        "other.timer",
        "[Timer]\nOnCalendar=yearly\nUnit=once.service\n",
    ),
];

/// Runs one of the tests below where only it sees the manager.
#[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
fn apart(test: &str) {
    if !Path::new(SYSTEMD).exists() {
        eprintln!("SKIPPED: {SYSTEMD} is not there (Debian package systemd)");
        return;
    }
    let test = format!("services::{test}");
    let output = Command::new("unshare")
        .args(["--mount", "--propagation", "private"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &test, "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let (said, error) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    if error.contains("Operation not permitted") && error.starts_with("unshare") {
        eprintln!("SKIPPED: no namespace can be made here (needs root)");
        return;
    }
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}\n{error}"
    );
}

/// A manager of services that stands for the host's.
struct Systemd {
    folder: tempfile::TempDir,
    manager: Child,
}

impl Systemd {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        let units = home.join(".config/systemd/user");
        fs::create_dir_all(&units).unwrap();
        for (name, text) in UNITS {
            fs::write(units.join(name), text).unwrap();
        }
        std::os::unix::fs::symlink("/dev/null", units.join("masked.service")).unwrap();
        // A manager starts only where systemd is, which this folder says; root's systemctl looks for the host's manager here, too.
        let run = Path::new("/run/systemd");
        fs::create_dir_all(run).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "tmpfs", "/run/systemd"])
            .status();
        assert!(mounted.unwrap().success());
        fs::create_dir(run.join("system")).unwrap();
        let mut manager = Command::new(SYSTEMD)
            .args(["--user", "--log-target=null"])
            .env("XDG_RUNTIME_DIR", folder.path())
            .env("HOME", &home)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let socket = folder.path().join("systemd/private");
        // One that cannot run here ends by itself, or never gets so far.
        for _ in 0..3000 {
            if socket.exists() {
                break;
            }
            let ended = manager.try_wait().unwrap();
            assert!(ended.is_none(), "{SYSTEMD} ended: {ended:?}");
            sleep(Duration::from_millis(20));
        }
        assert!(socket.exists(), "{SYSTEMD} has not started");
        std::os::unix::fs::symlink(&socket, run.join("private")).unwrap();
        Self { folder, manager }
    }

    fn run(&self) -> Run {
        let state: PathBuf = self.folder.path().join("state");
        Run::new(World {
            processes: Arc::new(HostProcesses::open(state.join("work")).unwrap()),
            ..world(&state)
        })
    }
}

impl Drop for Systemd {
    fn drop(&mut self) {
        // It ends its units first.
        let pid = self.manager.id().to_string();
        let _best_effort = Command::new("kill").args(["-TERM", &pid]).status();
        let _best_effort = self.manager.wait();
    }
}

fn quick(what: &str, unit: &str) -> Value {
    json!({ "unit": unit, "do": what, "wait": "10s", "steady": "1s" })
}

fn fine(report: StepReport) -> Value {
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
    report.outputs
}

fn error(report: &StepReport) -> &str {
    match &report.result {
        StepResult::Failed { error, .. } => error,
        other => panic!("{other:?}: {}", report.summary),
    }
}

#[test]
fn a_service_is_started_restarted_reloaded_and_stopped_and_each_is_seen() {
    apart("changed_and_seen");
}

#[tokio::test]
#[ignore = "runs apart"]
async fn changed_and_seen() {
    let systemd = Systemd::start();
    let mut run = systemd.run();
    let looked = run.step(USES, json!({ "unit": "web" })).await;
    assert_eq!(looked.check, Some(CheckStatus::Critical));
    assert!(
        looked.summary.contains("web.service is inactive (dead)"),
        "{}",
        looked.summary
    );

    let started = fine(run.step(USES, quick("start", "web")).await);
    assert_eq!(
        (&started["active"], &started["changed"]),
        (&json!("active"), &json!(true))
    );
    assert_ne!(started["since"], "");
    let again = run.step(USES, quick("start", "web.service")).await;
    assert!(
        again
            .summary
            .starts_with("it was active already: web.service is active (running)"),
        "{}",
        again.summary
    );
    let again = fine(again);
    assert_eq!(
        (&again["mainPid"], &again["changed"]),
        (&started["mainPid"], &json!(false))
    );
    let looked = run.step(USES, json!({ "unit": "web" })).await;
    assert_eq!(looked.check, Some(CheckStatus::Ok));

    let anew = fine(run.step(USES, quick("restart", "web")).await);
    assert_ne!(anew["mainPid"], started["mainPid"]);
    let reloaded = fine(run.step(USES, quick("reload", "web")).await);
    assert_eq!(reloaded["mainPid"], anew["mainPid"]);
    // A later attempt of a step that may have restarted it finds that it has.
    run.again();
    let later = run.step(USES, quick("restart", "web")).await;
    assert!(
        later
            .summary
            .starts_with("it has been started since the run began"),
        "{}",
        later.summary
    );
    assert_eq!(fine(later)["mainPid"], anew["mainPid"]);

    let stopped = fine(run.step(USES, quick("stop", "web")).await);
    assert_eq!(
        (&stopped["active"], &stopped["mainPid"]),
        (&json!("inactive"), &json!(0))
    );
    let stopped = fine(run.step(USES, quick("stop", "web")).await);
    assert_eq!(stopped["changed"], false);

    let once = run.step(USES, quick("start", "once")).await;
    assert!(
        once.summary
            .starts_with("started: once.service is inactive"),
        "{}",
        once.summary
    );
    fine(once);
    let timer = fine(run.step(USES, quick("start", "other.timer")).await);
    assert_eq!(timer["sub"], "waiting");
}

#[test]
fn a_service_that_is_not_as_it_should_be_is_no_success() {
    apart("no_success");
}

#[tokio::test]
#[ignore = "runs apart"]
async fn no_success() {
    let systemd = Systemd::start();
    let run = systemd.run();
    // Each look may find it up: it is another one every time.
    let looping = json!({ "unit": "loop", "do": "start", "wait": "2s", "steady": "1s" });
    let report = run.step(USES, looping).await;
    let why = error(&report);
    assert!(
        why.contains("not steadily as it should be within 2s"),
        "{why}"
    );
    assert!(why.contains("journalctl --unit loop.service"), "{why}");

    let report = run.step(USES, quick("restart", "short")).await;
    let why = error(&report);
    assert!(
        why.contains("short.service is failed (failed), and ended the last time with exit-code"),
        "{why}"
    );

    let report = run.step(USES, quick("start", "broken")).await;
    let why = error(&report);
    assert!(why.contains("`systemctl` exited with 1"), "{why}");
    assert!(why.contains("broken.service is failed"), "{why}");

    let slow = json!({ "unit": "slow", "do": "start", "wait": "1s" });
    let report = run.step(USES, slow.clone()).await;
    let why = error(&report);
    assert!(
        why.contains("systemd has not done it within 1s, and goes on to start slow.service"),
        "{why}"
    );
    let looked = run.step(USES, json!({ "unit": "slow" })).await;
    assert_eq!(
        looked.check,
        Some(CheckStatus::Warning),
        "{}",
        looked.summary
    );
    fine(run.step(USES, quick("stop", "slow")).await);

    let stop = run.stop.clone();
    let stopping = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        stop.cancel();
    };
    let (report, ()) = tokio::join!(run.step(USES, quick("start", "slow")), stopping);
    assert_eq!(report.result, StepResult::Canceled, "{}", report.summary);
    assert!(
        report.summary.contains("goes on to start"),
        "{}",
        report.summary
    );
}

#[test]
fn what_can_only_fail_asks_nobody() {
    apart("only_fails");
}

#[tokio::test]
#[ignore = "runs apart"]
async fn only_fails() {
    let systemd = Systemd::start();
    let run = systemd.run();
    for (what, unit, words) in [
        ("restart", "nope", "systemd knows no unit nope.service"),
        ("stop", "nope", "systemd knows no unit nope.service"),
        ("start", "masked", "masked.service is masked"),
    ] {
        let why = run.plan(USES, quick(what, unit)).await.unwrap_err();
        assert!(why.contains(words), "{what} {unit}: {why}");
        assert!(why.contains("\nhint: "), "{why}");
    }
    let looked = run.step(USES, json!({ "unit": "nope" })).await;
    assert_eq!(
        looked.check,
        Some(CheckStatus::Critical),
        "{}",
        looked.summary
    );
}
