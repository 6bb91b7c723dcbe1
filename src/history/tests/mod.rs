//! Claims about the history as a whole, and what they are made from.

mod approvals;
mod audit;
mod records;
mod runs;
mod spending;
mod upkeep;
mod writing;

use crate::{
    domain::{
        audit::Entry,
        digest::Digest,
        id::{ApprovalId, ArtifactId, RunId},
        name::RunbookName,
        occurrence::Occurrence,
        run::{Cause, RunEvent, RunHeader, StepKey},
        runbook::{Phase, Runbook},
    },
    history::{History, Options, Write},
};
use jiff::Timestamp;
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc};

/// Seconds after some start.
pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_900_000_000 + second).unwrap()
}

fn entropy(number: u64) -> [u8; 10] {
    let mut bytes = [0; 10];
    bytes[2..].copy_from_slice(&number.to_be_bytes());
    bytes
}

pub(super) fn run_id(number: u64) -> RunId {
    RunId::new(at(i64::try_from(number).unwrap()), entropy(number))
}

pub(super) fn approval_id(number: u64) -> ApprovalId {
    ApprovalId::new(at(i64::try_from(number).unwrap()), entropy(number))
}

pub(super) fn artifact_id(number: u64) -> ArtifactId {
    ArtifactId::new(at(i64::try_from(number).unwrap()), entropy(number))
}

pub(super) fn name(text: &str) -> RunbookName {
    RunbookName::new(text).unwrap()
}

pub(super) fn runbook(text: &str) -> Runbook {
    serde_json::from_value(json!({
        "name": text, "description": "d", "overlap": "forbid", "deadline": "10m", "steps": [{
            "name": "one", "uses": "sleep", "with": { "for": "1s" }, "timeout": "1m",
            "retry": { "attempts": 1, "initial": "2s", "factor": 2.0, "max": "1m" }
        }]
    }))
    .unwrap()
}

pub(super) fn header(number: u64, text: &str) -> RunHeader {
    RunHeader {
        id: run_id(number),
        runbook: name(text),
        revision: "c0ffee".to_owned(),
        author: "A <a@example.org>".to_owned(),
        definition: runbook(text).digest(),
        cause: Cause::Schedule {
            occurrence: occurrence(text, i64::try_from(number).unwrap()),
        },
        inputs: BTreeMap::from([("namespace".to_owned(), json!("default"))]),
        created_at: at(i64::try_from(number).unwrap()),
        dry_run: false,
        window_override: None,
    }
}

pub(super) fn occurrence(text: &str, second: i64) -> Occurrence {
    Occurrence {
        runbook: name(text),
        trigger: "schedule * * * * * UTC".to_owned(),
        nominal: at(second),
    }
}

/// A run and what must come before it.
pub(super) fn queued(number: u64, text: &str) -> Vec<Write> {
    let runbook = Arc::new(runbook(text));
    vec![
        Write::Definition {
            digest: runbook.digest(),
            runbook,
        },
        Write::Run(header(number, text)),
    ]
}

pub(super) fn event(number: u64, event: RunEvent, second: i64) -> Write {
    Write::Event {
        run: run_id(number),
        event,
        at: at(second),
    }
}

pub(super) fn key(step: &str) -> StepKey {
    StepKey {
        phase: Phase::Main,
        step: step.parse().unwrap(),
    }
}

pub(super) fn digest(text: &str) -> Digest {
    Digest::of_bytes(text.as_bytes())
}

pub(super) fn entry(number: i64) -> Entry {
    Entry {
        timestamp: at(number),
        user: if number % 2 == 0 { "schedule" } else { "anna" }.to_owned(),
        action: if number % 3 == 0 {
            "approval.voted"
        } else {
            "step.started"
        }
        .to_owned(),
        resource: format!("run/{number}"),
        namespace: "default".to_owned(),
        details: json!({ "b": 0.1 + 0.2, "a": [number, "ä"] }),
        success: number % 5 != 0,
        error_msg: String::new(),
    }
}

/// A history on disk, to be opened more than once.
pub(super) struct OnDisk {
    pub(super) folder: tempfile::TempDir,
}

impl OnDisk {
    pub(super) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }
    pub(super) fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("history.db")
    }
    pub(super) fn options(&self) -> Options {
        Options {
            path: self.path(),
            key: b"a key".to_vec(),
        }
    }
    pub(super) fn open(&self) -> History {
        History::open(self.options()).unwrap()
    }
    /// What somebody with a database tool could do, while no agent runs.
    pub(super) fn tamper(&self, sql: &str) {
        rusqlite::Connection::open(self.path())
            .unwrap()
            .execute_batch(sql)
            .unwrap();
    }
}

impl History {
    /// What somebody with a database tool could do to a question while the agent runs.
    pub(crate) async fn forge(&self, request: crate::domain::approval::Request) {
        let text = serde_json::to_string(&request).unwrap();
        let sql = "UPDATE approvals SET request = ?2 WHERE id = ?1";
        let changed = self
            .task(move |connection| connection.execute(sql, rusqlite::params![request.id, text]))
            .await;
        assert_eq!(changed.unwrap().unwrap(), 1);
    }
}
