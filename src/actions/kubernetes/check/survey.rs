//! What objects say, by pure functions: one for each thing that can be checked.

use crate::actions::kubernetes::{
    check::Problem,
    object::{
        condition, count, count_or, cut, event_time, full_name, is, is_done, items, pod_problem,
        text, time,
    },
};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

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
    /// Fewer are ready than must be; said in words.
    pub(super) too_few: Option<String>,
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
            too_few: None,
        }
    }

    fn at_least(self, minimum: u64) -> Self {
        let too_few = (self.ready < minimum).then(|| format!("at least {minimum} must be"));
        Self { too_few, ..self }
    }
}

fn problem(object: &Value, problem: impl Into<String>) -> Problem {
    Problem {
        object: full_name(object),
        problem: problem.into(),
    }
}

pub(super) fn nodes(nodes: &[Value], minimum: u64) -> Survey {
    let bad = |node: &Value| {
        let ready = condition(node, "Ready");
        let why = match ready {
            None => "has not reported".to_owned(),
            Some(ready) if text(ready, "/status") == "True" => return None,
            Some(ready) => format!(
                "{}: {}",
                text(ready, "/reason"),
                cut(text(ready, "/message"))
            ),
        };
        Some(problem(node, why))
    };
    let problems: Vec<Problem> = nodes.iter().filter_map(bad).collect();
    let ready = nodes.len() - problems.len();
    Survey::ready_of("nodes are ready", ready, nodes.len(), problems).at_least(minimum)
}

pub(super) fn pods(pods: &[Value], minimum: u64) -> Survey {
    let counts =
        |pod: &&Value| !is_done(pod) && pod.pointer("/metadata/deletionTimestamp").is_none();
    let live: Vec<&Value> = pods.iter().filter(counts).collect();
    let problems: Vec<Problem> = live
        .iter()
        .filter_map(|pod| Some(problem(pod, pod_problem(pod)?)))
        .collect();
    let ready = live.len() - problems.len();
    Survey::ready_of("pods are ready", ready, live.len(), problems).at_least(minimum)
}

pub(super) fn deployments(deployments: &[Value], minimum: u64) -> Survey {
    let bad = |deployment: &Value| {
        let wanted = count_or(deployment, "/spec/replicas", 1);
        let available = count(deployment, "/status/availableReplicas");
        (available < wanted).then(|| {
            problem(
                deployment,
                format!("{available} of {wanted} replicas are available"),
            )
        })
    };
    let problems: Vec<Problem> = deployments.iter().filter_map(bad).collect();
    let ready = deployments.len() - problems.len();
    let all = Survey::ready_of(
        "deployments are available",
        ready,
        deployments.len(),
        problems,
    );
    all.at_least(minimum)
}

/// `services` are those that shall have endpoints; `slices` belong to a service by their label.
pub(super) fn endpoints(services: &[Value], slices: &[Value], minimum: u64) -> Survey {
    let mut ready: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for slice in slices {
        let service = slice
            .pointer("/metadata/labels")
            .and_then(|labels| labels.get("kubernetes.io/service-name"))
            .and_then(Value::as_str)
            .unwrap_or_default();
        let key = (text(slice, "/metadata/namespace"), service);
        *ready.entry(key).or_default() += ready_endpoints(slice);
    }
    let of = |service: &Value| {
        let key = (
            text(service, "/metadata/namespace"),
            text(service, "/metadata/name"),
        );
        ready.get(&key).copied().unwrap_or(0)
    };
    let bad = |service: &Value| {
        let ready = of(service);
        (ready < minimum).then(|| {
            problem(
                service,
                format!("{ready} ready endpoints instead of at least {minimum}"),
            )
        })
    };
    let with_selector = |service: &&Value| {
        service
            .pointer("/spec/selector")
            .and_then(Value::as_object)
            .is_some_and(|labels| !labels.is_empty())
    };
    let services: Vec<&Value> = services.iter().filter(with_selector).collect();
    let problems: Vec<Problem> = services.iter().filter_map(|service| bad(service)).collect();
    let well = services.len() - problems.len();
    Survey::ready_of(
        "services have ready endpoints",
        well,
        services.len(),
        problems,
    )
}

