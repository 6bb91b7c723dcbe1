//! The agent's answers that have no type of their own elsewhere. Fields that nobody needs here are left out; `--output json` shows all.

use crate::{
    domain::{
        approval::{Ahead, Standing, Vote},
        digest::Digest,
        effect::{Class, Confidence},
        gate::Quorum,
        id::{ApprovalId, RunId},
        name::{ActionName, RunbookName, StepName},
        runbook::Phase,
    },
    ports::agent::Dependency,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// What the one who asks may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum You {
    /// Yes or no.
    MayAnswer,
    /// Only no: they started the run, or wrote its change.
    MayRefuse,
    /// Nothing: their role does not allow it.
    NoRight,
    /// Nothing more.
    Nothing,
    /// Nobody knows who they are.
    Unknown,
}

/// A question to people, from `/api/v1/approvals`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ApprovalView {
    pub(super) id: ApprovalId,
    pub(super) run: RunId,
    pub(super) runbook: RunbookName,
    pub(super) step: StepName,
    pub(super) phase: Phase,
    pub(super) attempt: u32,
    pub(super) uses: ActionName,
    pub(super) revision: String,
    pub(super) digest: Digest,
    pub(super) class: Class,
    pub(super) effects: Vec<String>,
    pub(super) confidence: Confidence,
    pub(super) reasons: Vec<String>,
    /// The whole step as stored.
    pub(super) planned: Value,
    /// The step in one line.
    pub(super) brief: String,
    /// What it is told, line by line.
    pub(super) with: Vec<String>,
    pub(super) because: Vec<String>,
    pub(super) quorum: Quorum,
    pub(super) excluded: BTreeSet<String>,
    pub(super) you: You,
    pub(super) asked_at: Timestamp,
    pub(super) approve_by: Timestamp,
    pub(super) execute_within_secs: u64,
    pub(super) ahead: Option<Ahead>,
    /// Why people are asked once more; empty where they are not.
    pub(super) again: String,
    /// Why it was taken back; empty where it was not, or nobody said why.
    #[serde(default)]
    pub(super) reason: String,
    /// Where the values among the arguments were taken from.
    #[serde(default)]
    pub(super) from: Vec<String>,
    pub(super) votes: Vec<Vote>,
    pub(super) standing: Standing,
}

/// How the agent is, from `/health`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Health {
    /// `ok`, `degraded`, `unready` or `dead`.
    pub(super) status: String,
    pub(super) version: String,
    pub(super) uptime_seconds: u64,
    pub(super) dependencies: Vec<Dependency>,
}

impl Health {
    /// Whether the agent does its work.
    pub(super) fn works(&self) -> bool {
        matches!(self.status.as_str(), "ok" | "degraded")
    }
}

/// What checking the audit log found, from `/api/v1/audit/verify`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Verified {
    pub(super) ok: bool,
    pub(super) good: u64,
    pub(super) archived: Option<u64>,
    #[serde(default)]
    pub(super) away: Vec<String>,
    pub(super) broken: Option<String>,
    pub(super) hint: Option<String>,
}
