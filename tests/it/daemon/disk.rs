//! A state folder that cannot be written: the agent says so, touches nothing, and goes on when it can.

#![expect(
    clippy::disallowed_methods,
    reason = "a file system of our own, to fill up"
)]

use super::harness::{Place, runbook, until};
use crate::{servers, small_disk::SmallDisk};
use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Command, Stdio},
};

#[test]
fn on_a_full_disk_nothing_is_touched_until_there_is_space_again() {
    let Some(disk) = SmallDisk::new("size=24m") else {
        return;
    };
    let server = servers::http(|_, out| {
        out.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .unwrap();
        false
    });
    let place = Place::with_state(disk.path().join("state"));
    let steps = format!(
        "[{{ name: look, uses: http/check, with: {{ url: '{}' }} }}]",
        server.url("/")
    );
    place.commit(&[runbook("look", "[{ every: 1s }]", &steps)]);
    let agent = place.start(&[]);
    agent.run_ended("look", "succeeded");
    until("a history that cannot be written", || {
        disk.fill("filler");
        (agent.get("/readyz").status == 503).then_some(())
    });
    let history = agent.dependency("history");
    assert_eq!(history["ok"], false);
    assert!(
        history["detail"]
            .as_str()
            .unwrap()
            .contains("free some space"),
        "{history}"
    );
    assert_eq!(agent.get("/healthz").status, 200);
    let refused = agent.post("/api/v1/runbooks/look/runs", &serde_json::json!({}));
    assert_eq!(refused.status, 503, "{}", refused.body);
    let refused = refused.json();
    let detail = refused["detail"].as_str().unwrap();
    let database = disk.path().join("state/history.db");
    let begins = format!(
        "a new run could not be recorded, and until it can nothing more is touched: writing to the history {}: ",
        database.display()
    );
    assert!(detail.starts_with(&begins), "{detail}");
    assert!(detail.ends_with("full"), "{detail}");
    assert_eq!(refused["hint"], "free some space on that file system");
    assert!(agent.errors().contains("ERROR"), "{}", agent.errors());
    let failures = || agent.metric("orderly_history_commit_failures_total", "");
    let (touched, failed) = (server.heads().len(), failures());
    until("more failures", || {
        (failures() >= failed + 2.0).then_some(())
    });
    assert_eq!(server.heads().len(), touched);
    assert_eq!(agent.get("/readyz").status, 503);
    fs::remove_file(disk.path().join("filler")).unwrap();
    until("readiness", || {
        (agent.get("/readyz").status == 200).then_some(())
    });
    until("the world being touched again", || {
        (server.heads().len() > touched).then_some(())
    });
    assert_eq!(agent.read("/api/v1/audit/verify")["ok"], true);
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn a_state_folder_that_cannot_be_written_is_refused_with_a_hint() {
    let Some(disk) = SmallDisk::new("size=24m") else {
        return;
    };
    let place = Place::with_state(disk.path().join("state"));
    place.commit(&[runbook(
        "rest",
        "[]",
        "[{ name: nap, uses: sleep, with: { duration: 1s } }]",
    )]);
    assert_eq!(place.start(&[]).stop(), Some(0));
    assert!(disk.remount("ro"));
    let (code, said) = place.refused(&[]);
    assert!(code.is_some_and(|code| code != 0), "{code:?}");
    assert!(
        said.contains("hint:") && said.contains("writable"),
        "{said}"
    );
    assert!(disk.remount("rw"));
    assert_eq!(place.start(&[]).stop(), Some(0));
}

/// A file system in a file, which can fail as a broken disk does: the kernel makes it read-only while it is in use.
struct BrittleDisk {
    folder: tempfile::TempDir,
}

impl BrittleDisk {
    fn new() -> Option<Self> {
        let disk = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        fs::create_dir(disk.root()).unwrap();
        let image = disk.folder.path().join("image");
        File::create(&image).unwrap().set_len(64 << 20).unwrap();
        let is_there = disk.run("mkfs.ext4", &["-q", "-F", image.to_str().unwrap()])
            && disk.mount(&["-o", "loop", image.to_str().unwrap()]);
        is_there.then_some(disk)
    }
    fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }
    fn fail(&self) {
        assert!(self.mount(&["-o", "remount,abort"]));
    }
    fn mount(&self, arguments: &[&str]) -> bool {
        let root = self.root();
        self.run("mount", &[arguments, &[root.to_str().unwrap()]].concat())
    }
    fn run(&self, program: &str, arguments: &[&str]) -> bool {
        let status = Command::new(program)
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        status.is_ok_and(|status| status.success())
    }
}

impl Drop for BrittleDisk {
    fn drop(&mut self) {
        let root = self.root();
        self.run("umount", &["-l", root.to_str().unwrap()]);
    }
}

#[test]
fn a_history_that_becomes_read_only_lets_nothing_more_be_touched_and_health_says_so() {
    let Some(disk) = BrittleDisk::new() else {
        eprintln!("SKIPPED: cannot mount an ext4 file system here (needs root and a loop device)");
        return;
    };
    let server = servers::http(servers::fixed("200 OK", "connection: close\r\n", ""));
    let place = Place::with_state(disk.root().join("state"));
    let steps = format!(
        "[{{ name: look, uses: http/check, with: {{ url: '{}' }} }}]",
        server.url("/")
    );
    place.commit(&[runbook("look", "[{ every: 1s }]", &steps)]);
    let agent = place.start(&[]);
    agent.run_ended("look", "succeeded");
    disk.fail();
    until("a history that cannot be written", || {
        (agent.get("/readyz").status == 503).then_some(())
    });
    let failures = || agent.metric("orderly_history_commit_failures_total", "");
    let (touched, failed) = (server.heads().len(), failures());
    until("more failures", || {
        (failures() >= failed + 2.0).then_some(())
    });
    assert_eq!(server.heads().len(), touched);
    let history = agent.dependency("history");
    assert_eq!(history["ok"], false);
    assert!(
        history["detail"].as_str().unwrap().contains("hint:"),
        "{history}"
    );
    assert_eq!(agent.get("/health").json()["status"], "unready");
    assert_eq!(agent.get("/healthz").status, 200);
    let refused = agent.post("/api/v1/runbooks/look/runs", &serde_json::json!({}));
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert_eq!(server.heads().len(), touched);
    assert_eq!(agent.stop(), Some(1), "what it knew last could not be kept");
}

#[test]
fn doctor_says_of_a_read_only_state_folder_what_it_cannot_know() {
    let Some(disk) = SmallDisk::new("size=24m") else {
        return;
    };
    let place = Place::with_state(disk.path().join("state"));
    place.commit(&[super::harness::resting("a")]);
    let agent = place.start(&[]);
    let halted = place.cli(&agent, &["halt"]);
    assert!(halted.status.success());
    assert_eq!(agent.stop(), Some(0));
    assert!(disk.remount("ro"));
    let told = place.offline(&["doctor"]);
    let said = super::harness::text(&told.stdout);
    assert_eq!(told.status.code(), Some(1), "{said}");
    for part in [
        "Read-only file system",
        "history.db cannot be looked into",
        "whether they are halted is not known",
        "when the agent was last alive cannot be read",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
}
