//! What only whole processes and file systems can show: SIGKILL at any moment, a second agent, disks that refuse.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails where it stands"
)]

use crate::small_disk::SmallDisk;
use jiff::Timestamp;
use orderly::{
    domain::{
        audit::Entry,
        id::RunId,
        run::{Cause, RunEvent, RunHeader},
        runbook::Runbook,
    },
    history::{AuditVerdict, History, HistoryError, Options, RunStatus, Write},
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

const CHILD: &str = "ORDERLY_TEST_HISTORY";

fn options(folder: &Path) -> Options {
    Options {
        path: folder.join("history.db"),
        key: b"key".to_vec(),
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_900_000_000 + second).unwrap()
}

fn run() -> RunId {
    RunId::new(at(0), [7; 10])
}

fn first_batch() -> Vec<Write> {
    let runbook: Runbook = serde_json::from_value(json!({
        "name": "crash", "description": "", "overlap": "forbid", "deadline": "10m", "steps": []
    }))
    .unwrap();
    let header = RunHeader {
        id: run(),
        runbook: runbook.name.clone(),
        revision: "c0ffee".to_owned(),
        author: String::new(),
        definition: runbook.digest(),
        cause: Cause::Person {
            subject: "anna".to_owned(),
        },
        inputs: BTreeMap::new(),
        created_at: at(0),
        dry_run: false,
        window_override: None,
    };
    vec![
        Write::Definition {
            digest: runbook.digest(),
            runbook: Arc::new(runbook),
        },
        Write::Run(header),
    ]
}

/// An event and its line in the audit log, in one batch.
fn next_batch(number: u64) -> Vec<Write> {
    let event = RunEvent::CancelRequested {
        by: number.to_string(),
        reason: "x".repeat(300),
    };
    let entry = Entry {
        timestamp: at(1),
        user: "anna".to_owned(),
        action: "run.cancel".to_owned(),
        resource: format!("run/{number}"),
        namespace: String::new(),
        details: json!({ "number": number }),
        success: true,
        error_msg: String::new(),
    };
    vec![
        Write::Event {
            run: run(),
            event,
            at: at(1),
        },
        Write::Audit(entry),
    ]
}

/// Not a test: the process that is killed. It writes for ever, and says each number once it is told that it is written.
#[test]
fn history_writing_child() {
    #[expect(clippy::disallowed_methods, reason = "how the parent says what to do")]
    let Ok(folder) = std::env::var(CHILD) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let history = History::open(options(folder.as_ref())).unwrap();
        let mut number = history.audit_head().await.unwrap().seq;
        if number == 0 {
            history.write(first_batch()).await.unwrap();
        }
        println!("ready");
        loop {
            number += 1;
            history.write(next_batch(number)).await.unwrap();
            println!("written {number}");
        }
    });
}

fn start_child(folder: &Path) -> Child {
    #[expect(
        clippy::disallowed_methods,
        reason = "this test binary once more, to be killed"
    )]
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "history::history_writing_child", "--nocapture"])
        .env(CHILD, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Lets the child write so many, kills it, and says the last number it spoke of.
fn kill_after(mut child: Child, lines: usize) -> Option<u64> {
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let number = |line: String| line.strip_prefix("written ")?.parse::<u64>().ok();
    let mut last = output
        .by_ref()
        .map_while(Result::ok)
        .filter_map(number)
        .take(lines)
        .last();
    child.kill().unwrap();
    child.wait().unwrap();
    // What it said before the signal reached it.
    last = output
        .map_while(Result::ok)
        .filter_map(number)
        .last()
        .or(last);
    last
}

#[tokio::test]
async fn what_was_acknowledged_survives_sigkill_at_any_moment() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    // Uneven numbers of writes, so that the signal comes at different places between two commits and checkpoints.
    for lines in [1, 2, 3, 57, 113, 5, 301, 17, 211, 89] {
        let last = kill_after(start_child(folder.path()), lines);
        acknowledged = last.unwrap_or(acknowledged);
        let history = History::open(options(folder.path())).unwrap();
        let events = history.events(run()).await.unwrap();
        let written = events.len() as u64;
        assert!(
            (acknowledged..=acknowledged + 1).contains(&written),
            "{acknowledged} acknowledged, {written} there"
        );
        let AuditVerdict::Whole { head, .. } = history.verify_audit(None).await.unwrap() else {
            panic!("the audit log is broken")
        };
        assert_eq!(
            head.seq, written,
            "an event and its audit line are one batch"
        );
        let row = history.run(run()).await.unwrap().unwrap();
        assert_eq!(row.events, written);
        assert_eq!(row.status, RunStatus::Queued);
        assert_eq!(history.check().await.unwrap(), [""; 0]);
        acknowledged = written;
    }
    assert!(acknowledged >= 600, "{acknowledged}");
}

