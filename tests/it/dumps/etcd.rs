//! `backup/etcd`, and what verifies and restores what it makes, on a real etcd.

#![expect(
    clippy::disallowed_methods,
    reason = "the server is a process of its own"
)]

use super::{Desk, failure, succeeded};
use orderly::domain::{effect::Class, name::ActionName, run::StepResult};
use serde_json::{Value, json};
use std::{
    env, fs,
    io::Write as _,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// An etcd of a test's own.
struct Etcd {
    folder: TempDir,
    programs: Vec<PathBuf>,
    port: u16,
    child: Child,
}

impl Drop for Etcd {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Etcd {
    /// Nothing where it cannot be had, which is said aloud.
    fn start() -> Option<Self> {
        let programs = programs()?;
        let folder = tempfile::tempdir().unwrap();
        let [port, peers] = free_ports();
        let child = serve(&programs, &folder.path().join("data"), port, peers);
        let etcd = Self {
            folder,
            programs,
            port,
            child,
        };
        etcd.ctl(&[
            "endpoint",
            "health",
            "--dial-timeout=20s",
            "--command-timeout=20s",
        ]);
        for number in 0..50 {
            etcd.ctl(&["put", &format!("/registry/secrets/{number}"), "value"]);
        }
        Some(etcd)
    }

    fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn ctl(&self, words: &[&str]) -> String {
        let done = Command::new(program(&self.programs, "etcdctl"))
            .args(["--endpoints", &self.endpoint()])
            .args(words)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "etcdctl {words:?}: {errors}");
        String::from_utf8(done.stdout).unwrap()
    }

    fn desk(&self) -> Desk {
        let of = |name: &str| program(&self.programs, name);
        Desk::new()
            .with_program("etcdctl", &of("etcdctl"))
            .with_program("etcdutl", &of("etcdutl"))
    }

    fn snapshot(&self) -> Value {
        json!({ "name": "etcd", "etcdctl": { "endpoints": [self.endpoint()] } })
    }
}

fn serve(programs: &[PathBuf], data: &Path, port: u16, peers: u16) -> Child {
    let at = |port: u16| format!("http://127.0.0.1:{port}");
    Command::new(program(programs, "etcd"))
        .arg("--data-dir")
        .arg(data)
        .args(["--listen-client-urls", &at(port)])
        .args(["--advertise-client-urls", &at(port)])
        .args(["--listen-peer-urls", &at(peers)])
        .args(["--initial-advertise-peer-urls", &at(peers)])
        .arg(format!("--initial-cluster=default={}", at(peers)))
        .args(["--unsafe-no-fsync", "--log-level=error"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Two that are free now.
fn free_ports() -> [u16; 2] {
    let listen = || TcpListener::bind("127.0.0.1:0").unwrap();
    let held = [listen(), listen()];
    held.map(|listener| listener.local_addr().unwrap().port())
}

fn program(programs: &[PathBuf], name: &str) -> PathBuf {
    let mut found = programs.iter().map(|folder| folder.join(name));
    found.find(|path| path.is_file()).unwrap()
}

/// The folders of the test cluster's programs.
fn programs() -> Option<Vec<PathBuf>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/programs");
    let done = Command::new(script)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    if done.status.success() {
        let text = String::from_utf8(done.stdout).unwrap();
        return Some(text.trim().split(':').map(PathBuf::from).collect());
    }
    let aloud = b"!! LEFT OUT: the tests on an etcd, which cannot be had here\n";
    std::io::stderr().write_all(aloud).unwrap();
    assert!(env::var("ORDERLY_CI").is_err(), "no etcd");
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_kept_encrypted_verified_and_restored_beside() {
    let Some(etcd) = Etcd::start() else { return };
    let desk = etcd.desk();
    let run = desk.run();
    let mut inputs = etcd.snapshot();
    // The first member does not answer.
    let away = format!("http://127.0.0.1:{}", free_ports()[0]);
    inputs["etcdctl"]["endpoints"] = json!([away, etcd.endpoint()]);
    let report = succeeded(run.step("backup/etcd", inputs).await);
    let artifact = &report.outputs["artifact"];
    assert_eq!(artifact["kind"], "etcd");
    assert_eq!(artifact["encrypted"], true);
    let path = artifact["path"].as_str().unwrap();
    assert!(path.ends_with(".etcd.zst.age"), "{path}");

    let verify = json!({ "artifact": artifact, "expect": { "minEntries": 50 } });
    let verified = succeeded(run.step("backup/verify", verify).await);
    let verified = &verified.outputs["verified"];
    assert!(
        verified["content"]["keys"].as_u64().unwrap() >= 50,
        "{verified}"
    );
    assert!(
        verified["content"]["revision"].as_u64().unwrap() >= 51,
        "{verified}"
    );
    assert_eq!(desk.left().len(), 1, "{:?}", desk.left());

    let to = etcd.folder.path().join("again");
    let [port, peers] = free_ports();
    let member = json!({
        "initialCluster": format!("default=http://127.0.0.1:{peers}"), "peerAddress": format!("http://127.0.0.1:{peers}")
    });
    let restore = json!({ "artifact": artifact, "to": to, "member": member });
    let uses = ActionName::new("backup/restore").unwrap();
    let intent = run.intent(&uses, &restore).await.unwrap();
    let question = intent.wants_approval.unwrap().message;
    assert!(question.ends_with("where nothing is yet?"), "{question}");
    // The folder above it must be there: nobody is asked, and none is made.
    let mut deep = restore.clone();
    deep["to"] = json!(etcd.folder.path().join("deep/again"));
    let why = run.plan("backup/restore", deep).await.unwrap_err();
    assert!(why.contains("hint: make the folder first"), "{why}");
    assert!(!etcd.folder.path().join("deep").exists());
    let planned = run.planned("backup/restore", restore.clone()).await;
    assert_eq!(planned.effects.class(), Class::Change);
    let restored = succeeded(run.step("backup/restore", restore.clone()).await);
    assert!(
        restored.summary.contains("Left for a person"),
        "{}",
        restored.summary
    );
    let mut again = Etcd {
        folder: tempfile::tempdir().unwrap(),
        programs: etcd.programs.clone(),
        port,
        child: serve(&etcd.programs, &to, port, peers),
    };
    again.ctl(&[
        "endpoint",
        "health",
        "--dial-timeout=20s",
        "--command-timeout=20s",
    ]);
    let value = again.ctl(&["get", "/registry/secrets/49", "--print-value-only"]);
    assert_eq!(value.trim(), "value");
    again.child.kill().unwrap();

    // Never over one that is there.
    let why = run.plan("backup/restore", restore).await.unwrap_err();
    assert!(why.contains("is there and not empty"), "{why}");
    assert!(
        why.contains("\nhint: name one that is not there yet"),
        "{why}"
    );
    // Nor over what came after people were asked.
    let late = etcd.folder.path().join("late");
    let restore = json!({ "artifact": artifact, "to": late });
    let planned = run.planned("backup/restore", restore).await;
    fs::create_dir(&late).unwrap();
    fs::write(late.join("mine"), "precious").unwrap();
    let report = run.carry_out(planned).await;
    let (error, _) = failure(&report);
    assert!(error.contains("is there and not empty"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_is_cut_or_changed_is_found_by_its_trial() {
    let Some(etcd) = Etcd::start() else { return };
    let etcdctl = program(&etcd.programs, "etcdctl");
    let etcdctl = etcdctl.display();
    for (what, harm) in [
        (
            "cut",
            "size=$(stat -c %s snapshot.db); truncate -s $((size / 2)) snapshot.db",
        ),
        (
            "changed",
            "printf X | dd of=snapshot.db bs=1 seek=20000 conv=notrunc status=none",
        ),
    ] {
        let text = format!("{etcdctl} \"$@\" || exit; case \"$*\" in *save*) {harm};; esac");
        let desk = etcd.desk().with_script("etcdctl", &text);
        let run = desk.run();
        let report = succeeded(run.step("backup/etcd", etcd.snapshot()).await);
        let verify = json!({ "artifact": report.outputs["artifact"] });
        let verified = run.step("backup/verify", verify).await;
        let (error, retryable) = failure(&verified);
        assert!(error.contains("etcdutl"), "{what}: {error}");
        assert!(!retryable);
        assert!(verified.outputs["unsound"].is_object(), "{what}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_fails_half_way_or_is_empty_leaves_nothing() {
    for (text, words) in [
        ("echo half > snapshot.db.part; exit 1", "exited with 1"),
        (": > snapshot.db", "it is empty"),
        ("exit 0", "no file is in it"),
        ("echo a > a; echo b > b", "several files"),
    ] {
        let desk = Desk::new().with_script("etcdctl", text);
        let inputs = json!({ "name": "etcd", "etcdctl": { "endpoints": ["http://127.0.0.1:1"] } });
        let report = desk.run().step("backup/etcd", inputs.clone()).await;
        let (error, _) = failure(&report);
        assert!(error.contains(words), "{error}");
        assert!(desk.left().is_empty(), "{:?}", desk.left());
        let report = desk.run_for_nobody().step("backup/etcd", inputs).await;
        assert!(failure(&report).0.contains("artifacts.recipients"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_the_snapshot_and_leaves_nothing() {
    let desk = Desk::new().with_script("etcdctl", "echo half > snapshot.db.part; exec sleep 600");
    let run = desk.run();
    let inputs = json!({ "name": "etcd", "etcdctl": { "endpoints": ["http://127.0.0.1:1"] } });
    let stopping = async {
        while !desk
            .left()
            .iter()
            .any(|file| file.contains("snapshot.db.part"))
        {
            tokio::task::yield_now().await;
        }
        run.stop.cancel();
    };
    let (report, ()) = tokio::join!(run.step("backup/etcd", inputs), stopping);
    assert_eq!(report.result, StepResult::Canceled, "{}", report.summary);
    assert!(desk.left().is_empty(), "{:?}", desk.left());
}

/// k3s names the file after the node and the time; the rest is as with etcdctl.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_k3s_is_kept_under_the_artifacts_own_name() {
    let Some(etcd) = Etcd::start() else { return };
    let etcdctl = program(&etcd.programs, "etcdctl");
    let text = format!(
        "[ \"$1 $2 $3 $4 $5\" = 'etcd-snapshot save --name orderly --etcd-snapshot-dir' ] || exit 9
         exec {} --endpoints {} snapshot save \"$6/orderly-node-1700000000\"",
        etcdctl.display(),
        etcd.endpoint()
    );
    let desk = etcd.desk().with_script("k3s", &text);
    let run = desk.run();
    let report = succeeded(
        run.step("backup/etcd", json!({ "name": "k3s", "k3s": {} }))
            .await,
    );
    let verify = json!({ "artifact": report.outputs["artifact"] });
    succeeded(run.step("backup/verify", verify).await);
    assert!(fs::exists(report.outputs["artifact"]["path"].as_str().unwrap()).unwrap());
}