/// The API's rule: an endpoint whose readiness is not known counts as ready.
fn ready_endpoints(slice: &Value) -> u64 {
    let is_ready = |endpoint: &&Value| {
        endpoint
            .pointer("/conditions/ready")
            .and_then(Value::as_bool)
            != Some(false)
    };
    items(slice, "/endpoints").iter().filter(is_ready).count() as u64
}

pub(super) fn claims(claims: &[Value]) -> Survey {
    let bad = |claim: &Value| match text(claim, "/status/phase") {
        "Bound" => None,
        phase => Some(problem(claim, format!("is {phase}"))),
    };
    let problems: Vec<Problem> = claims.iter().filter_map(bad).collect();
    let bound = claims.len() - problems.len();
    Survey::ready_of("claims are bound", bound, claims.len(), problems)
}

pub(super) fn restarts(pods: &[Value], after: Timestamp) -> Survey {
    let mut highest = 0;
    let mut problems = Vec::new();
    for pod in pods {
        for container in items(pod, "/status/containerStatuses") {
            let ended = [
                "/lastState/terminated/finishedAt",
                "/state/terminated/finishedAt",
            ];
            let lately = ended
                .iter()
                .filter_map(|pointer| time(container, pointer))
                .any(|ended| ended >= after);
            let restarts = count(container, "/restartCount");
            if lately && restarts > 0 {
                highest = highest.max(restarts);
                problems.push((restarts, restart(pod, container, restarts)));
            }
        }
    }
    problems.sort_by_key(|(restarts, _)| std::cmp::Reverse(*restarts));
    Survey {
        measured: highest,
        ready: (pods.len() as u64).saturating_sub(problems.len() as u64),
        total: pods.len() as u64,
        headline: format!(
            "at most {highest} restarts of a container, {} have restarted lately",
            problems.len()
        ),
        problems: problems.into_iter().map(|(_, problem)| problem).collect(),
        too_few: None,
    }
}

fn restart(pod: &Value, container: &Value, restarts: u64) -> Problem {
    let reason = text(container, "/lastState/terminated/reason");
    let name = text(container, "/name");
    problem(
        pod,
        format!("{name}: {restarts} restarts, last time {reason}"),
    )
}

pub(super) fn events(events: &[Value], after: Timestamp) -> Survey {
    let mut warnings: Vec<(Timestamp, Problem)> = events
        .iter()
        .filter(|event| text(event, "/type") == "Warning")
        .filter_map(|event| Some((event_time(event)?, event)))
        .filter(|(at, _)| *at >= after)
        .map(|(at, event)| (at, event_problem(event)))
        .collect();
    warnings.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    Survey {
        measured: warnings.len() as u64,
        total: events.len() as u64,
        ready: (events.len() - warnings.len()) as u64,
        headline: format!("{} warning events", warnings.len()),
        problems: warnings.into_iter().map(|(_, problem)| problem).collect(),
        too_few: None,
    }
}

fn event_problem(event: &Value) -> Problem {
    let namespace = text(event, "/involvedObject/namespace");
    let kind = text(event, "/involvedObject/kind").to_lowercase();
    let name = text(event, "/involvedObject/name");
    let times = count_or(event, "/series/count", count_or(event, "/count", 1));
    Problem {
        object: format!("{kind} {namespace}/{name}"),
        problem: format!(
            "{} ({times}×): {}",
            text(event, "/reason"),
            cut(text(event, "/message"))
        ),
    }
}

pub(super) fn jobs(jobs: &[Value], after: Timestamp) -> Survey {
    let bad = |job: &Value| {
        let failed = condition(job, "Failed").filter(|_| is(job, "Failed"))?;
        let lately = time(failed, "/lastTransitionTime").is_none_or(|at| at >= after);
        let why = format!(
            "{}: {}",
            text(failed, "/reason"),
            cut(text(failed, "/message"))
        );
        lately.then(|| problem(job, why))
    };
    let problems: Vec<Problem> = jobs.iter().filter_map(bad).collect();
    let complete = jobs.iter().filter(|job| is(job, "Complete")).count();
    let headline = format!("{} jobs have failed lately", problems.len());
    Survey {
        headline,
        ..Survey::ready_of("jobs are complete", complete, jobs.len(), problems)
    }
}