#[test]
fn a_second_agent_on_one_history_is_told_who_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = start_child(folder.path());
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(
        output
            .by_ref()
            .map_while(Result::ok)
            .any(|line| line == "ready")
    );
    let refused = History::open(options(folder.path())).unwrap_err();
    let (pid, text) = (child.id().to_string(), refused.to_string());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(matches!(refused, HistoryError::InUse { .. }), "{text}");
    assert!(text.contains(&format!("in use by process {pid}")), "{text}");
    History::open(options(folder.path())).unwrap();
}

#[tokio::test]
async fn a_full_disk_loses_nothing_and_is_got_over() {
    let Some(disk) = SmallDisk::new("size=1m") else {
        return;
    };
    let options = options(disk.path());
    let history = History::open(options.clone()).unwrap();
    history.write(first_batch()).await.unwrap();
    let mut written = 0;
    let error = loop {
        match history.write(next_batch(written + 1)).await {
            Ok(()) => written += 1,
            Err(error) => break error.to_string(),
        }
        assert!(written < 10_000, "the disk is never full");
    };
    assert!(error.contains("hint: free some space"), "{error}");
    assert!(history.health().failing.is_some());
    assert!(disk.remount("size=8m"));
    history.write(next_batch(written + 1)).await.unwrap();
    assert_eq!(history.health().failing, None);
    drop(history);
    let history = History::open(options).unwrap();
    let events = history.events(run()).await.unwrap();
    assert_eq!(events.len() as u64, written + 1);
    let verdict = history.verify_audit(None).await.unwrap();
    assert!(matches!(verdict, AuditVerdict::Whole { head, .. } if head.seq == written + 1));
}

#[tokio::test]
async fn a_disk_that_becomes_read_only_is_named_with_a_way_out() {
    let Some(disk) = SmallDisk::new("size=1m") else {
        return;
    };
    let options = options(disk.path());
    let history = History::open(options.clone()).unwrap();
    history.write(first_batch()).await.unwrap();
    history.close().await.unwrap();
    assert!(disk.remount("ro"));
    let refused = History::open(options.clone()).unwrap_err().to_string();
    assert!(refused.contains("history.db"), "{refused}");
    assert!(
        refused.contains("hint: the folder and the files in it must be writable"),
        "{refused}"
    );
    assert!(disk.remount("rw"));
    let history = History::open(options).unwrap();
    assert!(history.run(run()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_history_of_a_newer_program_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path());
    History::open(options.clone())
        .unwrap()
        .close()
        .await
        .unwrap();
    rusqlite::Connection::open(&options.path)
        .unwrap()
        .execute_batch("PRAGMA user_version = 99")
        .unwrap();
    for refused in [
        History::open(options.clone()).unwrap_err(),
        History::open_read_only(options).unwrap_err(),
    ] {
        assert!(
            matches!(refused, HistoryError::NewerSchema { found: 99, .. }),
            "{refused}"
        );
    }
}
