//! What objects say, by pure functions: one for each thing that can be checked.

mod capacity;
mod certificates;
mod containers;
mod definitions;
mod happened;
mod objects;
mod storage;
mod usage;
mod workloads;

pub(super) use capacity::capacity;
pub(super) use certificates::certificates;
pub(super) use containers::{oom, restarts};
pub(super) use definitions::definitions;
pub(super) use happened::{cronjobs, events, jobs};
pub(super) use objects::objects;
pub(super) use storage::{claims, longhorn_volumes, volumes};
pub(super) use usage::{node_usage, pod_usage};
pub(super) use workloads::{endpoints, nodes, pods, replicas, stuck};

use crate::{
    actions::kubernetes::{
        check::Problem,
        object::{full_name, is_done, items, text},
    },
    domain::check::CheckStatus,
};
use serde_json::Value;

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Survey {
    /// The number that the thresholds are for.
    pub(super) measured: u64,
    pub(super) ready: u64,
    pub(super) total: u64,
    pub(super) problems: Vec<Problem>,
    /// In one line.
    pub(super) headline: String,
    /// There are not as many as there must be; said in words.
    pub(super) too_few: Option<String>,
    /// How grave it is by its own word, whatever the thresholds are.
    pub(super) worst: Option<CheckStatus>,
    /// What could not be found out; said in words.
    pub(super) untold: Option<String>,
}

/// How many there must be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    /// At least so many.
    pub(super) minimum: u64,
    /// One of these numbers, where any is named.
    pub(super) exactly: &'a [u64],
}

impl Expected<'_> {
    /// What should be, where so many are not enough.
    fn lacks(self, ready: u64) -> Option<String> {
        if !self.exactly.is_empty() {
            let words = self.exactly.iter().map(u64::to_string);
            let words = words.collect::<Vec<_>>().join(" or ");
            return (!self.exactly.contains(&ready)).then(|| format!("exactly {words}"));
        }
        (ready < self.minimum).then(|| format!("at least {}", self.minimum))
    }

    fn lacking(self, ready: u64) -> Option<String> {
        let wanted = self.lacks(ready)?;
        Some(format!("{wanted} must be"))
    }
}

impl Survey {
    /// So many of so many are as they should be, and each problem counts.
    fn ready_of(what: &str, ready: usize, total: usize, problems: Vec<Problem>) -> Self {
        Self {
            measured: problems.len() as u64,
            ready: ready as u64,
            total: total as u64,
            headline: format!("{ready} of {total} {what}"),
            problems,
            ..Self::default()
        }
    }

    fn expecting(self, expected: Expected<'_>) -> Self {
        let too_few = expected.lacking(self.ready);
        Self { too_few, ..self }
    }

    /// Of problems that say themselves how grave they are; the gravest come first.
    fn weighed(what: &str, total: usize, mut problems: Vec<(CheckStatus, Problem)>) -> Self {
        problems.sort_by_key(|(status, _)| std::cmp::Reverse(*status));
        let worst = problems.first().map(|(status, _)| *status);
        let problems: Vec<Problem> = problems.into_iter().map(|(_, problem)| problem).collect();
        let mut bad: Vec<&str> = problems.iter().map(|one| one.object.as_str()).collect();
        bad.dedup();
        let ready = total.saturating_sub(bad.len());
        Self {
            worst,
            ..Self::ready_of(what, ready, total, problems)
        }
    }
}

fn problem(object: &Value, problem: impl Into<String>) -> Problem {
    Problem {
        object: full_name(object),
        problem: problem.into(),
    }
}

/// A pod of a Job is not started again: the Job makes another one, or has failed, which is for `jobs` to tell.
fn has_failed_for_good(pod: &Value) -> bool {
    let of_job = items(pod, "/metadata/ownerReferences")
        .iter()
        .any(|owner| text(owner, "/kind") == "Job");
    of_job && text(pod, "/status/phase") == "Failed"
}

/// Whether a pod counts: it has not run to its end, and nobody has deleted it.
fn is_live(pod: &Value) -> bool {
    let ended = is_done(pod) || has_failed_for_good(pod);
    !ended && pod.pointer("/metadata/deletionTimestamp").is_none()
}
